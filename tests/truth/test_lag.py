"""Changes that travel through the lab: the lag that the monitor measures is the one that they took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random

import pytest
from msgspec.structs import replace

from tests.helpers import ManualClock, settle
from tui.demo import lab_service
from tui.lab import scenario as scenarios
from tui.lab.connect_mapping import entra_id
from tui.lab.lab import Lab
from tui.lab.onprem import AdObject, Change
from tui.lab.population import group, user
from tui.model.snapshot import Lag
from tui.model.states import HopName, ObjectType
from tui.service.status import StatusService
from tui.sources.moments import moment

SPEED = 20.0
POLL_S = 60.0
STAMP_S = 1.0
STEP_S = 30.0


@asynccontextmanager
async def quiet_lab() -> AsyncIterator[tuple[Lab, StatusService, ManualClock]]:
    """A lab in which nobody changes anything but the test."""
    clock = ManualClock()
    quiet = replace(scenarios.load("healthy"), changes_per_hour=0.0, objects=100, speed=SPEED)
    lab = Lab.start(quiet, base_clock=clock)
    service = lab_service(lab)
    tasks = [asyncio.create_task(lab.run()), asyncio.create_task(service.run())]
    try:
        await later(clock, 600)
        yield lab, service, clock
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await service.aclose()
        lab.close()


async def later(clock: ManualClock, seconds: float) -> None:
    """`seconds` of the lab's time."""
    for _ in range(int(seconds / STEP_S)):
        await clock.advance(STEP_S / SPEED)
        await settle(200)


def lag(service: StatusService, hop: HopName) -> Lag:
    found = service.latest.tenants[0].hop(hop).lag
    assert found is not None
    return found


def exported(lab: Lab, kind: str, found: AdObject) -> datetime:
    """When the tenant says that Connect last wrote the object."""
    told = (lab.world.tenant.get(kind, entra_id(found.anchor)) or {}).get("onPremisesLastSyncDateTime")
    at = moment(told)
    assert at is not None
    return at


def written(lab: Lab, found: AdObject) -> datetime:
    """When the managed domain says that the sync last wrote the object."""
    stored = lab.world.replication.store.get(entra_id(found.anchor))
    assert stored is not None
    at = moment(stored.attributes["whenChanged"][0])
    assert at is not None
    return at


async def test_measured_lag_is_the_true_one() -> None:
    """A joiner, a mover and a new group on premises: on each hop one lag each, true to the second that times are told
    in, whenever the polls came."""
    async with quiet_lab() as (lab, service, clock):
        directory, rng = lab.world.directory, Random(7)
        mover = directory.nth(ObjectType.USERS, 3)
        assert mover is not None
        joiner, team = user(rng, 900), group(rng, 901, [])
        departed: dict[str, datetime] = {}
        for found in (joiner, team, mover):
            departed[found.anchor] = lab.clock.now()
            if found is mover:
                directory.change(mover, Change({"department": "Law", "title": "Judge"}))
            else:
                directory.add([found])
            await later(clock, 240)
        await later(clock, 3600)
        kinds = {joiner.anchor: "user", team.anchor: "group", mover.anchor: "user"}
        objects = (joiner, team, mover)
        into_entra = [(exported(lab, kinds[one.anchor], one) - departed[one.anchor]).total_seconds() for one in objects]
        into_domain = [(written(lab, one) - exported(lab, kinds[one.anchor], one)).total_seconds() for one in objects]
        for hop, true in ((HopName.CONNECT, into_entra), (HopName.DOMAIN_SERVICES, into_domain)):
            measured = lag(service, hop)
            assert measured.day.samples == 3
            assert measured.day.median_s == pytest.approx(sorted(true)[1], abs=STAMP_S)
            assert measured.day.max_s == pytest.approx(max(true), abs=STAMP_S)
            assert (measured.in_flight, measured.not_arrived) == (0, 0)
        assert max(into_entra) > 5 * POLL_S, "the lags were too short to tell them from the error"


async def test_a_change_is_in_flight_until_it_arrives() -> None:
    """While Connect has not run, the joiner is in flight on the first hop and explains the difference of the counts."""
    async with quiet_lab() as (lab, service, clock):
        lab.world.connect.break_down(scenarios.ConnectFault.SCHEDULER_SUSPENDED)
        lab.world.directory.add([user(Random(7), 900)])
        await later(clock, 1800)
        assert lag(service, HopName.CONNECT).in_flight == 1
        assert lag(service, HopName.CONNECT).oldest_s == pytest.approx(1800, abs=2 * POLL_S)
        assert service.latest.tenants[0].counts[0].difference.in_flight == 1
        lab.world.connect.repair()
        await later(clock, 3600)
        assert lag(service, HopName.CONNECT).in_flight == 0
        assert lag(service, HopName.CONNECT).day.samples == 1


async def test_a_lab_where_nothing_changes_has_no_lag() -> None:
    """An idle chain tells no lag at all, on either hop, rather than one of zero."""
    async with quiet_lab() as (_, service, clock):
        await later(clock, 3600)
        assert lag(service, HopName.CONNECT) == Lag()
        assert lag(service, HopName.DOMAIN_SERVICES) == Lag()
        assert service.latest.tenants[0].hop(HopName.PASSWORD).lag is None
