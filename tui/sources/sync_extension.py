"""What a sync of our own tells beside the ARM shape: progress, failing objects, what holds it up.

It is the object `synctop` below a managed domain's `properties`; Microsoft's answers have none. Every field may be
missing, of the wrong type or hostile, as anywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from msgspec import Struct

from tui.model.facts import Alert, FailureReport, ObjectRef, SyncProgress
from tui.model.states import HopName, SourceId
from tui.model.text import clean, plural
from tui.sources.decode import JsonObject, boolean, child, count, items, text, text_or_none, texts, time
from tui.sources.plausible import past

KEY = "synctop"
FULL_PASSES = ("first-sync", "full-resync")
DELETIONS_HELD = "DeletionsHeld"
MOST_FAILURES = 1000
MOST_NOTES = 5
LONGEST_NOTE = 300
_HIGHEST_RATE = 1e9


class SyncExtension(Struct, frozen=True, kw_only=True):
    """`alerts`: deletions that are held back. `note`: what is wrong or odd, in words."""

    progress: SyncProgress | None = None
    reports: tuple[FailureReport, ...] = ()
    truncated: bool = False
    alerts: tuple[Alert, ...] = ()
    note: str = ""


def sync_extension(properties: JsonObject, now: datetime) -> SyncExtension:
    """What the answer tells; empty where it has no extension. `now`: the upstream's present."""
    told = child(properties, KEY)
    reports = tuple(_reports(told, now))
    failed = count(told.get("objectsFailed"))
    return SyncExtension(
        progress=progress(told),
        reports=reports,
        truncated=boolean(told, "failuresTruncated") is True or (not reports and bool(failed)),
        alerts=tuple(_held_back(told)),
        note="; ".join(clean(part, LONGEST_NOTE) for part in (text(told, "error"), *_notes(told)) if part),
    )


def progress(told: JsonObject) -> SyncProgress | None:
    """The full pass under way; None where none is, or its size is not known."""
    done, total = count(told.get("done")), count(told.get("total"))
    if text(told, "phase") not in FULL_PASSES or done is None or not total:
        return None
    return SyncProgress(done=min(done, total), total=total, per_second=_rate(told.get("perSecond")))


def _rate(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _HIGHEST_RATE:
        return None
    return float(value) if math.isfinite(value) else None


def _held_back(told: JsonObject) -> Iterator[Alert]:
    held, threshold = count(told.get("heldDeletions")), count(told.get("deletionThreshold"))
    if held:
        limit = f" ({threshold:,})" if threshold is not None else ""
        yield Alert(
            source=SourceId.DOMAIN_SERVICES.value,
            code=DELETIONS_HELD,
            title="Too many deletions: the sync is held back",
            text=f"Sync held back: {plural(held, 'deletion')} waiting, more than deletion_threshold{limit} allows",
        )


def _notes(told: JsonObject) -> tuple[str, ...]:
    return texts(told, "notes")[:MOST_NOTES]


def _reports(told: JsonObject, now: datetime) -> Iterator[FailureReport]:
    for item in islice(items(told, "failures"), MOST_FAILURES):
        about = _reference(child(item, "object"))
        if about is not None:
            yield FailureReport(
                source=SourceId.DOMAIN_SERVICES.value,
                hop=HopName.DOMAIN_SERVICES,
                code=text(item, "code"),
                object=about,
                attribute=text_or_none(item, "attribute"),
                value=text_or_none(item, "value"),
                conflicts_with=_reference(child(item, "conflictsWith")),
                first_seen=past(time(item, "firstSeen"), now),
                last_seen=past(time(item, "lastSeen"), now),
                message=text(item, "message"),
            )


def _reference(told: JsonObject) -> ObjectRef | None:
    """None for an object of which nothing but its type is told."""
    found = ObjectRef(
        type=text_or_none(told, "type"),
        id=text_or_none(told, "id"),
        name=text_or_none(told, "name"),
        dn=text_or_none(told, "dn"),
        upn=text_or_none(told, "upn"),
    )
    return found if found.id or found.name or found.dn or found.upn else None
