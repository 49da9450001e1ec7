"""The lab's HTTP face behaving badly on purpose: throttling, refusals, outages, broken answers.

Driven by the scenario, by path prefix and time window; what befalls the n-th request to a path depends on the seed
alone. Shapes of the errors: facts/domain.md 2.2, 2.9, 2.10, 3.1.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from email.utils import format_datetime
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tui.lab.clock import LabClock
from tui.lab.scenario import Fault, FaultKind

PATHS_COUNTED = 2000
SHOWN_WHEN_BLANKED = ("id", "displayName", "verifiedDomains", "@odata.type")


class Dropped(httpx.ReadError):
    """The connection went away in the middle of an answer. In process the client sees it as such; a server closes."""


class Faults:
    """ASGI middleware. `seconds()` of the scenario's time decide which windows are open."""

    def __init__(self, app: ASGIApp, faults: Sequence[Fault], clock: LabClock, seed: int) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock
        self._seed = seed
        self._asked: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fault = self._fault_of(scope["path"])
        dated = _dated(send, self._clock)
        if fault is None:
            await self._app(scope, receive, dated)
        else:
            await self._misbehave(fault, scope, receive, dated)

    def _fault_of(self, path: str) -> Fault | None:
        """The first fault that strikes this request."""
        if len(self._asked) > PATHS_COUNTED:
            self._asked.clear()
        self._asked[path] += 1
        elapsed = self._clock.monotonic()
        for number, fault in enumerate(self._faults):
            open_now = fault.begin <= elapsed and (fault.end is None or elapsed < fault.end)
            if open_now and path.startswith(fault.paths) and self._chance(number, path) < fault.share:
                return fault
        return None

    def _chance(self, number: int, path: str) -> float:
        draw = f"{self._seed} {number} {path} {self._asked[path]}".encode()
        return zlib.crc32(draw) / 2**32

    async def _misbehave(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind is FaultKind.SLOW:
            await self._clock.base.sleep(fault.delay)
            await self._app(scope, receive, send)
        elif fault.kind is FaultKind.DROPPED:
            await _drop(send)
        elif fault.kind in (FaultKind.MALFORMED, FaultKind.BLANKED):
            change = _cut if fault.kind is FaultKind.MALFORMED else _blank
            await self._app(scope, receive, _Rewriting(send, change))
        else:
            await _refuse(send, fault, graph=not scope["path"].startswith(("/subscriptions", "/providers")))


async def _drop(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4096")]})
    await send({"type": "http.response.body", "body": b'{"value": [', "more_body": True})
    raise Dropped("the lab dropped the connection")


async def _refuse(send: Send, fault: Fault, *, graph: bool) -> None:
    status, code, message = _REFUSALS[fault.kind][0 if graph else 1]
    headers = [(b"content-type", b"application/json")]
    if fault.retry_after is not None:
        headers.append((b"retry-after", fault.retry_after.encode()))
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_REFUSALS = {
    FaultKind.THROTTLED: (
        (429, "TooManyRequests", "Please retry again later."),
        (429, "SubscriptionRequestsThrottled", "Number of requests for subscription exceeded the limit."),
    ),
    FaultKind.DENIED: (
        (403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
        (403, "AuthorizationFailed", "The client does not have authorization to perform action."),
    ),
    FaultKind.UNAVAILABLE: (
        (503, "serviceNotAvailable", "The service is temporarily unavailable."),
        (503, "ServiceUnavailable", "The service is temporarily unavailable."),
    ),
}


class _Rewriting:
    """Holds an answer back until it is whole, and sends it changed."""

    def __init__(self, send: Send, change: Any) -> None:
        self._send = send
        self._change = change
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if not message.get("more_body"):
            body = self._change(self._body)
            headers = [pair for pair in self._start["headers"] if pair[0].lower() != b"content-length"]
            await self._send({**self._start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
            await self._send({"type": "http.response.body", "body": body})


def _cut(body: bytes) -> bytes:
    return body[: len(body) * 2 // 3]


def _blank(body: bytes) -> bytes:
    """Every property but the few that an account with too small a permission is shown becomes null."""
    answer = json.loads(body)
    objects = answer.get("value", [answer]) if isinstance(answer, dict) else []
    for item in objects:
        item.update({key: None for key in item if key not in SHOWN_WHEN_BLANKED})
    return json.dumps(answer).encode()


def _dated(send: Send, clock: LabClock) -> Send:
    """The lab's own time in the Date header, as every upstream sends it."""

    async def dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            date = format_datetime(clock.now(), usegmt=True).encode()
            headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"date"]
            message = {**message, "headers": [*headers, (b"date", date)]}
        await send(message)

    return dated
