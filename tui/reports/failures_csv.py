"""Failing objects as RFC 4180 CSV, one line each, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from tui.model.facts import ObjectRef
from tui.model.failures import docs, remedy, summary
from tui.model.snapshot import Failure, TenantSnapshot
from tui.model.text import rfc3339

COLUMNS = (
    "tenant",
    "id",
    "severity",
    "hop",
    "code",
    "object_type",
    "object_id",
    "object_name",
    "object_dn",
    "object_upn",
    "attribute",
    "value",
    "conflict_type",
    "conflict_id",
    "conflict_name",
    "conflict_dn",
    "conflict_upn",
    "first_seen",
    "last_seen",
    "sources",
    "summary",
    "remedy",
    "docs",
    "message",
)
# A spreadsheet runs a cell that begins like this as a formula (OWASP, CSV Injection). The apostrophe itself is
# among them so that a reader gets every cell back by the one rule: drop one leading apostrophe.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")


def failures_csv(snapshots: Sequence[TenantSnapshot]) -> Iterator[str]:
    """The header and one line per failure, each with its CR LF."""
    line = csv.writer(_Line(), lineterminator="\r\n").writerow
    yield line(COLUMNS)
    for snapshot in snapshots:
        for failure in snapshot.failures:
            yield line([_guarded(cell) for cell in _cells(snapshot, failure)])


def _cells(snapshot: TenantSnapshot, failure: Failure) -> tuple[str | None, ...]:
    other = failure.conflicts_with or ObjectRef()
    return (
        snapshot.name,
        failure.id,
        failure.severity.value,
        failure.hop.value,
        failure.code,
        *_object(failure.object),
        failure.attribute,
        failure.value,
        *_object(other),
        rfc3339(failure.first_seen),
        rfc3339(failure.last_seen),
        " ".join(failure.sources),
        summary(failure),
        remedy(failure),
        docs(failure),
        failure.message,
    )


def _object(ref: ObjectRef) -> tuple[str | None, ...]:
    return (ref.type, ref.id, ref.name, ref.dn, ref.upn)


def _guarded(cell: str | None) -> str:
    """`cell` with an apostrophe in front where a spreadsheet would run it; empty for None."""
    return f"'{cell}" if cell and cell.startswith(_FORMULA) else cell or ""


class _Line:
    """A file for `csv.writer` that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line
