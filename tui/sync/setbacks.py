"""Objects that could not be written: set aside with a reason, tried again ever less often, told as failures."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tui.model.facts import FailureReport, ObjectRef
from tui.model.states import HopName
from tui.model.text import clean
from tui.sources.moments import moment
from tui.sync import stored_json
from tui.sync.checkpoint import Work
from tui.sync.targets.target import Refusal

SOURCE = "domain-services"
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
MISSING_REFERENCE = "MissingReference"
_MISSING = (
    "FROM sync_reference r JOIN sync_object o ON o.id = r.owner"
    " WHERE r.held AND NOT r.applied AND r.round < ? AND r.kind <> ''"
    " AND NOT EXISTS (SELECT 1 FROM sync_object m WHERE m.id = r.other)"
)


class Setbacks:
    """Kept beside the checkpoint, in the same transactions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._is_empty = False

    def add(self, work: Work, refusal: Refusal, now: datetime) -> None:
        """Set `work` aside. What is the same as before keeps its first time; the wait doubles with each attempt."""
        self._is_empty = False
        key = (work.owner, work.relation, work.other)
        before = self._db.execute(
            "SELECT code, attribute, first_seen, attempts FROM sync_aside"
            " WHERE owner = ? AND relation = ? AND other = ?",
            key,
        ).fetchone()
        same = before is not None and before[:2] == (refusal.code, refusal.attribute)
        attempts = before[3] + 1 if same else 1
        first_seen = before[2] if same else now.isoformat()
        holder = refusal.holder
        self._db.execute(
            "INSERT OR REPLACE INTO sync_aside VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *key,
                refusal.code,
                refusal.attribute,
                refusal.value,
                str(refusal),
                *((holder.object_id, holder.kind, holder.dn) if holder else (None, None, None)),
                first_seen,
                now.isoformat(),
                attempts,
                (now + _pause(attempts)).isoformat(),
            ),
        )

    def clear(self, work: Work) -> None:
        if self._is_empty:
            return
        self._db.execute(
            "DELETE FROM sync_aside WHERE owner = ? AND relation = ? AND other = ?",
            (work.owner, work.relation, work.other),
        )

    def queue_due(self, now: datetime) -> None:
        """Queue what is to be tried again by now; at the beginning of each step."""
        self._is_empty = self._db.execute("SELECT 1 FROM sync_aside LIMIT 1").fetchone() is None
        self._db.execute(_QUEUE + "retry_at <= ?", (now.isoformat(),))

    def queue_waiting_for(self, object_id: str) -> None:
        """Queue what waits for a name that this object had."""
        if not self._is_empty:
            self._db.execute(_QUEUE + "holder = ?", (object_id,))

    def count(self, rounds: int) -> int:
        """Failing objects; one with several failures counts once. `rounds`: see `reports`."""
        query = f"SELECT count(*) FROM (SELECT owner FROM sync_aside UNION SELECT r.owner {_MISSING})"  # noqa: S608
        number: int = self._db.execute(query, (rounds,)).fetchone()[0]
        return number

    def reports(self, rounds: int, limit: int) -> tuple[FailureReport, ...]:
        """The newest failures. A reference to what the tenant never told of is one only when it was told before the
        round `rounds`: an object may come a page or a round after what refers to it."""
        found = [*self._aside(limit), *self._missing(rounds, limit)]
        found.sort(key=lambda report: (report.first_seen is not None, report.first_seen), reverse=True)
        return tuple(found[:limit])

    def _aside(self, limit: int) -> Iterator[FailureReport]:
        rows = self._db.execute(
            "SELECT a.owner, o.kind, o.properties, a.code, a.attribute, a.value, a.message, a.holder, a.holder_kind,"
            " a.holder_dn, h.properties, a.first_seen, a.last_seen FROM sync_aside a"
            " LEFT JOIN sync_object o ON o.id = a.owner LEFT JOIN sync_object h ON h.id = a.holder"
            " ORDER BY a.first_seen DESC LIMIT ?",
            (limit,),
        )
        for owner, kind, properties, code, attribute, value, message, *holder, first_seen, last_seen in rows:
            yield FailureReport(
                source=SOURCE,
                hop=HopName.DOMAIN_SERVICES,
                code=code,
                object=_ref(kind, owner, properties),
                attribute=attribute,
                value=value,
                conflicts_with=_holder(*holder),
                first_seen=moment(first_seen),
                last_seen=moment(last_seen),
                message=message,
            )

    def _missing(self, rounds: int, limit: int) -> Iterator[FailureReport]:
        query = f"SELECT r.owner, o.kind, o.properties, r.relation, r.other, r.kind, r.since {_MISSING} LIMIT ?"
        for owner, kind, properties, relation, other, other_kind, since in self._db.execute(query, (rounds, limit)):
            yield FailureReport(
                source=SOURCE,
                hop=HopName.DOMAIN_SERVICES,
                code=MISSING_REFERENCE,
                object=_ref(kind, owner, properties),
                attribute=relation,
                value=other,
                first_seen=moment(since),
                message=f"{relation} refers to a {clean(other_kind, 40)} that the tenant does not tell of",
            )


_QUEUE = "INSERT OR IGNORE INTO sync_work (owner, relation, other) SELECT owner, relation, other FROM sync_aside WHERE "


def _pause(attempts: int) -> timedelta:
    return min(LONGEST_RETRY, FIRST_RETRY * (1 << min(attempts - 1, 10)))


def _ref(kind: str | None, id: str, properties: str | None) -> ObjectRef:
    known: Mapping[str, Any] = stored_json.decode(properties) if properties else {}
    return ObjectRef(
        type=kind,
        id=id,
        name=_told(known, "displayName") or _told(known, "userPrincipalName"),
        upn=_told(known, "userPrincipalName"),
    )


def _holder(id: str | None, kind: str | None, dn: str | None, properties: str | None) -> ObjectRef | None:
    if kind is None:
        return None
    name = _ref(kind, "", properties).name
    return ObjectRef(type=kind, id=id, name=name, dn=None if dn is None else clean(dn))


def _told(properties: Mapping[str, Any], name: str) -> str | None:
    value = properties.get(name)
    return clean(value) or None if isinstance(value, str) else None
