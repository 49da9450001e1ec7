"""An upstream played by a function, and a way to let a fetch run while its clock is moved by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import httpx

from tests.helpers import ManualClock, settle
from tui.sources.auth import StaticTokens, TokenProvider
from tui.sources.http import Upstream

T = TypeVar("T")
Handler = Callable[[httpx.Request], httpx.Response]
BASE = "https://graph.test"
SECRET = "tok-abcdefghijklmnop"


def upstream(handler: Any, clock: ManualClock, *, base: str = BASE, **options: Any) -> Upstream:
    """An `Upstream` whose other end is `handler`."""
    tokens: TokenProvider | None = options.pop("tokens", StaticTokens(SECRET))
    return Upstream(
        base,
        tokens=tokens,
        audience="https://graph.test",
        clock=clock,
        transport=httpx.MockTransport(handler),
        random=options.pop("random", lambda: 0.5),
        **options,
    )


async def run(clock: ManualClock, work: Awaitable[T], seconds: float = 60.0) -> T:
    """What `work` returns, while up to `seconds` of the clock's time pass in small steps."""
    task = asyncio.ensure_future(work)
    for _ in range(int(seconds * 4)):
        await settle()
        if task.done():
            break
        await clock.advance(0.25)
    return await task


class Script:
    """Answers one after the other, the last one for ever, and remembers what was asked."""

    def __init__(self, answers: Iterable[httpx.Response | Exception]) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def ok(body: Any = None, **headers: str) -> httpx.Response:
    """200 with JSON, also such as the standard forbids and some upstreams send: Infinity, lone surrogates."""
    content = json.dumps({} if body is None else body)
    return httpx.Response(200, content=content, headers={"content-type": "application/json", **headers})


def error(status: int, code: str = "", message: str = "", **headers: str) -> httpx.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return httpx.Response(status, json={"error": {"code": code, "message": message}}, headers=named)
