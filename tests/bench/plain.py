"""The yardstick: requests encoded beforehand, pushed through one TLS connection as fast as the server takes them."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.tenant import RunningTenant
from tests.directory.server import DirectoryServer
from tests.directory.sync_bench import directory_settings
from tui.clock import SystemClock
from tui.ldap import requests
from tui.ldap.entries import Change, Control, Value
from tui.ldap.framing import Framer
from tui.ldap.messages import result
from tui.settings import SyncSettings
from tui.sources.ldap_session import DirectorySession
from tui.sync.opening import assemble, open_state
from tui.sync.replicator import Step

WINDOW = 256
PIECE = 16 * 1024
_BIND_NUMBER = 2**31 - 1

Entries = dict[str, dict[str, Sequence[Value]]]


class Recorder:
    """Stands in for the server at a sync's writing end: the entries as they would be, members within."""

    def __init__(self) -> None:
        self.entries: Entries = {}

    async def add(
        self, dn: str, attributes: Mapping[str, Sequence[Value]], *, controls: Sequence[Control] = ()
    ) -> None:
        self.entries[dn] = dict(attributes)

    async def modify(self, dn: str, changes: Sequence[Change], *, controls: Sequence[Control] = ()) -> None:
        for change in changes:
            self.entries[dn][change.attribute] = [*self.entries[dn].get(change.attribute, ()), *change.values]

    async def delete(self, dn: str, *, controls: Sequence[Control] = ()) -> None:
        raise NotImplementedError

    async def rename(self, dn: str, rdn: str, *, superior: str | None = None) -> None:
        raise NotImplementedError


async def entries_of(tenant: RunningTenant, server: DirectoryServer) -> Entries:
    """What a sync of the whole tenant would make in an empty container of this server."""
    recorder, clock = Recorder(), SystemClock()
    with TemporaryDirectory(prefix="synctop-bench-") as folder, closing(open_state(Path(folder) / "state.db")) as db:
        settings = SyncSettings(directory=directory_settings(server), state_file=Path(folder) / "state.db")
        session = DirectorySession(settings.directory, clock, label="directory")
        upstream = tenant.upstream()
        sync = assemble(settings, upstream, clock, session, db, ExitStack(), writes=recorder)
        try:
            assert await sync.run_once() is Step.DONE, sync.state().error
        finally:
            await sync.aclose()
            await upstream.aclose()
    return recorder.entries


def add_all(server: DirectoryServer, entries: Entries) -> float:
    """Seconds to add them all."""
    return push(server, [requests.add(dn, attributes) for dn, attributes in entries.items()])


def replace_all(server: DirectoryServer, dns: Iterable[str], attribute: str, value: str) -> float:
    """Seconds to give all of them one value."""
    change = Change("replace", attribute, (value,))
    return push(server, [requests.modify(dn, [change]) for dn in dns])


def push(server: DirectoryServer, asked: Sequence[bytes], window: int = WINDOW) -> float:
    """Seconds until all are answered, with at most `window` under way. Fails where one is refused."""
    messages = [requests.message(number, request) for number, request in enumerate(asked, 1)]
    with _bound(server) as peer:
        began = time.monotonic()
        take = _taker(peer)
        sent = answered = 0
        while answered < len(messages):
            upto = min(len(messages), answered + window)
            if upto - sent >= window // 4 or upto == len(messages) > sent:
                peer.sendall(b"".join(messages[sent:upto]))
                sent = upto
            answered += take()
        return time.monotonic() - began


def _bound(server: DirectoryServer) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(server.ca_file))
    plain = socket.create_connection((server.address, server.port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer = context.wrap_socket(plain, server_hostname=server.address)
    peer.sendall(requests.message(_BIND_NUMBER, requests.bind(server.admin.user, server.admin.password)))
    assert _taker(peer)() == 1
    return peer


def _taker(peer: ssl.SSLSocket) -> Callable[[], int]:
    """How many requests the next piece of what the server sends answers, all of them well."""
    framer = Framer()

    def take() -> int:
        piece = peer.recv(PIECE)
        assert piece, "the server closed the connection"
        framer.feed(piece)
        number = 0
        while (message := framer.next()) is not None:
            assert result(message).code == 0, result(message)
            number += 1
        return number

    return take
