"""By what an object is known on both sides of a hop."""

from __future__ import annotations

from collections.abc import Iterator

from tui.model.facts import ObjectChange, ObjectRef


def by_object_id(change: ObjectChange) -> str | None:
    """Entra ID and the managed domain: the object id (facts/domain.md 1.2)."""
    return change.object_id.casefold() if change.object_id else None


def by_origin(change: ObjectChange) -> str | None:
    """On-premises and Entra ID: a user's source anchor; of groups Graph tells none, but the on-premises SID."""
    if change.kind == "group":
        return change.security_id.casefold() if change.security_id else None
    return change.source_anchor or None


def keys_of(ref: ObjectRef) -> Iterator[str]:
    """Whatever a failing object may be known by."""
    if ref.id:
        yield ref.id.casefold()
    if ref.source_anchor:
        yield ref.source_anchor
