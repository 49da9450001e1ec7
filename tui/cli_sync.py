"""`synctop sync`: the one-way sync into a managed domain, once or until it is told to stop.

Exit codes: 0 all is done, or stopped as asked; 1 objects are set aside; 2 held by the deletion brake or not possible;
3 unreachable; 130 stopped before one round was done.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

import click
from msgspec import Struct

from tui.clock import Clock, SystemClock
from tui.garbage import collect_rarely
from tui.model.text import plural
from tui.settings import CLOUD_HOSTS, PollSettings, Settings, SyncSettings, TenantSettings
from tui.sources.auth import provider_for
from tui.sources.errors import Denied, SourceError
from tui.sources.http import Upstream
from tui.sync.delta import delta_headers
from tui.sync.errors import SyncRefused
from tui.sync.publishing import Publication, how_to_watch
from tui.sync.replicator import Replicator
from tui.sync.running import Ending, Running, Situation
from tui.sync.serving import QuietServer, config_of, listening_socket, serve_until_cancelled
from tui.sync.terminal import REDRAW_S, Console

if TYPE_CHECKING:
    from tui.sync.dry_run import PlannedChange

CONFIG, INTERRUPTED = 78, 130
EXIT_CODES = {
    Ending.DONE: 0,
    Ending.SET_ASIDE: 1,
    Ending.HELD: 2,
    Ending.NOT_POSSIBLE: 2,
    Ending.UNREACHABLE: 3,
    Ending.STOPPED: INTERRUPTED,
}
PAGE_SIZE = 500
PAGE_TIMEOUT_S = 60.0
STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SyncOptions(Struct, frozen=True, kw_only=True):
    once: bool = False
    dry_run: bool = False
    allow_deletions: int | None = None


class Opened(Protocol):
    """A sync that is ready to work: `tui.sync.opening.Sync`."""

    replicator: Replicator

    def allow_deletions(self, count: int) -> None: ...

    async def aclose(self) -> None: ...


class NotSetUp(click.ClickException):
    """The config file does not say what is needed."""

    exit_code = CONFIG


class NotPossible(click.ClickException):
    """Somebody must decide something first."""

    exit_code = EXIT_CODES[Ending.NOT_POSSIBLE]


def run_sync(settings: Settings, options: SyncOptions, write: Callable[[Iterable[str]], None]) -> int:
    """Sync the one tenant of `settings` that has a [tenant.sync] section; returns the exit code.

    `write` puts the answer of a dry run on stdout, the only thing that goes there.
    """
    tenant, sync = chosen(settings.tenants)
    clock = SystemClock()
    console = Console(sys.stderr, clock, live=_is_live(), width=lambda: shutil.get_terminal_size().columns)
    command = _Command(tenant, sync, settings.poll, options, clock, console)
    collect_rarely()
    try:
        return asyncio.run(command.dry_run(write) if options.dry_run else command.run())
    except SyncRefused as error:
        raise NotPossible(str(error)) from None
    except sqlite3.Error as error:
        raise NotPossible(f"the state file {sync.state_file} cannot be used ({error}): restore or remove it") from None


def chosen(tenants: Sequence[TenantSettings]) -> tuple[TenantSettings, SyncSettings]:
    """The tenant to sync, and how. Raises `NotSetUp`, or `UsageError` where it is not clear which."""
    found = [(tenant, tenant.sync) for tenant in tenants if tenant.sync is not None]
    if not found:
        names = ", ".join(tenant.name for tenant in tenants)
        raise NotSetUp(f"no [tenant.sync] section for {names}: it says what to write to (README, The sync)")
    if len(found) > 1:
        names = ", ".join(tenant.name for tenant, _ in found)
        raise click.UsageError(f"several tenants have a [tenant.sync] section ({names}): choose one with --tenant")
    return found[0]


async def open_directory(tenant: TenantSettings, sync: SyncSettings, upstream: Upstream, clock: Clock) -> Opened:
    """The sync into the directory that the config names. Raises a `SyncRefused`."""
    from tui.sync.opening import open_sync

    return await open_sync(sync, upstream, clock, label=_label(tenant))


def _label(tenant: TenantSettings) -> str:
    return f"directory of {tenant.name}"


def planned(
    tenant: TenantSettings, sync: SyncSettings, upstream: Upstream, clock: Clock
) -> AsyncIterator[PlannedChange]:
    """What one round would change. Raises a `SyncRefused` or a `SourceError`."""
    from tui.sync.dry_run import plan

    return plan(sync, upstream, clock, label=_label(tenant))


def change_line(change: PlannedChange) -> str:
    """`member-add     Sales: ada`, `modify  Ada Byron: city, mail`."""
    told = ", ".join(part for part in (change.other or ", ".join(change.attributes), change.why) if part)
    action = f"{change.action}{' (held)' if change.held else ''}"
    return f"{action:<14} {change.object}{': ' if told else ''}{told}\n"


def sum_line(counted: Mapping[str, int]) -> str:
    if not counted:
        return "nothing would change\n"
    told = ", ".join(f"{number:,} {action}" for action, number in counted.items() if action != "held")
    held = counted.get("held", 0)
    brake = f"{'; ' if told else ''}held back by the deletion brake: {plural(held, 'deletion')}" if held else ""
    return f"would be done: {told}{brake}; nothing was written\n"


def upstream_of(tenant: TenantSettings, poll: PollSettings, clock: Clock, tell: Callable[[str], None]) -> Upstream:
    """The tenant's Graph, of which only GETs are asked. Raises `NotSetUp`. `tell`: where to sign in, if need be."""
    try:
        return Upstream(
            tenant.graph_base,
            tokens=provider_for(tenant, clock, tell),
            audience=CLOUD_HOSTS[tenant.cloud].graph,
            clock=clock,
            timeout_s=max(poll.timeout, PAGE_TIMEOUT_S),
            ca_file=tenant.ca_file,
            headers=delta_headers(PAGE_SIZE),
        )
    except ValueError as error:
        raise NotSetUp(str(error)) from None


class _Command:
    """One run of the command over one tenant."""

    def __init__(
        self,
        tenant: TenantSettings,
        sync: SyncSettings,
        poll: PollSettings,
        options: SyncOptions,
        clock: Clock,
        console: Console,
    ) -> None:
        self._tenant = tenant
        self._sync = sync
        self._poll = poll
        self._options = options
        self._clock = clock
        self._console = console

    async def run(self) -> int:
        stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            stack.callback(self._console.end)
            stack.enter_context(_stopped_by_signals(stop))
            opened = await open_directory(self._tenant, self._sync, await self._upstream(stack), self._clock)
            stack.push_async_callback(opened.aclose)
            if self._options.allow_deletions is not None:
                opened.allow_deletions(self._options.allow_deletions)
            tell = self._telling(stack)
            stack.push_async_callback(_ended, asyncio.create_task(self._redraw()))
            return await self._work(
                Running(opened.replicator, self._clock, interval_s=self._sync.interval_s, tell=tell), stop
            )

    async def dry_run(self, write: Callable[[Iterable[str]], None]) -> int:
        """One line for each change that a round would make, and their sum."""
        counted: Counter[str] = Counter()
        async with AsyncExitStack() as stack:
            stack.enter_context(_stopped_by_signals())
            upstream = await self._upstream(stack)
            try:
                async for change in planned(self._tenant, self._sync, upstream, self._clock):
                    counted["held" if change.held else change.action] += 1
                    write([change_line(change)])
            except SourceError as error:
                self._console.say(f"synctop: {error}")
                return EXIT_CODES[Ending.NOT_POSSIBLE if isinstance(error, Denied) else Ending.UNREACHABLE]
        write([sum_line(counted)])
        return 0

    async def _work(self, running: Running, stop: asyncio.Event) -> int:
        if not self._options.once:
            await running.forever(stop)
            self._console.say("stopped; the next start goes on from here")
            return 0
        end = await running.once(stop)
        if words := ending_words(end, running.situation):
            self._console.say(words)
        return EXIT_CODES[end]

    async def _upstream(self, stack: AsyncExitStack) -> Upstream:
        upstream = upstream_of(self._tenant, self._poll, self._clock, self._console.say)
        stack.push_async_callback(upstream.aclose)
        return upstream

    def _telling(self, stack: AsyncExitStack) -> Callable[[Situation], None]:
        """Who is told of each new situation: the console, and whoever asks where it is published."""
        self._console.say(f"synctop sync: {self._tenant.graph_base} to {self._sync.directory.url}, one way")
        if self._sync.listen is None or self._options.once:
            return self._console.take
        publication = Publication(self._tenant, self._sync, self._clock)
        listening = stack.enter_context(_listening(self._sync.listen))
        server = QuietServer(config_of(publication.app, date_header=True))
        stack.push_async_callback(_ended, asyncio.create_task(serve_until_cancelled(server, listening)))
        self._console.say(how_to_watch(self._tenant, self._sync.listen).rstrip())

        def tell(situation: Situation) -> None:
            publication.take(situation)
            self._console.take(situation)

        return tell

    async def _redraw(self) -> None:
        while True:
            await self._clock.sleep(REDRAW_S)
            self._console.draw()


def ending_words(end: Ending, situation: Situation) -> str:
    """How one round ended, in a line; nothing of a problem, which was told when it came."""
    state = situation.state
    if end is Ending.STOPPED:
        return "stopped before the round was done; the next start goes on from here"
    if state is None or situation.problem is not None:
        return ""
    failing = f", {plural(state.objects_failed, 'object')} set aside" if state.objects_failed else ""
    held = f", {plural(state.held_deletions, 'deletion')} held back" if state.held_deletions is not None else ""
    return f"done{failing}{held}"


def _listening(address: tuple[str, int]) -> socket.socket:
    host, port = address
    try:
        return listening_socket(host, port)
    except OSError as error:
        raise NotSetUp(f"listen {host}:{port}: cannot listen there: {error.strerror or error}") from None


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@contextmanager
def _stopped_by_signals(stop: asyncio.Event | None = None) -> Iterator[None]:
    """The first signal asks for an end in good order, the next one does not wait for it; without `stop` the first."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def on_signal() -> None:
        if stop is None or stop.is_set():
            task.cancel()
        else:
            stop.set()

    for number in STOPPED_BY:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for number in STOPPED_BY:
            loop.remove_signal_handler(number)


def _is_live() -> bool:
    """Whether stderr is a terminal that can rewrite a line."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
