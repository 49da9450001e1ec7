"""An upstream host made of canned answers, reached by the real HTTP client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

from tests.helpers import START, ManualClock
from tui.clock import Clock
from tui.sources.http import Upstream

BASE = "https://upstream.example"


class HastyClock(ManualClock):
    """Sleeping takes no time at all, but moves the clock."""

    async def sleep(self, seconds: float) -> None:
        self.jump(max(0.0, seconds))
        await asyncio.sleep(0)


class Host:
    """`answers`: path (or path?query as it is sent) -> JSON value, `Refusal`, or a function of the request.

    What is not among them is answered with `otherwise`. `asked` lists every path, in order.
    """

    def __init__(self, answers: Mapping[str, Any], otherwise: Any = None) -> None:
        self.answers = dict(answers)
        self.otherwise = Refusal(404) if otherwise is None else otherwise
        self.requests: list[httpx.Request] = []

    @property
    def asked(self) -> list[str]:
        return [request.url.raw_path.decode().split("?")[0] for request in self.requests]

    def query(self, path: str) -> httpx.QueryParams:
        """The parameters of the last request for `path`."""
        return next(
            request.url.params
            for request in reversed(self.requests)
            if request.url.raw_path.decode().split("?")[0] == path
        )

    def upstream(self, clock: Clock | None = None, base: str = BASE) -> Upstream:
        return Upstream(
            base,
            tokens=None,
            audience=base,
            clock=clock or HastyClock(START),
            transport=httpx.MockTransport(self._answer),
            random=lambda: 0.5,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.raw_path.decode()
        answer = self.answers.get(path, self.answers.get(path.split("?")[0], self.otherwise))
        if callable(answer):
            answer = answer(request)
        return answer.response() if isinstance(answer, Refusal) else as_json(answer)


class Refusal:
    """An error answer, of ARM's and Graph's shape unless `body` says otherwise."""

    def __init__(
        self, status: int, code: str = "Refused", headers: Mapping[str, str] | None = None, body: Any = None
    ) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self.body = {"error": {"code": code, "message": "no"}} if body is None else body

    def response(self) -> httpx.Response:
        return httpx.Response(self.status, json=self.body, headers=self.headers)


def as_json(value: Any) -> httpx.Response:
    """A 200 that holds `value`, lone surrogates included, or bytes as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return httpx.Response(200, content=body, headers={"Content-Type": "application/json"})
