"""Asking an ASGI application of the same process without an event loop: the replicator's way to the lab's Graph.

Nothing in the lab ever waits for anything, so a coroutine over it runs to its end in one go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from starlette.types import ASGIApp, Message

from tui.sources.decode import JsonObject
from tui.sources.errors import Gone, Refused

HOST = "graph.lab"
T = TypeVar("T")


def completed(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which gives way at most, and never waits."""
    try:
        while True:
            if work.send(None) is not None:
                raise RuntimeError("the lab's work waited for something outside the lab")
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        work.close()


class InProcessUpstream:
    """Stands in for `sources.http.Upstream`: its sessions ask the application that `app` gives.

    Raises `Gone` and `Refused`.
    """

    def __init__(self, app: Callable[[], ASGIApp], headers: Mapping[str, str]) -> None:
        self._app = app
        given = {"host": HOST, "authorization": "Bearer lab", **headers}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]

    def session(self, *, needs: str = "") -> InProcessUpstream:
        return self

    async def get_object(self, path: str, params: Mapping[str, str] | None = None) -> JsonObject:
        answer: JsonObject = json.loads(await self._get(path, params))
        return answer

    async def get_text(self, path: str, params: Mapping[str, str] | None = None) -> str:
        return (await self._get(path, params)).decode()

    async def _get(self, path: str, params: Mapping[str, str] | None) -> bytes:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app()(self._scope(path, params), receive, send)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        _raise_for(sent[0]["status"], body)
        return body

    def _scope(self, path: str, params: Mapping[str, str] | None) -> dict[str, Any]:
        parts = urlsplit(path)
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": (urlencode(params) if params else parts.query).encode(),
            "headers": self._headers,
            "client": None,
            "server": (HOST, 443),
        }


def _raise_for(status: int, body: bytes) -> None:
    if status < 400:
        return
    error = json.loads(body)["error"]
    kind = Gone if status == 410 else Refused
    raise kind(error["message"], http_status=status, code=error["code"])
