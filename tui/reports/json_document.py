"""Snapshots as JSON for other programs: the shape and names are a contract (README, `check --format json`).

Times are RFC 3339 in UTC with `Z`, ages are seconds, and null means not known: it is never zero.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tui.model.facts import Alert, ObjectRef
from tui.model.failures import docs, remedy, summary
from tui.model.reading import Reading
from tui.model.snapshot import CountRow, Failure, Hop, Lag, LagFigures, Progress, Reason, SourceStatus, TenantSnapshot
from tui.model.states import HopName, ObjectType
from tui.model.text import rfc3339
from tui.reports.tenant_facts import tenant_facts
from tui.reports.verdicts import failing, worst

SCHEMA = 1
_SURROGATE = re.compile("[\ud800-\udfff]")


def json_document(snapshots: Sequence[TenantSnapshot], at: datetime) -> dict[str, Any]:
    """The whole answer of `check --format json` as one value; ages count until `at`."""
    document = {**_head(snapshots, at), "tenants": [tenant_entry(snapshot, at) for snapshot in snapshots]}
    return dict(_plain(document))


def json_chunks(snapshots: Sequence[TenantSnapshot], at: datetime) -> Iterator[str]:
    """The text of `json_document`, piece by piece, so that a hundred thousand failures never stand in memory twice."""
    yield _open(_head(snapshots, at)) + ', "tenants": ['
    for position, snapshot in enumerate(snapshots):
        yield (",\n" if position else "\n") + _open(_before_failures(snapshot, at)) + ', "failures": ['
        yield from _joined(encode(failure_entry(failure)) for failure in snapshot.failures)
        yield "], " + encode(_after_failures(snapshot))[1:]
    yield "]}\n"


def tenant_entry(snapshot: TenantSnapshot, at: datetime) -> dict[str, Any]:
    failures = [failure_entry(failure) for failure in snapshot.failures]
    return {**_before_failures(snapshot, at), "failures": failures, **_after_failures(snapshot)}


def failure_entry(failure: Failure) -> dict[str, Any]:
    """One failing object, with what its code means and how to mend it."""
    return {
        "id": failure.id,
        "severity": failure.severity.value,
        "hop": failure.hop.value,
        "sources": list(failure.sources),
        "code": failure.code,
        "object": _object(failure.object),
        "attribute": failure.attribute,
        "value": failure.value,
        "conflicts_with": _object(failure.conflicts_with) if failure.conflicts_with else None,
        "first_seen": rfc3339(failure.first_seen),
        "last_seen": rfc3339(failure.last_seen),
        "summary": summary(failure),
        "remedy": remedy(failure),
        "docs": docs(failure) or None,
        "message": failure.message,
    }


def encode(value: Mapping[str, Any]) -> str:
    """`value` as JSON that every parser takes: ASCII only, no NaN, no lone surrogate."""
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_plain(value))
    return json.dumps(_plain(value)) if "\\ud" in text else text


def _head(snapshots: Sequence[TenantSnapshot], at: datetime) -> dict[str, Any]:
    verdict = worst(snapshot.verdict for snapshot in snapshots)
    return {"schema": SCHEMA, "at": rfc3339(at), "verdict": verdict.value}


def _before_failures(snapshot: TenantSnapshot, at: datetime) -> dict[str, Any]:
    hops = {hop.name: hop for hop in snapshot.hops}
    rows = {row.type: row for row in snapshot.counts}
    return {
        "name": snapshot.name,
        "tenant_id": snapshot.tenant_id,
        "display_name": snapshot.display_name,
        "verdict": snapshot.verdict.value,
        "reasons": [_reason(reason) for reason in snapshot.reasons],
        "hops": [_hop(hops.get(name) or Hop(name=name), at) for name in HopName],
        "counts": [_count(rows.get(kind) or CountRow(type=kind)) for kind in ObjectType],
        "alerts": [_alert(alert) for alert in snapshot.alerts],
    }


def _after_failures(snapshot: TenantSnapshot) -> dict[str, Any]:
    return {
        "failures_total": failing(snapshot),
        "failures_truncated": snapshot.failures_truncated,
        "sources": [source_entry(status) for status in snapshot.sources],
        **tenant_facts(snapshot),
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "code": reason.code.value,
        "severity": reason.severity.value,
        "hop": reason.hop.value if reason.hop else None,
        "text": reason.text,
        "causes": list(reason.causes),
        "remedies": list(reason.remedies),
        "docs": reason.docs or None,
    }


def _hop(hop: Hop, at: datetime) -> dict[str, Any]:
    return {
        "hop": hop.name.value,
        "state": hop.state.value,
        "verdict": hop.verdict.value,
        "last_success": rfc3339(hop.last_success),
        "age_s": _number(hop.age_s(at)),
        "as_of": rfc3339(hop.as_of),
        "note": hop.note,
        "progress": _progress(hop.progress) if hop.progress else None,
        "lag": _lag(hop.lag) if hop.lag else None,
    }


def _lag(lag: Lag) -> dict[str, Any]:
    return {
        "hour": _figures(lag.hour),
        "day": _figures(lag.day),
        "in_flight": lag.in_flight,
        "oldest_s": _number(lag.oldest_s),
        "truncated": lag.truncated,
        "not_arrived": lag.not_arrived,
    }


def _figures(figures: LagFigures) -> dict[str, Any]:
    return {
        "samples": figures.samples,
        "median_s": _number(figures.median_s),
        "p95_s": _number(figures.p95_s),
        "max_s": _number(figures.max_s),
    }


def _progress(progress: Progress) -> dict[str, Any]:
    return {
        "done": progress.done,
        "total": progress.total,
        "per_second": _number(progress.per_second),
        "eta_s": _number(progress.eta_s),
        "moving": progress.moving,
    }


def _count(row: CountRow) -> dict[str, Any]:
    sides: dict[str, Reading[int]] = {
        "on_premises": row.on_premises,
        "entra": row.entra,
        "entra_synced": row.entra_synced,
        "managed_domain": row.managed_domain,
        "managed_domain_local": row.managed_domain_local,
    }
    difference = row.difference
    return {
        "type": row.type.value,
        **{side: reading.value for side, reading in sides.items()},
        "difference": {
            "in_flight": difference.in_flight,
            "failed": difference.failed,
            "excluded": difference.excluded,
            "unexplained": difference.unexplained,
        },
        "as_of": {side: rfc3339(reading.as_of) for side, reading in sides.items()},
        "absence": {side: reading.absence.value if reading.absence else None for side, reading in sides.items()},
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "source": alert.source,
        "code": alert.code,
        "title": alert.title,
        "severity": alert.severity,
        "raised": rfc3339(alert.raised),
        "last_detected": rfc3339(alert.last_detected),
        "text": alert.text,
        "remedy": alert.remedy,
        "docs": alert.link or None,
    }


def source_entry(status: SourceStatus) -> dict[str, Any]:
    """How polling one source goes."""
    return {
        "source": status.source.value,
        "state": status.state.value,
        "as_of": rfc3339(status.as_of),
        "http_status": status.http_status,
        "latency_ms": _number(status.latency_ms),
        "error": status.error,
        "retry_at": rfc3339(status.retry_at),
        "optional": status.optional,
    }


def _object(ref: ObjectRef) -> dict[str, Any]:
    return {
        "type": ref.type,
        "id": ref.id,
        "name": ref.name,
        "dn": ref.dn,
        "upn": ref.upn,
        "source_anchor": ref.source_anchor,
    }


def _number(value: float | None) -> float | None:
    return round(float(value), 3) if value is not None and math.isfinite(value) else None


def _joined(entries: Iterator[str]) -> Iterator[str]:
    for position, entry in enumerate(entries):
        yield (",\n" if position else "\n") + entry


def _open(value: Mapping[str, Any]) -> str:
    """The JSON object without its closing brace, so that more can follow."""
    return encode(value)[:-1]


def _plain(value: Any) -> Any:
    """`value` without what JSON cannot say: numbers that are not finite become null, lone surrogates U+FFFD."""
    if isinstance(value, str):
        return (
            value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _SURROGATE.search(value) else value
        )
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_plain(key): _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
