"""The first update of an object that nobody told of before, in the words of Graph and LDAP: one lag on each hop."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from itertools import accumulate, cycle, islice
from math import ceil, floor
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from tests.builders import healthy
from tests.helpers import START, ManualClock
from tests.sources.graph_delta import Delta
from tests.sources.upstreams import run, upstream
from tui.ldap.entries import Entry
from tui.model.attributes import USER_ATTRIBUTES
from tui.model.facts import DirectoryFacts, ObjectChange
from tui.model.snapshot import Lag, Thresholds
from tui.model.states import HopName, Side, SourceId
from tui.model.text import rfc3339
from tui.service.lag_hops import MeasuredLag
from tui.settings import PollSettings
from tui.sources.graph_changes import ChangesSource
from tui.sources.ldap_changes import Mark, change_of

GUID = UUID("cfa0e8e0-c46b-4221-ac6b-d6e4ece9bfab")
WHOLE = 60
CYCLE_S, ROUND_S = 10, 3
SEEN = Mark(host="dc1", usn=500)

Values = dict[str, list[str]]


class Travel(Struct, frozen=True):
    """Seconds after the monitor's start (before it, where negative): a user `made` long before `written` on premises;
    Connect and the sync begin at their phases and come round; `gaps`: between one poll and the next, of each side.
    `filled`: the domain has shown another user with every attribute."""

    values: Values
    is_on: bool
    made: int
    written: float
    phases: tuple[float, int]
    took: int
    gaps: tuple[list[int], list[int], list[int]]
    filled: bool

    @property
    def exported(self) -> float:
        return _next(self.written, self.phases[0], CYCLE_S)

    @property
    def round_began(self) -> float:
        return _next(self.exported, self.phases[1], ROUND_S)

    @property
    def arrived(self) -> float:
        return self.round_began + self.took

    def polls(self, side: int) -> set[int]:
        return {0, *islice(accumulate(cycle(self.gaps[side])), WHOLE)}


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_characters="\x7f"), min_size=1, max_size=8)
VALUES = st.fixed_dictionaries(
    {"displayName": st.lists(TEXT, min_size=1, max_size=1)},
    optional={
        one.graph: st.lists(TEXT, max_size=3 if one.multiple else 1, unique_by=str.casefold)
        for one in USER_ATTRIBUTES
        if one.graph not in ("accountEnabled", "displayName")
    },
)
GAPS = st.lists(st.integers(1, 6), min_size=1, max_size=5)
TRAVELS = st.builds(
    Travel,
    values=VALUES,
    is_on=st.booleans(),
    made=st.integers(-3600, -5),
    written=st.floats(1, 20),
    phases=st.tuples(st.floats(0, CYCLE_S), st.integers(0, ROUND_S)),
    took=st.integers(0, 2),
    gaps=st.tuples(GAPS, GAPS, GAPS),
    filled=st.booleans(),
)
BY_HAND = Travel({"displayName": ["Lea"]}, True, -59, 6.0, (3.3, 1), 1, ([2], [2], [2]), False)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25, deadline=None)
@example(BY_HAND)
@example(replace(BY_HAND, gaps=([6], [6], [1]), filled=True))
@given(TRAVELS)
async def test_a_first_update_is_one_lag_on_each_hop(travel: Travel) -> None:
    """Whenever the three sides are polled, whatever is empty, however shortly before the monitor the user was made:
    one sample on each hop, as long as the way took."""
    connect, domain = await _watched(travel)
    for lag, true in (
        (connect, travel.exported - floor(travel.written)),
        (domain, max(0.0, floor(travel.arrived) - travel.exported)),
    ):
        assert lag.day.samples == 1
        assert lag.day.max_s is not None
        assert abs(lag.day.max_s - true) < 0.1
        assert (lag.in_flight, lag.not_arrived) == (0, 0)


async def _watched(travel: Travel) -> tuple[Lag, Lag]:
    """The lag of both hops, after the monitor has polled for long enough."""
    clock, delta = ManualClock(), Delta()
    source = ChangesSource(upstream(delta, clock), clock)
    sides = (SourceId.ON_PREMISES, SourceId.CHANGES, SourceId.MANAGED_DOMAIN)
    measured = MeasuredLag(sides, PollSettings(ldap=2.0), Thresholds(), lambda: 0.5)
    told = {id: _told(travel, id) for id in (SourceId.ON_PREMISES, SourceId.MANAGED_DOMAIN)}
    for second in range(WHOLE):
        if ceil(travel.exported) == second:
            delta.rounds["users"].append([[_item(travel)]])
        for number, side in enumerate(sides):
            if second in travel.polls(number):
                facts = await run(clock, source.fetch()) if side is SourceId.CHANGES else _facts(told[side], second)
                list(measured.taking(side, facts))
        snapshot = measured.shown(_succeeding(travel, second), _at(second))
        clock.jump(1)
    connect, domain = (snapshot.hop(name).lag for name in (HopName.CONNECT, HopName.DOMAIN_SERVICES))
    assert connect is not None
    assert domain is not None
    return connect, domain


def _told(travel: Travel, side: SourceId) -> list[tuple[float, ObjectChange]]:
    """What a directory has to tell, with when; each is told once."""
    if side is SourceId.ON_PREMISES:
        return [(travel.written, _change(travel, Side.ON_PREMISES, travel.written))]
    arrived = _change(travel, Side.MANAGED_DOMAIN, travel.arrived)
    everything = {one.graph: ("Something",) for one in USER_ATTRIBUTES}
    other = replace(arrived, object_id=str(UUID(int=1)), values=everything, at=_at(1))
    return [*([(1.0, other)] if travel.filled else []), (travel.arrived, arrived)]


def _facts(told: list[tuple[float, ObjectChange]], second: int) -> DirectoryFacts:
    due = [one for one in told if one[0] <= second]
    told[:] = [one for one in told if one[0] > second]
    return DirectoryFacts(as_of=_at(second), synced={}, changes=tuple(change for _, change in due))


def _succeeding(travel: Travel, second: int) -> Any:
    """Both hops tell when they last succeeded: Connect when a cycle began, the sync when a round ended."""
    ends = {
        HopName.CONNECT: _last(second, travel.phases[0], CYCLE_S),
        HopName.DOMAIN_SERVICES: _last(second - travel.took, travel.phases[1], ROUND_S) + travel.took,
    }
    snapshot = healthy()
    hops = (replace(one, last_success=_at(ends[one.name]) if one.name in ends else None) for one in snapshot.hops)
    return replace(snapshot, hops=tuple(hops))


def _item(travel: Travel) -> dict[str, Any]:
    """As Graph tells it: null for what is not set, an empty list where there are none."""
    texts = {one.graph: next(iter(travel.values.get(one.graph, ())), None) for one in USER_ATTRIBUTES}
    return {
        **texts,
        "id": str(GUID),
        "accountEnabled": travel.is_on,
        "proxyAddresses": travel.values.get("proxyAddresses", []),
        "createdDateTime": rfc3339(_at(travel.made)),
        "onPremisesImmutableId": base64.b64encode(GUID.bytes_le).decode(),
        "onPremisesLastSyncDateTime": rfc3339(_at(travel.exported)),
    }


def _change(travel: Travel, side: Side, seconds: float) -> ObjectChange:
    """As LDAP tells it: an attribute without a value is not there, and times are whole seconds."""
    name = "on_premises" if side is Side.ON_PREMISES else "managed_domain"
    held = {getattr(one, name).lower(): travel.values.get(one.graph, []) for one in USER_ATTRIBUTES}
    held |= {
        "objectclass": ["top", "person", "organizationalPerson", "user"],
        "useraccountcontrol": ["512" if travel.is_on else "514"],
        "whencreated": [f"{_at(travel.made):%Y%m%d%H%M%S}.0Z"],
        "whenchanged": [f"{_at(seconds):%Y%m%d%H%M%S}.0Z"],
        "usncreated": ["400"],
        "msds-aadobjectid": [f"User_{GUID}"],
    }
    attributes = {key: tuple(value.encode() for value in values) for key, values in held.items() if values}
    entry = Entry("CN=x,DC=x", {**attributes, "objectguid": (GUID.bytes_le,)})
    found = change_of(entry, side, SEEN, 0.0, _at(WHOLE))
    assert found is not None
    return found


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _next(seconds: float, phase: float, every: int) -> float:
    """The first moment of a rhythm that is not before `seconds`."""
    return phase + every * ceil((seconds - phase) / every)


def _last(seconds: float, phase: float, every: int) -> float:
    return phase + every * floor((seconds - phase) / every)
