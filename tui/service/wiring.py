"""From a tenant's settings to the sources that watch it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
from msgspec import Struct

from tui.clock import Clock
from tui.model.states import Side
from tui.service.status import MonitoredTenant
from tui.settings import CLOUD_HOSTS, PollSettings, TenantSettings
from tui.sources.auth import TokenProvider, provider_for
from tui.sources.cloud_sync import CloudSyncSource
from tui.sources.connect_health import ConnectHealthSource
from tui.sources.domain_services import DomainServicesSource
from tui.sources.graph_changes import ChangesSource
from tui.sources.graph_counts import CountsSource
from tui.sources.graph_failures import FailuresSource
from tui.sources.graph_organization import OrganizationSource
from tui.sources.graph_side import GraphSide
from tui.sources.http import Upstream
from tui.sources.side import SideReader
from tui.sources.source import Source

PATIENCE_FACTOR = 6.0


class Wire(Struct, frozen=True, kw_only=True):
    """How the upstreams are reached; the defaults are the real ones. `deadline_s` bounds one fetch in wall seconds."""

    transport: httpx.AsyncBaseTransport | None = None
    tokens: TokenProvider | None = None
    on_device_code: Callable[[str], None] | None = None
    deadline_s: float | None = None


def monitored(tenant: TenantSettings, poll: PollSettings, clock: Clock, wire: Wire) -> MonitoredTenant:
    """The tenant with a source for each part of it that is configured, and a side for each that can be asked."""
    tokens = wire.tokens or provider_for(tenant, clock, wire.on_device_code)

    def upstream(base: str, audience: str) -> Upstream:
        return Upstream(
            base,
            tokens=tokens,
            audience=audience,
            clock=clock,
            timeout_s=poll.timeout,
            deadline_s=wire.deadline_s,
            ca_file=tenant.ca_file,
            transport=wire.transport,
        )

    hosts = CLOUD_HOSTS[tenant.cloud]
    graph, arm = upstream(tenant.graph_base, hosts.graph), upstream(tenant.arm_base, hosts.arm)
    directories = tuple(_directories(tenant, poll, clock, wire))
    sources = (
        *_graph_sources(graph, tenant, poll, clock, wire),
        *_arm_sources(arm, tenant, clock),
        *(source for source, _ in directories),
    )
    asked = (side for _, side in directories)
    return MonitoredTenant(tenant.name, tenant.tenant_id, sources, (GraphSide(graph.share(), clock), *asked))


def _graph_sources(
    graph: Upstream, tenant: TenantSettings, poll: PollSettings, clock: Clock, wire: Wire
) -> Iterator[Source]:
    yield OrganizationSource(graph.share(), clock)
    yield CountsSource(graph.share(), clock)
    patient = graph.share()
    patient.deadline_s = wire.deadline_s or PATIENCE_FACTOR * poll.timeout
    yield FailuresSource(patient, clock)
    if tenant.cloud_sync is not False:
        yield CloudSyncSource(graph.share(), clock, optional=tenant.cloud_sync is None)
    if tenant.managed_domain is not None or tenant.on_premises is not None:
        yield ChangesSource(graph.share(), clock)


def _arm_sources(arm: Upstream, tenant: TenantSettings, clock: Clock) -> Iterator[Source]:
    if tenant.domain_services is not None:
        yield DomainServicesSource(arm.share(), tenant.domain_services, clock, tenant_id=tenant.tenant_id)
    if tenant.connect_health:
        yield ConnectHealthSource(arm.share(), clock)


def _directories(
    tenant: TenantSettings, poll: PollSettings, clock: Clock, wire: Wire
) -> Iterator[tuple[Source, SideReader]]:
    """One session for each directory: whoever reads it shares its connection, and its one sign-in."""
    limit_s = wire.deadline_s or max(poll.ldap, PATIENCE_FACTOR * poll.timeout)
    for side, settings in ((Side.MANAGED_DOMAIN, tenant.managed_domain), (Side.ON_PREMISES, tenant.on_premises)):
        if settings is not None:
            # Without a directory nothing of LDAP is imported: it is 20 ms of the start.
            from tui.sources.ldap import LdapSource
            from tui.sources.ldap_session import DirectorySession
            from tui.sources.ldap_side import LdapSide

            session = DirectorySession(settings, clock, label=side.replace("-", " "), timeout_s=poll.timeout)
            yield LdapSource(session, side, clock, deadline_s=limit_s), LdapSide(session, side, clock)
