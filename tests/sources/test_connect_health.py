"""Connect Health: what its servers, alerts and export errors say, and what is said when a part cannot be read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.helpers import START, settle
from tests.sources.host import HastyClock, Host, Refusal
from tui.model.facts import ConnectHealthFacts
from tui.model.states import HopName, SourceId
from tui.model.text import rfc3339
from tui.sources.best_effort import BestEffort
from tui.sources.connect_health import ConnectHealthSource
from tui.sources.connect_health_answers import Bucket, alert, buckets_to_list, report, service, worst_health
from tui.sources.connect_health_service import BASE, MOST_MEMBERS
from tui.sources.decode import JsonObject
from tui.sources.errors import BadAnswer, Denied, SourceError, Throttled

SERVICES = f"{BASE}/services"
CONTOSO = f"{SERVICES}/AadSyncService-contoso"
SERVER = f"{CONTOSO}/servicemembers/m1"


def ago(**span: float) -> str:
    return str(rfc3339(START - timedelta(**span)))


def listed(*values: Any) -> JsonObject:
    return {"value": list(values)}


def one_service(**fields: Any) -> JsonObject:
    return {
        "serviceName": "AadSyncService-contoso",
        "displayName": "contoso.com",
        "health": "Healthy",
        "type": "AadSyncService",
        **fields,
    }


def healthy() -> dict[str, Any]:
    """A tenant with one service on one server, nothing wrong."""
    return {
        SERVICES: listed(one_service()),
        f"{CONTOSO}/alerts": listed(),
        f"{CONTOSO}/servicemembers": listed(
            {"serviceMemberId": "m1", "machineName": "SYNC01", "status": "Healthy", "disabled": False}
        ),
        f"{CONTOSO}/exportstatus": listed({"serviceMemberId": "M1", "endTime": ago(minutes=20)}),
        f"{CONTOSO}/exporterrors/counts": listed({"errorBucket": "All", "count": 0, "truncated": False}),
        f"{SERVER}/serviceconfiguration": {"version": "2.5.79.0"},
        f"{SERVER}/datafreshness": listed(
            {"key": "SyncErrors", "value": ago(minutes=30)},
            {"key": "PerfCounters", "value": ago(minutes=5)},
            {"key": "NeverSent", "value": "0001-01-01T00:00:00Z"},
        ),
        f"{SERVER}/globalconfiguration": listed({"passwordSyncEnabled": True}),
    }


def conflict(**fields: Any) -> JsonObject:
    return {
        "type": "AttributeValueMustBeUnique",
        "incomingObjectType": "User",
        "incomingObjectDisplayName": "Jane Doe",
        "dn": "CN=Jane Doe,OU=Sales,DC=contoso,DC=com",
        "attributeName": "ProxyAddresses",
        "attributeValue": "smtp:jane@contoso.com",
        "incomingObject": {"sourceAnchor": "YW5jaG9y", "userPrincipalName": "jane@contoso.com"},
        "existingObject": {"objectType": "User", "displayName": "Jane Dough", "objectGuid": "g2", "sourceAnchor": "b"},
        "timeFirstOccurred": ago(hours=4),
        "timeOccurred": ago(minutes=20),
        "serverErrorDetail": "Unable to update this object",
        **fields,
    }


def with_errors(*rows: Any, bucket: str = "DuplicateAttributeError", count: Any = None) -> dict[str, Any]:
    counts = listed({"errorBucket": bucket, "count": len(rows) if count is None else count, "truncated": False})
    return {
        **healthy(),
        f"{CONTOSO}/exporterrors/counts": counts,
        f"{CONTOSO}/exporterrors/listV2": listed(*rows),
    }


def source(host: Host) -> ConnectHealthSource:
    clock = HastyClock(START)
    return ConnectHealthSource(host.upstream(clock), clock)


async def read(answers: dict[str, Any]) -> ConnectHealthFacts:
    return await source(Host(answers)).fetch()


async def test_a_healthy_tenant_is_read_whole() -> None:
    """Service, server, version, last export, freshness and password sync are all known, and nothing is missing."""
    host = Host(healthy())
    polled = source(host)
    facts = await polled.fetch()
    (server,) = facts.servers
    assert (facts.services, facts.health, facts.incomplete) == (("contoso.com",), "Healthy", ())
    assert (server.name, server.status, server.client_version) == ("SYNC01", "Healthy", "2.5.79.0")
    assert server.last_export == START - timedelta(minutes=20)
    assert facts.password_sync_enabled is True
    assert (facts.error_counts, facts.reports, facts.errors_truncated) == ({"All": 0}, (), False)
    assert {request.url.params["api-version"] for request in host.requests} == {"2014-01-01"}
    assert host.query(SERVICES)["serviceType"] == "AadSyncService"
    assert host.query(f"{CONTOSO}/alerts")["state"] == "Active"
    assert (polled.id, polled.optional, polled.exchange().requests) == (SourceId.CONNECT_HEALTH, False, 8)
    await polled.aclose()


async def test_data_is_as_old_as_its_oldest_kind() -> None:
    """One kind of data that stopped coming makes the report old; one that was never sent does not."""
    facts = await read(healthy())
    assert facts.data_as_of == START - timedelta(minutes=30)
    assert facts.servers[0].data_freshness == START - timedelta(minutes=30)


async def test_a_staging_server_that_sends_less_does_not_make_data_old() -> None:
    """Of several servers the newest upload of each kind counts; a switched-off server does not count at all."""
    answers = healthy()
    answers[f"{CONTOSO}/servicemembers"] = listed(
        {"serviceMemberId": "m1"}, {"serviceMemberId": "m2"}, {"serviceMemberId": "m3", "disabled": True}
    )
    answers[f"{CONTOSO}/servicemembers/m2/datafreshness"] = listed({"key": "SyncErrors", "value": ago(days=9)})
    answers[f"{CONTOSO}/servicemembers/m3/datafreshness"] = listed({"key": "Old", "value": ago(days=99)})
    assert (await read(answers)).data_as_of == START - timedelta(minutes=30)


async def test_freshness_from_the_future_is_unknown() -> None:
    """An upload time that lies ahead does not make the data look fresh."""
    answers = healthy()
    answers[f"{SERVER}/datafreshness"] = listed({"key": "SyncErrors", "value": ago(hours=-2)})
    assert (await read(answers)).data_as_of is None


async def test_no_service_is_an_answer_of_its_own() -> None:
    """A tenant without Connect Health for sync shows no services, and no AD FS service in their place."""
    assert (await read({SERVICES: listed()})).services == ()
    assert (await read({SERVICES: listed(one_service(type="AdFederationService"))})).services == ()


@pytest.mark.parametrize("answer", [{}, {"value": None}, {"value": "x"}, 5, None, "text", b"<html>", b"[" * 100_000])
async def test_an_answer_without_a_list_of_services_fails_the_poll(answer: Any) -> None:
    """What is not a list of services is an error, never "no services"."""
    with pytest.raises(BadAnswer):
        await read({SERVICES: answer})


async def test_a_denied_list_of_services_names_the_role() -> None:
    """Without rights the poll is denied, and the role to grant is named."""
    with pytest.raises(Denied, match="Reader role"):
        await read({SERVICES: Refusal(403)})


async def test_both_sides_of_a_conflict_are_told() -> None:
    """An export error names the failing object, the attribute and value, and the object that holds it already."""
    facts = await read(with_errors(conflict()))
    (failing,) = facts.reports
    assert (failing.source, failing.hop, failing.code) == (
        "connect-health",
        HopName.CONNECT,
        "AttributeValueMustBeUnique",
    )
    assert (failing.object.name, failing.object.type) == ("Jane Doe", "user")
    assert (failing.object.dn, failing.object.upn) == ("CN=Jane Doe,OU=Sales,DC=contoso,DC=com", "jane@contoso.com")
    assert failing.object.source_anchor == "YW5jaG9y"
    assert (failing.attribute, failing.value) == ("ProxyAddresses", "smtp:jane@contoso.com")
    assert failing.conflicts_with is not None
    assert (failing.conflicts_with.name, failing.conflicts_with.id) == ("Jane Dough", "g2")
    assert (failing.first_seen, failing.last_seen) == (START - timedelta(hours=4), START - timedelta(minutes=20))
    assert failing.message == "Unable to update this object"


async def test_counts_and_objects_may_come_as_bare_lists() -> None:
    """Both shapes that the service is known to answer with, wrapped and bare, give the same failures."""
    bare = with_errors()
    bare[f"{CONTOSO}/exporterrors/counts"] = [{"errorBucket": "LargeAttribute", "count": 1, "truncated": True}]
    bare[f"{CONTOSO}/exporterrors/listV2"] = [conflict(), None, 7, "x"]
    facts = await read(bare)
    assert facts.error_counts == {"LargeAttribute": 1}
    assert facts.errors_truncated
    assert [one.object.name for one in facts.reports] == ["Jane Doe"]
    assert facts.incomplete == ()


async def test_only_buckets_with_errors_are_asked_for() -> None:
    """Empty buckets cost no request."""
    answers = with_errors(conflict())
    answers[f"{CONTOSO}/exporterrors/counts"]["value"] += [{"errorBucket": "DataMismatch", "count": 0}]
    host = Host(answers)
    await source(host).fetch()
    asked = [request.url.params.get("errorBucket") for request in host.requests]
    assert [name for name in asked if name] == ["DuplicateAttributeError"]


def test_errors_in_no_named_bucket_are_asked_for_together() -> None:
    """When `All` counts more than the named buckets do, the whole list is read, so that none is missed."""
    assert buckets_to_list([Bucket("Others", 2, False), Bucket("All", 5, False)]) == ["All"]
    assert buckets_to_list([Bucket("Others", 5, False), Bucket("All", 5, False)]) == ["Others"]
    assert buckets_to_list([Bucket("Others", 5, False), Bucket("All", None, False)]) == ["Others"]
    assert buckets_to_list([]) == []


@pytest.mark.parametrize("count", ["many", -1, 1.5, None, True, 10**30, {}])
async def test_an_unreadable_count_is_missing_not_zero(count: Any) -> None:
    """A count that is no count is named as unreadable."""
    answers = healthy()
    answers[f"{CONTOSO}/exporterrors/counts"] = listed({"errorBucket": "Others", "count": count})
    facts = await read(answers)
    assert "Others" not in facts.error_counts
    assert "Others is not a number" in facts.incomplete[0]


def test_binary_values_and_empty_objects_are_left_out() -> None:
    """`System.Byte[]` is the name of a type, no value; a conflict with nobody is no conflict."""
    failing = report(conflict(attributeValue="System.Byte[]", existingObject={"objectType": "User"}), "Others")
    assert (failing.value, failing.conflicts_with) == (None, None)


def test_an_object_is_named_by_what_is_known_of_it() -> None:
    """Where the error names little, what the objects say is used; the connector space id tells the nameless apart."""
    inner = {"distinguishedName": "CN=x", "displayName": "X", "objectType": "orgContact", "sourceAnchor": "a"}
    known = report({"incomingObject": inner, "csObjectId": "cs1"}, "DataMismatch")
    assert (known.object.dn, known.object.name, known.object.type) == ("CN=x", "X", "contact")
    assert (known.object.id, known.code) == (None, "DataMismatch")
    assert report({"csObjectId": "cs1", "samAccountName": "x"}, "Others").object.id == "cs1"


def test_year_one_is_no_time() -> None:
    """.NET's earliest date is not shown as a date."""
    failing = report(
        conflict(timeFirstOccurred="0001-01-01T00:00:00Z", timeOccurred=None, createdDate=ago(hours=1)), ""
    )
    assert (failing.first_seen, failing.last_seen) == (None, START - timedelta(hours=1))


async def test_active_alerts_are_told_with_their_remedy_and_server() -> None:
    """An active alert shows level, text, remedy, link and the server; a resolved one is not shown."""
    answers = healthy()
    raised = {
        "alertId": "id",
        "level": "Error",
        "state": "Active",
        "shortName": "ExportFailed",
        "displayName": "Export to Microsoft Entra ID failed",
        "description": "The export failed",
        "remediation": "Look at the event log",
        "relatedLinks": [{"title": "t"}, None, {"url": "https://aka.ms/x"}],
        "createdDate": "2026-11-22T01:00:00.1234567Z",
        "serviceMemberId": "M1",
    }
    answers[f"{CONTOSO}/alerts"] = listed(raised, {**raised, "state": "ResolvedByTimer"}, {}, None)
    (told,) = (await read(answers)).alerts
    assert (told.source, told.code, told.severity) == ("connect-health", "ExportFailed", "Error")
    assert (told.title, told.where) == ("Export to Microsoft Entra ID failed", "SYNC01")
    assert (told.remedy, told.link) == ("Look at the event log", "https://aka.ms/x")
    assert told.raised == datetime(2026, 11, 22, 1, 0, 0, 123456, tzinfo=UTC)


def test_an_alert_of_no_known_server_is_the_services() -> None:
    """An alert on the service as a whole names the service."""
    told = alert({"displayName": "Health service data is not up to date"}, "contoso.com", {})
    assert told is not None
    assert (told.code, told.where) == ("Health service data is not up to date", "contoso.com")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"{CONTOSO}/alerts", "alerts of contoso.com"),
        (f"{CONTOSO}/servicemembers", "servers of contoso.com"),
        (f"{CONTOSO}/exportstatus", "export status of contoso.com"),
        (f"{CONTOSO}/exporterrors/counts", "export error counts of contoso.com"),
        (f"{CONTOSO}/exporterrors/listV2", "export errors of contoso.com, DuplicateAttributeError"),
        (f"{SERVER}/serviceconfiguration", "version of SYNC01"),
        (f"{SERVER}/datafreshness", "data freshness of SYNC01"),
        (f"{SERVER}/globalconfiguration", "settings of SYNC01"),
    ],
)
@pytest.mark.parametrize("answer", [Refusal(403), Refusal(500), b"<html>sign in</html>"])
async def test_a_part_that_cannot_be_read_is_named(path: str, words: str, answer: Any) -> None:
    """When one of the further calls fails, the rest is still shown, and the gap is named with its cause."""
    facts = await read({**with_errors(conflict()), path: answer})
    assert facts.services == ("contoso.com",)
    (line,) = facts.incomplete
    assert line.startswith(f"{words}: ")
    assert ("not permitted" in line) == (isinstance(answer, Refusal) and answer.status == 403)


@pytest.mark.parametrize("status", [400, 404, 501])
@pytest.mark.parametrize(
    ("path", "gaps"),
    [
        (f"{CONTOSO}/alerts", 1),
        (f"{CONTOSO}/exporterrors/counts", 1),
        (f"{CONTOSO}/exporterrors/listV2", 1),
        (f"{CONTOSO}/servicemembers", 0),
        (f"{CONTOSO}/exportstatus", 0),
        (f"{SERVER}/serviceconfiguration", 0),
        (f"{SERVER}/datafreshness", 0),
        (f"{SERVER}/globalconfiguration", 0),
    ],
)
async def test_a_call_that_is_not_known_is_a_gap_where_a_verdict_rests_on_it(path: str, gaps: int, status: int) -> None:
    """An upstream without the servers' details lacks nothing; one without alerts or errors is not healthy."""
    facts = await read({**with_errors(conflict()), path: Refusal(status)})
    assert len(facts.incomplete) == gaps


@pytest.mark.parametrize("path", [f"{CONTOSO}/alerts", f"{CONTOSO}/exporterrors/counts", f"{SERVER}/datafreshness"])
async def test_an_answer_without_its_list_is_a_gap(path: str) -> None:
    """An object where a list belongs is not read as "no alerts" or "no errors"."""
    assert len((await read({**healthy(), path: {"message": "ok"}})).incomplete) == 1


async def test_a_failed_part_keeps_what_it_told_before() -> None:
    """Alerts and failures that are known stay on the screen while their call fails, and go when it answers again."""
    answers = with_errors(conflict())
    answers[f"{CONTOSO}/alerts"] = listed({"displayName": "Export failed", "state": "Active"})
    host = Host(answers)
    polled = source(host)
    before = await polled.fetch()
    host.answers.update({f"{CONTOSO}/alerts": Refusal(403), f"{CONTOSO}/exporterrors/listV2": Refusal(403)})
    during = [await polled.fetch() for _ in range(3)][-1]
    assert (during.alerts, during.reports) == (before.alerts, before.reports)
    assert len(during.incomplete) == 2
    host.answers.update({f"{CONTOSO}/alerts": listed(), f"{CONTOSO}/exporterrors/listV2": listed()})
    after = await polled.fetch()
    assert (after.alerts, after.reports, after.incomplete) == ((), (), ())


async def test_what_was_known_survives_a_poll_that_failed_altogether() -> None:
    """A poll that dies at the first call does not forget what the parts told before."""
    host = Host({**healthy(), f"{CONTOSO}/alerts": listed({"displayName": "Export failed"})})
    polled = source(host)
    await polled.fetch()
    host.answers[SERVICES] = Refusal(403)
    with pytest.raises(Denied):
        await polled.fetch()
    host.answers.update({SERVICES: listed(one_service()), f"{CONTOSO}/alerts": Refusal(404)})
    assert [one.title for one in (await polled.fetch()).alerts] == ["Export failed"]


async def test_a_throttled_poll_asks_no_further() -> None:
    """Once throttled, the rest of the poll leaves the upstream alone instead of piling on requests."""
    members = [{"serviceMemberId": f"m{number}"} for number in range(10)]
    throttled = Refusal(429, headers={"Retry-After": "60"})
    answers = {SERVICES: listed(one_service()), f"{CONTOSO}/servicemembers": listed(*members)}
    answers |= {f"{CONTOSO}/{path}": throttled for path in ("alerts", "exportstatus", "exporterrors/counts")}
    host = Host(answers)
    facts = await source(host).fetch()
    assert len(host.requests) < 12
    assert len(facts.incomplete) >= 30


async def test_a_throttled_list_of_services_is_throttled() -> None:
    """The first call throttled makes the whole source throttled, with the time to come back."""
    with pytest.raises(Throttled) as told:
        await read({SERVICES: Refusal(429, headers={"Retry-After": "60"})})
    assert told.value.retry_at == START + timedelta(seconds=60)


async def test_few_calls_are_under_way_at_once() -> None:
    """A poll neither asks everything at the same moment nor one thing after the other."""
    calls, under_way, most = BestEffort(at_once=4), 0, 0

    async def call() -> list[int]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await settle(3)
        under_way -= 1
        return [1]

    calls.begin()
    answers = await asyncio.gather(*(calls.ask("x", call, key=str(number)) for number in range(20)))
    assert (most, len(answers), calls.end()) == (4, 20, ())


async def test_the_number_of_servers_is_bounded() -> None:
    """A service with very many servers costs no more than so many requests, and what is left out is said."""
    answers = healthy()
    answers[f"{CONTOSO}/servicemembers"] = listed(*({"serviceMemberId": f"m{number}"} for number in range(40)))
    host = Host(answers)
    facts = await source(host).fetch()
    assert len(facts.servers) == MOST_MEMBERS
    assert len(host.requests) == 5 + 3 * MOST_MEMBERS
    assert any("the first 10 of 40" in line for line in facts.incomplete)


async def test_names_become_one_segment_of_a_path() -> None:
    """A service or server whose name holds slashes cannot lead a request elsewhere."""
    host = Host({SERVICES: listed(one_service(serviceName="../../x?y#z"), one_service(serviceName=".."))})
    facts = await source(host).fetch()
    assert facts.services == ("contoso.com",)
    assert all(path == SERVICES or path.startswith(f"{SERVICES}/..%2F..%2Fx%3Fy%23z/") for path in host.asked)


def test_the_worst_health_is_told() -> None:
    """One unhealthy, disabled or silent service keeps the whole from looking healthy."""

    def health(*services: JsonObject) -> str:
        return worst_health([one for one in map(service, services) if one])

    assert health(one_service(), one_service()) == "Healthy"
    assert health(one_service(), one_service(health="Error")) == "Error"
    assert health(one_service(), one_service(disabled=True)) == "Disabled"
    assert health(one_service(), one_service(health=None)) == ""
    assert health() == ""


async def test_many_failures_are_read_to_the_last() -> None:
    """Thousands of failing objects over several pages all arrive."""
    rows = [conflict(dn=f"CN={number}") for number in range(3000)]
    answers = with_errors(count=3000)
    path = f"{CONTOSO}/exporterrors/listV2"

    def page(request: httpx.Request) -> JsonObject:
        if request.url.params.get("page"):
            return listed(*rows[1500:])
        return {**listed(*rows[:1500]), "nextLink": f"https://upstream.example{path}?page=2"}

    answers[path] = page
    assert len((await read(answers)).reports) == 3000


async def test_every_failure_is_one_of_the_family() -> None:
    """Whatever happens to the first call, the service hears of it as an error with words."""

    def broken(request: httpx.Request) -> JsonObject:
        raise httpx.ConnectError("no route")

    with pytest.raises(SourceError, match=r"upstream\.example"):
        await read({SERVICES: broken})
