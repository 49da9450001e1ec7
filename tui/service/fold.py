"""Facts into the snapshot: a new frozen snapshot out of the old one and what one poll told. Pure.

A failed poll changes nothing but its source's status: values keep their `as_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import reduce, singledispatch

from msgspec.structs import replace

from tui.model.facts import (
    Alert,
    ChangesFacts,
    CloudSyncFacts,
    CloudSyncJob,
    ConnectHealthFacts,
    CountsFacts,
    DirectoryFacts,
    DomainServicesFacts,
    Facts,
    FailuresFacts,
    HopFacts,
    OrganizationFacts,
    SyncProgress,
)
from tui.model.reading import Absence, Reading
from tui.model.snapshot import CountRow, Hop, Progress, Run, SourceStatus, TenantSnapshot
from tui.model.states import HOP_SOURCE, HopName, HopState, ObjectType, SourceId, SourceState
from tui.service.poller import Outcome
from tui.sources.errors import Denied, SourceError

MOST_RUNS = 40
MOST_LAG_SAMPLES = 180
MOST_OUTCOMES = 30


# An answer that does not tell the time of the last success: what was known before stays, with its own `as_of`.
UNREAD = (HopState.ERROR, HopState.NOT_PERMITTED, HopState.NOT_REPORTED)


def first_snapshot(name: str, tenant_id: str, at: datetime, sources: Mapping[SourceId, bool]) -> TenantSnapshot:
    """A tenant of which nothing is known yet. `sources`: every source -> whether it is optional; a hop whose source
    is not among them is not monitored."""
    return TenantSnapshot(
        name=name,
        tenant_id=tenant_id,
        at=at,
        hops=tuple(
            Hop(name=hop, reported=HopState.ERROR if HOP_SOURCE[hop] in sources else HopState.NOT_MONITORED)
            for hop in HopName
        ),
        counts=tuple(_empty_row(kind, sources) for kind in ObjectType),
        sources=tuple(
            SourceStatus(
                source=source,
                state=SourceState.NEVER if source in sources else SourceState.NOT_CONFIGURED,
                optional=sources.get(source, True),
            )
            for source in SourceId
        ),
    )


def fold(old: TenantSnapshot, outcome: Outcome) -> TenantSnapshot:
    """The facts of one good poll in the snapshot; the failures are merged elsewhere (`model.failures`)."""
    return old if outcome.facts is None else _fold(outcome.facts, old)


def with_refusal(old: TenantSnapshot, source: SourceId, error: SourceError) -> TenantSnapshot:
    """After a failed poll: the hops this source never told anything of say whether it is refused or failing."""
    state = HopState.NOT_PERMITTED if isinstance(error, Denied) else HopState.ERROR
    unread = (hop for hop in old.hops if HOP_SOURCE[hop.name] is source and hop.as_of is None)
    return reduce(lambda new, hop: _replace_hop(new, replace(hop, reported=state)), unread, old)


def with_status(old: TenantSnapshot, status: SourceStatus) -> TenantSnapshot:
    """`old` with one source's status replaced."""
    return replace(old, sources=tuple(status if one.source == status.source else one for one in old.sources))


def status_after(old: SourceStatus, outcome: Outcome, interval_s: float, requests_per_minute: float) -> SourceStatus:
    """How polling goes after one more poll."""
    error, exchange = outcome.error, outcome.exchange
    return replace(
        old,
        state=SourceState.OK if error is None else error.state,
        as_of=outcome.facts.as_of if outcome.facts else old.as_of,
        http_status=(error.http_status if error else None) or exchange.http_status,
        latency_ms=exchange.latency_ms,
        error=str(error) if error else None,
        retry_at=(error.retry_at or outcome.next_poll) if error else None,
        attempted_at=outcome.started,
        next_poll=outcome.next_poll,
        interval_s=interval_s,
        failed_in_a_row=outcome.failed_in_a_row,
        requests_per_minute=requests_per_minute,
        clock_offset_s=exchange.clock_offset_s if exchange.clock_offset_s is not None else old.clock_offset_s,
        outcomes=(*old.outcomes, error is None)[-MOST_OUTCOMES:],
        late=False,
    )


@singledispatch
def _fold(facts: Facts, old: TenantSnapshot) -> TenantSnapshot:
    raise TypeError(f"no rule for {type(facts).__name__}")


@_fold.register
def _(facts: OrganizationFacts, old: TenantSnapshot) -> TenantSnapshot:
    new = _with_hop(old, HopName.CONNECT, facts.connect, facts)
    new = _with_hop(new, HopName.PASSWORD, facts.password, facts)
    return replace(
        new,
        display_name=facts.display_name or old.display_name,
        quota=facts.quota or old.quota,
        deletion_threshold=facts.deletion_threshold or old.deletion_threshold,
        runs=_observed_runs(old, new),
    )


@_fold.register
def _(facts: CountsFacts, old: TenantSnapshot) -> TenantSnapshot:
    rows = tuple(
        replace(
            row,
            entra=facts.entra.get(row.type, Reading.missing(Absence.NOT_REPORTED, facts.as_of)),
            entra_synced=facts.entra_synced.get(row.type, Reading.missing(Absence.NOT_REPORTED, facts.as_of)),
        )
        for row in old.counts
    )
    return replace(old, counts=rows, deleted_items=facts.deleted)


@_fold.register(FailuresFacts)
@_fold.register(ChangesFacts)
def _(facts: Facts, old: TenantSnapshot) -> TenantSnapshot:
    return old


@_fold.register
def _(facts: DomainServicesFacts, old: TenantSnapshot) -> TenantSnapshot:
    new = _with_hop(old, HopName.DOMAIN_SERVICES, facts.hop, facts)
    if facts.progress_percent is not None and facts.hop.reported == HopState.NEVER:
        progress = Progress(done=round(facts.progress_percent), total=100)
        new = _replace_hop(new, replace(new.hop(HopName.DOMAIN_SERVICES), progress=progress))
    if facts.progress is not None:
        new = with_progress(new, HopName.DOMAIN_SERVICES, _told_progress(old, facts.progress))
    return replace(
        new,
        alerts=_alerts_of(old, "domain-services", facts.alerts),
        replica_sets=facts.replica_sets,
        managed_domain_name=facts.domain_name,
        sync_scope=facts.sync_scope,
        filtered_sync=facts.filtered_sync,
        certificate_expires=facts.certificate_expires,
        runs=_observed_runs(old, new),
    )


@_fold.register
def _(facts: ConnectHealthFacts, old: TenantSnapshot) -> TenantSnapshot:
    return replace(
        old,
        alerts=_alerts_of(old, "connect-health", facts.alerts),
        servers=facts.servers,
        error_counts=facts.error_counts,
    )


@_fold.register
def _(facts: CloudSyncFacts, old: TenantSnapshot) -> TenantSnapshot:
    runs = [_run_of(job) for job in facts.jobs]
    new = replace(old, jobs=facts.jobs, runs=_newest_runs(old.runs, [run for run in runs if run]))
    return _with_job_progress(new, facts)


@_fold.register
def _(facts: DirectoryFacts, old: TenantSnapshot) -> TenantSnapshot:
    raise TypeError("directory facts need to know which directory: use fold_directory")


def fold_directory(old: TenantSnapshot, source: SourceId, facts: DirectoryFacts) -> TenantSnapshot:
    """The counts of one directory: the managed domain's or the on-premises one's."""
    missing: Reading[int] = Reading.missing(Absence.NOT_APPLICABLE, facts.as_of)
    rows = []
    for row in old.counts:
        synced = facts.synced.get(row.type, missing)
        if source == SourceId.ON_PREMISES:
            rows.append(replace(row, on_premises=synced))
        else:
            local = facts.local.get(row.type, missing)
            rows.append(replace(row, managed_domain=synced, managed_domain_local=local))
    return replace(old, counts=tuple(rows))


def with_progress(old: TenantSnapshot, hop: HopName, progress: Progress | None) -> TenantSnapshot:
    """A first sync's progress on one hop."""
    before = old.hop(hop)
    return old if before.progress == progress else _replace_hop(old, replace(before, progress=progress))


def _told_progress(old: TenantSnapshot, told: SyncProgress) -> Progress:
    """What a sync tells of its full pass. Where it tells no rate, it moves as long as more is done than last time."""
    before = old.hop(HopName.DOMAIN_SERVICES).progress
    moved = before is None or told.done > before.done
    moving = moved if told.per_second is None else told.per_second > 0
    return Progress(done=told.done, total=told.total, per_second=told.per_second or None, moving=moving)


def with_lag_sample(old: TenantSnapshot, hop_name: HopName) -> TenantSnapshot:
    """One more point of the hop's trend: its age at the time it was read."""
    hop = old.hop(hop_name)
    if hop.as_of is None or (age := hop.age_s(hop.as_of)) is None:
        return old
    return _replace_hop(old, replace(hop, lag_samples=(*hop.lag_samples, (hop.as_of, age))[-MOST_LAG_SAMPLES:]))


def _with_hop(old: TenantSnapshot, name: HopName, told: HopFacts, facts: Facts) -> TenantSnapshot:
    before = old.hop(name)
    if told.reported in UNREAD and before.last_success is not None:
        kept = before.reported if told.reported == HopState.ERROR else told.reported
        return _replace_hop(old, replace(before, reported=kept, note=told.note))
    hop = replace(
        before,
        reported=told.reported,
        last_success=told.last_success,
        as_of=facts.as_of,
        clock_offset_s=facts.clock_offset_s or 0.0,
        note=told.note,
        progress=before.progress if told.reported == HopState.NEVER else None,
    )
    return _replace_hop(old, hop)


def _replace_hop(old: TenantSnapshot, hop: Hop) -> TenantSnapshot:
    return replace(old, hops=tuple(hop if one.name == hop.name else one for one in old.hops))


def _alerts_of(old: TenantSnapshot, source: str, alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    return tuple(alert for alert in old.alerts if alert.source != source) + alerts


def _observed_runs(old: TenantSnapshot, new: TenantSnapshot) -> tuple[Run, ...]:
    """A success newer than the last one known is a run that ended then."""
    ended = [
        Run(hop=after.name, step="synchronization", ended=after.last_success, result="success")
        for before, after in zip(old.hops, new.hops, strict=True)
        if after.last_success is not None and after.last_success != before.last_success
    ]
    return _newest_runs(old.runs, ended)


def _run_of(job: CloudSyncJob) -> Run | None:
    execution = job.last_execution
    if execution is None or (execution.began is None and execution.ended is None):
        return None
    return Run(
        hop=HopName.PASSWORD if job.kind == "password" else HopName.CONNECT,
        step=f"Cloud Sync {job.kind}",
        started=execution.began,
        ended=execution.ended,
        result=execution.state,
        changed=execution.exported,
        failed=execution.escrowed,
    )


def _newest_runs(known: tuple[Run, ...], fresh: list[Run]) -> tuple[Run, ...]:
    if not fresh:
        return known
    keyed = {(run.hop, run.step, run.started, run.ended): run for run in (*known, *fresh)}
    return tuple(sorted(keyed.values(), key=_run_time, reverse=True)[:MOST_RUNS])


def _run_time(run: Run) -> float:
    moment = run.ended or run.started
    return moment.timestamp() if moment else 0.0


def _with_job_progress(old: TenantSnapshot, facts: CloudSyncFacts) -> TenantSnapshot:
    hop = old.hop(HopName.CONNECT)
    job = next((job for job in facts.jobs if job.kind == "objects" and job.progress_total), None)
    if job is None or hop.reported != HopState.NEVER or not job.progress_total:
        return old
    done = min(job.progress_done or 0, job.progress_total)
    before = hop.progress.done if hop.progress else None
    return with_progress(
        old, hop.name, Progress(done=done, total=job.progress_total, moving=before is None or done > before)
    )


def _empty_row(kind: ObjectType, sources: Mapping[SourceId, bool]) -> CountRow:
    def absent(source: SourceId) -> Reading[int]:
        return Reading() if source in sources else Reading.missing(Absence.NOT_MONITORED)

    return CountRow(
        type=kind,
        on_premises=absent(SourceId.ON_PREMISES),
        entra=absent(SourceId.COUNTS),
        entra_synced=absent(SourceId.COUNTS),
        managed_domain=absent(SourceId.MANAGED_DOMAIN),
        managed_domain_local=absent(SourceId.MANAGED_DOMAIN),
    )
