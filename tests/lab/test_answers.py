"""The lab's HTTP answers: true to the published descriptions, and true to the lab."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.helpers import ManualClock
from tests.lab import openapi
from tui.lab.health_api import BASE
from tui.lab.identity import SERVICE_NAME
from tui.lab.lab import Lab
from tui.lab.refusals import BUCKETS
from tui.model.states import ObjectType
from tui.sources.moments import moment, prose_moment

EVENTUAL = {"ConsistencyLevel": "eventual"}
TEMPLATE = "$filter=applicationTemplateId eq '1a4721b3-e57f-4451-ae87-ef078703ec94'"
MEMBER = "/servicemembers/{serviceMemberId}"
HEALTH_PATHS = (
    "/services",
    "/services/{serviceName}",
    "/services/{serviceName}/alerts",
    "/services/{serviceName}/exportstatus",
    "/services/{serviceName}/exporterrors/counts",
    "/services/{serviceName}/exporterrors/listV2",
    "/services/{serviceName}/servicemembers",
    f"/services/{{serviceName}}{MEMBER}",
    f"/services/{{serviceName}}{MEMBER}/alerts",
    f"/services/{{serviceName}}{MEMBER}/datafreshness",
    f"/services/{{serviceName}}{MEMBER}/exportstatus",
    f"/services/{{serviceName}}{MEMBER}/globalconfiguration",
    f"/services/{{serviceName}}{MEMBER}/serviceconfiguration",
    f"/service/{{serviceName}}{MEMBER}/connectors",
)
GRAPH_PATHS = (
    "/organization",
    "/directory/onPremisesSynchronization",
    "/users",
    "/groups",
    "/contacts",
    "/devices",
    "/users/microsoft.graph.delta()",
    "/groups/microsoft.graph.delta()",
    "/contacts/microsoft.graph.delta()",
    "/devices/microsoft.graph.delta()",
    "/directory/deletedItems/microsoft.graph.user",
    "/servicePrincipals",
    "/auditLogs/provisioning",
)
NEED_MANY = ("bad-settings", "conflicts")
SHAPED = ("healthy", "first-sync", "three-days", "bad-settings", "conflicts", "quarantine", "domain-network")


class Caller:
    """Asks one lab as the monitor would."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=lab.app),
            base_url="https://lab",
            headers={"Authorization": "Bearer lab"},
        )

    async def get(self, path: str, status: int = 200, **headers: str) -> Any:
        answer = await self.client.get(path, headers=headers)
        assert answer.status_code == status, (path, answer.text)
        return answer.json()

    async def health(self, path: str) -> Any:
        path = path.format(serviceName=SERVICE_NAME, serviceMemberId=self.lab.world.who.member_id)
        mark = "&" if "?" in path else "?"
        return await self.get(f"{BASE}{path}{mark}api-version=2014-01-01")

    async def domain(self) -> Any:
        return (await self.get(self.lab.resource_id + "?api-version=2022-12-01"))["properties"]


@pytest.fixture
async def call(request: pytest.FixtureRequest) -> AsyncIterator[Caller]:
    name = getattr(request, "param", "healthy")
    lab = Lab.start(name, base_clock=ManualClock(), objects=700 if name in NEED_MANY else 120)
    lab.tick()
    caller = Caller(lab)
    yield caller
    await caller.client.aclose()
    lab.close()


@pytest.mark.parametrize("call", SHAPED, indirect=True)
async def test_domain_services_answers_are_shaped_as_described(call: Caller, shared: Path) -> None:
    """Every answer about the managed domain is one that Azure's description allows, in sickness and in health."""
    described = openapi.arm(shared, "domainservices")
    one = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.AAD/domainServices"
    body = await call.get(call.lab.resource_id + "?api-version=2022-12-01")
    openapi.check(described, one + "/{domainServiceName}", body)
    listed = f"/subscriptions/{call.lab.subscription_id}/providers/Microsoft.AAD/domainServices?api-version=2022-12-01"
    body = await call.get(listed)
    openapi.check(described, "/subscriptions/{subscriptionId}/providers/Microsoft.AAD/domainServices", body)
    assert [item["id"] for item in body["value"]] == [call.lab.resource_id]


@pytest.mark.parametrize("call", SHAPED, indirect=True)
async def test_connect_health_answers_are_shaped_as_described(call: Caller, shared: Path) -> None:
    """Every answer of Connect Health is one that its description allows."""
    described = openapi.arm(shared, "adhybridhealthservice")
    for path in HEALTH_PATHS:
        openapi.check(described, BASE + path, await call.health(path))


@pytest.mark.parametrize("call", SHAPED, indirect=True)
async def test_graph_answers_are_shaped_as_described(call: Caller, shared: Path) -> None:
    """Every Graph answer, Cloud Sync's among them, is one that Graph's description allows."""
    described = openapi.graph(shared)
    for path in GRAPH_PATHS:
        openapi.check(described, path, await call.get(f"/v1.0{path}", **EVENTUAL))
    principals = (await call.get(f"/v1.0/servicePrincipals?{TEMPLATE}"))["value"]
    for item in principals:
        body = await call.get(f"/v1.0/servicePrincipals/{item['id']}/synchronization/jobs")
        openapi.check(described, "/servicePrincipals/{servicePrincipal-id}/synchronization/jobs", body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (BASE + "/services", {"value": [{"activeAlerts": "three"}]}),
        (BASE + "/services/{serviceName}/alerts", {"value": [{"level": "Fatal"}]}),
        (BASE + "/services/{serviceName}/exportstatus", {"value": [{"endTime": "yesterday"}]}),
    ],
)
def test_the_descriptions_are_really_held(shared: Path, path: str, body: Any) -> None:
    """An answer of a wrong type, word or date would be noticed."""
    with pytest.raises(jsonschema.ValidationError):
        openapi.check(openapi.arm(shared, "adhybridhealthservice"), path, body)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/subscriptions/{0}/providers/Microsoft.AAD/domainServices", 400),
        ("/subscriptions/{0}/providers/Microsoft.AAD/domainServices?api-version=1999-01-01", 400),
        ("/subscriptions/other/providers/Microsoft.AAD/domainServices?api-version=2022-12-01", 404),
        ("/subscriptions/{0}/providers/microsoft.aad/DOMAINSERVICES?api-version=2022-12-01", 200),
        ("/subscriptions/{0}/resourceGroups/no/providers/Microsoft.AAD/domainServices?api-version=2022-12-01", 404),
        (BASE + "/services", 400),
        (BASE + "/services/other/alerts?api-version=2014-01-01", 404),
        (f"{BASE}/services/{SERVICE_NAME}/servicemembers/other/alerts?api-version=2014-01-01", 404),
        ("/v1.0/servicePrincipals/other/synchronization/jobs", 404),
    ],
)
async def test_what_is_not_there_is_refused_as_upstream_refuses(call: Caller, url: str, status: int) -> None:
    """Wrong versions, names and ids meet the upstream's status and error envelope; case does not matter to Azure."""
    answer = await call.get(url.format(call.lab.subscription_id), status)
    assert status == 200 or answer["error"]["code"]


async def test_who_does_not_sign_in_is_not_let_in(call: Caller) -> None:
    """Without a token every face answers 401."""
    for path in ("/v1.0/organization", "/v1.0/servicePrincipals", call.lab.resource_id, BASE + "/services"):
        answer = await call.client.get(path, headers={"Authorization": ""})
        assert answer.status_code == 401


async def test_answers_carry_the_labs_own_date(call: Caller) -> None:
    """The Date header is lab time, from which a monitor on another clock corrects its ages."""
    call.lab.clock.base.jump(100)  # type: ignore[attr-defined]
    for path in ("/v1.0/organization", f"{BASE}/services?api-version=2014-01-01"):
        answer = await call.client.get(path)
        assert moment(answer.headers["date"]) == call.lab.clock.now().replace(microsecond=0)
        assert len(answer.headers.get_list("date")) == 1


async def test_a_healthy_domain_tells_its_last_sync_in_prose(call: Caller) -> None:
    """Monitor AADDS500 carries the time of the last synchronization as Azure words it."""
    (replica,) = (await call.domain())["replicaSets"]
    details = {monitor["id"]: monitor["details"] for monitor in replica["healthMonitors"]}
    assert prose_moment(details["AADDS500"]) == call.lab.truth().domain_services
    assert details["AADDS500"].endswith(" GMT.")
    assert prose_moment(details["AADDS501"]) is not None
    assert (replica["healthAlerts"], replica["serviceStatus"]) == ([], "Running")
    assert moment(replica["healthLastEvaluated"]) == call.lab.clock.now()


@pytest.mark.parametrize("call", ["domain-network"], indirect=True)
async def test_a_blocked_domain_raises_its_alerts_in_order(call: Caller) -> None:
    """AADDS104 at once; AADDS500 two hours after the last synchronization; both keep the time they were raised."""
    first = (await call.domain())["replicaSets"][0]["healthAlerts"]
    assert [alert["id"] for alert in first] == ["AADDS104"]
    call.lab.clock.base.jump(80 * 60 / call.lab.clock.speed)  # type: ignore[attr-defined]
    call.lab.tick()
    later = (await call.domain())["replicaSets"][0]["healthAlerts"]
    assert [alert["id"] for alert in later] == ["AADDS104", "AADDS500"]
    assert later[0]["raised"] == first[0]["raised"]
    assert later[0]["lastDetected"] > first[0]["lastDetected"]
    last_sync = call.lab.truth().domain_services
    assert last_sync is not None
    assert prose_moment(later[1]["issue"]) == last_sync


@pytest.mark.parametrize("call", ["first-sync"], indirect=True)
async def test_a_new_domain_has_not_synchronized_yet(call: Caller) -> None:
    """While the first synchronization runs there is no date to read, and no alert."""
    (replica,) = (await call.domain())["replicaSets"]
    details = {monitor["id"]: monitor["details"] for monitor in replica["healthMonitors"]}
    assert prose_moment(details["AADDS500"]) is None
    assert replica["healthAlerts"] == []


@pytest.mark.parametrize("call", ["conflicts"], indirect=True)
async def test_connect_health_counts_and_lists_the_same_errors(call: Caller) -> None:
    """Buckets add up to what the list holds, each error names the object, and the other party where there is one."""
    counts = {
        item["errorBucket"]: item["count"]
        for item in (await call.health("/services/{serviceName}/exporterrors/counts"))["value"]
    }
    everything = (await call.health("/services/{serviceName}/exporterrors/listV2"))["value"]
    assert counts.pop("All") == len(everything) == sum(counts.values()) == 79
    for name in BUCKETS:
        listed = await call.health(f"/services/{{serviceName}}/exporterrors/listV2?errorBucket={name}")
        assert len(listed["value"]) == counts[name] > 0
    by_type = {item["type"]: item for item in everything}
    clash = by_type["InvalidSoftMatch"]
    assert clash["existingObject"]["objectGuid"] != clash["incomingObject"]["objectGuid"]
    assert clash["dn"].startswith("CN=")
    assert by_type["LargeObject"]["existingObject"] is None


@pytest.mark.parametrize("call", ["three-days"], indirect=True)
async def test_connect_health_tells_of_the_lost_permissions(call: Caller) -> None:
    """The failed import and the missed password heartbeat are alerts; the service and its server are in error."""
    alerts = (await call.health("/services/{serviceName}/alerts"))["value"]
    assert {alert["shortName"] for alert in alerts} == {
        "ImportFromActiveDirectoryFailed",
        "PasswordHashSyncHeartbeatSkipped",
    }
    (service,) = (await call.health("/services"))["value"]
    assert (service["health"], service["activeAlerts"]) == ("Error", 2)
    (exported,) = (await call.health("/services/{serviceName}/exportstatus"))["value"]
    assert moment(exported["endTime"]) == call.lab.truth().connect


@pytest.mark.parametrize("call", ["quarantine"], indirect=True)
async def test_a_quarantined_job_says_why_and_until_when(call: Caller) -> None:
    """The object job is in quarantine with a reason and a next attempt ahead; the password job goes on."""
    (principal,) = (await call.get(f"/v1.0/servicePrincipals?{TEMPLATE}"))["value"]
    jobs = (await call.get(f"/v1.0/servicePrincipals/{principal['id']}/synchronization/jobs"))["value"]
    objects, passwords = (job["status"] for job in jobs)
    assert (objects["code"], passwords["code"]) == ("Quarantine", "Active")
    now = call.lab.clock.now()
    attempt, began = moment(objects["quarantine"]["nextAttempt"]), moment(objects["quarantine"]["seriesBegan"])
    assert attempt is not None
    assert now < attempt <= now + timedelta(minutes=40)
    assert moment(objects["lastSuccessfulExecution"]["timeBegan"]) <= began < now  # type: ignore[operator]
    log = (await call.get("/v1.0/auditLogs/provisioning"))["value"]
    assert len(log) == objects["lastSuccessfulExecution"]["countEscrowed"] > 0


async def test_a_tenant_without_cloud_sync_shows_none(call: Caller) -> None:
    """No service principal of Cloud Sync's template, no jobs, an empty log."""
    assert (await call.get(f"/v1.0/servicePrincipals?{TEMPLATE}"))["value"] == []
    assert (await call.get("/v1.0/auditLogs/provisioning"))["value"] == []


async def test_counts_over_http_are_the_stores_counts(call: Caller) -> None:
    """What Graph counts is what is there."""
    truth = call.lab.truth()
    for kind in ObjectType:
        synced = f"/v1.0/{kind}/$count?$filter=onPremisesSyncEnabled eq true"
        assert (await call.client.get(f"/v1.0/{kind}/$count", headers=EVENTUAL)).text == str(truth.entra[kind])
        assert (await call.client.get(synced, headers=EVENTUAL)).text == str(truth.entra_synced[kind])
