"""The id in Entra that a managed domain's users and groups carry: in which attribute, and in which form.

Microsoft publishes neither: `msDS-aadObjectId` or the older `msDS-AzureADObjectId`, 16 bytes or text, the text with a
prefix such as `User_` (facts/domain.md 1.2, 6.2).
"""

from __future__ import annotations

import re
from contextlib import suppress

from tui.ldap.entries import Entry
from tui.ldap.values import filter_escaped, guid_bytes, guid_text

OBJECT_ID_ATTRIBUTES = ("msDS-aadObjectId", "msDS-AzureADObjectId")
PREFIXES = ("User_", "Group_")
_TEXT = re.compile(rb"(?:[A-Za-z]{1,32}_)?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})", re.ASCII)


def object_id_of(entry: Entry) -> str | None:
    """The object id in lower case with hyphens; None where there is none that can be read."""
    values = (value for name in OBJECT_ID_ATTRIBUTES for value in entry.values(name))
    return next((found for value in values if (found := _read(value)) is not None), None)


def has_object_id(entry: Entry) -> bool:
    """Whether the sync made this object, also where its id cannot be read."""
    return any(entry.values(name) for name in OBJECT_ID_ATTRIBUTES)


def object_id_filter(object_id: str) -> str:
    """A filter (RFC 4515) that finds the object of this id, whichever attribute and form the domain uses."""
    forms = [object_id, *(f"{prefix}{object_id}" for prefix in PREFIXES)]
    asserted = [filter_escaped(form) for form in forms]
    with suppress(ValueError):
        asserted.append(filter_escaped(guid_bytes(object_id)))
    return f"(|{''.join(f'({name}={value})' for name in OBJECT_ID_ATTRIBUTES for value in asserted)})"


def _read(value: bytes) -> str | None:
    if len(value) == 16:
        return guid_text(value)
    found = _TEXT.fullmatch(value.strip())
    return found[1].decode().lower() if found else None
