"""How tests read a real directory server as the monitor does."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.directory.peer import Peer
from tests.directory.server import Account, DirectoryServer
from tui.model.facts import DirectoryFacts
from tui.model.states import ObjectType, Side
from tui.settings import DirectorySettings
from tui.sources.ldap import LdapSource
from tui.sources.ldap_session import DirectorySession

PATIENCE_S = 10.0
USERS, GROUPS = ObjectType.USERS, ObjectType.GROUPS


_open: list[DirectorySession] = []


@pytest.fixture(autouse=True)
async def all_closed() -> AsyncIterator[None]:
    """Ends what `session` has opened, whatever becomes of the test."""
    yield
    while _open:
        await _open.pop().aclose()


class ShiftedClock:
    """The wall's clock, that may be moved on by hand."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._shift_s = 0.0

    def jump(self, seconds: float) -> None:
        self._shift_s += seconds

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._shift_s)

    def monotonic(self) -> float:
        return self._loop.time() + self._shift_s

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def session(
    server: DirectoryServer,
    *,
    account: Account | None = None,
    through: Peer | None = None,
    timeout_s: float = PATIENCE_S,
    clock: ShiftedClock | None = None,
    **settings: Any,
) -> DirectorySession:
    """To the server, or to a proxy before it, with the server's identity expected there."""
    account = account or server.reader
    url = server.url if through is None else f"ldaps://{through.address}:{through.port}"
    given = {"url": url, "tls_server_name": server.address, "ca_file": server.ca_file, "bind_user": account.user}
    opened = DirectorySession(
        DirectorySettings(**{**given, "password_env": "PASSWORD", **settings}),
        clock or ShiftedClock(),
        label="directory",
        timeout_s=timeout_s,
        environ={"PASSWORD": account.password},
    )
    _open.append(opened)
    return opened


def source(opened: DirectorySession, side: Side, clock: ShiftedClock | None = None) -> LdapSource:
    return LdapSource(opened, side, clock or ShiftedClock())


def numbers(facts: DirectoryFacts) -> tuple[int | None, int | None]:
    """Synced users and groups."""
    return facts.synced[USERS].value, facts.synced[GROUPS].value


def user(parent_dn: str, name: str, *more: str) -> str:
    """LDIF that adds an enabled account."""
    lines = (f"dn: CN={name},{parent_dn}", "changetype: add", "objectClass: user", f"sAMAccountName: {name}", *more)
    return "\n".join(lines) + "\n\n"


def group(parent_dn: str, name: str, *more: str) -> str:
    lines = (f"dn: CN={name},{parent_dn}", "changetype: add", "objectClass: group", f"sAMAccountName: {name}", *more)
    return "\n".join(lines) + "\n\n"


def replaced(dn: str, attribute: str, value: str) -> str:
    return f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n\n"


def id_of(number: int) -> str:
    return str(uuid.UUID(int=number))
