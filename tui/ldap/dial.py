"""From an endpoint to a connection that is proved to lead there."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from typing import Any

from msgspec import Struct

from tui.ldap import requests
from tui.ldap.endpoint import Endpoint, Security
from tui.ldap.errors import Disconnected, LdapError, TimedOut, Unreachable, Untrusted
from tui.ldap.framing import Framer
from tui.ldap.messages import EXTENDED, Message, refusal, result
from tui.ldap.result_codes import SUCCESS
from tui.ldap.tls import distrust, tls_context, tls_name
from tui.ldap.wire import Wire

_SHUTDOWN_S = 1.0
_LARGEST_ANSWER = 64 * 1024
_LONGEST_NAME = 100
_LEAST_SHARE = 0.2
_MOST_TOLD = 3


class Peer(Struct, frozen=True):
    """One address of the endpoint, as the socket functions want it."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def text(self) -> str:
        host, port = self.sockaddr[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def is_loopback(self) -> bool:
        address = ipaddress.ip_address(self.sockaddr[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback


async def dial(endpoint: Endpoint, timeout_s: float) -> tuple[Wire, Peer]:
    """A connection and where it leads to, within `timeout_s` for name, TCP and TLS together.

    Raises `Unreachable`, `Untrusted`, `Disconnected`, `BadAnswer` or `TimedOut`.
    """
    problem: LdapError
    try:
        async with asyncio.timeout(timeout_s):
            return await _dialled(endpoint, timeout_s)
    except TimeoutError:
        problem = TimedOut(f"{_where(endpoint)} did not answer within {timeout_s:g} s: check the network and the port")
    raise problem


async def _dialled(endpoint: Endpoint, timeout_s: float) -> tuple[Wire, Peer]:
    context = None
    if endpoint.security is not Security.PLAIN:
        # Reading the system's authorities takes tens of milliseconds.
        context = await asyncio.to_thread(tls_context, endpoint)
    peers = await _resolved(endpoint)
    if context is None and not all(peer.is_loopback for peer in peers):
        raise Untrusted(f"{_where(endpoint)} is not this machine: use ldaps or start-tls; plain LDAP shows passwords")
    sock, peer = await _reached(endpoint, peers, timeout_s)
    wire = Wire(_where(endpoint), timeout_s)
    if context is None:
        await asyncio.get_running_loop().create_connection(lambda: wire, sock=sock)
    else:
        await _secured(endpoint, sock, wire, context, timeout_s)
    return wire, peer


async def _resolved(endpoint: Endpoint) -> list[Peer]:
    problem: Unreachable
    try:
        found = await asyncio.get_running_loop().getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "not a host name"
        problem = Unreachable(f"No address found for {endpoint.host[:_LONGEST_NAME]} ({said}): check the name and DNS")
    else:
        return list(dict.fromkeys(Peer(family, address) for family, _, _, _, address in found))
    raise problem


async def _reached(endpoint: Endpoint, peers: list[Peer], timeout_s: float) -> tuple[socket.socket, Peer]:
    """A socket to the first address that answers; each has its share of the time that is left, a fifth of all of it at
    least: the name of a large domain leads to dozens of servers, and each must have time to answer."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    problems: list[str] = []
    for tried, peer in enumerate(peers):
        left = deadline - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(left / (len(peers) - tried), timeout_s * _LEAST_SHARE)):
                return await _socket(peer), peer
        except TimeoutError:
            problems.append(f"{peer.text} does not answer")
        except OSError as error:
            problems.append(f"{peer.text}: {_said(error)}")
    more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
    told = f"{'; '.join(problems[:_MOST_TOLD])}{more}"
    raise Unreachable(f"{_where(endpoint)} is not reachable ({told}): is the directory server running?")


async def _socket(peer: Peer) -> socket.socket:
    sock = socket.socket(peer.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.get_running_loop().sock_connect(sock, peer.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


async def _secured(
    endpoint: Endpoint, sock: socket.socket, wire: Wire, context: ssl.SSLContext, timeout_s: float
) -> None:
    problem: LdapError
    try:
        if endpoint.security is Security.START_TLS:
            await _start_tls(endpoint, sock, wire, context, timeout_s)
        else:
            await asyncio.get_running_loop().create_connection(
                lambda: wire,
                sock=sock,
                ssl=context,
                server_hostname=tls_name(endpoint),
                ssl_handshake_timeout=2 * timeout_s,
                ssl_shutdown_timeout=_SHUTDOWN_S,
            )
    except ssl.SSLError as error:
        problem = distrust(endpoint, error)
    except (OSError, ValueError) as error:
        problem = Disconnected(
            f"{_where(endpoint)} broke off TLS ({_said(error)}): is the port right for {endpoint.security}?"
        )
    else:
        return
    raise problem


async def _start_tls(
    endpoint: Endpoint, sock: socket.socket, wire: Wire, context: ssl.SSLContext, timeout_s: float
) -> None:
    """Nothing that came in the clear is ever seen by `wire`."""
    loop = asyncio.get_running_loop()
    transport, asking = await loop.create_connection(lambda: AskForTls(endpoint), sock=sock)
    try:
        await asking.granted
        secure = await loop.start_tls(
            transport,
            wire,
            context,
            server_hostname=tls_name(endpoint),
            ssl_handshake_timeout=2 * timeout_s,
            ssl_shutdown_timeout=_SHUTDOWN_S,
        )
    except BaseException:
        transport.abort()
        raise
    assert secure is not None
    wire.connection_made(secure)


class AskForTls(asyncio.Protocol):
    """Takes one answer in the clear. What comes behind it, before TLS, was put there by somebody in between."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._framer = Framer(_LARGEST_ANSWER)
        self._transport: asyncio.Transport | None = None
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(requests.message(1, requests.start_tls()))

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self.granted.done():
            return
        try:
            self._framer.feed(data)
            answer = self._framer.next()
            if answer is not None:
                self._transport.pause_reading()
                self._judge(answer)
        except LdapError as error:
            self.granted.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.granted.done():
            self.granted.set_exception(Disconnected(f"{_where(self._endpoint)} closed the connection before TLS"))

    def _judge(self, answer: Message) -> None:
        if answer.tag != EXTENDED or not self._framer.is_empty:
            raise Untrusted(f"{_where(self._endpoint)} sent more than its consent to TLS: somebody may sit in between")
        found = result(answer)
        if found.code != SUCCESS:
            raise Untrusted(f"{_where(self._endpoint)} refuses StartTLS ({refusal(found)}): use ldaps instead")
        self.granted.set_result(None)


def _said(error: Exception) -> str:
    """The system's own words; asyncio's wrap the address in them."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error) or "the connection was closed"


def _where(endpoint: Endpoint) -> str:
    return f"{endpoint.host}:{endpoint.port}"
