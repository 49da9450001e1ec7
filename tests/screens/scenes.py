"""Snapshots as the status service would publish them, one per situation. All names and figures are invented."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from tests.helpers import START
from tui.model.facts import ObjectRef
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


def ago(seconds: float) -> datetime:
    return START - timedelta(seconds=seconds)


def sawtooth(period_s: float, count: int = 60) -> tuple[tuple[datetime, float], ...]:
    """Ages as a healthy hop shows them: rising, and falling to nothing with each sync."""
    return tuple((ago(60.0 * n), (3600.0 - 60.0 * n) % period_s) for n in range(count, -1, -1))


def rising(top_s: float, count: int = 60) -> tuple[tuple[datetime, float], ...]:
    return tuple((ago(60.0 * n), max(0.0, top_s - 60.0 * n)) for n in range(count, -1, -1))


def healthy_hops() -> tuple[Hop, ...]:
    return (
        hop(HopName.CONNECT, 412, sawtooth(1800)),
        hop(HopName.PASSWORD, 48, sawtooth(120)),
        hop(HopName.DOMAIN_SERVICES, 400, sawtooth(2400)),
    )


def hop(name: HopName, age_s: float, samples: tuple[tuple[datetime, float], ...] = ()) -> Hop:
    return Hop(
        name=name,
        reported=HopState.OK,
        state=HopState.OK,
        verdict=Verdict.OK,
        last_success=ago(age_s),
        as_of=ago(4),
        lag_samples=samples,
    )


def number(value: int) -> Reading[int]:
    return Reading.of(value, ago(4))


def outside() -> Reading[int]:
    return Reading.missing(Absence.NOT_APPLICABLE)


def counts(failed: int = 0, behind: int = 0) -> tuple[CountRow, ...]:
    """`behind` users have not reached Entra; `failed` groups have not reached the managed domain."""
    return (
        CountRow(
            type=ObjectType.USERS,
            on_premises=number(48_120),
            entra=number(48_597),
            entra_synced=number(48_120 - behind),
            managed_domain=number(48_597),
            difference=Difference(in_flight=0, failed=behind, excluded=0, unexplained=0),
            change_1h=14,
        ),
        CountRow(
            type=ObjectType.GROUPS,
            on_premises=number(6_402),
            entra=number(6_410),
            entra_synced=number(6_402),
            managed_domain=number(6_410 - failed),
            difference=Difference(in_flight=0, failed=failed, excluded=0, unexplained=0),
            change_1h=1,
        ),
        CountRow(
            type=ObjectType.CONTACTS,
            on_premises=number(512),
            entra=number(512),
            entra_synced=number(512),
            managed_domain=outside(),
            change_1h=0,
        ),
        CountRow(
            type=ObjectType.DEVICES,
            on_premises=outside(),
            entra=number(31_870),
            entra_synced=number(31_870),
            managed_domain=outside(),
            change_1h=3,
        ),
    )


def source(
    name: SourceId, interval_s: float, *, age_s: float = 4, latency_ms: float = 38, requests: float = 1.0
) -> SourceStatus:
    return SourceStatus(
        source=name,
        state=SourceState.OK,
        as_of=ago(age_s),
        http_status=200,
        latency_ms=latency_ms,
        attempted_at=ago(age_s),
        next_poll=START + timedelta(seconds=interval_s - age_s),
        interval_s=interval_s,
        requests_per_minute=requests,
        clock_offset_s=0.2,
        outcomes=(True,) * 30,
    )


def sources() -> tuple[SourceStatus, ...]:
    return (
        source(SourceId.ORGANIZATION, 30, requests=4.0),
        source(SourceId.COUNTS, 300, age_s=121, latency_ms=212, requests=0.2),
        source(SourceId.FAILURES, 120, age_s=64, latency_ms=940, requests=1.5),
        source(SourceId.DOMAIN_SERVICES, 300, age_s=33, latency_ms=154, requests=0.4),
        source(SourceId.CONNECT_HEALTH, 300, age_s=33, latency_ms=310, requests=2.4),
        SourceStatus(source=SourceId.CLOUD_SYNC, state=SourceState.NOT_CONFIGURED),
        source(SourceId.MANAGED_DOMAIN, 60, age_s=12, latency_ms=9, requests=1.0),
        source(SourceId.ON_PREMISES, 60, age_s=12, latency_ms=6, requests=1.0),
    )


def runs() -> tuple[Run, ...]:
    def run(name: HopName, step: str, minutes: float, took_s: float | None, changed: int | None, failed: int) -> Run:
        ended = None if took_s is None else ago(minutes * 60 - took_s)
        result = "running" if took_s is None else "completed-export-errors" if failed else "success"
        return Run(
            hop=name, step=step, started=ago(minutes * 60), ended=ended, result=result, changed=changed, failed=failed
        )

    return (
        run(HopName.PASSWORD, "delta", 1, 17, 41, 0),
        run(HopName.DOMAIN_SERVICES, "delta", 7, 220, 118, 0),
        run(HopName.CONNECT, "export", 11, 362, 316, 2),
        run(HopName.CONNECT, "delta import", 37, 281, 202, 0),
        run(HopName.CONNECT, "delta import", 67, 269, 186, 0),
        run(HopName.DOMAIN_SERVICES, "delta", 71, 200, 90, 0),
    )


def events() -> tuple[Event, ...]:
    return (
        Event(at=ago(60), kind="run", text="Password hash delta finished, 41 changed"),
        Event(at=ago(420), kind="run", text="Entra > DS delta finished, 118 changed"),
        Event(at=ago(5400), kind="state", text="Entra > DS  late -> ok"),
        Event(at=ago(9100), kind="poll", text="graph.organization unreachable for 40s, recovered"),
    )


def healthy(name: str = "contoso-prod") -> TenantSnapshot:
    return TenantSnapshot(
        name=name,
        tenant_id="00000000-0000-0000-0000-000000000001",
        at=START,
        display_name="Contoso",
        verdict=Verdict.OK,
        hops=healthy_hops(),
        counts=counts(),
        runs=runs(),
        events=events(),
        sources=sources(),
        sync_scope="All",
        managed_domain_name="aadds.contoso.com",
    )


FAILURES: Sequence[tuple[str, Severity, HopName, str, str, str | None, str | None]] = (
    (
        "AttributeValueMustBeUnique",
        Severity.CRITICAL,
        HopName.CONNECT,
        "Jane Doe",
        "CN=Jane Doe,OU=Sales,DC=contoso,DC=com",
        "proxyAddresses",
        "SMTP:jane@contoso.com",
    ),
    ("InvalidSoftMatch", Severity.WARNING, HopName.CONNECT, "J Roe", "CN=J Roe,OU=HR,DC=contoso,DC=com", None, None),
    ("AADDS500", Severity.WARNING, HopName.DOMAIN_SERVICES, "(managed domain)", "", None, None),
    ("ExistingAdminRoleConflict", Severity.CRITICAL, HopName.CONNECT, "Ops Admin", "CN=Ops Admin,OU=IT", None, None),
    (
        "LargeObject",
        Severity.WARNING,
        HopName.CONNECT,
        "Print Ops",
        "CN=Print Ops,OU=IT,DC=contoso,DC=com",
        "userCertificate",
        None,
    ),
    (
        "DataValidationFailed",
        Severity.WARNING,
        HopName.PASSWORD,
        "B Smith",
        "CN=B Smith,OU=Fin,DC=contoso,DC=com",
        "userPrincipalName",
        "b smith@contoso.com",
    ),
    (
        "DataValidationFailed",
        Severity.WARNING,
        HopName.CONNECT,
        "Svc SQL",
        "CN=Svc SQL,OU=Svc,DC=contoso,DC=com",
        "mail",
        "svc-sql@",
    ),
    ("FederatedDomainChangeError", Severity.WARNING, HopName.CONNECT, "M Lee", "", "userPrincipalName", "m.lee@c.com"),
    ("ObjectTypeMismatch", Severity.INFO, HopName.CONNECT, "Sales List", "CN=Sales List,DC=contoso,DC=com", None, None),
)


def failure(number_: int, at_s: float | None = None) -> Failure:
    code, severity, hop_, name, dn, attribute, value = FAILURES[number_ % len(FAILURES)]
    lap = number_ // len(FAILURES)
    if lap:
        name, dn = f"{name} {lap}", dn and dn.replace(name, f"{name} {lap}")
    clash = number_ % len(FAILURES) == 0
    return Failure(
        id=f"f{number_}",
        severity=severity,
        hop=hop_,
        sources=("graph", "connect-health") if clash else ("graph",),
        code=code,
        object=ObjectRef(
            type="user",
            id=f"4f0c1c1e-5d0e-4e57-9d5f-{number_:012d}",
            name=name,
            dn=dn or None,
            upn=None,
            source_anchor=None,
        ),
        attribute=attribute,
        value=value,
        conflicts_with=ObjectRef(type="user", name="Jane Dough", dn="CN=Jane Dough,OU=Old,DC=contoso,DC=com")
        if clash
        else None,
        first_seen=ago(13_600 + 100 * number_),
        last_seen=ago(16 + 101 * number_ if at_s is None else at_s),
        message="The value is already in use by another object." if clash else "",
    )


def failures(total: int, first: int = 0) -> tuple[Failure, ...]:
    return tuple(failure(number_) for number_ in range(first, first + total))


def late_connect() -> Hop:
    return replace(
        hop(HopName.CONNECT, 4 * 3600 + 480, rising(4 * 3600 + 480)), state=HopState.STALE, verdict=Verdict.CRITICAL
    )


def trouble(name: str = "contoso-prod") -> TenantSnapshot:
    calm = healthy(name)
    reasons = (
        Reason(
            code=ReasonCode.NO_RECENT_SYNCHRONIZATION,
            severity=Severity.CRITICAL,
            hop=HopName.CONNECT,
            text="No recent synchronization: Connect last succeeded 4 hours ago, its limit is 3 hours. Wrong Connect "
            "settings or missing permissions of the connector accounts are the likely causes.",
            causes=(
                "Wrong Connect settings",
                "The connector accounts miss a permission",
                "The Connect server or its service is down",
            ),
            remedies=(
                "Run the Connect wizard again with express settings, which repairs accounts and permissions",
                "Check the accounts and permissions of the connectors",
                "Check that the scheduler is not suspended and the server is not in staging mode",
            ),
            docs="https://learn.microsoft.com/entra/identity/hybrid/connect/tshoot-connect-sync",
        ),
        Reason(
            code=ReasonCode.OBJECT_FAILURES,
            severity=Severity.WARNING,
            hop=HopName.CONNECT,
            text="9 objects fail to sync.",
        ),
    )
    return replace(
        calm,
        verdict=Verdict.CRITICAL,
        reasons=reasons,
        hops=(late_connect(), *calm.hops[1:]),
        counts=counts(failed=3, behind=23),
        failures=failures(9),
        failures_total=9,
        events=(Event(at=ago(4080), kind="state", text="AD > Entra  ok -> late"), *calm.events),
    )


def first_sync() -> TenantSnapshot:
    calm = healthy()
    new = Hop(
        name=HopName.DOMAIN_SERVICES,
        reported=HopState.NEVER,
        state=HopState.NEVER,
        verdict=Verdict.OK,
        as_of=ago(4),
        progress=Progress(done=52_310, total=120_000, per_second=118.0),
    )
    reason = Reason(
        code=ReasonCode.NEVER_SYNCHRONIZED,
        severity=Severity.INFO,
        hop=HopName.DOMAIN_SERVICES,
        text="The managed domain was just deployed; its first synchronization is under way.",
    )
    return replace(calm, hops=(*calm.hops[:2], new), reasons=(reason,), runs=(), events=())


def stale() -> TenantSnapshot:
    """Every source has failed for longer than three of its intervals."""
    old = [
        status
        if status.state is SourceState.NOT_CONFIGURED
        else replace(
            status,
            state=SourceState.ERROR,
            as_of=ago(1020),
            interval_s=60.0,
            error="Could not connect to graph.microsoft.com: name or service not known",
            failed_in_a_row=5,
            http_status=None,
            latency_ms=None,
            retry_at=START + timedelta(seconds=22),
            outcomes=(True,) * 20 + (False,) * 5,
        )
        for status in sources()
    ]
    calm = healthy()
    hops = tuple(replace(each, as_of=ago(1020)) for each in calm.hops)
    reason = Reason(
        code=ReasonCode.SOURCE_ERROR,
        severity=Severity.UNKNOWN,
        hop=None,
        text="graph.organization could not be read: name or service not known.",
    )
    return replace(calm, hops=hops, sources=tuple(old), verdict=Verdict.UNKNOWN, reasons=(reason,))


def hostile() -> TenantSnapshot:
    """Text that would break a careless screen: markup, wide characters, nothing at all, far too much."""
    nasty = (
        "[/x] [bold]a[red",
        "李小龍 的電子郵件帳戶 很長的名字" * 4,
        "",
        "e\u0301 combining",
        "x" * 4000,
        "[link=http://x]y[/]",
    )
    failing = tuple(
        replace(
            failure(n),
            id=f"h{n}",
            code=text or "",
            object=ObjectRef(name=text or None, dn=text or None),
            attribute=text or None,
            value=text[::-1] or None,
            conflicts_with=None,
            message=text,
        )
        for n, text in enumerate(nasty)
    )
    calm = healthy("[/] 本社 [b]prod")
    reason = Reason(
        code=ReasonCode.OBJECT_FAILURES, severity=Severity.WARNING, hop=None, text=f"6 objects fail: [/bold] {nasty[1]}"
    )
    return replace(
        calm,
        verdict=Verdict.WARNING,
        reasons=(reason,),
        failures=failing,
        failures_total=6,
        events=(Event(at=ago(1), kind="[x]", text=nasty[1]),),
        runs=(Run(hop=HopName.CONNECT, step=nasty[0], result="[/]"),),
    )


def several() -> tuple[TenantSnapshot, ...]:
    unknown = replace(stale(), name="fabrikam")
    return (healthy("contoso-test"), unknown, trouble("contoso-prod"))


def nothing_known() -> TenantSnapshot:
    """The first frame of all, before any answer."""
    return TenantSnapshot(
        name="contoso-prod",
        tenant_id="1",
        at=START,
        hops=tuple(Hop(name=name) for name in HopName),
        counts=tuple(CountRow(type=kind) for kind in ObjectType),
        sources=tuple(SourceStatus(source=name, interval_s=60.0) for name in SourceId if name is not SourceId.CHANGES),
    )
