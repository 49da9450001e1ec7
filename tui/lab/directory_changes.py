"""What changed in the lab's two directories since one last asked, as a domain controller's update sequence tells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from tui.lab.onprem import AdObject, OnPremises
from tui.model.attributes import COMPARED, Compared
from tui.model.facts import ObjectChange
from tui.model.states import ObjectType
from tui.sources.moments import moment
from tui.sync.targets.sqlite import SqliteDomain

MOST_CHANGES = 5000
_KINDS = {ObjectType.USERS: "user", ObjectType.GROUPS: "group"}
_WRITTEN = (
    "SELECT object_id, kind, attributes, created, changed FROM domain_entry"
    " WHERE usn > ? AND object_id IS NOT NULL ORDER BY usn DESC LIMIT ?"
)


class Changes(Struct, frozen=True):
    """`truncated`: more changed; these are the newest."""

    changes: tuple[ObjectChange, ...] = ()
    truncated: bool = False


class ChangesOnPremises:
    """A change whose time is not known is as old as the poll that finds it."""

    def __init__(self, directory: OnPremises) -> None:
        self._directory = directory
        self._usn: int | None = None
        self._newest = 0

    def since_last(self, now: datetime) -> Changes:
        """Nothing at the first call, which marks the place."""
        before, self._usn = self._usn, self._directory.highest_usn
        if before is None:
            self._newest = max((self._last_id(kind) for kind in _KINDS), default=0)
            return Changes()
        found = self._directory.changed_since(before, MOST_CHANGES + 1) if self._usn > before else []
        living = [one for one in found if one.kind in _KINDS and not one.deleted]
        known, self._newest = self._newest, max((self._newest, *(one.id for one in found)))
        told = tuple(_on_premises(one, now, created=one.id > known) for one in living[:MOST_CHANGES])
        return Changes(told, len(found) > MOST_CHANGES)

    def _last_id(self, kind: ObjectType) -> int:
        count = self._directory.count(kind)
        last = self._directory.nth(kind, count - 1) if count else None
        return last.id if last else 0


class ChangesInDomain:
    """The managed domain that the sync writes; its entries tell when they were made and changed."""

    def __init__(self, store: SqliteDomain) -> None:
        self._store = store
        self._usn: int | None = None
        self._looked: datetime | None = None

    def since_last(self, now: datetime) -> Changes:
        """Nothing at the first call, which marks the place."""
        before, self._usn = self._usn, self._store.highest_usn
        looked, self._looked = self._looked, now
        if before is None or looked is None or self._usn == before:
            return Changes()
        rows = self._store.connection.execute(_WRITTEN, (before, MOST_CHANGES + 1)).fetchall()
        told = tuple(_in_domain(row, looked, now) for row in reversed(rows[:MOST_CHANGES]))
        return Changes(told, len(rows) > MOST_CHANGES)


def _on_premises(found: AdObject, now: datetime, *, created: bool) -> ObjectChange:
    held = {**found.attributes, "userAccountControl": found.attributes.get("enabled")}
    kind, written = _KINDS[found.kind], found.created if created else found.changed
    return ObjectChange(
        kind=kind,
        at=now if written is None else min(written, now),
        source_anchor=found.anchor,
        security_id=found.attributes.get("objectSid"),
        name=found.name,
        created=created,
        values=_compared(kind, held, lambda one: one.on_premises),
    )


def _in_domain(row: tuple[str, str, str, str, str], looked: datetime, now: datetime) -> ObjectChange:
    object_id, kind, attributes, created, changed = row
    held = json.loads(attributes)
    made, written = moment(created), moment(changed)
    is_new = made is not None and made > looked - timedelta(seconds=1)
    return ObjectChange(
        kind=kind,
        at=(made if is_new else written) or now,
        object_id=object_id,
        name=next(iter(held.get("displayName", ())), None),
        created=is_new,
        values=_compared(kind, held, lambda one: one.managed_domain),
    )


def _compared(kind: str, held: Mapping[str, Any], name: Callable[[Compared], str]) -> dict[str, tuple[str, ...]]:
    """The stores spell employeeID in two ways."""
    plain = {key.casefold(): value for key, value in held.items()}
    return {one.graph: _texts(plain.get(name(one).casefold())) for one in COMPARED[kind]}


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (str(value).lower(),)
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(str(one) for one in values if one not in (None, ""))
