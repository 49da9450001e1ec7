"""Until the catalogue is there, failures are told in their own words."""

from __future__ import annotations

from tui.model.snapshot import Failure


def summary(failure: Failure) -> str:
    return failure.message


def search_text(failure: Failure) -> str:
    parts = (
        failure.code,
        failure.object.name,
        failure.object.dn,
        failure.object.upn,
        failure.object.id,
        failure.attribute,
        failure.value,
        failure.message,
    )
    return " ".join(part for part in parts if part).casefold()
