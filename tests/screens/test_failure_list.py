"""The feed of failures under change, and with very many of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from textual.geometry import Region

from tests.screens import scenes
from tests.screens.stage import Stage, staged
from tui.model.snapshot import TenantSnapshot
from tui.widgets.failure_index import Index, Looked, Sort, build, finished, narrow, ordering, words_of
from tui.widgets.failure_list import FailureList


def failing(first: int, total: int) -> TenantSnapshot:
    return replace(scenes.trouble(), failures=scenes.failures(total, first=first), failures_total=total)


def list_of(stage: Stage) -> FailureList:
    return stage.app.screen.query_one(FailureList)


def cursor_lines(stage: Stage) -> list[int]:
    return [number for number, line in enumerate(stage.text().split("\n")) if line[:1] == ">"]


def repaints(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Region, ...]]:
    """Every repaint of the list from now on; an empty tuple is all of it."""
    seen: list[tuple[Region, ...]] = []
    listed = list_of(stage)
    real = listed.refresh

    def refresh(*regions: Region, **options: bool) -> FailureList:
        seen.append(regions)
        return real(*regions, **options)

    monkeypatch.setattr(listed, "refresh", refresh)
    return seen


async def test_cursor_stays_on_its_failure() -> None:
    """When new failures come in above, the cursor stays on its failure and on its line of the screen."""
    async with staged(failing(10, 40)) as stage:
        await stage.press("down", "down", "down")
        before = stage.text().split("\n")
        await stage.publish(failing(0, 50))
        after = stage.text().split("\n")
        assert list_of(stage).current == scenes.failure(13)
        assert [n for n, line in enumerate(after) if line[:1] == ">"] == [
            n for n, line in enumerate(before) if line[:1] == ">"
        ]
        assert "10 above" in stage.text()


async def test_an_untouched_list_follows_the_newest() -> None:
    """Until somebody moves in it, the list shows the newest failures first."""
    async with staged(failing(10, 40)) as stage:
        await stage.publish(failing(0, 50))
        assert list_of(stage).current == scenes.failure(0)


async def test_cursor_when_its_failure_is_mended() -> None:
    """When the failure under the cursor goes away, the cursor stays at its place in the list."""
    async with staged(failing(0, 9)) as stage:
        await stage.press("down", "down")
        kept = tuple(failure for failure in scenes.failures(9) if failure.id != "f2")
        await stage.publish(replace(scenes.trouble(), failures=kept, failures_total=8))
        assert list_of(stage).current == scenes.failure(3)


async def test_new_failures_are_marked_until_looked_at() -> None:
    """What was there at the start is not new; what comes later is marked until one has moved there and left."""
    async with staged(failing(2, 3)) as stage:
        assert "new" not in stage.text()
        await stage.publish(failing(0, 5))
        assert "2 new" in stage.text()
        assert ">*" in stage.text()
        await stage.press("down")
        assert "2 new" in stage.text()
        await stage.press("escape")
        assert "new" not in stage.text()


async def test_a_look_ends_by_itself() -> None:
    """A minute after the last move the marks go, for the operator who looked and walked away."""
    async with staged(failing(2, 3)) as stage:
        await stage.publish(failing(0, 5))
        await stage.press("down")
        await stage.tick(1, times=61)
        assert "new" not in stage.text()


async def test_marks_stay_while_nobody_looks() -> None:
    """Time alone clears no mark: at six in the morning everything of the night is still marked."""
    async with staged(failing(2, 3)) as stage:
        await stage.publish(failing(0, 5))
        await stage.tick(60, times=100)
        assert "2 new" in stage.text()


async def test_unchanged_failures_repaint_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll that brings the same failures repaints no line of the list."""
    async with staged(failing(0, 40)) as stage:
        same = failing(0, 40)
        await stage.publish(same)
        seen = repaints(stage, monkeypatch)
        await stage.publish(replace(same, at=stage.clock.now()))
        await stage.tick(5, times=6)
        assert seen == []


async def test_a_move_repaints_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moving the cursor by one repaints the two lines it touches."""
    async with staged(failing(0, 40)) as stage:
        await stage.press("down")
        seen = repaints(stage, monkeypatch)
        await stage.press("down")
        assert [region.y for regions in seen for region in regions] == [1, 2]


async def test_hundred_thousand_failures() -> None:
    """With 100,000 failures the ends are one key away and a filter answers within its budget."""
    tenant = failing(0, 100_000)
    async with staged(tenant) as stage:
        await stage.press("G")
        assert list_of(stage).current == tenant.failures[-1]
        listed = list_of(stage)
        assert listed.index.complete
        started = time.perf_counter()
        listed.filter("s")
        listed.filter("sv")
        listed.filter("svc sql 42")
        # Three keystrokes of 50 ms each; the machine may be busy with other tests.
        assert time.perf_counter() - started < 3 * 0.05 * 4
        assert all("svc sql" in listed.index.haystacks[row] for row in listed.rows)
        assert len(listed.rows) > 10


async def test_filter_typed_while_the_texts_are_read() -> None:
    """A filter typed before all texts are read gets its full answer as soon as they are."""
    async with staged(failing(0, 9)) as stage:
        stage.feed.publish(failing(0, 20_000))
        await stage.pilot.press("slash", *"lee")
        await stage.settle()
        expected = sum("M Lee" in (failure.object.name or "") for failure in failing(0, 20_000).failures)
        assert len(list_of(stage).rows) == expected


async def test_switching_tenants_starts_the_list_afresh() -> None:
    """Another tenant's list starts at its top, without the former one's filter."""
    async with staged(scenes.trouble("a"), replace(scenes.trouble("b"), failures=scenes.failures(4))) as stage:
        await stage.press("slash", *"svc", "enter", "2")
        assert "filter: none" in stage.text()
        assert len(list_of(stage).rows) == 4


def indexed(total: int) -> Index:
    index = Index(scenes.failures(total))
    finished(build(index, Index()))
    return index


def test_building_reuses_what_is_known() -> None:
    """Texts of failures that are still the same are not made again."""
    earlier = indexed(20)
    index = Index((*scenes.failures(3, first=30), *earlier.failures))
    finished(build(index, earlier))
    assert index.haystacks[3] is earlier.haystacks[0]
    assert index.complete


@given(st.lists(st.sampled_from(["jane", "SVC", "oU=it", "500", "zz", " "]), max_size=4))
def test_narrowing_is_an_and_of_words(words: list[str]) -> None:
    """A failure is shown exactly when every word occurs in its text, in any case."""
    index = indexed(30)
    rows = narrow(range(30), index.haystacks, words_of(" ".join(words)))
    expected = [n for n in range(30) if all(word.strip().casefold() in index.haystacks[n] for word in words)]
    assert list(rows) == expected


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("total", [0, 1, 50, 5_300])
def test_orders_keep_every_failure(sort: Sort, total: int) -> None:
    """Every order shows every failure exactly once, newest first among equals."""
    failures = scenes.failures(total)
    rows = list(finished(ordering(failures, sort)))
    assert sorted(rows) == list(range(total))
    if sort is Sort.SEVERITY:
        critical = [row for row in rows if failures[row].severity == "critical"]
        assert rows[: len(critical)] == sorted(critical)
    if sort is Sort.CODE:
        assert [failures[row].code for row in rows] == sorted((failure.code for failure in failures), key=str.casefold)


def test_what_a_late_source_tells_first_is_not_new() -> None:
    """Until every reporting source has answered once, what it reports was there before."""
    looked = Looked()
    looked.take(scenes.nothing_known(), scenes.failures(2))
    looked.take(scenes.healthy(), scenes.failures(5))
    looked.take(scenes.healthy(), scenes.failures(7))
    assert looked.count_new(scenes.failures(7)) == 2
