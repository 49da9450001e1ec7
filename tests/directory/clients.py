"""How tests reach a directory server with the project's own client, and what they hold against it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from tests.directory.peer import Peer
from tests.directory.server import Account, DirectoryServer
from tui.ldap.connection import Connection, connect
from tui.ldap.endpoint import Endpoint, Security

PATIENCE_S = 10.0
IMPATIENCE_S = 1.6
"""Where a test waits for a time limit to be kept."""
LONGEST_PAUSE_S = 0.6
"""Of the event loop, on a machine that is busy with other tests; a call that blocks lasts as long as its time limit."""
_BEAT_S = 0.005


def ldaps(server: DirectoryServer, **changes: Any) -> Endpoint:
    endpoint = Endpoint(host=server.address, port=server.port, security=Security.LDAPS, ca_file=server.ca_file)
    return replace(endpoint, **changes)


def start_tls(server: DirectoryServer, **changes: Any) -> Endpoint:
    return ldaps(server, port=server.plain_port, security=Security.START_TLS, **changes)


def plain(server: DirectoryServer) -> Endpoint:
    return ldaps(server, port=server.plain_port, security=Security.PLAIN)


def through(proxy: Peer, server: DirectoryServer) -> Endpoint:
    """To the proxy, with the server's identity expected there."""
    return ldaps(server, host=proxy.address, port=proxy.port, server_name=server.address)


@asynccontextmanager
async def connection(
    endpoint: Endpoint, account: Account | None = None, *, timeout_s: float = PATIENCE_S
) -> AsyncIterator[Connection]:
    opened = await connect(endpoint, timeout_s=timeout_s)
    try:
        if account is not None:
            await opened.bind(account.user, account.password)
        yield opened
    finally:
        await opened.aclose()


class Heartbeat:
    """`longest_s`: the longest time that the event loop let nobody else run, while the block lasted."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def __aenter__(self) -> Heartbeat:
        self._beating = asyncio.create_task(self._beat())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            try:
                await asyncio.sleep(_BEAT_S)
            finally:
                now = loop.time()
                self.longest_s = max(self.longest_s, now - last - _BEAT_S)
                last = now


@asynccontextmanager
async def never_blocking(limit_s: float = PATIENCE_S) -> AsyncIterator[None]:
    """What is inside ends within `limit_s`, whatever the server does, and lets everything else run meanwhile."""
    start = asyncio.get_running_loop().time()
    async with Heartbeat() as heartbeat:
        yield
    took = asyncio.get_running_loop().time() - start
    assert took < limit_s, f"took {took:.1f} s"
    assert heartbeat.longest_s < LONGEST_PAUSE_S, f"the event loop stood still for {heartbeat.longest_s:.2f} s"
