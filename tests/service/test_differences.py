"""Differences of the counts, split by why: in flight, failed, excluded, unexplained; only what lasts alarms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.helpers import START, ManualClock, settle
from tests.service.fakes import ScriptedSource, organization, service
from tui.model.facts import ChangesFacts, CountsFacts, DirectoryFacts, FailureReport, ObjectChange, ObjectRef
from tui.model.reading import Reading
from tui.model.snapshot import CountRow, Difference, TenantSnapshot, Unexplained
from tui.model.states import HopName, ObjectType, ReasonCode, SourceId, Verdict
from tui.service.differences import Known, explained
from tui.service.fold import first_snapshot
from tui.service.history import Samples
from tui.service.status import StatusService
from tui.sources.errors import Unreachable

USERS = ObjectType.USERS
CONNECT, DOMAIN = HopName.CONNECT, HopName.DOMAIN_SERVICES
LAG = timedelta(hours=1)


def row(kind: ObjectType = USERS, **counts: int) -> CountRow:
    return CountRow(type=kind, **{side: Reading.of(number, START) for side, number in counts.items()})


def snapshot(**parts: str) -> TenantSnapshot:
    return replace(first_snapshot("contoso", "1", START, {}), **parts)


def samples(*values: int) -> Samples:
    """One every half hour."""
    kept = Samples()
    for number, value in enumerate(values):
        kept.add(START + number * timedelta(minutes=30), value)
    return kept


def known(gaps: Mapping[HopName, Samples] | None = None, **parts: Any) -> Known:
    empty = {(hop, kind): Samples() for hop in HopName for kind in ObjectType}
    given_gaps = {(hop, kind): kept for hop, kept in (gaps or {}).items() for kind in ObjectType}
    return Known(gaps=empty | given_gaps, normal_lag=dict.fromkeys(HopName, LAG), **({"failed": {}} | parts))


def split(told: CountRow) -> tuple[int | None, ...]:
    one = told.difference
    return one.in_flight, one.failed, one.excluded, one.unexplained


def test_with_one_side_nothing_is_known() -> None:
    """Without a directory beside Entra there is no difference, not one of zero."""
    told = explained(row(entra=5, entra_synced=4), snapshot(), known())
    assert (told.difference, told.unexplained) == (Difference(), ())


def test_a_young_gap_is_in_flight_and_an_old_one_unexplained() -> None:
    """What has lasted for the hop's normal lag alarms, since when it lasts; what came since is in flight."""
    counts = row(entra=105, entra_synced=0, managed_domain=100)
    told = explained(counts, snapshot(), known({DOMAIN: samples(0, 3, 3, 3, 5)}))
    assert split(told) == (2, 0, 0, 3)
    since = START + timedelta(minutes=30)
    assert told.unexplained == (Unexplained(hop=DOMAIN, number=3, since=since),)
    assert split(explained(counts, snapshot(), known({DOMAIN: samples(0, 3, 3, 0, 5)}))) == (5, 0, 0, 0)
    assert split(explained(counts, snapshot(), known({DOMAIN: samples(5)}))) == (None, 0, 0, None)


def test_new_objects_on_their_way_are_no_riddle() -> None:
    """Followed creations are in flight however long they take, also before the counts have lasted at all."""
    counts = row(on_premises=105, entra=100, entra_synced=100)
    lasting = {CONNECT: samples(5, 5, 5, 5)}
    assert split(explained(counts, snapshot(), known(lasting, creations={(CONNECT, USERS): 4}))) == (4, 0, 0, 1)
    assert split(explained(counts, snapshot(), known(lasting, creations={(CONNECT, USERS): 9}))) == (5, 0, 0, 0)
    assert split(explained(counts, snapshot(), known(creations={(CONNECT, USERS): 5}))) == (5, 0, 0, 0)
    assert split(explained(counts, snapshot(), known(creations={(CONNECT, USERS): 4}))) == (None, 0, 0, None)


def test_failing_objects_account_for_their_part() -> None:
    """Three of five that are missing are in the feed of failures: the other two remain."""
    counts = row(on_premises=105, entra=100, entra_synced=100)
    told = explained(counts, snapshot(), known({CONNECT: samples(5, 5, 5)}, failed={(CONNECT, USERS): 3}))
    assert split(told) == (0, 3, 0, 2)


def test_a_surplus_is_not_explained_by_what_is_missing() -> None:
    """More users in the managed domain than in Entra: neither failures nor creations explain that."""
    counts = row(entra=100, entra_synced=0, managed_domain=104)
    parts = known({DOMAIN: samples(4, 4, 4)}, failed={(DOMAIN, USERS): 4}, creations={(DOMAIN, USERS): 4})
    told = explained(counts, snapshot(), parts)
    assert split(told) == (0, 0, 0, 4)
    assert told.unexplained[0].is_surplus


def test_scope_and_filter_leave_out_on_purpose() -> None:
    """Synced users under a cloud-only scope, what a group filter holds back, and built-in accounts are excluded."""
    counts = row(on_premises=80, entra=100, entra_synced=80, managed_domain=20)
    lasting = {DOMAIN: samples(80, 80, 80), CONNECT: samples(0, 0, 0)}
    cloud_only = {DOMAIN: samples(0, 0, 0), CONNECT: samples(0, 0, 0)}
    assert split(explained(counts, snapshot(sync_scope="CloudOnly"), known(cloud_only))) == (0, 0, 80, 0)
    told = explained(counts, snapshot(filtered_sync="Enabled"), known(lasting))
    assert (split(told), told.unexplained) == ((0, 0, 80, 0), ())
    assert split(explained(counts, snapshot(filtered_sync="Disabled"), known(lasting))) == (0, 0, 0, 80)
    assert split(explained(counts, snapshot(filtered_sync="Enabled"), known(lasting, left_out={USERS: 7})))[2] == 87


def test_devices_and_contacts_are_not_missed_in_the_managed_domain() -> None:
    """Types that the second hop never copies make no difference there."""
    counts = row(ObjectType.DEVICES, on_premises=9, entra=9, entra_synced=9)
    told = explained(counts, snapshot(), known({CONNECT: samples(0, 0, 0), DOMAIN: samples(9, 9, 9)}))
    assert split(told) == (0, 0, 0, 0)


NUMBERS = st.integers(0, 50)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.lists(NUMBERS, max_size=8), st.booleans())
def test_the_parts_add_up(
    entra: int, domain: int, failed: int, creations: int, gaps: list[int], is_filtered: bool
) -> None:
    """Where all parts are known they are never negative, and are the difference together."""
    counts = row(entra=entra, entra_synced=0, managed_domain=domain)
    parts = known({DOMAIN: samples(*gaps)}, failed={(DOMAIN, USERS): failed}, creations={(DOMAIN, USERS): creations})
    told = split(explained(counts, snapshot(filtered_sync="Enabled" if is_filtered else ""), parts))
    if None not in told:
        assert sum(part or 0 for part in told) == abs(entra - domain)
    assert all(part is None or part >= 0 for part in told)


# Through the status service


class Chain:
    """Entra and a managed domain that hold what the test says, followed by the service on a hand-moved clock."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.entra, self.domain = 100, 100
        self.changed: list[ObjectChange] = []
        self.arrived: list[ObjectChange] = []
        self.failing: tuple[FailureReport, ...] = ()
        self.counts = ScriptedSource(SourceId.COUNTS, clock, self._counts)
        sources = (
            ScriptedSource(SourceId.ORGANIZATION, clock, lambda: organization(clock)),
            self.counts,
            ScriptedSource(SourceId.CHANGES, clock, self._changes),
            ScriptedSource(SourceId.MANAGED_DOMAIN, clock, self._managed),
        )
        self.service: StatusService = service(clock, *sources)

    async def polled(self, hours: float = 0.0) -> TenantSnapshot:
        """The snapshot after polls every minute for so long."""
        for _ in range(max(1, int(hours * 60))):
            self.clock.jump(60)
            await self.service.poll_once()
        await settle()
        return self.service.latest.tenants[0]

    def _readings(self, users: int) -> dict[ObjectType, Reading[int]]:
        return {kind: Reading.of(users if kind is USERS else 0, self.clock.now()) for kind in ObjectType}

    def _counts(self) -> CountsFacts:
        return CountsFacts(
            as_of=self.clock.now(), entra=self._readings(self.entra), entra_synced=self._readings(self.entra)
        )

    def _changes(self) -> ChangesFacts:
        told, self.changed = tuple(self.changed), []
        return ChangesFacts(as_of=self.clock.now(), changes=told)

    def _managed(self) -> DirectoryFacts:
        told, self.arrived = tuple(self.arrived), []
        return DirectoryFacts(
            as_of=self.clock.now(), synced=self._readings(self.domain), changes=told, reports=self.failing
        )


def made(clock: ManualClock, id: str) -> ObjectChange:
    return ObjectChange(kind="user", object_id=id, at=clock.now(), created=True, values={"displayName": (id,)})


def alarms(told: TenantSnapshot) -> list[str]:
    return [reason.text for reason in told.reasons if reason.code is ReasonCode.UNEXPLAINED_DIFFERENCE]


async def test_only_what_lasts_alarms(clock: ManualClock) -> None:
    """Three users that never arrive alarm after the hop's limit of two hours, named with type, number and time."""
    chain = Chain(clock)
    await chain.polled(2.5)
    chain.domain = 97
    assert alarms(await chain.polled(1.9)) == []
    told = await chain.polled(0.3)
    (text,) = alarms(told)
    assert "3 users are in Entra ID but not in the managed domain, since 2026-11-22 05:3" in text
    assert "synctop trace NAME" in text
    assert told.verdict is Verdict.WARNING
    chain.domain = 100
    assert alarms(await chain.polled()) == []


async def test_a_side_that_does_not_answer_alarms_nothing(clock: ManualClock) -> None:
    """While Entra cannot be counted the old number is compared with nothing, also not when it answers again."""
    chain = Chain(clock)
    await chain.polled(2.5)
    chain.domain = 97
    chain.counts._script[:] = [Unreachable("down")]
    told = await chain.polled(4)
    assert (alarms(told), told.verdict) == ([], Verdict.UNKNOWN)
    chain.counts._script[:] = [chain._counts]
    assert alarms(await chain.polled()) == []
    assert alarms(await chain.polled(2.2)) != []


async def test_lag_shows_on_the_hop_and_new_users_explain_the_difference(clock: ManualClock) -> None:
    """A user on the way is in flight in both, a failing one is failed in both; the lag is there once one arrives."""
    chain = Chain(clock)
    told = await chain.polled(3)
    hop = told.hop(DOMAIN)
    assert hop.lag is not None
    assert (hop.lag.in_flight, hop.lag.day.samples) == (0, 0)
    assert told.hop(CONNECT).lag is None
    chain.entra, chain.changed = 102, [made(clock, "ann"), made(clock, "bob")]
    departed = clock.now()
    told = await chain.polled(0.1)
    hop = told.hop(DOMAIN)
    assert hop.lag is not None
    assert (hop.lag.in_flight, told.counts[0].difference.in_flight) == (2, 2)
    report = FailureReport(source="domain", hop=DOMAIN, code="NameTaken", object=ObjectRef(type="user", id="bob"))
    chain.failing, chain.domain, chain.arrived = (report,), 101, [made(clock, "ann")]
    arrived = clock.now()
    told = await chain.polled(0.1)
    hop = told.hop(DOMAIN)
    assert hop.lag is not None
    assert (hop.lag.in_flight, hop.lag.day.samples) == (0, 1)
    assert hop.lag.day.max_s == pytest.approx(lag_between(departed, arrived))
    assert split(told.counts[0]) == (0, 1, 0, 0)


def lag_between(departed: datetime, arrived: datetime) -> float:
    return (arrived - departed).total_seconds()
