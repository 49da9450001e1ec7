"""Delta tokens of the lab's tenant: opaque, signed, good for seven days (facts/domain.md 2.7)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from tui.lab.tenant_store import DELETED, LIVE

TOKEN_LIFE = timedelta(days=7)
LATEST = "latest"
LONGEST_TOKEN = 4096
MEMBERS_PER_PAGE = 1000
CREDENTIALS = "credentialHashes"
GRAPH_TYPES = {"user": "user", "group": "group", "contact": "orgContact", "device": "device"}
_NOT_PROPERTIES = frozenset({"id", "members", "manager", CREDENTIALS})
_SIGNATURE_BYTES = 12


class InvalidToken(Exception):
    """Not a token of this tenant and these kinds: HTTP 400."""


class ExpiredToken(Exception):
    """A token that was good once: HTTP 410, start again in full."""


class DeltaPage(Struct, frozen=True):
    """One page of a delta round. Exactly one of the two tokens is set: `next_token` within a round,
    `delta_token` at its end."""

    items: list[dict[str, Any]]
    next_token: str | None
    delta_token: str | None


class Cursor(Struct, frozen=True, kw_only=True):
    """Where a reader is in the sequence of changes.

    `base`: changes after it are the round's subject (0: everything). `start`: the tenant's position when the round
    began; removals before it are of no interest to a first round. `position`: the last change handed out.
    `member`: the last member handed out of the group that follows `position`, where a page ended inside it.
    """

    kinds: tuple[str, ...]
    select: tuple[str, ...] | None
    base: int
    start: int
    position: int
    member: str = ""


def changes(db: sqlite3.Connection, cursor: Cursor, page_size: int) -> tuple[list[dict[str, Any]], Cursor | None]:
    """The next page of the round, in Graph's shape, and where to go on; None at the end of the round.

    A group with more members than fit is handed out in parts, on one page after another.
    """
    items: list[dict[str, Any]] = []
    room = MEMBERS_PER_PAGE
    for kind, id, state, changed, hashes, body in _rows(db, cursor, page_size):
        if len(items) == page_size or room == 0:
            return items, cursor
        item = _item(cursor, id, state, hashes, body)
        items.append(item)
        if kind == "group" and state == LIVE and _wants(cursor, "members"):
            members, more = _members(db, cursor, id, changed, room)
            item["members@delta"] = members
            room -= len(members)
            if more:
                return items, replace(cursor, position=changed - 1, member=members[-1]["id"])
        cursor = replace(cursor, position=changed, member="")
    return items, None


def _rows(db: sqlite3.Connection, cursor: Cursor, page_size: int) -> list[tuple[str, str, int, int, str | None, str]]:
    """Changed objects; a first round does not tell of what was gone before it began."""
    marks = ",".join("?" * len(cursor.kinds))
    changed = f"SELECT kind, id, state, changed, hashes, body FROM object WHERE kind IN ({marks}) AND changed > ?"  # noqa: S608
    return db.execute(
        changed + " AND (state = ? OR ? > 0 OR changed > ?) ORDER BY changed LIMIT ?",
        (*cursor.kinds, cursor.position, LIVE, cursor.base, cursor.start, page_size + 1),
    ).fetchall()


def _item(cursor: Cursor, id: str, state: int, hashes: str | None, body: str) -> dict[str, Any]:
    if state != LIVE:
        return {"id": id, "@removed": {"reason": "changed" if state == DELETED else "deleted"}}
    properties = json.loads(body)
    manager = properties.pop("manager", None)
    if cursor.select is None:
        return {"id": id, **properties}
    item = {"id": id, **{name: properties.get(name) for name in cursor.select if name not in _NOT_PROPERTIES}}
    if "manager" in cursor.select:
        item["manager@delta"] = [_member(manager, "user", held=1)] if manager else []
    if CREDENTIALS in cursor.select:
        item[CREDENTIALS] = json.loads(hashes) if hashes else None
    return item


def _members(
    db: sqlite3.Connection, cursor: Cursor, group_id: str, changed: int, room: int
) -> tuple[list[dict[str, Any]], bool]:
    """Up to `room` membership changes of a group in order of the member's id, and whether there are more."""
    resumed = cursor.member if changed == cursor.position + 1 else ""
    rows = db.execute(
        f"SELECT member_id, member_kind, present AND coalesce(state = {LIVE}, 0) AS held FROM member"  # noqa: S608
        " LEFT JOIN object ON kind = member_kind AND id = member_id"
        " WHERE group_id = ? AND member.changed > ? AND member_id > ? AND (held OR ? > 0 OR member.changed > ?)"
        " ORDER BY member_id LIMIT ?",
        (group_id, cursor.base, resumed, cursor.base, cursor.start, room + 1),
    ).fetchall()
    return [_member(*row) for row in rows[:room]], len(rows) > room


def _member(id: str, kind: str, held: int) -> dict[str, Any]:
    member: dict[str, Any] = {"@odata.type": f"#microsoft.graph.{GRAPH_TYPES[kind]}", "id": id}
    return member if held else {**member, "@removed": {"reason": "deleted"}}


def _wants(cursor: Cursor, name: str) -> bool:
    return cursor.select is None or name in cursor.select


def next_round(cursor: Cursor, position: int) -> Cursor:
    """The cursor of the round after one that ended at `position`."""
    return replace(cursor, base=position, start=position, position=position, member="")


def encode(cursor: Cursor, issued: datetime, key: bytes) -> str:
    """An opaque URL-safe token."""
    payload = json.dumps([*asdict(cursor).values(), int(issued.timestamp())], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_signature(payload, key) + payload).decode().rstrip("=")


def decode(token: str, now: datetime, key: bytes) -> Cursor:
    """The cursor in `token`. Raises `InvalidToken`, or `ExpiredToken` after seven days."""
    payload = _verified(token, key)
    kinds, select, base, start, position, member, issued = json.loads(payload)
    if now - datetime.fromtimestamp(issued, UTC) > TOKEN_LIFE:
        raise ExpiredToken("the delta token is older than seven days")
    return Cursor(
        kinds=tuple(kinds),
        select=None if select is None else tuple(select),
        base=base,
        start=start,
        position=position,
        member=member,
    )


def _verified(token: str, key: bytes) -> bytes:
    if len(token) > LONGEST_TOKEN:
        raise InvalidToken("the token is too long")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("the token is badly formed") from error
    signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(payload, key)):
        raise InvalidToken("the token was not issued by this tenant")
    return payload


def _signature(payload: bytes, key: bytes) -> bytes:
    return hmac.new(key, payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
