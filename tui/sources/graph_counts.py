"""How many objects Entra ID holds, and how many of them come from on-premises: one `$batch`, or where the upstream
knows none, one GET for each number. facts/domain.md 2.4.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from tui.clock import Clock
from tui.model.facts import CountsFacts
from tui.model.reading import Absence, Reading
from tui.model.states import ObjectType, SourceId
from tui.sources.decode import count
from tui.sources.errors import BadAnswer, Denied, NotFound, Refused, SourceError, Throttled, UpstreamFailed
from tui.sources.graph import ADVANCED, Part, batch
from tui.sources.http import Upstream
from tui.sources.http_retry import FURTHEST_RETRY_S, UNTOLD_RETRY_S
from tui.sources.http_session import Session
from tui.sources.source import Exchange

NEEDS = "Directory.Read.All (or User.Read.All, GroupMember.Read.All, OrgContact.Read.All, Device.Read.All)"
LARGEST_DIRECTORY = 10**9
_SYNCED = "?$filter=onPremisesSyncEnabled%20eq%20true"
_DELETED = "deleted"
_URLS = {
    **{f"{kind}": f"/{kind}/$count" for kind in ObjectType},
    **{f"{kind}-synced": f"/{kind}/$count{_SYNCED}" for kind in ObjectType},
    _DELETED: "/directory/deletedItems/microsoft.graph.user/$count",
}


class CountsSource:
    """A type that cannot be counted is missing with its reason; only when none can is the poll an error."""

    id = SourceId.COUNTS
    optional = False

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock

    async def fetch(self) -> CountsFacts:
        session = self._upstream.session(needs=NEEDS, headers=ADVANCED)
        parts = await _asked(session, _URLS)
        now = self._clock.now()
        error = why_nothing([parts[key] for key in _URLS if key != _DELETED], now)
        if error is not None:
            raise error
        return counts_facts(parts, now, session.clock_offset_s)

    def exchange(self) -> Exchange:
        return self._upstream.exchange()

    async def aclose(self) -> None:
        await self._upstream.aclose()


async def _asked(session: Session, urls: Mapping[str, str]) -> dict[str, Part]:
    """The answer to each of `urls`. Raises what the batch as a whole was answered with."""
    try:
        return await batch(session, urls)
    except (NotFound, Refused) as refused:
        parts = await asyncio.gather(*(_asked_alone(session, url) for url in urls.values()))
        if all(_is_refused(part) for part in parts):
            raise refused from None
        return dict(zip(urls, parts, strict=True))


def _is_refused(part: Part) -> bool:
    """The question itself was not understood, as with the batch."""
    return part.status == 501 or not (part.ok or part.denied or part.throttled or part.failed)


async def _asked_alone(session: Session, url: str) -> Part:
    try:
        return Part(200, await session.get_text(f"/v1.0{url}"))
    except SourceError as error:
        return Part(error.http_status)


def counts_facts(parts: Mapping[str, Part], now: datetime, offset_s: float | None) -> CountsFacts:
    return CountsFacts(
        as_of=now,
        clock_offset_s=offset_s,
        entra={kind: reading(parts[f"{kind}"], now) for kind in ObjectType},
        entra_synced={kind: reading(parts[f"{kind}-synced"], now) for kind in ObjectType},
        deleted=reading(parts[_DELETED], now),
    )


def reading(part: Part, now: datetime) -> Reading[int]:
    """The count in one answer of the batch, or why there is none."""
    if part.ok:
        number = number_in(part.body)
        return Reading.of(number, now) if number is not None else Reading.missing(Absence.NOT_REPORTED, now)
    if part.denied:
        return Reading.missing(Absence.NOT_PERMITTED, now)
    if part.throttled:
        return Reading.missing(Absence.THROTTLED, now)
    return Reading.missing(Absence.FAILED if part.failed else Absence.NOT_REPORTED, now)


def number_in(body: Any) -> int | None:
    """The count in a `text/plain` answer within JSON: a number, digits, or digits in base64, maybe behind a BOM."""
    if isinstance(body, str):
        plain = body.strip().lstrip("\ufeff").strip()
        body = plain if plain.isdigit() else _from_base64(plain)
    number = count(body)
    return number if number is not None and number <= LARGEST_DIRECTORY else None


def why_nothing(parts: Collection[Part], now: datetime) -> SourceError | None:
    """The error of a poll in which not one count could be read; None where at least one could."""
    if any(part.ok and number_in(part.body) is not None for part in parts):
        return None
    if any(part.throttled for part in parts):
        return _throttled(parts, now)
    if any(part.failed for part in parts):
        return UpstreamFailed("Graph failed to count the directory's objects; it is asked again at the next poll")
    if any(part.denied for part in parts):
        return Denied(f"Graph lets this account count nothing: grant {NEEDS}", http_status=403)
    return BadAnswer("Graph answered with no usable count: is this a directory tenant? (B2C tenants cannot count)")


def _throttled(parts: Collection[Part], now: datetime) -> Throttled:
    told = [part.retry_after_s for part in parts if part.retry_after_s is not None]
    retry_at = now + timedelta(seconds=min(max(told, default=UNTOLD_RETRY_S), FURTHEST_RETRY_S))
    return Throttled(
        f"Graph throttles counting until {retry_at:%H:%M:%S} UTC: it is asked again then",
        http_status=429,
        retry_at=retry_at,
    )


def _from_base64(text: str) -> str | None:
    if len(text) > 64:
        return None
    try:
        return base64.b64decode(text, validate=True).decode("utf-8-sig").strip()
    except (binascii.Error, ValueError):
        return None
