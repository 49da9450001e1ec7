"""One exchange with one host: a request out, a bounded answer back, or a `SourceError`. No retries, no policy."""

from __future__ import annotations

import asyncio
import ssl
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
from msgspec import Struct

from tui.clock import Clock
from tui.sources.errors import BadAnswer, SourceError, TimedOut
from tui.sources.http_errors import unreachable
from tui.sources.http_origin import base_url, is_loopback
from tui.sources.moments import moment

LARGEST_BODY = 32 * 1024 * 1024
_PIECE = 256 * 1024
_CONNECTIONS = 8
_LOCATION = "x-location"


class Request(Struct, frozen=True):
    """`url` is on the configured origin already; `content` is the JSON body of a POST."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None = None


class Answer(Struct, frozen=True):
    """Any answer at all. `clock_offset_s`: the upstream's clock minus ours; `latency_ms` counts to the last byte."""

    request: Request
    status: int
    headers: httpx.Headers
    body: bytes
    received: datetime
    latency_ms: float
    clock_offset_s: float | None

    @property
    def location(self) -> str | None:
        """Where a redirect leads, as it was written."""
        location: str | None = self.headers.get(_LOCATION)
        return location

    @property
    def upstream_now(self) -> datetime:
        return self.received + timedelta(seconds=self.clock_offset_s or 0.0)


class Wire:
    """The client of one tenant and host, shared by all its sources. Raises `ValueError` for a bad URL or `ca_file`."""

    def __init__(
        self, url: str, clock: Clock, timeout_s: float, ca_file: Path | None, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self.base = base_url(url)
        self.timeout_s = timeout_s
        self._clock = clock
        outside = transport is None and not is_loopback(self.base)
        verified = transport is None and self.base.scheme == "https"
        self._client = httpx.AsyncClient(
            transport=transport,
            verify=trust(ca_file) if verified else False,
            trust_env=outside,
            follow_redirects=False,
            event_hooks={"response": [_set_location_aside]},
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def exchange(self, request: Request, token: str | None, deadline: float) -> Answer:
        """`deadline` is in the event loop's time; the whole exchange ends by then, even one that drips bytes.

        Raises `TimedOut`, `Unreachable` or `BadAnswer`.
        """
        loop = asyncio.get_running_loop()
        began, started = self._clock.now(), loop.time()
        answer: Answer | None = None
        problem: SourceError
        try:
            async with (
                asyncio.timeout_at(min(deadline, started + self.timeout_s)),
                self._client.stream(
                    request.method, request.url, headers=_headers(request, token), content=request.content
                ) as response,
            ):
                body = await read_body(response)
            received, latency_ms = self._clock.now(), (loop.time() - started) * 1000
            offset = clock_offset(response.headers.get("date"), began, received)
            answer = Answer(request, response.status_code, response.headers, body, received, latency_ms, offset)
        except (TimeoutError, httpx.TimeoutException):
            problem = self._timed_out(loop.time() - started)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            problem = unreachable(error, self.base.host)
        if answer is None:
            # Raised out here, so that no traceback leads to the library's own error, which may hold the token.
            raise problem
        return answer

    async def aclose(self) -> None:
        await self._client.aclose()

    def _timed_out(self, seconds: float) -> TimedOut:
        return TimedOut(
            f"{self.base.host} did not answer within {seconds:.0f} s: check the network, or raise poll.timeout"
        )


@lru_cache(maxsize=16)
def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The usual certificate authorities, and those in `ca_file`; made once, since it takes a tenth of a second.

    Raises `ValueError` naming the file.
    """
    context = httpx.create_ssl_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise ValueError(
                f"ca_file {ca_file} cannot be used: {error.strerror or 'it holds no certificate'}"
            ) from error
    return context


def clock_offset(date: str | None, began: datetime, received: datetime) -> float | None:
    """Seconds that the upstream's clock is ahead of ours; None where it does not tell.

    `Date` has whole seconds and was written at some moment of the exchange: a difference within that is none.
    """
    told = moment(date)
    if told is None:
        return None
    least = (told - received).total_seconds()
    most = (told - began).total_seconds() + 1.0
    return 0.0 if least <= 0 <= most else (least + most) / 2


async def read_body(response: httpx.Response, largest: int = LARGEST_BODY) -> bytes:
    """The unpacked body; raises `BadAnswer` as soon as it grows over `largest`, also in the middle of a gzip bomb."""
    body = bytearray()
    if response.is_stream_consumed:
        _extend(body, response.content, largest)
        return bytes(body)
    unpack = _unpacker(response.headers.get("content-encoding", ""))
    async for chunk in response.aiter_raw():
        for piece in unpack(chunk):
            _extend(body, piece, largest)
    return bytes(body)


def _unpacker(coding: str) -> Callable[[bytes], Iterable[bytes]]:
    """How to unpack a chunk into pieces of bounded size."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return lambda chunk: (chunk,)
    if coding not in ("gzip", "x-gzip"):
        raise BadAnswer("the answer is packed in a way that was not asked for")
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    return lambda chunk: _gunzip(unpacking, chunk)


def _gunzip(unpacking: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    piece = b""
    while not unpacking.eof and (chunk or len(piece) == _PIECE):
        try:
            piece = unpacking.decompress(chunk, _PIECE)
        except zlib.error as error:
            raise BadAnswer("the answer cannot be unpacked") from error
        chunk = unpacking.unconsumed_tail
        yield piece


def _extend(body: bytearray, piece: bytes, largest: int) -> None:
    if len(body) + len(piece) > largest:
        raise BadAnswer(f"the answer is larger than {largest // 2**20} MiB")
    body += piece


async def _set_location_aside(response: httpx.Response) -> None:
    """The client reads `Location` even when it is not to follow it, and takes a bad one for a broken connection."""
    location = response.headers.pop("location", None)
    if location is not None:
        response.headers[_LOCATION] = location


def _headers(request: Request, token: str | None) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": "synctop",
        "client-request-id": str(uuid.uuid4()),
        "x-ms-throttle-priority": "low",
        **request.headers,
    }
    return headers if token is None else {**headers, "Authorization": f"Bearer {token}"}
