"""A synced object in the words of one directory server: which classes and attributes, and how values are written.

Values are kept as text here: identifiers and SIDs as people write them, whatever the server's syntax is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tui.ldap.entries import Entry as LdapEntry
from tui.ldap.entries import Value
from tui.ldap.values import guid_bytes, guid_text, sid_text
from tui.sync.errors import SchemaLacks
from tui.sync.mapping import DISABLED, GROUP_ATTRIBUTES, NEVER_EXPIRES, NORMAL_ACCOUNT, USER_ATTRIBUTES
from tui.sync.targets.ldap_mirror import Known
from tui.sync.targets.ldap_schema import OCTETS_SYNTAX, AttributeType, ObjectClass, Schema
from tui.sync.targets.target import Entry, Kind

NT_PASSWORD = "sambaNTPassword"  # noqa: S105 - an attribute's name
OBJECT_IDS = ("msDS-aadObjectId", "msDS-AzureADObjectId")
NOT_REQUIRED = 0x20
_CLASSES: Mapping[Kind, tuple[str, ...]] = {
    "user": ("user", "inetOrgPerson"),
    "group": ("group", "groupOfMembers", "groupOfNames"),
}
_CONTROL_BITS = NORMAL_ACCOUNT | DISABLED | NEVER_EXPIRES | NOT_REQUIRED
_MUST_CHANGE, _SET_NOW = "0", "-1"
_NT_HASH = re.compile(r"[0-9A-Fa-f]{32}")
_USER_PREFIX = re.compile(r"\A(?:User|Group)_", re.IGNORECASE)
# MS-ADTS 3.1.1.5.3.2: sIDHistory is written by DsAddSidHistory alone; Samba and Active Directory refuse it over LDAP.
_BY_RULE = {"sidhistory": "Active Directory takes it by DsAddSidHistory only, not over LDAP"}

Texts = dict[str, tuple[str, ...]]


class Shape(Struct, frozen=True, kw_only=True):
    """Made by `shape_of`. `classes`: the structural class of each kind. `attributes`: what may be written, by kind, as
    lower-case name -> type. `notes`: what cannot be held and why, for people."""

    is_active_directory: bool
    classes: Mapping[Kind, ObjectClass]
    attributes: Mapping[Kind, Mapping[str, AttributeType]]
    notes: tuple[str, ...] = ()
    takes_hashes: bool = False

    @property
    def read(self) -> tuple[str, ...]:
        """The attributes to ask for, to know an entry; members are not among them."""
        known = {each.name for kind in self.attributes.values() for each in kind.values()}
        return ("objectClass", "cn", *OBJECT_IDS, *sorted(known - set(OBJECT_IDS)))

    def wanted(self, entry: Entry) -> Texts:
        """The attributes of an entry as they shall be, by lower-case name, sorted."""
        known = self.attributes[entry.kind]
        given = {name.lower(): values for name, values in entry.attributes.items()}
        given["samaccountname"] = (entry.name,)
        if entry.kind == "user" and self.is_active_directory:
            forced = given.get("pwdlastset") == (_MUST_CHANGE,)
            given["pwdlastset"] = (_MUST_CHANGE if forced else _SET_NOW,)
        if "sn" in self.classes[entry.kind].must and "sn" not in given:
            given["sn"] = given.get("displayname", (entry.name,))
        return {name: _distinct(values) for name, values in given.items() if name in known and values}

    def held(self, kind: Kind, entry: LdapEntry) -> Texts:
        """The same of an entry that the server has."""
        texts: Texts = {}
        for name, each in self.attributes[kind].items():
            values = entry.values(each.name)
            if values:
                texts[name] = tuple(sorted(_normal(name, _decoded(each, value), self) for value in values))
        return texts

    def known(self, entry: LdapEntry, object_id: str, *, owned: bool) -> Known | None:
        """The entry of an object as the server has it; None for one that is neither user nor group."""
        kind = self.kind_of(entry)
        if kind is None:
            return None
        texts = self.held(kind, entry)
        return Known(
            object_id=object_id,
            kind=kind,
            dn=entry.dn,
            name=next(iter(texts.get("samaccountname", ())), entry.text("cn") or ""),
            upn_key=next((upn.casefold() for upn in texts.get("userprincipalname", ())), None),
            owned=owned,
            attributes=texts,
        )

    def id_attribute(self, kind: Kind) -> str:
        return OBJECT_IDS[0 if kind == "user" else 1]

    def id_value(self, entry: Entry) -> Value:
        """An object's id as the server stores it. Raises ValueError."""
        return self.encoded(entry.kind, self.id_attribute(entry.kind).lower(), (entry.object_id,))[0]

    def encoded(self, kind: Kind, name: str, values: Sequence[str]) -> tuple[Value, ...]:
        """Values as the server takes them. Raises ValueError."""
        attribute = self.attributes[kind][name]
        if attribute.syntax != OCTETS_SYNTAX:
            return tuple(values)
        encode = sid_bytes if name == "sidhistory" else guid_bytes
        return tuple(encode(value) for value in values)

    def name_of(self, kind: Kind, attribute: str) -> str:
        """The attribute as the schema spells it."""
        return self.attributes[kind][attribute].name

    def created(self, kind: Kind, name: str, texts: Texts) -> dict[str, Sequence[Value]]:
        """Everything of a new entry but references and credentials. Raises ValueError."""
        attributes: dict[str, Sequence[Value]] = {"objectClass": (self.classes[kind].name,), "cn": (name,)}
        known = self.attributes[kind]
        for attribute, values in texts.items():
            attributes[known[attribute].name] = self.encoded(kind, attribute, values)
        return attributes

    def kind_of(self, entry: LdapEntry) -> Kind | None:
        """Whether an entry is a user or a group by its classes."""
        found = {name.lower() for name in entry.texts("objectClass")}
        if self.classes["group"].name.lower() in found:
            return "group"
        return "user" if self.classes["user"].name.lower() in found and "computer" not in found else None

    def hashes(self, credentials: Mapping[str, str]) -> tuple[Value, ...]:
        """The NT hash in the form of sambaNTPassword, where there is one."""
        hash = credentials.get("nt", "")
        return (hash.upper(),) if self.takes_hashes and _NT_HASH.fullmatch(hash) else ()


def shape_of(schema: Schema, *, is_active_directory: bool) -> Shape:
    """What of the sync's attributes the server knows. Raises `SchemaLacks` where it cannot tell synced objects."""
    classes = {kind: _class_of(schema, kind) for kind in _CLASSES}
    attributes: dict[Kind, Mapping[str, AttributeType]] = {}
    left_out: dict[str, Mapping[str, str]] = {}
    for kind, names in (("user", USER_ATTRIBUTES), ("group", GROUP_ATTRIBUTES)):
        attributes[kind], left_out[kind] = _known(schema, classes[kind], names, is_active_directory)  # type: ignore[index]
    _require_ids(attributes)
    return Shape(
        is_active_directory=is_active_directory,
        classes=classes,
        attributes=attributes,
        notes=_notes(left_out),
        takes_hashes=not is_active_directory and classes["user"].allows(NT_PASSWORD),
    )


def object_id_of(entry: LdapEntry) -> str | None:
    """The object id that an entry carries, as text or as a GUID's 16 bytes (facts/domain.md 6.2)."""
    for name in OBJECT_IDS:
        value = entry.value(name)
        if value:
            return _id_text(value)
    return None


def digest(credentials: Mapping[str, str]) -> str:
    """Tells hashes from others without holding them; empty for none."""
    if not credentials:
        return ""
    return hashlib.sha256(json.dumps(credentials, sort_keys=True).encode()).hexdigest()


def sid_bytes(text: str) -> bytes:
    """A security identifier in binary (MS-DTYP 2.4.2.2). Raises ValueError."""
    _, revision, authority, *parts = text.split("-")
    head = bytes((int(revision), len(parts))) + int(authority).to_bytes(6, "big")
    try:
        return head + b"".join(int(part).to_bytes(4, "little") for part in parts)
    except OverflowError as error:
        raise ValueError("a part of the security identifier is too large") from error


def _class_of(schema: Schema, kind: Kind) -> ObjectClass:
    for name in _CLASSES[kind]:
        if name.lower() in schema.classes:
            found = schema.classes[name.lower()]
            return ObjectClass(name, found.must, found.may)
    names = " or ".join(_CLASSES[kind])
    raise SchemaLacks(f"The directory has no object class for a {kind}, {names}: extend its schema")


def _known(
    schema: Schema, object_class: ObjectClass, names: Iterable[str], is_active_directory: bool
) -> tuple[dict[str, AttributeType], dict[str, str]]:
    """Attributes that may be written, and those that may not with the reason."""
    known: dict[str, AttributeType] = {}
    left_out: dict[str, str] = {}
    for name in names:
        attribute = schema.attributes.get(name.lower())
        if attribute is None:
            left_out[name] = "the directory's schema does not know it"
        elif not (object_class.allows(name) or object_class.allows(attribute.name)):
            left_out[name] = f"the directory's class {object_class.name} does not allow it"
        elif is_active_directory and name.lower() in _BY_RULE:
            left_out[name] = _BY_RULE[name.lower()]
        else:
            known[name.lower()] = attribute
    return known, left_out


def _notes(left_out: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """What is left out of whom, for people. `left_out`: kind -> name -> reason."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for kind, reasons in left_out.items():
        for reason in dict.fromkeys(reasons.values()):
            names = ", ".join(name for name in reasons if reasons[name] == reason)
            kinds.setdefault((names, reason), []).append(kind)
    return tuple(f"Left out of every {' and '.join(of)}: {names} ({why})" for (names, why), of in kinds.items())


def _require_ids(attributes: Mapping[Kind, Mapping[str, AttributeType]]) -> None:
    for kind, name in zip(("user", "group"), OBJECT_IDS, strict=True):
        if name.lower() not in attributes[kind]:  # type: ignore[index]
            raise SchemaLacks(
                f"The directory cannot store the object id of a {kind}: add the attribute {name} to its schema, as a "
                "directory string that its class allows"
            )


def _decoded(attribute: AttributeType, value: bytes) -> str:
    if attribute.syntax != OCTETS_SYNTAX:
        return value.decode("utf-8", "replace")
    known = sid_text(value) if attribute.name.lower() == "sidhistory" else guid_text(value)
    return known if known is not None else value.hex()


def _normal(name: str, text: str, shape: Shape) -> str:
    """Values that the server keeps in its own way, reduced to what the sync is in charge of."""
    if not shape.is_active_directory:
        return text
    if name == "pwdlastset":
        return _MUST_CHANGE if text == _MUST_CHANGE else _SET_NOW
    if name == "useraccountcontrol" and text.lstrip("-").isdigit():
        return str(int(text) & _CONTROL_BITS)
    return text


def _distinct(values: Sequence[str]) -> tuple[str, ...]:
    """Sorted, and each once: directories compare nearly all text without regard to case."""
    if len(values) == 1:
        return tuple(values)
    return tuple(sorted({value.casefold(): value for value in reversed(values)}.values()))


def _id_text(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    if len(value) == 16 and not text.isprintable():
        return guid_text(value) or text
    return _USER_PREFIX.sub("", text)
