"""A TCP proxy that delays, cuts, stalls and garbles what a server answers. It knows nothing of TLS or LDAP."""

from __future__ import annotations

import asyncio
import socket
import struct

from msgspec import Struct

from tests.directory.peer import Peer

_CHUNK = 65_536


class Fault(Struct, frozen=True, kw_only=True):
    """What happens to answers. Counts are bytes since the fault was set, on each connection for itself.

    `refuse`: new connections are reset at once. `mute`: they are accepted and never answered. `delay_s`: before each
    chunk. `piece`: so many bytes a write, which tears TLS records and LDAP messages. `stall_after`: then nothing comes,
    until the fault is lifted. `cut_after`: then the stream ends as if the server had closed it. `reset_after`: then
    the connection is reset. `flip_at`: this byte arrives with its bits turned.
    """

    refuse: bool = False
    mute: bool = False
    delay_s: float = 0.0
    piece: int = _CHUNK
    stall_after: int | None = None
    cut_after: int | None = None
    reset_after: int | None = None
    flip_at: int | None = None


NONE = Fault()


class _Cut(OSError):
    pass


class FaultProxy(Peer):
    """Set `fault` at any time; connections that are open feel it from their next byte."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__()
        self._upstream = (address, port)
        self._changed = asyncio.Event()
        self._fault = NONE
        self.answered = 0
        """Bytes handed on to clients, over all connections."""

    @property
    def fault(self) -> Fault:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._fault = fault
        self._loop.call_soon_threadsafe(self._changed.set)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault.refuse:
            _reset(writer)
        elif self._fault.mute:
            await reader.read(-1)
        else:
            await self._relay(reader, writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        asking = asyncio.create_task(_copy(reader, up_writer))
        try:
            await self._answer(up_reader, writer)
        finally:
            up_writer.transport.abort()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault, passed = self._fault, 0
        while chunk := await reader.read(_CHUNK):
            while chunk:
                if self._fault is not fault:
                    fault, passed = self._fault, 0
                part, chunk = chunk[: fault.piece], chunk[fault.piece :]
                await asyncio.sleep(fault.delay_s)
                sent = await self._hand_on(fault, passed, part, writer)
                passed, chunk = passed + sent, part[sent:] + chunk

    async def _hand_on(self, fault: Fault, passed: int, part: bytes, writer: asyncio.StreamWriter) -> int:
        """How many bytes went out; fewer than there are where the fault holds the rest back."""
        limits = [limit for limit in (fault.stall_after, fault.cut_after, fault.reset_after) if limit is not None]
        allowed = part[: max(0, min(limits) - passed)] if limits else part
        writer.write(_flipped(allowed, fault.flip_at, passed))
        await writer.drain()
        self.answered += len(allowed)
        if len(allowed) < len(part):
            await self._strike(fault, writer)
        return len(allowed)

    async def _strike(self, fault: Fault, writer: asyncio.StreamWriter) -> None:
        if fault.stall_after is not None:
            while self._fault is fault:
                self._changed.clear()
                await self._changed.wait()
        elif fault.reset_after is not None:
            _reset(writer)
            raise _Cut
        else:
            raise _Cut


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def _flipped(part: bytes, at: int | None, passed: int) -> bytes:
    if at is None or not passed <= at < passed + len(part):
        return part
    place = at - passed
    return part[:place] + bytes((part[place] ^ 0x55,)) + part[place + 1 :]
