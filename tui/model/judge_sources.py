"""What could not be read. It makes the verdict unknown at best: silence is never health."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from tui.model.finding import Finding, ago, quote
from tui.model.judge_hops import HOP_TITLES, is_failing
from tui.model.reading import Absence, Reading
from tui.model.snapshot import CountRow, Hop, Reason, SourceStatus, TenantSnapshot
from tui.model.states import HOP_SOURCE, HopName, HopState, ReasonCode, Severity, SourceId, SourceState
from tui.model.text import rfc3339

RANK = 150
PERMISSIONS_PAGE = "https://learn.microsoft.com/graph/permissions-reference"
ROLES_PAGE = "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"

# Least privilege: facts/domain.md 2.12, 3.1 and 3.2.
GRANTS = {
    SourceId.ORGANIZATION: "Grant Organization.Read.All (or Directory.Read.All)",
    SourceId.COUNTS: "Grant User.Read.All, GroupMember.Read.All, OrgContact.Read.All, Device.Read.All "
    "(or Directory.Read.All)",
    SourceId.FAILURES: "Grant User.Read.All, GroupMember.Read.All, OrgContact.Read.All (or Directory.Read.All)",
    SourceId.CHANGES: "Grant User.Read.All and GroupMember.Read.All (or Directory.Read.All)",
    SourceId.DOMAIN_SERVICES: "Give the account the Reader role on the managed domain's resource",
    SourceId.CONNECT_HEALTH: "Give the account the Reader role on the Connect Health service",
    SourceId.CLOUD_SYNC: "Grant Application.Read.All and Synchronization.Read.All",
    SourceId.MANAGED_DOMAIN: "Check the bind account and its password; it must exist in the managed domain",
    SourceId.ON_PREMISES: "Check the bind account and its password; an ordinary domain user is enough",
}
PAGES = {
    SourceId.DOMAIN_SERVICES: ROLES_PAGE,
    SourceId.CONNECT_HEALTH: ROLES_PAGE,
    SourceId.MANAGED_DOMAIN: "https://learn.microsoft.com/entra/identity/domain-services/tutorial-configure-ldaps",
    SourceId.ON_PREMISES: "",
}
CODES = {SourceState.DENIED: ReasonCode.NOT_PERMITTED, SourceState.THROTTLED: ReasonCode.THROTTLED}
WORDS = {SourceState.DENIED: "not permitted", SourceState.THROTTLED: "throttled"}
HOP_CODES = {
    HopState.NOT_PERMITTED: ReasonCode.NOT_PERMITTED,
    HopState.NOT_REPORTED: ReasonCode.NOT_REPORTED,
    HopState.ERROR: ReasonCode.SOURCE_ERROR,
}
HOP_WORDS = {
    HopState.NOT_PERMITTED: "may not be read",
    HopState.NOT_REPORTED: "is not reported: the answer came without a believable time of the last success",
    HopState.ERROR: "could not be read",
    HopState.NOT_MONITORED: "is not known: nothing reads it",
}
UNCOUNTED = (
    (Absence.NOT_PERMITTED, ReasonCode.NOT_PERMITTED),
    (Absence.THROTTLED, ReasonCode.THROTTLED),
    (Absence.FAILED, ReasonCode.SOURCE_ERROR),
)
MORE_TIME = "a longer timeout under [poll] lets more be counted in one poll"
COUNTED_BY: Mapping[SourceId, Callable[[CountRow], tuple[Reading[int], ...]]] = {
    SourceId.COUNTS: lambda row: (row.entra, row.entra_synced),
    SourceId.MANAGED_DOMAIN: lambda row: (row.managed_domain,),
    SourceId.ON_PREMISES: lambda row: (row.on_premises,),
}


def source_findings(snapshot: TenantSnapshot, now: datetime) -> Iterator[Finding]:
    """One finding per configured source that could not be read. An optional one changes no verdict."""
    for status in snapshot.sources:
        if not status.optional and is_failing(status):
            yield _unread(
                CODES.get(status.state, ReasonCode.SOURCE_ERROR), _hop_of(status), _told(status, now), status.source
            )


def unread_hop_findings(snapshot: TenantSnapshot) -> Iterator[Finding]:
    """Hops that are unknown though their source answers: a blanked or incomplete answer. Password hash sync is
    optional; a managed domain may lawfully go unmonitored, the hop from on premises may not."""
    connect_is_told = any(hop.name is HopName.CONNECT for hop in snapshot.hops)
    for hop in snapshot.hops if connect_is_told else (Hop(name=HopName.CONNECT), *snapshot.hops):
        source = HOP_SOURCE[hop.name]
        unread = hop.state in HOP_CODES or (hop.name is HopName.CONNECT and hop.state is HopState.NOT_MONITORED)
        if hop.name is not HopName.PASSWORD and unread and not is_failing(snapshot.source(source)):
            yield _unread(HOP_CODES.get(hop.state, ReasonCode.NOT_REPORTED), hop.name, _hop_told(hop, source), source)


def count_findings(snapshot: TenantSnapshot) -> Iterator[Finding]:
    """Types of objects that could not be counted though the rest of the source's answer came."""
    for source, readings in COUNTED_BY.items():
        status = snapshot.source(source)
        if is_failing(status) or (status is not None and status.optional):
            continue
        for absence, code in UNCOUNTED:
            types = [row.type for row in snapshot.counts if any(one.absence is absence for one in readings(row))]
            if types:
                text = f"{source}: {', '.join(types)} could not be counted ({absence})"
                yield _unread(code, None, _with_grant(text, code, source), source)


def uncounted_findings(snapshot: TenantSnapshot) -> Iterator[Finding]:
    """Types that a directory which answers has not counted to their end: a large one takes several polls for that."""
    for source in (SourceId.MANAGED_DOMAIN, SourceId.ON_PREMISES):
        status = snapshot.source(source)
        readings = COUNTED_BY[source]
        never = Absence.NEVER_READ
        types = [row.type for row in snapshot.counts if any(one.absence is never for one in readings(row))]
        if types and status is not None and status.state is SourceState.OK:
            text = f"{source}: {', '.join(types)} not counted yet; {MORE_TIME}"
            yield _unread(ReasonCode.SOURCE_ERROR, None, text, source)


def _told(status: SourceStatus, now: datetime) -> str:
    if status.state is SourceState.NEVER:
        return f"{status.source}: waiting for the first answer"
    told = f"{status.source} {_trouble(status)}"
    if not _is_sign_in(status):
        told = _with_grant(told, CODES.get(status.state), status.source)
    if status.state is SourceState.THROTTLED and status.retry_at:
        told += f"; asked again at {rfc3339(status.retry_at)}"
    if status.as_of is None:
        return f"{_ended(told)} Nothing has been read yet"
    return f"{_ended(told)} Values are {ago(max(0.0, (now - status.as_of).total_seconds()))} old"


def _is_sign_in(status: SourceStatus) -> bool:
    """Refused before the upstream was asked: no permission of the account would help."""
    return status.http_status is None and status.source not in (SourceId.MANAGED_DOMAIN, SourceId.ON_PREMISES)


def _trouble(status: SourceStatus) -> str:
    if status.state is SourceState.OK:
        return "is overdue: its poller has not come round"
    word = WORDS.get(status.state, "cannot be read")
    return f"{word}: {quote(status.error)}" if status.error else word


def _with_grant(text: str, code: ReasonCode | None, source: SourceId) -> str:
    needed = code is ReasonCode.NOT_PERMITTED and "grant" not in text.casefold()
    return f"{_ended(text)} {GRANTS[source]}" if needed else text


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _hop_told(hop: Hop, source: SourceId) -> str:
    text = f"{HOP_TITLES[hop.name]} {HOP_WORDS[hop.state]}"
    text = f"{text}: {quote(hop.note)}" if hop.note else text
    return _with_grant(text, HOP_CODES.get(hop.state), source)


def _hop_of(status: SourceStatus) -> HopName | None:
    return next((hop for hop, source in HOP_SOURCE.items() if source is status.source), None)


def _unread(code: ReasonCode, hop: HopName | None, text: str, source: SourceId) -> Finding:
    remedies = (GRANTS[source],) if code is ReasonCode.NOT_PERMITTED else ()
    docs = PAGES.get(source, PERMISSIONS_PAGE) if code is ReasonCode.NOT_PERMITTED else ""
    reason = Reason(code=code, severity=Severity.UNKNOWN, hop=hop, text=text, remedies=remedies, docs=docs)
    return Finding(reason, RANK + list(SourceId).index(source))
