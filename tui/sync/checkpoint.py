"""What the sync knows of the tenant and how far it has come: staged objects, references, open work, delta links.

It lives in the database of the target where that is SQLite, so that a page's data, its effect and its delta link are
one transaction: a kill at any moment loses nothing and doubles nothing. Beside a remote target it is a file of its
own, and work that was cut short is done again, which does no harm.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from tui.sync import stored_json
from tui.sync.delta import KINDS, Page, Vanished
from tui.sync.scope import Scope
from tui.sync.staging import Staging
from tui.sync.targets.target import Kind, Secretive

_QUEUE_REFERENCES = (
    "INSERT OR IGNORE INTO sync_work (owner, relation, other) SELECT owner, relation, other FROM sync_reference WHERE "
)


class Marks(Struct, frozen=True, kw_only=True):
    """How far the sync has come. `turn`: the feed to read next; None: all are read, what they brought is being done.

    A full pass (`full`) gives everything it meets its `generation`; what still has an older one at its end is gone.
    `seen` counts what the pass met, `total` is what the tenant said it would be.
    """

    generation: int = 1
    full: bool = True
    turn: Kind | None = KINDS[0]
    links: Mapping[str, str] = field(default_factory=dict)
    round: int = 0
    seen: int = 0
    total: int | None = None
    scope: str = field(default_factory=lambda: Scope().to_json())
    last_success: str | None = None
    restarts: int = 0

    def restarted(self) -> Marks:
        """The marks of a new full pass."""
        return replace(
            self,
            generation=self.generation + 1,
            full=True,
            turn=KINDS[0],
            links={},
            seen=0,
            total=None,
            restarts=self.restarts + 1,
        )

    def after(self, page: Page, seen: int) -> Marks:
        """The marks once `page` is staged, which brought `seen` objects that the pass had not met."""
        following = KINDS[KINDS.index(page.kind) + 1 :]
        turn = page.kind if not page.is_last else following[0] if following else None
        return replace(self, turn=turn, links={**self.links, page.kind: page.link}, seen=self.seen + seen)


class Staged(Secretive, frozen=True):
    """An object as the tenant last told it. `wish` and `name`: the sAMAccountName it got, and for which wish."""

    id: str
    kind: Kind
    properties: Mapping[str, Any]
    credentials: Mapping[str, str]
    wish: str | None = None
    name: str | None = None


class Work(Struct, frozen=True):
    """One thing to bring up to date: an object, or a reference where `relation` is set."""

    owner: str
    relation: str = ""
    other: str = ""


class Checkpoint:
    """All of it in one SQLite connection in autocommit mode; see `transaction`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        db.executescript(files("tui.sync").joinpath("checkpoint_schema.sql").read_text("utf-8"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    # Marks

    def marks(self) -> Marks:
        row = self.db.execute("SELECT value FROM sync_setting WHERE name = 'marks'").fetchone()
        return Marks(**stored_json.decode(row[0])) if row else Marks()

    def save(self, marks: Marks) -> None:
        self.db.execute("INSERT OR REPLACE INTO sync_setting VALUES ('marks', ?)", (stored_json.encode(asdict(marks)),))

    def note_change(self, now: str) -> None:
        """The target was changed."""
        self.db.execute("INSERT OR REPLACE INTO sync_setting VALUES ('last-change', ?)", (now,))

    def last_change(self) -> str | None:
        row = self.db.execute("SELECT value FROM sync_setting WHERE name = 'last-change'").fetchone()
        return row[0] if row else None

    # Staging

    def stage(self, page: Page, marks: Marks, scope: Scope, now: str) -> int:
        """Take in what a page tells and queue what follows from it; returns how many objects the pass newly met."""
        return self._staging(marks, scope, now).take(page.changes)

    def sweep(self, marks: Marks, scope: Scope) -> None:
        """At the end of a full pass: whatever it did not meet is gone."""
        self.db.execute("UPDATE sync_reference SET held = 0 WHERE generation < ?", (marks.generation,))
        self.db.execute(_QUEUE_REFERENCES + "NOT held")
        for group in scope.groups or ():
            self.db.execute(
                "INSERT OR IGNORE INTO sync_work (owner) SELECT other FROM sync_reference WHERE owner = ? AND NOT held",
                (group,),
            )
        gone = self.db.execute("SELECT id, kind FROM sync_object WHERE generation < ?", (marks.generation,)).fetchall()
        self._staging(marks, scope, "").take([Vanished(id, kind) for id, kind in gone])

    def _staging(self, marks: Marks, scope: Scope, now: str) -> Staging:
        return Staging(self.db, marks, scope.groups or frozenset(), now)

    # Work

    def next_work(self, limit: int) -> tuple[list[Work], int]:
        """What waits, oldest first, and the number up to which it was taken: see `took_work`."""
        rows = self.db.execute("SELECT seq, owner, relation, other FROM sync_work ORDER BY seq LIMIT ?", (limit,))
        work = [(seq, Work(*rest)) for seq, *rest in rows]
        return [item for _, item in work], work[-1][0] if work else 0

    def took_work(self, number: int) -> None:
        """It no longer waits: to be done in the same transaction."""
        self.db.execute("DELETE FROM sync_work WHERE seq <= ?", (number,))

    def queue(self, id: str) -> None:
        """Look at this object again."""
        self.db.execute("INSERT OR IGNORE INTO sync_work (owner) VALUES (?)", (id,))

    def has_work(self) -> bool:
        return self.db.execute("SELECT 1 FROM sync_work LIMIT 1").fetchone() is not None

    def pending(self) -> tuple[int, int]:
        """(objects, references) that wait."""
        objects, every = self.db.execute("SELECT coalesce(sum(relation = ''), 0), count(*) FROM sync_work").fetchone()
        return objects, every - objects

    def has_references(self, id: str) -> bool:
        """Anything refers to an object, or it to anything."""
        query = (
            "SELECT EXISTS (SELECT 1 FROM sync_reference WHERE owner = ?1)"
            " OR EXISTS (SELECT 1 FROM sync_reference WHERE other = ?1)"
        )
        return bool(self.db.execute(query, (id,)).fetchone()[0])

    def queue_references_of(self, id: str) -> None:
        """Every reference from or to an object that now has an entry."""
        self.db.execute(_QUEUE_REFERENCES + "owner = ? AND held AND NOT applied", (id,))
        self.db.execute(_QUEUE_REFERENCES + "other = ? AND held AND NOT applied", (id,))

    # Objects and references

    def object(self, id: str) -> Staged | None:
        row = self.db.execute(
            "SELECT kind, properties, credentials, wish, name FROM sync_object WHERE id = ?", (id,)
        ).fetchone()
        if row is None:
            return None
        kind, properties, credentials, wish, name = row
        return Staged(id, kind, stored_json.decode(properties), stored_json.decode(credentials), wish, name)

    def keep_name(self, id: str, wish: str, name: str) -> None:
        self.db.execute("UPDATE sync_object SET wish = ?, name = ? WHERE id = ?", (wish, name, id))

    def groups_of(self, id: str) -> list[str]:
        """The groups that an object is a direct member of."""
        rows = self.db.execute(
            "SELECT owner FROM sync_reference WHERE other = ? AND relation = 'member' AND held", (id,)
        )
        return [owner for (owner,) in rows]

    def reference(self, work: Work) -> tuple[bool, bool] | None:
        """(held in the tenant, applied to the target); None: forgotten."""
        row = self.db.execute(
            "SELECT held, applied FROM sync_reference WHERE owner = ? AND relation = ? AND other = ?",
            (work.owner, work.relation, work.other),
        ).fetchone()
        return None if row is None else (bool(row[0]), bool(row[1]))

    def set_applied(self, work: Work) -> None:
        self.db.execute(
            "UPDATE sync_reference SET applied = 1 WHERE owner = ? AND relation = ? AND other = ?",
            (work.owner, work.relation, work.other),
        )

    def forget_reference(self, work: Work) -> None:
        self.db.execute(
            "DELETE FROM sync_reference WHERE owner = ? AND relation = ? AND other = ? AND NOT held",
            (work.owner, work.relation, work.other),
        )

    def referring(self, id: str) -> list[tuple[str, str]]:
        """(owner, relation) of the references in the target that lead to this object."""
        query = "SELECT owner, relation FROM sync_reference WHERE other = ? AND applied"
        return self.db.execute(query, (id,)).fetchall()

    def queue_unequal_references_of(self, id: str) -> None:
        """References from or to an object that are not in the target as they are in the tenant."""
        self.db.execute(_QUEUE_REFERENCES + "owner = ? AND held <> applied", (id,))
        self.db.execute(_QUEUE_REFERENCES + "other = ? AND held <> applied", (id,))

    def forget_references_of(self, id: str) -> None:
        """Those that the tenant let go of, once the target has no entry for them."""
        self.db.execute("DELETE FROM sync_reference WHERE owner = ? AND NOT held", (id,))
        self.db.execute("DELETE FROM sync_reference WHERE other = ? AND NOT held", (id,))

    def lost_entry(self, id: str) -> None:
        """An object's entry is not in the target, nor is any reference from or to it."""
        self.db.execute("UPDATE sync_reference SET applied = 0 WHERE owner = ? AND applied", (id,))
        self.db.execute("UPDATE sync_reference SET applied = 0 WHERE other = ? AND applied", (id,))

    # Comparison with a target that is read anew

    def begin_links(self) -> None:
        """Forget what `note_links` noted last."""
        self.db.execute("DROP TABLE IF EXISTS temp.sync_link")
        self.db.execute(
            "CREATE TEMP TABLE sync_link (owner TEXT, relation TEXT, other TEXT, PRIMARY KEY (owner, relation, other))"
            " WITHOUT ROWID"
        )

    def note_links(self, owner: str, relation: str, others: Sequence[str]) -> None:
        """These references are in the target."""
        self.db.executemany(
            "INSERT OR IGNORE INTO temp.sync_link VALUES (?, ?, ?)", ((owner, relation, other) for other in others)
        )

    def compare_links(self) -> None:
        """References are applied where they were noted, and queued where that is not as it shall be."""
        noted = "((r.owner, r.relation, r.other) IN (SELECT owner, relation, other FROM temp.sync_link))"
        self.db.execute(f"UPDATE sync_reference AS r SET applied = {noted} WHERE applied <> {noted}")  # noqa: S608
        self.db.execute(
            "INSERT OR IGNORE INTO sync_reference (owner, relation, other, kind, held, applied, generation, round,"
            " since) SELECT owner, relation, other, '', 0, 1, 0, 0, '' FROM temp.sync_link"
        )
        self.db.execute(_QUEUE_REFERENCES + "held <> applied")
        self.db.execute("DROP TABLE temp.sync_link")
