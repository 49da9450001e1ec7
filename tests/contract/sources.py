"""Serves one made-up world to the real sources, and judges what they make of it."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from tests.helpers import START
from tests.sources import host
from tests.sources.host import HastyClock, Host
from tui.model.facts import AnyFacts, CloudSyncFacts, ConnectHealthFacts, DomainServicesFacts, Facts
from tui.settings import DomainServicesSettings
from tui.sources.cloud_sync import CloudSyncSource
from tui.sources.connect_health import ConnectHealthSource
from tui.sources.connect_health_service import BASE
from tui.sources.domain_services import DomainServicesSource
from tui.sources.errors import SourceError
from tui.sources.graph_counts import CountsSource
from tui.sources.graph_failures import FailuresSource
from tui.sources.graph_organization import OrganizationSource
from tui.sources.http import Upstream
from tui.sources.source import Source

SUBSCRIPTION = "1639790a-76a2-4ac4-98d9-8562f5dfcb4d"
DOMAINS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.AAD/domainServices"
DOMAIN = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.AAD/domainServices/d"
HEALTH = f"{BASE}/services"
ORGANIZATION = "/v1.0/organization"
BETA_ORGANIZATION = "/beta/organization"
SYNC_SETTINGS = "/v1.0/directory/onPremisesSynchronization"
BATCH = "/v1.0/$batch"
PRINCIPALS = "/v1.0/servicePrincipals"
JOBS = f"{PRINCIPALS}/sp1/synchronization/jobs"
LOG = "/v1.0/auditLogs/provisioning"
OBJECTS = ("/v1.0/users", "/v1.0/groups", "/v1.0/contacts")
A_PRINCIPAL = {"value": [{"id": "sp1", "displayName": "contoso.com"}]}

Making = Callable[[Upstream, HastyClock], Source]


def domains_by_list(upstream: Upstream, clock: HastyClock) -> Source:
    return DomainServicesSource(upstream, DomainServicesSettings(subscription_id=SUBSCRIPTION), clock)


def domain_by_id(upstream: Upstream, clock: HastyClock) -> Source:
    return DomainServicesSource(upstream, DomainServicesSettings(resource_id=DOMAIN), clock)


def cloud_sync(upstream: Upstream, clock: HastyClock) -> Source:
    return CloudSyncSource(upstream, clock, optional=False)


ARM_SOURCES: tuple[Making, ...] = (domains_by_list, domain_by_id, ConnectHealthSource)
GRAPH_SOURCES: tuple[Making, ...] = (OrganizationSource, CountsSource, FailuresSource, cloud_sync)


def poll(
    make: Making, answers: Mapping[str, Any], otherwise: Any = None, base: str = host.BASE
) -> AnyFacts | SourceError:
    """What one poll against these answers gives; anything but facts or a `SourceError` fails the test."""

    async def once() -> AnyFacts | SourceError:
        clock = HastyClock(START)
        source = make(Host(answers, otherwise).upstream(clock, base), clock)
        try:
            return await source.fetch()
        except SourceError as error:
            return error
        finally:
            await source.aclose()

    return asyncio.run(once())


def check(outcome: AnyFacts | SourceError) -> None:
    """What every outcome must hold, whatever was served: clean text, aware times, no success to come, words."""
    if isinstance(outcome, SourceError):
        assert str(outcome).strip()
        assert_clean(str(outcome))
        return
    assert isinstance(outcome, Facts)
    for value in values_in(outcome):
        if isinstance(value, str):
            assert_clean(value)
        elif isinstance(value, datetime):
            assert value.tzinfo is not None
    latest = START + timedelta(minutes=6)
    assert all(moment <= latest for moment in successes(outcome) if moment is not None)


def successes(facts: Facts) -> Iterator[datetime | None]:
    """The times that decide how healthy something looks."""
    if isinstance(facts, DomainServicesFacts):
        yield facts.hop.last_success
        yield from (one.last_sync for one in facts.replica_sets)
    if isinstance(facts, CloudSyncFacts):
        yield from (job.last_success for job in facts.jobs)
    if isinstance(facts, ConnectHealthFacts):
        yield facts.data_as_of
        yield from (server.last_export for server in facts.servers)


def assert_clean(text: str) -> None:
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cs", "Cf", "Zl", "Zp")]


def values_in(value: Any) -> Iterator[Any]:
    """Every leaf in facts."""
    if isinstance(value, Struct):
        for part in fields(value):
            yield from values_in(getattr(value, part.encode_name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from values_in(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from values_in(inner)
    else:
        yield value
