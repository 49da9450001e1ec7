"""The lab's Graph: shapes, filters, paging, errors, batches and delta, as facts/domain.md section 2 tells them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import httpx
import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from tests.helpers import START, ManualClock
from tui.lab import graph_filter
from tui.lab.graph_api import graph_routes, unknown_segment_routes
from tui.lab.tenant import Tenant

EVENTUAL = {"ConsistencyLevel": "eventual"}
CONFLICT = {
    "category": "PropertyConflict",
    "occurredDateTime": "2026-11-22T02:00:00Z",
    "propertyCausingError": "ProxyAddresses",
    "value": "smtp:ada@contoso.com",
}
SERVICE_ERROR = {
    "@odata.type": "#microsoft.graph.serviceProvisioningXmlError",
    "createdDateTime": "2026-11-22T02:00:00Z",
    "isResolved": False,
    "serviceInstance": "exchange/namprd01",
    "errorDetail": "<ServiceError/>",
}


@pytest.fixture
def tenant(clock: ManualClock) -> Iterator[Tenant]:
    made = Tenant(
        tenant_id="11111111-2222-4333-8444-555555555555", display_name="Contoso", now=clock.now, random=Random(3)
    )
    fill(made)
    yield made
    made.close()


@pytest.fixture
async def graph(tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(tenant) as client:
        yield client


def client_of(tenant: Tenant) -> httpx.AsyncClient:
    app = Starlette(routes=[*graph_routes(tenant), *unknown_segment_routes(tenant)])
    headers = {"Authorization": "Bearer some-token"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://graph.example", headers=headers)


def fill(tenant: Tenant) -> None:
    for i in range(7):
        tenant.upsert(
            "user",
            {
                "displayName": f"User {i}",
                "userPrincipalName": f"user{i}@contoso.com",
                "mail": f"user{i}@contoso.com",
                "proxyAddresses": [f"SMTP:user{i}@contoso.com"],
                "accountEnabled": True,
                "onPremisesSyncEnabled": True if i < 4 else None,
                "onPremisesProvisioningErrors": [CONFLICT] if i < 2 else [],
                "serviceProvisioningErrors": [SERVICE_ERROR] if i == 6 else [],
            },
        )
    group = tenant.upsert(
        "group", {"displayName": "All", "securityEnabled": True, "mailEnabled": False, "groupTypes": []}
    )
    for user in tenant.page("user", limit=3):
        tenant.add_member(group, user["id"])
    tenant.upsert("contact", {"displayName": "Partner", "mail": "p@fabrikam.com"})
    tenant.upsert("device", {"displayName": "PC-1", "deviceId": "d", "accountEnabled": True})
    tenant.soft_delete("user", tenant.upsert("user", {"displayName": "Gone"}))
    tenant.set_organization(
        onPremisesSyncEnabled=True,
        onPremisesLastSyncDateTime=START,
        onPremisesLastPasswordSyncDateTime=START,
        verifiedDomains=[{"name": "contoso.com", "isDefault": True}],
    )


async def pages(client: httpx.AsyncClient, url: str) -> list[dict[str, Any]]:
    found = []
    while url:
        answer = (await client.get(url, headers=EVENTUAL)).json()
        found.append(answer)
        url = answer.get("@odata.nextLink", "")
    return found


# The published description


def resolved(node: Any, schemas: Mapping[str, Any]) -> Any:
    """The OpenAPI schema as JSON Schema: references inlined, nullable and open-ended as the service really is."""
    if isinstance(node, list):
        return [resolved(item, schemas) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return resolved(schemas[node["$ref"].rsplit("/", 1)[1]], schemas)
    plain = {
        key: resolved(value, schemas) for key, value in node.items() if key not in ("additionalProperties", "format")
    }
    if plain.pop("nullable", False):
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


DESCRIBED = {
    "/organization": "organizationCollectionResponse",
    "/users": "userCollectionResponse",
    "/users?$select=id,accountEnabled,displayName,mail,onPremisesSyncEnabled,onPremisesLastSyncDateTime,provisionedPlans,"
    "onPremisesProvisioningErrors,serviceProvisioningErrors,proxyAddresses,passwordPolicies": "userCollectionResponse",
    "/groups": "groupCollectionResponse",
    "/contacts": "orgContactCollectionResponse",
    "/devices": "deviceCollectionResponse",
    "/directory/onPremisesSynchronization": "onPremisesDirectorySynchronizationCollectionResponse",
    "/users/delta": "userCollectionResponse",
    "/groups/delta": "groupCollectionResponse",
    "/contacts/microsoft.graph.delta()": "orgContactCollectionResponse",
    "/devices/delta": "deviceCollectionResponse",
    "/users/nobody": "ODataErrors.ODataError",
    "/users/$count": "ODataErrors.ODataError",
}


@pytest.mark.parametrize("path", DESCRIBED)
async def test_answers_have_the_published_shape(graph: httpx.AsyncClient, shared: Path, path: str) -> None:
    """Every answer validates against Microsoft's published description."""
    document = yaml.safe_load((shared / "openapi" / "graph-subset.yaml").read_text())
    schemas = document["components"]["schemas"]
    schema = resolved(schemas[f"microsoft.graph.{DESCRIBED[path]}"], schemas)
    body = (await graph.get("/v1.0" + path)).json()
    jsonschema.validate(body, schema)
    if "Collection" in DESCRIBED[path]:
        assert body["value"]


async def test_every_shown_property_is_described_or_default(graph: httpx.AsyncClient) -> None:
    """An unset property is null and an unset list empty, never left out."""
    user = (await graph.get("/v1.0/users?$select=city,otherMails&$top=1")).json()["value"][0]
    assert set(user) == {"id", "city", "otherMails"}
    assert (user["city"], user["otherMails"]) == (None, [])


# Organization


async def test_the_password_sync_time_is_beta_only(graph: httpx.AsyncClient) -> None:
    """v1.0 has no time of the last password sync, and says 400 when it is asked for."""
    assert "onPremisesLastPasswordSyncDateTime" not in (await graph.get("/v1.0/organization")).json()["value"][0]
    beta = (await graph.get("/beta/organization?$select=onPremisesLastPasswordSyncDateTime,directorySizeQuota")).json()
    assert beta["value"][0]["onPremisesLastPasswordSyncDateTime"] == "2026-11-22T03:00:00Z"
    assert beta["value"][0]["directorySizeQuota"]["used"] == 11
    refused = await graph.get("/v1.0/organization?$select=onPremisesLastPasswordSyncDateTime")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "Request_BadRequest")


async def test_the_deletion_threshold(graph: httpx.AsyncClient, tenant: Tenant) -> None:
    """A threshold that is switched off is said to be disabled."""
    path = "/v1.0/directory/onPremisesSynchronization"
    told = (await graph.get(path)).json()["value"][0]
    assert told["configuration"]["accidentalDeletionPrevention"]["alertThreshold"] == 500
    assert told["features"]["passwordSyncEnabled"] is True
    tenant.set_synchronization_settings(deletionThreshold=None)
    told = (await graph.get(path)).json()["value"][0]
    assert told["configuration"]["accidentalDeletionPrevention"]["synchronizationPreventionType"] == "disabled"


# Lists, filters, counts


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/users", 7),
        ("/users?$filter=onPremisesSyncEnabled eq true", 4),
        ("/users?$filter=onPremisesProvisioningErrors/any(o:o/category eq 'PropertyConflict')", 2),
        ("/users?$filter=onPremisesProvisioningErrors/any(o:o/category eq 'Other')", 0),
        ("/users?$filter=serviceProvisioningErrors/any(e:e/isResolved eq false)", 1),
        ("/users?$filter=userPrincipalName eq 'USER1@contoso.com'", 1),
        ("/users?$filter=proxyAddresses/any(p:p eq 'smtp:user2@contoso.com')", 1),
        ("/users?$filter=mail eq 'user3@contoso.com'", 1),
        ("/users?$filter=mail eq 'o''neil@contoso.com'", 0),
        ("/users?$filter=mail eq 'user3@contoso.com' or userPrincipalName eq 'user1@contoso.com' or id eq 'x'", 2),
        ("/users?$filter=mail eq 'user3@contoso.com' or displayName eq 'a '' or mail eq ''user1@contoso.com'", 1),
        ("/groups?$filter=onPremisesSyncEnabled eq false", 0),
        ("/directory/deletedItems/microsoft.graph.user", 1),
        ("/contacts", 1),
        ("/devices", 1),
    ],
)
async def test_filters(graph: httpx.AsyncClient, path: str, number: int) -> None:
    """Each documented filter gives exactly its objects, also page by page."""
    found = await pages(graph, f"/v1.0{path}{'&' if '?' in path else '?'}$top=2")
    ids = [item["id"] for page in found for item in page["value"]]
    assert len(ids) == len(set(ids)) == number


@pytest.mark.parametrize(
    "path",
    [
        "/users?$filter=onPremisesProvisioningErrors/any()",
        "/users?$filter=onPremisesProvisioningErrors/any(o:o/category ne null)",
        "/users?$filter=jobTitle eq 'x'",
        "/devices?$filter=onPremisesProvisioningErrors/any(o:o/category eq 'PropertyConflict')",
        "/groups?$filter=userPrincipalName eq 'x'",
        "/users/$count?$filter=startswith(displayName,'a')",
    ],
)
async def test_other_filters_are_refused(graph: httpx.AsyncClient, path: str) -> None:
    """What is not documented is refused, as Graph does."""
    answer = await graph.get("/v1.0" + path, headers=EVENTUAL)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


@pytest.mark.parametrize("path", ["/users?$top=0", "/users?$top=1000", "/users?$top=x", "/users?$select=nonsense"])
async def test_bad_options_are_refused(graph: httpx.AsyncClient, path: str) -> None:
    """Page sizes out of 1 to 999 and unknown properties are bad requests."""
    answer = await graph.get("/v1.0" + path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/users/$count", "7"),
        ("/users/$count?$filter=onPremisesSyncEnabled eq true", "4"),
        ("/users/$count?$filter=mail eq 'user3@contoso.com'", "1"),
        ("/users/$count?$filter=onPremisesProvisioningErrors/any(o:o/category eq 'PropertyConflict')", "2"),
        ("/groups/$count", "1"),
        ("/contacts/$count", "1"),
        ("/devices/$count", "1"),
        ("/directory/deletedItems/microsoft.graph.user/$count", "1"),
    ],
)
async def test_counts_are_plain_text(graph: httpx.AsyncClient, path: str, number: str) -> None:
    """A count is a bare number in text/plain."""
    answer = await graph.get("/v1.0" + path, headers=EVENTUAL)
    assert (answer.text, answer.headers["content-type"].split(";")[0]) == (number, "text/plain")


async def test_counts_need_the_consistency_header(graph: httpx.AsyncClient) -> None:
    """Without ConsistencyLevel the $count segment is a bad request and $count=true is silently ignored."""
    assert (await graph.get("/v1.0/users/$count")).status_code == 400
    assert "@odata.count" not in (await graph.get("/v1.0/users?$count=true")).json()


async def test_the_count_is_on_the_first_page_only(graph: httpx.AsyncClient) -> None:
    """@odata.count comes once; nextLinks are absolute, on the host that was asked."""
    found = await pages(graph, "/v1.0/users?$top=3&$count=true")
    assert [page.get("@odata.count") for page in found] == [7, None, None]
    assert found[0]["@odata.nextLink"].startswith("https://graph.example/v1.0/users?")


async def test_one_object(graph: httpx.AsyncClient, tenant: Tenant) -> None:
    """An object is read by id, a user by its name too; an unknown one is a 404 that names it."""
    id = tenant.page("user", limit=1)[0]["id"]
    assert (await graph.get(f"/v1.0/users/{id}")).json()["id"] == id
    assert (await graph.get("/v1.0/users/user1@contoso.com")).json()["displayName"] == "User 1"
    answer = await graph.get("/v1.0/users/nobody")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "Request_ResourceNotFound")


async def test_members_of_a_group(graph: httpx.AsyncClient, tenant: Tenant) -> None:
    """A group's direct members are listed page by page."""
    group = tenant.page("group")[0]["id"]
    found = await pages(graph, f"/v1.0/groups/{group}/members?$top=2")
    assert [member["id"] for page in found for member in page["value"]] == tenant.members(group)


@given(st.text())
def test_any_filter_text_is_parsed_or_refused(text: str) -> None:
    """No filter text breaks the parser."""
    with contextlib.suppress(graph_filter.UnsupportedFilter):
        graph_filter.parse(text, "user")


# Sign-in, errors, headers


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic abc"])
async def test_a_token_is_required(graph: httpx.AsyncClient, value: str) -> None:
    """Without a bearer token every answer is 401."""
    for path in ("/v1.0/users", "/v1.0/organization", "/beta/users/delta", "/v1.0/nonsense"):
        answer = await graph.get(path, headers={"Authorization": value})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


async def test_ids_and_time_of_an_answer(graph: httpx.AsyncClient, clock: ManualClock) -> None:
    """Answers carry a request id, echo the client's, and tell the tenant's time; errors repeat both ids."""
    clock.jump(60)
    answer = await graph.get("/v1.0/users/nobody", headers={"client-request-id": "mine"})
    inner = answer.json()["error"]["innerError"]
    assert answer.headers["client-request-id"] == inner["client-request-id"] == "mine"
    assert answer.headers["request-id"] == inner["request-id"] != "mine"
    assert answer.headers["Date"] == "Sun, 22 Nov 2026 03:01:00 GMT"
    assert inner["date"] == "2026-11-22T03:01:00"


async def test_unknown_paths(graph: httpx.AsyncClient) -> None:
    """What the lab does not have is refused in Graph's envelope."""
    answer = await graph.get("/v1.0/me/drive")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


async def test_hostile_names_travel(graph: httpx.AsyncClient, tenant: Tenant) -> None:
    """A display name of escape codes and a lone surrogate reaches the reader unchanged."""
    id = tenant.upsert("user", {"displayName": "\x1b]0;x\x07 [red] \ud800"})
    assert json.loads((await graph.get(f"/v1.0/users/{id}")).content)["displayName"] == "\x1b]0;x\x07 [red] \ud800"


# Batch


async def batch(graph: httpx.AsyncClient, *requests: dict[str, Any]) -> httpx.Response:
    return await graph.post("/v1.0/$batch", json={"requests": list(requests)})


async def test_a_batch(graph: httpx.AsyncClient) -> None:
    """Each request inside has its own status, headers and body; counts come as text."""
    answer = await batch(
        graph,
        {"id": "1", "method": "GET", "url": "/users/$count", "headers": EVENTUAL},
        {"id": "2", "method": "GET", "url": "/users/$count"},
        {"id": "3", "method": "GET", "url": "users?$top=2&$select=displayName"},
        {"id": "4", "method": "PATCH", "url": "/users/x", "body": {}},
        {"id": "5", "method": "GET", "url": "/organization", "dependsOn": ["2"]},
    )
    told = {item["id"]: item for item in answer.json()["responses"]}
    assert {id: item["status"] for id, item in told.items()} == {"1": 200, "2": 400, "3": 200, "4": 405, "5": 424}
    assert told["1"]["body"] == "7"
    assert told["2"]["body"]["error"]["code"] == "Request_BadRequest"
    assert len(told["3"]["body"]["value"]) == 2
    assert told["3"]["body"]["@odata.nextLink"].startswith("https://graph.example/v1.0/users?")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"requests": 1}',
        b'{"requests": [1]}',
        b'{"requests": [{"id": 1, "method": "GET", "url": "/users"}]}',
        json.dumps({"requests": [{"id": "1", "method": "GET", "url": "/users"}] * 2}).encode(),
        json.dumps({"requests": [{"id": str(i), "method": "GET", "url": "/users"} for i in range(21)]}).encode(),
    ],
)
async def test_bad_batches_are_refused(graph: httpx.AsyncClient, body: bytes) -> None:
    """A batch that is no batch, repeats an id or holds more than twenty is refused whole."""
    assert (await graph.post("/v1.0/$batch", content=body)).status_code == 400


# Delta


async def test_delta_round_trip(graph: httpx.AsyncClient, tenant: Tenant) -> None:
    """A round ends in a deltaLink; asked again, only changes come; the page size may be preferred."""
    first = await graph.get("/v1.0/users/delta?$select=displayName,city", headers={"Prefer": "odata.maxpagesize=3"})
    assert (len(first.json()["value"]), first.headers["Preference-Applied"]) == (3, "odata.maxpagesize=3")
    found = await pages(graph, "/v1.0/users/delta?$select=displayName,city")
    assert set(found[-1]["value"][0]) == {"id", "displayName", "city"}
    user = tenant.page("user", limit=1)[0]
    tenant.upsert("user", {"city": "Rome"}, user["id"])
    (second,) = await pages(graph, found[-1]["@odata.deltaLink"])
    assert second["value"] == [{"id": user["id"], "displayName": user["displayName"], "city": "Rome"}]


async def test_delta_from_now(graph: httpx.AsyncClient) -> None:
    """`latest` answers with a deltaLink and nothing else."""
    answer = (await graph.get("/v1.0/groups/delta?$deltatoken=latest")).json()
    assert (answer["value"], "@odata.deltaLink" in answer) == ([], True)


async def test_an_old_token_is_gone(graph: httpx.AsyncClient, clock: ManualClock) -> None:
    """After seven days a token is 410 with a Location to start over; garbage is a bad request."""
    link = (await graph.get("/v1.0/users/delta?$deltatoken=latest")).json()["@odata.deltaLink"]
    clock.jump(8 * 86400)
    answer = await graph.get(link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "syncStateNotFound")
    assert answer.headers["Location"] == "https://graph.example/v1.0/users/delta"
    assert (await graph.get("/v1.0/users/delta?$deltatoken=garbage")).status_code == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [("$filter=mail eq 'x'", 400), ("$top=5", 400), ("$select=skills", 501), ("$expand=manager", 400)],
)
async def test_what_delta_does_not_do(graph: httpx.AsyncClient, query: str, status: int) -> None:
    """Delta takes neither filters nor page sizes, and some properties are not in it."""
    assert (await graph.get(f"/v1.0/users/delta?{query}")).status_code == status


async def test_hashes_only_by_delta(graph: httpx.AsyncClient, tenant: Tenant) -> None:
    """Credential hashes cannot be selected in lists or on groups, and show in delta only when selected."""
    id = tenant.page("user", limit=1)[0]["id"]
    tenant.set_credentials(id, {"ntlm": "c0ffee"})
    for path in ("/users?$select=credentialHashes", f"/users/{id}?$select=credentialHashes"):
        assert (await graph.get("/v1.0" + path)).status_code == 400
    assert (await graph.get("/v1.0/groups/delta?$select=credentialHashes")).status_code == 501
    assert "c0ffee" not in (await graph.get("/v1.0/users/delta")).text
    assert "c0ffee" in (await graph.get("/v1.0/users/delta?$select=id,credentialHashes")).text
