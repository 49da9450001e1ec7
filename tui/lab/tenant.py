"""The lab's Entra tenant: users, groups with members, contacts and devices in SQLite, with a numbered log of changes.

An object is its Graph JSON properties. Every change takes the next number of one sequence, which is what the delta
tokens count (facts/domain.md 2.7).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from random import Random
from typing import Any

from tui.lab import tenant_delta, tenant_store
from tui.lab.tenant_delta import LATEST, Cursor, DeltaPage, ExpiredToken, InvalidToken
from tui.lab.tenant_store import DELETED, LIVE, PURGED, Properties
from tui.model.text import rfc3339

__all__ = ["KINDS", "DeltaPage", "ExpiredToken", "InvalidToken", "Tenant"]

KINDS = ("user", "group", "contact", "device")
_CHUNK = 2000
_LARGE_CHUNK = 10_000
_COUNTED_OBJECTS = 300_000


class Tenant:
    """One tenant. `path`: a file, `:memory:`, or `""` for a temporary file that keeps large tenants out of memory.

    `now` is the tenant's time. `random` makes ids reproducible; without it they are random.
    Unknown or removed objects raise KeyError.
    """

    def __init__(
        self,
        path: str = ":memory:",
        *,
        tenant_id: str,
        display_name: str,
        now: Callable[[], datetime],
        random: Random | None = None,
    ) -> None:
        self.tenant_id = tenant_id
        self._now = now
        self._random = random
        self._db = tenant_store.connect(path)
        self._position: int = self._db.execute("SELECT coalesce(max(changed), 0) FROM object").fetchone()[0]
        self._key = hashlib.sha256(f"delta tokens of {tenant_id}".encode()).digest()
        self._set_default("organization", {"id": tenant_id, "displayName": display_name})
        self._set_default("synchronization", {"deletionThreshold": 500, "passwordSyncEnabled": True})

    def close(self) -> None:
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Changes inside it are seen all together or not at all; may be nested."""
        return tenant_store.transaction(self._db)

    def now(self) -> datetime:
        return self._now()

    # Objects

    def upsert(self, kind: str, properties: Properties, id: str | None = None) -> str:
        """Create an object, or merge `properties` into the one with `id` (or with `properties["id"]`); returns its id.

        A value of None clears a property. Nothing is logged where nothing changes.
        """
        id = id or properties.get("id")
        with self.transaction():
            if id is None or self._row(kind, id) is None:
                return self._create(kind, [{**properties, "id": id}])[0]
            self._merge(kind, id, properties)
            return id

    def upsert_many(self, kind: str, objects: Iterable[Properties]) -> list[str]:
        """`upsert` for many objects (each may carry its `id`), fast where they are new; returns their ids in order."""
        ids: list[str] = []
        remaining = iter(objects)
        with self.transaction():
            while chunk := list(islice(remaining, _CHUNK)):
                ids.extend(self._upsert_chunk(kind, chunk))
        return ids

    def load(self, kind: str, objects: Iterable[tuple[str, Properties, str]]) -> None:
        """Add very many new objects, each as (id, those of its properties that are indexed, canonical JSON of all)."""
        remaining = iter(objects)
        with self.transaction():
            while chunk := list(islice(remaining, _LARGE_CHUNK)):
                rows = ((kind, id, self._next(), indexed, body) for id, indexed, body in chunk)
                tenant_store.insert_encoded(self._db, rows)

    def get(self, kind: str, id: str) -> dict[str, Any] | None:
        """The live object's properties with its `id`; None where there is none."""
        row = self._row(kind, id)
        return None if row is None or row[1] != LIVE else {"id": id, **json.loads(row[2])}

    def find(self, kind: str, property: str, value: str) -> list[dict[str, Any]]:
        """Live objects whose property is, or whose list holds, `value`; case matters for onPremisesImmutableId only.

        Indexed: onPremisesImmutableId, userPrincipalName, proxyAddresses, onPremisesDistinguishedName.
        """
        among = tenant_store.lookup_range(property, value)
        query = f"SELECT id, body FROM object WHERE kind = ? AND state = {LIVE}"  # noqa: S608
        if among is None:
            same = """ AND json_extract(body, '$."' || ? || '"') = ? COLLATE NOCASE ORDER BY id"""
            rows = self._db.execute(query + same, (kind, property, value))
        else:
            numbers = "(SELECT entry & 0x7fffffff FROM lookup WHERE entry BETWEEN ? AND ?)"
            rows = self._db.execute(f"{query} AND number IN {numbers} ORDER BY id", (kind, *among))
        found = ({"id": id, **json.loads(body)} for id, body in rows)
        return [properties for properties in found if tenant_store.holds(properties, property, value)]

    def page(
        self,
        kind: str,
        *,
        after: str | None = None,
        limit: int = 100,
        synced: bool | None = None,
        failing: bool = False,
        service_failing: bool = False,
        deleted: bool = False,
    ) -> list[dict[str, Any]]:
        """Up to `limit` objects in order of id, those after the id `after`.

        `synced`: only those with this onPremisesSyncEnabled. `failing`: only those with onPremisesProvisioningErrors;
        `service_failing`: with an unresolved service provisioning error. `deleted`: the soft-deleted ones instead.
        """
        where = ["kind = ?", "id > ?", f"state = {DELETED if deleted else LIVE}"]
        arguments: list[Any] = [kind, after or ""]
        if synced is not None:
            where.append("synced = ?")
            arguments.append(int(synced))
        where += [name for name, wanted in (("failing", failing), ("service_failing", service_failing)) if wanted]
        query = f"SELECT id, body FROM object WHERE {' AND '.join(where)} ORDER BY id LIMIT ?"  # noqa: S608
        return [{"id": id, **json.loads(body)} for id, body in self._db.execute(query, (*arguments, limit))]

    def count(
        self, kind: str, synced: bool | None = None, *, failing: bool = False, service_failing: bool = False
    ) -> int:
        """Live objects of a kind, narrowed as in `page`."""
        where = [name for name, wanted in (("failing", failing), ("service_failing", service_failing)) if wanted]
        return self._count(kind, LIVE, synced, where)

    def deleted_count(self, kind: str) -> int:
        """Soft-deleted objects of a kind."""
        return self._count(kind, DELETED)

    # Deletion

    def soft_delete(self, kind: str, id: str) -> None:
        """To the recycle bin: gone from lists and memberships, restorable."""
        with self.transaction():
            self._set_state(kind, id, LIVE, DELETED, {"deletedDateTime": rfc3339(self._now())})

    def restore(self, kind: str, id: str) -> None:
        """Back from the recycle bin, memberships included."""
        with self.transaction():
            self._set_state(kind, id, DELETED, LIVE, {"deletedDateTime": None})

    def purge(self, kind: str, id: str) -> None:
        """Gone for good; only delta readers still learn of it."""
        with self.transaction():
            state = self._known(kind, id)[1]
            self._set_state(kind, id, state, PURGED, None)
            self._db.execute("UPDATE member SET present = 0 WHERE member_id = ? OR group_id = ?", (id, id))

    # Members

    def add_member(self, group_id: str, member_id: str) -> None:
        """Make an object a direct member of a group; nothing where it is one."""
        with self.transaction():
            self._live("group", group_id)
            self._set_member(group_id, member_id, self._kind_of(member_id), present=True)

    def remove_member(self, group_id: str, member_id: str) -> None:
        """End a direct membership; nothing where there is none."""
        with self.transaction():
            self._live("group", group_id)
            row = self._db.execute(
                "SELECT member_kind FROM member WHERE group_id = ? AND member_id = ? AND present", (group_id, member_id)
            ).fetchone()
            if row is not None:
                self._set_member(group_id, member_id, row[0], present=False)

    def members(self, group_id: str) -> list[str]:
        """Ids of the direct live members, sorted."""
        return [id for _, id in self.member_refs(group_id)]

    def member_refs(self, group_id: str) -> list[tuple[str, str]]:
        """(kind, id) of the direct live members, sorted by id."""
        return self._db.execute(
            "SELECT member_kind, member_id FROM member JOIN object ON kind = member_kind AND id = member_id"
            " WHERE group_id = ? AND present AND state = ? ORDER BY member_id",
            (group_id, LIVE),
        ).fetchall()

    # Credentials

    def set_credentials(self, user_id: str, hashes: Mapping[str, str]) -> None:
        """Keep a user's credential hashes, by name. They leave by delta alone, and only when selected."""
        body = tenant_store.encode(hashes)
        with self.transaction():
            number = self._live("user", user_id)[0]
            before = self._db.execute("SELECT hashes FROM object WHERE number = ?", (number,)).fetchone()[0]
            if before != body:
                self._db.execute(
                    "UPDATE object SET hashes = ?, changed = ? WHERE number = ?", (body, self._next(), number)
                )

    # The tenant itself

    def organization(self) -> dict[str, Any]:
        """The organization as beta shows it; `directorySizeQuota.used` is counted unless it was set."""
        organization = self._setting("organization")
        if "directorySizeQuota" not in organization:
            used = sum(self._count(kind, state) for kind in KINDS for state in (LIVE, DELETED))
            organization["directorySizeQuota"] = {"used": used, "total": _COUNTED_OBJECTS}
        return organization

    def set_organization(self, **properties: Any) -> None:
        """Merge `properties`; datetimes become RFC 3339."""
        self._merge_setting("organization", properties)

    def synchronization_settings(self) -> dict[str, Any]:
        """deletionThreshold (None: switched off), passwordSyncEnabled, and whatever else was set."""
        return self._setting("synchronization")

    def set_synchronization_settings(self, **properties: Any) -> None:
        self._merge_setting("synchronization", properties)

    def dump(self) -> bytes:
        """All content as bytes: equal exactly when nothing at all changed."""
        return tenant_store.canonical(self._db)

    # Delta

    def delta(
        self,
        kinds: Sequence[str],
        token: str | None = None,
        *,
        page_size: int = 200,
        select: Sequence[str] | None = None,
    ) -> DeltaPage:
        """One page of changes to `kinds`. No token: everything; `latest`: from now on.

        Raises `InvalidToken` (also for a token of other kinds) and `ExpiredToken`. A token carries its own `select`.
        """
        cursor = self._cursor(tuple(kinds), token, None if select is None else tuple(select))
        items: list[dict[str, Any]] = []
        after: Cursor | None = None
        if token != LATEST:
            items, after = tenant_delta.changes(self._db, cursor, page_size)
        if after is not None:
            return DeltaPage(items, self._token(after), None)
        return DeltaPage(items, None, self._token(tenant_delta.next_round(cursor, self._position)))

    def _cursor(self, kinds: tuple[str, ...], token: str | None, select: tuple[str, ...] | None) -> Cursor:
        if token is None or token == LATEST:
            return Cursor(kinds=kinds, select=select, base=0, start=self._position, position=0)
        cursor = tenant_delta.decode(token, self._now(), self._key)
        if cursor.kinds != kinds:
            raise InvalidToken("the token belongs to another collection")
        if cursor.position > self._position:
            raise ExpiredToken("the token is ahead of this tenant, which was put back to an earlier state")
        return cursor

    def _token(self, cursor: Cursor) -> str:
        return tenant_delta.encode(cursor, self._now(), self._key)

    # Rows

    def _next(self) -> int:
        self._position += 1
        return self._position

    def _row(self, kind: str, id: str) -> tuple[int, int, str] | None:
        """(number, state, body)."""
        row: tuple[int, int, str] | None = self._db.execute(
            "SELECT number, state, body FROM object WHERE kind = ? AND id = ?", (kind, id)
        ).fetchone()
        return row

    def _known(self, kind: str, id: str) -> tuple[int, int, str]:
        row = self._row(kind, id)
        if row is None:
            raise KeyError(f"no {kind} {id}")
        return row

    def _live(self, kind: str, id: str) -> tuple[int, int, str]:
        row = self._known(kind, id)
        if row[1] != LIVE:
            raise KeyError(f"{kind} {id} is deleted")
        return row

    def _kind_of(self, id: str) -> str:
        for kind in KINDS:
            row = self._row(kind, id)
            if row is not None and row[1] == LIVE:
                return kind
        raise KeyError(f"no object {id}")

    def _count(self, kind: str, state: int, synced: bool | None = None, where: Sequence[str] = ()) -> int:
        narrowed = " AND ".join(["kind = ?", f"state = {state}", *where])
        query = f"SELECT count(*) FROM object WHERE {narrowed}"  # noqa: S608
        if synced is not None:
            query += f" AND synced = {int(synced)}"
        number: int = self._db.execute(query, (kind,)).fetchone()[0]
        return number

    def _new_id(self) -> str:
        bits = self._random.getrandbits(128) if self._random else uuid.uuid4().int
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def _new_row(self, kind: str, properties: Properties, id: str | None, created: str | None) -> tenant_store.Row:
        kept = {name: value for name, value in properties.items() if value is not None and name != "id"}
        kept.setdefault("createdDateTime", created)
        return kind, id or self._new_id(), self._next(), kept

    def _create(self, kind: str, objects: Iterable[Properties]) -> list[str]:
        if kind not in KINDS:
            raise ValueError(f"{kind} is not one of {', '.join(KINDS)}")
        created = rfc3339(self._now())
        rows = [self._new_row(kind, properties, properties.get("id"), created) for properties in objects]
        tenant_store.insert(self._db, rows)
        return [row[1] for row in rows]

    def _upsert_chunk(self, kind: str, chunk: list[Properties]) -> list[str]:
        given = [id for properties in chunk if (id := properties.get("id"))]
        if len(set(given)) < len(given) or any(self._row(kind, id) for id in given):
            return [self.upsert(kind, properties) for properties in chunk]
        return self._create(kind, chunk)

    def _merge(self, kind: str, id: str, properties: Properties) -> None:
        number, _, body = self._live(kind, id)
        old = json.loads(body)
        new = {**old, **{name: value for name, value in properties.items() if name != "id"}}
        new = {name: value for name, value in new.items() if value is not None or name in old}
        if new != old:
            tenant_store.rewrite(self._db, number, old, new, self._next())

    def _set_state(self, kind: str, id: str, before: int, after: int, properties: Properties | None) -> None:
        """`properties` None: forget them all."""
        number, state, body = self._known(kind, id)
        if state != before or state == PURGED:
            raise KeyError(f"{kind} {id} is not in the state for that")
        old = json.loads(body)
        new = {} if properties is None else {**old, **properties}
        tenant_store.rewrite(self._db, number, old, new, self._next())
        self._db.execute("UPDATE object SET state = ? WHERE number = ?", (after, number))
        if after == PURGED:
            self._db.execute("UPDATE object SET hashes = NULL WHERE number = ?", (number,))
        self._touch_memberships(id)

    def _touch_memberships(self, id: str) -> None:
        """Let delta readers of the groups of `id`, and of `id` itself where it is a group, see its members anew."""
        groups = self._db.execute("SELECT group_id FROM member WHERE member_id = ? AND present", (id,)).fetchall()
        changed = self._next()
        self._db.execute("UPDATE member SET changed = ? WHERE member_id = ? AND present", (changed, id))
        self._db.execute("UPDATE member SET changed = ? WHERE group_id = ? AND present", (changed, id))
        for (group_id,) in groups:
            self._touch_group(group_id)

    def _touch_group(self, group_id: str) -> None:
        self._db.execute("UPDATE object SET changed = ? WHERE kind = 'group' AND id = ?", (self._next(), group_id))

    def _set_member(self, group_id: str, member_id: str, member_kind: str, *, present: bool) -> None:
        changed = self._db.execute(
            "INSERT INTO member VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET present = excluded.present, changed = excluded.changed WHERE present <> excluded.present",
            (group_id, member_id, member_kind, present, self._next()),
        ).rowcount
        if changed:
            self._touch_group(group_id)

    # Settings

    def _setting(self, name: str) -> dict[str, Any]:
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        value: dict[str, Any] = json.loads(row[0])
        return value

    def _merge_setting(self, name: str, properties: Properties) -> None:
        plain = {key: rfc3339(value) if isinstance(value, datetime) else value for key, value in properties.items()}
        value = tenant_store.encode({**self._setting(name), **plain})
        self._db.execute("UPDATE setting SET value = ? WHERE name = ?", (value, name))

    def _set_default(self, name: str, value: Properties) -> None:
        self._db.execute("INSERT OR IGNORE INTO setting VALUES (?, ?)", (name, tenant_store.encode(value)))
