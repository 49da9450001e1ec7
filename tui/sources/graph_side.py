"""Entra ID as a side of the chain: one user or group by name, or all of them, by Graph (facts/domain.md 2.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain

from tui.clock import Clock
from tui.model.attributes import COMPARED
from tui.model.comparison import Listed
from tui.model.facts import ObjectRef
from tui.model.lookup import MOST_FOUND, Lookup, best_first, lookup
from tui.model.marks import Mark, notes_of, shared
from tui.model.states import ObjectType, Side
from tui.model.trace import Sighting
from tui.sources.decode import JsonObject, boolean, items, text, text_or_none, texts, time
from tui.sources.errors import NotFound
from tui.sources.graph import ADVANCED, attempt
from tui.sources.http import Upstream
from tui.sources.http_session import Session
from tui.sources.plausible import past

NEEDS = "User.Read.All and GroupMember.Read.All (or Directory.Read.All)"
FIND_LIMIT_S = 20.0
LIST_LIMIT_S = 300.0
PAGE_SIZE = "999"
_MOST = str(MOST_FOUND)
_PATHS = {"user": "/v1.0/users", "group": "/v1.0/groups"}
_KINDS = {ObjectType.USERS: "user", ObjectType.GROUPS: "group"}
_SYNC = (
    "id",
    "createdDateTime",
    "mailNickname",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
)
_USER = ("lastPasswordChangeDateTime", "onPremisesDistinguishedName", "onPremisesImmutableId", "userType")
_LISTED = ("id", "displayName", "createdDateTime", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled")
_LISTED_USER = ("userPrincipalName", "onPremisesImmutableId", "userType", "lastPasswordChangeDateTime")


def _selection(kind: str) -> str:
    compared = tuple(one.graph for one in COMPARED[kind])
    return ",".join(dict.fromkeys((*_SYNC, *compared, *(_USER if kind == "user" else ()))))


class GraphSide:
    """Asks `upstream` when asked, never by itself."""

    side = Side.ENTRA

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock

    async def find(self, name: str) -> Sequence[Sighting]:
        sought = lookup(name)
        if not sought.text:
            return ()
        session = self._upstream.session(needs=NEEDS, deadline_s=FIND_LIMIT_S, headers=ADVANCED)
        told = [(kind, item) for kind in _PATHS for item in await _live(session, kind, sought)]
        if not told:
            told = [(kind, item) for kind in _PATHS for item in await _deleted(session, kind, sought)]
        now = self._clock.now()
        return best_first(sought, [sighting(item, kind, now) for kind, item in told])

    async def list(self, kind: ObjectType) -> AsyncIterator[Sequence[Listed]]:
        name = _KINDS[kind]
        session = self._upstream.session(needs=NEEDS, deadline_s=LIST_LIMIT_S)
        select = ",".join((*_LISTED, *(_LISTED_USER if name == "user" else ())))
        async for page in session.pages(_PATHS[name], {"$select": select, "$top": PAGE_SIZE}):
            now = self._clock.now()
            yield [_listed(item, name, now) for item in items(page)]

    async def made(self) -> datetime | None:
        return None


async def _live(session: Session, kind: str, sought: Lookup) -> list[JsonObject]:
    params = {"$filter": name_filter(sought, kind), "$select": _selection(kind), "$count": "true", "$top": _MOST}
    by_name = items(await session.get_object(_PATHS[kind], params))
    return [*await _by_id(session, kind, sought), *by_name]


async def _by_id(session: Session, kind: str, sought: Lookup) -> tuple[JsonObject, ...]:
    if sought.guid is None:
        return ()
    try:
        path = f"{_PATHS[kind]}/{sought.guid}"
        return (await session.aside(needs=NEEDS).get_object(path, {"$select": _selection(kind)}),)
    except NotFound:
        return ()


async def _deleted(session: Session, kind: str, sought: Lookup) -> list[JsonObject]:
    """From the recycle bin, which nothing depends on: where it may not be read it is as good as empty."""
    path = f"/v1.0/directory/deletedItems/microsoft.graph.{kind}"
    select = f"{_selection(kind)},deletedDateTime"
    condition = f"{name_filter(sought, kind)}{f' or id eq {quoted(sought.guid)}' if sought.guid else ''}"
    params = {"$filter": condition, "$select": select, "$count": "true", "$top": _MOST}
    answer = await attempt(session.aside(needs=NEEDS).get_object(path, params))
    return list(items(answer))


def quoted(value: str) -> str:
    """A string literal of OData: in single quotes, those inside doubled."""
    return "'" + value.replace("'", "''") + "'"


def name_filter(sought: Lookup, kind: str) -> str:
    """Equality with any name that an object of `kind` may have, or-ed: 15 comparisons are allowed."""
    return " or ".join(dict.fromkeys(_comparisons(sought, kind)))


def _comparisons(sought: Lookup, kind: str) -> Iterator[str]:
    if sought.sid:
        yield f"onPremisesSecurityIdentifier eq {quoted(sought.sid)}"
        return
    if kind == "user" and (anchor := sought.anchor):
        yield f"onPremisesImmutableId eq {quoted(anchor)}"
    value = quoted(sought.text)
    for address in dict.fromkeys((sought.text, f"smtp:{sought.text}", f"SMTP:{sought.text}")):
        yield f"proxyAddresses/any(p:p eq {quoted(address)})"
    yield f"mail eq {value}"
    yield f"displayName eq {value}"
    yield f"onPremisesSamAccountName eq {quoted(sought.account)}"
    if kind == "user":
        yield f"userPrincipalName eq {value}"
        yield f"onPremisesImmutableId eq {value}"


def sighting(item: JsonObject, kind: str, now: datetime) -> Sighting:
    """A user or group as Graph shows it."""
    marks = _marks(item)
    return Sighting(
        side=Side.ENTRA,
        found=Mark.DELETED not in marks,
        object=_ref(item, kind),
        attributes=_attributes(item, kind),
        enabled=boolean(item, "accountEnabled"),
        created=_past(item, "createdDateTime", now),
        last_synced=_past(item, "onPremisesLastSyncDateTime", now),
        is_local=Mark.SYNCED not in marks,
        notes=notes_of(marks),
        marks=frozenset(marks),
        sid=text_or_none(item, "onPremisesSecurityIdentifier"),
        account_name=text_or_none(item, "onPremisesSamAccountName"),
        nickname=text_or_none(item, "mailNickname"),
        password_changed=_past(item, "lastPasswordChangeDateTime", now),
        deleted=_past(item, "deletedDateTime", now),
        quarantined=tuple(_conflicts(item)),
    )


def _listed(item: JsonObject, kind: str, now: datetime) -> Listed:
    marks = shared(_marks(item))
    return Listed(
        object=ObjectRef(
            type=kind,
            id=text(item, "id").lower() or None,
            name=text_or_none(item, "displayName"),
            upn=text_or_none(item, "userPrincipalName"),
            source_anchor=text_or_none(item, "onPremisesImmutableId"),
        ),
        created=_past(item, "createdDateTime", now),
        marks=marks,
        sid=text(item, "onPremisesSecurityIdentifier").upper() or None,
        password_changed=None if Mark.SYNCED in marks else _past(item, "lastPasswordChangeDateTime", now),
    )


def _ref(item: JsonObject, kind: str) -> ObjectRef:
    return ObjectRef(
        type=kind,
        id=text_or_none(item, "id"),
        name=text_or_none(item, "displayName"),
        dn=text_or_none(item, "onPremisesDistinguishedName"),
        upn=text_or_none(item, "userPrincipalName"),
        source_anchor=text_or_none(item, "onPremisesImmutableId"),
    )


def _marks(item: JsonObject) -> set[str]:
    marks: set[str] = {Mark.SYNCED if boolean(item, "onPremisesSyncEnabled") else Mark.LOCAL}
    if text(item, "userType").casefold() == "guest":
        marks.add(Mark.GUEST)
    if boolean(item, "accountEnabled") is False:
        marks.add(Mark.DISABLED)
    if time(item, "deletedDateTime"):
        marks.add(Mark.DELETED)
    return marks


def _past(item: JsonObject, key: str, now: datetime) -> datetime | None:
    """None for a time to come: it would keep an object in flight for ever."""
    return past(time(item, key), now)


def _attributes(item: JsonObject, kind: str) -> Mapping[str, tuple[str, ...]]:
    """The compared properties; those that are not set are left out."""
    held = {one.graph: _values(item, one.graph, multiple=one.multiple) for one in COMPARED[kind]}
    return {name: values for name, values in held.items() if values}


def _values(item: JsonObject, name: str, *, multiple: bool) -> tuple[str, ...]:
    if multiple:
        return tuple(sorted(texts(item, name)))
    flag = boolean(item, name)
    told = text(item, name) if flag is None else str(flag).lower()
    return (told,) if told else ()


def _conflicts(item: JsonObject) -> Iterator[str]:
    for error in items(item, "onPremisesProvisioningErrors"):
        parts = (text(error, "propertyCausingError"), text(error, "value"))
        if any(parts):
            yield " = ".join(chain(part for part in parts if part))
