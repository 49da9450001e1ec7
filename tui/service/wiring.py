"""From a tenant's settings to the sources that watch it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
from msgspec import Struct

from tui.clock import Clock
from tui.model.facts import AnyFacts
from tui.model.states import SourceId
from tui.service.status import MonitoredTenant
from tui.settings import CLOUD_HOSTS, PollSettings, TenantSettings
from tui.sources.auth import TokenProvider, provider_for
from tui.sources.cloud_sync import CloudSyncSource
from tui.sources.connect_health import ConnectHealthSource
from tui.sources.domain_services import DomainServicesSource
from tui.sources.errors import SourceError
from tui.sources.graph_counts import CountsSource
from tui.sources.graph_failures import FailuresSource
from tui.sources.graph_organization import OrganizationSource
from tui.sources.http import Upstream
from tui.sources.source import Exchange, Source

FAILURES_DEADLINE_FACTOR = 6.0


class Wire(Struct, frozen=True, kw_only=True):
    """How the upstreams are reached; the defaults are the real ones. `deadline_s` bounds one fetch in wall seconds."""

    transport: httpx.AsyncBaseTransport | None = None
    tokens: TokenProvider | None = None
    on_device_code: Callable[[str], None] | None = None
    deadline_s: float | None = None


def monitored(tenant: TenantSettings, poll: PollSettings, clock: Clock, wire: Wire) -> MonitoredTenant:
    """The tenant with a source for each part of it that is configured."""
    tokens = wire.tokens or provider_for(tenant, clock, wire.on_device_code)
    return MonitoredTenant(tenant.name, tenant.tenant_id, tuple(_sources(tenant, poll, clock, wire, tokens)))


def _sources(
    tenant: TenantSettings, poll: PollSettings, clock: Clock, wire: Wire, tokens: TokenProvider
) -> Iterator[Source]:
    hosts = CLOUD_HOSTS[tenant.cloud]

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

    graph = upstream(tenant.graph_base, hosts.graph)
    yield OrganizationSource(graph.share(), clock)
    yield CountsSource(graph.share(), clock)
    patient = graph.share()
    patient.deadline_s = wire.deadline_s or FAILURES_DEADLINE_FACTOR * poll.timeout
    yield FailuresSource(patient, clock)
    if tenant.cloud_sync is not False:
        yield CloudSyncSource(graph.share(), clock, optional=tenant.cloud_sync is None)
    arm = upstream(tenant.arm_base, hosts.arm)
    if tenant.domain_services is not None:
        yield DomainServicesSource(arm.share(), tenant.domain_services, clock, tenant_id=tenant.tenant_id)
    if tenant.connect_health:
        yield ConnectHealthSource(arm.share(), clock)
    if tenant.managed_domain is not None:
        yield UnreadDirectory(SourceId.MANAGED_DOMAIN)
    if tenant.on_premises is not None:
        yield UnreadDirectory(SourceId.ON_PREMISES)


class UnreadDirectory:
    """A directory that the config names but that cannot be read over LDAP yet: said plainly, never as zero."""

    optional = False

    def __init__(self, source: SourceId) -> None:
        self.id = source

    async def fetch(self) -> AnyFacts:
        raise SourceError("this version of synctop does not read directories over LDAP; remove the section")

    def exchange(self) -> Exchange:
        return Exchange()

    async def aclose(self) -> None:
        return None
