"""Pages of the tenant, read on while earlier ones are being written, so that neither end waits for the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct, field

from tui.sources.errors import SourceError
from tui.sync.checkpoint import Marks
from tui.sync.delta import Page, Reader, ResyncRequired

MOST_AHEAD = 8


class Ahead(Struct):
    """Pages that follow each other from `place` on, and why there is no further one where that is known."""

    place: tuple[int, str | None, str | None]
    pages: list[Page] = field(default_factory=list)
    error: SourceError | ResyncRequired | None = None


class Pages:
    """What was read ahead is in memory only: a page counts once it is staged, together with its link."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._ahead: Ahead | None = None

    async def next(self, marks: Marks) -> list[Page]:
        """What follows these marks: all that was read ahead, or one page. Raises as `Reader.read`."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead.place != _place(marks):
            return [await self._read(marks)]
        if ahead.error is not None and not ahead.pages:
            raise ahead.error
        return ahead.pages

    @asynccontextmanager
    async def reading_on(self, marks: Marks, most: int) -> AsyncIterator[None]:
        """Meanwhile read what follows these marks: until there are `most` changes, `MOST_AHEAD` pages or no more.

        Nothing is kept where the body fails.
        """
        reading = asyncio.ensure_future(self._read_on(marks, most))
        try:
            yield
            await reading
        except BaseException:
            self._ahead = None
            raise
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read_on(self, marks: Marks, most: int) -> None:
        if marks.turn is None or (self._ahead is not None and self._ahead.place == _place(marks)):
            return
        ahead = Ahead(_place(marks))
        changes = 0
        try:
            while marks.turn is not None and changes < most and len(ahead.pages) < MOST_AHEAD:
                page = await self._read(marks)
                ahead.pages.append(page)
                changes += len(page.changes)
                marks = marks.after(page, 0)
        except (SourceError, ResyncRequired) as error:
            ahead.error = error
        self._ahead = ahead

    async def _read(self, marks: Marks) -> Page:
        assert marks.turn is not None
        return await self._reader.read(marks.turn, marks.links.get(marks.turn))


def _place(marks: Marks) -> tuple[int, str | None, str | None]:
    return marks.generation, marks.turn, marks.links.get(marks.turn or "")
