"""Hop 1 as the tenant's `organization` tells it: when objects and passwords last arrived. facts/domain.md 2.2, 2.3."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tui.clock import Clock
from tui.model.facts import DirectoryQuota, HopFacts, OrganizationFacts
from tui.model.states import HopState, SourceId
from tui.sources.decode import JsonObject, boolean, child, count, integer, items, text
from tui.sources.errors import Denied, NotFound, Refused, SourceError
from tui.sources.graph import attempt
from tui.sources.http import Upstream
from tui.sources.moments import means_never, moment
from tui.sources.plausible import is_ahead, upstream_now
from tui.sources.source import Exchange

NEEDS = "Organization.Read.All (or Directory.Read.All)"
_PATH = "/v1.0/organization"
_ALWAYS_TOLD = ("id", "displayName", "verifiedDomains")
# Fields that every tenant has: when all of them are blank, the permission is too small to see the sync fields.
_WITNESSES = ("createdDateTime", "tenantType", "countryLetterCode", "assignedPlans", "provisionedPlans")
_SYNC = ("onPremisesSyncEnabled", "onPremisesLastSyncDateTime")
_SELECT = {"$select": ",".join((*_ALWAYS_TOLD, *_WITNESSES, *_SYNC))}
_BETA_PATH = "/beta/organization"
_PASSWORD_TIME = "onPremisesLastPasswordSyncDateTime"  # noqa: S105 - a field's name
_BETA_SELECT = {"$select": f"id,{_PASSWORD_TIME},directorySizeQuota"}
_SETTINGS_PATH = "/v1.0/directory/onPremisesSynchronization"
_MOST_PLANS = 50
# The heartbeat comes every 30 minutes (facts/domain.md 5.1): passwords that came within two of them still come, by
# Cloud Sync perhaps, whatever Connect's feature says.
_STILL_COMING = timedelta(hours=1)

_BLANKED = HopFacts(
    reported=HopState.NOT_PERMITTED, note=f"the account sees no more than the tenant's name: grant {NEEDS}"
)


class OrganizationSource:
    """Both object and password times; what only beta or an administrator may read never fails the poll."""

    id = SourceId.ORGANIZATION
    optional = False

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock

    async def fetch(self) -> OrganizationFacts:
        session = self._upstream.session(needs=NEEDS)
        aside = session.aside()
        main, beta, settings = await asyncio.gather(
            attempt(session.get_object(_PATH, _SELECT)),
            attempt(aside.get_object(_BETA_PATH, _BETA_SELECT)),
            attempt(aside.get_object(_SETTINGS_PATH)),
        )
        if isinstance(main, SourceError):
            raise main
        return organization_facts(
            _first(main),
            beta if isinstance(beta, SourceError) else _first(beta),
            {} if isinstance(settings, SourceError) else _first(settings),
            self._clock.now(),
            session.clock_offset_s,
        )

    def exchange(self) -> Exchange:
        return self._upstream.exchange()

    async def aclose(self) -> None:
        await self._upstream.aclose()


def organization_facts(
    tenant: JsonObject, beta: JsonObject | SourceError, settings: JsonObject, now: datetime, offset_s: float | None
) -> OrganizationFacts:
    """The facts in the v1.0 and beta `organization` and the sync settings; `now` is our clock."""
    theirs = upstream_now(now, offset_s)
    connect = connect_hop(tenant, theirs)
    features = child(settings, "features")
    return OrganizationFacts(
        as_of=now,
        clock_offset_s=offset_s,
        connect=connect,
        password=password_hop(beta, connect, boolean(features, "passwordSyncEnabled"), theirs),
        display_name=text(tenant, "displayName"),
        quota=None if isinstance(beta, SourceError) else _quota(child(beta, "directorySizeQuota")),
        deletion_threshold=deletion_threshold(settings),
        provisioning_errors_in_plans=_failing_plans(tenant),
    )


def is_blanked(tenant: JsonObject) -> bool:
    """True when nothing but id, name and domains is filled: what an account with User.Read alone is told."""
    others = (value for key, value in tenant.items() if key not in _ALWAYS_TOLD and not key.startswith("@"))
    return any(tenant.get(key) for key in _ALWAYS_TOLD) and all(_is_blank(value) for value in others)


def connect_hop(tenant: JsonObject, now: datetime) -> HopFacts:
    """`onPremisesSyncEnabled`: true, false (was synced, no longer) or null (never). `now` is the upstream's clock."""
    if is_blanked(tenant):
        return _BLANKED
    if any(key not in tenant for key in _SYNC):
        return _not_reported("the tenant answered without its sync fields")
    enabled, told = (tenant[key] for key in _SYNC)
    if not (enabled is None or isinstance(enabled, bool)) or _is_unreadable(told):
        return _not_reported("the tenant's sync fields cannot be read")
    last = moment(told)
    if is_ahead(last, now):
        return _not_reported("the last synchronization lies in the future")
    if enabled is None:
        return _not_reported("a last synchronization, but no word on whether it is on") if last else _off()
    if not enabled:
        return HopFacts(reported=HopState.DISABLED, last_success=last)
    return HopFacts(reported=HopState.OK if last else HopState.NEVER, last_success=last)


def password_hop(beta: JsonObject | SourceError, connect: HopFacts, feature: bool | None, now: datetime) -> HopFacts:
    """`feature`: passwordSyncEnabled, None where it is not readable. The time itself exists in beta alone."""
    told = None if isinstance(beta, SourceError) else beta.get(_PASSWORD_TIME)
    last = moment(told)
    if connect.reported is HopState.OFF:
        return _not_reported("a password sync time, but no synchronization") if last else _off()
    if isinstance(beta, SourceError):
        return _unread(beta)
    if connect.reported is HopState.NOT_PERMITTED and told is None:
        return _BLANKED
    if _PASSWORD_TIME not in beta:
        return _not_reported("the tenant answered without its password sync time")
    if _is_unreadable(told):
        return _not_reported("the password sync time cannot be read")
    if is_ahead(last, now):
        return _not_reported("the last password sync lies in the future")
    if last is None:
        return HopFacts(reported=HopState.NEVER) if feature else _off()
    switched_off = feature is False and now - last > _STILL_COMING
    disabled = switched_off or connect.reported is HopState.DISABLED
    return HopFacts(reported=HopState.DISABLED if disabled else HopState.OK, last_success=last)


def deletion_threshold(settings: JsonObject) -> int | None:
    """How many deletes an export may hold; None where it is not readable, off, or a percentage."""
    prevention = child(child(settings, "configuration"), "accidentalDeletionPrevention")
    if text(prevention, "synchronizationPreventionType").casefold() != "enabledforcount":
        return None
    threshold = integer(prevention, "alertThreshold")
    return threshold if threshold is not None and threshold > 0 else None


def _unread(error: SourceError) -> HopFacts:
    if isinstance(error, Denied):
        return HopFacts(reported=HopState.NOT_PERMITTED, note=f"the account may not read it: grant {NEEDS}")
    if isinstance(error, Refused | NotFound):
        return _not_reported("this cloud does not tell the password sync time")
    return HopFacts(reported=HopState.ERROR, note=str(error))


def _off() -> HopFacts:
    return HopFacts(reported=HopState.OFF)


def _not_reported(note: str) -> HopFacts:
    return HopFacts(reported=HopState.NOT_REPORTED, note=note)


def _is_unreadable(told: Any) -> bool:
    """True for what is neither a time, nor null, nor a date that means never."""
    return told is not None and moment(told) is None and not means_never(told)


def _is_blank(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _first(answer: JsonObject) -> JsonObject:
    """The one object: documented bare on one page, in a collection on another (facts/domain.md 2.3)."""
    return next(items(answer), {}) if "value" in answer else answer


def _quota(quota: Mapping[str, Any]) -> DirectoryQuota | None:
    used, total = count(quota.get("used")), count(quota.get("total"))
    return DirectoryQuota(used=used, total=total) if used is not None and total else None


def _failing_plans(tenant: JsonObject) -> tuple[str, ...]:
    plans = items(tenant, "provisionedPlans")
    failing = {text(plan, "service") for plan in plans if text(plan, "provisioningStatus").casefold() == "error"}
    return tuple(sorted(failing - {""}))[:_MOST_PLANS]
