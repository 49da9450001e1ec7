"""The health of a managed domain: its alerts' ids, and since when each is raised (facts/domain.md 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

LATE_AFTER = timedelta(hours=2)
NETWORK_ERROR = "AADDS104"
PASSWORD_APPLICATION = "AADDS105"  # noqa: S105 - an alert's id
SYNC_LATE = "AADDS500"
BACKUP = "AADDS501"


class RaisedAlert(Struct, frozen=True):
    code: str
    raised: datetime
    last_detected: datetime


def raised(before: Mapping[str, RaisedAlert], codes: Iterable[str], at: datetime) -> dict[str, RaisedAlert]:
    """The alerts detected `at` this time by their codes; one that goes on keeps the time it was raised."""
    return {code: RaisedAlert(code, before[code].raised if code in before else at, at) for code in codes}
