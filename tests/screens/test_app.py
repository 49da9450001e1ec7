"""The app around the screens: its poller, its age, its colours."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.helpers import START, ManualClock
from tests.screens import scenes
from tests.screens.stage import StagedFeed, staged
from tui.app import SynctopApp, Updated
from tui.model.snapshot import Thresholds
from tui.model.states import SourceState
from tui.service.publisher import Published
from tui.widgets.feed import ViewOptions
from tui.widgets.frame import Frame, Look
from tui.widgets.freshness import freshness, is_old
from tui.widgets.glyphs import ASCII
from tui.widgets.line import text_of
from tui.widgets.palette import ANSI
from tui.widgets.polling import polling_view


async def test_dead_poller_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """When the service dies, the screen says POLLER DEAD, keeps what it knew, and the log has the cause."""

    async def run() -> None:
        raise RuntimeError("boom")

    with caplog.at_level(logging.ERROR):
        async with staged(scenes.healthy(), options=ViewOptions(ascii=True, run=run)) as stage:
            assert "X POLLER DEAD" in stage.line(0)
            assert "polling has ended; start synctop" in stage.line(1)
            assert "48,597" in stage.text()
    assert any(record.exc_info and "boom" in str(record.exc_info[1]) for record in caplog.records)


async def test_a_service_that_returns_is_dead_too() -> None:
    """A service that ends without an error polls no more either."""

    async def run() -> None:
        return

    async with staged(scenes.healthy(), options=ViewOptions(ascii=True, run=run), size=(40, 6)) as stage:
        assert "X POLLER DEAD" in stage.line(0)


async def test_late_poller_is_told() -> None:
    """A poller that has not come round in time is told in the header."""
    calm = scenes.healthy()
    late = (replace(calm.sources[0], late=True), *calm.sources[1:])
    async with staged(replace(calm, sources=late)) as stage:
        assert "X POLLER LATE" in stage.line(0)


async def test_ages_come_from_the_clock() -> None:
    """After a stall of an hour the ages are right at the next tick: they are differences, not counts."""
    async with staged(scenes.healthy()) as stage:
        await stage.tick(3600)
        assert "2026-11-22 04:00:00Z" in stage.line(0)
        assert "~ STALE 1h" in stage.line(1)
        assert "STALE" in stage.line(0)


async def test_one_old_source_is_counted() -> None:
    """When one of several sources grows old, the header says how many are, and its figures are told apart."""
    async with staged(scenes.healthy()) as stage:
        await stage.tick(9.5, times=10)
        assert "STALE 1 of 7" in stage.line(0)
        assert "AD > Entra     ~ STALE" in stage.text()
        assert "Entra > DS     + OK" in stage.text()


async def test_bell_rings_once_for_a_new_critical(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where asked for, the bell rings once when a tenant becomes critical, not again while it stays so."""
    rung: list[int] = []
    async with staged(scenes.healthy(), options=ViewOptions(ascii=True, bell=True)) as stage:
        monkeypatch.setattr(stage.app, "bell", lambda: rung.append(1))
        for tenant in (scenes.trouble(), scenes.trouble(), scenes.healthy(), scenes.trouble()):
            await stage.publish(tenant)
    assert len(rung) == 2


async def test_bell_is_silent_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the option nothing rings."""
    async with staged(scenes.healthy()) as stage:
        monkeypatch.setattr(stage.app, "bell", lambda: pytest.fail("it rang"))
        await stage.publish(scenes.trouble())


async def test_started_frozen() -> None:
    """Started frozen, the screen shows the first snapshot and then stays."""
    async with staged(scenes.healthy(), options=ViewOptions(ascii=True, frozen=True)) as stage:
        await stage.publish(scenes.trouble())
        assert "+ OK" in stage.line(1)
        assert "PAUSED" in stage.line(0)


def styles_of(app: SynctopApp) -> set[str]:
    return {
        str(segment.style)
        for strip in app.screen._compositor.render_strips()
        for segment in strip
        if segment.style is not None and segment.text.strip()
    }


@pytest.mark.parametrize(("environ", "color"), [({}, "none"), ({"NO_COLOR": "1"}, "ansi")])
async def test_no_color_means_none(environ: dict[str, str], color: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --theme none, or NO_COLOR set, no cell has any colour; bold and reverse stay."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    async with staged(scenes.trouble(), options=ViewOptions(color=color)) as stage:
        styles = styles_of(stage.app)
        assert not [style for style in styles if any(word in style for word in ("red", "yellow", "green", "#"))]
        assert any("reverse" in style for style in styles)


async def test_empty_no_color_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR= means nothing, as no-color.org says."""
    monkeypatch.setenv("NO_COLOR", "")
    async with staged(scenes.trouble(), options=ViewOptions()) as stage:
        assert any("red" in style for style in styles_of(stage.app))


async def test_ansi_uses_only_the_terminals_own_colours() -> None:
    """By default only named colours of the terminal are used, never one of our own."""
    async with staged(scenes.trouble(), options=ViewOptions(), size=(200, 50)) as stage:
        assert not [style for style in styles_of(stage.app) if "#" in style]


async def test_truecolor_theme() -> None:
    """A theme by name brings its own colours."""
    async with staged(scenes.trouble(), options=ViewOptions(color="nord")) as stage:
        assert any("#" in style for style in styles_of(stage.app))


def test_bursts_of_snapshots_become_one() -> None:
    """A slow terminal never builds a queue of snapshots."""
    first = Updated(Published(START, (scenes.healthy(),)))
    assert first.can_replace(Updated(Published(START, ())))


async def test_the_screen_catches_up_after_a_page() -> None:
    """What came in while another page was open is there when one comes back."""
    async with staged(scenes.healthy()) as stage:
        await stage.press("question_mark")
        await stage.publish(scenes.trouble())
        await stage.press("escape")
        assert "X CRIT" in stage.line(1)


async def test_no_tenant_at_all() -> None:
    """Without any tenant the screen stands and says that nothing is known."""
    async with staged() as stage:
        assert "no tenant" in stage.line(0)
        await stage.press("enter", "w", "escape", "y", "1", "G", "s")
        assert stage.app.is_running


def test_old_needs_three_missed_intervals() -> None:
    """Data is old after three missed intervals, or at once when its poller is late; never read is not old."""
    status = scenes.source(scenes.SourceId.COUNTS, 60, age_s=0)
    assert not is_old(status, START + timedelta(seconds=180))
    assert is_old(status, START + timedelta(seconds=181))
    assert is_old(replace(status, late=True), START)
    assert not is_old(replace(status, as_of=None), START + timedelta(days=9))


def test_optional_sources_make_nothing_stale() -> None:
    """An optional source that fails forever does not make the screen stale."""
    optional = replace(
        scenes.source(scenes.SourceId.CLOUD_SYNC, 60, age_s=9999), optional=True, state=SourceState.ERROR
    )
    tenant = replace(scenes.healthy(), sources=(*scenes.sources(), optional))
    assert freshness(tenant, START).old == ()


async def test_a_refused_optional_source_fails_no_poll() -> None:
    """A source that the monitor can do without says `DENIED` in its own row, and the header stays `poll ok`."""
    refused = replace(
        scenes.source(scenes.SourceId.CHANGES, 60, age_s=0),
        optional=True,
        state=SourceState.DENIED,
        error="403",
        as_of=None,
        failed_in_a_row=1,
    )
    tenant = replace(scenes.healthy(), sources=(*scenes.sources(), refused))
    async with staged(tenant, size=(200, 50)) as stage:
        assert stage.line(1).endswith("poll ok 38ms")
        assert "graph.changes       ~ DENIED" in stage.text()


def test_sources_that_do_not_fit_are_counted() -> None:
    """The short list of sources says how many it leaves out."""
    frame = Frame(shown=scenes.healthy(), tenants=(), now=START, look=Look(ASCII, ANSI, Thresholds()))
    drawn = [text_of(spans) for spans in polling_view(frame, 100, 6)]
    assert len(drawn) == 6
    assert drawn[-1] == "4 more"


def test_feed_is_what_the_app_asks_for() -> None:
    """Nothing but a clock, limits, a subscription and poll_now is needed to feed the screen."""
    clock = ManualClock()
    assert SynctopApp(StagedFeed(clock), ViewOptions()).present().tenants == ()
