"""The sync's state over HTTP in the shape of Azure Resource Manager, so that the monitor watches it like Microsoft's.

Served on this machine only. What Azure has no words for stands below `properties.synctop`, see `extension`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette

from tui.clock import Clock
from tui.model.facts import FailureReport, ObjectRef
from tui.model.text import clean, rfc3339
from tui.settings import SyncSettings, TenantSettings
from tui.sync.arm import ToldAlert, ToldDomain, arm_routes, rfc1123
from tui.sync.health import (
    LATE_AFTER,
    NETWORK_ERROR,
    PASSWORD_APPLICATION,
    SYNC_LATE,
    RaisedAlert,
    raised,
)
from tui.sync.replicator import Phase
from tui.sync.running import Situation, Trouble

KEY = "synctop"
DELETIONS_HELD = "DeletionsHeld"
RESOURCE_GROUP = "synctop"
MOST_FAILURES = 1000
MOST_BYTES = 1 << 20
LONGEST_VALUE = 300
MOST_NOTES = 20
_NAMESPACE = uuid.UUID("6f2b5f0c-9d52-5d0e-8f7c-0e1f4a3f8b11")
_TITLES = {
    NETWORK_ERROR: "synctop sync: the directory cannot be reached",
    PASSWORD_APPLICATION: "synctop sync: the directory refuses the sync's account",
    SYNC_LATE: "synctop sync: synchronization has not completed in a while",
    DELETIONS_HELD: "synctop sync: too many deletions are held back",
}


class Publication:
    """What is told of one tenant's sync. Keeps since when each alert is raised."""

    def __init__(self, tenant: TenantSettings, settings: SyncSettings, clock: Clock) -> None:
        self._tenant = tenant
        self._settings = settings
        self._clock = clock
        self._raised: Mapping[str, RaisedAlert] = {}
        self._situation = Situation(started=clock.now())

    @property
    def app(self) -> Starlette:
        return Starlette(routes=arm_routes(self.told))

    def take(self, situation: Situation) -> None:
        self._situation = situation
        self._evaluate()

    def told(self) -> ToldDomain:
        """The managed domain as it is now."""
        self._evaluate()
        state, settings = self._situation.state, self._settings
        identity = _uuid(self._tenant.tenant_id, settings.directory.url)
        return ToldDomain(
            tenant_id=self._tenant.tenant_id,
            subscription_id=subscription_id(self._tenant),
            resource_group=_in_resource_id(self._tenant, "resourcegroups") or RESOURCE_GROUP,
            name=_in_resource_id(self._tenant, "domainservices") or domain_name(settings),
            deployment_id=identity,
            location="",
            controllers=(urlsplit(settings.directory.url).hostname or "",),
            evaluated=self._clock.now(),
            last_sync=state.last_success if state is not None else None,
            alerts=tuple(self._alert(alert) for alert in self._raised.values()),
            cloud_only=settings.cloud_only,
            filtered=settings.groups is not None,
            password_hashes=settings.credentials,
            ldaps=settings.directory.url.startswith("ldaps:"),
            extension={KEY: extension(self._situation, settings.deletion_threshold)},
        )

    def _evaluate(self) -> None:
        now = self._clock.now()
        self._raised = raised(self._raised, detected(self._situation, now), now)

    def _alert(self, alert: RaisedAlert) -> ToldAlert:
        return ToldAlert(
            code=alert.code,
            name=_TITLES[alert.code],
            issue=_issue(alert.code, self._situation, self._settings.deletion_threshold),
            raised=alert.raised,
            last_detected=alert.last_detected,
        )


def detected(situation: Situation, now: datetime) -> Iterator[str]:
    """The alerts that this situation calls for, by id. A full pass that moves is not late, however long it takes."""
    state, problem = situation.state, situation.problem
    if problem is not None and problem.trouble is Trouble.DIRECTORY:
        yield NETWORK_ERROR
    if problem is not None and problem.trouble is Trouble.ACCOUNT:
        yield PASSWORD_APPLICATION
    if state is not None and state.held_deletions is not None:
        yield DELETIONS_HELD
    last = (state.last_success if state is not None else None) or situation.started
    is_moving = state is not None and state.phase is not Phase.CONTINUOUS and problem is None
    if now - last > LATE_AFTER and not is_moving:
        yield SYNC_LATE


def extension(situation: Situation, deletion_threshold: int) -> dict[str, Any]:
    """What Azure has no words for: progress, failing objects, what is in the way. Null: not known.

    `perSecond` is zero while something is in the way. At most `MOST_FAILURES` failures and about `MOST_BYTES` of them.
    """
    state, problem = situation.state, situation.problem
    told: dict[str, Any] = {
        "deletionThreshold": deletion_threshold,
        "error": None if problem is None else clean(problem.text, LONGEST_VALUE),
    }
    if state is None:
        return told
    failures = _bounded(map(_failure, state.failures[:MOST_FAILURES]))
    return {
        **told,
        "phase": state.phase.value,
        "done": state.done,
        "total": state.total,
        "perSecond": state.per_second if problem is None else 0.0,
        "pending": state.pending,
        "lastChange": rfc3339(state.last_change),
        "lagAtMost": None if situation.round is None else situation.round.lag_s,
        "objectsFailed": state.objects_failed,
        "failuresTruncated": state.failures_truncated or len(failures) < len(state.failures),
        "heldDeletions": state.held_deletions,
        "notes": [clean(note, LONGEST_VALUE) for note in state.notes[:MOST_NOTES]],
        "failures": failures,
    }


def subscription_id(tenant: TenantSettings) -> str:
    """The one in the tenant's own config, so that one file serves sync and monitor; else one made from the tenant."""
    named = tenant.domain_services
    if named is not None and named.subscription_id:
        return named.subscription_id
    return _in_resource_id(tenant, "subscriptions") or _uuid(tenant.tenant_id, "subscription")


def domain_name(settings: SyncSettings) -> str:
    """`aadds.contoso.com`, by the naming context where the config tells it; else the host's name."""
    for name in (settings.container, settings.directory.base_dn):
        parts = [part.strip() for part in (name or "").split(",")]
        labels = [part[3:] for part in parts if part[:3].casefold() == "dc="]
        if labels:
            return clean(".".join(labels), LONGEST_VALUE)
    return urlsplit(settings.directory.url).hostname or "directory"


def how_to_watch(tenant: TenantSettings, address: tuple[str, int]) -> str:
    """The lines of a config file by which the monitor watches this sync."""
    host, port = address
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return (
        f'Watch it with synctop; in its config file, for tenant "{tenant.name}":\n'
        f'arm_url = "{url}"\n'
        "[tenant.domain_services]\n"
        f'subscription_id = "{subscription_id(tenant)}"\n'
    )


def _in_resource_id(tenant: TenantSettings, kind: str) -> str | None:
    """The part that follows `kind` in the resource id of the tenant's config; None where there is none."""
    named = tenant.domain_services
    parts = (named.resource_id or "" if named is not None else "").split("/")
    return next((name for key, name in pairwise(parts) if key.casefold() == kind and name), None)


def _issue(code: str, situation: Situation, threshold: int) -> str:
    """What an alert says beyond its name."""
    state, problem = situation.state, situation.problem
    if code == DELETIONS_HELD:
        held = state.held_deletions if state is not None and state.held_deletions is not None else 0
        return f"{held} deletions wait, more than deletion_threshold ({threshold}) allows: nothing is deleted."
    if code == SYNC_LATE:
        last = state.last_success if state is not None else None
        return f"The managed domain was last synchronized on {rfc1123(last)}." if last else "It never was synchronized."
    return clean(problem.text, LONGEST_VALUE) if problem is not None else ""


def _failure(report: FailureReport) -> dict[str, Any]:
    return {
        "code": report.code,
        "object": _object(report.object),
        "attribute": report.attribute,
        "value": None if report.value is None else clean(report.value, LONGEST_VALUE),
        "message": clean(report.message, LONGEST_VALUE),
        "conflictsWith": None if report.conflicts_with is None else _object(report.conflicts_with),
        "firstSeen": rfc3339(report.first_seen),
        "lastSeen": rfc3339(report.last_seen),
    }


def _object(ref: ObjectRef) -> dict[str, str | None]:
    told = {"type": ref.type, "id": ref.id, "name": ref.name, "dn": ref.dn, "upn": ref.upn}
    return {key: None if value is None else clean(value, LONGEST_VALUE) for key, value in told.items()}


def _bounded(failures: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many as fit."""
    kept: list[dict[str, Any]] = []
    left = MOST_BYTES
    for failure in failures:
        left -= len(json.dumps(failure))
        if left < 0:
            break
        kept.append(failure)
    return kept


def _uuid(*words: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "\n".join(words)))
