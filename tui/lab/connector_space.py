"""What Entra Connect keeps on its server: how far it has read, what went wrong with which object, what is in
quarantine, and its settings. SQLite, so that a lab can be closed and opened again."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any

from msgspec import Struct

from tui.model.states import ObjectType

_SCHEMA = """
CREATE TABLE IF NOT EXISTS export_error (
    anchor TEXT PRIMARY KEY, kind TEXT NOT NULL, code TEXT NOT NULL, attribute TEXT NOT NULL, value TEXT NOT NULL,
    other TEXT, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS quarantine (
    anchor TEXT NOT NULL, kind TEXT NOT NULL, attribute TEXT NOT NULL, value TEXT NOT NULL, since TEXT NOT NULL,
    PRIMARY KEY (anchor, attribute, value)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS quarantine_value ON quarantine (value);
CREATE TABLE IF NOT EXISTS freed (value TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_ERROR_COLUMNS = "anchor, kind, code, attribute, value, other, first_seen, last_seen"


class ExportError(Struct, frozen=True, kw_only=True):
    """One object that Entra ID refused (facts/domain.md 5.2). `other`: Entra id of what stands in the way."""

    anchor: str
    kind: ObjectType
    code: str
    attribute: str = ""
    value: str = ""
    other: str | None = None
    first_seen: datetime
    last_seen: datetime


class Quarantined(Struct, frozen=True):
    """One attribute value that the tenant keeps off an object, as another object holds it."""

    anchor: str
    kind: ObjectType
    attribute: str
    value: str
    since: datetime


class ConnectorSpace:
    """Times go in and out aware."""

    def __init__(self, path: str = ":memory:") -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def setting(self, name: str, default: Any = None) -> Any:
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return default if row is None else json.loads(row[0])

    def keep(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, json.dumps(value)))

    def moment(self, name: str) -> datetime | None:
        text = self.setting(name)
        return datetime.fromisoformat(text) if text else None

    def keep_moment(self, name: str, at: datetime | None) -> None:
        self.keep(name, at.isoformat() if at else None)

    def record(self, error: ExportError) -> None:
        """Keep an error; one that is known keeps the time it was first seen."""
        self._db.execute(
            "INSERT INTO export_error VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET code = excluded.code,"
            " attribute = excluded.attribute, value = excluded.value, other = excluded.other,"
            " last_seen = excluded.last_seen",
            (
                error.anchor,
                error.kind,
                error.code,
                error.attribute,
                error.value,
                error.other,
                error.first_seen.isoformat(),
                error.last_seen.isoformat(),
            ),
        )

    def forget(self, anchor: str) -> None:
        """The object is exported, or gone: nothing is wrong with it any more."""
        self._db.execute("DELETE FROM export_error WHERE anchor = ?", (anchor,))

    def errors(self, code: str | None = None) -> list[ExportError]:
        """Every error of the last export, or those of one type, oldest first."""
        where, values = ("WHERE code = ?", (code,)) if code else ("", ())
        query = f"SELECT {_ERROR_COLUMNS} FROM export_error {where} ORDER BY first_seen, anchor"  # noqa: S608
        return [_error(row) for row in self._db.execute(query, values)]

    def error_counts(self) -> dict[str, int]:
        """Error type -> objects."""
        return dict(self._db.execute("SELECT code, count(*) FROM export_error GROUP BY code").fetchall())

    def set_quarantines(self, anchor: str, found: list[Quarantined]) -> None:
        """What of this object is in quarantine now, in place of what was."""
        self._db.execute("DELETE FROM quarantine WHERE anchor = ?", (anchor,))
        self.add_quarantines(found)

    def add_quarantines(self, found: list[Quarantined]) -> None:
        rows = [(item.anchor, item.kind, item.attribute, item.value, item.since.isoformat()) for item in found]
        self._db.executemany("INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?)", rows)

    def quarantines_of(self, anchor: str) -> list[Quarantined]:
        return [_quarantined(row) for row in self._db.execute("SELECT * FROM quarantine WHERE anchor = ?", (anchor,))]

    def free(self, values: set[str]) -> None:
        """Values that some object gave up and that others may be waiting for."""
        self._db.executemany("INSERT OR IGNORE INTO freed VALUES (?)", ((value,) for value in values))

    def waiting_for_freed(self) -> list[str]:
        """Anchors of the objects that wait for a value that became free; the values are then forgotten."""
        query = "SELECT DISTINCT anchor FROM quarantine WHERE value IN (SELECT value FROM freed) ORDER BY since, anchor"
        anchors = [row[0] for row in self._db.execute(query)]
        self._db.execute("DELETE FROM freed")
        return anchors


def _error(row: tuple[Any, ...]) -> ExportError:
    anchor, kind, code, attribute, value, other, first_seen, last_seen = row
    return ExportError(
        anchor=anchor,
        kind=ObjectType(kind),
        code=code,
        attribute=attribute,
        value=value,
        other=other,
        first_seen=datetime.fromisoformat(first_seen),
        last_seen=datetime.fromisoformat(last_seen),
    )


def _quarantined(row: tuple[Any, ...]) -> Quarantined:
    anchor, kind, attribute, value, since = row
    return Quarantined(anchor, ObjectType(kind), attribute, value, datetime.fromisoformat(since))
