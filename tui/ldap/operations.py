"""The operations under way on one connection: who waits for which answer, and since when in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui.ldap.entries import Entry
from tui.ldap.errors import BadAnswer, LdapError, TimedOut
from tui.ldap.messages import Result

LARGEST_PAGE = 128 * 1024 * 1024
_LAST_NUMBER = 2**31 - 1
_SOONEST_S = 0.001


class Operation:
    """`kind`: the tag of the answer that ends it. `most`: of entries in it. `touched`: when last sent or answered."""

    __slots__ = ("answer", "entries", "kind", "most", "number", "references", "size", "touched")

    def __init__(self, number: int, kind: int, answer: asyncio.Future[Result], touched: float, most: int) -> None:
        self.number = number
        self.kind = kind
        self.answer = answer
        self.touched = touched
        self.most = most
        self.entries: list[Entry] = []
        self.references = 0
        self.size = 0

    def collect(self, entry: Entry, size: int) -> None:
        """Raises `BadAnswer` where an answer grows beyond all bounds."""
        if len(self.entries) >= self.most:
            raise BadAnswer(f"The server sent more than the {self.most:,} entries asked for at once")
        self.size += size
        if self.size > LARGEST_PAGE:
            raise BadAnswer(f"The server sent more than {LARGEST_PAGE:,} bytes for one page: ask for smaller pages")
        self.entries.append(entry)


class Operations:
    """Silence is watched by one timer for all of them, because a timer each costs more than the operation.

    The oldest operation must not stay without an answer for `timeout_s` while others get theirs, and none may when
    nothing at all is heard: later ones may be waiting their turn behind it at the server. `on_silence` is told of the
    second case.
    """

    def __init__(self, host: str, timeout_s: float, on_silence: Callable[[TimedOut], None]) -> None:
        self._host = host
        self._on_silence = on_silence
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, Operation] = {}
        self._last = 0
        self._wrapped = False
        self._heard = self._loop.time()
        self._oldest: Operation | None = None
        self._oldest_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._pending)

    def begin(self, kind: int, most: int) -> Operation:
        now = self._loop.time()
        operation = Operation(self.next_number(), kind, self._loop.create_future(), now, most)
        if not self._pending:
            self._oldest, self._oldest_since = operation, now
        self._pending[operation.number] = operation
        if self._timer is None:
            self._timer = self._loop.call_at(now + self._timeout_s, self._look)
        return operation

    def next_number(self) -> int:
        """A message number that is in no use (RFC 4511 section 4.1.1.1)."""
        while True:
            if self._last >= _LAST_NUMBER:
                self._last, self._wrapped = 0, True
            self._last += 1
            if self._last not in self._pending:
                return self._last

    def heard(self) -> None:
        """Something came from the server."""
        self._heard = self._loop.time()

    def touch(self, number: int) -> None:
        """A part of an answer has come; the rest may take its time."""
        operation = self._pending.get(number)
        if operation is not None:
            operation.touched = self._heard

    def find(self, number: int) -> Operation | None:
        """None for one that was given up. Raises `BadAnswer` for one that never was."""
        operation = self._pending.get(number)
        if operation is not None:
            operation.touched = self._heard
        elif not 0 < number <= (_LAST_NUMBER if self._wrapped else self._last):
            raise BadAnswer(f"{self._host} answered a request ({number}) that was never sent")
        return operation

    def forget(self, operation: Operation) -> None:
        """It is given up: a late answer to it is ignored."""
        self._pending.pop(operation.number, None)

    def end(self, operation: Operation, outcome: Result | LdapError) -> None:
        self.forget(operation)
        answer = operation.answer
        if answer.done():
            return
        if isinstance(outcome, Result):
            answer.set_result(outcome)
        else:
            answer.set_exception(outcome)

    def end_all(self, error: LdapError) -> None:
        """Wake every waiter; each gets an error of its own."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for operation in list(self._pending.values()):
            self.end(operation, type(error)(*error.args))

    def _look(self) -> None:
        """End what has been silent for too long, and look again when the next may be."""
        now = self._loop.time() + _SOONEST_S
        silence = f"{self._host} did not answer within {self._timeout_s:g} s"
        is_mute = self._heard <= now - self._timeout_s
        for operation in self._silent(now - self._timeout_s, is_mute):
            self.end(operation, TimedOut(silence))
            if is_mute:
                self._on_silence(TimedOut(silence))
        self._timer = self._loop.call_at(max(now, self._next_look(now)), self._look) if self._pending else None

    def _silent(self, since: float, is_mute: bool) -> list[Operation]:
        if is_mute:
            return [each for each in self._pending.values() if each.touched <= since]
        if self._oldest is None or self._oldest.number not in self._pending:
            return []
        return [self._oldest] if max(self._oldest.touched, self._oldest_since) <= since else []

    def _next_look(self, now: float) -> float:
        oldest = next(iter(self._pending.values()))
        if oldest is not self._oldest:
            self._oldest, self._oldest_since = oldest, now
        return max(oldest.touched, min(self._oldest_since, self._heard)) + self._timeout_s
