"""Hop 2 as Azure Resource Manager tells it: `Microsoft.AAD/domainServices`, facts/domain.md 3.1.

Read field by field, never kept whole: the answer may hold certificate passwords.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from tui.clock import Clock
from tui.model.facts import Alert, DomainServicesFacts, HopFacts
from tui.model.states import SourceId
from tui.settings import DomainServicesSettings
from tui.sources.decode import JsonObject, child, items, text, time
from tui.sources.errors import NotFound
from tui.sources.http import Upstream
from tui.sources.plausible import upstream_now
from tui.sources.replica_sets import alerts, health_objects, hop_facts, set_healths
from tui.sources.source import Exchange
from tui.sources.sync_extension import SyncExtension, sync_extension

API_VERSION = "2022-12-01"
NEEDS = "the Reader role on the managed domain's resource"
RESOURCE_TYPE = "microsoft.aad/domainservices"


class DomainServicesSource:
    """One managed domain, found by its resource id or by listing its subscription.

    `tenant_id` picks the right one where a subscription holds several.
    """

    id = SourceId.DOMAIN_SERVICES
    optional = False

    def __init__(
        self, upstream: Upstream, settings: DomainServicesSettings, clock: Clock, *, tenant_id: str = ""
    ) -> None:
        self._upstream = upstream
        self._settings = settings
        self._clock = clock
        self._tenant_id = tenant_id

    async def fetch(self) -> DomainServicesFacts:
        """Raises `NotFound` where there is no managed domain, else what the upstream's errors are."""
        session = self._upstream.session(needs=NEEDS)
        domains: list[JsonObject] = []
        async for page in session.pages(resource_path(self._settings), {"api-version": API_VERSION}):
            domains.extend(domains_in(page, one_resource=bool(self._settings.resource_id)))
        if not domains:
            raise NotFound(nothing_found(self._settings))
        facts = facts_of(choose(domains, self._tenant_id), self._clock.now(), session.clock_offset_s)
        return _noting_others(facts, len(domains))

    def exchange(self) -> Exchange:
        return self._upstream.exchange()

    async def aclose(self) -> None:
        await self._upstream.aclose()


def resource_path(settings: DomainServicesSettings) -> str:
    """The path to ask: the resource itself, or all managed domains of the subscription."""
    if settings.resource_id:
        return "/" + quote(settings.resource_id.strip("/ "), safe="/")
    subscription = quote(settings.subscription_id or "", safe="")
    return f"/subscriptions/{subscription}/providers/Microsoft.AAD/domainServices"


def nothing_found(settings: DomainServicesSettings) -> str:
    """Why there is nothing to watch, and what to look at."""
    if settings.resource_id:
        return f"no managed domain at {settings.resource_id}: check resource_id and the account's Reader role"
    return (
        f"no managed domain in subscription {settings.subscription_id}: "
        "check subscription_id and the account's Reader role"
    )


def domains_in(answer: JsonObject, *, one_resource: bool) -> list[JsonObject]:
    """The managed domains in one answer. A resource asked for by its id is one, however little it says."""
    if one_resource and not isinstance(answer.get("value"), list):
        return [answer]
    return [one for one in items(answer) if _is_managed_domain(one)]


def choose(domains: Sequence[JsonObject], tenant_id: str) -> JsonObject:
    """The domain of this tenant; where none says so, the first."""
    wanted = tenant_id.casefold()
    for one in domains:
        if wanted and text(child(one, "properties"), "tenantId").casefold() == wanted:
            return one
    return domains[0]


def facts_of(resource: JsonObject, now: datetime, clock_offset_s: float | None) -> DomainServicesFacts:
    """The facts in one resource; `now` is our clock."""
    properties = child(resource, "properties")
    security, ldaps = child(properties, "domainSecuritySettings"), child(properties, "ldapsSettings")
    present = upstream_now(now, clock_offset_s)
    healths, extension = set_healths(properties, present), sync_extension(properties, present)
    return DomainServicesFacts(
        as_of=now,
        clock_offset_s=clock_offset_s,
        hop=_noting(hop_facts(healths), extension.note, first=True),
        domain_name=text(properties, "domainName") or text(resource, "name"),
        resource_id=text(resource, "id"),
        replica_sets=tuple(health.set for health in healths),
        alerts=_with_held(alerts(health_objects(properties)), extension),
        sync_scope=text(properties, "syncScope"),
        filtered_sync=text(properties, "filteredSync"),
        ntlm_password_sync=text(security, "syncNtlmPasswords"),
        kerberos_password_sync=text(security, "syncKerberosPasswords"),
        certificate_expires=time(ldaps, "certificateNotAfter"),
        external_ldaps=text(ldaps, "externalAccess"),
        provisioning_state=text(properties, "provisioningState"),
        progress_percent=percent(
            child(child(properties, "migrationProperties"), "migrationProgress").get("completionPercentage")
        ),
        progress=extension.progress,
        reports=extension.reports,
        reports_truncated=extension.truncated,
    )


def percent(value: Any) -> float | None:
    """`value` as 0 to 100; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return None
    return float(value) if math.isfinite(value) else None


def _is_managed_domain(resource: JsonObject) -> bool:
    kind = text(resource, "type").casefold()
    return kind == RESOURCE_TYPE or (not kind and isinstance(resource.get("properties"), dict))


def _noting_others(facts: DomainServicesFacts, found: int) -> DomainServicesFacts:
    if found < 2:
        return facts
    others = f"one of {found} managed domains of the subscription: set resource_id to choose"
    return replace(facts, hop=_noting(facts.hop, others))


def _noting(hop: HopFacts, more: str, *, first: bool = False) -> HopFacts:
    parts = (more, hop.note) if first else (hop.note, more)
    return replace(hop, note="; ".join(part for part in parts if part))


def _with_held(found: tuple[Alert, ...], extension: SyncExtension) -> tuple[Alert, ...]:
    """The alerts with what the extension tells better; both name held deletions by the same code."""
    better = {alert.code.casefold() for alert in extension.alerts}
    return (*(alert for alert in found if alert.code.casefold() not in better), *extension.alerts)
