"""Traces as JSON for other programs. Times are RFC 3339 in UTC with `Z`, and null means not known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tui.model.facts import ObjectRef
from tui.model.text import rfc3339
from tui.model.trace import Sighting, Trace
from tui.reports.json_document import encode

SCHEMA = 1


def traces_json(traces: Sequence[tuple[str, Trace]], at: datetime) -> str:
    """One object for all tenants, each by its name, with its line end."""
    entries = [{"tenant": tenant, **trace_entry(trace)} for tenant, trace in traces]
    return encode({"schema": SCHEMA, "at": rfc3339(at), "traces": entries}) + "\n"


def trace_entry(trace: Trace) -> dict[str, Any]:
    return {
        "name": trace.name,
        "at": rfc3339(trace.at),
        "outcome": trace.outcome.value,
        "findings": list(trace.findings),
        "ambiguous": list(trace.ambiguous),
        "differences": [
            {"attribute": one.name, "values": {side.value: list(values) for side, values in one.values.items()}}
            for one in trace.differences
        ],
        "sides": [_sighting(seen) for seen in trace.sightings],
    }


def _sighting(seen: Sighting) -> dict[str, Any]:
    """`found` null: the side could not be asked, and `problem` says why."""
    return {
        "side": seen.side.value,
        "found": seen.found,
        "problem": seen.problem or None,
        "object": _object(seen.object) if seen.found or seen.deleted else None,
        "account_name": seen.account_name,
        "enabled": seen.enabled,
        "local": seen.is_local,
        "created": rfc3339(seen.created),
        "changed": rfc3339(seen.changed),
        "last_synced": rfc3339(seen.last_synced),
        "password_changed": rfc3339(seen.password_changed),
        "deleted": rfc3339(seen.deleted),
        "attributes": {name: list(values) for name, values in seen.attributes.items()},
        "quarantined": list(seen.quarantined),
        "notes": list(seen.notes),
    }


def _object(ref: ObjectRef) -> dict[str, str | None]:
    names = ("type", "id", "name", "dn", "upn", "source_anchor")
    return {name: getattr(ref, name) for name in names}
