"""Measured lag: each change is counted once, whatever order and however often the polls tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START
from tui.model.facts import ObjectChange
from tui.model.snapshot import Lag, LagFigures
from tui.model.states import ObjectType
from tui.service.lag_keys import by_object_id, by_origin
from tui.service.lag_meter import KEPT_ARRIVAL, SLICE, LagMeter
from tui.service.lag_samples import MOST_KEPT, MOST_SLOTS

SLACK = timedelta(seconds=120)
GRACE = timedelta(hours=2)


def domain_meter(most: int = 100) -> LagMeter:
    return LagMeter(by_object_id, slack=SLACK, grace=GRACE, random=Random(1).random, most=most)


def connect_meter() -> LagMeter:
    return LagMeter(by_origin, slack=SLACK, grace=GRACE, random=lambda: 0.5, by_sync_time=True)


def change(
    id: str = "a",
    seconds: float = 0.0,
    *,
    created: bool = False,
    synced: float | None = None,
    kind: str = "user",
    **values: str,
) -> ObjectChange:
    told: Mapping[str, tuple[str, ...]] = {name: (value,) if value else () for name, value in values.items()}
    return ObjectChange(
        kind=kind,
        object_id=id,
        source_anchor=id if kind == "user" else None,
        security_id=id if kind == "group" else None,
        at=START + timedelta(seconds=seconds),
        created=created,
        values=told,
        synced_at=None if synced is None else START + timedelta(seconds=synced),
    )


def started(meter: LagMeter) -> LagMeter:
    """A meter both of whose sides have marked their place, half an hour ago."""
    meter.departed([], START - timedelta(minutes=30))
    meter.arrived([], START - timedelta(minutes=30))
    return meter


def told(meter: LagMeter, seconds: float) -> Lag:
    lag = meter.lag(START + timedelta(seconds=seconds))
    assert lag is not None
    return lag


def test_a_new_user_is_timed_from_creation_to_first_appearance() -> None:
    """A user who is made at 0 and appears at 90 has a lag of 90 seconds, whatever the values; until then in flight."""
    meter = started(domain_meter())
    meter.departed([change(created=True, displayName="Ada")], START + timedelta(seconds=10))
    meter.arrived([], START + timedelta(seconds=30))
    lag = told(meter, 30)
    assert (lag.in_flight, lag.oldest_s, lag.hour) == (1, 30, LagFigures())
    assert meter.creations(START + timedelta(seconds=30)) == {ObjectType.USERS: 1}
    meter.arrived([change(seconds=90, created=True, displayName="Ada B")], START + timedelta(seconds=100))
    lag = told(meter, 100)
    assert (lag.in_flight, lag.oldest_s) == (0, None)
    assert lag.hour == lag.day == LagFigures(samples=1, median_s=90, p95_s=90, max_s=90)


def test_a_change_has_arrived_when_its_values_have() -> None:
    """A later sighting with the old department, as after a new password, is not the change's arrival."""
    meter = started(domain_meter())
    meter.departed([change(seconds=0, department="Law", city="Oslo")], START + timedelta(seconds=5))
    meter.arrived([change(seconds=40, department="Sales", city="Oslo")], START + timedelta(seconds=60))
    assert told(meter, 60).day.samples == 0
    meter.arrived([change(seconds=300, department="Law", city="Oslo")], START + timedelta(seconds=310))
    assert told(meter, 310).day.max_s == 300


def test_spelling_that_means_the_same_is_the_same() -> None:
    """Order of addresses, case of sign-in names, and a disabled account in either side's words are no differences."""
    meter = started(domain_meter())
    entra = {"proxyAddresses": ("SMTP:A@x", "smtp:b@x"), "userPrincipalName": ("Ada@x",), "accountEnabled": ("false",)}
    local = {"proxyAddresses": ("smtp:B@x", "SMTP:a@x"), "userPrincipalName": ("ada@X",), "accountEnabled": ("514",)}
    meter.departed([ObjectChange(kind="user", object_id="A", at=START, values=entra)], START)
    later = START + timedelta(seconds=50)
    meter.arrived([ObjectChange(kind="user", object_id="a", at=later, values=local)], later)
    assert told(meter, 50).day.max_s == 50


def test_an_idle_hop_has_no_lag() -> None:
    """With nothing to carry there are no figures, which is not a lag of zero; with one side only there is nothing."""
    meter = domain_meter()
    meter.departed([], START)
    assert meter.lag(START) is None
    assert meter.creations(START) is None
    meter.arrived([], START)
    assert told(meter, 10**6) == Lag()


def test_replays_are_no_changes() -> None:
    """The same object told again by the tenant or by the domain adds neither samples nor objects in flight."""
    meter = started(domain_meter())
    for seconds in (10, 70, 130):
        meter.departed([change(created=True, displayName="Ada")], START + timedelta(seconds=seconds))
        meter.arrived([change(seconds=50, created=True, displayName="Ada")], START + timedelta(seconds=seconds + 50))
    assert (told(meter, 200).day.samples, told(meter, 200).in_flight) == (1, 0)


def test_a_change_of_something_else_is_not_in_flight_for_long() -> None:
    """Once later changes have arrived, an update that shows nothing new to travel is forgotten, not counted as lost."""
    meter = started(domain_meter())
    meter.departed([change("quiet", 0, displayName="Q")], START + timedelta(seconds=1))
    assert told(meter, 100).in_flight == 0
    meter.arrived([], START + timedelta(seconds=100))
    assert told(meter, 100).in_flight == 1
    meter.departed([change("new", 600, created=True, displayName="N")], START + timedelta(seconds=600))
    meter.arrived([change("new", 700, created=True, displayName="N")], START + timedelta(seconds=700))
    assert (told(meter, 700).in_flight, told(meter, 700).not_arrived) == (0, 0)


def test_a_new_object_that_is_passed_over_is_not_arrived() -> None:
    """A created user whom the sync leaves out is in flight for the hop's normal lag, then counted as not arrived."""
    meter = started(domain_meter())
    meter.departed([change(created=True)], START + timedelta(seconds=1))
    meter.passed(START + timedelta(hours=1))
    meter.arrived([], START + timedelta(hours=1))
    assert told(meter, 3600).in_flight == 1
    meter.arrived([], START + timedelta(hours=3))
    lag = told(meter, 3 * 3600)
    assert (lag.in_flight, lag.oldest_s, lag.not_arrived) == (0, None, 1)
    meter.departed([], START + timedelta(hours=25))
    assert told(meter, 25 * 3600).not_arrived == 0


def test_a_stopped_hop_shows_how_long_its_oldest_change_waits() -> None:
    """While nothing arrives and the hop does not succeed, changes stay in flight and grow old."""
    meter = started(domain_meter())
    meter.departed([change(created=True)], START + timedelta(seconds=1))
    meter.arrived([], START + timedelta(hours=9))
    assert (told(meter, 9 * 3600).in_flight, told(meter, 9 * 3600).oldest_s) == (1, 9 * 3600)


def test_a_side_that_is_not_read_makes_nothing_old() -> None:
    """When the later side has not answered for hours, what is in flight is as old as it was at the last look."""
    meter = started(domain_meter())
    meter.departed([change(created=True)], START + timedelta(seconds=1))
    meter.arrived([], START + timedelta(seconds=60))
    assert told(meter, 9 * 3600).oldest_s == 60 + SLACK.total_seconds()


def test_deleted_and_failing_objects_are_not_in_flight() -> None:
    """A user deleted before arriving is forgotten; one whom the hop refuses is failed, and its repair is no lag."""
    meter = started(domain_meter())
    meter.departed([change("gone", created=True), change("bad", created=True)], START + timedelta(seconds=1))
    meter.removed(["gone"])
    meter.failing({"bad"})
    meter.arrived([], START + timedelta(seconds=60))
    assert told(meter, 60).in_flight == 0
    meter.failing(set())
    meter.arrived([change("bad", 900, created=True)], START + timedelta(seconds=900))
    meter.departed([change("gone", 950, created=True)], START + timedelta(seconds=950))
    meter.arrived([change("gone", 990, created=True)], START + timedelta(seconds=990))
    assert told(meter, 990).day == LagFigures(samples=1, median_s=40, p95_s=40, max_s=40)


def test_hop_one_goes_by_the_time_of_the_sync() -> None:
    """An on-premises change is in Entra with the first export at or after it, though Entra's values differ."""
    meter = started(connect_meter())
    meter.departed([change(seconds=100, mail="a@x")], START + timedelta(seconds=120))
    meter.arrived([change(seconds=130, synced=90, mail="other@x")], START + timedelta(seconds=130))
    assert told(meter, 130).day.samples == 0
    meter.arrived([change(seconds=1800, synced=1790, mail="other@x")], START + timedelta(seconds=1800))
    assert told(meter, 1800).day.max_s == 1690


def test_groups_of_hop_one_are_joined_by_security_id() -> None:
    """Graph tells no source anchor of a group; a group without a security id is not followed."""
    meter = started(connect_meter())
    nameless = ObjectChange(kind="group", at=START, source_anchor="x", created=True)
    meter.departed([change("S-1-5-21-1", kind="group", created=True), nameless], START)
    meter.arrived([change("S-1-5-21-1", 60, kind="group", synced=60)], START + timedelta(seconds=60))
    assert (told(meter, 60).day.samples, told(meter, 60).in_flight) == (1, 0)


def test_memory_is_bounded_and_says_so() -> None:
    """However many objects change and however long they take, so many are followed and remembered, and no more."""
    meter = started(domain_meter(most=50))
    for hour in range(30):
        now = START + timedelta(hours=hour)
        ids = [f"{hour}-{number}" for number in range(300)]
        meter.departed([change(id, 3600.0 * hour, created=True, displayName=id) for id in ids], now)
        meter.arrived([change(id, 3600.0 * hour + 5, created=True) for id in ids[::2]], now + timedelta(seconds=5))
        assert len(meter) <= 4 * 50
    assert told(meter, 29.1 * 3600).truncated
    assert not told(meter, 31 * 3600).truncated


def test_samples_are_bounded_and_their_counts_exact() -> None:
    """Ten thousand arrivals an hour keep a few hundred figures; number and maximum are those of all of them."""
    meter = started(domain_meter(most=20_000))
    ids = [f"{number}" for number in range(10_000)]
    meter.departed([change(id, created=True) for id in ids], START)
    meter.arrived([change(id, int(id) / 10, created=True) for id in ids], START + timedelta(seconds=1000))
    figures = told(meter, 1000).hour
    assert (figures.samples, figures.max_s) == (10_000, 999.9)
    assert figures.median_s is not None
    assert 300 < figures.median_s < 700
    assert len(meter._samples) <= MOST_KEPT * MOST_SLOTS
    assert told(meter, 2 * 3600).hour == LagFigures()
    assert told(meter, 2 * 3600).day.samples == 10_000
    assert told(meter, 30 * 3600).day.samples == 0


Event = tuple[str, int]
EVENTS = st.lists(st.tuples(st.sampled_from(["depart", "arrive"]), st.integers(0, 4)), max_size=40)


@given(EVENTS, st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=5, max_size=5))
def test_any_interleaving_counts_each_change_once(events: list[Event], times: list[tuple[float, float]]) -> None:
    """Departures and arrivals of five changed users, in any order and any number of times: one lag each, exact."""
    meter = started(domain_meter())
    seen: set[Event] = set()
    for step, (side, number) in enumerate(events):
        now = START + timedelta(seconds=200 + step)
        if side == "depart":
            meter.departed([change(f"{number}", times[number][0], displayName=f"n{number}")], now)
        else:
            meter.arrived([change(f"{number}", times[number][1], displayName=f"n{number}")], now)
        seen.add((side, number))
    both = [number for number in range(5) if {("depart", number), ("arrive", number)} <= seen]
    lags = [max(0.0, times[number][1] - times[number][0]) for number in both]
    day = told(meter, 300).day
    assert day.samples == len(both)
    assert day.max_s == (pytest.approx(max(lags), abs=1e-5) if lags else None)
    assert meter._number <= 5


SIGHTING = st.tuples(
    st.sampled_from(["depart", "arrive", "remove"]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.floats(-1e5, 1e5),
    st.booleans(),
)


@given(st.lists(SIGHTING, max_size=80), st.integers(1, 6))
def test_no_history_breaks_the_meter(events: list[tuple[str, int, int, float, bool]], most: int) -> None:
    """Values that go back and forth, absurd times, deletions: lags are no more than changes, and never negative."""
    meter = domain_meter(most)
    departures = 0
    for step, (what, id, value, seconds, created) in enumerate(events):
        now = START + timedelta(minutes=step)
        one = change(f"{id}", seconds, created=created, displayName=f"v{value}")
        if what == "depart":
            departures += 1
            meter.departed([one], now)
        elif what == "arrive":
            meter.arrived([one], now)
        else:
            meter.removed([f"{id}"])
        lag = meter.lag(now)
        assert len(meter) <= 4 * most
        assert meter._number == sum(len(several) for several in meter._followed.values())
        if lag is not None:
            assert lag.day.samples <= departures
            assert lag.oldest_s is None or lag.oldest_s >= 0
            assert lag.day.median_s is None or 0 <= lag.day.median_s <= (lag.day.max_s or 0)


def test_an_old_arrival_is_not_taken_for_a_new_change() -> None:
    """An arrival waits half an hour for a departure that is told late, and no longer."""
    meter = started(domain_meter())
    meter.arrived([change(seconds=5, created=True, displayName="Ada")], START + timedelta(seconds=5))
    meter.departed([], START + KEPT_ARRIVAL + timedelta(minutes=1))
    late = START + KEPT_ARRIVAL + timedelta(minutes=2)
    meter.departed([change(seconds=0, created=True, displayName="Bob")], late)
    assert told(meter, 40 * 60).day.samples == 0


def test_an_attribute_that_the_later_side_never_shows_is_not_compared() -> None:
    """Where the company has another name in the domain its absence hides no arrival; where it was seen, it does."""
    meter = started(domain_meter())
    meter.departed([change("a", city="Oslo", companyName="Contoso")], START)
    meter.arrived([change("a", 60, city="Oslo", companyName="")], START + timedelta(seconds=60))
    assert told(meter, 60).day.samples == 1
    meter.arrived([change("b", 61, city="Rome", companyName="Contoso")], START + timedelta(seconds=61))
    meter.departed([change("c", 70, city="Oslo", companyName="Contoso")], START + timedelta(seconds=70))
    meter.arrived([change("c", 90, city="Oslo", companyName="")], START + timedelta(seconds=90))
    assert told(meter, 90).day.samples == 1


def test_what_had_nothing_to_carry_never_becomes_a_lag() -> None:
    """A user touched without a visible change, and hours later given a new password: that is not a lag of hours."""
    meter = started(domain_meter())
    meter.departed([change("quiet", 0, displayName="Q")], START + timedelta(seconds=1))
    for minute in range(30, 35):
        meter.passed(START + timedelta(minutes=minute))
        meter.arrived([], START + timedelta(minutes=minute))
    meter.arrived([change("quiet", 4 * 3600, displayName="Q")], START + timedelta(hours=4))
    assert (told(meter, 4 * 3600).day.samples, told(meter, 4 * 3600).in_flight) == (0, 0)


def test_a_flood_of_changes_is_followed_in_slices() -> None:
    """Thousands of changes in one poll leave room for keys in between, and come to the same as at once."""
    flood = [change(f"u{number}", created=True, displayName="Ada") for number in range(4 * SLICE)]
    at_once, sliced = started(domain_meter(most=5000)), started(domain_meter(most=5000))
    now, later = START + timedelta(seconds=10), START + timedelta(seconds=60)
    at_once.departed(flood, now)
    at_once.arrived(flood[: 2 * SLICE], later)
    assert len(list(sliced.departing(flood, now))) >= 4
    assert len(list(sliced.arriving(flood[: 2 * SLICE], later))) >= 2
    assert told(sliced, 60) == told(at_once, 60)
    assert told(sliced, 60).in_flight == 2 * SLICE
