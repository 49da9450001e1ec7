"""The searches of an Active Directory that need more than a filter: what was deleted, and every member of a group."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from tui.lab.directory_import_entries import MEMBER, guid_of, plain_dn
from tui.ldap.connection import Connection
from tui.ldap.entries import SHOW_DELETED, Control, Entry
from tui.ldap.errors import Refused

EXTENDED_DN = Control("1.2.840.113556.1.4.529", b"\x30\x03\x02\x01\x01")
"""References come with their GUID, as text (MS-ADTS 3.1.1.3.4.1.5): a member that is renamed is still the same."""
DELETED_OBJECTS = "18e2ea80684f11d2b9aa00c04f79f805"
"""Of the container, whatever its name (MS-ADTS 6.1.1.4)."""
NO_SUCH_OBJECT, INSUFFICIENT_ACCESS = 32, 50
MOST_RANGES = 1000

_DOMAIN_PART = re.compile(r"(?:\A|,) *DC=([^,]+)", re.IGNORECASE)
_RANGE = re.compile(rf"{MEMBER};range=(\d+)-(\d+|\*)\Z", re.IGNORECASE)


def dns_name(dn: str) -> str:
    """`corp.example` of `OU=People,DC=corp,DC=example`."""
    return ".".join(_DOMAIN_PART.findall(dn)).lower()


def naming_context(dn: str) -> str:
    """`DC=corp,DC=example` of whatever is below it."""
    return ",".join(f"DC={part}" for part in _DOMAIN_PART.findall(dn))


async def deleted_since(connection: Connection, dn: str, first_usn: int) -> AsyncIterator[str]:
    """GUIDs of what was deleted in the domain of `dn`; none where the account may not know, as ordinary ones may not
    (facts/domain.md 6.3)."""
    base, filter = f"<WKGUID={DELETED_OBJECTS},{naming_context(dn)}>", f"(&(isDeleted=TRUE)(uSNChanged>={first_usn}))"
    try:
        async for page in connection.search(base, filter, ("objectGUID",), controls=(SHOW_DELETED,)):
            for entry in page:
                yield guid_of(entry) or ""
    except Refused as error:
        if error.code not in (NO_SUCH_OBJECT, INSUFFICIENT_ACCESS):
            raise


async def all_members(connection: Connection, entry: Entry) -> tuple[str, ...]:
    """Every member of a group, also where the server gives them in ranges (MS-ADTS 3.1.1.3.1.3.3)."""
    members = [*entry.texts(MEMBER)]
    part: Entry | None = entry
    for _ in range(MOST_RANGES):
        found = _range(part)
        if found is None:
            break
        name, last = found
        members += part.texts(name) if part is not None else ()
        if last is None:
            break
        part = await connection.read(plain_dn(entry.dn), (f"{MEMBER};range={last + 1}-*",), controls=(EXTENDED_DN,))
    return tuple(members)


def _range(entry: Entry | None) -> tuple[str, int | None] | None:
    """The name of the attribute that holds a range of members, and its last place; None for the last range."""
    for name in entry.attributes if entry is not None else ():
        if found := _RANGE.match(name):
            return name, None if found[2] == "*" else int(found[2])
    return None
