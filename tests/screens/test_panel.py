"""One panel: it repaints what changed, and its failure stays its own."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from textual.geometry import Region

from tests.screens import scenes
from tests.screens.stage import Stage, staged
from tui.widgets.glyphs import ASCII, UNICODE
from tui.widgets.line import Span, changed_cells, cut, fit, pad, spread, width_of, wrap
from tui.widgets.panel import Panel
from tui.widgets.table import Column, choose, row

texts = st.text(alphabet=st.characters(categories=("L", "N", "P", "Zs", "Mn")), max_size=60)
lines = st.lists(st.builds(Span, texts, st.sampled_from(["", "bold", "warn"])), max_size=6).map(tuple)


def watch_repaints(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[Region, ...]]]:
    """Repaints of every panel from now on, by its id."""
    seen: dict[str, list[tuple[Region, ...]]] = {}
    for panel in stage.app.screen.query(Panel):
        monkeypatch.setattr(
            panel, "refresh", lambda *regions, name=panel.id, **_: seen.setdefault(name, []).append(regions)
        )
    return seen


async def test_a_second_repaints_only_the_clock_and_the_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing changes, a second costs a few cells of the two top lines."""
    async with staged(scenes.healthy(), size=(120, 40)) as stage:
        seen = watch_repaints(stage, monkeypatch)
        await stage.tick()
        assert set(seen) == {"clock", "freshness"}
        assert sum(region.area for calls in seen.values() for regions in calls for region in regions) < 12


async def test_the_same_snapshot_again_repaints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll that finds nothing new sends nothing to the terminal."""
    async with staged(scenes.trouble(), size=(200, 50)) as stage:
        seen = watch_repaints(stage, monkeypatch)
        await stage.publish(scenes.trouble())
        assert seen == {}


async def test_a_changed_count_repaints_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """One figure that changes repaints its own cells and no other line."""
    async with staged(scenes.healthy()) as stage:
        seen = watch_repaints(stage, monkeypatch)
        tenant = scenes.healthy()
        users = replace(tenant.counts[0], difference=replace(tenant.counts[0].difference, failed=1))
        await stage.publish(replace(tenant, counts=(users, *tenant.counts[1:])))
        assert seen == {"counts": [(Region(72, 2, 6, 1),)]}


async def test_a_panel_that_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A panel whose drawing fails says so in its own place, once in the log; everything else lives on."""
    async with staged(scenes.healthy()) as stage:
        panel = stage.app.screen.query_one("#counts", Panel)
        monkeypatch.setattr(panel, "_view", lambda frame, width, height: [][1])
        with caplog.at_level(logging.ERROR):
            await stage.publish(scenes.trouble())
            await stage.tick(5, times=10)
        assert "panel failed, see log" in stage.text()
        assert "X CRIT" in stage.line(1)
        assert "AttributeValueMustBeUnique" in stage.text()
        assert len([record for record in caplog.records if "could not be drawn" in record.message]) == 1


@given(lines, lines)
def test_changed_cells_cover_every_change(old: tuple[Span, ...], new: tuple[Span, ...]) -> None:
    """Repainting the changed cells turns the old line into the new one; equal lines have none."""
    before = [(char, span.style) for span in old for char in span.text if cell_len(char) == 1]
    after = [(char, span.style) for span in new for char in span.text if cell_len(char) == 1]
    plain_old = tuple(Span(char, style) for char, style in before)
    plain_new = tuple(Span(char, style) for char, style in after)
    length = max(len(before), len(after))
    before += [(" ", "")] * (length - len(before))
    after += [(" ", "")] * (length - len(after))
    start, end = changed_cells(plain_old, plain_new) or (0, 0)
    before[start:end] = after[start:end]
    assert before == after
    assert changed_cells(new, new) is None


@given(texts, st.integers(0, 40), st.sampled_from(["…", "~"]))
def test_cut_and_pad_hold_their_width(text: str, width: int, ellipsis: str) -> None:
    """A text cut or padded to a width takes that width, whatever its characters."""
    assert cell_len(cut(text, width, ellipsis)) <= width
    assert cell_len(pad(text, width, ellipsis=ellipsis)) == width
    assert cell_len(pad(text, width, right=True, ellipsis=ellipsis)) == width


@given(lines, lines, st.integers(1, 60))
def test_fit_and_spread_hold_their_width(left: tuple[Span, ...], right: tuple[Span, ...], width: int) -> None:
    """Lines fitted or spread never grow over their width."""
    assert width_of(fit(left, width)) <= width
    assert width_of(spread(left, right, width)) == width


@given(texts, st.integers(2, 40))
def test_wrap_keeps_every_word(text: str, width: int) -> None:
    """Wrapping loses no character and keeps to its width."""
    wrapped = wrap(text, width)
    assert all(cell_len(part) <= width for part in wrapped)
    assert "".join("".join(wrapped).split()) == "".join(text.split())


@given(st.integers(1, 250))
def test_tables_fit_any_width(width: int) -> None:
    """A table leaves out its least important columns and never grows over its width."""
    columns = (Column("a", "A", 9, 1), Column("b", "B", 5, 3, right=True), Column("c", "C", 7, 2, grows=True))
    chosen = choose(columns, width)
    assert width_of(row(chosen, {"a": Span("x" * 30), "c": Span("李" * 30)}, UNICODE)) <= max(width, 1)
    if width >= 9 + 2 + 7:
        assert [column.key for column in chosen][:1] == ["a"]
        assert "c" in {column.key for column in chosen}


def test_glyphs_are_one_cell_wide() -> None:
    """Every drawing character takes one cell, so that columns stay straight."""
    for glyphs in (ASCII, UNICODE):
        drawn = (glyphs.ellipsis, glyphs.rule, *glyphs.steps, glyphs.bar_full, glyphs.bar_empty, glyphs.caret)
        assert all(cell_len(char) == 1 for char in drawn)
