"""Wires a status service to the screens."""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import datetime
from typing import ClassVar

from textual import work
from textual.actions import SkipAction
from textual.app import App
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tui.actions import ACTIONS, Action
from tui.model.snapshot import TenantSnapshot
from tui.model.states import SourceState, Verdict
from tui.model.text import count
from tui.screens.asking import AskingScreen, ComparisonWanted, TraceWanted
from tui.screens.difference import DifferenceScreen
from tui.screens.live import LiveScreen
from tui.screens.name_prompt import NamePrompt
from tui.screens.overview import Overview
from tui.screens.pages import help_screen, reasons_screen, sources_screen
from tui.screens.palette import CommandScreen
from tui.screens.tracing import TraceScreen
from tui.service.publisher import Published
from tui.terminal import clipboard_sequence, no_color, set_mouse
from tui.widgets.counts import wider_hop
from tui.widgets.feed import Feed, ViewOptions
from tui.widgets.frame import NOBODY, Frame, Look
from tui.widgets.glyphs import ASCII, UNICODE
from tui.widgets.news import news
from tui.widgets.palette import palette_of
from tui.widgets.words import worst_first

log = logging.getLogger(__name__)

TICK_S = 1.0
# Panels other than the two top lines follow passing time more slowly: a still screen is easier to read and to carry.
SLOW_TICKS = 10
NOTICE_TICKS = 5
_SERVICE = "service"
_PROMPTS = ("trace", "palette")


class Updated(Message, bubble=False):
    """A newer snapshot is there. Bursts become one."""

    def __init__(self, published: Published) -> None:
        super().__init__()
        self.published = published

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Updated)


def _has_data(published: Published) -> bool:
    """True once every source has been asked."""
    return all(status.state is not SourceState.NEVER for tenant in published.tenants for status in tenant.sources)


def _bindings() -> list[BindingType]:
    """What is typed in one burst with a key that opens a prompt must not run ahead of it: such keys come first."""
    return [
        Binding(key, action.call, action.title, show=False, priority=key == "ctrl+c" or action.id in _PROMPTS)
        for action in ACTIONS
        for key in action.keys
    ]


class SynctopApp(App[int], inherit_bindings=False):
    """The live screen over `feed`; runs `options.run` beside it and says so when that ends."""

    CSS_PATH = "app.tcss"
    TITLE = "synctop"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = _bindings()

    # Seconds of wall time between two snapshots taken: more would be motion, not news, but while data is still awaited.
    least_between_snapshots_s = 0.5
    least_until_data_s = 0.05
    # False where somebody else calls `tick`.
    timed = True

    def __init__(self, feed: Feed, options: ViewOptions) -> None:
        native = options.color in ("ansi", "none")
        with no_color(options.color == "none" or (native and bool(os.environ.get("NO_COLOR")))):
            super().__init__(ansi_color=True if native else None)
        self.theme = "ansi-dark" if native else options.color
        self.animation_level = "none"
        self._feed = feed
        self._options = options
        self._published: Published | None = None
        self._tenant: str | None = None
        self._frozen_since: datetime | None = feed.clock.now() if options.frozen else None
        self._local_time = False
        self._dead = ""
        self._notice, self._notice_ticks = "", 0
        self._mouse_on = False
        self._ticks = 0
        self._worst: Verdict | None = None

    def get_default_screen(self) -> Screen[None]:
        return Overview()

    def on_mount(self) -> None:
        if self.timed:
            self.set_interval(TICK_S, self.tick)
        self._take_snapshots()
        if self._options.run is not None:
            self._run_service()
        self._show()

    @work(exclusive=True, group="snapshots", exit_on_error=False)
    async def _take_snapshots(self) -> None:
        with self._feed.subscribe() as subscription:
            async for published in subscription:
                self.post_message(Updated(published))
                await asyncio.sleep(self.least_between_snapshots_s if _has_data(published) else self.least_until_data_s)

    @work(exclusive=True, group=_SERVICE, exit_on_error=False)
    async def _run_service(self) -> None:
        if self._options.run is not None:
            await self._options.run()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group == _SERVICE and event.worker.is_finished and not self._exit:
            self._dead = "polling has ended; start synctop again (see the log)"
            if event.state is WorkerState.ERROR:
                log.error("the status service ended", exc_info=event.worker.error)
            self._show()
        elif event.state is WorkerState.ERROR:
            log.error("the worker %s failed", event.worker.name, exc_info=event.worker.error)

    def on_updated(self, message: Updated) -> None:
        if self._frozen_since is not None and self._published is not None:
            return
        before, self._published = self._published, message.published
        self._ring(message.published)
        if before is None or [*map(news, before.tenants)] != [*map(news, message.published.tenants)]:
            self._show()

    def _ring(self, published: Published) -> None:
        """One bell for a tenant that has become critical, where asked for: tmux then flags its window."""
        worst = min((tenant.verdict for tenant in published.tenants), key=worst_first, default=None)
        if self._options.bell and worst is Verdict.CRITICAL and self._worst not in (None, Verdict.CRITICAL):
            self.bell()
        self._worst = worst

    def tick(self) -> None:
        """Once a second: the time and the age of the data; the rest every tenth time."""
        self._ticks += 1
        if self._notice and self._ticks >= self._notice_ticks:
            self._notice = ""
        if self._ticks % SLOW_TICKS == 0:
            self._show()
        if isinstance(self.screen, LiveScreen):
            self.screen.tick(self.present())

    def present(self) -> Frame:
        """What is known and how it is to be shown, as one value."""
        tenants = tuple(sorted(self._tenants(), key=lambda tenant: worst_first(tenant.verdict)))
        shown = next((tenant for tenant in tenants if tenant.name == self._tenant), None)
        return Frame(
            now=self._feed.clock.now(),
            shown=shown or (tenants[0] if tenants else NOBODY),
            tenants=tenants,
            look=self._look(),
            frozen_since=self._frozen_since,
            dead=self._dead,
            banner=self._options.banner,
            activity=self._options.activity() if self._options.activity else "",
            notice=self._notice,
            mouse=self._mouse_on,
        )

    def _tenants(self) -> tuple[TenantSnapshot, ...]:
        return self._published.tenants if self._published else ()

    def _look(self) -> Look:
        glyphs = ASCII if self._options.ascii else UNICODE
        return Look(glyphs, palette_of(self.current_theme), self._feed.thresholds, self._local_time)

    def _show(self) -> None:
        frame = self.present()
        # The worst tenant is shown until all were asked, then it stays: another one must not pull the screen away.
        if self._tenant is None and frame.tenants and self._published and _has_data(self._published):
            self._tenant = frame.shown.name
        if isinstance(self.screen, LiveScreen):
            self.screen.frame = frame

    def say(self, words: str) -> None:
        """A passing word in the last line."""
        self._notice, self._notice_ticks = words, self._ticks + NOTICE_TICKS
        self._show()

    def push_live(self, screen: LiveScreen) -> None:
        if not isinstance(self.screen, CommandScreen | NamePrompt):
            self.push_screen(screen, None)

    def on_live_screen_resumed(self) -> None:
        self._show()

    async def action_quit(self) -> None:
        self.exit(0)

    def action_help(self) -> None:
        self.push_live(help_screen())

    def action_why(self) -> None:
        self.push_live(reasons_screen())

    def action_sources(self) -> None:
        self.push_live(sources_screen())

    def action_palette(self) -> None:
        self._skip_while_typing(":")
        self.push_screen(CommandScreen(self.present()), self._run_chosen)

    def _skip_while_typing(self, character: str) -> None:
        """Where text is typed the key is a letter. Raises `SkipAction`."""
        focused = self.screen.focused
        is_prompt = isinstance(self.screen, CommandScreen | NamePrompt)
        if is_prompt or (focused is not None and focused.check_consume_key(character, character)):
            raise SkipAction

    async def _run_chosen(self, chosen: Action | str | None) -> None:
        if isinstance(chosen, Action):
            await self.run_action(chosen.call)
        else:
            self._trace(chosen)

    def action_trace(self) -> None:
        self._skip_while_typing("T")
        self.push_screen(NamePrompt(self.present()), self._trace)

    def on_trace_wanted(self, message: TraceWanted) -> None:
        self._trace(message.name)

    def _trace(self, name: str | None) -> None:
        if name:
            self.push_live(TraceScreen(self._feed, self.present().shown.name, name))

    def on_comparison_wanted(self, message: ComparisonWanted) -> None:
        shown = self.present().shown
        self.push_live(DifferenceScreen(self._feed, shown.name, message.kind, wider_hop(shown, message.kind)))

    def action_pause(self) -> None:
        self._frozen_since = None if self._frozen_since else self._feed.clock.now()
        if self._frozen_since is None:
            self._take_snapshots()
        self._show()

    def action_poll(self) -> None:
        if isinstance(self.screen, AskingScreen):
            self.screen.ask_again()
            return
        self._feed.poll_now(self._tenant)
        self.say(f"asking the sources of {self._tenant or 'every tenant'} now")

    def action_time(self) -> None:
        self._local_time = not self._local_time
        self.say("times are local" if self._local_time else "times are in UTC")

    def action_mouse(self) -> None:
        self._mouse_on = not self._mouse_on
        set_mouse(self, self._mouse_on)
        self.say("mouse on; shift-drag selects text" if self._mouse_on else "mouse off")

    def action_tenant(self, number: int) -> None:
        tenants = self.present().tenants
        if number <= len(tenants):
            self._tenant = tenants[number - 1].name
            self._show()

    def action_copy(self) -> None:
        text = self.screen.copied_text() if isinstance(self.screen, LiveScreen) else ""
        if not text:
            self.say("nothing to copy here")
            return
        sequence = clipboard_sequence(text)
        if sequence is None:
            self.say(f"too long to copy ({count(len(text))} characters); use `synctop failures --format csv`")
            return
        if self._driver is not None:
            self._driver.write(sequence)
        self.say(f"copied {count(len(text))} characters")

    def _print_error_renderables(self) -> None:
        """A crash is told in one line; its traceback goes to the log, never to the terminal."""
        self._exit_renderables.clear()
        if self._exception is not None:
            log.error("the screen crashed", exc_info=self._exception)
            self.error_console.print(f"synctop: internal error ({type(self._exception).__name__}); see the log")
