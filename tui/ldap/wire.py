"""One connection as asyncio sees it: requests go out pipelined, answers are read in slices, every end wakes all."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from time import monotonic

from tui.ldap import requests
from tui.ldap.errors import BadAnswer, Disconnected, LdapError, TimedOut
from tui.ldap.inbox import Inbox
from tui.ldap.messages import DONE
from tui.ldap.operations import Operation, Operations
from tui.ldap.outbox import Outbox
from tui.model.text import clean

SLICE_S = 0.004
"""How long answers are read before everything else has its turn."""
_CLOSING_S = 1.0
_LONGEST_REASON = 100


class Wire(asyncio.Protocol):
    """Once `why` is set the connection is over, and every exchange raises it."""

    def __init__(self, host: str, timeout_s: float) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._operations = Operations(host, timeout_s, self._on_silence)
        self._inbox = Inbox(host, self._operations)
        self._outbox = Outbox()
        self._transport: asyncio.Transport | None = None
        self._is_behind = False
        self._is_paused = False
        self._lost: LdapError | None = None
        self._gone = asyncio.Event()
        self.why: LdapError | None = None

    async def exchange(self, request: bytes, kind: int, controls: bytes = b"", most: int = 0) -> Operation:
        """Send a request and wait for the answer of the type `kind`; `answer` of what is returned holds its result.

        Raises `Disconnected`, `TimedOut` or `BadAnswer`. A search that is cancelled or takes too long is abandoned.
        """
        if self._outbox.is_full:
            await self._outbox.room()
        if self.why is not None:
            raise _another(self.why)
        operation = self._operations.begin(kind, most)
        self._outbox.send(requests.message(operation.number, request, controls))
        try:
            await operation.answer
        except (asyncio.CancelledError, LdapError):
            self._give_up(operation)
            raise
        return operation

    def send_and_forget(self, request: bytes, controls: bytes = b"") -> None:
        """A request whose answer, if there is one, nobody waits for."""
        if self.why is None:
            self._outbox.send(requests.message(self._operations.next_number(), request, controls))

    def fail(self, error: LdapError) -> None:
        """End the connection and everything under way at once."""
        self._over(error)
        if self._transport is not None:
            self._transport.abort()

    async def aclose(self) -> None:
        """Say goodbye, wake who waits, and wait a moment for the transport to close."""
        if self._transport is None:
            return
        self.send_and_forget(requests.unbind())
        self._outbox.flush()
        self._over(Disconnected(f"The connection to {self._host} was closed here"))
        self._transport.close()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), _CLOSING_S)
        finally:
            self._transport.abort()

    def _give_up(self, operation: Operation) -> None:
        self._operations.forget(operation)
        if operation.kind == DONE:
            self.send_and_forget(requests.abandon(operation.number))

    def _over(self, error: LdapError) -> None:
        if self.why is None:
            self.why = error
            self._operations.end_all(error)
            self._outbox.resume()

    def _on_silence(self, error: TimedOut) -> None:
        """A server that neither reads nor answers is given up, or those who wait for room would wait forever."""
        if self._outbox.is_full:
            self.fail(error)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._outbox.open(transport)

    def pause_writing(self) -> None:
        self._outbox.pause()

    def resume_writing(self) -> None:
        self._outbox.resume()

    def data_received(self, data: bytes) -> None:
        try:
            self._inbox.feed(data)
        except BadAnswer as error:
            self.fail(error)
        if not self._is_behind:
            self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        half = "" if self._is_behind or self._inbox.is_empty else " in the middle of an answer"
        self._lost = Disconnected(f"{self._host} {_ending(exc)}{half}")
        self._gone.set()
        if not self._is_behind:
            self._over(self._lost)

    def _read(self) -> None:
        """One slice. What is left keeps its order: no more is taken from the network until it is done."""
        if self.why is not None:
            return
        try:
            self._is_behind = not self._inbox.read(monotonic() + SLICE_S)
        except (BadAnswer, Disconnected) as error:
            self.fail(error)
            return
        if self._is_behind:
            self._pause_reading()
            self._loop.call_soon(self._read)
        elif self._lost is not None:
            self._over(self._lost)
        elif self._is_paused:
            self._resume_reading()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()


def _ending(error: Exception | None) -> str:
    if isinstance(error, ssl.SSLError):
        return f"sent what breaks TLS ({clean(error.reason or str(error), _LONGEST_REASON)})"
    return "reset the connection" if isinstance(error, ConnectionError) else "closed the connection"


def _another(error: LdapError) -> LdapError:
    """The same error for another waiter: a shared one would gather the tracebacks of all."""
    return type(error)(*error.args)
