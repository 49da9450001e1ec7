"""A directory server as a side of the chain: one user or group by name, or all of them (facts/domain.md 6)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from tui.clock import Clock
from tui.ldap.entries import Entry
from tui.ldap.values import filter_escaped
from tui.model.attributes import COMPARED, Compared
from tui.model.comparison import Listed
from tui.model.facts import ObjectRef
from tui.model.lookup import Lookup, best_first, lookup
from tui.model.marks import Mark, is_service_name, notes_of, shared
from tui.model.states import ObjectType, Side
from tui.model.text import clean
from tui.model.trace import Sighting
from tui.sources.ldap_filters import of_type, users_and_groups
from tui.sources.ldap_object_id import OBJECT_ID_ATTRIBUTES, has_object_id, object_id_filter, object_id_of
from tui.sources.ldap_objects import is_enabled, kind_of, moment_of, on_premises_sid, source_anchor_of
from tui.sources.ldap_session import DirectorySession, RootDse
from tui.sources.plausible import past

# Many may have one display name: the best matches are chosen among so many.
MOST_READ = 50
# So many are made of a page in one go: a thousand would hold up the keys.
_SLICE = 250
_KINDS = {ObjectType.USERS: "user", ObjectType.GROUPS: "group"}
_CREATED, _CHANGED = ("whenCreated", "createTimestamp"), ("whenChanged", "modifyTimestamp")
_LISTED = (
    "objectClass",
    "displayName",
    "cn",
    "sAMAccountName",
    "userPrincipalName",
    "objectGUID",
    "mS-DS-ConsistencyGuid",
    "objectSid",
    *_CREATED,
    *_CHANGED,
    "userAccountControl",
    "isCriticalSystemObject",
    *OBJECT_ID_ATTRIBUTES,
)
_FILETIME_EPOCH = datetime.fromisoformat("1601-01-01T00:00:00+00:00")


class LdapSide:
    """Asks the server of `session` when asked, never by itself. `side`: on-premises or managed domain."""

    def __init__(self, session: DirectorySession, side: Side, clock: Clock) -> None:
        self.side = side
        self._session = session
        self._clock = clock
        self._attributes = _attributes_of(side)

    async def find(self, name: str) -> Sequence[Sighting]:
        sought = lookup(name)
        if not sought.text:
            return ()
        reading = await self._reading()
        condition = users_and_groups(reading.root.kind, name_filter(sought))
        found: list[Sighting] = []
        search = self._session.pages(reading.root.base, condition, self._attributes, page_size=MOST_READ)
        async with aclosing(search) as pages:  # type: ignore[type-var]
            async for entries in pages:
                found += [reading.sighting(entry) for entry in entries]
                if len(found) >= MOST_READ:
                    break
        return best_first(sought, found)

    async def list(self, kind: ObjectType) -> AsyncIterator[Sequence[Listed]]:
        reading = await self._reading()
        search = self._session.pages(reading.root.base, of_type(reading.root.kind, kind), _LISTED)
        async with aclosing(search) as pages:  # type: ignore[type-var]
            async for entries in pages:
                for start in range(0, len(entries), _SLICE):
                    yield [reading.listed(entry, _KINDS[kind]) for entry in entries[start : start + _SLICE]]

    async def made(self) -> datetime | None:
        """When the domain's top entry was made."""
        reading = await self._reading()
        async with self._session.use() as connection:
            entry = await connection.read(reading.root.base, _CREATED)
        return reading.moment(entry, _CREATED) if entry else None

    async def _reading(self) -> _Reading:
        return _Reading(self.side, await self._session.root(), self._clock.now())


def name_filter(sought: Lookup) -> str:
    """Equality with any name that an object may have, or-ed, every value escaped (RFC 4515)."""
    return f"(|{''.join(dict.fromkeys(_comparisons(sought)))})"


def _comparisons(sought: Lookup) -> Iterator[str]:
    if sought.sid:
        yield from (f"({name}={filter_escaped(sought.sid)})" for name in ("objectSid", "sIDHistory"))
    if sought.guid:
        yield object_id_filter(sought.guid)
        yield f"(objectGUID={filter_escaped(UUID(sought.guid).bytes_le)})"
    if sought.anchor:
        raw = filter_escaped(base64.b64decode(sought.anchor))
        yield from (f"({name}={raw})" for name in ("objectGUID", "mS-DS-ConsistencyGuid"))
    if sought.dn:
        yield f"(distinguishedName={filter_escaped(sought.dn)})"
    value = filter_escaped(sought.text)
    yield f"(userPrincipalName={value})"
    yield f"(sAMAccountName={filter_escaped(sought.account)})"
    yield f"(mail={value})"
    yield f"(proxyAddresses={value})"
    yield f"(proxyAddresses=smtp:{value})"
    yield f"(displayName={value})"
    yield f"(cn={value})"


class _Reading(Struct, frozen=True):
    """How entries of one answer become sightings: by whose clock, on which side. `now`: by ours."""

    side: Side
    root: RootDse
    now: datetime

    def sighting(self, entry: Entry) -> Sighting:
        kind = "group" if kind_of(entry) == "group" else "user"
        marks = self._marks(entry)
        return Sighting(
            side=self.side,
            found=True,
            object=_ref(entry, kind, self.side, dn=clean(entry.dn)),
            attributes=_values(entry, COMPARED[kind], self.side),
            enabled=is_enabled(entry),
            created=self.moment(entry, _CREATED),
            changed=self.moment(entry, _CHANGED),
            is_local=Mark.LOCAL in marks if self.side is Side.MANAGED_DOMAIN else None,
            notes=notes_of(marks),
            marks=marks,
            sid=on_premises_sid(entry, self.side),
            account_name=_text(entry, "sAMAccountName"),
            password_changed=self._password_changed(entry),
        )

    def listed(self, entry: Entry, kind: str) -> Listed:
        return Listed(
            object=_ref(entry, kind, self.side),
            created=self.moment(entry, _CREATED),
            changed=self.moment(entry, _CHANGED),
            marks=shared(self._marks(entry)),
            sid=on_premises_sid(entry, self.side),
        )

    def moment(self, entry: Entry, names: tuple[str, ...]) -> datetime | None:
        """The first of these times of the server's clock, by ours; None for one to come, which would keep an object in
        flight for ever."""
        return past(moment_of(entry, names, self.root.clock_offset_s), self.now)

    def _password_changed(self, entry: Entry) -> datetime | None:
        """pwdLastSet counts tenths of microseconds since 1601; 0 is "must change it"."""
        ticks = entry.integer("pwdLastSet")
        offset = timedelta(seconds=self.root.clock_offset_s or 0.0)
        try:
            return past(_FILETIME_EPOCH + timedelta(microseconds=ticks / 10) - offset, self.now) if ticks else None
        except OverflowError:
            return None

    def _marks(self, entry: Entry) -> frozenset[str]:
        marks: set[str] = set()
        if (entry.text("isCriticalSystemObject") or "").upper() == "TRUE":
            marks.add(Mark.BUILT_IN)
        if is_enabled(entry) is False:
            marks.add(Mark.DISABLED)
        if self.side is Side.MANAGED_DOMAIN:
            marks.add(Mark.SYNCED if has_object_id(entry) else Mark.LOCAL)
        elif is_service_name(entry.text("sAMAccountName")):
            marks.add(Mark.SERVICE)
        return frozenset(marks)


def _attributes_of(side: Side) -> tuple[str, ...]:
    compared = (_name(one, side) for attributes in COMPARED.values() for one in attributes)
    more = ("pwdLastSet", "sIDHistory") if side is Side.MANAGED_DOMAIN else ("pwdLastSet",)
    return tuple(dict.fromkeys((*_LISTED, *compared, *more)))


def _name(compared: Compared, side: Side) -> str:
    return compared.managed_domain if side is Side.MANAGED_DOMAIN else compared.on_premises


def _ref(entry: Entry, kind: str, side: Side, dn: str | None = None) -> ObjectRef:
    return ObjectRef(
        type=kind,
        id=object_id_of(entry),
        name=_text(entry, "displayName") or _text(entry, "cn") or _text(entry, "sAMAccountName"),
        dn=dn,
        upn=_text(entry, "userPrincipalName"),
        source_anchor=source_anchor_of(entry) if side is Side.ON_PREMISES else None,
    )


def _values(entry: Entry, compared: Sequence[Compared], side: Side) -> Mapping[str, tuple[str, ...]]:
    """The compared attributes by their Graph names; those that are not set are left out."""
    held = {one.graph: _held(entry, one, _name(one, side)) for one in compared}
    return {name: values for name, values in held.items() if values}


def _held(entry: Entry, compared: Compared, name: str) -> tuple[str, ...]:
    if compared.graph == "accountEnabled":
        enabled = is_enabled(entry)
        return () if enabled is None else (str(enabled).lower(),)
    values = [clean(value) for value in entry.texts(name)]
    return tuple(sorted(values)) if compared.multiple else tuple(values[:1])


def _text(entry: Entry, name: str) -> str | None:
    return clean(entry.text(name) or "") or None
