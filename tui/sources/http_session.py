"""The requests of one fetch: who signs them, how often they are tried again, and when they stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tui.clock import Clock
from tui.model.text import clean
from tui.sources import decode
from tui.sources.auth import TokenProvider
from tui.sources.decode import JsonObject
from tui.sources.errors import BadAnswer, Denied, SourceError, TimedOut, Unreachable
from tui.sources.http_errors import error_of, throttled, without_secrets
from tui.sources.http_origin import address, linked
from tui.sources.http_retry import LONGEST_TOTAL_WAIT_S, failure_pause, retry_after, throttle_pause
from tui.sources.http_wire import Answer, Request, Wire
from tui.sources.source import Exchange

MOST_PAGES = 400
MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_THROTTLED = frozenset({429, 509})
_THROTTLED_IF_TOLD = frozenset({503, 504})


class Meter:
    """What one source's requests came to."""

    def __init__(self) -> None:
        self.requests = 0
        self.clock_offset_s: float | None = None
        self.http_status: int | None = None
        self.latency_ms: float | None = None

    def begin(self) -> None:
        self.http_status = self.latency_ms = None

    def answered(self, answer: Answer) -> None:
        self.http_status, self.latency_ms = answer.status, answer.latency_ms

    def exchange(self) -> Exchange:
        return Exchange(self.http_status, self.latency_ms, self.clock_offset_s, self.requests)


class Access:
    """The bearer token for one host. `last` is the one in use, kept to blot it out of whatever is said."""

    def __init__(self, tokens: TokenProvider | None, audience: str, host: str) -> None:
        self._tokens = tokens
        self._audience = audience
        self._host = host
        self.last: str | None = None

    async def token(self, refused: str | None = None) -> str | None:
        """A token other than `refused`, if one can be had. Raises `Denied` or another sign-in failure."""
        if self._tokens is None:
            return None
        token = await self._tokens.token(self._audience)
        if refused is not None and token == refused:
            token = await self._tokens.token(self._audience, refresh=True)
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise Denied(f"the sign-in for {self._host} gave something that is no token: check [tenant.auth]")
        self.last = token
        return token


class Channel(Struct, frozen=True):
    """What all sessions with one host have in common. `headers` go with every request; `random` is from 0 to 1."""

    wire: Wire
    access: Access
    clock: Clock
    random: Callable[[], float]
    headers: Mapping[str, str]


class Session:
    """The requests of one fetch. Every method raises a `SourceError` and nothing else that is not a bug."""

    def __init__(
        self,
        channel: Channel,
        meter: Meter,
        *,
        deadline_s: float,
        needs: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._channel = channel
        self._wire = channel.wire
        self._meter = meter
        self._needs = needs
        self._headers = {**channel.headers, **(headers or {})}
        self._deadline_s = deadline_s
        self._deadline = asyncio.get_running_loop().time() + deadline_s
        self._waited_s = 0.0
        self._aside = False

    def aside(self, *, needs: str = "") -> Session:
        """The same fetch for calls it can do without: they count, but do not show as the fetch's status."""
        other = copy(self)
        other._aside, other._needs = True, needs
        return other

    async def get_json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON value at `path`, of any kind."""
        return self._json(await self._asked("GET", path, params))

    async def get_object(self, path: str, params: Mapping[str, str] | None = None) -> JsonObject:
        """The JSON object at `path`."""
        return self._object(await self._asked("GET", path, params))

    async def get_text(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """The body at `path`, uncleaned, without a byte order mark."""
        return (await self._asked("GET", path, params)).body.decode("utf-8-sig", errors="replace")

    async def post_json(self, path: str, body: object) -> Any:
        """The JSON answer to a POST of `body`, which must only read: `$batch` of GETs."""
        content = json.dumps(body).encode()
        return self._json(await self._asked("POST", path, None, content))

    async def pages(
        self, path: str, params: Mapping[str, str] | None = None, *, most: int = MOST_PAGES
    ) -> AsyncIterator[JsonObject]:
        """Each page of a collection. Raises `BadAnswer` when links lead away or in a circle, or after `most` pages."""
        seen: set[str] = set()
        answer = await self._asked("GET", path, params)
        while True:
            page = self._object(answer)
            yield page
            link = page.get("@odata.nextLink", page.get("nextLink"))
            if not link:
                return
            url = linked(self._wire.base, answer.request.url, link)
            if str(url) in seen or len(seen) >= most - 1:
                raise BadAnswer(f"{self._name(answer.request)}: its pages go in a circle, or never end")
            seen.add(str(url))
            answer = await self._succeed(replace(answer.request, url=url))

    async def wait(self, seconds: float) -> bool:
        """Wait by the clock if this fetch can still afford it; False, at once, if it cannot."""
        left = self._deadline - asyncio.get_running_loop().time()
        if seconds >= left or self._waited_s + seconds > LONGEST_TOTAL_WAIT_S:
            return False
        self._waited_s += seconds
        await self._channel.clock.sleep(seconds)
        return True

    @property
    def clock_offset_s(self) -> float | None:
        return self._meter.clock_offset_s

    @property
    def upstream_now(self) -> datetime:
        """The upstream's present, as far as its answers told."""
        return self._channel.clock.now() + timedelta(seconds=self.clock_offset_s or 0.0)

    @property
    def expired(self) -> bool:
        """True once the fetch's deadline has passed."""
        return asyncio.get_running_loop().time() >= self._deadline

    async def _asked(
        self, method: str, path: str, params: Mapping[str, str] | None, content: bytes | None = None
    ) -> Answer:
        kind = {} if content is None else {"Content-Type": "application/json"}
        url = address(self._wire.base, path, params)
        return await self._succeed(Request(method, url, {**kind, **self._headers}, content))

    async def _succeed(self, request: Request) -> Answer:
        """An answer of 2xx; redirects are followed a few times, on the configured host alone."""
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._patient(request)
            if 200 <= answer.status < 300:
                return answer
            if answer.status not in _REDIRECTS or request.content is not None:
                raise self._error(answer)
            request = replace(request, url=linked(self._wire.base, request.url, answer.location))
        raise BadAnswer(f"{self._name(request)}: redirected again and again")

    async def _patient(self, request: Request) -> Answer:
        """The answer, after as many tries as the budget allows while the upstream fails or throttles."""
        failed = waited = 0
        while True:
            outcome = await self._outcome(request)
            if isinstance(outcome, Answer) and _is_throttled(outcome):
                pause = throttle_pause(_told_wait(outcome), waited, self._channel.random())
                waited += 1
            elif isinstance(outcome, Unreachable) or _is_failure(outcome):
                pause = failure_pause(failed, self._channel.random())
                failed += 1
            else:
                return outcome
            if pause is None or not await self.wait(pause):
                return self._given_up(outcome)

    async def _outcome(self, request: Request) -> Answer | Unreachable:
        try:
            return await self._signed(request)
        except Unreachable as error:
            return error

    def _given_up(self, outcome: Answer | Unreachable) -> Answer:
        if isinstance(outcome, Unreachable):
            raise outcome
        return outcome

    async def _signed(self, request: Request) -> Answer:
        """The answer to `request` with a token; with a fresh one when the first is refused."""
        token = await self._token()
        answer = await self._exchange(request, token)
        if answer.status != 401 or token is None:
            return answer
        return await self._exchange(request, await self._token(refused=token))

    async def _token(self, refused: str | None = None) -> str | None:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._channel.access.token(refused)
        except TimeoutError:
            raise self._out_of_time("the sign-in (which may be waiting for you)") from None

    async def _exchange(self, request: Request, token: str | None) -> Answer:
        if self.expired:
            raise self._out_of_time("the fetch")
        self._meter.requests += 1
        try:
            answer = await self._wire.exchange(request, token, self._deadline)
        except SourceError:
            if not self._aside:
                self._meter.begin()
            raise
        if answer.clock_offset_s is not None:
            self._meter.clock_offset_s = answer.clock_offset_s
        if not self._aside:
            self._meter.answered(answer)
        return answer

    def _error(self, answer: Answer) -> SourceError:
        name, secret = self._name(answer.request), self._channel.access.last
        if _is_throttled(answer):
            after = _told_wait(answer)
            return throttled(answer.status, answer.body, after, self._channel.clock.now(), request=name, secret=secret)
        request_id = answer.headers.get("request-id") or answer.headers.get("x-ms-request-id") or ""
        return error_of(
            answer.status, answer.body, request=name, request_id=request_id, needs=self._needs, secret=secret
        )

    def _json(self, answer: Answer) -> Any:
        try:
            return decode.parse(answer.body)
        except BadAnswer as error:
            problem = f"{self._name(answer.request)}: {error}; a proxy or sign-in page may stand between"
        raise BadAnswer(problem, http_status=answer.status)

    def _object(self, answer: Answer) -> JsonObject:
        value = self._json(answer)
        if not isinstance(value, dict):
            raise BadAnswer(f"{self._name(answer.request)}: no JSON object in the answer", http_status=answer.status)
        return value

    def _out_of_time(self, what: str) -> TimedOut:
        return TimedOut(f"{what} for {self._wire.base.host} was not done within {self._deadline_s:.0f} s")

    def _name(self, request: Request) -> str:
        """The request as errors name it: host, method and path, never the query."""
        path = clean(without_secrets(request.url.path, self._channel.access.last), 120)
        return f"{self._wire.base.host}: {request.method} {path}"


def _is_throttled(answer: Answer) -> bool:
    if answer.status in _THROTTLED_IF_TOLD:
        return _told_wait(answer) is not None
    return answer.status in _THROTTLED


def _told_wait(answer: Answer) -> float | None:
    return retry_after(answer.headers.get("retry-after"), answer.upstream_now)


def _is_failure(outcome: Answer) -> bool:
    return outcome.status >= 500 and outcome.status != 501
