"""The status service, driven by scripted sources on a hand-moved clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from tests.helpers import START, ManualClock, settle
from tests.service.fakes import ScriptedSource, organization, service, stop
from tui.model.facts import CountsFacts, DirectoryFacts, FailureReport, FailuresFacts, ObjectRef
from tui.model.reading import Reading
from tui.model.snapshot import TenantSnapshot
from tui.model.states import HopName, HopState, ObjectType, ReasonCode, SourceId, SourceState, Verdict
from tui.service.status import StatusService
from tui.sources.errors import Denied, Throttled, Unreachable


@asynccontextmanager
async def running(status: StatusService) -> AsyncIterator[Callable[[], TenantSnapshot]]:
    task = asyncio.create_task(status.run())
    await settle()
    try:
        yield lambda: status.latest.tenants[0]
        assert not task.done(), "the service ended by itself"
    finally:
        await stop(task)


async def test_first_poll_shows_the_hop(clock: ManualClock) -> None:
    """Right after the start the first poll's facts are on the snapshot and the tenant is ok."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, organization(clock))
    async with running(service(clock, source)) as now:
        assert now().hop(HopName.CONNECT).state == HopState.OK
        assert now().verdict == Verdict.OK
        assert now().hop(HopName.DOMAIN_SERVICES).state == HopState.NOT_MONITORED


async def test_everything_down_at_the_start_recovers(clock: ManualClock) -> None:
    """With the upstream down the service starts, says unknown, and shows data once the upstream answers."""
    source = ScriptedSource(
        SourceId.ORGANIZATION, clock, Unreachable("connection refused"), lambda: organization(clock)
    )
    async with running(service(clock, source)) as now:
        assert now().verdict == Verdict.UNKNOWN
        assert now().hop(HopName.CONNECT).state == HopState.ERROR
        status = now().source(SourceId.ORGANIZATION)
        assert status is not None
        assert status.error == "connection refused"
        await clock.advance(5)
        assert now().verdict == Verdict.OK


async def test_refused_from_the_start_is_not_permitted(clock: ManualClock) -> None:
    """A hop that the account was never allowed to read is not-permitted; another failure is an error again."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, Denied("403"), Unreachable("down"))
    async with running(service(clock, source)) as now:
        assert now().hop(HopName.CONNECT).state == HopState.NOT_PERMITTED
        assert now().hop(HopName.PASSWORD).state == HopState.NOT_PERMITTED
        assert now().hop(HopName.DOMAIN_SERVICES).state == HopState.NOT_MONITORED
        assert [reason.code for reason in now().reasons] == [ReasonCode.NOT_PERMITTED]
        await clock.advance(6)
        assert now().hop(HopName.CONNECT).state == HopState.ERROR


async def test_failed_poll_keeps_values_and_their_time(clock: ManualClock) -> None:
    """A poll that fails keeps the last success and its as_of, and the tenant is unknown, not ok."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, organization(clock), Denied("403"))
    async with running(service(clock, source)) as now:
        await clock.advance(31)
        hop = now().hop(HopName.CONNECT)
        assert hop.as_of == START
        assert hop.last_success == START - timedelta(seconds=600)
        assert hop.verdict == Verdict.UNKNOWN
        assert now().verdict == Verdict.UNKNOWN
        assert ReasonCode.NOT_PERMITTED in {reason.code for reason in now().reasons}


async def test_unforeseen_exception_is_survived(clock: ManualClock) -> None:
    """A bug in a source shows as that source's error, without a traceback, and the next poll goes on."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, ZeroDivisionError("boom"), lambda: organization(clock))
    async with running(service(clock, source)) as now:
        status = now().source(SourceId.ORGANIZATION)
        assert status is not None
        assert status.state == SourceState.ERROR
        assert "ZeroDivisionError" in (status.error or "")
        await clock.advance(10)
        assert now().verdict == Verdict.OK


async def test_back_off_grows_and_resets(clock: ManualClock) -> None:
    """Failures space the polls out up to twice the interval; one success brings the interval back."""
    failures = [Unreachable("down")] * 6
    source = ScriptedSource(SourceId.ORGANIZATION, clock, *failures, lambda: organization(clock))
    async with running(service(clock, source)):
        await clock.advance(400)
    gaps = [round(b - a) for a, b in zip(source.polls, source.polls[1:], strict=False)]
    assert gaps[:8] == [5, 10, 20, 40, 60, 60, 30, 30]


async def test_polls_of_one_source_never_overlap(clock: ManualClock) -> None:
    """A source slower than its interval is asked again only after it has answered, also on `poll_now`."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, lambda: organization(clock), takes_s=45)
    status = service(clock, source)
    async with running(status):
        for _ in range(20):
            status.poll_now()
            await clock.advance(20)
    assert len(source.polls) > 4
    assert not source.overlapped


async def test_slow_poll_is_cut_off(clock: ManualClock) -> None:
    """A source that never answers is given up after the limit and says so."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, organization(clock), takes_s=10**6)
    async with running(service(clock, source)) as now:
        await clock.advance(61)
        status = now().source(SourceId.ORGANIZATION)
        assert status is not None
        assert status.error == "no complete answer within 60 s"


async def test_throttled_source_is_left_alone_until_its_time(clock: ManualClock) -> None:
    """After a throttled answer no poll happens before retry_at, even when the operator asks."""
    throttled = Throttled("asked too often", retry_at=START + timedelta(seconds=200))
    source = ScriptedSource(SourceId.ORGANIZATION, clock, throttled, lambda: organization(clock))
    status = service(clock, source)
    async with running(status) as now:
        status.poll_now()
        await clock.advance(199)
        assert len(source.polls) == 1
        assert ReasonCode.THROTTLED in {reason.code for reason in now().reasons}
        await clock.advance(2)
        assert len(source.polls) == 2


async def test_poll_now_asks_at_once(clock: ManualClock) -> None:
    """`poll_now` does not wait for the interval."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, lambda: organization(clock))
    status = service(clock, source)
    async with running(status):
        status.poll_now("contoso")
        await settle()
        assert len(source.polls) == 2
        status.poll_now("someone else")
        await settle()
        assert len(source.polls) == 2


async def test_time_alone_makes_a_hop_late(clock: ManualClock) -> None:
    """An unchanged last success turns late and then stale as the clock goes on, with events that say so."""
    fixed = START - timedelta(seconds=600)

    def answer() -> object:
        facts = organization(clock)
        return type(facts)(
            as_of=clock.now(),
            connect=type(facts.connect)(reported=HopState.OK, last_success=fixed),
            password=facts.password,
        )

    source = ScriptedSource(SourceId.ORGANIZATION, clock, answer)  # type: ignore[arg-type]
    async with running(service(clock, source)) as now:
        await clock.advance(3100)
        assert now().hop(HopName.CONNECT).state == HopState.LATE
        await clock.advance(7300)
        assert now().hop(HopName.CONNECT).state == HopState.STALE
        assert [event.kind for event in now().events].count("state") == 2


async def test_watchdog_marks_a_poller_that_hangs(clock: ManualClock) -> None:
    """A poller stuck beyond any limit is marked late and its values no longer count as ok."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, lambda: organization(clock))
    status = service(clock, source)
    async with running(status) as now:
        poller = status.monitors[0].pollers[0]

        async def hang() -> Awaitable[None]:
            await asyncio.Event().wait()
            raise AssertionError

        poller.poll = hang  # type: ignore[method-assign, assignment]
        await clock.advance(300)
        found = now().source(SourceId.ORGANIZATION)
        assert found is not None
        assert found.late
        assert now().hop(HopName.CONNECT).verdict == Verdict.UNKNOWN


async def test_slow_subscriber_sees_only_the_newest(clock: ManualClock) -> None:
    """A subscriber that reads rarely gets one newest value, however many were published."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, lambda: organization(clock))
    status = service(clock, source)
    async with running(status):
        with status.subscribe() as subscription:
            updates = aiter(subscription)
            await anext(updates)
            await clock.advance(300)
            newest = await anext(updates)
            assert newest is status.latest
            waiting = asyncio.ensure_future(anext(updates))  # type: ignore[arg-type]
            await settle()
            assert not waiting.done()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


def failing(source: str, name: str) -> FailureReport:
    return FailureReport(
        source=source,
        hop=HopName.CONNECT,
        code="PropertyConflict",
        object=ObjectRef(type="user", id=name, name=name, dn=f"CN={name}"),
        attribute="ProxyAddresses",
        value=f"smtp:{name}@contoso.com",
    )


async def test_failures_appear_and_go(clock: ManualClock) -> None:
    """Failures of the newest poll are in the snapshot, fixed ones are gone, and the events tell of both."""
    reports = [failing("graph", "ann"), failing("graph", "bob")]
    source = ScriptedSource(
        SourceId.FAILURES,
        clock,
        lambda: FailuresFacts(as_of=clock.now(), reports=tuple(reports)),
    )
    async with running(service(clock, source)) as now:
        assert {failure.object.name for failure in now().failures} == {"ann", "bob"}
        ann = next(failure.id for failure in now().failures if failure.object.name == "ann")
        reports.pop()
        await clock.advance(121)
        assert [failure.id for failure in now().failures] == [ann]
        assert now().failures_total == 1
        assert [event.text for event in now().events if event.kind == "fixed"] == ["1 failure gone"]


async def test_partly_denied_failures_are_not_a_healthy_reading(clock: ManualClock) -> None:
    """When one type of object may not be read, what was read is shown and the source says what is missing."""
    facts = FailuresFacts(
        as_of=clock.now(), reports=(failing("graph", "ann"),), incomplete=("contacts: not permitted",)
    )
    async with running(service(clock, ScriptedSource(SourceId.FAILURES, clock, facts))) as now:
        status = now().source(SourceId.FAILURES)
        assert status is not None
        assert status.state == SourceState.DENIED
        assert "contacts" in (status.error or "")
        assert now().failures_total == 1


def counts(clock: ManualClock, users: int) -> CountsFacts:
    def readings(number: int) -> dict[ObjectType, Reading[int]]:
        return {kind: Reading.of(number if kind == ObjectType.USERS else 0, clock.now()) for kind in ObjectType}

    return CountsFacts(as_of=clock.now(), entra=readings(users), entra_synced=readings(users))


def domain(clock: ManualClock, users: int) -> DirectoryFacts:
    synced = {ObjectType.USERS: Reading.of(users, clock.now()), ObjectType.GROUPS: Reading.of(0, clock.now())}
    return DirectoryFacts(as_of=clock.now(), synced=synced)


async def test_difference_is_in_flight_until_it_lasts(clock: ManualClock) -> None:
    """A gap is unknown at first sight, in flight while young, and unexplained once older than the hop's limit."""
    held = [100]
    entra = ScriptedSource(SourceId.COUNTS, clock, lambda: counts(clock, 100))
    managed = ScriptedSource(SourceId.MANAGED_DOMAIN, clock, lambda: domain(clock, held[0]))
    async with running(service(clock, entra, managed)) as now:

        def users() -> object:
            return now().counts[0].difference

        assert (users().in_flight, users().unexplained) == (0, 0)  # type: ignore[attr-defined]
        await clock.advance(2 * 3600 + 60)
        held[0] = 97
        await clock.advance(120)
        assert (users().in_flight, users().unexplained) == (3, 0)  # type: ignore[attr-defined]
        await clock.advance(2 * 3600 + 120)
        assert (users().in_flight, users().unexplained) == (0, 3)  # type: ignore[attr-defined]


async def test_poll_once_asks_every_source_once(clock: ManualClock) -> None:
    """`poll_once` gives one snapshot in which each source was asked exactly once."""
    one = ScriptedSource(SourceId.ORGANIZATION, clock, organization(clock))
    two = ScriptedSource(SourceId.COUNTS, clock, counts(clock, 5))
    published = await service(clock, one, two).poll_once()
    assert (len(one.polls), len(two.polls)) == (1, 1)
    assert published.tenants[0].counts[0].entra.value == 5
