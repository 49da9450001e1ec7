"""Times as upstreams write them: ISO 8601 with 0 to 7 fractional digits, RFC 1123, prose, .NET; year one means never.

Sources: facts/domain.md 2.11, 3.1 traps 1, 2 and 7; facts/peers.md C.3.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_ISO = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s*([Zz]|[+-]\d\d:?\d\d|UTC|GMT)?\s*\Z",
    re.ASCII,
)
_PROSE = re.compile(
    r"(?:[A-Za-z]{3},?\s+)?\d{1,2}\s+[A-Za-z]{3}\s+(\d{4})\s+\d\d:\d\d:\d\d(?:\s+(?:GMT|UTC|[+-]\d{4}))?", re.ASCII
)
_DOTNET_JSON = re.compile(r"\s*/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/\s*\Z", re.ASCII)
_ISO_DURATION = re.compile(
    r"\s*(-)?P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})W)?(?:(\d{1,9})D)?"
    r"(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:[.,]\d{1,9})?)S)?)?\s*\Z",
    re.ASCII,
)
_DOTNET_SPAN = re.compile(r"\s*(?:(\d{1,9})\.)?([01]?\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,7}))?\s*\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_INTERVAL_S = 366 * 86400.0


def moment(text: object) -> datetime | None:
    """The time that `text` names, aware, in UTC. None: no time in it, or one that means never (year 1)."""
    found = _any_moment(text)
    return found if found is not None and _is_meant(found) else None


def means_never(text: object) -> bool:
    """True for a date that stands for none: .NET's year 1 and year 9999, and Windows' 1601."""
    found = _any_moment(text)
    return found is not None and not _is_meant(found)


def prose_moment(text: object) -> datetime | None:
    """The first RFC 1123 date inside a sentence such as `Synchronized on Tue, 18 Sep 2018 16:47:57 GMT.`"""
    if not isinstance(text, str):
        return None
    match = _PROSE.search(text[:1000])
    return moment(match.group(0)) if match else _iso_in_prose(text[:1000])


def interval(text: object) -> float | None:
    """Seconds of an ISO 8601 or .NET duration; None where it is absent, unreadable or means "never" (over a year)."""
    if not isinstance(text, str) or len(text) > 100:
        return None
    seconds = _iso_interval(text)
    if seconds is None:
        seconds = _dotnet_interval(text)
    return seconds if seconds is not None and 0 < seconds <= LONGEST_INTERVAL_S else None


def _is_meant(found: datetime) -> bool:
    return 1601 < found.year < 9999


def _any_moment(text: object) -> datetime | None:
    if not isinstance(text, str) or not text or len(text) > 200:
        return None
    try:
        return _plain_iso(text) or _iso(text) or _dotnet(text) or _rfc1123(text)
    except (ValueError, OverflowError):
        return None


def _plain_iso(text: str) -> datetime | None:
    """`2026-11-22T03:00:00Z`, the form of nearly all times, ten times as fast as by the pattern."""
    if len(text) != 20 or text[10] != "T" or text[19] != "Z":
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _iso(text: str) -> datetime | None:
    match = _ISO.match(text)
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    micros = int((fraction or "").ljust(6, "0")[:6] or 0)
    found = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59), micros, UTC)
    return found - _offset(zone) if _is_meant(found) else found


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone[0] not in "+-":
        return timedelta(0)
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))


def _dotnet(text: str) -> datetime | None:
    match = _DOTNET_JSON.match(text)
    return _EPOCH + timedelta(milliseconds=int(match.group(1))) if match else None


def _rfc1123(text: str) -> datetime | None:
    match = _PROSE.fullmatch(text.strip().rstrip("."))
    if not match:
        return None
    # The mail parser takes year 0001 for 2001.
    found = parsedate_to_datetime(match.group(0)).replace(year=int(match.group(1)))
    if not _is_meant(found):
        return found.replace(tzinfo=UTC)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _iso_in_prose(text: str) -> datetime | None:
    match = re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?", text)
    return moment(match.group(0)) if match else None


def _iso_interval(text: str) -> float | None:
    match = _ISO_DURATION.match(text)
    if not match or match.group(1) or not any(match.groups()[1:]):
        return None
    sizes = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)
    parts = (part.replace(",", ".") if part else "0" for part in match.groups()[1:])
    return sum(float(part) * size for part, size in zip(parts, sizes, strict=True))


def _dotnet_interval(text: str) -> float | None:
    match = _DOTNET_SPAN.match(text)
    if not match:
        return None
    days, hours, minutes, seconds, _ = match.groups()
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
