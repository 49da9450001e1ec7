"""What each key does."""

from __future__ import annotations

import base64

import pytest
from msgspec.structs import replace
from textual import events

from tests.screens import scenes
from tests.screens.stage import Stage, staged
from tui.actions import ACTIONS, spoken_keys
from tui.model.failures import summary
from tui.model.snapshot import SourceStatus
from tui.model.states import SourceId
from tui.screens.overview import Overview
from tui.widgets.failure_list import FailureList


def cursor_line(stage: Stage) -> str:
    return next(line for line in stage.text().split("\n") if line.startswith(">"))


@pytest.mark.parametrize(("down", "up"), [("down", "up"), ("j", "k")])
async def test_moving(down: str, up: str) -> None:
    """Arrows and j, k move the cursor over the failures."""
    async with staged(scenes.trouble()) as stage:
        await stage.press(down, down)
        assert "AADDS500" in cursor_line(stage)
        await stage.press(up)
        assert "InvalidSoftMatch" in cursor_line(stage)


async def test_edges_and_pages() -> None:
    """G goes to the last failure, g to the first, the page keys by pages."""
    tenant = replace(scenes.trouble(), failures=scenes.failures(100), failures_total=100)
    async with staged(tenant) as stage:
        await stage.press("G")
        assert stage.app.screen.query_one(FailureList).current == tenant.failures[-1]
        await stage.press("g")
        assert stage.app.screen.query_one(FailureList).current == tenant.failures[0]
        await stage.press("pagedown")
        first_page = stage.app.screen.query_one(FailureList).current
        assert first_page is not None
        assert 3 < tenant.failures.index(first_page) < 10


async def test_open_and_back() -> None:
    """Enter opens the failure under the cursor with its remedy; Esc comes back to the same place."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("down", "enter")
        assert "InvalidSoftMatch" in stage.text()
        assert "remedy" in stage.text()
        await stage.press("escape")
        assert isinstance(stage.app.screen, Overview)
        assert "InvalidSoftMatch" in cursor_line(stage)


async def test_a_failure_that_goes_away_while_it_is_read() -> None:
    """An open failure that is mended stays readable, and says that it is no longer reported."""
    async with staged(scenes.trouble(), size=(80, 40)) as stage:
        await stage.press("enter")
        await stage.publish(replace(scenes.trouble(), failures=scenes.failures(3, first=4), failures_total=3))
        assert "no longer reported" in stage.text()
        assert "Jane Doe" in stage.text()


async def test_filter_narrows_as_one_types() -> None:
    """Each letter of a filter narrows the list at once; Enter keeps it, Esc clears it."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("slash", *"svc sql")
        assert "1 match" in stage.text()
        assert "filter: svc sql_" in stage.text()
        await stage.press("enter")
        assert "filter: svc sql" in stage.text()
        await stage.press("escape")
        assert "filter: none" in stage.text()
        assert "match" not in stage.text()


async def test_filter_takes_any_text() -> None:
    """Brackets and other signs are plain text in a filter: no input is wrong."""
    async with staged(scenes.hostile()) as stage:
        await stage.press("slash", "left_square_bracket", "slash")
        assert "filter: [/_" in stage.text()
        await stage.press("backspace", "backspace", *"zzz")
        assert "nothing matches; Esc clears the filter" in stage.text()


async def test_letters_are_no_commands_while_typing() -> None:
    """While a filter is typed, q is a letter and does not quit."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("slash", *"qsp")
        assert stage.app.is_running
        assert "filter: qsp_" in stage.text()


async def test_sort_cycles() -> None:
    """s goes through the orders and says which one holds."""
    async with staged(scenes.trouble()) as stage:
        seen = []
        for _ in range(4):
            await stage.press("s")
            seen.append(stage.text().partition("sort: ")[2].partition("  filter")[0].strip())
        assert seen == ["severity", "code", "object", "last seen"]


async def test_pause_freezes_the_view_and_says_for_how_long() -> None:
    """p stops taking snapshots; the header goes on and says for how long; p again shows the newest."""
    async with staged(scenes.healthy()) as stage:
        await stage.press("p")
        await stage.tick(75)
        await stage.publish(scenes.trouble())
        assert "PAUSED 1m15s" in stage.line(0)
        assert "+ OK" in stage.line(1)
        await stage.press("p")
        assert "X CRIT" in stage.line(1)


async def test_refresh_asks_the_sources_of_the_shown_tenant() -> None:
    """r polls now, for the shown tenant, and says so."""
    async with staged(*scenes.several()) as stage:
        await stage.press("r")
        assert stage.feed.asked == ["contoso-prod"]
        assert "asking the sources of contoso-prod now" in stage.text()


async def test_time_zone() -> None:
    """t shows every time in the operator's zone, named in the header, and back."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("t")
        assert "2026-11-22 04:00:00 CET" in stage.line(0)
        assert "23:52:00" in stage.text()
        assert "22:52:00Z" not in stage.text()
        await stage.press("t")
        assert "2026-11-22 03:00:00Z" in stage.line(0)


async def test_tenants_by_number() -> None:
    """Number keys switch tenants, worst first; a number without a tenant does nothing."""
    async with staged(*scenes.several(), size=(120, 40)) as stage:
        assert "[1] contoso-prod X   [2] fabrikam ~   [3] contoso-test +" in stage.text()
        await stage.press("3", "9")
        assert "contoso-test" in stage.line(0)
        assert "+ OK" in stage.line(1)


async def test_a_tenant_getting_worse_does_not_pull_the_screen_away() -> None:
    """The tenant on screen stays there when another one becomes the worst."""
    async with staged(scenes.healthy("a"), scenes.healthy("b"), size=(120, 40)) as stage:
        await stage.publish(scenes.healthy("a"), scenes.trouble("b"))
        assert stage.line(0).split()[1] == "a"
        assert "[1] b X" in stage.text()


async def test_the_worst_tenant_is_shown_once_all_were_asked() -> None:
    """While answers come in at the start the screen follows the worst tenant, whichever is first in the config."""
    waiting = replace(scenes.healthy("a"), sources=(SourceStatus(source=SourceId.ORGANIZATION),))
    async with staged(waiting, scenes.healthy("b"), size=(120, 40)) as stage:
        await stage.publish(waiting, scenes.trouble("b"))
        assert stage.line(0).split()[1] == "b"


async def test_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """y puts the failure under the cursor on the terminal's clipboard and says how much that was."""
    async with staged(scenes.trouble()) as stage:
        written: list[str] = []
        assert stage.app._driver is not None
        monkeypatch.setattr(stage.app._driver, "write", written.append)
        await stage.press("y")
        sent = next(text for text in written if text.startswith("\x1b]52;c;"))
        copied = base64.b64decode(sent[7:-1]).decode()
        assert summary(scenes.failure(0))[:60] in copied
        assert f"copied {len(copied):,} characters" in stage.text()


async def test_copy_of_nothing() -> None:
    """y where there is nothing to copy says so."""
    async with staged(scenes.healthy()) as stage:
        await stage.press("y")
        assert "nothing to copy here" in stage.text()


async def test_notices_pass() -> None:
    """A passing word leaves the last line after five seconds."""
    async with staged(scenes.healthy()) as stage:
        await stage.press("m")
        assert "mouse on" in stage.text()
        await stage.tick(1, times=5)
        assert "mouse on" not in stage.text()


async def test_panes() -> None:
    """Tab moves to the next pane, where the arrows scroll; shift+tab comes back."""
    async with staged(scenes.trouble(), size=(200, 50)) as stage:
        home = stage.app.focused
        await stage.press("tab")
        assert stage.app.focused is not home
        await stage.press("down", "shift+tab")
        assert stage.app.focused is home


async def test_small_pane_reaches_everything() -> None:
    """In a small pane f shows the failures and c the counts over the whole screen; Esc comes back."""
    async with staged(scenes.trouble(), size=(40, 6)) as stage:
        await stage.press("f")
        assert "AttributeVa" in stage.text()
        await stage.press("c")
        assert "48,597" in stage.text()
        await stage.press("escape")
        assert "AD>Entra X" in stage.text()


async def test_palette_runs_what_is_chosen() -> None:
    """A command found by its name in the palette is run by Enter."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("ctrl+p", *"sources", "enter")
        assert "SOURCES" in stage.line(1)


async def test_palette_sorts_the_overview_behind_it() -> None:
    """A command of the overview works from the palette too."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("colon", *"sort", "enter")
        assert "sort: severity" in stage.text()


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_quit(key: str) -> None:
    """q and ctrl+c leave with exit code 0."""
    async with staged(scenes.trouble()) as stage:
        await stage.pilot.press(key)
        await stage.pilot.pause()
        assert stage.app.return_code == 0
        assert stage.app._exit


async def test_resize() -> None:
    """The screen takes the shape of its new size at once, small and large, and keeps the cursor."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("down")
        for size in ((200, 50), (40, 6), (120, 40), (80, 24)):
            await stage.pilot.resize_terminal(*size)
            await stage.settle()
            assert len(stage.text().split("\n")) == size[1]
        assert "InvalidSoftMatch" in cursor_line(stage)


async def test_paste_into_the_filter() -> None:
    """Pasted text becomes one clean line of the filter."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("slash")
        stage.app.post_message(events.Paste("svc\x1b[31m\nsql"))
        await stage.settle()
        assert "filter: svc sql_" in stage.text()


def test_every_action_is_complete() -> None:
    """Every action has a title and a help line, no key does two things, and no key clashes with tmux or the shell."""
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))
    assert not {"ctrl+a", "ctrl+b", "ctrl+s", "ctrl+z", "ctrl+q"} & set(keys)
    assert all(action.title and action.help.endswith(".") and spoken_keys(action) for action in ACTIONS)
