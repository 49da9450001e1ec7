"""One user or group on every side of the chain: where it is, since when, how it differs, and what stops it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from tui.model.facts import ObjectRef
from tui.model.states import Side


class Outcome(StrEnum):
    """What a trace comes to. UNKNOWN: a side that was to be asked could not be, and the others agree."""

    CONSISTENT = "consistent"
    DIFFERS = "differs"
    NOT_FOUND = "not-found"
    UNKNOWN = "unknown"


class Sighting(Struct, frozen=True, kw_only=True):
    """An object as one side holds it; what a side calls it is in `object`, cleaned.

    `found` None: this side could not be asked, `problem` says why. `attributes`: by Graph names, as in
    `model/attributes.py`. `created` and `changed`: by that side's clock, corrected to ours. `is_local`: made there,
    not synced. `notes`: what is special about it, in words: a guest, a built-in account, no password yet.

    `object.id` is its id in Entra wherever a side knows it. `marks`: words of `model/marks.py`. `sid`: the security
    identifier it has on-premises, `account_name` its sAMAccountName, `nickname` its mailNickname. `quarantined`:
    attributes that were set aside because another object holds the value, as `attribute = value`.
    """

    side: Side
    found: bool | None
    object: ObjectRef = ObjectRef()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    enabled: bool | None = None
    created: datetime | None = None
    changed: datetime | None = None
    last_synced: datetime | None = None
    is_local: bool | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""
    marks: Set[str] = frozenset()
    sid: str | None = None
    account_name: str | None = None
    nickname: str | None = None
    password_changed: datetime | None = None
    deleted: datetime | None = None
    quarantined: tuple[str, ...] = ()


class AttributeDifference(Struct, frozen=True):
    """An attribute that is not the same on each side that has the object: side -> its values."""

    name: str
    values: Mapping[Side, tuple[str, ...]]


class Trace(Struct, frozen=True, kw_only=True):
    """`findings`: what stops or delays it, cause before symptom, each a sentence for people. `ambiguous`: more objects
    answer to this name; these are their names, and nothing but the best match is told."""

    name: str
    at: datetime
    sightings: tuple[Sighting, ...]
    differences: tuple[AttributeDifference, ...] = ()
    findings: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    outcome: Outcome = Outcome.UNKNOWN
