"""Realistic snapshots for tests: each builder is one morning of an operator, seen at the moment `at`."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from tests.helpers import START
from tui.model.facts import Alert, ObjectRef, ReplicaSet, SyncServer
from tui.model.reading import Absence, Reading
from tui.model.snapshot import (
    CountRow,
    Difference,
    Event,
    Failure,
    Hop,
    Progress,
    Reason,
    Run,
    SourceStatus,
    TenantSnapshot,
)
from tui.model.states import HopName, HopState, ObjectType, ReasonCode, Severity, SourceId, SourceState, Verdict

TENANT_ID = "6b1e2f1a-0c3d-4e5f-8a9b-1234567890ab"
READ_AGO = 4.0
NOT_COMPARED = Difference()


UNREAD_SOURCES = (SourceId.ON_PREMISES, SourceId.CHANGES)


def ago(seconds: float, at: datetime = START) -> datetime:
    return at - timedelta(seconds=seconds)


def hop(
    name: HopName,
    age: float | None,
    *,
    state: HopState = HopState.OK,
    verdict: Verdict = Verdict.OK,
    at: datetime = START,
) -> Hop:
    """A hop whose last success is `age` seconds before `at`; None: no success known."""
    return Hop(
        name=name,
        reported=HopState.OK if age is not None else state,
        state=state,
        verdict=verdict,
        last_success=None if age is None else ago(age, at),
        as_of=ago(READ_AGO, at),
        lag_samples=()
        if age is None
        else tuple((ago(60.0 * n, at), max(0.0, age - 60.0 * n)) for n in range(30, 0, -1)),
    )


def source(
    name: SourceId, state: SourceState = SourceState.OK, *, error: str | None = None, at: datetime = START
) -> SourceStatus:
    good = state is SourceState.OK
    return SourceStatus(
        source=name,
        state=state,
        as_of=ago(READ_AGO, at) if good else None,
        http_status=200 if good else 403 if state is SourceState.DENIED else None,
        latency_ms=38.2 if good else None,
        error=error,
        attempted_at=ago(READ_AGO, at),
        next_poll=at + timedelta(seconds=26),
        interval_s=30.0,
        failed_in_a_row=0 if good else 3,
        requests_per_minute=2.0,
        clock_offset_s=0.2 if good else None,
        outcomes=(True,) * 30 if good else (True,) * 27 + (False,) * 3,
    )


def counted(
    kind: ObjectType, entra: int, managed: int | None, difference: Difference = NOT_COMPARED, at: datetime = START
) -> CountRow:
    """One row; devices and contacts have no managed-domain side."""
    read_at = ago(READ_AGO, at)
    return CountRow(
        type=kind,
        on_premises=Reading.missing(Absence.NOT_MONITORED),
        entra=Reading.of(entra, read_at),
        entra_synced=Reading.of(entra - entra // 12, read_at),
        managed_domain=Reading.of(managed, read_at) if managed is not None else Reading.missing(Absence.NOT_APPLICABLE),
        managed_domain_local=Reading.of(3, read_at) if managed is not None else Reading.missing(Absence.NOT_APPLICABLE),
        difference=difference,
        change_1h=14,
    )


def healthy(name: str = "contoso", at: datetime = START) -> TenantSnapshot:
    """Everything configured, everything on time, nothing failing."""
    even = Difference(in_flight=0, failed=0, excluded=0, unexplained=0)
    return TenantSnapshot(
        name=name,
        tenant_id=TENANT_ID,
        at=at,
        display_name="Contoso Ltd",
        verdict=Verdict.OK,
        hops=(
            hop(HopName.CONNECT, 724.0, at=at),
            hop(HopName.PASSWORD, 48.0, at=at),
            hop(HopName.DOMAIN_SERVICES, 400.0, at=at),
        ),
        counts=(
            counted(ObjectType.USERS, 48_097, 48_097, even, at),
            counted(ObjectType.GROUPS, 6_402, 6_402, even, at),
            counted(ObjectType.CONTACTS, 512, None, at=at),
            counted(ObjectType.DEVICES, 31_870, None, at=at),
        ),
        deleted_items=Reading.of(41, ago(READ_AGO, at)),
        runs=(
            Run(
                hop=HopName.CONNECT,
                step="delta import",
                started=ago(1084, at),
                ended=ago(724, at),
                result="success",
                changed=316,
            ),
        ),
        events=(Event(at=ago(1200, at), kind="state", text="Entra > DS  WARN -> OK  (lag 11m, limit 60m)"),),
        sources=tuple(source(each, at=at) for each in SourceId if each not in UNREAD_SOURCES),
        servers=(SyncServer(name="SYNC01", status="Healthy", client_version="2.5.79.0", last_export=ago(724, at)),),
        replica_sets=(
            ReplicaSet(
                id="rs1",
                location="West Europe",
                service_status="Running",
                health_evaluated=ago(300, at),
                last_sync=ago(400, at),
                last_backup=ago(40_000, at),
                domain_controllers=("10.0.0.4", "10.0.0.5"),
                owns_sync=True,
            ),
        ),
        managed_domain_name="aadds.contoso.com",
        sync_scope="All",
        filtered_sync="Disabled",
        certificate_expires=at + timedelta(days=80),
    )


def conflict(number: int = 0, at: datetime = START) -> Failure:
    """A user whose address another user holds."""
    return Failure(
        id=f"f{number:07d}",
        severity=Severity.WARNING,
        hop=HopName.CONNECT,
        sources=("graph", "connect-health"),
        code="PropertyConflict",
        object=ObjectRef(
            type="user",
            id=f"4f0c1c1e-5d0e-4e57-9d5f-{number:012x}",
            name=f"Jane Doe {number}",
            dn=f"CN=Jane Doe {number},OU=Sales,DC=contoso,DC=com",
            upn=f"jane{number}@contoso.com",
            source_anchor="q2Vw1Zl0",
        ),
        attribute="ProxyAddresses",
        value=f"smtp:jane{number}@contoso.com",
        conflicts_with=ObjectRef(
            type="user",
            id=f"77777777-5d0e-4e57-9d5f-{number:012x}",
            name="Jane Dough",
            dn="CN=Jane Dough,OU=Old,DC=contoso,DC=com",
        ),
        first_seen=ago(13_600 + number, at),
        last_seen=ago(16 + number, at),
        message="Unable to update this object because the value is already in use.",
    )


def trouble(name: str = "contoso", at: datetime = START) -> TenantSnapshot:
    """Hop 1 stands still for three days, three objects fail, the managed domain has an alert that stops its sync."""
    failures = (
        conflict(0, at),
        replace(
            conflict(1, at), id="f1", severity=Severity.CRITICAL, code="ExistingAdminRoleConflict", conflicts_with=None
        ),
        Failure(
            id="f2",
            severity=Severity.WARNING,
            hop=HopName.DOMAIN_SERVICES,
            sources=("managed-domain",),
            code="BrandNewErrorNobodyKnows",
            object=ObjectRef(type="group", name="Print Ops"),
            last_seen=ago(3600, at),
        ),
    )
    return replace(
        healthy(name, at),
        verdict=Verdict.CRITICAL,
        reasons=_trouble_reasons(),
        hops=(
            hop(HopName.CONNECT, 266_400.0, state=HopState.STALE, verdict=Verdict.CRITICAL, at=at),
            hop(HopName.PASSWORD, None, state=HopState.NOT_PERMITTED, verdict=Verdict.UNKNOWN, at=at),
            hop(HopName.DOMAIN_SERVICES, 7_500.0, state=HopState.LATE, verdict=Verdict.WARNING, at=at),
        ),
        counts=(
            counted(
                ObjectType.USERS, 48_097, 48_074, Difference(in_flight=1, failed=1, excluded=20, unexplained=1), at
            ),
            *healthy(name, at).counts[1:],
        ),
        failures=failures,
        failures_total=len(failures),
        alerts=(
            Alert(
                source="domain-services",
                code="AADDS104",
                title="Microsoft can't reach the domain controllers",
                severity="Critical",
                raised=ago(9_000, at),
                text="A network security group blocks the ports that synchronization needs.",
                link="https://learn.microsoft.com/entra/identity/domain-services/alert-nsg",
            ),
        ),
        sources=(
            source(SourceId.ORGANIZATION, at=at),
            source(SourceId.FAILURES, at=at),
            source(
                SourceId.CONNECT_HEALTH, SourceState.DENIED, error="403: the account may not read Connect Health", at=at
            ),
        ),
    )


def _trouble_reasons() -> tuple[Reason, ...]:
    critical, warning = Severity.CRITICAL, Severity.WARNING
    return (
        Reason(
            code=ReasonCode.DOMAIN_SERVICES_ALERT,
            severity=critical,
            hop=HopName.DOMAIN_SERVICES,
            text="AADDS104: Microsoft can't reach the domain controllers, so nothing is synchronized.",
        ),
        Reason(
            code=ReasonCode.NO_RECENT_SYNCHRONIZATION,
            severity=critical,
            hop=HopName.CONNECT,
            text="No recent synchronization: the last success is 3 days ago.",
            causes=("wrong Connect settings", "missing permissions of the connector accounts"),
            remedies=("repair by express settings", "check accounts and permissions"),
            docs="https://learn.microsoft.com/troubleshoot/entra/entra-id/user-prov-sync/no-recent-sync",
        ),
        Reason(
            code=ReasonCode.LAST_SYNCED_OVER_3_DAYS,
            severity=critical,
            hop=HopName.CONNECT,
            text="Last synced more than 3 days ago.",
        ),
        Reason(
            code=ReasonCode.DOMAIN_SERVICES_LATE,
            severity=warning,
            hop=HopName.DOMAIN_SERVICES,
            text="Entra > DS is late.",
        ),
        Reason(
            code=ReasonCode.OBJECT_FAILURES,
            severity=warning,
            hop=HopName.CONNECT,
            text="3 objects fail to synchronize.",
        ),
        Reason(
            code=ReasonCode.NOT_PERMITTED, severity=Severity.UNKNOWN, hop=None, text="connect-health may not be read."
        ),
    )


def first_sync(name: str = "contoso", at: datetime = START) -> TenantSnapshot:
    """The managed domain was just deployed: its first synchronization runs and moves."""
    progress = Progress(done=18_204, total=54_499, per_second=31.5)
    running = Hop(
        name=HopName.DOMAIN_SERVICES,
        reported=HopState.NEVER,
        state=HopState.NEVER,
        verdict=Verdict.OK,
        as_of=ago(READ_AGO, at),
        note="the first synchronization is running",
        progress=progress,
    )
    reason = Reason(
        code=ReasonCode.NEVER_SYNCHRONIZED,
        severity=Severity.INFO,
        hop=HopName.DOMAIN_SERVICES,
        text="First synchronization: 18,204 of 54,499 objects (33 %), about 19 minutes to go.",
    )
    calm = healthy(name, at)
    return replace(calm, hops=(*calm.hops[:2], running), reasons=(reason,))


def stale(name: str = "contoso", at: datetime = START) -> TenantSnapshot:
    """Every source has been failing for 17 minutes: the old values stand, marked by their `as_of`."""
    old = healthy(name, ago(1_020, at))
    failing = tuple(
        replace(
            status,
            state=SourceState.ERROR,
            http_status=None,
            error="graph.microsoft.com: no connection (name resolution failed)",
            failed_in_a_row=6,
            retry_at=at + timedelta(seconds=22),
            outcomes=(True,) * 24 + (False,) * 6,
        )
        for status in old.sources
    )
    reasons = tuple(
        Reason(
            code=ReasonCode.SOURCE_ERROR, severity=Severity.UNKNOWN, hop=None, text=f"{status.source}: {status.error}"
        )
        for status in failing
    )
    return replace(old, at=at, verdict=Verdict.UNKNOWN, reasons=reasons, sources=failing)


def never_read(name: str = "contoso", at: datetime = START) -> TenantSnapshot:
    """The account may read nothing at all: no figure is known, and none may come out as zero."""
    denied = (SourceId.ORGANIZATION, SourceId.COUNTS, SourceId.FAILURES)
    return TenantSnapshot(
        name=name,
        tenant_id=TENANT_ID,
        at=at,
        verdict=Verdict.UNKNOWN,
        reasons=(
            Reason(code=ReasonCode.NOT_PERMITTED, severity=Severity.UNKNOWN, hop=None, text="Graph may not be read."),
        ),
        hops=tuple(Hop(name=each, reported=HopState.NOT_PERMITTED, state=HopState.NOT_PERMITTED) for each in HopName),
        counts=tuple(
            CountRow(
                type=kind,
                entra=Reading.missing(Absence.NOT_PERMITTED),
                entra_synced=Reading.missing(Absence.NOT_PERMITTED),
            )
            for kind in ObjectType
        ),
        sources=tuple(source(each, SourceState.DENIED, error="403: not permitted", at=at) for each in denied),
    )


HOSTILE_TEXTS = (
    "[bold]x[/] [/] [link=http://evil]",
    "=cmd|' /C calc'!A0",
    "+1 -1 @SUM(1+1)*cmd",
    "a|b;c=d'e\"f,g",
    "名前 " + "宽" * 60,
    "e\u0301" * 30,
    "x" * 4096,
    "C:\\new\\table 100% {0} %s $(id) `id`",
)


def hostile(name: str = "con|to'so=[x]", at: datetime = START) -> TenantSnapshot:
    """Names as an attacker would choose them, after cleaning: printable, but full of markup, quotes and formulas."""
    failures = tuple(
        replace(
            conflict(number, at),
            code=text[:200],
            object=ObjectRef(type=text[:50], id=text, name=text, dn=text, upn=text),
            attribute=text,
            value=text,
            conflicts_with=ObjectRef(name=text),
            message=text,
        )
        for number, text in enumerate(HOSTILE_TEXTS)
    )
    reasons = tuple(
        Reason(code=ReasonCode.CONNECT_HEALTH_ALERT, severity=Severity.WARNING, hop=None, text=text)
        for text in HOSTILE_TEXTS
    )
    return replace(
        trouble(name, at),
        display_name=HOSTILE_TEXTS[0],
        failures=failures,
        failures_total=len(failures),
        reasons=reasons,
        verdict=Verdict.WARNING,
    )


def many_failures(number: int, name: str = "contoso", at: datetime = START) -> TenantSnapshot:
    """`number` failing objects, newest first."""
    reason = Reason(
        code=ReasonCode.OBJECT_FAILURES,
        severity=Severity.WARNING,
        hop=HopName.CONNECT,
        text=f"{number:,} objects fail to synchronize.",
    )
    return replace(
        healthy(name, at),
        verdict=Verdict.WARNING,
        reasons=(reason,),
        failures=tuple(conflict(each, at) for each in range(number)),
        failures_total=number,
    )
