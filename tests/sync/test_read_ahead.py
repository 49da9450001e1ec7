"""Pages that are read while earlier ones are written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tui.sources.errors import Unreachable
from tui.sync.checkpoint import Marks
from tui.sync.delta import Page, Seen
from tui.sync.pages import MOST_AHEAD, Pages
from tui.sync.targets.target import Kind

FIRST = Marks(links={"user": "1"})


class Script:
    """Numbered pages of users; `broken` ones fail as often as the mapping says."""

    def __init__(self, last: int = 100, broken: Mapping[str, int] | None = None) -> None:
        self.asked: list[str | None] = []
        self._last = last
        self._broken = dict(broken or {})

    async def read(self, kind: Kind, link: str | None) -> Page:
        self.asked.append(link)
        number = link or "0"
        if self._broken.get(number, 0):
            self._broken[number] -= 1
            raise Unreachable(f"no page {number}")
        return Page(kind, (Seen(number, kind, {}),), str(int(number) + 1), is_last=int(number) >= self._last)

    async def total(self) -> int | None:
        return None


def links(pages: list[Page]) -> list[str]:
    return [page.link for page in pages]


async def test_pages_read_meanwhile_are_given_in_order_and_asked_once() -> None:
    """The sync goes on at once with what was read while it wrote."""
    script = Script()
    pages = Pages(script)
    async with pages.reading_on(FIRST, 3):
        pass
    assert links(await pages.next(FIRST)) == ["2", "3", "4"]
    assert script.asked == ["1", "2", "3"]


async def test_only_so_much_is_read_ahead() -> None:
    """Pages that bring next to nothing do not pile up in memory."""
    script = Script()
    async with Pages(script).reading_on(FIRST, 10_000):
        pass
    assert len(script.asked) == MOST_AHEAD


async def test_reading_ends_with_the_last_feed() -> None:
    """After the last page of the groups nothing is asked before the next round."""
    script = Script(last=1)
    pages = Pages(script)
    groups = Marks(turn="group", links={"group": "1"})
    async with pages.reading_on(groups, 10):
        pass
    assert script.asked == ["1"]
    assert [page.is_last for page in await pages.next(groups)] == [True]


async def test_pages_of_another_pass_are_dropped() -> None:
    """A full pass that begins meanwhile reads everything itself."""
    script = Script()
    pages = Pages(script)
    async with pages.reading_on(FIRST, 3):
        pass
    assert links(await pages.next(FIRST.restarted())) == ["1"]
    assert script.asked[-1] is None


async def test_what_was_read_before_a_failure_is_used_and_the_failure_told_in_its_turn() -> None:
    """A tenant that fails is not asked twice in a row, and takes nothing back."""
    script = Script(broken={"3": 1})
    pages = Pages(script)
    async with pages.reading_on(FIRST, 9):
        pass
    assert links(await pages.next(FIRST)) == ["2", "3"]
    third = Marks(links={"user": "3"})
    assert links(await pages.next(third)) == ["4"]

    again = Pages(Script(broken={"1": 1}))
    async with again.reading_on(FIRST, 9):
        pass
    with pytest.raises(Unreachable, match="no page 1"):
        await again.next(FIRST)
    assert links(await again.next(FIRST)) == ["2"]


async def test_nothing_is_kept_where_the_writing_fails() -> None:
    """The pages are read again with the step."""
    script = Script()
    pages = Pages(script)

    async def fail() -> None:
        async with pages.reading_on(FIRST, 3):
            await asyncio.sleep(0)
            raise Unreachable("directory")

    with pytest.raises(Unreachable, match="directory"):
        await fail()
    assert links(await pages.next(FIRST)) == ["2"]
