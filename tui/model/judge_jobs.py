"""Cloud Sync jobs: quarantine, objects set aside, and a job that is late while another keeps the tenant fresh."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tui.model.catalogue import explain
from tui.model.evidence import OBJECTS, is_quarantined
from tui.model.facts import CloudSyncJob
from tui.model.finding import Finding, ago, finding, quote
from tui.model.judge_hops import is_failing
from tui.model.snapshot import TenantSnapshot, Thresholds
from tui.model.states import HopName, HopState, ReasonCode, Severity, SourceId
from tui.model.text import limit, minute, plural

MISSED_INTERVALS = 10


def job_findings(snapshot: TenantSnapshot, thresholds: Thresholds, now: datetime) -> Iterator[Finding]:
    connect_is_ok = any(hop.name is HopName.CONNECT and hop.state is HopState.OK for hop in snapshot.hops)
    for job in snapshot.jobs:
        if is_quarantined(job):
            yield _quarantined(job)
        elif connect_is_ok:
            yield from _late(job, snapshot, thresholds, now)
        yield from _escrowed(job)


def _quarantined(job: CloudSyncJob) -> Finding:
    quarantine = job.quarantine
    about = explain((quarantine.reason if quarantine else "") or "Unknown")
    text = f"Cloud Sync job {_name(job)} is quarantined: {about.title}"
    if quarantine and (quarantine.error_code or quarantine.error_message):
        text += f" ({quote(quarantine.error_message or quarantine.error_code)})"
    text += f". {about.remedy}"
    if quarantine and quarantine.next_attempt:
        text += f". Next attempt {minute(quarantine.next_attempt)}"
    return finding(ReasonCode.CLOUD_SYNC_QUARANTINED, Severity.CRITICAL, _hop(job), text, about)


def _escrowed(job: CloudSyncJob) -> Iterator[Finding]:
    run = job.last_execution
    told = run.escrowed if run is not None else None
    number = job.escrowed if told is None else told
    entry_errors = run is not None and run.state.casefold() == "entrylevelerrors"
    if not number and not entry_errors:
        return
    about = explain("cloud-sync-escrowed")
    said = f"a run that says {quote(run.state, 40)}" if run is not None and run.state else "its last run"
    what = plural(number, "object") if number else "objects"
    text = f"Cloud Sync job {_name(job)} set {what} aside in {said}. {about.remedy}"
    yield finding(ReasonCode.CLOUD_SYNC_ESCROWED, Severity.WARNING, _hop(job), text, about)


def _late(job: CloudSyncJob, snapshot: TenantSnapshot, thresholds: Thresholds, now: datetime) -> Iterator[Finding]:
    """The tenant's own time is the newest of Connect and all jobs together, so one job may hang unseen
    (facts/domain.md 2.2). Warns at ten intervals (5.1), and never before the hop itself would."""
    status = snapshot.source(SourceId.CLOUD_SYNC)
    if job.kind != OBJECTS or job.interval_s is None or job.last_success is None:
        return
    read_at = status.as_of if status and status.as_of and is_failing(status) else now
    offset = (status.clock_offset_s or 0.0) if status else 0.0
    age = (min(read_at, now) - job.last_success).total_seconds() + offset
    allowed = max(MISSED_INTERVALS * job.interval_s, thresholds.connect_warning)
    if age > allowed:
        about = explain("no-recent-cloud-sync")
        text = f"Cloud Sync job {_name(job)} last succeeded {ago(age)} ago (limit {limit(allowed)}). {about.remedy}"
        yield finding(ReasonCode.CONNECT_LATE, Severity.WARNING, HopName.CONNECT, text, about)


def _name(job: CloudSyncJob) -> str:
    return quote(job.name or job.id, 60) or "without a name"


def _hop(job: CloudSyncJob) -> HopName:
    return HopName.PASSWORD if job.kind == "password" else HopName.CONNECT
