"""A value, when it was read, and why it is missing. Unknown is not zero, and old is not fresh."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Absence(StrEnum):
    """Why there is no value."""

    NEVER_READ = "never read"
    NOT_MONITORED = "not monitored"
    NOT_PERMITTED = "not permitted"
    NOT_REPORTED = "not reported"
    NOT_APPLICABLE = "not applicable"
    THROTTLED = "throttled"
    FAILED = "failed"


class Reading(Struct, Generic[T], frozen=True):
    """`value` is None exactly when `absence` says why; `as_of` is when the upstream answered."""

    value: T | None = None
    as_of: datetime | None = None
    absence: Absence | None = Absence.NEVER_READ

    @staticmethod
    def of(value: T, as_of: datetime) -> Reading[T]:
        return Reading(value, as_of, None)

    @staticmethod
    def missing(absence: Absence, as_of: datetime | None = None) -> Reading[T]:
        return Reading(None, as_of, absence)
