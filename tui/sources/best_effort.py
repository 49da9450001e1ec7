"""Calls that a poll can do without: one that fails leaves its last good result and a line on what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from tui.sources.errors import Denied, NotFound, Refused, SourceError, Throttled

T = TypeVar("T")
AT_ONCE = 4
MOST_LINES = 40


class BestEffort:
    """Runs the secondary calls of one source, a few at once, between `begin` and `end` of a poll.

    What a call answered last is kept for the next poll only, so that a failed call never blanks what was known and
    nothing that is no longer asked for is held. Once the upstream throttles, the rest of the poll asks no more.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._room = asyncio.Semaphore(at_once)
        self._before: dict[str, Any] = {}
        self._known: dict[str, Any] = {}
        self._missing: list[str] = []
        self._throttled: Throttled | None = None
        self.errors: list[SourceError] = []

    def begin(self) -> None:
        self._known = {}
        self._missing = []
        self._throttled = None
        self.errors = []

    def end(self) -> tuple[str, ...]:
        """Keep this poll's answers for the next. One line for each call that failed: what, and why."""
        self._before = self._known
        if len(self._missing) <= MOST_LINES:
            return tuple(self._missing)
        return (*self._missing[:MOST_LINES], f"and {len(self._missing) - MOST_LINES} more")

    def note(self, line: str) -> None:
        """Add a line of the caller's own."""
        self._missing.append(line)

    async def ask(
        self, what: str, call: Callable[[], Awaitable[Sequence[T]]], *, key: str, spare: bool = False
    ) -> Sequence[T]:
        """What `call` answers; after a `SourceError` what it answered in the last poll, or nothing.

        `what` names it for people, `key` from poll to poll: two servers may bear the same name. `spare`: no verdict
        rests on it, so an upstream that does not know the call at all lacks nothing.
        """
        async with self._room:
            try:
                answer = await (self._known_call(call) if spare else self._call(call))
            except SourceError as error:
                self.errors.append(error)
                self._missing.append(f"{what}: {'not permitted: ' if isinstance(error, Denied) else ''}{error}")
                answer = self._before.get(key, ())
        self._known[key] = answer
        return answer

    async def _known_call(self, call: Callable[[], Awaitable[Sequence[T]]]) -> Sequence[T]:
        try:
            return await self._call(call)
        except (NotFound, Refused):
            return ()

    async def _call(self, call: Callable[[], Awaitable[Sequence[T]]]) -> Sequence[T]:
        if self._throttled is not None:
            raise self._throttled
        try:
            return await call()
        except Throttled as error:
            self._throttled = error
            raise
