"""The state of each hop by the age of its last success, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from tui.model.catalogue import explain
from tui.model.evidence import likely_cause, root_alert, with_steps_of_cause
from tui.model.finding import Finding, ago, finding
from tui.model.snapshot import Hop, Progress, SourceStatus, TenantSnapshot, Thresholds
from tui.model.states import HOP_SOURCE, HopName, HopState, ReasonCode, Severity, SourceState, Verdict
from tui.model.text import limit, minute

THREE_DAYS_S = 3 * 86400.0
LONGEST_ETA_S = 30 * 86400.0  # beyond this the rate says no more than that it hardly moves
FUTURE_TOLERANCE_S = 600.0  # a success later than this cannot be believed, whatever the clocks' skew

VERDICT_OF_STATE = {
    HopState.OK: Verdict.OK,
    HopState.OFF: Verdict.OK,
    HopState.LATE: Verdict.WARNING,
    HopState.DISABLED: Verdict.WARNING,
    HopState.STALE: Verdict.CRITICAL,
    HopState.NEVER: Verdict.CRITICAL,
}
HOP_TITLES = {
    HopName.CONNECT: "Synchronization",
    HopName.PASSWORD: "Password hash sync",
    HopName.DOMAIN_SERVICES: "Managed domain sync",
}


def is_failing(status: SourceStatus | None) -> bool:
    """Whether what the source told is old: it fails, has not answered yet, or its poller has not come round."""
    return status is not None and (status.state not in (SourceState.OK, SourceState.NOT_CONFIGURED) or status.late)


def graded(hop: Hop, snapshot: TenantSnapshot, thresholds: Thresholds, now: datetime) -> Hop:
    """`hop` with `state` and `verdict`."""
    state = _state(hop, known_age_s(hop, snapshot, now), thresholds)
    verdict = VERDICT_OF_STATE.get(state, Verdict.UNKNOWN)
    if state is HopState.NEVER and hop.progress is not None and hop.progress.moving:
        verdict = Verdict.OK
    if verdict is Verdict.OK and is_failing(snapshot.source(HOP_SOURCE[hop.name])):
        verdict = Verdict.UNKNOWN
    return replace(hop, state=state, verdict=verdict)


def known_age_s(hop: Hop, snapshot: TenantSnapshot, now: datetime) -> float | None:
    """Seconds since the last success; while the source fails, as they were when it last answered."""
    if hop.as_of is not None and is_failing(snapshot.source(HOP_SOURCE[hop.name])):
        return hop.age_s(min(hop.as_of, now))
    return hop.age_s(now)


def hop_findings(snapshot: TenantSnapshot, thresholds: Thresholds, now: datetime) -> Iterator[Finding]:
    """What the hops' states mean for the tenant."""
    states = {hop.name: hop.state for hop in snapshot.hops}
    for hop in snapshot.hops:
        age = known_age_s(hop, snapshot, now)
        if hop.state is HopState.NEVER:
            yield _never(hop, snapshot)
        elif hop.state is HopState.DISABLED:
            if hop.name is HopName.CONNECT or states.get(HopName.CONNECT) is not HopState.DISABLED:
                yield _disabled(hop, age)
        elif hop.state in (HopState.LATE, HopState.STALE) and age is not None:
            yield from _LATE[hop.name](hop, age, snapshot, thresholds)


def _state(hop: Hop, age: float | None, thresholds: Thresholds) -> HopState:
    if hop.reported not in (HopState.OK, HopState.LATE, HopState.STALE):
        return hop.reported
    if age is None or _lies_in_the_future(hop):
        return HopState.NOT_REPORTED
    warning, critical = thresholds.of(hop.name)
    if age > critical:
        return HopState.STALE
    return HopState.LATE if age > warning else HopState.OK


def _lies_in_the_future(hop: Hop) -> bool:
    if hop.last_success is None or hop.as_of is None:
        return False
    return (hop.last_success - hop.as_of).total_seconds() - hop.clock_offset_s > FUTURE_TOLERANCE_S


def _never(hop: Hop, snapshot: TenantSnapshot) -> Finding:
    domain = hop.name is HopName.DOMAIN_SERVICES
    about = explain("never-synchronized-domain-services" if domain else "never-synchronized")
    if hop.progress is not None and hop.progress.moving:
        text = f"First sync under way: {_progress(hop.progress)}"
        return finding(ReasonCode.NEVER_SYNCHRONIZED, Severity.INFO, hop.name, text, about)
    text = f"{HOP_TITLES[hop.name]} is switched on but has never succeeded. {_why(hop.name, snapshot, about.remedy)}"
    if hop.progress is not None:
        text = f"First sync has stopped at {_progress(hop.progress)}. {_why(hop.name, snapshot, about.remedy)}"
    return finding(ReasonCode.NEVER_SYNCHRONIZED, Severity.CRITICAL, hop.name, text, about)


def _progress(progress: Progress) -> str:
    text = f"{progress.done:,} of {progress.total:,} ({progress.fraction:.0%})"
    eta = progress.eta_s
    told = progress.moving and eta is not None and eta < LONGEST_ETA_S
    return f"{text}, about {ago(max(60.0, eta or 0.0))} left" if told else text


def _why(hop: HopName, snapshot: TenantSnapshot, remedy: str) -> str:
    if hop is HopName.DOMAIN_SERVICES:
        alert = root_alert(snapshot)
        return f"Cause: {alert.code} {alert.title}: {alert.remedy}" if alert else remedy
    return likely_cause(snapshot)


def _disabled(hop: Hop, age: float | None) -> Finding:
    about = explain("sync-disabled")
    when = f" (last success {ago(age)} ago)" if age is not None else ""
    text = f"{HOP_TITLES[hop.name]} was switched off{when}. {about.remedy}"
    return finding(ReasonCode.SYNC_DISABLED, Severity.WARNING, hop.name, text, about)


def _connect_late(hop: Hop, age: float, snapshot: TenantSnapshot, thresholds: Thresholds) -> Iterator[Finding]:
    about = explain("no-recent-cloud-sync" if snapshot.jobs and not snapshot.servers else "no-recent-synchronization")
    about, why = with_steps_of_cause(about, snapshot), likely_cause(snapshot)
    if hop.state is HopState.LATE:
        text = f"Sync is late: last success {ago(age)} ago (limit {limit(thresholds.connect_warning)}). {why}"
        yield finding(ReasonCode.CONNECT_LATE, Severity.WARNING, hop.name, text, about)
        return
    text = f"No recent synchronization: last success {ago(age)} ago (limit {limit(thresholds.connect_critical)}). {why}"
    yield finding(ReasonCode.NO_RECENT_SYNCHRONIZATION, Severity.CRITICAL, hop.name, text, about)
    if age > THREE_DAYS_S:
        text = f"Last synced more than 3 days ago: {ago(age)} ago, on {minute(hop.last_success)}. {why}"
        if about.code != "no-recent-cloud-sync":
            about = with_steps_of_cause(explain("last-synced-over-3-days"), snapshot)
        yield finding(ReasonCode.LAST_SYNCED_OVER_3_DAYS, Severity.CRITICAL, hop.name, text, about, rank=101)


def _password_late(hop: Hop, age: float, snapshot: TenantSnapshot, thresholds: Thresholds) -> Iterator[Finding]:
    about = explain("password-sync-late")
    severity, exceeded = _past(hop, thresholds)
    text = f"Password hashes last synced {ago(age)} ago (limit {exceeded}). {about.remedy}"
    yield finding(ReasonCode.PASSWORD_SYNC_LATE, severity, hop.name, text, about)


def _domain_late(hop: Hop, age: float, snapshot: TenantSnapshot, thresholds: Thresholds) -> Iterator[Finding]:
    about = explain("domain-services-late")
    severity, exceeded = _past(hop, thresholds)
    text = f"Managed domain last synced {ago(age)} ago (limit {exceeded}). {_why(hop.name, snapshot, about.remedy)}"
    if age > THREE_DAYS_S:
        text += ". Past 3 days Microsoft says: resolve the alerts, then open a support request"
    yield finding(ReasonCode.DOMAIN_SERVICES_LATE, severity, hop.name, text, about)


def _past(hop: Hop, thresholds: Thresholds) -> tuple[Severity, str]:
    warning, critical = thresholds.of(hop.name)
    stale = hop.state is HopState.STALE
    return (Severity.CRITICAL, limit(critical)) if stale else (Severity.WARNING, limit(warning))


_LATE = {
    HopName.CONNECT: _connect_late,
    HopName.PASSWORD: _password_late,
    HopName.DOMAIN_SERVICES: _domain_late,
}
