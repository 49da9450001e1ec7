"""What goes out on a connection: many messages in one write, and no more than the server takes."""

from __future__ import annotations

import asyncio
from collections import deque

# What one TLS record holds: the server works on the first requests while the last are still being made.
_MOST_BYTES = 16 * 1024


class Outbox:
    """Messages of one turn of the event loop leave together: a TLS record each would cost more than all the rest."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._size = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self.is_full = False

    def open(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def send(self, message: bytes) -> None:
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append(message)
        self._size += len(message)
        if self._size > _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._waiting and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._waiting))
        self._waiting.clear()
        self._size = 0

    async def room(self) -> None:
        """Return when the server has taken enough of what was sent, or the connection is over."""
        while self.is_full:
            turn = self._loop.create_future()
            self._queue.append(turn)
            await turn

    def pause(self) -> None:
        self.is_full = True

    def resume(self) -> None:
        self.is_full = False
        for turn in self._queue:
            if not turn.done():
                turn.set_result(None)
        self._queue.clear()
