"""Health alerts of Domain Services and Connect Health, and an export held back by too many deletions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from tui.model.catalogue import Explanation, Stops, explain
from tui.model.evidence import is_quarantined
from tui.model.facts import Alert
from tui.model.finding import Finding, finding, is_domain_services, quote
from tui.model.snapshot import TenantSnapshot
from tui.model.states import HopName, ReasonCode, Severity

DELETIONS = "deletion-threshold"
MOST_LOOKED_AT = 1000  # critical failures of the newest poll come first in the list
LEVELS = {"error": Severity.CRITICAL, "critical": Severity.CRITICAL}


def alert_findings(snapshot: TenantSnapshot) -> Iterator[Finding]:
    """One finding per alert."""
    for alert in snapshot.alerts:
        yield _domain_alert(alert) if is_domain_services(alert) else _health_alert(alert)


def deletion_findings(snapshot: TenantSnapshot) -> Iterator[Finding]:
    """One finding, whoever says that the export is held back."""
    said_by = list(dict.fromkeys(_who_says_deletions(snapshot)))
    if not said_by:
        return
    about = explain("stopped-deletion-threshold-exceeded")
    threshold = f" (threshold {snapshot.deletion_threshold:,})" if snapshot.deletion_threshold else ""
    text = f"Export held back: too many deletions waiting{threshold}, says {', '.join(said_by[:3])}. {about.remedy}"
    yield finding(ReasonCode.DELETION_THRESHOLD, Severity.CRITICAL, HopName.CONNECT, text, about)


def alert_hint(alert: Alert) -> str:
    """What tells the meanings of an alert's code apart, for `catalogue.explain`."""
    return f"{alert.title} {alert.text}" if is_domain_services(alert) else alert.title


def graded_alert(alert: Alert) -> tuple[Explanation, Severity, HopName]:
    """What the alert means, how bad it is and which hop it concerns."""
    about = explain(alert.code, alert_hint(alert))
    if is_domain_services(alert):
        severity = Severity.CRITICAL if about.stops is Stops.SYNC else Severity.WARNING
        return about, severity, HopName.DOMAIN_SERVICES
    hop = HopName.PASSWORD if about.stops is Stops.PASSWORDS else HopName.CONNECT
    return about, LEVELS.get(alert.severity.strip().casefold(), Severity.WARNING), hop


def _domain_alert(alert: Alert) -> Finding:
    about, severity, hop = graded_alert(alert)
    if about.cause == DELETIONS:
        text = f"{quote(alert.text or about.title)}. {about.remedy}"
        return finding(ReasonCode.DELETION_THRESHOLD, Severity.CRITICAL, hop, text, about)
    text = f"{quote(alert.code)} {_told(alert, about)}"
    return finding(ReasonCode.DOMAIN_SERVICES_ALERT, severity, hop, text, about)


def _health_alert(alert: Alert) -> Finding:
    about, severity, hop = graded_alert(alert)
    return finding(ReasonCode.CONNECT_HEALTH_ALERT, severity, hop, f"Connect Health: {_told(alert, about)}", about)


def _told(alert: Alert, about: Explanation) -> str:
    """The alert in words: the catalogue's where it knows the code, else the upstream's own."""
    where = f" ({quote(alert.where, 80)})" if alert.where else ""
    if about.known:
        return f"{about.title}{where}. {about.remedy}"
    title = quote(alert.title or alert.text or alert.code) or "an alert without a name"
    remedy = quote(alert.remedy or alert.text)
    return f"{title}{where}. {remedy}" if remedy and remedy != title else f"{title}{where}"


def _who_says_deletions(snapshot: TenantSnapshot) -> Iterator[str]:
    for alert in snapshot.alerts:
        if not is_domain_services(alert) and explain(alert.code, alert.title).cause == DELETIONS:
            yield "Connect Health"
    for job in filter(is_quarantined, snapshot.jobs):
        if job.quarantine and explain(job.quarantine.reason).cause == DELETIONS:
            yield f"Cloud Sync job {quote(job.name or job.id, 60)}"
    newest_of_step = {(run.hop, run.step): run for run in reversed(snapshot.runs) if run.result}
    # Loading the catalogue takes longer than a first frame may wait for, and it tells nothing of a success.
    unwell = (run.result for run in newest_of_step.values() if run.result != "success")
    if any(explain(result).cause == DELETIONS for result in unwell):
        yield "the last run"
    for failure in islice(snapshot.failures, MOST_LOOKED_AT):
        if failure.severity is Severity.CRITICAL and explain(failure.code).cause == DELETIONS:
            yield from failure.sources
