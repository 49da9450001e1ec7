"""`synctop sync` in processes that begin at once: forks of one that has imported everything.

`python -m tests.directory.sync_forks` forks for each line on its standard input, the `Start` as JSON, and answers with
the child's process id and, when that has ended, with its status.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

import msgspec
from msgspec import Struct

from tui.clock import SystemClock

NURSERY = (sys.executable, "-m", __name__)
_IMPORTED_LATE = (
    "anyio._backends._asyncio",
    "httpcore",
    "tui.cli",
    "tui.cli_sync",
    "tui.config",
    "tui.sources.auth_command",
    "tui.sync.opening",
)
"""What each child would have to import else."""


class Start(Struct):
    """`speed`: how much faster than ours the child's time runs; `ahead_s`: by how much it begins later than ours."""

    words: list[str]
    log: str
    speed: float = 1.0
    ahead_s: float = 0.0


class FastClock(SystemClock):
    """The system's clock, ahead of its time and in a hurry."""

    def __init__(self, speed: float, ahead_s: float = 0.0) -> None:
        self._speed = speed
        self._start = super().now() + timedelta(seconds=ahead_s)
        self._began = super().monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic() - self._began)

    def monotonic(self) -> float:
        return self._began + (super().monotonic() - self._began) * self._speed

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / self._speed)

    def jump(self, seconds: float) -> None:
        """Let time pass at once; who sleeps does not notice."""
        self._start += timedelta(seconds=seconds)


class Forks:
    """One child at a time. Made by `forks`."""

    def __init__(self, nursery: Process, log: Path) -> None:
        self._nursery = nursery
        self._log = log
        self._child: int | None = None
        self._ended: asyncio.Task[int] | None = None

    async def begin(self, words: Sequence[str | Path], *, speed: float = 1.0, ahead_s: float = 0.0) -> None:
        start = Start([str(word) for word in words], str(self._log), speed, ahead_s)
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(msgspec.json.encode(start) + b"\n")
        await self._nursery.stdin.drain()
        self._child = await self._answer()
        self._ended = asyncio.create_task(self._answer())

    @property
    def is_over(self) -> bool:
        assert self._ended is not None
        return self._ended.done()

    async def end(self) -> int:
        """The exit code, once the child has ended by itself; a signal's number below zero."""
        assert self._ended is not None
        return os.waitstatus_to_exitcode(await self._ended)

    async def kill(self) -> int:
        """kill -9; the exit code."""
        assert self._child is not None
        if not self.is_over:
            with suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGKILL)
        return await self.end()

    async def let_go(self) -> None:
        """Nobody waits for the child any more."""
        if self._ended is not None:
            self._ended.cancel()
            await asyncio.gather(self._ended, return_exceptions=True)

    @property
    def told(self) -> str:
        """What all children so far said."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def _answer(self) -> int:
        assert self._nursery.stdout is not None
        return int(await self._nursery.stdout.readline())


@asynccontextmanager
async def forks(log: Path) -> AsyncIterator[Forks]:
    """What the children say goes to `log`; at the end all are gone."""
    nursery = await asyncio.create_subprocess_exec(
        *NURSERY, stdin=PIPE, stdout=PIPE, start_new_session=True, cwd=Path(__file__).parents[2]
    )
    children = Forks(nursery, log)
    try:
        yield children
    finally:
        await children.let_go()
        with suppress(ProcessLookupError):
            os.killpg(nursery.pid, signal.SIGKILL)
        await nursery.communicate()


def main() -> None:
    _die_with_parent()
    for name in _IMPORTED_LATE:
        import_module(name)
    for line in sys.stdin.buffer:
        start = msgspec.json.decode(line, type=Start)
        child = os.fork()
        if not child:
            os._exit(_child(start))
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


def _child(start: Start) -> int:
    """The exit code of the command, as the child that was just forked."""
    from tui import cli, cli_sync

    _die_with_parent()
    _say_into(start.log)
    cli_sync.SystemClock = partial(FastClock, start.speed, start.ahead_s)  # type: ignore[assignment, misc]
    return cli.run(start.words)


def _die_with_parent() -> None:
    """Whatever becomes of the tests, no process of theirs goes on (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _say_into(log: str) -> None:
    into = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, its in ((nothing, 0), (into, 1), (into, 2)):
        os.dup2(ours, its)


if __name__ == "__main__":
    main()
