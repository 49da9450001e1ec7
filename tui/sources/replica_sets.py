"""What a managed domain's answer says of its health: replica sets, monitors, alerts, and the state of hop 2.

Rules: facts/domain.md 3.1 (traps 1 to 7) and 4. Pure; every field may be missing or of the wrong type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from msgspec import Struct

from tui.model.facts import Alert, HopFacts, ReplicaSet
from tui.model.states import HopState
from tui.model.text import plural
from tui.sources.decode import JsonObject, items, text, texts, time
from tui.sources.moments import prose_moment
from tui.sources.plausible import is_ahead, past

SYNC_MONITOR = "aadds500"
BACKUP_MONITOR = "aadds501"
REUSED_ALERT = "AADDS101"
LDAP_TITLE = "Secure LDAP network configuration"
B2C_TITLE = "Azure AD B2C is running in this directory"

MOST_SETS = 32
MOST_ALERTS = 200
MOST_CONTROLLERS = 32
_HEALTH_FIELDS = ("healthMonitors", "healthAlerts", "healthLastEvaluated")
# 0001 is .NET's earliest year, which stands for "no time".
_NEVER = re.compile(r"\bnever\b|\bnot yet\b|\bno synchroni[sz]ation (?:has|yet)\b|\b0001\b", re.IGNORECASE)
_NOT_SO_FAR = re.compile(r"\bhas(?: not|n't)\b|\bnot (?:been )?synchroni[sz]ed\b|\byet\b", re.IGNORECASE)
_NO_SUCCESS = re.compile(r"\b(?:fail\w*|error\w*|attempt\w*|unable|cannot|could not)\b", re.IGNORECASE)


class SyncClaim(Struct, frozen=True):
    """What one replica set says of the synchronization. `last_success` only where `state` is OK."""

    state: HopState
    last_success: datetime | None = None
    text: str = ""
    note: str = ""


class SetHealth(Struct, frozen=True):
    """One replica set and its claim."""

    set: ReplicaSet
    claim: SyncClaim


def set_healths(properties: JsonObject, now: datetime) -> tuple[SetHealth, ...]:
    """Every replica set of a managed domain's `properties`; `now` is the upstream's present.

    Answers older than 2020-01-01 hold the health fields directly under `properties`: those count as one set.
    """
    owner = text(properties, "syncOwner").casefold()
    sets = list(islice(items(properties, "replicaSets"), MOST_SETS))
    if not any(map(_has_health, sets)) and _has_health(properties):
        return (_set_health(properties, text(properties, "deploymentId"), owns_sync=True, now=now),)
    ids = [text(one, "replicaSetId") for one in sets]
    return tuple(
        _set_health(one, name, owns_sync=bool(owner) and name.casefold() == owner, now=now)
        for one, name in zip(sets, ids, strict=True)
    )


def hop_facts(healths: Sequence[SetHealth]) -> HopFacts:
    """The state of hop 2: the sync owner's claim; where the owner is not known, the oldest claim of all sets."""
    owners = [health for health in healths if health.set.owns_sync]
    claim = _least_healthy([health.claim for health in owners or healths])
    status = _status_note((owners or list(healths))[:1])
    note = "; ".join(part for part in (claim.note, status, _owner_note(healths, owners)) if part)
    return HopFacts(reported=claim.state, last_success=claim.last_success, note=note)


def sync_claim(details: Iterable[str], now: datetime) -> SyncClaim:
    """What the prose of the synchronization monitor claims. Of several claims in one set the least healthy counts."""
    claims = [_claim_of(prose, now) for prose in details]
    return _least_healthy(claims) if claims else SyncClaim(HopState.NOT_REPORTED, note="no synchronization monitor")


def alerts(healths: Iterable[JsonObject]) -> tuple[Alert, ...]:
    """The alerts of all sets (or of `properties` itself), one for each id and meaning; `where` names the locations."""
    merged: dict[tuple[str, str], Alert] = {}
    for one in healths:
        for raw in islice(items(one, "healthAlerts"), MOST_ALERTS):
            alert = _alert(raw, text(one, "location"))
            key = (alert.code.casefold(), alert.title.casefold() if alert.code == REUSED_ALERT else "")
            if not alert.code:
                key = ("", f"{alert.title}{alert.text}".casefold())
            if key in merged:
                merged[key] = _merged(merged[key], alert)
            elif len(merged) < MOST_ALERTS:
                merged[key] = alert
    return tuple(merged.values())


def health_objects(properties: JsonObject) -> tuple[JsonObject, ...]:
    """The objects that carry health fields, of the newer and the older shape of the answer."""
    return (*islice(items(properties, "replicaSets"), MOST_SETS), properties)


def _claim_of(prose: str, now: datetime) -> SyncClaim:
    found = prose_moment(prose)
    if _NEVER.search(prose) or (found is None and _NOT_SO_FAR.search(prose)):
        return SyncClaim(HopState.NEVER, text=prose, note=prose)
    if found is None or _NO_SUCCESS.search(_before_date(prose)):
        return SyncClaim(HopState.NOT_REPORTED, text=prose, note=prose or "the synchronization monitor is empty")
    if is_ahead(found, now):
        return SyncClaim(HopState.NOT_REPORTED, text=prose, note=f"the time lies ahead: {prose}")
    return SyncClaim(HopState.OK, found, prose)


def _before_date(prose: str) -> str:
    """The words that say what happened on the date: `Synchronized on` is a success, `Last attempt on` is none."""
    return re.split(r"\d", prose, maxsplit=1)[0]


def _least_healthy(claims: Sequence[SyncClaim]) -> SyncClaim:
    """The oldest known success; where none is known, a "never"; else the first claim."""
    dated = [claim for claim in claims if claim.last_success is not None]
    if dated:
        return min(dated, key=_claimed_at)
    never = [claim for claim in claims if claim.state == HopState.NEVER]
    unknown = SyncClaim(HopState.NOT_REPORTED, note="the answer holds no health")
    return (never or list(claims) or [unknown])[0]


def _claimed_at(claim: SyncClaim) -> datetime:
    assert claim.last_success is not None
    return claim.last_success


def _status_note(healths: Sequence[SetHealth]) -> str:
    status = healths[0].set.service_status if healths else ""
    return "" if status.casefold() in ("", "running") else f"service status {status}"


def _owner_note(healths: Sequence[SetHealth], owners: Sequence[SetHealth]) -> str:
    if owners or len(healths) < 2:
        return ""
    return f"which of {plural(len(healths), 'replica set')} owns the sync is not told: the oldest time counts"


def _has_health(obj: JsonObject) -> bool:
    return any(obj.get(field) is not None for field in _HEALTH_FIELDS)


def _set_health(obj: JsonObject, name: str, *, owns_sync: bool, now: datetime) -> SetHealth:
    claim = sync_claim(_details(obj, SYNC_MONITOR), now)
    backups = [found for prose in _details(obj, BACKUP_MONITOR) if (found := past(prose_moment(prose), now))]
    replica_set = ReplicaSet(
        id=name,
        location=text(obj, "location"),
        service_status=text(obj, "serviceStatus"),
        health_evaluated=past(time(obj, "healthLastEvaluated"), now),
        last_sync=claim.last_success,
        last_sync_text=claim.text,
        last_backup=min(backups, default=None),
        domain_controllers=texts(obj, "domainControllerIpAddress")[:MOST_CONTROLLERS],
        owns_sync=owns_sync,
    )
    return SetHealth(replica_set, claim)


def _details(obj: JsonObject, monitor: str) -> list[str]:
    """The prose of the monitors with this id: their names differ between versions, their ids do not."""
    found = (one for one in items(obj, "healthMonitors") if text(one, "id").casefold() == monitor)
    return [text(one, "details") for one in islice(found, MOST_ALERTS)]


def _alert(raw: Any, location: str) -> Alert:
    code, title, issue = text(raw, "id").upper(), text(raw, "name"), text(raw, "issue")
    return Alert(
        source="domain-services",
        code=code,
        title=_meaning_of_101(title, issue) if code == REUSED_ALERT else title,
        severity=text(raw, "severity"),
        raised=time(raw, "raised"),
        last_detected=time(raw, "lastDetected"),
        text=issue,
        link=text(raw, "resolutionUri"),
        where=location,
    )


def _meaning_of_101(title: str, issue: str) -> str:
    """AADDS101 names two alerts (facts/domain.md 4); only what clearly is about secure LDAP is the harmless one."""
    words = f"{title} {issue}".casefold()
    if "b2c" not in words and ("ldap" in words or "636" in words):
        return LDAP_TITLE
    return title or B2C_TITLE


def _merged(first: Alert, second: Alert) -> Alert:
    """One alert seen in two replica sets: raised at the earlier, last detected at the later time."""
    places = dict.fromkeys(part for alert in (first, second) for part in alert.where.split(", ") if part)
    raised = [moment for moment in (first.raised, second.raised) if moment]
    detected = [moment for moment in (first.last_detected, second.last_detected) if moment]
    return Alert(
        source=first.source,
        code=first.code,
        title=first.title or second.title,
        severity=first.severity or second.severity,
        raised=min(raised, default=None),
        last_detected=max(detected, default=None),
        text=first.text or second.text,
        link=first.link or second.link,
        where=", ".join(places),
    )
