"""Two hours of the lab seen through the monitor, in seconds: the snapshot tells the truth at every step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from tests.helpers import ManualClock, settle
from tui.demo import lab_service, start_lab
from tui.lab.lab import Lab
from tui.model.snapshot import TenantSnapshot
from tui.model.states import HopName, HopState, ObjectType, ReasonCode, SourceState, Verdict
from tui.service.status import StatusService

OBJECTS = 300
SPEED = 100.0
STEP_S = 300.0
SETTLED_ROUNDS = 400


@asynccontextmanager
async def day(scenario: str, objects: int = OBJECTS) -> AsyncIterator[tuple[Lab, StatusService, ManualClock]]:
    """A lab and the service over it on one hand-moved clock, fast enough that few polls happen between two steps."""
    clock = ManualClock()
    lab = start_lab(scenario, objects=objects, speed=SPEED, base_clock=clock)
    service = lab_service(lab)
    tasks = [asyncio.create_task(lab.run()), asyncio.create_task(service.run())]
    try:
        yield lab, service, clock
        assert not any(task.done() for task in tasks), "the lab or the service ended by itself"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await service.aclose()
        lab.close()


async def read(lab: Lab, service: StatusService) -> TenantSnapshot:
    """A snapshot of this very moment, in which no time passes."""
    lab.tick()
    service.poll_now()
    await settle(SETTLED_ROUNDS)
    return service.latest.tenants[0]


def counted(snapshot: TenantSnapshot, side: str) -> dict[ObjectType, int | None]:
    return {row.type: getattr(row, side).value for row in snapshot.counts}


async def test_snapshot_is_true_at_every_step() -> None:
    """Every five minutes of two hours, counts equal the stores' and each hop's last success the schedule's."""
    seen_users = set()
    async with day("healthy") as (lab, service, clock):
        for _ in range(int(7200 / STEP_S)):
            await clock.advance(STEP_S / SPEED)
            snapshot, truth = await read(lab, service), lab.truth()
            assert counted(snapshot, "on_premises") == dict(truth.on_premises)
            assert counted(snapshot, "entra") == dict(truth.entra)
            assert counted(snapshot, "entra_synced") == dict(truth.entra_synced)
            held = counted(snapshot, "managed_domain")
            for kind in (ObjectType.USERS, ObjectType.GROUPS):
                assert held[kind] == truth.managed_domain[kind]
            assert snapshot.hop(HopName.CONNECT).last_success == truth.connect
            assert snapshot.hop(HopName.PASSWORD).last_success == truth.password
            assert truth.connect is not None
            age = snapshot.hop(HopName.CONNECT).age_s(snapshot.at)
            assert age == pytest.approx((lab.clock.now() - truth.connect).total_seconds(), abs=2)
            told = snapshot.hop(HopName.DOMAIN_SERVICES).last_success
            assert told is not None
            assert truth.domain_services is not None
            assert timedelta(0) <= truth.domain_services - told <= timedelta(hours=1)
            assert snapshot.verdict == Verdict.OK, snapshot.reasons
            seen_users.add(truth.on_premises[ObjectType.USERS])
    assert len(seen_users) > 1, "nothing happened on-premises in two hours: this test compared nothing"


@pytest.mark.parametrize(
    ("scenario", "code", "verdict"),
    [
        ("no-recent-sync", ReasonCode.NO_RECENT_SYNCHRONIZATION, Verdict.CRITICAL),
        ("three-days", ReasonCode.LAST_SYNCED_OVER_3_DAYS, Verdict.CRITICAL),
        ("conflicts", ReasonCode.OBJECT_FAILURES, Verdict.WARNING),
        ("quarantine", ReasonCode.CLOUD_SYNC_QUARANTINED, Verdict.CRITICAL),
        ("domain-network", ReasonCode.DOMAIN_SERVICES_ALERT, Verdict.CRITICAL),
    ],
)
async def test_each_trouble_is_named(scenario: str, code: ReasonCode, verdict: Verdict) -> None:
    """Soon after its start each scenario's own trouble is among the reasons, with the verdict it deserves."""
    async with day(scenario) as (lab, service, clock):
        await clock.advance(60 / SPEED)
        snapshot = await read(lab, service)
        assert code in {reason.code for reason in snapshot.reasons}
        assert snapshot.verdict == verdict


async def test_bad_settings_end_in_a_late_or_stopped_hop() -> None:
    """With wrong Connect settings the first hop stops being ok, and the reason names settings to look at."""
    async with day("bad-settings", objects=1200) as (lab, service, clock):
        await clock.advance(2 * 3600 / SPEED)
        snapshot = await read(lab, service)
        assert snapshot.hop(HopName.CONNECT).state in (HopState.LATE, HopState.STALE)
        words = " ".join(" ".join((reason.text, *reason.causes, *reason.remedies)) for reason in snapshot.reasons)
        assert "settings" in words.casefold()


async def test_denied_is_never_healthy() -> None:
    """Where reading is refused the tenant is unknown and no figure is zero."""
    async with day("denied") as (lab, service, clock):
        await clock.advance(60 / SPEED)
        snapshot = await read(lab, service)
        assert snapshot.verdict == Verdict.UNKNOWN
        assert SourceState.DENIED in {status.state for status in snapshot.sources}
        assert 0 not in counted(snapshot, "entra").values()


async def test_first_sync_moves_and_ends() -> None:
    """The first sync of the managed domain shows progress that grows, an ETA, and in the end an ok hop."""
    async with day("first-sync") as (lab, service, clock):
        arrived = []
        for _ in range(60):
            await clock.advance(STEP_S / SPEED)
            hop = (await read(lab, service)).hop(HopName.DOMAIN_SERVICES)
            if hop.progress is None:
                break
            arrived.append(hop.progress.done)
        assert arrived == sorted(arrived)
        assert len(set(arrived)) > 3
        assert hop.state == HopState.OK
