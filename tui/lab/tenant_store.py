"""The tenant's SQLite file: rows, indexes and their JSON. Of Graph it knows only which properties are looked up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from typing import Any
from zlib import crc32

import msgspec

LIVE, DELETED, PURGED = 0, 1, 2
CACHE_KIB = 8 * 1024
_NUMBER_BITS = 31
_LARGEST_NUMBER = (1 << _NUMBER_BITS) - 1
_LOOKED_UP = {
    "onPremisesImmutableId": 1,
    "userPrincipalName": 2,
    "proxyAddresses": 3,
    "onPremisesDistinguishedName": 4,
}
_CASE_MATTERS = frozenset({"onPremisesImmutableId"})
_encode = msgspec.json.Encoder().encode
_encode_anything = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

Properties = Mapping[str, Any]


def connect(path: str) -> sqlite3.Connection:
    """Open the store at `path`; `:memory:` and the empty string (a temporary file of SQLite's own) leave nothing."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if path in ("", ":memory:"):
        db.execute("PRAGMA journal_mode = MEMORY")
        db.execute("PRAGMA synchronous = OFF")
    else:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(files("tui.lab").joinpath("tenant_schema.sql").read_text("utf-8"))
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; inside another transaction it is part of that one."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def encode(properties: Properties) -> str:
    """Compact JSON; in plain ASCII where there are lone surrogates, which UTF-8 does not hold."""
    try:
        return _encode(properties).decode()
    except UnicodeEncodeError:
        return _encode_anything(properties)


def lookup_range(name: str, value: str) -> tuple[int, int] | None:
    """The first and last index entry of a value; None where the property is not indexed.

    An entry is the value's 32-bit checksum and the object's number in one integer, which SQLite stores and sorts
    fastest. Checksums collide: whoever looks up compares the value too.
    """
    mark = _LOOKED_UP.get(name)
    if mark is None:
        return None
    first = _checksum(name, mark, value) << _NUMBER_BITS
    return first, first + _LARGEST_NUMBER


def lookup_entries(properties: Properties, number: int) -> list[int]:
    """Every index entry of an object; some may come twice."""
    entries = []
    for name, mark in _LOOKED_UP.items():
        value = properties.get(name)
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, str):
                entries.append(_checksum(name, mark, item) << _NUMBER_BITS | number)
    return entries


def _checksum(name: str, mark: int, value: str) -> int:
    plain = value if name in _CASE_MATTERS else value.casefold()
    return crc32(plain.encode("utf-8", "surrogatepass"), mark)


def holds(properties: Properties, name: str, value: str) -> bool:
    """Whether the property is, or its list holds, `value`."""
    held = properties.get(name)
    values = held if isinstance(held, list) else (held,)
    if name in _CASE_MATTERS:
        return value in values
    return any(isinstance(item, str) and item.casefold() == value.casefold() for item in values)


def flags(properties: Properties) -> tuple[int | None, int, int]:
    """(synced, failing, service_failing) as columns; synced is None for an object that never was."""
    synced = properties.get("onPremisesSyncEnabled")
    service = properties.get("serviceProvisioningErrors") or ()
    unresolved = any(error.get("isResolved") is False for error in service)
    return (
        None if synced is None else int(synced),
        int(bool(properties.get("onPremisesProvisioningErrors"))),
        unresolved,
    )


Row = tuple[str, str, int, Properties]
"""(kind, id, changed, properties) of a new object."""


def insert(db: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Add objects that are not there yet."""
    insert_encoded(db, ((*row, encode(row[3])) for row in rows))


def insert_encoded(db: sqlite3.Connection, rows: Iterable[tuple[str, str, int, Properties, str]]) -> None:
    """`insert` for rows that bring their canonical JSON; of their properties only those of index and flags are read."""
    number = db.execute("SELECT coalesce(max(number), 0) FROM object").fetchone()[0]
    objects, entries = [], list[int]()
    for number, (kind, id, changed, properties, body) in enumerate(rows, number + 1):  # noqa: B020
        objects.append((number, kind, id, *flags(properties), changed, body))
        entries.extend(lookup_entries(properties, number))
    db.executemany(
        "INSERT INTO object (number, kind, id, synced, failing, service_failing, changed, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        objects,
    )
    entries.sort()
    _add_entries(db, entries)


def rewrite(db: sqlite3.Connection, number: int, old: Properties, new: Properties, changed: int) -> None:
    """Replace an object's properties and bring its index entries up to date."""
    db.execute(
        "UPDATE object SET body = ?, synced = ?, failing = ?, service_failing = ?, changed = ? WHERE number = ?",
        (encode(new), *flags(new), changed, number),
    )
    before, after = set(lookup_entries(old, number)), set(lookup_entries(new, number))
    db.executemany("DELETE FROM lookup WHERE entry = ?", ((entry,) for entry in before - after))
    _add_entries(db, after - before)


def _add_entries(db: sqlite3.Connection, entries: Iterable[int]) -> None:
    db.executemany("INSERT OR IGNORE INTO lookup VALUES (?)", ((entry,) for entry in entries))


def canonical(db: sqlite3.Connection) -> bytes:
    """Everything the store holds, in one order that does not depend on how it got there."""
    parts = [
        db.execute(
            "SELECT kind, id, state, changed, coalesce(hashes, ''), body FROM object ORDER BY kind, id"
        ).fetchall(),
        db.execute("SELECT * FROM member ORDER BY group_id, member_id").fetchall(),
        db.execute("SELECT * FROM setting ORDER BY name").fetchall(),
    ]
    return json.dumps(parts, separators=(",", ":")).encode()
