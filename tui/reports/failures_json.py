"""Failing objects as JSON: the same entries as in `check --format json`, in one document or one to a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tui.model.snapshot import TenantSnapshot
from tui.model.text import rfc3339
from tui.reports.json_document import SCHEMA, encode, failure_entry, source_entry
from tui.reports.verdicts import failing


def failures_json(snapshots: Sequence[TenantSnapshot], at: datetime) -> Iterator[str]:
    """One document: `schema`, `at`, and per tenant its failures, how many there are and how each source went."""
    yield encode({"schema": SCHEMA, "at": rfc3339(at)})[:-1] + ', "tenants": ['
    for position, snapshot in enumerate(snapshots):
        yield ",\n" if position else "\n"
        yield from _tenant(snapshot)
    yield "]}\n"


def failures_jsonl(snapshots: Sequence[TenantSnapshot]) -> Iterator[str]:
    """One object to a line: a failure with its `tenant` in front."""
    for snapshot in snapshots:
        for failure in snapshot.failures:
            yield encode({"tenant": snapshot.name, **failure_entry(failure)}) + "\n"


def _tenant(snapshot: TenantSnapshot) -> Iterator[str]:
    yield encode({"name": snapshot.name, "tenant_id": snapshot.tenant_id})[:-1] + ', "failures": ['
    for position, failure in enumerate(snapshot.failures):
        yield (",\n" if position else "\n") + encode(failure_entry(failure))
    rest = {
        "failures_total": failing(snapshot),
        "failures_truncated": snapshot.failures_truncated,
        "sources": [source_entry(status) for status in snapshot.sources],
    }
    yield "], " + encode(rest)[1:]
