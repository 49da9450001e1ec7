"""What a typed name may be: a sign-in name, an account name, an id, a source anchor, a distinguished name ..."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from tui.model.text import clean
from tui.model.trace import Sighting

LONGEST_NAME = 200
MOST_FOUND = 10
SEARCHED_BY = "sign-in name, account name, mail, proxy address, display name, distinguished name, id and source anchor"
_GUID = re.compile(r"\{?(?:(?:user|group)_)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)
_SID = re.compile(r"S-1-\d{1,15}(?:-\d{1,10}){1,15}", re.IGNORECASE)
_DN = re.compile(r"(?:CN|OU|UID|DC)=.+,.*=.+", re.IGNORECASE)


class Lookup(Struct, frozen=True, kw_only=True):
    """`text` is clean. `account`: without a domain before a backslash. `guid`: lower case with hyphens. `anchor`:
    base64 of 16 bytes, also where `text` is the GUID it is made of."""

    text: str
    account: str
    guid: str | None = None
    anchor: str | None = None
    sid: str | None = None
    dn: str | None = None


def lookup(name: str) -> Lookup:
    """What `name` may mean; never raises. At most `LONGEST_NAME` characters of it count."""
    text = clean(name, LONGEST_NAME)
    guid = _guid(text)
    return Lookup(
        text=text,
        account=text.rpartition("\\")[2] or text,
        guid=guid,
        anchor=anchor_of_guid(guid) if guid else _anchor(text),
        sid=text.upper() if _SID.fullmatch(text) else None,
        dn=text if _DN.fullmatch(text) else None,
    )


def anchor_of_guid(guid: str) -> str:
    """The source anchor that Connect makes of an objectGUID: base64 of its bytes (facts/domain.md 6.3)."""
    return base64.b64encode(UUID(guid).bytes_le).decode()


def closeness(sought: Lookup, seen: Sighting) -> int:
    """How well an object answers to a name: 0 by an id, then sign-in name, account name, mail, address, name."""
    ref, text = seen.object, sought.text.casefold()
    if _is_id(sought, seen):
        return 0
    addresses = {address.casefold() for address in seen.attributes.get("proxyAddresses", ())}
    matches = (
        (ref.upn or "").casefold() == text,
        (seen.account_name or "").casefold() == sought.account.casefold(),
        text in _folded(seen.attributes.get("mail", ())),
        bool(addresses & {text, f"smtp:{text}"}),
        text in _folded([*seen.attributes.get("displayName", ()), ref.name or ""]),
    )
    hit = (place for place, is_match in enumerate(matches, 1) if is_match and text)
    return next(hit, len(matches) + 1)


def best_first(sought: Lookup, found: Sequence[Sighting]) -> list[Sighting]:
    """The best matches first, at most ten."""
    return sorted(found, key=lambda seen: closeness(sought, seen))[:MOST_FOUND]


def _is_id(sought: Lookup, seen: Sighting) -> bool:
    ref = seen.object
    return bool(
        (sought.guid and (ref.id or "").casefold() == sought.guid)
        or (ref.source_anchor and ref.source_anchor in (sought.anchor, sought.text))
        or (sought.sid and (seen.sid or "").upper() == sought.sid)
        or (sought.dn and (ref.dn or "").casefold() == sought.dn.casefold())
    )


def _folded(values: Sequence[str]) -> list[str]:
    return [value.casefold() for value in values]


def _guid(text: str) -> str | None:
    match = _GUID.fullmatch(text)
    return match.group(1).lower() if match else None


def _anchor(text: str) -> str | None:
    """`text` where it is base64 of 16 bytes."""
    try:
        return text if len(text) == 24 and len(base64.b64decode(text, validate=True)) == 16 else None
    except (binascii.Error, ValueError):
        return None
