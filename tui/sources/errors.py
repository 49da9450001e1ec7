"""The one family of errors a source may raise. Each message is for people: what happened and where.

SourceError
├── Denied          401, 403, or a sign-in that was refused
├── Throttled       429 (or 503 with Retry-After): ask again at `retry_at`
├── NotFound        404
├── Refused         other 4xx: the request was not understood (400, 405, 501)
├── Gone            410: the delta token is no longer good
├── UpstreamFailed  5xx after the retries
├── Unreachable     no connection: DNS, TCP, TLS, proxy
├── TimedOut
└── BadAnswer       not JSON, too large, a redirect or link to another host, endless pages
"""

from __future__ import annotations

from datetime import datetime

from tui.model.states import SourceState


class SourceError(Exception):
    """`code` is the upstream's error code; `request_id` its id for support."""

    state = SourceState.ERROR

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        code: str = "",
        request_id: str = "",
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.request_id = request_id
        self.retry_at = retry_at


class Denied(SourceError):
    state = SourceState.DENIED


class Throttled(SourceError):
    state = SourceState.THROTTLED


class NotFound(SourceError):
    pass


class Refused(SourceError):
    pass


class Gone(SourceError):
    pass


class UpstreamFailed(SourceError):
    pass


class Unreachable(SourceError):
    pass


class TimedOut(SourceError):
    pass


class BadAnswer(SourceError):
    pass
