"""What changed between two judged snapshots, in words for the feed of events."""

from __future__ import annotations

from collections.abc import Iterator

from tui.model.facts import Alert
from tui.model.snapshot import Event, Failure, Hop, TenantSnapshot
from tui.model.states import HOP_LABELS, HopState, SourceState
from tui.model.text import duration, plural

MOST_EVENTS = 200
MOST_NAMED_FAILURES = 3


def with_events(old: TenantSnapshot, new: TenantSnapshot) -> tuple[Event, ...]:
    """The events of `old` with those that `new` brings before them, newest first, bounded."""
    fresh = tuple(_changes(old, new))
    return (fresh + old.events)[:MOST_EVENTS] if fresh else old.events


def _changes(old: TenantSnapshot, new: TenantSnapshot) -> Iterator[Event]:
    for hop in new.hops:
        before = next((other for other in old.hops if other.name == hop.name), None)
        if before is not None and before.as_of is not None and before.state != hop.state:
            yield Event(at=new.at, kind="state", text=_state_change(before, hop, new))
    yield from _alert_changes(old, new)
    yield from _failure_changes(old, new)
    yield from _source_changes(old, new)


def _state_change(before: Hop, after: Hop, snapshot: TenantSnapshot) -> str:
    age = after.age_s(snapshot.at)
    tail = f" (last success {duration(age)} ago)" if age is not None and after.state != HopState.OK else ""
    return f"{HOP_LABELS[after.name]}  {before.state} -> {after.state}{tail}"


def _alert_changes(old: TenantSnapshot, new: TenantSnapshot) -> Iterator[Event]:
    if old.alerts == new.alerts:
        return
    before, after = ({_alert_key(alert): alert for alert in snapshot.alerts} for snapshot in (old, new))
    for key in [key for key in after if key not in before]:
        yield Event(at=new.at, kind="alert", text=f"raised: {after[key].code} {after[key].title}")
    for key in [key for key in before if key not in after]:
        yield Event(at=new.at, kind="fixed", text=f"cleared: {before[key].code} {before[key].title}")


def _alert_key(alert: Alert) -> tuple[str, str, str]:
    return alert.source, alert.code, alert.where


def _failure_changes(old: TenantSnapshot, new: TenantSnapshot) -> Iterator[Event]:
    if old.failures is new.failures:
        return
    before = {failure.id for failure in old.failures}
    appeared = [failure for failure in new.failures if failure.id not in before]
    gone = len(before) - (len(new.failures) - len(appeared))
    yield from _appeared(new, appeared)
    if gone > 0:
        yield Event(at=new.at, kind="fixed", text=f"{plural(gone, 'failure')} gone")


def _appeared(new: TenantSnapshot, appeared: list[Failure]) -> Iterator[Event]:
    if len(appeared) > MOST_NAMED_FAILURES:
        yield Event(at=new.at, kind="fail", text=f"{plural(len(appeared), 'new failure')}")
        return
    for failure in appeared:
        name = failure.object.name or failure.object.dn or failure.object.upn or failure.object.id or "an object"
        yield Event(at=new.at, kind="fail", text=f"new: {failure.code} on {name}")


def _source_changes(old: TenantSnapshot, new: TenantSnapshot) -> Iterator[Event]:
    for status in new.sources:
        before = old.source(status.source)
        if before is None or before.state == status.state or status.state == SourceState.NEVER:
            continue
        if status.state == SourceState.OK and before.state != SourceState.NEVER:
            yield Event(at=new.at, kind="poll", text=f"{status.source} answers again")
        elif status.state != SourceState.OK:
            yield Event(at=new.at, kind="poll", text=f"{status.source}: {status.error or status.state}")
