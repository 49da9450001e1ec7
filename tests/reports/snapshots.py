"""Any snapshot at all, for property tests: every field may hold whatever its type allows, however absurd."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from tui.model.facts import Alert, ObjectRef
from tui.model.reading import Absence, Reading
from tui.model.snapshot import (
    CountRow,
    Difference,
    Failure,
    Hop,
    Lag,
    LagFigures,
    Progress,
    Reason,
    SourceStatus,
    TenantSnapshot,
    Thresholds,
)
from tui.model.states import (
    HopName,
    HopState,
    ObjectType,
    ReasonCode,
    Severity,
    SourceId,
    SourceState,
    Verdict,
)

TEXTS = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(codec=None, min_codepoint=0xD700, max_codepoint=0xE000), max_size=4),
    st.sampled_from(
        ["", "a|b", "it's=x", "=1+1", "-2", "@x", "'", '"', "a,b", "[/]", "\u202e", "\x1b[31m", "\r\n", "\0"]
    ),
)
MAYBE_TEXT = st.none() | TEXTS
# From the first to the last year that sources/moments.py lets through.
MOMENTS = st.integers(-11_644_387_200, 253_370_764_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
MAYBE_MOMENT = st.none() | MOMENTS
COUNTS = st.integers(0, 10**12)
MAYBE_COUNT = st.none() | COUNTS
NUMBERS = st.none() | st.floats()

READINGS = st.builds(Reading[int].of, COUNTS, MOMENTS) | st.builds(Reading[int].missing, st.sampled_from(Absence))
OBJECTS = st.builds(ObjectRef, **dict.fromkeys(("type", "id", "name", "dn", "upn", "source_anchor"), MAYBE_TEXT))
PROGRESS = st.builds(Progress, done=COUNTS, total=COUNTS, per_second=NUMBERS, moving=st.booleans())
FIGURES = st.builds(LagFigures, samples=COUNTS, median_s=NUMBERS, p95_s=NUMBERS, max_s=NUMBERS)
LAGS = st.builds(Lag, hour=FIGURES, day=FIGURES, in_flight=COUNTS, oldest_s=NUMBERS, truncated=st.booleans())
FAILURES = st.builds(
    Failure,
    id=TEXTS,
    severity=st.sampled_from([Severity.CRITICAL, Severity.WARNING, Severity.INFO]),
    hop=st.sampled_from(HopName),
    sources=st.lists(TEXTS, max_size=3).map(tuple),
    code=TEXTS | st.sampled_from(["PropertyConflict", "InvalidSoftMatch", "LargeObject"]),
    object=OBJECTS,
    attribute=MAYBE_TEXT,
    value=MAYBE_TEXT,
    conflicts_with=st.none() | OBJECTS,
    first_seen=MAYBE_MOMENT,
    last_seen=MAYBE_MOMENT,
    message=TEXTS,
)
HOPS = st.builds(
    Hop,
    name=st.sampled_from(HopName),
    state=st.sampled_from(HopState),
    verdict=st.sampled_from(Verdict),
    last_success=MAYBE_MOMENT,
    as_of=MAYBE_MOMENT,
    clock_offset_s=st.floats(),
    note=TEXTS,
    progress=st.none() | PROGRESS,
    lag=st.none() | LAGS,
)
ROWS = st.builds(
    CountRow,
    type=st.sampled_from(ObjectType),
    **dict.fromkeys(("on_premises", "entra", "entra_synced", "managed_domain", "managed_domain_local"), READINGS),
    difference=st.builds(
        Difference, **dict.fromkeys(("in_flight", "failed", "excluded", "unexplained"), st.none() | st.integers())
    ),
)
REASONS = st.builds(
    Reason,
    code=st.sampled_from(ReasonCode),
    severity=st.sampled_from(Severity),
    hop=st.none() | st.sampled_from(HopName),
    text=TEXTS,
    causes=st.lists(TEXTS, max_size=2).map(tuple),
    remedies=st.lists(TEXTS, max_size=2).map(tuple),
    docs=TEXTS,
)
ALERTS = st.builds(
    Alert, source=TEXTS, code=TEXTS, title=TEXTS, severity=TEXTS, raised=MAYBE_MOMENT, text=TEXTS, link=TEXTS
)
SOURCES = st.builds(
    SourceStatus,
    source=st.sampled_from(SourceId),
    state=st.sampled_from(SourceState),
    as_of=MAYBE_MOMENT,
    http_status=st.none() | st.integers(100, 599),
    latency_ms=NUMBERS,
    error=MAYBE_TEXT,
    retry_at=MAYBE_MOMENT,
    optional=st.booleans(),
)
SNAPSHOTS = st.builds(
    TenantSnapshot,
    name=TEXTS,
    tenant_id=TEXTS,
    at=MOMENTS,
    display_name=TEXTS,
    verdict=st.sampled_from(Verdict),
    reasons=st.lists(REASONS, max_size=5).map(tuple),
    hops=st.lists(HOPS, max_size=3, unique_by=lambda hop: hop.name).map(tuple),
    counts=st.lists(ROWS, max_size=4, unique_by=lambda row: row.type).map(tuple),
    failures=st.lists(FAILURES, max_size=4).map(tuple),
    failures_total=COUNTS,
    failures_truncated=st.booleans(),
    alerts=st.lists(ALERTS, max_size=2).map(tuple),
    sources=st.lists(SOURCES, max_size=4, unique_by=lambda status: status.source).map(tuple),
)
MANY = st.lists(SNAPSHOTS, max_size=3)
THRESHOLDS = st.builds(Thresholds)
