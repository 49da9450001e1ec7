"""Why an object is on one side of a hop only."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from tests.builders import ago, conflict, healthy, hop
from tests.helpers import START
from tui.model.absence import Circumstances, circumstances, missing, usual_lag
from tui.model.comparison import Listed, Part
from tui.model.facts import ObjectRef
from tui.model.marks import Mark, is_service_name
from tui.model.snapshot import Hop, Lag, LagFigures, Thresholds
from tui.model.states import HopName, HopState, Side, Verdict

JANE = ObjectRef(type="user", name="Jane Doe", source_anchor="q2Vw1Zl0")
OLD = ago(5 * 86400)


def around(name: HopName = HopName.CONNECT, *, made: datetime | None = None, **changes: object) -> Circumstances:
    return replace(circumstances(healthy(), name, Thresholds(), START, made), **changes)


def listed(*marks: Mark, created: datetime | None = OLD, kind: str = "user", **more: object) -> Listed:
    return Listed(object=replace(JANE, type=kind), created=created, marks=frozenset(marks), **more)  # type: ignore[arg-type]


def not_in_entra(seen: Listed, **changes: object) -> tuple[Part, str]:
    told = missing(seen, Side.ENTRA, around(**changes))
    return told.part, told.why


def not_in_domain(seen: Listed, **changes: object) -> tuple[Part, str]:
    told = missing(seen, Side.MANAGED_DOMAIN, around(HopName.DOMAIN_SERVICES, **changes))
    return told.part, told.why


def test_a_failure_in_the_feed_comes_first() -> None:
    """What the feed says about an object explains its absence before anything else, with the remedy."""
    failure = replace(conflict(), code="InvalidSoftMatch")
    told = missing(listed(Mark.BUILT_IN), Side.ENTRA, around(), failure)
    assert told.part is Part.FAILED
    assert told.since == failure.first_seen
    assert len(told.why) > 20


@pytest.mark.parametrize("mark", [Mark.BUILT_IN, Mark.SERVICE])
def test_connect_leaves_some_objects_out(mark: Mark) -> None:
    """Built-in objects and service accounts are excluded on purpose, and it is said that Connect does so."""
    part, why = not_in_entra(listed(mark))
    assert part is Part.EXCLUDED
    assert "Connect leaves" in why


@pytest.mark.parametrize(
    ("name", "expected"), [("MSOL_1a2b", True), ("aad_srv", True), ("SUPPORT_388945a0", True), ("msolly", False)]
)
def test_service_accounts_are_known_by_name(name: str, expected: bool) -> None:
    """Only the documented names count: nobody called Msolly is left out."""
    assert is_service_name(name) is expected


def test_scope_of_the_managed_domain() -> None:
    """Cloud-only scope leaves synced users out, not groups; the group filter is named where it may be the cause."""
    assert not_in_domain(listed(Mark.SYNCED), cloud_only=True)[0] is Part.EXCLUDED
    assert not_in_domain(listed(Mark.SYNCED, kind="group"), cloud_only=True)[0] is Part.UNEXPLAINED
    part, why = not_in_domain(listed(Mark.SYNCED), filtered=True)
    assert part is Part.EXCLUDED
    assert "direct member" in why


def test_a_cloud_user_needs_a_new_password() -> None:
    """A cloud user without a new password since the domain was made is excluded; a synced one, a guest, or one whose
    times are not known is not."""
    before = listed(Mark.LOCAL, password_changed=ago(90 * 86400))
    made = ago(30 * 86400)
    assert not_in_domain(before, made=made)[0] is Part.EXCLUDED
    assert not_in_domain(before)[0] is Part.UNEXPLAINED
    assert not_in_domain(replace(before, password_changed=ago(86400)), made=made)[0] is Part.UNEXPLAINED
    assert not_in_domain(replace(before, marks=frozenset({Mark.GUEST})), made=made)[0] is Part.UNEXPLAINED


def test_what_is_young_is_in_flight() -> None:
    """An object younger than the hop's limit is in flight, an older one is unexplained."""
    assert not_in_entra(listed(created=ago(600)))[0] is Part.IN_FLIGHT
    assert not_in_entra(listed(created=ago(3700)))[0] is Part.UNEXPLAINED
    assert not_in_entra(replace(listed(), changed=ago(60)))[0] is Part.IN_FLIGHT
    assert not_in_entra(listed(created=None))[0] is Part.UNEXPLAINED


def test_what_waits_for_a_stopped_hop() -> None:
    """While a hop stands still, what was made since its last success waits for it; what is older does not."""
    stopped = hop(HopName.CONNECT, 3 * 86400, state=HopState.STALE, verdict=Verdict.CRITICAL)
    snapshot = replace(healthy(), hops=(stopped, *healthy().hops[1:]))
    held_up = circumstances(snapshot, HopName.CONNECT, Thresholds(), START)
    told = missing(listed(created=ago(2 * 86400)), Side.ENTRA, held_up)
    assert (told.part, told.why) == (Part.IN_FLIGHT, "Waits: AD > Entra last succeeded 3 days ago.")
    assert missing(listed(), Side.ENTRA, held_up).part is Part.UNEXPLAINED


def test_what_was_deleted_before_is_in_flight_until_it_lasts() -> None:
    """An object that is only left on the further side is in flight while that is news, then unexplained."""
    young = missing(listed(Mark.SYNCED), Side.ON_PREMISES, around(), None, ago(60))
    lasting = missing(listed(Mark.SYNCED), Side.ON_PREMISES, around(), None, ago(7200))
    assert (young.part, lasting.part) == (Part.IN_FLIGHT, Part.UNEXPLAINED)
    assert young.why.startswith("No longer on-premises, but still in Entra")


def test_the_usual_lag_is_measured_or_configured() -> None:
    """With enough samples the measured lag is told, else the limit."""
    figures = LagFigures(samples=40, median_s=372.0, p95_s=1900.0, max_s=2000.0)
    measured = Hop(name=HopName.CONNECT, lag=Lag(day=figures))
    assert usual_lag(measured, 3600.0) == "half of the changes arrive within 6m12s, 95 % within 31m40s"
    few = Hop(name=HopName.CONNECT, lag=Lag(day=replace(figures, samples=2)))
    assert usual_lag(few, 3600.0) == "changes should arrive within 1h00m"
