"""A day in the lab, run in seconds: what is shown is what is so, at every step."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest
from msgspec.structs import replace

from tests.helpers import START, ManualClock
from tui.lab import scenario as scenarios
from tui.lab.connect_mapping import GRAPH_KINDS, entra_id
from tui.lab.lab import Lab
from tui.lab.scenario import Duration
from tui.model.states import ObjectType
from tui.sources.moments import moment, prose_moment

MINUTE = timedelta(minutes=1)
CONNECT, PASSWORD, REPLICATE = timedelta(minutes=30), timedelta(minutes=2), timedelta(minutes=20)


@pytest.fixture
def lab(clock: ManualClock) -> Iterator[Lab]:
    """A busy healthy day, its health evaluated every minute."""
    day = replace(scenarios.load("healthy"), changes_per_hour=120.0, evaluate_every=Duration(60), speed=1.0)
    made = Lab.start(day, objects=300, base_clock=clock)
    made.tick()
    yield made
    made.close()


def newest(now: datetime, first: datetime, every: timedelta) -> datetime:
    """The newest of the moments that begin at `first` and repeat."""
    return first + (now - first) // every * every


def assert_hop_one_is_complete(lab: Lab) -> None:
    """Every on-premises object is in the tenant as it is on premises, and nothing else that is synced."""
    world = lab.world
    for kind, graph_kind in GRAPH_KINDS.items():
        found = list(world.directory.all(kind))
        assert world.tenant.count(graph_kind, synced=True) == len(found)
        for item in found:
            shown = world.tenant.get(graph_kind, entra_id(item.anchor))
            assert shown is not None
            assert shown["displayName"] == item.name


def assert_hop_two_is_complete(lab: Lab) -> None:
    """Users, groups, members and hashes of the managed domain are those of the tenant."""
    tenant, store = lab.world.tenant, lab.world.replication.store
    for kind in ("user", "group"):
        objects = tenant.page(kind, limit=999)
        assert store.counts(synced=True)[kind] == len(objects)
        for item in objects:
            held = store.get(item["id"])
            assert held is not None
            assert held.attributes["displayName"] == (item["displayName"],)
            if kind == "group":
                assert len(held.attributes.get("member", ())) == len(tenant.members(item["id"]))


def test_two_hours_minute_by_minute(lab: Lab, clock: ManualClock) -> None:
    """Each minute the times are those of the schedule, and after each cycle both sides are equal."""
    for _ in range(120):
        clock.jump(60)
        lab.tick()
        now, truth = lab.clock.now(), lab.truth()
        assert truth.connect == newest(now, START - 4 * MINUTE, CONNECT)
        assert truth.password == newest(now, START - MINUTE, PASSWORD)
        assert truth.domain_services == newest(now, START - 6 * MINUTE, REPLICATE)
        if truth.connect == now:
            assert_hop_one_is_complete(lab)
        if truth.domain_services == now:
            assert_hop_two_is_complete(lab)


async def test_every_face_tells_the_truth_all_day(lab: Lab, clock: ManualClock) -> None:
    """Over a day, whenever it is asked, HTTP gives the counts of the stores and the times of the schedule."""
    transport = httpx.ASGITransport(app=lab.app)
    headers = {"Authorization": "Bearer lab", "ConsistencyLevel": "eventual"}
    async with httpx.AsyncClient(transport=transport, base_url="https://lab", headers=headers) as client:
        for _ in range(24 * 2):
            clock.jump(30 * 60 + 7)
            lab.tick()
            truth, published = lab.truth(), lab.world.domain.published
            assert truth.connect == newest(lab.clock.now(), START - 4 * MINUTE, CONNECT)
            organization = (await client.get("/beta/organization")).json()["value"][0]
            assert moment(organization["onPremisesLastSyncDateTime"]) == truth.connect
            assert moment(organization["onPremisesLastPasswordSyncDateTime"]) == truth.password
            resource = (await client.get(lab.resource_id, params={"api-version": "2022-12-01"})).json()
            (replica,) = resource["properties"]["replicaSets"]
            details = {item["id"]: item["details"] for item in replica["healthMonitors"]}
            assert prose_moment(details["AADDS500"]) == published.last_sync
            assert truth.domain_services - published.last_sync in (timedelta(0), REPLICATE)  # type: ignore[operator]
            assert lab.clock.now() - published.at < MINUTE
            for kind in ObjectType:
                counted = (await client.get(f"/v1.0/{kind}/$count")).text
                assert counted == str(truth.entra[kind])


def test_a_day_of_changes_loses_and_doubles_nothing(lab: Lab, clock: ManualClock) -> None:
    """After a day, and one quiet cycle of each hop, all three directories hold the same people."""
    for _ in range(24 * 4):
        clock.jump(15 * 60)
        lab.tick()
    assert lab.world.directory.highest_usn > 2000
    for _ in lab.world.connect.cycle():
        pass
    lab.world.connect.password_cycle()
    before = lab.world.tenant.dump()
    for _ in lab.world.replication.round():
        pass
    assert lab.world.tenant.dump() == before
    assert_hop_one_is_complete(lab)
    assert_hop_two_is_complete(lab)
    assert lab.truth().managed_domain[ObjectType.USERS] == lab.truth().entra[ObjectType.USERS]
