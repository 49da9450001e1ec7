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
from tui.ldap.values import filter_escaped, generalized_time, sid_text
from tui.model.attributes import COMPARED, Compared
from tui.model.comparison import Listed
from tui.model.facts import ObjectRef
from tui.model.lookup import Lookup, best_first, lookup
from tui.model.marks import Mark, is_service_name, notes_of, shared
from tui.model.states import ObjectType, Side
from tui.model.text import clean
from tui.model.trace import Sighting
from tui.sources.ldap_object_id import OBJECT_ID_ATTRIBUTES, has_object_id, object_id_filter, object_id_of
from tui.sources.ldap_session import DirectorySession, RootDse
from tui.sources.plausible import past

ACCOUNT_DISABLED = 0x2
# Many may have one display name: the best matches are chosen among so many.
MOST_READ = 50
_KINDS = {ObjectType.USERS: "user", ObjectType.GROUPS: "group"}
_USERS = "(&(objectClass=user)(!(objectClass=computer)))"
_GROUPS = "(objectClass=group)"
_CONDITIONS = {ObjectType.USERS: _USERS, ObjectType.GROUPS: _GROUPS}
_LISTED = (
    "objectClass",
    "displayName",
    "cn",
    "sAMAccountName",
    "userPrincipalName",
    "objectGUID",
    "mS-DS-ConsistencyGuid",
    "objectSid",
    "whenCreated",
    "whenChanged",
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
        condition = f"(&(|{_USERS}{_GROUPS}){name_filter(sought)})"
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
        async with aclosing(self._session.pages(reading.root.base, _CONDITIONS[kind], _LISTED)) as pages:  # type: ignore[type-var]
            async for entries in pages:
                yield [reading.listed(entry, _KINDS[kind]) for entry in entries]

    async def made(self) -> datetime | None:
        """When the domain's top entry was made."""
        reading = await self._reading()
        async with self._session.use() as connection:
            entry = await connection.read(reading.root.base, ("whenCreated",))
        return reading.moment(entry, "whenCreated") if entry else None

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
        kind = _kind(entry)
        marks = self._marks(entry)
        return Sighting(
            side=self.side,
            found=True,
            object=_ref(entry, kind, self.side, dn=clean(entry.dn)),
            attributes=_values(entry, COMPARED[kind], self.side),
            enabled=_enabled(entry),
            created=self.moment(entry, "whenCreated"),
            changed=self.moment(entry, "whenChanged"),
            is_local=Mark.LOCAL in marks if self.side is Side.MANAGED_DOMAIN else None,
            notes=notes_of(marks),
            marks=marks,
            sid=_sid(entry, self.side),
            account_name=_text(entry, "sAMAccountName"),
            password_changed=self._password_changed(entry),
        )

    def listed(self, entry: Entry, kind: str) -> Listed:
        return Listed(
            object=_ref(entry, kind, self.side),
            created=self.moment(entry, "whenCreated"),
            changed=self.moment(entry, "whenChanged"),
            marks=shared(self._marks(entry)),
            sid=_sid(entry, self.side),
        )

    def moment(self, entry: Entry, name: str) -> datetime | None:
        """A time of the server's clock, by ours."""
        told = generalized_time(entry.value(name))
        return None if told is None else self._corrected(told)

    def _corrected(self, told: datetime) -> datetime | None:
        """None for a time to come: it would keep an object in flight for ever."""
        try:
            return past(told - timedelta(seconds=self.root.clock_offset_s or 0.0), self.now)
        except OverflowError:
            return None

    def _password_changed(self, entry: Entry) -> datetime | None:
        """pwdLastSet counts tenths of microseconds since 1601; 0 is "must change it"."""
        ticks = entry.integer("pwdLastSet")
        try:
            return self._corrected(_FILETIME_EPOCH + timedelta(microseconds=ticks / 10)) if ticks else None
        except OverflowError:
            return None

    def _marks(self, entry: Entry) -> frozenset[str]:
        marks: set[str] = set()
        if (entry.text("isCriticalSystemObject") or "").upper() == "TRUE":
            marks.add(Mark.BUILT_IN)
        if _enabled(entry) is False:
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


def _kind(entry: Entry) -> str:
    classes = {name.casefold() for name in entry.texts("objectClass")}
    return "group" if "group" in classes else "user"


def _ref(entry: Entry, kind: str, side: Side, dn: str | None = None) -> ObjectRef:
    return ObjectRef(
        type=kind,
        id=object_id_of(entry),
        name=_text(entry, "displayName") or _text(entry, "cn") or _text(entry, "sAMAccountName"),
        dn=dn,
        upn=_text(entry, "userPrincipalName"),
        source_anchor=_anchor(entry) if side is Side.ON_PREMISES else None,
    )


def _anchor(entry: Entry) -> str | None:
    """What Connect joins by (facts/domain.md 6.3)."""
    guid = entry.value("mS-DS-ConsistencyGuid") or entry.value("objectGUID")
    return base64.b64encode(guid).decode() if guid and len(guid) == 16 else None


def _sid(entry: Entry, side: Side) -> str | None:
    """The identifier it has on-premises: in the managed domain that is part of its history (facts/domain.md 1.2)."""
    value = entry.value("sIDHistory" if side is Side.MANAGED_DOMAIN else "objectSid")
    return sid_text(value) if value else None


def _enabled(entry: Entry) -> bool | None:
    control = entry.integer("userAccountControl")
    return None if control is None else not control & ACCOUNT_DISABLED


def _values(entry: Entry, compared: Sequence[Compared], side: Side) -> Mapping[str, tuple[str, ...]]:
    """The compared attributes by their Graph names; those that are not set are left out."""
    held = {one.graph: _held(entry, one, _name(one, side)) for one in compared}
    return {name: values for name, values in held.items() if values}


def _held(entry: Entry, compared: Compared, name: str) -> tuple[str, ...]:
    if compared.graph == "accountEnabled":
        enabled = _enabled(entry)
        return () if enabled is None else (str(enabled).lower(),)
    values = [clean(value) for value in entry.texts(name)]
    return tuple(sorted(values)) if compared.multiple else tuple(values[:1])


def _text(entry: Entry, name: str) -> str | None:
    return clean(entry.text(name) or "") or None
