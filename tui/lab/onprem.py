"""The on-premises Active Directory in SQLite: each write takes an update sequence number, as on a domain controller."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import asdict

from tui.model.states import ObjectType

BASE_DN = "DC=corp,DC=contoso,DC=com"
MAIL_DOMAIN = "contoso.com"
STAFF_OU = "OU=Staff," + BASE_DN

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, anchor TEXT NOT NULL UNIQUE, ou TEXT NOT NULL,
    attributes TEXT NOT NULL, members TEXT NOT NULL DEFAULT '[]', defect TEXT,
    deleted INTEGER NOT NULL DEFAULT 0, usn INTEGER NOT NULL, password_usn INTEGER NOT NULL DEFAULT 0,
    created REAL, changed REAL
);
CREATE INDEX IF NOT EXISTS objects_usn ON objects (usn);
CREATE INDEX IF NOT EXISTS objects_password_usn ON objects (password_usn) WHERE password_usn > 0;
CREATE INDEX IF NOT EXISTS objects_live ON objects (kind) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS objects_defect ON objects (defect) WHERE defect IS NOT NULL;
CREATE TABLE IF NOT EXISTS replication (usn INTEGER NOT NULL);
"""
_TIMES = ("created", "changed")
_COLUMNS = "id, kind, anchor, ou, attributes, members, defect, deleted, usn, password_usn, created, changed"
_INSERT = (
    "INSERT INTO objects (kind, anchor, ou, attributes, members, defect, usn, created, changed)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SERIES = """
WITH RECURSIVE numbers (i) AS (SELECT :start UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :stop)
INSERT INTO objects (kind, ou, usn, created, changed, anchor, attributes, members)
SELECT :kind, :ou, :usn, :at, :at, printf(:anchor, i),
    json_object('displayName', printf('%s %d', name, i), 'mail', printf(:address, i),
                'userPrincipalName', printf(:address, i), 'proxyAddresses', json_array(printf('SMTP:' || :address, i))),
    '[]'
FROM numbers JOIN people ON people.rowid = i % (SELECT count(*) FROM people) + 1
WHERE i % :cycle BETWEEN :first AND :last
"""

_DOMAIN_PART = re.compile(r"(?:\A|,)DC=([^,]+)", re.IGNORECASE)
_encode = msgspec.json.Encoder().encode


class AdObject(Struct, frozen=True, kw_only=True):
    """`anchor`: mS-DS-ConsistencyGuid in base64. `attributes` carry LDAP names. `members` are anchors.

    `password_usn`: the last change of the password since the object was made, 0 where there was none.
    `defect`: the export error type that this object meets in Entra ID because of what it is (facts/domain.md 5.2).
    `created`, `changed`: whenCreated and whenChanged; None where they are not known.
    """

    kind: ObjectType
    anchor: str
    ou: str
    attributes: Mapping[str, Any]
    members: Sequence[str] = ()
    defect: str | None = None
    deleted: bool = False
    created: datetime | None = None
    changed: datetime | None = None
    id: int = 0
    usn: int = 0
    password_usn: int = 0

    @property
    def name(self) -> str:
        return str(self.attributes["displayName"])

    @property
    def dn(self) -> str:
        """Its name in the directory: the one that was read there, for an invented object one that is made up."""
        escaped = self.name.replace("\\", "\\\\").replace(",", "\\,")
        return str(self.attributes.get("distinguishedName") or f"CN={escaped},{self.ou}")

    @property
    def domain(self) -> str:
        """The DNS name of its domain, as its place says it."""
        return ".".join(_DOMAIN_PART.findall(self.ou)).lower()


class Series(Struct, frozen=True, kw_only=True):
    """Numbered objects of one kind: numbers from `start` below `stop` whose place in a `cycle` is `first` to `last`.

    `anchor` and `address` are printf formats of the number; names are those of `name_people` in turn. `made`: when they
    were.
    """

    kind: ObjectType
    ou: str
    start: int
    stop: int
    cycle: int
    first: int
    last: int
    anchor: str
    address: str
    made: datetime


class Change(Struct, frozen=True):
    """What an administrator does to one object; None leaves a part as it is."""

    attributes: Mapping[str, Any] = field(default_factory=dict)
    ou: str | None = None
    members: Sequence[str] | None = None


def anchor_of(guid_bytes: bytes) -> str:
    """onPremisesImmutableId of an object: base64 of its mS-DS-ConsistencyGuid (facts/domain.md 6.3)."""
    return base64.b64encode(guid_bytes).decode()


class OnPremises:
    """One forest. Every write takes the next update sequence number and the time of `now`; a deleted object stays as a
    tombstone."""

    def __init__(self, path: str = ":memory:", *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = MEMORY")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)
        self._add_times()
        self._usn = self._read_usn()

    def close(self) -> None:
        self._db.close()

    @property
    def highest_usn(self) -> int:
        return self._usn

    @property
    def empty(self) -> bool:
        return self._usn == 0

    def add(self, objects: Iterable[AdObject]) -> int:
        """Insert new objects, all or none; returns how many. Those that say when they were made keep it."""
        first = self._usn
        with closing(self._db.cursor()) as cursor:
            cursor.execute("BEGIN")
            cursor.executemany(_INSERT, self._rows(objects))
            self._keep_usn()
            cursor.execute("COMMIT")
        return self._usn - first

    def name_people(self, people: Sequence[str]) -> None:
        """Whom `add_series` names its objects after, until the store is closed."""
        self._db.execute("CREATE TEMP TABLE people (name TEXT NOT NULL)")
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO people VALUES (?)", ((name,) for name in people))
        self._db.execute("COMMIT")

    def add_series(self, series: Series) -> None:
        """Insert very many objects that are no more than a name and an address, made inside SQLite."""
        self._usn += 1
        self._db.execute("BEGIN")
        self._db.execute(_SERIES, {**asdict(series), "usn": self._usn, "at": series.made.timestamp()})
        self._keep_usn()
        self._db.execute("COMMIT")

    def change(self, found: AdObject, change: Change) -> None:
        """Write what `change` says over `found`."""
        attributes = {**found.attributes, **change.attributes}
        members = found.members if change.members is None else change.members
        self._write(
            "attributes = ?, ou = ?, members = ?",
            (json.dumps(attributes), change.ou or found.ou, json.dumps(list(members))),
            found.id,
        )

    def restore(self, found: AdObject, change: Change) -> None:
        """Bring a tombstone back to life, as `change` says."""
        self._write("deleted = 0", (), found.id)
        self.change(found, change)

    def delete(self, found: AdObject) -> None:
        self._write("deleted = 1, defect = NULL", (), found.id)

    def set_defect(self, found: AdObject, defect: str | None) -> None:
        self._write("defect = ?", (defect,), found.id)

    def change_password(self, found: AdObject) -> None:
        """A new password: it leaves the object's own sequence number alone, as hashes travel by another cycle."""
        self._usn += 1
        self._db.execute("UPDATE objects SET password_usn = ? WHERE id = ?", (self._usn, found.id))
        self._keep_usn()

    def changed_since(self, usn: int, limit: int = -1) -> list[AdObject]:
        """Objects and tombstones written after `usn`, oldest write first."""
        return self._select("usn > ? ORDER BY usn LIMIT ?", (usn, limit))

    def passwords_since(self, usn: int) -> list[AdObject]:
        """Users whose password changed after `usn`, oldest change first."""
        return self._select("password_usn > ? AND deleted = 0 ORDER BY password_usn", (usn,))

    def all(self, kind: ObjectType) -> Iterator[AdObject]:
        """Every living object of one kind, in the order of creation."""
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM objects WHERE kind = ? AND deleted = 0 ORDER BY id", (kind,))  # noqa: S608
        return map(_object, rows)

    def by_anchor(self, anchor: str) -> AdObject | None:
        return next(iter(self._select("anchor = ?", (anchor,))), None)

    def nth(self, kind: ObjectType, index: int) -> AdObject | None:
        """The `index`-th living object of a kind, counted round and round; None where there is none."""
        total = self.count(kind)
        if total == 0:
            return None
        return self._select("kind = ? AND deleted = 0 ORDER BY id LIMIT 1 OFFSET ?", (kind, index % total))[0]

    def defective(self) -> list[AdObject]:
        return self._select("defect IS NOT NULL AND deleted = 0 ORDER BY id", ())

    def count(self, kind: ObjectType, ou_suffix: str = "") -> int:
        """Living objects of a kind, where given only those below `ou_suffix`."""
        query = "SELECT count(*) FROM objects WHERE kind = ? AND deleted = 0"
        if not ou_suffix:
            return int(self._db.execute(query, (kind,)).fetchone()[0])
        return int(self._db.execute(query + " AND ou LIKE ?", (kind, f"%{ou_suffix}")).fetchone()[0])

    def _rows(self, objects: Iterable[AdObject]) -> Iterator[tuple[Any, ...]]:
        now = self._now()
        for item in objects:
            self._usn += 1
            members = json.dumps(list(item.members)) if item.members else "[]"
            created = item.created or now
            times = created.timestamp(), (item.changed or created).timestamp()
            attributes = _encode(item.attributes).decode()
            yield item.kind, item.anchor, item.ou, attributes, members, item.defect, self._usn, *times

    def _write(self, assignments: str, values: tuple[Any, ...], object_id: int) -> None:
        self._usn += 1
        self._db.execute(
            f"UPDATE objects SET {assignments}, usn = ?, changed = ? WHERE id = ?",  # noqa: S608
            (*values, self._usn, self._now().timestamp(), object_id),
        )
        self._keep_usn()

    def _select(self, condition: str, values: tuple[Any, ...]) -> list[AdObject]:
        return [_object(row) for row in self._db.execute(f"SELECT {_COLUMNS} FROM objects WHERE {condition}", values)]  # noqa: S608

    def _add_times(self) -> None:
        """A store that was kept by a version without times has none to tell, and goes on with them."""
        present = {row[1] for row in self._db.execute("PRAGMA table_info(objects)")}
        for name in _TIMES:
            if name not in present:
                self._db.execute(f"ALTER TABLE objects ADD COLUMN {name} REAL")

    def _read_usn(self) -> int:
        row = self._db.execute("SELECT usn FROM replication").fetchone()
        if row is None:
            self._db.execute("INSERT INTO replication VALUES (0)")
        return int(row[0]) if row else 0

    def _keep_usn(self) -> None:
        self._db.execute("UPDATE replication SET usn = ?", (self._usn,))


def _object(row: tuple[Any, ...]) -> AdObject:
    object_id, kind, anchor, ou, attributes, members, defect, deleted, usn, password_usn, created, changed = row
    return AdObject(
        id=object_id,
        kind=ObjectType(kind),
        anchor=anchor,
        ou=ou,
        attributes=json.loads(attributes),
        members=json.loads(members),
        defect=defect,
        deleted=bool(deleted),
        usn=usn,
        password_usn=password_usn,
        created=_moment(created),
        changed=_moment(changed),
    )


def _moment(stored: float | None) -> datetime | None:
    return None if stored is None else datetime.fromtimestamp(stored, UTC)
