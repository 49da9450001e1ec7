"""Who answers: the rootDSE of a directory server (RFC 4512 section 5.1, facts/domain.md 6.2)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from tui.ldap.connection import Connection
from tui.ldap.entries import Entry
from tui.ldap.errors import Refused
from tui.ldap.values import generalized_time, guid_text
from tui.model.text import clean

ROOT_ATTRIBUTES = (
    "objectClass",
    "defaultNamingContext",
    "namingContexts",
    "dnsHostName",
    "highestCommittedUSN",
    "currentTime",
    "isSynchronized",
    "dsServiceName",
    "supportedCapabilities",
)
_ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
_LONGEST_NAME = 255
_LARGEST_USN = 2**63
_FINEST_S = 1.0


class ServerKind(StrEnum):
    ACTIVE_DIRECTORY = "active-directory"
    OPENLDAP = "openldap"
    OTHER = "other"


class RootDse(Struct, frozen=True, kw_only=True):
    """`base`: where searches start. `host`: what the server calls itself, else its address. Text is clean.

    `invocation`: the database that USNs belong to, as GUID, else the server's own distinguished name; empty where the
    server has neither. `highest_usn` None: it counts no changes. `clock_offset_s`: its clock minus ours; it tells whole
    seconds, so that less than one counts as none.
    """

    base: str
    host: str
    kind: ServerKind
    highest_usn: int | None = None
    invocation: str = ""
    server_time: datetime | None = None
    clock_offset_s: float | None = None
    is_synchronized: bool | None = None


def root_of(entry: Entry, *, address: str, base_dn: str | None, invocation: str, now: datetime) -> RootDse:
    """`now`: our time when the server looked at its clock."""
    told = generalized_time(entry.value("currentTime"))
    return RootDse(
        base=base_dn or naming_context(entry),
        host=clean(entry.text("dnsHostName") or "", _LONGEST_NAME) or address,
        kind=_kind(entry),
        highest_usn=usn(entry, "highestCommittedUSN"),
        invocation=invocation,
        server_time=told,
        clock_offset_s=None if told is None else _offset_s(told, now),
        is_synchronized=_boolean(entry.text("isSynchronized")),
    )


def naming_context(entry: Entry) -> str:
    """Active Directory names its default; elsewhere the first one counts."""
    return entry.text("defaultNamingContext") or next(iter(entry.texts("namingContexts")), "")


def usn(entry: Entry, name: str) -> int | None:
    """A count of changes; None where it is missing or absurd."""
    number = entry.integer(name)
    return number if number is not None and 0 <= number < _LARGEST_USN else None


async def invocation_of(connection: Connection, service_name: str) -> str:
    """The id of the server's database, by its own entry; the entry's name where that may not be read."""
    if not service_name:
        return ""
    try:
        entry = await connection.read(service_name, ("invocationId",))
    except Refused:
        entry = None
    value = entry.value("invocationId") if entry else None
    return (guid_text(value) if value else None) or clean(service_name, _LONGEST_NAME)


def _offset_s(told: datetime, now: datetime) -> float:
    offset_s = (told - now).total_seconds()
    return offset_s if abs(offset_s) >= _FINEST_S else 0.0


def _kind(entry: Entry) -> ServerKind:
    if _ACTIVE_DIRECTORY in entry.texts("supportedCapabilities"):
        return ServerKind.ACTIVE_DIRECTORY
    classes = {name.casefold() for name in entry.texts("objectClass")}
    return ServerKind.OPENLDAP if "openldaprootdse" in classes else ServerKind.OTHER


def _boolean(text: str | None) -> bool | None:
    return {"TRUE": True, "FALSE": False}.get((text or "").upper())
