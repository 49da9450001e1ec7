"""A directory server in memory in place of `tui.ldap`'s connection: what it holds, counts, refuses and breaks."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.helpers import ManualClock
from tests.sources.ldap_filter import matches
from tui.ldap.connection import Connection
from tui.ldap.endpoint import Endpoint
from tui.ldap.entries import Control, Entry
from tui.ldap.errors import LdapError, Refused
from tui.ldap.values import dn_key
from tui.settings import DirectorySettings
from tui.sources.ldap_session import DirectorySession

ACTIVE_DIRECTORY = {"supportedCapabilities": "1.2.840.113556.1.4.800", "isSynchronized": "TRUE"}
OPENLDAP = {"objectClass": "OpenLDAProotDSE"}
WRONG_PASSWORD = "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52e, v4563"
EXCHANGE_ATTRIBUTES = frozenset({"mailnickname", "msexchrecipienttypedetails"})
SETTINGS = DirectorySettings(url="ldaps://dc1.example", bind_user="monitor@example", password_env="PASSWORD")


def refused(code: int, name: str = "", subcode: str = "") -> Refused:
    error = Refused(code, name or f"code{code}", WRONG_PASSWORD if subcode else "")
    error.subcode = subcode
    return error


def values(value: Any) -> tuple[bytes, ...]:
    many = value if isinstance(value, list | tuple) else [value]
    return tuple(each if isinstance(each, bytes) else str(each).encode() for each in many)


class FakeDirectory:
    """`unknown`: attributes and classes that the schema lacks. `on_page` runs before each page of a search; `errors`
    are raised by the next operations, in turn. `searches`: (base, filter) of each. `empty_pages`: so many come before
    those that hold something."""

    def __init__(self, clock: ManualClock, base: str = "DC=example", **root: str) -> None:
        self.clock = clock
        self.base = base
        self.root = root or ACTIVE_DIRECTORY
        self.host = "dc1.example"
        self.invocation = uuid.uuid5(uuid.NAMESPACE_DNS, "dc1")
        self.offset_s = 0.0
        self.usn = 100
        self.unknown: frozenset[str] = EXCHANGE_ATTRIBUTES
        self.password = "right"
        self.refusal = refused(49, "invalidCredentials", "52e")
        self.entries: dict[str, Entry] = {}
        self.connects = 0
        self.binds: list[tuple[str, str]] = []
        self.answers_binds = asyncio.Event()
        self.answers_binds.set()
        self.searches: list[tuple[str, str]] = []
        self.errors: list[LdapError | None] = []
        self.on_page: Callable[[], None] = lambda: None
        self.empty_pages = 0
        self.open: list[FakeConnection] = []
        self.put("", objectClass="domain")

    @property
    def is_active_directory(self) -> bool:
        return "supportedCapabilities" in self.root

    def put(self, dn: str, **attributes: Any) -> str:
        """Add an entry below the base, or replace attributes of it; its full name."""
        full = f"{dn},{self.base}" if dn else self.base
        before = self.entries.get(dn_key(full))
        given = {name.lower().replace("_", "-"): values(value) for name, value in attributes.items()}
        self.usn += 1
        made = (
            {} if before else self._stamps(created=True) | {"objectguid": (uuid.uuid5(self.invocation, dn).bytes_le,)}
        )
        held = {**(before.attributes if before else {}), **made, **self._stamps(created=False), **given}
        self.entries[dn_key(full)] = Entry(full, held)
        return full

    def delete(self, dn: str) -> None:
        del self.entries[dn_key(f"{dn},{self.base}")]
        self.usn += 1

    def user(self, name: str, under: str = "OU=People", **attributes: Any) -> str:
        classes = ["top", "person", "organizationalPerson", "user"]
        given = {"cn": name, "sAMAccountName": name, "displayName": name.title(), "userAccountControl": 512}
        return self.put(f"CN={name},{under}", objectClass=classes, objectCategory="person", **{**given, **attributes})

    def group(self, name: str, under: str = "OU=People", **attributes: Any) -> str:
        given = {"cn": name, "sAMAccountName": name, "groupType": -2147483646}
        return self.put(f"CN={name},{under}", objectClass=["top", "group"], **{**given, **attributes})

    async def connect(self, endpoint: Endpoint, *, timeout_s: float) -> Connection:
        self.connects += 1
        self.fail()
        self.open.append(FakeConnection(self))
        return self.open[-1]

    def fail(self) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    def root_dse(self) -> Entry:
        now = self.clock.now() + timedelta(seconds=self.offset_s)
        told = {"namingContexts": self.base, **self.root}
        if self.is_active_directory:
            told |= {
                "defaultNamingContext": self.base,
                "dnsHostName": self.host,
                "currentTime": f"{now:%Y%m%d%H%M%S}.0Z",
                "highestCommittedUSN": str(self.usn),
                "dsServiceName": "CN=NTDS Settings",
            }
        return Entry("", {name.lower(): values(value) for name, value in told.items()})

    def session(self, password: str = "right", settings: DirectorySettings = SETTINGS) -> DirectorySession:
        """What reads this directory; the password may be changed in `environ`."""
        self.environ = {"PASSWORD": password}
        return DirectorySession(
            settings, self.clock, label="managed domain", environ=self.environ, connect=self.connect
        )

    def _made(self, dn: str) -> Mapping[str, tuple[bytes, ...]]:
        return {**self._stamps(created=True), "objectguid": (uuid.uuid5(self.invocation, dn).bytes_le,)}

    def _stamps(self, *, created: bool) -> Mapping[str, tuple[bytes, ...]]:
        now = self.clock.now() + timedelta(seconds=self.offset_s)
        second = f"{now:%Y%m%d%H%M%S}"
        if not self.is_active_directory:
            stamp = f"{second}.{self.usn:06d}Z#000000#000#000000"
            return {"createtimestamp": values(f"{second}Z")} if created else {
                "modifytimestamp": values(f"{second}Z"), "entrycsn": values(stamp)}  # fmt: skip
        if created:
            return {"whencreated": values(f"{second}.0Z"), "usncreated": values(self.usn)}
        return {"whenchanged": values(f"{second}.0Z"), "usnchanged": values(self.usn)}


class FakeConnection(Connection):
    """Answers from the directory; each operation takes the next of its errors first."""

    def __init__(self, directory: FakeDirectory) -> None:
        self._directory = directory
        self.closed = False

    @property
    def address(self) -> str:
        return "10.0.0.4:636"

    @property
    def is_closed(self) -> bool:
        return self.closed

    async def bind(self, user: str, password: str) -> None:
        self._directory.binds.append((user, password))
        await self._directory.answers_binds.wait()
        self._directory.fail()
        if password != self._directory.password:
            raise self._directory.refusal

    async def read(
        self, dn: str, attributes: Sequence[str] = ("*",), *, controls: Sequence[Control] = ()
    ) -> Entry | None:
        self._directory.fail()
        if not dn:
            return self._directory.root_dse()
        if dn == "CN=NTDS Settings":
            return Entry(dn, {"invocationid": (self._directory.invocation.bytes_le,)})
        entry = self._directory.entries.get(dn_key(dn))
        return _picked(entry, attributes) if entry else None

    async def search(
        self, base: str, filter: str, attributes: Sequence[str] = ("1.1",), *, page_size: int = 1000, **_: Any
    ) -> AsyncIterator[Sequence[Entry]]:
        directory = self._directory
        directory.searches.append((base, filter))
        below = [entry for key, entry in directory.entries.items() if f",{key}".endswith(f",{dn_key(base)}")]
        found = [_picked(entry, attributes) for entry in below if matches(filter, entry, directory.unknown)]
        for _ in range(directory.empty_pages):
            yield []
        for start in range(0, max(len(found), 1), page_size):
            directory.on_page()
            directory.fail()
            yield found[start : start + page_size]

    async def aclose(self) -> None:
        self.closed = True


def _picked(entry: Entry, attributes: Sequence[str]) -> Entry:
    """Only what was asked for is sent."""
    if "*" in attributes:
        return entry
    wanted = {name.lower() for name in attributes}
    return Entry(entry.dn, {name: held for name, held in entry.attributes.items() if name in wanted})
