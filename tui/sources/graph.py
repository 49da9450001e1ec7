"""What all Graph sources have in common: the header of advanced queries, and `$batch`. facts/domain.md 2.4, 2.8."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct

from tui.sources.decode import JsonObject, as_integer, child, items, text
from tui.sources.errors import SourceError
from tui.sources.http_retry import LONGEST_WAIT_S, retry_after
from tui.sources.http_session import Session

T = TypeVar("T")
ADVANCED = {"ConsistencyLevel": "eventual"}
BATCH_PATH = "/v1.0/$batch"
BATCH_SIZE = 20
_UNTOLD_WAIT_S = 1.0
_DENIED = frozenset({401, 403})


class Part(Struct, frozen=True):
    """One answer within a batch. `status` None: the upstream left it out. `retry_after_s` None: not told."""

    status: int | None = None
    body: Any = None
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def denied(self) -> bool:
        return self.status in _DENIED

    @property
    def throttled(self) -> bool:
        return self.status == 429

    @property
    def failed(self) -> bool:
        """Left out, or answered with a fault of the upstream: asking again may help."""
        return self.status is None or self.status >= 500


async def attempt(call: Awaitable[T]) -> T | SourceError:
    """What `call` returns, or the `SourceError` it raises: for calls that stand side by side."""
    try:
        return await call
    except SourceError as error:
        return error


async def batch(session: Session, urls: Mapping[str, str]) -> dict[str, Part]:
    """GET each of `urls` (relative, by id); a `Part` for every id, whatever the upstream left out or doubled.

    Throttled parts are asked once more when the longest wait among them is short. Raises what the batch as a whole
    was answered with.
    """
    parts = await _batches(session, urls)
    again = {key: url for key, url in urls.items() if parts[key].throttled}
    if again and await _waited(session, [parts[key] for key in again]):
        parts |= await _batches(session, again)
    return parts


async def _waited(session: Session, parts: list[Part]) -> bool:
    longest = max(_UNTOLD_WAIT_S if part.retry_after_s is None else part.retry_after_s for part in parts)
    return longest <= LONGEST_WAIT_S and await session.wait(longest)


async def _batches(session: Session, urls: Mapping[str, str]) -> dict[str, Part]:
    parts: dict[str, Part] = dict.fromkeys(urls, Part())
    for chunk in _chunks(urls):
        answer = await session.post_json(BATCH_PATH, {"requests": [_request(key, url) for key, url in chunk]})
        now = session.upstream_now
        found = {text(one, "id"): _part(one, now) for one in reversed(list(items(answer, "responses")))}
        parts |= {key: found[key] for key, _ in chunk if key in found}
        await asyncio.sleep(0)
    return parts


def _chunks(urls: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    pairs = iter(urls.items())
    while chunk := list(islice(pairs, BATCH_SIZE)):
        yield chunk


def _request(key: str, url: str) -> dict[str, object]:
    return {"id": key, "method": "GET", "url": url, "headers": ADVANCED}


def _part(response: JsonObject, upstream_now: datetime) -> Part:
    headers = {key.lower(): value for key, value in child(response, "headers").items()}
    told = headers.get("retry-after")
    wait = retry_after(str(told) if isinstance(told, int | float) else told, upstream_now)
    return Part(as_integer(response.get("status")), response.get("body"), wait)
