"""What is known about the tenant beside hops, counts and failures: servers, managed domain, limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tui.model.facts import ReplicaSet, SyncServer
from tui.model.snapshot import TenantSnapshot
from tui.model.text import count, duration, span
from tui.widgets.frame import Frame
from tui.widgets.line import Line, Span, line, wrap

_LEAD = 20
CERTIFICATE_WARNING_S = 30 * 86400.0


def tenant_facts(frame: Frame, width: int) -> Sequence[Line]:
    """One titled line or more for each fact that is known; empty where none is."""
    lines = [one for title, spans in _facts(frame) for one in _titled(title, spans, width)]
    return [line(Span("TENANT", "label")), *lines] if lines else []


def _titled(title: str, text: Span, width: int) -> Iterator[Line]:
    for number, part in enumerate(wrap(text.text, max(20, width - _LEAD))):
        yield line(Span((title if number == 0 else "").ljust(_LEAD), "dim"), Span(part, text.style))


def _facts(frame: Frame) -> Iterator[tuple[str, Span]]:
    snapshot = frame.shown
    yield from _directory(snapshot)
    for server in snapshot.servers:
        yield "sync server", Span(_server(server, frame.now))
    yield from _managed_domain(snapshot, frame.now)


def _directory(snapshot: TenantSnapshot) -> Iterator[tuple[str, Span]]:
    if snapshot.quota:
        yield "directory quota", Span(f"{count(snapshot.quota.used)} of {count(snapshot.quota.total)} objects")
    if snapshot.deleted_items.value is not None:
        yield "deleted users", Span(f"{count(snapshot.deleted_items.value)} can still be restored")
    if snapshot.deletion_threshold is not None:
        yield "deletion threshold", Span(f"{count(snapshot.deletion_threshold)} deletions hold an export back")


def _server(server: SyncServer, now: datetime) -> str:
    parts = [server.name, server.status, f"Connect {server.client_version}" if server.client_version else ""]
    parts += ["staging mode" if server.staging else "", "monitoring is off" if server.disabled else ""]
    parts += [_ago("last export", server.last_export, now), _ago("data uploaded", server.data_freshness, now)]
    return "  ".join(part for part in parts if part)


def _managed_domain(snapshot: TenantSnapshot, now: datetime) -> Iterator[tuple[str, Span]]:
    if snapshot.managed_domain_name:
        scope = f"scope {snapshot.sync_scope}" if snapshot.sync_scope else ""
        groups = "members of chosen groups only" if snapshot.filtered_sync.casefold() == "enabled" else ""
        parts = (snapshot.managed_domain_name, scope, groups)
        yield "managed domain", Span("  ".join(part for part in parts if part))
    for replica in snapshot.replica_sets:
        yield "replica set", Span(_replica_set(replica, now))
    if snapshot.certificate_expires:
        yield "LDAPS certificate", _certificate(snapshot.certificate_expires, now)


def _replica_set(replica: ReplicaSet, now: datetime) -> str:
    parts = [replica.location or replica.id, replica.service_status, "runs the sync" if replica.owns_sync else ""]
    parts += [_ago("synchronized", replica.last_sync, now), _ago("backed up", replica.last_backup, now)]
    parts += [_ago("health evaluated", replica.health_evaluated, now)]
    return "  ".join(part for part in parts if part)


def _certificate(expires: datetime, now: datetime) -> Span:
    left = (expires - now).total_seconds()
    day = f"{expires:%Y-%m-%d}"
    if left <= 0:
        return Span(f"expired on {day}", "warn")
    return Span(f"expires on {day}, in {span(left)}", "warn" if left < CERTIFICATE_WARNING_S else "")


def _ago(what: str, moment: datetime | None, now: datetime) -> str:
    return f"{what} {duration((now - moment).total_seconds())} ago" if moment else ""
