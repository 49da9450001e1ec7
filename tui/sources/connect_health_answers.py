"""What Connect Health's answers say, item by item. Pure; facts/domain.md 3.2 and `adhybridhealthservice.json`.

Every field may be missing or of the wrong type. A list may come bare or under `value`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from tui.model.facts import Alert, FailureReport, ObjectRef, SyncServer
from tui.model.states import HopName
from tui.sources.decode import JsonObject, boolean, child, count, items, text, text_or_none, time
from tui.sources.plausible import past

SERVICE_TYPE = "AadSyncService"
ALL_ERRORS = "All"
BINARY_VALUE = "system.byte[]"


class Service(Struct, frozen=True):
    """One sync service; `name` is the key in every further path."""

    name: str
    label: str
    health: str = ""


class Bucket(Struct, frozen=True):
    """One class of export errors; `count` None: told, but not readable."""

    name: str
    count: int | None
    truncated: bool


class Member(Struct, frozen=True):
    """One server of a service. `freshness`: kind of data -> its last upload."""

    id: str
    server: SyncServer
    freshness: Mapping[str, datetime] = field(default_factory=dict)
    password_sync: bool | None = None


def service(obj: JsonObject) -> Service | None:
    """The service in `obj`; None where it is another kind or has no name to ask by."""
    name = text(obj, "serviceName")
    kind = text(obj, "type")
    if name in ("", ".", "..") or kind.casefold() not in ("", SERVICE_TYPE.casefold()):
        return None
    health = "Disabled" if boolean(obj, "disabled") else text(obj, "health")
    return Service(name, text(obj, "displayName") or name, health)


def worst_health(services: Iterable[Service]) -> str:
    """The health of all services in one word: the first that is not `Healthy`."""
    words = [one.health for one in services]
    return next((word for word in words if word.casefold() != "healthy"), words[0] if words else "")


def member(obj: JsonObject) -> Member | None:
    """The server in `obj`; None where it has no id to ask by."""
    name = text(obj, "serviceMemberId")
    if name in ("", ".", ".."):
        return None
    return Member(
        name,
        SyncServer(
            name=text(obj, "machineName") or name,
            status=text(obj, "status"),
            last_updated=time(obj, "lastUpdated"),
            disabled=boolean(obj, "disabled"),
        ),
    )


def alert(obj: JsonObject, service_label: str, machines: Mapping[str, str]) -> Alert | None:
    """The alert in `obj`; None where it is no longer active, or says nothing at all."""
    if text(obj, "state").casefold() not in ("", "active"):
        return None
    links = [text(link, "url") for link in items(obj, "relatedLinks")]
    short, long = text(obj, "shortName"), text(obj, "displayName")
    code = short or long or text(obj, "alertId") or text(obj, "level")
    if not code:
        return None
    return Alert(
        source="connect-health",
        code=code,
        title=long or short,
        severity=text(obj, "level"),
        raised=time(obj, "createdDate"),
        last_detected=time(obj, "lastUpdated"),
        text=text(obj, "description"),
        remedy=text(obj, "remediation"),
        link=next((link for link in links if link), ""),
        where=machines.get(text(obj, "serviceMemberId").casefold(), service_label),
    )


def export_end(obj: JsonObject, now: datetime) -> tuple[str, datetime] | None:
    """(server id, end of its last export); `now` is the upstream's present."""
    ended = past(time(obj, "endTime"), now)
    return None if ended is None else (text(obj, "serviceMemberId").casefold(), ended)


def bucket(obj: JsonObject) -> Bucket | None:
    name = text(obj, "errorBucket")
    return Bucket(name, count(obj.get("count")), boolean(obj, "truncated") is True) if name else None


def buckets_to_list(buckets: Sequence[Bucket]) -> list[str]:
    """The buckets whose objects must be asked for: those with errors, or `All` where it holds more than they do."""
    named = {one.name: one.count for one in buckets if one.name != ALL_ERRORS and one.count}
    total = max((one.count or 0 for one in buckets if one.name == ALL_ERRORS), default=0)
    return [ALL_ERRORS] if total > sum(number or 0 for number in named.values()) else list(named)


def report(obj: JsonObject, bucket_name: str) -> FailureReport:
    """One object that the last export could not write, and the object that stands in its way."""
    return FailureReport(
        source="connect-health",
        hop=HopName.CONNECT,
        code=text(obj, "type") or bucket_name,
        object=_incoming(obj),
        attribute=text_or_none(obj, "attributeName"),
        value=_readable(text_or_none(obj, "attributeValue")),
        conflicts_with=_existing(child(obj, "existingObject")),
        first_seen=time(obj, "timeFirstOccurred"),
        last_seen=time(obj, "timeOccurred") or time(obj, "createdDate"),
        message=text(obj, "serverErrorDetail"),
    )


def freshness(rows: Iterable[JsonObject], now: datetime) -> dict[str, datetime]:
    """Kind of data -> its last upload; a kind never uploaded, or one from the future, is left out."""
    return {text(row, "key"): uploaded for row in rows if (uploaded := past(time(row, "value"), now))}


def data_as_of(members: Iterable[Member]) -> datetime | None:
    """How old the oldest of the data is that a service's servers have uploaded between them.

    Of each kind the newest upload counts, since a staging server need not send all of them; of the kinds the oldest,
    since one kind that stopped coming makes its part of the report old. Switched-off servers do not count.
    """
    newest: dict[str, datetime] = {}
    for one in members:
        if not one.server.disabled:
            for kind, uploaded in one.freshness.items():
                newest[kind] = max(uploaded, newest.get(kind, uploaded))
    return min(newest.values(), default=None)


def any_true(values: Iterable[bool | None]) -> bool | None:
    """True when any is True, False when some are told and none is True, None when none is told."""
    told = [one for one in values if one is not None]
    return any(told) if told else None


def _incoming(obj: JsonObject) -> ObjectRef:
    incoming = child(obj, "incomingObject")
    dn = text_or_none(obj, "dn") or text_or_none(incoming, "distinguishedName")
    upn = (
        text_or_none(obj, "userPrincipalName")
        or text_or_none(incoming, "userPrincipalName")
        or text_or_none(incoming, "onpremisesUserPrincipalName")
    )
    anchor = text_or_none(incoming, "sourceAnchor")
    return ObjectRef(
        type=_kind(text(obj, "incomingObjectType") or text(incoming, "objectType")),
        # An id of the connector space, not of Entra: it only serves where nothing else tells two objects apart.
        id=None if dn or upn or anchor else text_or_none(obj, "csObjectId"),
        name=text_or_none(obj, "incomingObjectDisplayName")
        or text_or_none(incoming, "displayName")
        or text_or_none(obj, "samAccountName"),
        dn=dn,
        upn=upn,
        source_anchor=anchor,
    )


def _existing(obj: JsonObject) -> ObjectRef | None:
    ref = ObjectRef(
        type=_kind(text(obj, "objectType")),
        id=text_or_none(obj, "objectGuid"),
        name=text_or_none(obj, "displayName"),
        dn=text_or_none(obj, "distinguishedName"),
        upn=text_or_none(obj, "userPrincipalName") or text_or_none(obj, "onpremisesUserPrincipalName"),
        source_anchor=text_or_none(obj, "sourceAnchor"),
    )
    return ref if ref.id or ref.name or ref.dn or ref.upn or ref.source_anchor else None


def _kind(word: str) -> str | None:
    """The model's word for a type: `orgContact` is a contact, `inetOrgPerson` a user."""
    folded = word.casefold()
    return {"orgcontact": "contact", "inetorgperson": "user"}.get(folded, folded) or None


def _readable(value: str | None) -> str | None:
    """None where .NET wrote the name of a type instead of the value."""
    return None if value is not None and value.casefold() == BINARY_VALUE else value
