"""Whatever the upstreams say, there is an honest verdict."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.helpers import START
from tests.model.judging import (
    THRESHOLDS,
)
from tui.model.facts import Alert, CloudSyncJob, Quarantine, SyncExecution
from tui.model.judge import judge
from tui.model.snapshot import (
    Hop,
    Progress,
    SourceStatus,
    TenantSnapshot,
)
from tui.model.states import HopName, HopState, SourceId, SourceState, Verdict

# --- properties -------------------------------------------------------------------------------------------------------

TEXT = st.sampled_from(["", "x", "[bold]", "AADDS104", "AADDS101", "TooManyDeletes", "Error", "paused", "é" * 400])
MOMENT = st.none() | st.integers(-(10**7), 10**7).map(lambda seconds: START + timedelta(seconds=seconds))
PROGRESS = st.builds(
    Progress,
    done=st.integers(0, 10**9),
    total=st.integers(0, 10**9),
    per_second=st.none() | st.floats(0, 10**6),
    moving=st.booleans(),
)
HOPS = st.tuples(
    *(
        st.builds(
            Hop,
            name=st.just(name),
            reported=st.sampled_from(HopState),
            last_success=MOMENT,
            as_of=MOMENT,
            clock_offset_s=st.floats(-(10**6), 10**6),
            note=TEXT,
            progress=st.none() | PROGRESS,
        )
        for name in HopName
    )
)
STATUSES = st.lists(
    st.builds(
        SourceStatus,
        source=st.sampled_from(SourceId),
        state=st.sampled_from(SourceState),
        as_of=MOMENT,
        error=st.none() | TEXT,
        retry_at=MOMENT,
        optional=st.booleans(),
        late=st.booleans(),
    ),
    unique_by=lambda status: status.source,
)
ALERTS = st.builds(
    Alert,
    source=st.sampled_from(["domain-services", "connect-health"]),
    code=TEXT,
    title=TEXT,
    severity=TEXT,
    where=TEXT,
)
JOBS = st.builds(
    CloudSyncJob,
    id=TEXT,
    kind=st.sampled_from(["objects", "password", "writeback", ""]),
    status=TEXT,
    interval_s=st.none() | st.floats(0, 10**9),
    last_success=MOMENT,
    quarantine=st.none() | st.builds(Quarantine, reason=TEXT, next_attempt=MOMENT, error_message=TEXT),
    last_execution=st.none() | st.builds(SyncExecution, state=TEXT, escrowed=st.none() | st.integers(0, 10**9)),
)
SNAPSHOTS = st.builds(
    TenantSnapshot,
    name=TEXT,
    tenant_id=TEXT,
    at=st.just(START),
    hops=HOPS,
    sources=STATUSES.map(tuple),
    alerts=st.lists(ALERTS, max_size=3).map(tuple),
    jobs=st.lists(JOBS, max_size=2).map(tuple),
    deletion_threshold=st.none() | st.integers(),
)


@given(SNAPSHOTS)
def test_any_snapshot_is_judged(snapshot: TenantSnapshot) -> None:
    """Whatever the upstreams say, there is a verdict, it follows from the reasons, and it is stable."""
    found = judge(snapshot, THRESHOLDS, START)
    severities = {one.severity for one in found.reasons}
    expected = next((one for one in ("critical", "warning", "unknown") if one in severities), "ok")
    assert found.verdict == expected
    assert all(one.text and "\n" not in one.text for one in found.reasons)
    assert judge(found, THRESHOLDS, START) == found


@given(
    SNAPSHOTS,
    st.sampled_from(SourceId),
    st.sampled_from([SourceState.ERROR, SourceState.DENIED, SourceState.THROTTLED]),
)
def test_a_failure_never_improves_the_verdict(snapshot: TenantSnapshot, failing: SourceId, state: SourceState) -> None:
    """A required source that starts to fail never leaves the tenant ok."""
    others = tuple(one for one in snapshot.sources if one.source is not failing)
    broken = replace(snapshot, sources=(*others, SourceStatus(source=failing, state=state)))
    assert judge(broken, THRESHOLDS, START).verdict is not Verdict.OK
