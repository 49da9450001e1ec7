"""Every published sample answer is served to the real sources: they make facts of it, or an error with words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

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
from tests.sources.host import Refusal
from tui.model.facts import (
    CloudSyncFacts,
    ConnectHealthFacts,
    CountsFacts,
    DomainServicesFacts,
    FailuresFacts,
    OrganizationFacts,
)
from tui.model.states import HopState
from tui.sources.connect_health import ConnectHealthSource
from tui.sources.errors import BadAnswer, NotFound, Refused, SourceError, Throttled
from tui.sources.graph_counts import CountsSource
from tui.sources.graph_failures import FailuresSource
from tui.sources.graph_organization import OrganizationSource

GRAPH = "https://graph.microsoft.com"
SAMPLE = f"{HEALTH}/sampleServiceName"
MEMBER = f"{SAMPLE}/servicemembers/SampleServiceMemberId"

ARM_ANSWERS = (
    "arm-domainservice-get-2022-12-01",
    "arm-domainservice-update-response-2022-12-01",
    "arm-domainservices-list-resourcegroup-2022-12-01",
    "arm-domainservices-list-subscription-2022-12-01",
    "arm-domainservices-operations-2022-12-01",
    "connecthealth-alerts",
    "connecthealth-connector-metadata",
    "connecthealth-connectors",
    "connecthealth-datafreshness",
    "connecthealth-exporterrors-counts",
    "connecthealth-exporterrors-listv2",
    "connecthealth-exportstatus",
    "connecthealth-globalconfiguration",
    "connecthealth-metricmetadata-list",
    "connecthealth-metrics-average",
    "connecthealth-metricsets",
    "connecthealth-server-alerts",
    "connecthealth-server-exportstatus",
    "connecthealth-service-get",
    "connecthealth-serviceconfiguration",
    "connecthealth-servicemember-get",
    "connecthealth-servicemembers",
    "connecthealth-services-list",
    "connecthealth-tenant-configuration",
)
GRAPH_ANSWERS = (
    "graph-batch-response",
    "graph-batch-response-mixed-2025",
    "graph-contact-get",
    "graph-contacts-delta",
    "graph-contacts-list",
    "graph-deleteditems-groups",
    "graph-devices-list",
    "graph-directoryaudits-list",
    "graph-group-get",
    "graph-groups-delta-page1",
    "graph-groups-list",
    "graph-onpremisessynchronization-get",
    "graph-organization-get",
    "graph-organization-list",
    "graph-provisioninglog-failure",
    "graph-provisioninglog-success",
    "graph-serviceprincipals-list",
    "graph-synchronizationjob-cloudsync-created",
    "graph-users-delta-changes-removed",
    "graph-users-delta-final",
    "graph-users-delta-initial",
    "graph-users-delta-nochanges",
    "graph-users-delta-page1",
    "graph-users-delta-select",
    "graph-users-filter-count",
    "graph-users-list",
)
ERRORS = {
    "arm-error-429-subscriptionrequeststhrottled": (429, Throttled),
    "graph-error-400-advanced-params-missing-2023": (400, Refused),
    "graph-error-400-count-2021-contrib": (400, Refused),
    "graph-error-429-throttled": (429, Throttled),
    "graph-error-501-property-not-in-delta": (501, Refused),
    "graph-error-generic": (416, Refused),
    "graph-error-operator-unsupported": (400, Refused),
    "graph-error-property-not-filterable": (400, Refused),
    "graph-error-search-without-consistencylevel": (400, Refused),
}
PARTS_OF_OBJECTS = {
    "graph-onpremisesprovisioningerror-shape": "onPremisesProvisioningErrors",
    "graph-serviceprovisioningerror-shape": "serviceProvisioningErrors",
}
NOT_HTTP_ANSWERS = {
    "adsync-globalsettings-parameters": "output of a cmdlet on the Connect server",
    "adsync-partitionpasswordsyncstate": "output of a cmdlet on the Connect server",
    "adsync-runprofileresult-no-start-connection": "output of a cmdlet on the Connect server",
    "graph-batch-request": "the body of a request",
}


def load(shared: Path, name: str) -> Any:
    return json.loads((shared / "payloads" / f"{name}.json").read_text("utf-8"))


def health(shared: Path, **others: Any) -> dict[str, Any]:
    """The published Connect Health samples, each where the service serves it."""
    return {
        HEALTH: load(shared, "connecthealth-services-list"),
        f"{SAMPLE}/alerts": load(shared, "connecthealth-alerts"),
        f"{SAMPLE}/servicemembers": load(shared, "connecthealth-servicemembers"),
        f"{SAMPLE}/exportstatus": load(shared, "connecthealth-exportstatus"),
        f"{SAMPLE}/exporterrors/counts": load(shared, "connecthealth-exporterrors-counts"),
        f"{SAMPLE}/exporterrors/listV2": load(shared, "connecthealth-exporterrors-listv2"),
        f"{MEMBER}/serviceconfiguration": load(shared, "connecthealth-serviceconfiguration"),
        f"{MEMBER}/datafreshness": load(shared, "connecthealth-datafreshness"),
        f"{MEMBER}/globalconfiguration": load(shared, "connecthealth-globalconfiguration"),
        **others,
    }


def read_health(answers: dict[str, Any]) -> ConnectHealthFacts:
    facts = poll(ConnectHealthSource, answers)
    check(facts)
    assert isinstance(facts, ConnectHealthFacts)
    return facts


def test_no_published_sample_is_forgotten(shared: Path) -> None:
    """Each sample in the folder is served to a source, or named here as no answer."""
    used = {*ARM_ANSWERS, *GRAPH_ANSWERS, *ERRORS, *PARTS_OF_OBJECTS, *NOT_HTTP_ANSWERS}
    assert used == {path.stem for path in (shared / "payloads").glob("*.json")}


@pytest.mark.parametrize("make", ARM_SOURCES)
@pytest.mark.parametrize("name", ARM_ANSWERS)
def test_any_arm_sample_anywhere_is_survived(shared: Path, name: str, make: Making) -> None:
    """Whatever sample ARM answers with, at every path, the poll ends in facts or an error with words."""
    check(poll(make, {}, otherwise=load(shared, name)))
    check(poll(make, {HEALTH: load(shared, "connecthealth-services-list")}, otherwise=load(shared, name)))


@pytest.mark.parametrize("make", GRAPH_SOURCES)
@pytest.mark.parametrize("name", GRAPH_ANSWERS)
def test_any_graph_sample_anywhere_is_survived(shared: Path, name: str, make: Making) -> None:
    """Whatever sample Graph answers with, at every path, the poll ends in facts or an error with words."""
    check(poll(make, {}, otherwise=load(shared, name), base=GRAPH))
    check(poll(make, {PRINCIPALS: A_PRINCIPAL}, otherwise=load(shared, name), base=GRAPH))


@pytest.mark.parametrize("make", [*ARM_SOURCES, *GRAPH_SOURCES])
@pytest.mark.parametrize("name", ERRORS)
def test_every_error_sample_is_an_error(shared: Path, name: str, make: Making) -> None:
    """Throttled is told as throttled and refused as refused, with the upstream's code."""
    status, expected = ERRORS[name]
    body = load(shared, name)
    outcome = poll(make, {}, otherwise=Refusal(status, body=body, headers={"Retry-After": "60.5"}))
    check(outcome)
    if make is FailuresSource and isinstance(outcome, FailuresFacts):
        assert outcome.incomplete
        return
    assert isinstance(outcome, expected)
    assert outcome.code == body["error"]["code"]
    assert (outcome.retry_at is not None) == (expected is Throttled)


def test_domain_services_get(shared: Path) -> None:
    """The documented resource: its time out of prose, its alert with seven fractional digits, its settings."""
    facts = poll(domain_by_id, {DOMAIN: load(shared, "arm-domainservice-get-2022-12-01")})
    assert isinstance(facts, DomainServicesFacts)
    assert (facts.hop.reported, facts.hop.note) == (HopState.OK, "")
    assert facts.hop.last_success == datetime(2018, 9, 18, 16, 47, 57, tzinfo=UTC)
    (one,) = facts.replica_sets
    assert (one.location, one.service_status, one.owns_sync) == ("West US", "Running", True)
    assert one.last_backup == datetime(2018, 9, 18, 3, 37, 4, tzinfo=UTC)
    assert one.health_evaluated == datetime(2018, 2, 15, 21, 43, 21, tzinfo=UTC)
    assert one.domain_controllers == ("10.0.0.1", "10.0.0.2")
    (alert,) = facts.alerts
    assert (alert.code, alert.severity, alert.where) == ("AADDS104", "2", "West US")
    assert alert.raised == datetime(2018, 9, 18, 1, 55, 40, 783428, tzinfo=UTC)
    assert alert.link == "https://aka.ms/aadds-neterr"
    assert facts.certificate_expires == datetime(2018, 2, 15, 21, 43, 21, tzinfo=UTC)
    assert (facts.filtered_sync, facts.ntlm_password_sync) == ("Enabled", "Enabled")
    assert (facts.domain_name, facts.provisioning_state) == ("TestDomainService.com", "Succeeded")


@pytest.mark.parametrize(
    "name", ["arm-domainservices-list-resourcegroup-2022-12-01", "arm-domainservices-list-subscription-2022-12-01"]
)
def test_domain_services_lists(shared: Path, name: str) -> None:
    """Both documented lists lead to the same managed domain and time."""
    facts = poll(domains_by_list, {DOMAINS: load(shared, name)})
    assert isinstance(facts, DomainServicesFacts)
    assert facts.hop.last_success == datetime(2018, 9, 18, 16, 47, 57, tzinfo=UTC)


def test_domain_services_without_health(shared: Path) -> None:
    """The documented answer without health fields is "not reported", with both replica sets shown."""
    facts = poll(domain_by_id, {DOMAIN: load(shared, "arm-domainservice-update-response-2022-12-01")})
    assert isinstance(facts, DomainServicesFacts)
    assert facts.hop.reported == HopState.NOT_REPORTED
    assert [one.location for one in facts.replica_sets] == ["West US", "East US"]


def test_operations_are_no_managed_domains(shared: Path) -> None:
    """A list of something else does not pass for a managed domain."""
    outcome = poll(domains_by_list, {DOMAINS: load(shared, "arm-domainservices-operations-2022-12-01")})
    assert isinstance(outcome, NotFound)


def test_connect_health_whole(shared: Path) -> None:
    """The documented answers together: server, version, freshness, alert, counts and both sides of a conflict."""
    facts = read_health(health(shared))
    assert (facts.services, facts.health, facts.incomplete) == (("sample display name",), "Healthy", ())
    (server,) = facts.servers
    assert (server.name, server.client_version, server.disabled) == ("SampleMachineName", "1.1.750.0", False)
    assert server.last_export == datetime(2018, 4, 30, 23, 4, 37, 647000, tzinfo=UTC)
    assert facts.data_as_of == datetime(2015, 3, 6, 17, 41, 34, 305000, tzinfo=UTC)
    assert facts.password_sync_enabled is False
    assert (facts.error_counts["All"], facts.error_counts["DuplicateAttributeError"]) == (49, 49)
    (alert,) = facts.alerts
    assert (alert.severity, alert.title, alert.link) == ("Error", "SampleAlertDisplayName", "SampleUrl1")
    assert alert.where == "SampleMachineName"
    (failing,) = facts.reports
    assert (failing.code, failing.attribute) == ("AttributeValueMustBeUnique", "OnPremiseSecurityIdentifier")
    assert failing.value is None
    assert (failing.object.name, failing.object.dn) == ("SampleIncomingDisplayName", "CN=SampleDN")
    assert (failing.object.upn, failing.object.source_anchor) == ("SampleUPN", "SampleSourceAnchor")
    assert failing.conflicts_with is not None
    assert failing.conflicts_with.dn == "SampleDistinguishedName"
    assert failing.first_seen == datetime(2017, 7, 11, 18, 36, 15, 843000, tzinfo=UTC)


def test_connect_health_per_server_samples(shared: Path) -> None:
    """The per-server answers have the same shape as the service's and are read alike."""
    alerts, export = (load(shared, f"connecthealth-server-{name}") for name in ("alerts", "exportstatus"))
    facts = read_health(health(shared, **{f"{SAMPLE}/alerts": alerts, f"{SAMPLE}/exportstatus": export}))
    assert [alert.code for alert in facts.alerts] == ["SampleAlertName"]
    assert facts.servers[0].last_export is not None


@pytest.mark.parametrize("name", ["connecthealth-service-get", "connecthealth-tenant-configuration"])
def test_one_object_is_no_list_of_services(shared: Path, name: str) -> None:
    """An object where the list of services belongs is an error, not "no services"."""
    assert isinstance(poll(ConnectHealthSource, {HEALTH: load(shared, name)}), BadAnswer)


def test_organization_samples(shared: Path) -> None:
    """The documented tenants, whose sync fields are missing, are named and not called synced."""
    for name in ("graph-organization-get", "graph-organization-list"):
        settings = load(shared, "graph-onpremisessynchronization-get")
        answers = {ORGANIZATION: load(shared, name), BETA_ORGANIZATION: load(shared, name), SYNC_SETTINGS: settings}
        facts = poll(OrganizationSource, answers, base=GRAPH)
        check(facts)
        assert isinstance(facts, OrganizationFacts)
        assert facts.display_name == "Contoso"
        assert facts.connect.reported == HopState.NOT_REPORTED
        assert facts.deletion_threshold == 500


@pytest.mark.parametrize("name", ["graph-batch-response", "graph-batch-response-mixed-2025"])
def test_batch_samples_count_nothing(shared: Path, name: str) -> None:
    """A batch whose parts were refused, moved or empty gives no count, and least of all a zero."""
    outcome = poll(CountsSource, {BATCH: load(shared, name)}, base=GRAPH)
    check(outcome)
    if isinstance(outcome, CountsFacts):
        assert all(reading.value is None for reading in outcome.entra.values())
    else:
        assert isinstance(outcome, SourceError)


def test_healthy_objects_are_no_failures(shared: Path) -> None:
    """The documented users, groups and contacts have no errors, so nothing fails."""
    names = ("graph-users-list", "graph-groups-list", "graph-contacts-list")
    facts = poll(FailuresSource, {path: load(shared, name) for path, name in zip(OBJECTS, names, strict=True)})
    check(facts)
    assert isinstance(facts, FailuresFacts)
    assert facts.reports == ()


@pytest.mark.parametrize(("name", "field"), PARTS_OF_OBJECTS.items())
def test_errors_of_an_object_are_reported(shared: Path, name: str, field: str) -> None:
    """The documented shapes of an object's errors are read as failures of that object."""
    user = {"id": "u1", "displayName": "Jane Doe", field: [load(shared, name)]}
    answers = {path: {"value": [user] if path == OBJECTS[0] else []} for path in OBJECTS}
    facts = poll(FailuresSource, answers, otherwise={"responses": []})
    check(facts)
    assert isinstance(facts, FailuresFacts)
    assert {report.object.name for report in facts.reports} == {"Jane Doe"}


def test_a_fresh_cloud_sync_job(shared: Path) -> None:
    """The documented new job: paused, every forty minutes, never run, and no success claimed."""
    job = load(shared, "graph-synchronizationjob-cloudsync-created")
    facts = poll(cloud_sync, {PRINCIPALS: A_PRINCIPAL, JOBS: {"value": [job]}}, base=GRAPH)
    check(facts)
    assert isinstance(facts, CloudSyncFacts)
    (one,) = facts.jobs
    assert (one.kind, one.status, one.schedule_state, one.interval_s) == ("objects", "Paused", "Disabled", 2400.0)
    assert (one.last_execution, one.last_success, one.steady_state, one.quarantine) == (None, None, None, None)
    assert one.counts_by_type == {}


def test_a_failure_in_the_provisioning_log(shared: Path) -> None:
    """The documented failure names its object, code and reason; the documented success is none."""
    job = {"id": "AD2AADProvisioning.1", "status": {"lastExecution": {"countEscrowed": 1}}}
    answers = {PRINCIPALS: A_PRINCIPAL, JOBS: {"value": [job]}, LOG: load(shared, "graph-provisioninglog-failure")}
    facts = poll(cloud_sync, answers, base=GRAPH)
    check(facts)
    assert isinstance(facts, CloudSyncFacts)
    (failing,) = facts.reports
    assert (failing.code, failing.object.name) == ("ContosoEntryConflict", "Self-service Pilot")
    assert (failing.object.type, failing.last_seen) == ("group", datetime(2019, 6, 24, 20, 53, 8, tzinfo=UTC))
    answers[LOG] = load(shared, "graph-provisioninglog-success")
    cleared = poll(cloud_sync, answers, base=GRAPH)
    assert isinstance(cleared, CloudSyncFacts)
    assert cleared.reports == ()


def test_a_service_principal_without_an_id(shared: Path) -> None:
    """The documented list leaves the id out: Cloud Sync is then an error, not "without jobs"."""
    answers = {PRINCIPALS: load(shared, "graph-serviceprincipals-list")}
    assert isinstance(poll(cloud_sync, answers, base=GRAPH), BadAnswer)
