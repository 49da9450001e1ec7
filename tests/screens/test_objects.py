"""Single objects on screen: what a row of the counts differs by, and one user or group on every side."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from textual import events
from textual.keys import _character_to_key

from tests.helpers import START
from tests.screens import object_scenes, scenes
from tests.screens.stage import Stage, staged
from tui.model.comparison import Comparison
from tui.model.reading import Reading
from tui.model.snapshot import Difference
from tui.model.states import HopName, ObjectType
from tui.screens.difference import DifferenceScreen
from tui.screens.overview import Overview
from tui.screens.tracing import TraceScreen
from tui.widgets.counts import connect_difference, wider_hop
from tui.widgets.feed import ViewOptions
from tui.widgets.panel import Panel

CONNECT, DOMAIN_SERVICES = HopName.CONNECT, HopName.DOMAIN_SERVICES


def marked(stage: Stage) -> str:
    return next(line for line in stage.text().split("\n") if line.startswith(">"))


async def test_enter_on_a_row_of_the_counts_compares_its_sides() -> None:
    """The arrows choose a row of the counts, Enter reads both sides of the hop that differs more."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        await stage.press("c", "enter")
        assert stage.feed.compared == [("contoso-prod", CONNECT, ObjectType.USERS)]
        assert "on-premises 48,120   Entra 48,097" in stage.text()
        await stage.press("escape", "down", "enter")
        assert stage.feed.compared[-1] == ("contoso-prod", DOMAIN_SERVICES, ObjectType.GROUPS)


async def test_the_zoom_and_enter_in_one_burst() -> None:
    """Enter that is typed right after `c` opens the counts, not the failure that had the focus before."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        stage.app.post_message(events.Key("c", "c"))
        stage.app.post_message(events.Key("enter", None))
        await stage.settle()
        assert stage.feed.compared == [("contoso-prod", CONNECT, ObjectType.USERS)]


async def test_enter_on_a_failure_still_opens_the_failure() -> None:
    """Enter belongs to the pane that has the focus."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("enter")
        assert stage.feed.compared == []
        assert "FAILURE" in stage.text()


async def test_the_other_hop() -> None:
    """Tab compares over the other hop, and back."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        await stage.press("c", "enter", "tab")
        assert "both sides hold the same objects" in stage.text()
        assert stage.line(1).startswith("-- DIFFERENCE  users  Entra > DS")
        await stage.press("shift+tab")
        assert "Ada Lovelace" in stage.text()


async def test_an_example_is_opened_as_a_trace() -> None:
    """Enter on an example traces that very object; Esc comes back to the list and its cursor."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        await stage.press("c", "enter", "down", "enter")
        assert stage.feed.traced == [("contoso-prod", f"{1:022d}==")]
        assert isinstance(stage.app.screen, TraceScreen)
        await stage.press("escape")
        assert "Grace Hopper" in marked(stage)
        assert "why         Nothing explains it" in stage.text()


async def test_the_filter_narrows_the_examples() -> None:
    """Words narrow the list at once, Enter keeps them, Esc clears them and only then leaves."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        await stage.press("c", "enter", "slash", *"hopper user7")
        assert "BY NAME  1 of 11" in stage.text()
        assert "filter: hopper user7_" in stage.text()
        await stage.press("enter", "escape")
        assert "BY NAME  11" in stage.text()
        await stage.press("slash", *"nobody", "enter")
        assert "nothing matches; Esc clears the filter" in stage.text()
        await stage.press("escape", "escape")
        assert isinstance(stage.app.screen, Overview)


async def test_letters_are_no_commands_while_a_filter_is_typed() -> None:
    """While the filter is typed q is a letter, and pasted text one clean line."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        await stage.press("c", "enter", "slash", *"qT")
        stage.app.post_message(events.Paste("x\x1b[31m\ny"))
        await stage.settle()
        assert stage.app.is_running
        assert "filter: qTx y_" in stage.text()


async def test_reading_is_told_and_can_be_left() -> None:
    """While both sides are read it is said how far that is; Esc leaves at once, and the reading ends."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage, held=True)
        await stage.press("c", "enter")
        assert "reading 12,000 users of on-premises and 9,000 users of Entra  (esc cancels)" in stage.text()
        assert any(worker.group == "compare" for worker in stage.app.workers)
        await stage.press("escape")
        assert isinstance(stage.app.screen, Overview)
        assert not any(worker.group == "compare" and worker.is_running for worker in stage.app.workers)


async def test_an_answer_that_comes_late_is_shown() -> None:
    """A comparison appears when it is there, without a key."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage, held=True)
        await stage.press("c", "enter")
        assert stage.feed.held is not None
        stage.feed.held.set()
        await stage.settle()
        assert "Ada Lovelace" in marked(stage)


async def test_what_cannot_be_compared_says_why() -> None:
    """A side that fails is named in the place of the list."""
    async with staged(scenes.trouble()) as stage:
        failed = Comparison(hop=CONNECT, type=ObjectType.USERS, at=START, problem="dc1:636 refused [/] the sign-in")
        stage.feed.comparisons = {CONNECT: failed}
        await stage.press("c", "enter")
        assert "Cannot compare: dc1:636 refused [/] the sign-in." in stage.text()


async def test_a_side_with_more_objects_than_are_read() -> None:
    """A comparison that stopped at its bound says so."""
    async with staged(scenes.trouble()) as stage:
        stage.feed.comparisons = {CONNECT: replace(object_scenes.compared(), truncated=True)}
        await stage.press("c", "enter")
        assert "more than was read" in stage.text()


async def test_refresh_asks_again() -> None:
    """r on a comparison or a trace asks the sides again, not the pollers."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        await stage.press("c", "enter", "r")
        assert len(stage.feed.compared) == 2
        await stage.press("enter", "r")
        assert len(stage.feed.traced) == 2
        assert stage.feed.asked == []


async def test_trace_from_anywhere() -> None:
    """T asks for a name and traces it in the tenant on screen; from a page over the overview too."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        await stage.press("w", "T", *object_scenes.NAME, "enter")
        assert stage.feed.traced == [("contoso-prod", object_scenes.NAME)]
        assert "! DIFFERS  2 attributes differ." in stage.text()


@pytest.mark.parametrize("keys", [("T", "escape"), ("T", "space", "enter"), ("T", *"x", "backspace", "enter")])
async def test_no_name_no_trace(keys: tuple[str, ...]) -> None:
    """Leaving the prompt, or entering nothing, traces nothing."""
    async with staged(scenes.trouble()) as stage:
        await stage.press(*keys)
        assert stage.feed.traced == []
        assert isinstance(stage.app.screen, Overview)


@pytest.mark.parametrize("burst", ["Tn.martin@x", ":trace n.martin@x"])
async def test_what_is_typed_in_one_burst(burst: str) -> None:
    """A name typed faster than the prompt opens, as from a script, arrives in it whole."""
    async with staged(scenes.trouble()) as stage:
        for character in burst:
            stage.app.post_message(events.Key(_character_to_key(character), character))
        stage.app.post_message(events.Key("enter", None))
        await stage.settle()
        await stage.settle()
        assert stage.feed.traced == [("contoso-prod", "n.martin@x")]


async def test_a_capital_t_is_a_letter_where_text_is_typed() -> None:
    """In a filter, the palette and the prompt itself, T and a colon are letters."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("slash", "T", "colon")
        assert "filter: T:_" in stage.text()
        await stage.press("escape", "T", "T", "colon")
        assert stage.line(1) == "trace T:_"
        await stage.press("escape", "colon", "T", "colon")
        assert stage.line(1) == ": T:_"


async def test_a_pasted_name() -> None:
    """A name that is pasted becomes one clean line."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("T")
        stage.app.post_message(events.Paste("CN=Jane\x1b[31m,\nDC=x"))
        await stage.settle()
        await stage.press("enter")
        assert stage.feed.traced == [("contoso-prod", "CN=Jane, DC=x")]


async def test_trace_in_the_palette() -> None:
    """`trace NAME` in the palette traces NAME, whatever it is made of."""
    async with staged(scenes.trouble()) as stage:
        await stage.press("colon", *"trace o'neil (", "enter")
        assert stage.feed.traced == [("contoso-prod", "o'neil (")]
        await stage.press("escape", "colon", *"trace", "enter")
        assert "by any name" in stage.text()


async def test_leaving_a_trace_ends_it() -> None:
    """Esc leaves a trace that is still being asked for, and ends the asking."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage, held=True)
        await stage.press("T", *"jane", "enter")
        assert "asking every side of contoso-prod for jane (esc cancels)" in stage.text()
        await stage.press("escape")
        assert not any(worker.group == "trace" and worker.is_running for worker in stage.app.workers)


async def test_copying(monkeypatch: pytest.MonkeyPatch) -> None:
    """y copies the example under the cursor, and a whole trace."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        await stage.press("c", "enter")
        assert isinstance(stage.app.screen, DifferenceScreen)
        assert "user0@contoso.com" in stage.app.screen.copied_text()
        await stage.press("T", *object_scenes.NAME, "enter")
        assert "MANAGED DOMAIN" in stage.app.screen.copied_text()


async def test_it_takes_any_size() -> None:
    """A comparison and a trace take the shape of every new size at once."""
    async with staged(scenes.trouble()) as stage:
        object_scenes.answer(stage)
        await stage.press("c", "enter")
        for keys in ((), ("enter",)):
            await stage.press(*keys)
            for size in ((20, 4), (200, 50), (40, 6), (163, 47), (80, 24)):
                await stage.pilot.resize_terminal(*size)
                await stage.settle()
                assert len(stage.text().split("\n")) == size[1]
                assert "panel failed" not in stage.text()


async def test_hostile_names(stage_options: ViewOptions) -> None:
    """Names full of markup and wide characters are drawn as they are, and no line gets too wide."""
    nasty = "[/x] [bold]李小龍 " * 20
    example = object_scenes.example(0)
    hostile = replace(example, object=replace(example.object, name=nasty), why=nasty)
    async with staged(scenes.trouble(), options=stage_options) as stage:
        object_scenes.answer(stage)
        stage.feed.comparisons = {CONNECT: replace(object_scenes.compared(), examples=(hostile,))}
        await stage.press("c", "enter")
        assert "[/x] [bold]" in stage.text()
        assert "panel failed" not in stage.text()


@pytest.fixture(params=[True, False])
def stage_options(request: pytest.FixtureRequest) -> ViewOptions:
    return ViewOptions(ascii=request.param)


async def test_moving_among_many_examples() -> None:
    """The cursor moves over hundreds of examples line by line, by pages and to both ends, and stays in sight."""
    async with staged(scenes.trouble()) as stage:
        stage.feed.comparisons = {CONNECT: object_scenes.compared(400)}
        await stage.press("c", "enter", "G")
        assert "excluded" in marked(stage)
        await stage.press("g")
        assert "Ada Lovelace" in marked(stage)
        await stage.press("pagedown", "pagedown", "up")
        assert marked(stage)


async def test_the_side_that_disagrees_stands_out() -> None:
    """Of a differing attribute the value that no other side holds is coloured; the others are not."""
    async with staged(scenes.trouble(), size=(200, 50)) as stage:
        object_scenes.answer(stage)
        await stage.press("T", *object_scenes.NAME, "enter")
        lines = stage.app.screen.query_one("#page", Panel).lines
        row = next(line for line in lines if line and line[0].text.startswith("! department"))
        styles = {span.text.strip(): span.style for span in row}
        assert (styles["Sales"], styles["Marketing"]) == ("", "warn")


def test_a_difference_left_out_on_purpose_is_no_alarm() -> None:
    """What is excluded alone steps back, what failed or is not explained stands out."""
    row = scenes.counts(behind=36)[0]
    told = [
        connect_difference(replace(row, difference=split))
        for split in (
            Difference(in_flight=0, failed=0, excluded=36, unexplained=0),
            Difference(in_flight=36, failed=0, excluded=0, unexplained=0),
            Difference(in_flight=0, failed=0, excluded=35, unexplained=1),
        )
    ]
    assert told == [("36", "dim"), ("36", ""), ("! 36", "warn")]


async def test_no_total_of_what_is_not_known() -> None:
    """A column of unknown differences has an unknown sum, not zero."""
    tenant = scenes.healthy()
    rows = tuple(replace(row, entra_synced=Reading()) for row in tenant.counts)
    async with staged(replace(tenant, counts=rows), size=(200, 50)) as stage:
        total = next(line for line in stage.text().split("\n") if line.startswith("total"))
        assert total.split()[3:5] == ["-", "-"]


def test_the_hop_that_differs_more() -> None:
    """A row opens over the hop where more objects differ, and over the first where the second has no such objects."""
    snapshot = scenes.trouble()
    assert wider_hop(snapshot, ObjectType.USERS) is CONNECT
    assert wider_hop(snapshot, ObjectType.GROUPS) is DOMAIN_SERVICES
    assert wider_hop(snapshot, ObjectType.CONTACTS) is CONNECT


async def test_a_row_is_chosen_by_mouse() -> None:
    """With the mouse on, a click chooses a row of the counts and a double click opens it."""
    async with staged(scenes.trouble(), size=(120, 40)) as stage:
        object_scenes.answer(stage)
        await stage.pilot.click("#counts", offset=(3, 3), times=2)
        await asyncio.sleep(0)
        await stage.settle()
        assert stage.feed.compared == [("contoso-prod", DOMAIN_SERVICES, ObjectType.GROUPS)]
