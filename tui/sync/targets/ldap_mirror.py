"""What a container of a directory holds, as far as the sync is concerned, beside the checkpoint in SQLite.

It answers who has which name without a round trip, and says what a change must write. A write is noted here before it
is sent, so that of two objects that want a name only one ever asks the server for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from importlib.resources import files

from msgspec import Struct
from msgspec.json import decode, encode

from tui.ldap.values import dn_key
from tui.sync.targets.target import Holder, Kind, Unique

_COLUMNS = "object_id, kind, dn, name, upn_key, owned, attributes, credentials"
_KEYS: Mapping[Unique, str] = {"sAMAccountName": "name_key", "userPrincipalName": "upn_key"}
_CONTAINER = "ldap-container"
_HOLDER = {
    attribute: f"SELECT kind, dn, object_id FROM ldap_entry WHERE {key} = ?1 UNION ALL"  # noqa: S608
    f" SELECT kind, dn, NULL FROM ldap_taken WHERE attribute = '{attribute}' AND key = ?1 LIMIT 1"
    for attribute, key in _KEYS.items()
}
_OTHERS_NAME = (
    "SELECT 1 FROM ldap_entry WHERE name_key = ?1 AND object_id <> ?3"
    " UNION ALL SELECT 1 FROM ldap_entry WHERE upn_key = ?2 AND object_id <> ?3"
    " UNION ALL SELECT 1 FROM ldap_taken WHERE attribute = 'sAMAccountName' AND key = ?1"
    " UNION ALL SELECT 1 FROM ldap_taken WHERE attribute = 'userPrincipalName' AND key = ?2 LIMIT 1"
)

Attributes = Mapping[str, Sequence[str]]


class Known(Struct, frozen=True, kw_only=True):
    """An entry with an object id. `owned`: the sync made or adopted it. `attributes`: as text, in lower case names,
    values sorted. `credentials`: a digest of the hashes that were written."""

    object_id: str
    kind: Kind
    dn: str
    name: str
    upn_key: str | None
    owned: bool
    attributes: Attributes
    credentials: str = ""

    @property
    def upn(self) -> str | None:
        return next(iter(self.attributes.get("userprincipalname", ())), None)


class Mirror:
    """In the database, and the transactions, of the checkpoint."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(files("tui.sync.targets").joinpath("ldap_mirror.sql").read_text("utf-8"))

    # Which container

    @property
    def container(self) -> str | None:
        """The key of the distinguished name that this state belongs to; None: it is new."""
        row = self._db.execute("SELECT value FROM sync_setting WHERE name = ?", (_CONTAINER,)).fetchone()
        return row[0] if row else None

    def belong_to(self, container: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO sync_setting VALUES (?, ?)", (_CONTAINER, container))

    # Entries

    def get(self, object_id: str) -> Known | None:
        row = self._db.execute(f"SELECT {_COLUMNS} FROM ldap_entry WHERE object_id = ?", (object_id,)).fetchone()  # noqa: S608
        return _known(row) if row else None

    def name_of(self, object_id: str) -> str | None:
        """The sAMAccountName of an entry that is owned."""
        row = self._db.execute("SELECT name FROM ldap_entry WHERE object_id = ? AND owned", (object_id,)).fetchone()
        return row[0] if row else None

    def dns_of(self, object_ids: Sequence[str]) -> dict[str, str]:
        """Distinguished names by object id, of those that are owned."""
        query = "SELECT dn FROM ldap_entry WHERE object_id = ? AND owned"
        rows = ((id, self._db.execute(query, (id,)).fetchone()) for id in object_ids)
        return {id: row[0] for id, row in rows if row}

    def holder(self, attribute: Unique, value: str) -> Holder | None:
        row = self._db.execute(_HOLDER[attribute], (value.casefold(),)).fetchone()
        return Holder(*row) if row else None

    def conflicts(self, known: Known) -> bool:
        """A name of this entry belongs to another."""
        wanted = known.name.casefold(), known.upn_key, known.object_id
        return self._db.execute(_OTHERS_NAME, wanted).fetchone() is not None

    def put(self, known: Known, number: int | None = None) -> None:
        """Note an entry as it is or is about to be; `number`: of the pass that saw it."""
        self._db.execute(
            "INSERT INTO ldap_entry (object_id, kind, dn, dn_key, name, name_key, upn_key, owned, attributes,"
            " credentials, pass) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(?, 0)) ON CONFLICT DO UPDATE SET"
            " kind = excluded.kind, dn = excluded.dn, dn_key = excluded.dn_key, name = excluded.name,"
            " name_key = excluded.name_key, upn_key = excluded.upn_key, owned = excluded.owned,"
            " attributes = excluded.attributes, credentials = excluded.credentials, pass = excluded.pass",
            (
                known.object_id,
                known.kind,
                known.dn,
                dn_key(known.dn),
                known.name,
                known.name.casefold(),
                known.upn_key,
                known.owned,
                encode(known.attributes).decode(),
                known.credentials,
                number,
            ),
        )

    def remove(self, object_id: str) -> None:
        self._db.execute("DELETE FROM ldap_entry WHERE object_id = ?", (object_id,))

    def take(self, attribute: Unique, value: str, dn: str, kind: str, number: int = 0) -> None:
        """A name that belongs to an object without object id, or to one that was never seen."""
        self._db.execute(
            "INSERT OR REPLACE INTO ldap_taken VALUES (?, ?, ?, ?, ?, ?)",
            (attribute, value.casefold(), dn, dn_key(dn), kind, number),
        )

    # What is about to be made

    def intend(self, object_ids: Sequence[str]) -> None:
        """These may be created: what is found under such an id after a crash is the sync's own."""
        with_entry = "SELECT 1 FROM ldap_entry WHERE object_id = ?1"
        self._db.executemany(
            f"INSERT OR IGNORE INTO ldap_intent SELECT ?1 WHERE NOT EXISTS ({with_entry})",
            ((id,) for id in object_ids),
        )

    def intended(self, object_id: str) -> bool:
        return self._db.execute("SELECT 1 FROM ldap_intent WHERE object_id = ?", (object_id,)).fetchone() is not None

    def settle(self) -> None:
        self._db.execute("DELETE FROM ldap_intent")

    # Passes over everything

    def next_pass(self) -> int:
        query = "SELECT max(pass) FROM (SELECT pass FROM ldap_entry UNION ALL SELECT pass FROM ldap_taken)"
        return (self._db.execute(query).fetchone()[0] or 0) + 1

    def unseen(self, number: int) -> list[tuple[str, bool]]:
        """(object id, owned) of entries that the pass did not meet, which are no longer known after this; nor are the
        names of others."""
        rows = self._db.execute("SELECT object_id, owned FROM ldap_entry WHERE pass <> ?", (number,)).fetchall()
        self._db.execute("DELETE FROM ldap_entry WHERE pass <> ?", (number,))
        self._db.execute("DELETE FROM ldap_taken WHERE pass <> ?", (number,))
        return [(id, bool(owned)) for id, owned in rows]

    def by_dn(self, key: str) -> tuple[str, bool] | None:
        """(object id, owned) of the entry whose distinguished name has this key."""
        row = self._db.execute("SELECT object_id, owned FROM ldap_entry WHERE dn_key = ?", (key,)).fetchone()
        return (row[0], bool(row[1])) if row else None

    def is_met(self, object_id: str, number: int) -> bool:
        query = "SELECT 1 FROM ldap_entry WHERE object_id = ? AND pass = ?"
        return self._db.execute(query, (object_id, number)).fetchone() is not None

    def is_local(self, key: str) -> bool:
        """A local object of the container has this distinguished name's key."""
        return self._db.execute("SELECT 1 FROM ldap_taken WHERE dn_key = ?", (key,)).fetchone() is not None

    def foreign(self, limit: int) -> tuple[int, list[str]]:
        """How many entries have an object id but are not owned, and some of their names."""
        count = self._db.execute("SELECT count(*) FROM ldap_entry WHERE NOT owned").fetchone()[0]
        rows = self._db.execute("SELECT name FROM ldap_entry WHERE NOT owned LIMIT ?", (limit,))
        return count, [name for (name,) in rows]


def _known(row: tuple[str, Kind, str, str, str | None, int, str, str]) -> Known:
    id, kind, dn, name, upn_key, owned, attributes, credentials = row
    return Known(
        object_id=id,
        kind=kind,
        dn=dn,
        name=name,
        upn_key=upn_key,
        owned=bool(owned),
        attributes=decode(attributes, type=dict[str, tuple[str, ...]]),
        credentials=credentials,
    )
