"""Why an object is on one side of a hop only: failed, excluded on purpose, in flight, or unexplained.

Rules: facts/domain.md 1.3, 1.4, 1.6 and the default rules of Entra Connect. Pure; a trace and a comparison share them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from tui.model.comparison import Example, Listed, Part
from tui.model.failures import explanation
from tui.model.marks import Mark
from tui.model.snapshot import Failure, Hop, TenantSnapshot, Thresholds
from tui.model.states import HOP_LABELS, HopName, HopState, Side
from tui.model.text import duration, span

SIDES = {
    HopName.CONNECT: (Side.ON_PREMISES, Side.ENTRA),
    HopName.DOMAIN_SERVICES: (Side.ENTRA, Side.MANAGED_DOMAIN),
}
SIDE_LABELS = {Side.ON_PREMISES: "on-premises", Side.ENTRA: "Entra", Side.MANAGED_DOMAIN: "the managed domain"}
# A quarantined attribute does not keep its object back.
ATTRIBUTE_ONLY = frozenset({"PropertyConflict"})
FEWEST_SAMPLES = 5


class Circumstances(Struct, frozen=True, kw_only=True):
    """What holds for every object of a hop. `limit_s`: changes older than this should have arrived.

    `usual`: what is normal, in words. `stopped`: why nothing travels at all; empty while it does. `domain_made`: since
    when the managed domain exists.
    """

    hop: Hop
    now: datetime
    limit_s: float
    usual: str
    stopped: str = ""
    cloud_only: bool = False
    filtered: bool = False
    domain_made: datetime | None = None


def circumstances(
    snapshot: TenantSnapshot, name: HopName, thresholds: Thresholds, now: datetime, domain_made: datetime | None = None
) -> Circumstances:
    hop = next((hop for hop in snapshot.hops if hop.name == name), Hop(name=name))
    limit_s, _ = thresholds.of(name)
    return Circumstances(
        hop=hop,
        now=now,
        limit_s=limit_s,
        usual=usual_lag(hop, limit_s),
        stopped=_stopped(hop, now),
        cloud_only=snapshot.sync_scope.casefold() == "cloudonly",
        filtered=snapshot.filtered_sync.casefold() == "enabled",
        domain_made=domain_made,
    )


def usual_lag(hop: Hop, limit_s: float) -> str:
    """The normal lag in words: as measured where there are samples, else the limit that was configured."""
    day = hop.lag.day if hop.lag else None
    if day is not None and day.samples >= FEWEST_SAMPLES and day.median_s is not None and day.p95_s is not None:
        return f"half of the changes arrive within {duration(day.median_s)}, 95 % within {duration(day.p95_s)}"
    return f"changes should arrive within {duration(limit_s)}"


def missing(
    seen: Listed,
    missing_on: Side,
    around: Circumstances,
    failure: Failure | None = None,
    first_missed: datetime | None = None,
) -> Example:
    """Why `missing_on` lacks an object that the other side of the hop has.

    `failure`: what the feed tells of it. `first_missed`: since when it is known to be missing there, for objects whose
    own times tell nothing, as those that were deleted on the side before.
    """
    before, after = SIDES[around.hop.name]
    if failure is not None:
        told = explanation(failure)
        why = f"{told.title}. {told.remedy}" if told.remedy else told.title
        return _example(Part.FAILED, seen, missing_on, why, failure.first_seen)
    if missing_on is after:
        return _not_arrived(seen, missing_on, around, first_missed)
    return _not_removed(seen, before, after, around, first_missed)


class _Rule(NamedTuple):
    applies: Callable[[Listed, Circumstances], bool]
    why: str


def _not_arrived(seen: Listed, after: Side, around: Circumstances, first_missed: datetime | None) -> Example:
    for rule in _LEFT_OUT[around.hop.name]:
        if rule.applies(seen, around):
            return _example(Part.EXCLUDED, seen, after, rule.why, seen.created)
    known = [moment for moment in (seen.created, seen.changed) if moment is not None]
    since = max(known, default=first_missed)
    age_s = None if since is None else (around.now - since).total_seconds()
    if around.stopped and age_s is not None and _after_last_success(since, around.hop):
        return _example(Part.IN_FLIGHT, seen, after, f"Waits: {around.stopped}.", since)
    if age_s is not None and age_s <= around.limit_s:
        return _example(Part.IN_FLIGHT, seen, after, f"On its way for {duration(age_s)}; {around.usual}.", since)
    return _example(Part.UNEXPLAINED, seen, after, _UNEXPLAINED[around.hop.name], since)


def _not_removed(
    seen: Listed, before: Side, after: Side, around: Circumstances, first_missed: datetime | None
) -> Example:
    gone = f"No longer {_at(before)}, but still {_at(after)}"
    age_s = None if first_missed is None else (around.now - first_missed).total_seconds()
    if around.stopped:
        return _example(Part.IN_FLIGHT, seen, before, f"{gone}: its removal waits, {around.stopped}.", first_missed)
    if age_s is not None and age_s <= around.limit_s:
        why = f"{gone}: its removal is on its way, or held back; {around.usual}."
        return _example(Part.IN_FLIGHT, seen, before, why, first_missed)
    return _example(Part.UNEXPLAINED, seen, before, f"{gone}: {_KEPT[around.hop.name]}", first_missed)


def _example(part: Part, seen: Listed, missing_on: Side, why: str, since: datetime | None) -> Example:
    return Example(part=part, object=seen.object, missing_on=missing_on, why=why, since=since)


def _at(side: Side) -> str:
    return SIDE_LABELS[side] if side is Side.ON_PREMISES else f"in {SIDE_LABELS[side]}"


def _after_last_success(moment: datetime | None, hop: Hop) -> bool:
    return moment is None or hop.last_success is None or moment > hop.last_success


def _stopped(hop: Hop, now: datetime) -> str:
    label = HOP_LABELS[hop.name]
    if hop.state is HopState.DISABLED:
        return f"{label} is switched off"
    if hop.state is HopState.NEVER:
        return f"{label} has not finished its first synchronization"
    if hop.state in (HopState.STALE, HopState.LATE) and (age_s := hop.age_s(now)) is not None:
        return f"{label} last succeeded {span(age_s)} ago"
    return ""


def _without_new_password(seen: Listed, around: Circumstances) -> bool:
    """A cloud user gets hashes for the managed domain with the first new password after it was made."""
    made, changed = around.domain_made, seen.password_changed
    is_cloud_user = seen.object.type == "user" and not seen.marks & {Mark.SYNCED, Mark.GUEST}
    return is_cloud_user and made is not None and changed is not None and changed < made


def _marked(mark: Mark) -> Callable[[Listed, Circumstances], bool]:
    return lambda seen, _: mark in seen.marks


_LEFT_OUT: dict[HopName, Sequence[_Rule]] = {
    HopName.CONNECT: (
        _Rule(_marked(Mark.BUILT_IN), "Built-in: Connect leaves the domain's own objects out."),
        _Rule(_marked(Mark.SERVICE), "A service account by its name: Connect leaves it out."),
    ),
    HopName.DOMAIN_SERVICES: (
        _Rule(
            lambda seen, around: around.cloud_only and seen.object.type == "user" and Mark.SYNCED in seen.marks,
            "Out of scope: the managed domain takes cloud users only, and this one comes from on-premises.",
        ),
        _Rule(
            lambda _, around: around.filtered,
            "The managed domain takes members of chosen groups only, and nested groups do not count. If it should be "
            "there, check that it is a direct member of one.",
        ),
        _Rule(
            _without_new_password,
            "A cloud user whose password was not changed since the managed domain was made. The user must change it "
            "once.",
        ),
    ),
}
_UNEXPLAINED = {
    HopName.CONNECT: "Nothing explains it. Check that Connect's scope (its organizational units, its group filter, its "
    "rules) holds it.",
    HopName.DOMAIN_SERVICES: "Nothing explains it. Check the managed domain's alerts and its scope.",
}
_KEPT = {
    HopName.CONNECT: "nothing explains it. Check whether Connect holds deletions back (its threshold), and whether "
    "another forest feeds it.",
    HopName.DOMAIN_SERVICES: "nothing explains it. Check the managed domain's alerts.",
}
