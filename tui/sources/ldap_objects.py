"""Entries of a directory as users and groups of the chain: their ids, names and compared values, all clean."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta

from tui.ldap.entries import Entry
from tui.ldap.values import generalized_time, sid_text
from tui.model.attributes import COMPARED, Compared
from tui.model.states import Side
from tui.model.text import clean

ACCOUNT_DISABLED = 2
LONGEST_VALUE = 1024
MOST_VALUES = 200
LARGEST_ANCHOR = 256
ACCOUNT_CONTROL = "userAccountControl"

_KINDS = (
    ("group", ("group", "groupofnames")),
    ("device", ("computer",)),
    ("contact", ("contact",)),
    ("user", ("user", "inetorgperson")),
)
_NAMES = ("displayName", "userPrincipalName", "sAMAccountName", "cn")


def kind_of(entry: Entry) -> str | None:
    """user, group, contact or device, by its objectClass."""
    classes = {name.lower() for name in entry.texts("objectClass")}
    return next((kind for kind, known in _KINDS if not classes.isdisjoint(known)), None)


def attributes_of(side: Side) -> tuple[str, ...]:
    """What must be read of an entry for `compared_values`, `name_of` and `kind_of`."""
    names = {_on(side, compared) for group in COMPARED.values() for compared in group}
    return ("objectClass", *sorted(names.union(_NAMES)))


def compared_values(entry: Entry, kind: str, side: Side) -> Mapping[str, tuple[str, ...]]:
    """The compared attributes by their Graph names, without values where it has none; what is unknown is left out."""
    return {
        compared.graph: _values(entry, name, compared)
        for compared in COMPARED.get(kind, ())
        if (name := _on(side, compared)) != ACCOUNT_CONTROL or is_enabled(entry) is not None
    }


def name_of(entry: Entry) -> str | None:
    """What people call it."""
    names = (clean(entry.text(name) or "", LONGEST_VALUE) for name in _NAMES)
    return next((name for name in names if name), None)


def is_enabled(entry: Entry) -> bool | None:
    """None where the directory does not say."""
    control = entry.integer(ACCOUNT_CONTROL)
    return None if control is None else not control & ACCOUNT_DISABLED


def source_anchor_of(entry: Entry) -> str | None:
    """What Connect joins an on-premises object by (facts/domain.md 6.3): base64 of mS-DS-ConsistencyGuid, or else of
    objectGUID."""
    value = entry.value("mS-DS-ConsistencyGuid") or entry.value("objectGUID")
    return base64.b64encode(value).decode() if value and len(value) <= LARGEST_ANCHOR else None


def on_premises_sid(entry: Entry, side: Side) -> str | None:
    """The security identifier on premises, which the managed domain keeps as history (facts/domain.md 1.2)."""
    value = entry.value("objectSid" if side is Side.ON_PREMISES else "sIDHistory")
    return sid_text(value) if value else None


def moment_of(entry: Entry, names: tuple[str, ...], offset_s: float | None) -> datetime | None:
    """The first of these times that the entry tells, by our clock."""
    found = next((moment for name in names if (moment := generalized_time(entry.value(name)))), None)
    return None if found is None else found - timedelta(seconds=offset_s or 0.0)


def _on(side: Side, compared: Compared) -> str:
    return compared.on_premises if side is Side.ON_PREMISES else compared.managed_domain


def _values(entry: Entry, attribute: str, compared: Compared) -> tuple[str, ...]:
    if attribute == ACCOUNT_CONTROL:
        return (str(is_enabled(entry)).lower(),)
    most = MOST_VALUES if compared.multiple else 1
    raw = (value.decode("utf-8", "replace") for value in entry.values(attribute)[:most])
    return tuple(value for text in raw if (value := clean(text, LONGEST_VALUE)))
