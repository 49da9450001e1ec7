"""The embedded managed domain: a small directory in SQLite, with synced entries and ones made in the domain itself."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files

from msgspec import Struct

from tui.model.text import rfc3339
from tui.sources.moments import moment
from tui.sync.targets.target import Entry, Holder, Kind, NameTaken, Referral, Refusal, Relation, TargetRefused, Unique

USERS_OU = "OU=AADDC Users"
LOCAL_OU = "OU=Service Accounts"
FIRST_RELATIVE_ID = 1104
CACHE_KIB = 8 * 1024
_DOMAIN_SID = "S-1-5-21-2571216883-1601522099-2002488368"
_DN_SPECIAL = str.maketrans({char: f"\\{char}" for char in ',+"\\<>;=#'})
_KEYS: Mapping[Unique, str] = {"sAMAccountName": "name_key", "userPrincipalName": "upn_key"}
_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True, check_circular=False).encode


class Stored(Struct, frozen=True):
    """An entry with all its attributes as a reader of the directory sees them; credentials are not among them."""

    dn: str
    kind: str
    object_id: str | None
    attributes: Mapping[str, tuple[str, ...]]

    @property
    def is_synced(self) -> bool:
        return self.object_id is not None


class SqliteDomain:
    """One managed domain. `path`: a file, `:memory:`, or `""` for a temporary file that keeps it out of memory.

    `refuse`, where set, gives the reason why an entry is not taken, for trying out what then happens. The sync keeps
    its own state in the same `connection`, so that data and checkpoint are one transaction.
    """

    def __init__(
        self,
        path: str = ":memory:",
        *,
        now: Callable[[], datetime],
        base_dn: str = "DC=aadds,DC=contoso,DC=com",
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        self.base_dn = base_dn
        self.refuse: Callable[[Entry], str | None] | None = None
        self._now = now
        self.connection = _open(path, factory)

    def close(self) -> None:
        self.connection.close()

    # Reading

    def get(self, object_id: str) -> Stored | None:
        """The synced entry of a source object."""
        return next(self._stored("object_id = ?", object_id), None)

    def find(self, dn: str) -> Stored | None:
        """The entry with this distinguished name."""
        return next(self._stored("dn = ?", dn), None)

    def entries(self, *, kind: str | None = None, synced: bool | None = None) -> Iterator[Stored]:
        """Entries in the order in which they were made."""
        where = "TRUE" if synced is None else f"object_id IS {'NOT ' if synced else ''}NULL"
        return self._stored(f"{where} AND kind = coalesce(?, kind) ORDER BY number", kind)

    def counts(self, *, synced: bool) -> dict[str, int]:
        """Entries by kind, `user` and `group`: the synced ones, or the local ones."""
        query = f"SELECT count(*) FROM domain_entry WHERE kind = ? AND object_id IS {'NOT ' if synced else ''}NULL"  # noqa: S608
        return {kind: self.connection.execute(query, (kind,)).fetchone()[0] for kind in ("user", "group")}

    @property
    def last_change(self) -> datetime | None:
        """When anything last changed, deletions included; None: nothing ever did."""
        return moment(self.connection.execute("SELECT changed FROM domain_clock").fetchone()[0])

    @property
    def highest_usn(self) -> int:
        """The number of changes so far, highestCommittedUSN."""
        usn: int = self.connection.execute("SELECT usn FROM domain_clock").fetchone()[0]
        return usn

    def credentials(self, object_id: str) -> dict[str, str]:
        """The hashes that sign-ins are checked against; empty: the user cannot sign in."""
        row = self.connection.execute(
            "SELECT credentials FROM domain_entry WHERE object_id = ?", (object_id,)
        ).fetchone()
        return json.loads(row[0]) if row else {}

    # Objects of the domain's own

    def add_local(
        self, kind: Kind, name: str, attributes: Mapping[str, tuple[str, ...]] | None = None, *, ou: str = LOCAL_OU
    ) -> str:
        """Make an object in the domain itself; returns its distinguished name. Raises `NameTaken`."""
        return self._insert(None, kind, name, ou, attributes or {}, {})

    def remove_local(self, dn: str) -> None:
        """Raises KeyError for anything but a local object."""
        row = self.connection.execute(
            "SELECT number FROM domain_entry WHERE dn = ? AND object_id IS NULL", (dn,)
        ).fetchone()
        if row is None:
            raise KeyError(f"no local object {dn}")
        self._remove(row[0])

    # As a target of the sync

    window = 1
    notes: Sequence[str] = ()

    async def ready(self) -> None:
        """It is always as it was left."""

    async def announce(self, object_ids: Sequence[str]) -> None:
        """Nothing outlives a transaction that was undone."""

    async def settle(self) -> None:
        """Everything is in the transaction already."""

    def forget(self) -> None:
        """Undone with the transaction."""

    async def name_of(self, object_id: str) -> str | None:
        row = self.connection.execute("SELECT name FROM domain_entry WHERE object_id = ?", (object_id,)).fetchone()
        return row[0] if row else None

    async def holder(self, attribute: Unique, value: str) -> Holder | None:
        return self._holder(attribute, value)

    async def put(self, entry: Entry) -> bool:
        reason = self.refuse(entry) if self.refuse else None
        if reason:
            raise TargetRefused(None, None, reason)
        row = self.connection.execute(
            "SELECT number, name, attributes, credentials FROM domain_entry WHERE object_id = ?", (entry.object_id,)
        ).fetchone()
        if row is None:
            self._insert(entry.object_id, entry.kind, entry.name, USERS_OU, entry.attributes, entry.credentials)
            return True
        columns = [entry.name, _encode(entry.attributes), _encode(entry.credentials)]
        is_changed = list(row[1:]) != columns
        if is_changed:
            self._update(row[0], entry, columns)
        return is_changed

    async def release(self, object_id: str, attribute: Unique) -> None:
        if attribute != "userPrincipalName":
            raise TargetRefused(attribute, None, "cannot be without a value")
        row = self.connection.execute(
            "SELECT attributes FROM domain_entry WHERE object_id = ?", (object_id,)
        ).fetchone()
        if row is not None:
            kept = {name: values for name, values in json.loads(row[0]).items() if name != attribute}
            usn, now = self._next()
            self.connection.execute(
                "UPDATE domain_entry SET upn_key = NULL, attributes = ?, usn = ?, changed = ? WHERE object_id = ?",
                (_encode(kept), usn, now, object_id),
            )
            self._tick()

    async def delete(self, object_id: str) -> bool:
        number = self._number(object_id)
        if number is not None:
            self._remove(number)
        return number is not None

    async def refer(self, owner: str, relation: Relation, add: Sequence[str], remove: Sequence[str]) -> Referral:
        changed, refused = False, {}
        for write, others in ((self.unlink, remove), (self.link, add)):
            for other in others:
                try:
                    changed = await write(owner, relation, other) or changed
                except Refusal as refusal:
                    refused[other] = refusal
        return Referral(changed, refused)

    async def link(self, owner: str, relation: Relation, other: str) -> bool:
        numbers = self._number(owner), self._number(other)
        if None in numbers:
            raise TargetRefused(relation, other, "refers to an entry that is not there")
        statement = "INSERT OR IGNORE INTO domain_reference (owner, other, relation) VALUES (?, ?, ?)"
        return self._referred(statement, numbers[0], numbers[1], relation)

    async def unlink(self, owner: str, relation: Relation, other: str) -> bool:
        return self._referred(
            "DELETE FROM domain_reference WHERE owner = ? AND other = ? AND relation = ?",
            self._number(owner),
            self._number(other),
            relation,
        )

    # Rows

    def _stored(self, where: str, *arguments: str | None) -> Iterator[Stored]:
        columns = "number, dn, kind, object_id, name, attributes, created, changed, usn"
        query = f"SELECT {columns} FROM domain_entry WHERE {where}"  # noqa: S608
        for number, dn, kind, object_id, name, attributes, created, changed, usn in self.connection.execute(
            query, arguments
        ):
            own = {key: tuple(values) for key, values in json.loads(attributes).items()}
            system = {
                "sAMAccountName": (name,),
                "objectClass": (kind,),
                "objectSid": (f"{_DOMAIN_SID}-{FIRST_RELATIVE_ID + number}",),
                "whenCreated": (created,),
                "whenChanged": (changed,),
                "uSNChanged": (str(usn),),
            }
            yield Stored(dn, kind, object_id, {**own, **self._references(number), **system})

    def _references(self, number: int) -> dict[str, tuple[str, ...]]:
        """member and manager of an entry, and memberOf, as distinguished names."""
        query = (
            "SELECT relation, dn FROM domain_reference JOIN domain_entry ON number = other WHERE owner = ?1 UNION ALL"
            " SELECT relation || 'Of', dn FROM domain_reference JOIN domain_entry ON number = owner"
            " WHERE other = ?1 AND relation = 'member' ORDER BY 1, 2"
        )
        found: dict[str, tuple[str, ...]] = {}
        for relation, dn in self.connection.execute(query, (number,)):
            found[relation] = (*found.get(relation, ()), dn)
        return found

    def _number(self, object_id: str) -> int | None:
        row = self.connection.execute("SELECT number FROM domain_entry WHERE object_id = ?", (object_id,)).fetchone()
        return row[0] if row else None

    def _holder(self, attribute: Unique, value: str) -> Holder | None:
        row = self.connection.execute(
            f"SELECT kind, dn, object_id FROM domain_entry WHERE {_KEYS[attribute]} = ?",  # noqa: S608
            (value.casefold(),),
        ).fetchone()
        return Holder(*row) if row else None

    def _insert(
        self,
        object_id: str | None,
        kind: str,
        name: str,
        ou: str,
        attributes: Mapping[str, tuple[str, ...]],
        credentials: Mapping[str, str],
    ) -> str:
        dn = self._dn(name, ou)
        usn, now = self._next()
        keys = name.casefold(), _upn_key(attributes)
        with self._unique(name, attributes, object_id):
            self.connection.execute(
                "INSERT INTO domain_entry (object_id, kind, dn, name, name_key, upn_key, attributes, credentials,"
                " created, changed, usn) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (object_id, kind, dn, name, *keys, _encode(attributes), _encode(credentials), now, now, usn),
            )
        self._tick()
        return dn

    def _update(self, number: int, entry: Entry, columns: list[str]) -> None:
        keys = entry.name.casefold(), _upn_key(entry.attributes), self._dn(entry.name, USERS_OU)
        usn, now = self._next()
        with self._unique(entry.name, entry.attributes, entry.object_id):
            self.connection.execute(
                "UPDATE domain_entry SET name = ?, attributes = ?, credentials = ?, name_key = ?, upn_key = ?, dn = ?,"
                " usn = ?, changed = ? WHERE number = ?",
                (*columns, *keys, usn, now, number),
            )
        self._tick()

    @contextmanager
    def _unique(self, name: str, attributes: Mapping[str, tuple[str, ...]], object_id: str | None) -> Iterator[None]:
        """Says which unique value was taken, and by whom, where the database refuses a row for it."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            wanted: list[tuple[Unique, str]] = [("sAMAccountName", name)]
            wanted += [("userPrincipalName", value) for value in attributes.get("userPrincipalName", ())]
            for attribute, value in wanted:
                holder = self._holder(attribute, value)
                if holder is not None and (object_id is None or holder.object_id != object_id):
                    raise NameTaken(attribute, value, "belongs to another object", holder) from error
            raise

    def _remove(self, number: int) -> None:
        self.connection.execute("DELETE FROM domain_reference WHERE owner = ?1 OR other = ?1", (number,))
        self.connection.execute("DELETE FROM domain_entry WHERE number = ?", (number,))
        self._tick()

    def _referred(self, statement: str, owner: int | None, other: int | None, relation: str) -> bool:
        changed: bool = self.connection.execute(statement, (owner, other, relation)).rowcount > 0
        if changed:
            usn, now = self._next()
            self.connection.execute("UPDATE domain_entry SET usn = ?, changed = ? WHERE number = ?", (usn, now, owner))
            self._tick()
        return changed

    def _next(self) -> tuple[int, str]:
        """The number and time of the change about to be made."""
        return self.highest_usn + 1, rfc3339(self._now()) or ""

    def _tick(self) -> None:
        """Count a change that was made; one that was refused does not count."""
        self.connection.execute("UPDATE domain_clock SET usn = usn + 1, changed = ?", (rfc3339(self._now()),))

    def _dn(self, name: str, ou: str) -> str:
        return f"CN={name.translate(_DN_SPECIAL)},{ou},{self.base_dn}"


def _open(path: str, factory: type[sqlite3.Connection]) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, factory=factory)
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if path in ("", ":memory:"):
        db.execute("PRAGMA synchronous = OFF")
    else:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(files("tui.sync.targets").joinpath("sqlite_schema.sql").read_text("utf-8"))
    return db


def _upn_key(attributes: Mapping[str, tuple[str, ...]]) -> str | None:
    return next((value.casefold() for value in attributes.get("userPrincipalName", ())), None)
