"""Snapshots to be judged, and what the judge said of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.helpers import START
from tui.model.facts import Alert, CloudSyncJob, ObjectRef
from tui.model.judge import judge
from tui.model.snapshot import (
    Failure,
    Hop,
    Reason,
    SourceStatus,
    TenantSnapshot,
    Thresholds,
)
from tui.model.states import HopName, HopState, ReasonCode, Severity, SourceId, SourceState

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
THRESHOLDS = Thresholds()


def before(seconds: float) -> datetime:
    return START - timedelta(seconds=seconds)


def hop(name: HopName = HopName.CONNECT, age: float | None = 10 * MINUTE, **parts: object) -> Hop:
    given = {"reported": HopState.OK, "last_success": None if age is None else before(age), "as_of": START} | parts
    return Hop(name=name, **given)  # type: ignore[arg-type]


def source(
    name: SourceId = SourceId.ORGANIZATION, state: SourceState = SourceState.OK, **parts: object
) -> SourceStatus:
    return SourceStatus(source=name, state=state, **({"as_of": START} | parts))  # type: ignore[arg-type]


def tenant(*hops: Hop, sources: tuple[SourceStatus, ...] = (), **parts: object) -> TenantSnapshot:
    told = {one.name: one for one in (hop(), hop(HopName.PASSWORD), hop(HopName.DOMAIN_SERVICES), *hops)}
    asked = {one: source(one) for one in (SourceId.ORGANIZATION, SourceId.DOMAIN_SERVICES)}
    asked |= {one.source: one for one in sources}
    return TenantSnapshot(
        name="contoso",
        tenant_id="1",
        at=START,
        hops=tuple(told.values()),
        sources=tuple(asked.values()),
        **parts,  # type: ignore[arg-type]
    )


def judged(*hops: Hop, **parts: object) -> TenantSnapshot:
    return judge(tenant(*hops, **parts), THRESHOLDS, START)  # type: ignore[arg-type]


def codes(snapshot: TenantSnapshot) -> list[str]:
    return [reason.code for reason in snapshot.reasons]


def reason(snapshot: TenantSnapshot, code: ReasonCode) -> Reason:
    return next(one for one in snapshot.reasons if one.code == code)


def job(**parts: object) -> CloudSyncJob:
    given = {"id": "AD2AADProvisioning.1", "kind": "objects", "name": "corp.local", "status": "Active"} | parts
    return CloudSyncJob(**given)  # type: ignore[arg-type]


def domain_alert(code: str, title: str = "") -> Alert:
    return Alert(source="domain-services", code=code, title=title)


def health_alert(title: str, level: str = "Error") -> Alert:
    return Alert(source="connect-health", code="id-1", title=title, severity=level)


def failure(code: str = "PropertyConflict", severity: Severity = Severity.WARNING) -> Failure:
    return Failure(
        id="f1", severity=severity, hop=HopName.CONNECT, sources=("graph",), code=code, object=ObjectRef(name="Jane")
    )
