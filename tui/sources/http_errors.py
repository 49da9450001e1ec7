"""What went wrong on the way, in words for people: what happened, where, and what to do. No query, no secret."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx

from tui.model.text import clean
from tui.sources import decode
from tui.sources.errors import (
    BadAnswer,
    Denied,
    Gone,
    NotFound,
    Refused,
    SourceError,
    Throttled,
    Unreachable,
    UpstreamFailed,
)
from tui.sources.http_retry import FURTHEST_RETRY_S, UNTOLD_RETRY_S

LONGEST_ERROR_BODY = 65_536
_TOKEN = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*){0,4}|(?i:bearer)\s+\S{8,}")
_CERTIFICATE_ADVICE = "add your organization's CA as ca_file, or check the proxy"


def without_secrets(text: str, secret: str | None = None) -> str:
    """`text` with `secret` and anything like a bearer token blotted out: some upstreams echo the request."""
    if secret and len(secret) >= 8:
        text = text.replace(secret, "[secret]")
    return _TOKEN.sub("[secret]", text)


def unreachable(error: BaseException, host: str) -> SourceError:
    """The `SourceError` for a failed connection; what the error itself says is not repeated, it may hold a header."""
    causes = list(_causes(error))
    if isinstance(error, httpx.DecodingError):
        return BadAnswer(f"{host} sent an answer that cannot be unpacked")
    for cause in causes:
        words = _words(cause, host)
        if words:
            return Unreachable(words)
    if isinstance(error, httpx.ProxyError):
        return Unreachable(f"the proxy refused the connection to {host}: check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
        return Unreachable(f"{host} closed the connection before it had answered")
    return Unreachable(f"no connection to {host}: check the network and the proxy")


def _words(cause: BaseException, host: str) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return f"the certificate of {host} is not trusted: {_CERTIFICATE_ADVICE}"
    if isinstance(cause, ssl.SSLError):
        return f"no secure connection to {host}: it may not speak TLS, or a proxy stands between"
    if isinstance(cause, socket.gaierror):
        return f"the name {host} cannot be resolved: check DNS, the network and the URL"
    if isinstance(cause, ConnectionRefusedError):
        return f"{host} refused the connection: is the port right, and is it running?"
    if isinstance(cause, ConnectionResetError | BrokenPipeError):
        return f"{host} closed the connection before it had answered"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it came from, also from within exception groups; bounded, since causes may form a ring."""
    waiting, seen = [error], 0
    while waiting and seen < 50:
        current, seen = waiting.pop(0), seen + 1
        yield current
        waiting.extend(inner for inner in (current.__cause__, current.__context__) if inner is not None)
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)


def error_of(
    status: int, body: bytes, *, request: str, request_id: str = "", needs: str = "", secret: str | None = None
) -> SourceError:
    """The `SourceError` for an answer that is not a success, except a throttled one.

    `request` names it for people (`graph.microsoft.com: GET /v1.0/users`), `needs` the permission that a refusal
    lacks. Only `error.code` is relied on: messages change over the years (facts/domain.md 2.10).
    """
    code, message, told_id = _told(body, secret)
    kind = _kind(status)
    said = f": {message}" if message else ""
    advice = _advice(kind, status, needs)
    answer = f"{status} {code}".strip()
    return kind(
        f"{request} was answered with {answer}{said}{advice}",
        http_status=status,
        code=code,
        request_id=clean(request_id, 64) or told_id,
    )


def throttled(
    status: int, body: bytes, after_s: float | None, now: datetime, *, request: str, secret: str | None = None
) -> Throttled:
    """The error for "not now": `retry_at` is `after_s` from now, half a minute where the upstream did not say."""
    code, _, told_id = _told(body, secret)
    retry_at = now + timedelta(seconds=min(UNTOLD_RETRY_S if after_s is None else after_s, FURTHEST_RETRY_S))
    return Throttled(
        f"{request} is throttled by the upstream until {retry_at:%H:%M:%S} UTC: "
        "it is asked again then; longer poll intervals help",
        http_status=status,
        code=code,
        request_id=told_id,
        retry_at=retry_at,
    )


def _told(body: bytes, secret: str | None) -> tuple[str, str, str]:
    """(code, message, request id) of an error body; each may be empty."""
    if len(body) > LONGEST_ERROR_BODY:
        return "", "", ""
    try:
        answer = decode.parse(body)
    except BadAnswer:
        return "", "", ""
    error = decode.child(answer, "error") or answer
    inner = decode.child(error, "innerError") or decode.child(error, "innererror")
    code = without_secrets(decode.text(error, "code"), secret)
    message = without_secrets(decode.text(error, "message"), secret)
    return clean(code, 80), clean(message, 200).rstrip(". "), clean(decode.text(inner, "request-id"), 64)


def _kind(status: int) -> type[SourceError]:
    known: dict[int, type[SourceError]] = {401: Denied, 403: Denied, 404: NotFound, 410: Gone, 501: Refused}
    if status in known:
        return known[status]
    if 400 <= status < 500:
        return Refused
    return UpstreamFailed if status >= 500 else BadAnswer


def _advice(kind: type[SourceError], status: int, needs: str) -> str:
    if status == 401:
        return ". Sign in again, or check [tenant.auth]"
    if kind is Denied:
        return f". Grant {needs} and consent to it" if needs else ". Check what this account may read"
    if kind is UpstreamFailed:
        return ". The fault is on the upstream's side; it is asked again at the next poll"
    return ""
