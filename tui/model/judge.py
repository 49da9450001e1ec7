"""The verdict: (snapshot, thresholds, now) -> the snapshot with each hop's state, the reasons, and the worst of them.

Pure: everything it says follows from its arguments. The rules are those of the reason table in the README.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from tui.model.finding import Finding, in_order
from tui.model.judge_alerts import alert_findings, deletion_findings
from tui.model.judge_differences import difference_findings
from tui.model.judge_failures import failure_findings
from tui.model.judge_hops import graded, hop_findings
from tui.model.judge_jobs import job_findings
from tui.model.judge_sources import count_findings, source_findings, uncounted_findings, unread_hop_findings
from tui.model.snapshot import Reason, TenantSnapshot, Thresholds
from tui.model.states import Severity, Verdict

_VERDICTS = {
    Severity.CRITICAL: Verdict.CRITICAL,
    Severity.WARNING: Verdict.WARNING,
    Severity.UNKNOWN: Verdict.UNKNOWN,
}


def judge(snapshot: TenantSnapshot, thresholds: Thresholds, now: datetime) -> TenantSnapshot:
    """`snapshot` with `hops` graded, `reasons` (by severity, then cause before symptom) and `verdict` filled in.

    A source that fails never makes anything look healthy: its hop is graded by what was known when it last answered,
    and is never better than unknown.
    """
    hops = tuple(graded(hop, snapshot, thresholds, now) for hop in snapshot.hops)
    judged = replace(snapshot, hops=hops)
    reasons = in_order(_findings(judged, thresholds, now))
    return replace(judged, reasons=reasons, verdict=verdict_of(reasons))


def verdict_of(reasons: Iterable[Reason]) -> Verdict:
    """Critical if any reason is, else warning, else unknown, else ok."""
    severities = {reason.severity for reason in reasons}
    return next((verdict for severity, verdict in _VERDICTS.items() if severity in severities), Verdict.OK)


def _findings(snapshot: TenantSnapshot, thresholds: Thresholds, now: datetime) -> Iterable[Finding]:
    yield from alert_findings(snapshot)
    yield from deletion_findings(snapshot)
    yield from job_findings(snapshot, thresholds, now)
    yield from hop_findings(snapshot, thresholds, now)
    yield from failure_findings(snapshot)
    yield from source_findings(snapshot, now)
    yield from unread_hop_findings(snapshot)
    yield from count_findings(snapshot)
    yield from uncounted_findings(snapshot)
    yield from difference_findings(snapshot)
