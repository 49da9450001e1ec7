"""What changed in a directory since the last look (facts/domain.md 6.3).

Active Directory numbers its writes per server: the highest number is read before the search, and the next search begins
one above it. OpenLDAP stamps each entry with the time of its last write instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tui.ldap.entries import Entry
from tui.ldap.values import filter_escaped, generalized_time
from tui.model.facts import ObjectChange
from tui.model.marks import is_service_name
from tui.model.states import Side
from tui.sources.ldap_counts import WRITE_STAMP, Layout
from tui.sources.ldap_filters import any_of, users_and_groups
from tui.sources.ldap_object_id import OBJECT_ID_ATTRIBUTES, object_id_of
from tui.sources.ldap_objects import (
    attributes_of,
    compared_values,
    kind_of,
    moment_of,
    name_of,
    on_premises_sid,
    source_anchor_of,
)
from tui.sources.ldap_root import RootDse, usn
from tui.sources.ldap_session import DirectorySession

MOST_CHANGES = 2000
RECENT_WRITES = 2000
_CHANGED, _CREATED = ("whenChanged", "modifyTimestamp"), ("whenCreated", "createTimestamp")
_BOOKKEEPING = (
    *_CHANGED,
    *_CREATED,
    WRITE_STAMP,
    "uSNCreated",
    "isCriticalSystemObject",
    "objectGUID",
    "mS-DS-ConsistencyGuid",
    "objectSid",
    "sIDHistory",
    *OBJECT_ID_ATTRIBUTES,
)
_STAMP_SECONDS = 14
# So many are read in one go: two thousand would hold up the keys.
_SLICE = 100


class Mark(Struct, frozen=True, kw_only=True):
    """Where a server stands. `usn`: its highest number of a write; or, where it has none, `stamp`: the newest entryCSN
    known, and `context`: its contextCSN, which moves with every write but is not kept by every server.
    """

    host: str
    invocation: str = ""
    usn: int | None = None
    stamp: str = ""
    context: tuple[str, ...] = ()

    def continues(self, before: Mark) -> bool:
        """The same database, not behind: numbers of another server, or of a restored one, mean nothing here."""
        if (self.host, self.invocation) != (before.host, before.invocation):
            return False
        if self.usn is None or before.usn is None:
            return self.usn is before.usn
        return self.usn >= before.usn

    def is_unmoved(self, before: Mark) -> bool:
        """Nothing at all was written in between, deletions included."""
        if self.usn is not None:
            return self.usn == before.usn
        return bool(self.context) and self.context == before.context

    def beginning(self) -> Mark | None:
        """From where changes are read, the first time; None where only a count can tell."""
        if self.usn is not None:
            return self
        return replace(self, stamp=max(self.context)) if self.context else None

    def after_count(self, newest_stamp: str) -> Mark | None:
        """The same after a count; None while no entry has a stamp."""
        return self.beginning() or (replace(self, stamp=newest_stamp) if newest_stamp else None)


class Changes(Struct, frozen=True, kw_only=True):
    """`newest`: when the newest of them happened, by our clock. `stamp`: the newest entryCSN seen."""

    changes: tuple[ObjectChange, ...] = ()
    truncated: bool = False
    newest: datetime | None = None
    stamp: str = ""

    def followed_by(self, later: Changes) -> Changes:
        """Both, the latest of them where there are more than `MOST_CHANGES`."""
        changes = (*self.changes, *later.changes)
        truncated = self.truncated or later.truncated or len(changes) > MOST_CHANGES
        return replace(later, changes=changes[-MOST_CHANGES:], truncated=truncated)


async def mark_of(session: DirectorySession, root: RootDse) -> Mark:
    """Where the server stands now; to be read before anything that it is to cover. Raises a `SourceError`."""
    context: tuple[str, ...] = ()
    if root.highest_usn is None:
        async with session.use() as connection:
            entry = await connection.read(root.base, ("contextCSN",))
        context = tuple(sorted(entry.texts("contextCSN"))) if entry else ()
    return Mark(host=root.host, invocation=root.invocation, usn=root.highest_usn, context=context)


async def changes_since(
    before: Mark, session: DirectorySession, layout: Layout, side: Side, root: RootDse, now: datetime
) -> Changes:
    """Users and groups that were written after `before`, at most `MOST_CHANGES`. Raises a `SourceError`."""
    entries, truncated = await _written_after(before, session, layout, side)
    changes: list[ObjectChange] = []
    for number, entry in enumerate(entries, 1):
        change = change_of(entry, side, before, root.clock_offset_s, now)
        changes += [] if change is None else [change]
        if number % _SLICE == 0:
            await asyncio.sleep(0)
    return Changes(
        changes=tuple(changes),
        truncated=truncated,
        newest=max((change.at for change in changes), default=None),
        stamp=max([before.stamp, *(entry.text(WRITE_STAMP) or "" for entry in entries)]),
    )


async def last_change(
    session: DirectorySession, layout: Layout, mark: Mark, offset_s: float | None, now: datetime
) -> datetime | None:
    """When a user or group was changed last, by our clock, among the server's latest writes. Raises a `SourceError`."""
    if mark.usn is None:
        stamped = generalized_time(f"{mark.stamp[:_STAMP_SECONDS]}Z")
        return None if stamped is None else min(stamped, now)
    recent = users_and_groups(layout.kind, f"(uSNChanged>={max(1, mark.usn - RECENT_WRITES)})")
    newest: datetime | None = None
    async with aclosing(session.pages(layout.people, recent, _CHANGED)) as pages:  # type: ignore[type-var]
        async for page in pages:
            moments = (moment_of(entry, _CHANGED, offset_s) for entry in page)
            newest = max(filter(None, [newest, *moments]), default=None)
    return None if newest is None else min(newest, now)


def change_of(entry: Entry, side: Side, before: Mark, offset_s: float | None, now: datetime) -> ObjectChange | None:
    """None for what the next hop leaves out, and for what is neither user nor group.

    A new object came when it was made; later writes to it in the same interval are part of its making.
    """
    kind = kind_of(entry)
    if kind not in ("user", "group") or _is_left_out(entry, side):
        return None
    created = is_new(entry, before)
    at = moment_of(entry, _CREATED if created else _CHANGED, offset_s)
    return ObjectChange(
        kind=kind,
        at=now if at is None else min(at, now),
        object_id=object_id_of(entry) if side is Side.MANAGED_DOMAIN else None,
        source_anchor=source_anchor_of(entry) if side is Side.ON_PREMISES else None,
        name=name_of(entry),
        created=created,
        values=compared_values(entry, kind, side),
        security_id=on_premises_sid(entry, side),
    )


def is_new(entry: Entry, before: Mark) -> bool:
    """Whether the entry was made after `before`, by the same measure as its changes."""
    if before.usn is not None:
        return (usn(entry, "uSNCreated") or 0) > before.usn
    made, written = ((entry.text(name) or "")[:_STAMP_SECONDS] for name in ("createTimestamp", "modifyTimestamp"))
    since = before.stamp[:_STAMP_SECONDS]
    return made > since or (made == since and made == written)


async def _written_after(
    before: Mark, session: DirectorySession, layout: Layout, side: Side
) -> tuple[Sequence[Entry], bool]:
    entries: list[Entry] = []
    attributes = (*attributes_of(side), *_BOOKKEEPING)
    async with aclosing(session.pages(layout.people, _filter(before, layout, side), attributes)) as pages:  # type: ignore[type-var]
        async for page in pages:
            entries += [entry for entry in page if before.usn is not None or _stamped_after(entry, before)]
            if len(entries) > MOST_CHANGES:
                break
    return entries[:MOST_CHANGES], len(entries) > MOST_CHANGES


def _filter(before: Mark, layout: Layout, side: Side) -> str:
    if before.usn is not None:
        written = f"(uSNChanged>={before.usn + 1})"
    else:
        written = f"({WRITE_STAMP}>={filter_escaped(before.stamp)})"
    made_by_sync = any_of(OBJECT_ID_ATTRIBUTES) if side is Side.MANAGED_DOMAIN else ""
    return users_and_groups(layout.kind, written, made_by_sync)


def _stamped_after(entry: Entry, before: Mark) -> bool:
    """The search finds the entry at the mark itself again."""
    return (entry.text(WRITE_STAMP) or "") > before.stamp


def _is_left_out(entry: Entry, side: Side) -> bool:
    if side is not Side.ON_PREMISES:
        return False
    return entry.text("isCriticalSystemObject") == "TRUE" or is_service_name(entry.text("sAMAccountName"))
