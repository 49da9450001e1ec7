"""A directory server of a few lines, in memory: tests read what was asked of it and say what it answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Coroutine
from typing import Any

import pytest
from msgspec import Struct

from tests.helpers import settle
from tests.ldap import wire_format as ber
from tui.ldap.connection import Connection
from tui.ldap.dial import Peer
from tui.ldap.endpoint import Endpoint, Security
from tui.ldap.entries import Entry
from tui.ldap.errors import LdapError
from tui.ldap.wire import Wire

ENDPOINT = Endpoint(host="dc1.test", port=636, security=Security.LDAPS)
HIGH_WATER = 256 * 1024
ADDED = ber.result(0x69)
FOUND = ber.result(0x65)
PAGED = "1.2.840.113556.1.4.319"


class Request(Struct, frozen=True):
    """`body`: the parts of the operation, or its bytes where it has none. `controls`: value by identifier."""

    number: int
    tag: int
    body: Any
    controls: dict[str, bytes]


class Server(asyncio.Transport):
    """Stands where the network would. `stalled`: it takes no more bytes, as a server that has stopped does."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire
        self._unread = b""
        self._held = 0
        self.stalled = False
        self.is_open = True
        self.is_reading_paused = False
        self.pauses = 0

    # What the client's side sees

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.is_open
        self._unread += bytes(data)
        self._held += len(data)
        if self.stalled and self._held > HIGH_WATER:
            self._wire.pause_writing()

    def is_closing(self) -> bool:
        return not self.is_open

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            asyncio.get_running_loop().call_soon(self._wire.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        self.is_reading_paused = True
        self.pauses += 1

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    # What tests use

    @property
    def bytes_held(self) -> int:
        return self._held

    async def asked(self) -> list[Request]:
        """What has been asked since the last time, once everyone who can run has run."""
        await settle()
        messages, self._unread = ber.complete(self._unread)
        self._held = 0
        return [_request(parts) for _, parts in messages]

    async def asked_once(self) -> Request:
        (request,) = await self.asked()
        return request

    def send(self, *data: bytes) -> None:
        self._wire.data_received(b"".join(data))

    def answer(self, request: Request, operation: bytes, *controls: bytes) -> None:
        self.send(ber.message(request.number, operation, *controls))

    def take(self) -> None:
        """Read on after a stall."""
        self.stalled = False
        self._wire.resume_writing()

    def hang_up(self, error: Exception | None = None) -> None:
        self.is_open = False
        self._wire.connection_lost(error)


def connected(timeout_s: float = 5.0) -> tuple[Connection, Server]:
    wire = Wire("dc1.test:636", timeout_s)
    server = Server(wire)
    wire.connection_made(server)
    return Connection(ENDPOINT, wire, Peer(socket.AF_INET, ("192.0.2.1", 636))), server


def _request(parts: list[Any]) -> Request:
    (_, raw), (tag, body), *rest = parts
    controls = {}
    for _, control in rest[0][1] if rest else []:
        values = [value for kind, value in control if kind == 4]
        controls[values[0].decode()] = values[1] if len(values) > 1 else b""
    return Request(int.from_bytes(raw, "big", signed=True), tag, body, controls)


def page(*cookie: bytes) -> bytes:
    return ber.page_control(*cookie)


def entries(start: int, stop: int) -> list[bytes]:
    return [ber.entry(f"cn={number},dc=x", {"cn": [b"%d" % number]}) for number in range(start, stop)]


async def everything(pages: AsyncIterator[Any]) -> list[Entry]:
    return [entry async for page in pages for entry in page]


def started(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.create_task(work)


async def failure(work: Awaitable[Any]) -> LdapError:
    with pytest.raises(LdapError) as caught:
        await work
    return caught.value
