"""A Graph played from a table: path -> answer, and batches answered part by part."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from hypothesis import strategies as st

from tests.sources.upstreams import ok

Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]

HOSTILE = (
    "2026-11-22T02:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "PropertyConflict",
    "7",
    "[bold]\x1b]0;x\x07\u202e\ud800\x00",
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(HOSTILE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


class Graph:
    """Answers each path as the table says, 404 for the rest; remembers what was asked."""

    def __init__(self, table: dict[str, Answer], part: Callable[[str], dict[str, Any]] | None = None) -> None:
        self.table = table
        self.part = part
        self.requests: list[httpx.Request] = []
        self.asked_in_batch: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/v1.0/$batch" and self.part is not None:
            return self._batch(request)
        answer = self.table.get(request.url.path, httpx.Response(404, json={"error": {"code": "NotFound"}}))
        # A fresh copy: a response is read once.
        made = answer(request) if callable(answer) else answer
        return httpx.Response(made.status_code, headers=made.headers, content=made.content)

    def _batch(self, request: httpx.Request) -> httpx.Response:
        assert self.part is not None
        parts = json.loads(request.content)["requests"]
        assert len(parts) <= 20
        assert all(one["method"] == "GET" and one["headers"]["ConsistencyLevel"] == "eventual" for one in parts)
        self.asked_in_batch.extend(one["url"] for one in parts)
        return ok({"responses": [{"id": one["id"], **self.part(one["url"])} for one in reversed(parts)]})

    def queries(self, path: str) -> list[dict[str, str]]:
        """The parameters of every request to `path`."""
        return [query_of(str(one.url)) for one in self.requests if one.url.path == path]


def query_of(url: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}


def page(*objects: Any, link: str | None = None) -> httpx.Response:
    return ok({"value": list(objects)} | ({"@odata.nextLink": link} if link else {}))
