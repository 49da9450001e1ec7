"""Random answers, allowed by the official descriptions and not, never break a poll and never smuggle anything in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.schemas import answers, hostile, spoiled
from tests.contract.sources import (
    A_PRINCIPAL,
    ARM_SOURCES,
    BATCH,
    BETA_ORGANIZATION,
    DOMAIN,
    DOMAINS,
    GRAPH_SOURCES,
    HEALTH,
    JOBS,
    LOG,
    OBJECTS,
    ORGANIZATION,
    PRINCIPALS,
    SYNC_SETTINGS,
    Making,
    check,
    cloud_sync,
    domain_by_id,
    domains_by_list,
    poll,
)
from tui.model.facts import ConnectHealthFacts, DomainServicesFacts
from tui.model.states import HopState
from tui.sources.connect_health import ConnectHealthSource
from tui.sources.errors import BadAnswer
from tui.sources.graph_counts import CountsSource
from tui.sources.graph_failures import FailuresSource
from tui.sources.graph_organization import OrganizationSource

FEW = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
ARM_FILE, HEALTH_FILE, GRAPH_FILE = "domainservices.json", "adhybridhealthservice.json", "graph-subset.yaml"
SERVICE = f"{HEALTH}/contoso"
MEMBER = f"{SERVICE}/servicemembers/m1"
A_SERVICE = {"value": [{"serviceName": "contoso", "type": "AadSyncService"}]}
A_MEMBER = {"value": [{"serviceMemberId": "m1", "machineName": "SYNC01"}]}
AN_ERROR = {"value": [{"errorBucket": "Others", "count": 1}]}
A_FAILING_JOB = {"value": [{"id": "AD2AADProvisioning.1", "status": {"lastExecution": {"countEscrowed": 1}}}]}
REACH = {
    HEALTH: A_SERVICE,
    f"{SERVICE}/servicemembers": A_MEMBER,
    f"{SERVICE}/exporterrors/counts": AN_ERROR,
    PRINCIPALS: A_PRINCIPAL,
    JOBS: A_FAILING_JOB,
}

# (description, schema, the path where it is served, the source that reads it)
SERVED: list[tuple[str, str, str, Making]] = [
    (ARM_FILE, "DomainServiceListResult", DOMAINS, domains_by_list),
    (ARM_FILE, "DomainService", DOMAIN, domain_by_id),
    (HEALTH_FILE, "Services", HEALTH, ConnectHealthSource),
    (HEALTH_FILE, "Alerts", f"{SERVICE}/alerts", ConnectHealthSource),
    (HEALTH_FILE, "ServiceMembers", f"{SERVICE}/servicemembers", ConnectHealthSource),
    (HEALTH_FILE, "ExportStatuses", f"{SERVICE}/exportstatus", ConnectHealthSource),
    (HEALTH_FILE, "ErrorCounts", f"{SERVICE}/exporterrors/counts", ConnectHealthSource),
    (HEALTH_FILE, "MergedExportErrors", f"{SERVICE}/exporterrors/listV2", ConnectHealthSource),
    (HEALTH_FILE, "ServiceConfiguration", f"{MEMBER}/serviceconfiguration", ConnectHealthSource),
    (HEALTH_FILE, "DataFreshnessDetails", f"{MEMBER}/datafreshness", ConnectHealthSource),
    (HEALTH_FILE, "GlobalConfigurations", f"{MEMBER}/globalconfiguration", ConnectHealthSource),
    (GRAPH_FILE, "microsoft.graph.servicePrincipalCollectionResponse", PRINCIPALS, cloud_sync),
    (GRAPH_FILE, "microsoft.graph.synchronizationJobCollectionResponse", JOBS, cloud_sync),
    (GRAPH_FILE, "microsoft.graph.provisioningObjectSummaryCollectionResponse", LOG, cloud_sync),
    (GRAPH_FILE, "microsoft.graph.organizationCollectionResponse", ORGANIZATION, OrganizationSource),
    (GRAPH_FILE, "microsoft.graph.organizationCollectionResponse", BETA_ORGANIZATION, OrganizationSource),
    (
        GRAPH_FILE,
        "microsoft.graph.onPremisesDirectorySynchronizationCollectionResponse",
        SYNC_SETTINGS,
        OrganizationSource,
    ),
    (GRAPH_FILE, "microsoft.graph.userCollectionResponse", OBJECTS[0], FailuresSource),
    (GRAPH_FILE, "microsoft.graph.groupCollectionResponse", OBJECTS[1], FailuresSource),
    (GRAPH_FILE, "microsoft.graph.orgContactCollectionResponse", OBJECTS[2], FailuresSource),
]
READABLE = {
    ORGANIZATION: {"value": [{"id": "t", "displayName": "Contoso"}]},
    **{path: {"value": []} for path in OBJECTS},
}
IDS = [f"{name.rsplit('.', 1)[-1]}-{path.rsplit('/', 1)[-1]}" for _, name, path, _ in SERVED]


def serve(path: str, make: Making, answer: Any) -> None:
    """One poll with `answer` at `path`, as its only page: a made-up link to a next one would end every poll."""
    if isinstance(answer, dict):
        answer = {key: value for key, value in answer.items() if key not in ("nextLink", "@odata.nextLink")}
    check(poll(make, {**READABLE, **REACH, path: answer}))


@pytest.mark.parametrize(("file", "name", "path", "make"), SERVED, ids=IDS)
def test_what_the_description_allows_is_survived(shared: Path, file: str, name: str, path: str, make: Making) -> None:
    """Any answer that the official description allows gives facts, or an error with words."""
    described = shared / "openapi" / file
    allowed = st.one_of(answers(described, name, whole=True), answers(described, name, whole=False))
    each(allowed, lambda answer: serve(path, make, answer))


@pytest.mark.parametrize(("file", "name", "path", "make"), SERVED, ids=IDS)
def test_any_field_may_hold_anything(shared: Path, file: str, name: str, path: str, make: Making) -> None:
    """A documented answer with something else in some fields, at any depth, gives facts, or an error with words."""
    whole = answers(shared / "openapi" / file, name, whole=True)
    each(spoiled(whole), lambda answer: serve(path, make, answer))


@pytest.mark.parametrize("make", [*ARM_SOURCES, *GRAPH_SOURCES])
def test_anything_anywhere_is_survived(make: Making) -> None:
    """JSON of any shape at every path gives facts, or an error with words."""
    each(hostile(), lambda answer: check(poll(make, {}, otherwise=answer)))
    each(hostile(), lambda answer: check(poll(make, {**READABLE, **REACH}, otherwise=answer)))


def test_parts_of_a_batch_may_be_anything() -> None:
    """Whatever a batch holds where a count belongs, no count comes of it but a count."""
    body = st.fixed_dictionaries({"id": hostile(), "status": hostile(), "headers": hostile(), "body": hostile()})
    each(st.lists(body, max_size=3), lambda parts: check(poll(CountsSource, {BATCH: {"responses": parts}})))


@pytest.mark.parametrize("make", [*ARM_SOURCES, *GRAPH_SOURCES])
@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 100_000, b'{"value":[' + b"9" * 5000 + b"]}", b"", b"\xff\xfe", b"null", b"<html>"],
)
def test_bodies_that_break_parsers_are_errors(make: Making, body: bytes) -> None:
    """Endless nesting, numbers of thousands of digits and what is no JSON at all end in an error with words."""
    check(poll(make, {}, otherwise=body))
    check(poll(make, {HEALTH: A_SERVICE, PRINCIPALS: A_PRINCIPAL}, otherwise=body))
    assert isinstance(poll(make, {}, otherwise=b"[" * 200_000), BadAnswer) or make is FailuresSource


@FEW
@given(hostile())
def test_nothing_but_a_claim_of_success_looks_synced(details: Any) -> None:
    """Whatever stands in the monitor's place, the hop is ok only with a time that is past."""
    monitors = [{"id": "AADDS500", "details": details}]
    properties = {"syncOwner": "a", "replicaSets": [{"replicaSetId": "a", "healthMonitors": monitors}]}
    facts = poll(domain_by_id, {DOMAIN: {"properties": properties}})
    check(facts)
    assert isinstance(facts, DomainServicesFacts)
    assert (facts.hop.reported == HopState.OK) == (facts.hop.last_success is not None)


@FEW
@given(hostile())
def test_no_unreadable_count_becomes_zero(count: Any) -> None:
    """Whatever stands in a count's place, either it is that count or it is named as unreadable."""
    facts = poll(ConnectHealthSource, {**REACH, f"{SERVICE}/exporterrors/counts": {"value": [bucket(count)]}})
    check(facts)
    assert isinstance(facts, ConnectHealthFacts)
    told = [line for line in facts.incomplete if "not a number" in line]
    assert bool(told) == ("Others" not in facts.error_counts)


def bucket(count: Any) -> dict[str, Any]:
    return {"errorBucket": "Others", "count": count, "truncated": False}


def each(strategy: st.SearchStrategy[Any], judge: Callable[[Any], None]) -> None:
    """`judge` a few dozen examples; a strategy that is built inside a test cannot be its decorator's argument."""

    @FEW
    @given(strategy)
    def judged(answer: Any) -> None:
        judge(answer)

    judged()
