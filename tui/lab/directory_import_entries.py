"""What Connect takes of an entry of a real Active Directory, and which entries it leaves out. Pure.

Rules: learn.microsoft.com/entra/identity/hybrid/connect/concept-azure-ad-connect-sync-default-configuration; the
source anchor: facts/domain.md 6.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from tui.lab.onprem import anchor_of
from tui.ldap.entries import Entry
from tui.ldap.values import guid_text, parent, sid_text
from tui.model.states import ObjectType

FILTER = "(|(objectClass=user)(objectClass=group)(objectClass=contact))"
"""Computers are users, too."""
MEMBER = "member"
DISABLED = 0x2
SECURITY_GROUP = 0x80000000
LONGEST_ANCHOR = 64
MOST_MEMBERS = 250_000

# The first class that an entry has says what it is.
_KINDS = (
    ("computer", ObjectType.DEVICES),
    ("contact", ObjectType.CONTACTS),
    ("group", ObjectType.GROUPS),
    ("user", ObjectType.USERS),
)
_PERSON = ("displayName", "mail", "givenName", "sn", "department", "title", "company", "mailNickname")
_TEXTS: Mapping[ObjectType, Sequence[str]] = {
    ObjectType.USERS: (*_PERSON, "l", "co", "sAMAccountName", "userPrincipalName", "pwdLastSet"),
    ObjectType.GROUPS: ("displayName", "mail", "mailNickname", "sAMAccountName"),
    ObjectType.CONTACTS: _PERSON,
    ObjectType.DEVICES: ("displayName", "operatingSystem", "sAMAccountName"),
}
_READ = (
    *("objectClass", "objectGUID", "mS-DS-ConsistencyGuid", "objectSid", "cn", "proxyAddresses", "employeeID"),
    *("userAccountControl", "groupType", "isCriticalSystemObject", "isDeleted", "userCertificate", MEMBER),
)
ATTRIBUTES = (*_READ, *dict.fromkeys(name for names in _TEXTS.values() for name in names))

_REFERENCE = re.compile(r"(?:<(\w+)=([^>]*)>;)", re.ASCII)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_NEVER = re.compile(r"AAD_|MSOL_|SUPPORT_388945a0\Z|CAS_.*\}|SystemMailbox\{")
_CONFLICT = "\\0ACNF:"


class Imported(Struct, frozen=True, kw_only=True):
    """An object that Connect synchronizes. `attributes` as the lab's `AdObject` carries them, `members` are GUIDs."""

    guid: str
    kind: ObjectType
    anchor: str
    ou: str
    attributes: Mapping[str, Any]
    members: tuple[str, ...] = ()


def guid_of(entry: Entry) -> str | None:
    return guid_text(entry.value("objectGUID") or b"")


def imported(entry: Entry, members: Sequence[str], domain: str) -> Imported | None:
    """The object in `entry`, or None where Connect leaves it out. `members`: all of a group's, as the server names
    them with their GUIDs; `domain`: the DNS name, for a user without userPrincipalName."""
    kind, guid = kind_of(entry), guid_of(entry)
    if kind is None or guid is None or not is_synchronized(kind, entry, len(members)):
        return None
    dn = plain_dn(entry.dn)
    return Imported(
        guid=guid,
        kind=kind,
        anchor=anchor_of(_anchor(entry)),
        ou=parent(dn),
        attributes={**_attributes(kind, entry, domain), "distinguishedName": dn, "objectGUID": guid},
        members=tuple(dict.fromkeys(found for found in map(referred_guid, members) if found)),
    )


def kind_of(entry: Entry) -> ObjectType | None:
    classes = {name.casefold() for name in entry.texts("objectClass")}
    return next((kind for name, kind in _KINDS if name in classes), None)


def is_synchronized(kind: ObjectType, entry: Entry, members: int = 0) -> bool:
    """Connect's rules without those of Exchange's own mailboxes."""
    if entry.value("isCriticalSystemObject") == b"TRUE" or _CONFLICT in entry.dn:
        return False
    if kind is ObjectType.USERS:
        names = (entry.text("sAMAccountName") or "", entry.text("mailNickname") or "")
        return bool(names[0]) and not any(map(_NEVER.match, names))
    if kind is ObjectType.GROUPS:
        return members < MOST_MEMBERS and (_is_security_group(entry) or _has_mail(entry))
    return _has_mail(entry) if kind is ObjectType.CONTACTS else bool(entry.value("userCertificate"))


def referred_guid(reference: str) -> str | None:
    """The GUID in `<GUID=...>;<SID=...>;CN=...`, as the control LDAP_SERVER_EXTENDED_DN makes references (MS-ADTS
    3.1.1.3.4.1.5); None where there is none."""
    parts = {name.upper(): value.lower() for name, value in _REFERENCE.findall(reference)}
    guid = parts.get("GUID", "")
    return guid if _GUID.fullmatch(guid) else None


def plain_dn(reference: str) -> str:
    """The distinguished name without the ids before it."""
    at = 0
    while found := _REFERENCE.match(reference, at):
        at = found.end()
    return reference[at:]


def _anchor(entry: Entry) -> bytes:
    own = entry.value("mS-DS-ConsistencyGuid") or b""
    return own if 0 < len(own) <= LONGEST_ANCHOR else entry.value("objectGUID") or b""


def _attributes(kind: ObjectType, entry: Entry, domain: str) -> dict[str, Any]:
    """Only what the entry has; a name to show is always among it."""
    texts = {name: text for name in _TEXTS[kind] if (text := entry.text(name))}
    found = {
        **texts,
        "displayName": texts.get("displayName") or entry.text("cn") or texts.get("sAMAccountName") or "",
        "proxyAddresses": sorted(entry.texts("proxyAddresses")),
        "objectSid": sid_text(entry.value("objectSid") or b""),
        **_of_kind(kind, entry, texts, domain),
    }
    return {name: value for name, value in found.items() if value is not None and value != []}


def _of_kind(kind: ObjectType, entry: Entry, texts: Mapping[str, str], domain: str) -> dict[str, Any]:
    if kind is ObjectType.GROUPS:
        return {"securityEnabled": _is_security_group(entry)}
    if kind is not ObjectType.USERS:
        return {}
    return {
        "userPrincipalName": texts.get("userPrincipalName") or f"{texts.get('sAMAccountName', '')}@{domain}",
        "employeeId": entry.text("employeeID"),
        "enabled": not (entry.integer("userAccountControl") or 0) & DISABLED,
    }


def _is_security_group(entry: Entry) -> bool:
    return bool((entry.integer("groupType") or 0) & SECURITY_GROUP)


def _has_mail(entry: Entry) -> bool:
    """A mail attribute, and an address among its addresses."""
    return "@" in (entry.text("mail") or "") and bool(entry.value("proxyAddresses"))
