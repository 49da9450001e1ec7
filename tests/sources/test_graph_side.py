"""Entra ID asked for one object, and listed, against the lab's Graph."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from tests.helpers import START, ManualClock
from tui.lab import graph_filter
from tui.lab.graph_api import graph_routes, unknown_segment_routes
from tui.lab.tenant import Tenant
from tui.model.lookup import lookup
from tui.model.marks import Mark
from tui.model.states import ObjectType
from tui.sources.auth import StaticTokens
from tui.sources.errors import Denied
from tui.sources.graph_side import GraphSide, name_filter, sighting
from tui.sources.http import Upstream

ANCHOR, SID = "8P4oK9S0koDHkBg6+19p+w==", "S-1-5-21-1-2-3-1104"
JANE = {
    "displayName": "Jane O'Neil",
    "userPrincipalName": "jane@contoso.com",
    "mail": "jane.o@contoso.com",
    "proxyAddresses": ["SMTP:jane.o@contoso.com", "smtp:j.oneil@contoso.com"],
    "onPremisesImmutableId": ANCHOR,
    "onPremisesSecurityIdentifier": SID,
    "onPremisesSamAccountName": "joneil",
    "onPremisesSyncEnabled": True,
    "onPremisesLastSyncDateTime": "2026-11-22T02:40:00Z",
    "onPremisesProvisioningErrors": [
        {"category": "PropertyConflict", "propertyCausingError": "ProxyAddresses", "value": "smtp:x@contoso.com"}
    ],
    "accountEnabled": True,
    "userType": "Member",
    "department": "Sales",
}
GUEST = {"displayName": "Visitor", "userPrincipalName": "v#EXT#@contoso.com", "userType": "Guest"}
OPS = {"displayName": "Print Ops", "mail": "ops@contoso.com", "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-9"}


@pytest.fixture
def tenant(clock: ManualClock) -> Iterator[Tenant]:
    made = Tenant(tenant_id="t", display_name="Contoso", now=clock.now)
    yield made
    made.close()


@pytest.fixture
def jane(tenant: Tenant) -> str:
    tenant.upsert("user", GUEST)
    tenant.upsert("group", OPS)
    return tenant.upsert("user", JANE)


@pytest.fixture
async def side(tenant: Tenant, clock: ManualClock) -> AsyncIterator[GraphSide]:
    app = Starlette(routes=[*graph_routes(tenant), *unknown_segment_routes(tenant)])
    upstream = upstream_to(httpx.ASGITransport(app), clock)
    yield GraphSide(upstream, clock)
    await upstream.aclose()


def upstream_to(transport: httpx.AsyncBaseTransport, clock: ManualClock) -> Upstream:
    return Upstream("https://graph.example", tokens=StaticTokens("x"), audience="a", clock=clock, transport=transport)


@pytest.mark.parametrize(
    "name",
    [
        "Jane O'Neil",
        "JANE@contoso.com",
        "jane.o@contoso.com",
        "j.oneil@contoso.com",
        "SMTP:jane.o@contoso.com",
        "joneil",
        "CONTOSO\\joneil",
        ANCHOR,
        SID,
    ],
)
async def test_a_user_by_any_name(side: GraphSide, jane: str, name: str) -> None:
    """A user is found by every name that an operator may have at hand, quotes included, and by no other."""
    found = await side.find(name)
    assert [one.object.id for one in found] == [jane]
    assert await side.find(name + "x") == []


async def test_a_user_by_id(side: GraphSide, jane: str) -> None:
    """An id finds its object; an id that nobody has finds nothing and is no error."""
    assert {one.object.id for one in await side.find(jane.upper())} == {jane}
    assert await side.find("00000000-0000-4000-8000-000000000000") == []


async def test_what_a_sighting_tells(side: GraphSide, jane: str) -> None:
    """The times, the state, the compared properties and the quarantined address come with it."""
    (seen,) = await side.find("joneil")
    assert (seen.enabled, seen.is_local, seen.created) == (True, False, START)
    assert seen.last_synced is not None
    assert seen.attributes["department"] == ("Sales",)
    assert seen.attributes["accountEnabled"] == ("true",)
    assert "jobTitle" not in seen.attributes
    assert seen.quarantined == ("ProxyAddresses = smtp:x@contoso.com",)


async def test_groups_and_guests(side: GraphSide, jane: str) -> None:
    """Groups are found beside users, and a guest is told as one."""
    (group,) = await side.find("ops@contoso.com")
    assert (group.object.type, group.is_local) == ("group", True)
    (guest,) = await side.find("Visitor")
    assert Mark.GUEST in guest.marks
    assert guest.notes == ("guest",)


async def test_a_soft_deleted_user(side: GraphSide, tenant: Tenant, jane: str) -> None:
    """A user in the recycle bin is found there, and not called living."""
    tenant.soft_delete("user", jane)
    (seen,) = await side.find(ANCHOR)
    assert (seen.found, seen.deleted) == (False, START)
    assert {one.object.id for one in await side.find(jane)} == {jane}


async def test_at_most_ten(side: GraphSide, tenant: Tenant) -> None:
    """Of many with one name ten are told."""
    tenant.upsert_many("user", [{"displayName": "Twin"} for _ in range(15)])
    assert len(await side.find("Twin")) == 10


async def test_lists(side: GraphSide, tenant: Tenant, jane: str) -> None:
    """Every user is listed with what it is joined by, page by page."""
    tenant.upsert_many("user", [{"displayName": f"User {number}"} for number in range(1500)])
    pages = [page async for page in side.list(ObjectType.USERS)]
    listed = {one.object.id: one for page in pages for one in page}
    assert len(pages) == 2
    assert len(listed) == 1502
    assert (listed[jane].object.source_anchor, listed[jane].sid) == (ANCHOR, SID)
    assert listed[jane].marks == {Mark.SYNCED}


async def test_a_refusal_is_told(clock: ManualClock) -> None:
    """An account without the permission gets an error that names it."""

    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, json={"error": {"code": "Authorization_RequestDenied", "message": "no"}})

    upstream = upstream_to(httpx.MockTransport(refuse), clock)
    with pytest.raises(Denied, match=r"User\.Read\.All"):
        await GraphSide(upstream, clock).find("jane")
    await upstream.aclose()


@given(st.text(min_size=1, max_size=300), st.sampled_from(["user", "group"]))
def test_no_name_gets_out_of_its_quotes(name: str, kind: str) -> None:
    """Whatever is typed stays inside the literals of the filter: it compares, and asks nothing else."""
    sought = lookup(name)
    condition = name_filter(sought, kind)
    parsed = graph_filter.parse(condition, kind)
    values = {value for _, value in parsed.equals}
    assert values <= {
        sought.text, f"smtp:{sought.text}", f"SMTP:{sought.text}", sought.account, sought.anchor, sought.sid
    }  # fmt: skip
    assert len(parsed.equals) <= graph_filter.MOST_COMPARISONS
    outside = re.sub(r"'(?:[^']|'')*'", "?", condition)
    assert re.fullmatch(r"(?:[\w/:() ]+ eq \?\)?)(?: or [\w/:() ]+ eq \?\)?)*", outside)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from([*JANE, "id", "createdDateTime", "deletedDateTime", "lastPasswordChangeDateTime"])


@given(st.dictionaries(KEYS, ANYTHING, max_size=12), st.sampled_from(["user", "group"]))
def test_any_object_is_read(item: dict[str, object], kind: str) -> None:
    """Whatever Graph says of an object, reading it does not fail and leaves only printable text."""
    seen = sighting(item, kind, START)
    texts = [text for values in seen.attributes.values() for text in values]
    assert all(text.isprintable() for text in [*texts, *seen.quarantined, seen.object.name or ""])
