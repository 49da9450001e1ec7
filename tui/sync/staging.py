"""Taking in what a page of the tenant tells."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.sync import stored_json
from tui.sync.delta import Change, Cleared, Referred, Seen, Vanished

if TYPE_CHECKING:
    from tui.sync.checkpoint import Marks

_REFERABLE = frozenset({"user", "group", ""})
_QUEUE = "INSERT OR IGNORE INTO sync_work (owner, relation, other) "
_PUT_OBJECT = (
    "INSERT INTO sync_object (id, kind, generation, properties, credentials) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET generation = excluded.generation, properties = excluded.properties,"
    " credentials = excluded.credentials"
)
_PUT_REFERENCE = (
    "INSERT INTO sync_reference (owner, relation, other, kind, held, generation, round, since)"
    " VALUES (?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT DO UPDATE SET held = 1, generation = excluded.generation"
)

Known = tuple[str, int, str, str]


class Staging:
    """Changes are taken in the order they were told. Objects and references are gathered and written together, at the
    latest before a change that takes something back."""

    def __init__(self, db: sqlite3.Connection, marks: Marks, filter_groups: frozenset[str], now: str) -> None:
        self._db = db
        self._marks = marks
        self._filter_groups = filter_groups
        self._now = now
        self._known: dict[str, Known | None] = {}
        self._objects: list[tuple[str, str, int, str, str]] = []
        self._references: list[tuple[str, str, str, str, int, int, str]] = []
        self._work: list[tuple[str, str, str]] = []

    def take(self, changes: Sequence[Change]) -> int:
        """How many objects the pass had not met before."""
        self._look_up([change.id for change in changes if isinstance(change, Seen)])
        seen = sum(map(self._take, changes))
        self._write()
        return seen

    def _take(self, change: Change) -> int:
        if isinstance(change, Seen):
            return self._seen(change)
        if isinstance(change, Vanished):
            self._vanished(change)
        elif isinstance(change, Cleared):
            self._let_go("owner = ? AND relation = ?", change.owner, change.relation)
        elif change.kind in _REFERABLE:
            self._referred(change)
        return 0

    def _look_up(self, ids: Sequence[str]) -> None:
        """What is known of them so far."""
        rows = self._db.execute(
            "SELECT id, kind, generation, properties, credentials FROM sync_object"
            " WHERE id IN (SELECT value FROM json_each(?))",
            (stored_json.encode(ids),),
        )
        self._known = dict.fromkeys(ids) | {id: (kind, *rest) for id, kind, *rest in rows}

    def _seen(self, change: Seen) -> int:
        known = self._known.get(change.id)
        if known is not None and known[0] != change.kind:
            return 0
        is_new = known is None or known[1] != self._marks.generation
        properties, credentials = _merged(change, known, afresh=is_new)
        if known is None or is_new or (properties, credentials) != known[2:]:
            now_known = (change.kind, self._marks.generation, properties, credentials)
            self._known[change.id] = now_known
            self._objects.append((change.id, *now_known))
            self._queue(change.id)
        return int(is_new)

    def _vanished(self, change: Vanished) -> None:
        self._write()
        if change.id in self._filter_groups:
            self._db.execute(
                "INSERT OR IGNORE INTO sync_work (owner) SELECT other FROM sync_reference WHERE owner = ?", (change.id,)
            )
        removed = self._db.execute("DELETE FROM sync_object WHERE id = ? AND kind = ?", (change.id, change.kind))
        if removed.rowcount:
            self._known.pop(change.id, None)
            self._let_go("owner = ?", change.id)
            self._queue(change.id)

    def _let_go(self, which: str, *arguments: str) -> None:
        """References are kept until the target no longer has them."""
        self._write()
        self._db.execute(f"{_QUEUE}SELECT owner, relation, other FROM sync_reference WHERE {which}", arguments)  # noqa: S608
        self._db.execute(f"UPDATE sync_reference SET held = 0 WHERE {which}", arguments)  # noqa: S608

    def _referred(self, change: Referred) -> None:
        key = (change.owner, change.relation, change.other)
        if change.held:
            self._references.append((*key, change.kind, self._marks.generation, self._marks.round, self._now))
        else:
            self._write()
            self._db.execute("UPDATE sync_reference SET held = 0 WHERE owner = ? AND relation = ? AND other = ?", key)
        self._work.append(key)
        if change.owner in self._filter_groups:
            self._queue(change.other)

    def _queue(self, owner: str) -> None:
        self._work.append((owner, "", ""))

    def _write(self) -> None:
        """What was gathered."""
        for statement, rows in (
            (_PUT_OBJECT, self._objects),
            (_PUT_REFERENCE, self._references),
            (_QUEUE + "VALUES (?, ?, ?)", self._work),
        ):
            if rows:
                self._db.executemany(statement, rows)
                rows.clear()


def _merged(change: Seen, known: Known | None, *, afresh: bool) -> tuple[str, str]:
    """Properties and credentials as JSON: what was known, with what is told now laid over it.

    `afresh`: the first that a full pass tells of the object, which leaves out what is empty (facts/domain.md 2.7).
    """
    properties = {**stored_json.decode(known[2]), **change.properties} if known and not afresh else change.properties
    if change.credentials is None:
        return stored_json.encode(properties), known[3] if known else "{}"
    return stored_json.encode(properties), stored_json.encode(change.credentials)
