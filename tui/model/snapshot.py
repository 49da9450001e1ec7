"""One honest snapshot per tenant. Frozen: what the screen, `check` and every report read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from tui.model.facts import (
    Alert,
    CloudSyncJob,
    DirectoryQuota,
    ObjectRef,
    ReplicaSet,
    SyncServer,
)
from tui.model.reading import Reading
from tui.model.states import HopName, HopState, ObjectType, ReasonCode, Severity, SourceId, SourceState, Verdict


class Thresholds(Struct, frozen=True):
    """Seconds since the last success. Defaults and reasons: facts/domain.md 5.1."""

    connect_warning: float = 3600.0
    connect_critical: float = 3 * 3600.0
    password_warning: float = 2 * 3600.0
    password_critical: float = 24 * 3600.0
    domain_services_warning: float = 2 * 3600.0
    domain_services_critical: float = 24 * 3600.0

    def of(self, hop: HopName) -> tuple[float, float]:
        """(warning, critical) in seconds."""
        return {
            HopName.CONNECT: (self.connect_warning, self.connect_critical),
            HopName.PASSWORD: (self.password_warning, self.password_critical),
            HopName.DOMAIN_SERVICES: (self.domain_services_warning, self.domain_services_critical),
        }[hop]


class Progress(Struct, frozen=True, kw_only=True):
    """A first sync under way. `per_second` None: rate not known yet; `moving` False: it has stopped."""

    done: int
    total: int
    per_second: float | None = None
    moving: bool = True

    @property
    def fraction(self) -> float:
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def eta_s(self) -> float | None:
        if not self.per_second or self.per_second <= 0 or self.done >= self.total:
            return None
        return (self.total - self.done) / self.per_second


class LagFigures(Struct, frozen=True, kw_only=True):
    """Seconds that changes took, over a span of time. All None where there are no samples: idle is not lag."""

    samples: int = 0
    median_s: float | None = None
    p95_s: float | None = None
    max_s: float | None = None


class Lag(Struct, frozen=True, kw_only=True):
    """Measured object by object. `in_flight`: changes that have not arrived yet, the oldest `oldest_s` old.
    `truncated`: more changed than is followed. `not_arrived`: changes of the last day that the hop has passed over."""

    hour: LagFigures = LagFigures()
    day: LagFigures = LagFigures()
    in_flight: int = 0
    oldest_s: float | None = None
    truncated: bool = False
    not_arrived: int = 0


class Hop(Struct, frozen=True, kw_only=True):
    """`reported` is what the upstream said; `state` and `verdict` are judged from it, its age and its source.

    `lag_samples`: (time, seconds since the last success) of past polls, oldest first, bounded.
    """

    name: HopName
    reported: HopState = HopState.NOT_MONITORED
    state: HopState = HopState.NOT_MONITORED
    verdict: Verdict = Verdict.UNKNOWN
    last_success: datetime | None = None
    as_of: datetime | None = None
    clock_offset_s: float = 0.0
    note: str = ""
    progress: Progress | None = None
    lag_samples: tuple[tuple[datetime, float], ...] = ()
    lag: Lag | None = None

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the last success by the upstream's clock; never negative; None when not known."""
        if self.last_success is None:
            return None
        return max(0.0, (now - self.last_success).total_seconds() + self.clock_offset_s)


class Difference(Struct, frozen=True, kw_only=True):
    """What two sides disagree by, split by why. None: not known."""

    in_flight: int | None = None
    failed: int | None = None
    excluded: int | None = None
    unexplained: int | None = None


class Unexplained(Struct, frozen=True, kw_only=True):
    """What has been unexplained on one hop for longer than its warning threshold. `since`: at the latest.
    `is_surplus`: the later side holds more, not less."""

    hop: HopName
    number: int
    since: datetime | None = None
    is_surplus: bool = False


class CountRow(Struct, frozen=True, kw_only=True):
    """`change_1h`: change of `entra` over the last hour of samples; None until there is an hour's worth or any two."""

    type: ObjectType
    on_premises: Reading[int] = field(default_factory=Reading)
    entra: Reading[int] = field(default_factory=Reading)
    entra_synced: Reading[int] = field(default_factory=Reading)
    managed_domain: Reading[int] = field(default_factory=Reading)
    managed_domain_local: Reading[int] = field(default_factory=Reading)
    difference: Difference = Difference()
    change_1h: int | None = None
    unexplained: tuple[Unexplained, ...] = ()


class Failure(Struct, frozen=True, kw_only=True, gc=False):
    """One object and cause, whoever reports it. Meaning, remedy and link come from the catalogue by `code`, and by
    `hint` where the code alone has two meanings or none."""

    id: str
    severity: Severity
    hop: HopName
    sources: tuple[str, ...]
    code: str
    object: ObjectRef
    attribute: str | None = None
    value: str | None = None
    conflicts_with: ObjectRef | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    message: str = ""
    hint: str = ""


class Run(Struct, frozen=True, kw_only=True):
    """One finished or running synchronization run, newest first in a snapshot. None: not told by the upstream."""

    hop: HopName
    step: str
    started: datetime | None = None
    ended: datetime | None = None
    result: str = ""
    changed: int | None = None
    failed: int | None = None


class Event(Struct, frozen=True, kw_only=True):
    """What changed between two snapshots. `kind`: state, fail, fixed, alert, poll, run."""

    at: datetime
    kind: str
    text: str


class SourceStatus(Struct, frozen=True, kw_only=True):
    """How polling one source goes. `as_of` is the last good answer's time. `outcomes`: last polls, True = ok."""

    source: SourceId
    state: SourceState = SourceState.NEVER
    as_of: datetime | None = None
    http_status: int | None = None
    latency_ms: float | None = None
    error: str | None = None
    retry_at: datetime | None = None
    attempted_at: datetime | None = None
    next_poll: datetime | None = None
    interval_s: float | None = None
    failed_in_a_row: int = 0
    requests_per_minute: float | None = None
    clock_offset_s: float | None = None
    outcomes: tuple[bool, ...] = ()
    optional: bool = False
    late: bool = False


class Reason(Struct, frozen=True, kw_only=True):
    """Why a tenant is not ok. `text` is one plain sentence or two: what, why, what to do."""

    code: ReasonCode
    severity: Severity
    hop: HopName | None
    text: str
    causes: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    docs: str = ""


class TenantSnapshot(Struct, frozen=True, kw_only=True):
    """`failures` is newest first. `verdict`, `reasons` and each hop's `state` are filled by `judge`."""

    name: str
    tenant_id: str
    at: datetime
    display_name: str = ""
    verdict: Verdict = Verdict.UNKNOWN
    reasons: tuple[Reason, ...] = ()
    hops: tuple[Hop, ...] = ()
    counts: tuple[CountRow, ...] = ()
    deleted_items: Reading[int] = field(default_factory=Reading)
    failures: tuple[Failure, ...] = ()
    failures_total: int = 0
    failures_truncated: bool = False
    alerts: tuple[Alert, ...] = ()
    runs: tuple[Run, ...] = ()
    events: tuple[Event, ...] = ()
    sources: tuple[SourceStatus, ...] = ()
    jobs: tuple[CloudSyncJob, ...] = ()
    servers: tuple[SyncServer, ...] = ()
    replica_sets: tuple[ReplicaSet, ...] = ()
    managed_domain_name: str = ""
    sync_scope: str = ""
    filtered_sync: str = ""
    certificate_expires: datetime | None = None
    quota: DirectoryQuota | None = None
    deletion_threshold: int | None = None
    error_counts: Mapping[str, int] = field(default_factory=dict)

    def hop(self, name: HopName) -> Hop:
        return next(hop for hop in self.hops if hop.name == name)

    def source(self, source: SourceId) -> SourceStatus | None:
        return next((status for status in self.sources if status.source == source), None)
