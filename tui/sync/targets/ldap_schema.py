"""What a directory can hold: its schema, as it publishes it (RFC 4512 section 4.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from tui.ldap.connection import Connection
from tui.ldap.entries import Entry

TEXT_SYNTAX = "1.3.6.1.4.1.1466.115.121.1.15"
OCTETS_SYNTAX = "1.3.6.1.4.1.1466.115.121.1.40"
PUBLISHED = ("attributeTypes", "objectClasses", "dITContentRules")
_TOKEN = re.compile(r"[()$]|'[^']*'|[^\s()$']+")
_KEYWORDS = frozenset(
    ["NAME", "SUP", "SYNTAX", "MUST", "MAY", "AUX", "NOT", "DESC", "EQUALITY", "ORDERING", "SUBSTR", "USAGE"]
)
_FLAGS = frozenset(
    ["OBSOLETE", "SINGLE-VALUE", "COLLECTIVE", "NO-USER-MODIFICATION", "ABSTRACT", "STRUCTURAL", "AUXILIARY"]
)
_PUNCTUATION = frozenset("()$")
_DEEPEST = 32
_ASKED = "subschemaSubentry"

Definition = Mapping[str, Sequence[str]]


class AttributeType(Struct, frozen=True):
    """`syntax`: its object identifier; empty where it is not told."""

    name: str
    syntax: str = ""
    single: bool = False


class ObjectClass(Struct, frozen=True):
    """`must` and `may`: attributes by lower-case name, with those of all superior and auxiliary classes."""

    name: str
    must: frozenset[str]
    may: frozenset[str]

    def allows(self, attribute: str) -> bool:
        return attribute.lower() in self.must or attribute.lower() in self.may


class Schema(Struct, frozen=True):
    """By lower-case names."""

    attributes: Mapping[str, AttributeType] = field(default_factory=dict)
    classes: Mapping[str, ObjectClass] = field(default_factory=dict)


async def read_schema(connection: Connection) -> Schema:
    """The schema that is in force. Raises an `LdapError`."""
    root = await connection.root(_ASKED)
    entry = await connection.read(root.text(_ASKED) or "cn=Subschema", PUBLISHED)
    return schema_of(entry) if entry is not None else Schema()


def schema_of(entry: Entry) -> Schema:
    """What cannot be understood is left out."""
    types = [_attribute_type(each) for each in map(definition, entry.texts("attributeTypes"))]
    classes = _by_name(map(definition, entry.texts("objectClasses")))
    rules = _by_name(map(definition, entry.texts("dITContentRules")))
    return Schema(
        {name.lower(): each for names, each in types for name in names},
        {name: _object_class(name, classes, rules) for name in classes},
    )


def definition(text: str) -> dict[str, list[str]]:
    """The parts of a definition by keyword; a flag such as SINGLE-VALUE has none."""
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for each in _TOKEN.findall(text):
        if each in _KEYWORDS or each in _FLAGS:
            current = parts.setdefault(each, [])
        elif each not in _PUNCTUATION:
            current.append(each.strip("'"))
    return parts


def _attribute_type(parts: Definition) -> tuple[Sequence[str], AttributeType]:
    names = parts.get("NAME", ())
    syntax = next(iter(parts.get("SYNTAX", ())), "").partition("{")[0]
    return names, AttributeType(next(iter(names), ""), syntax, "SINGLE-VALUE" in parts)


def _by_name(definitions: Iterable[Definition]) -> dict[str, Definition]:
    return {name.lower(): parts for parts in definitions for name in parts.get("NAME", ())}


def _object_class(name: str, classes: Mapping[str, Definition], rules: Mapping[str, Definition]) -> ObjectClass:
    must: set[str] = set()
    may: set[str] = set()
    waiting, met = [name], set[str]()
    while waiting and len(met) < _DEEPEST:
        current = waiting.pop()
        if current in met:
            continue
        met.add(current)
        for parts in (classes.get(current, {}), rules.get(current, {})):
            must.update(each.lower() for each in parts.get("MUST", ()))
            may.update(each.lower() for each in parts.get("MAY", ()))
            waiting += [each.lower() for keyword in ("SUP", "AUX") for each in parts.get(keyword, ())]
    return ObjectClass(name, frozenset(must), frozenset(may))
