"""A tenant's HTTP face that misbehaves as told, and a server for it on a port of this machine."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tui.lab.faults import Dropped
from tui.sync.serving import QuietServer, config_of, listening_socket

Items = list[dict[str, Any]]
Misbehave = Callable[["Answer"], "Answer | None"]


_AGAIN = "once-more=1"


class Answer(Struct, frozen=True):
    """`url`: which was asked. `cut`: the connection ends after so many bytes of the body."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    url: str = ""
    cut: int | None = None

    @property
    def page(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def with_items(self, items: Items) -> Answer:
        return replace(self, body=json.dumps({**self.page, "value": items}).encode())


class FaultyTenant:
    """ASGI middleware. `plan`: what befalls the next pages of changes, one after another; None leaves one alone.

    `asked`: how many requests came, `pages`: how many of them for changes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.plan: deque[Misbehave | None] = deque()
        self.always: Misbehave | None = None
        self.asked = self.pages = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.asked += 1
        answer = await self._answer(scope, receive)
        if "/delta" in scope["path"]:
            self.pages += 1
            change = self.plan.popleft() if self.plan else self.always
            answer = (change(answer) if change is not None else None) or answer
        await _send(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        query = scope["query_string"].decode().replace(f"&{_AGAIN}", "")
        await self.app({**scope, "query_string": query.encode()}, receive, hold)
        body = b"".join(message.get("body", b"") for message in held[1:])
        url = f"{scope['scheme']}://{dict(scope['headers'])[b'host'].decode()}{scope['path']}?{query}"
        return Answer(held[0]["status"], body, (("content-type", "application/json"),), url)


async def _send(answer: Answer, send: Send) -> None:
    length = ("content-length", str(len(answer.body)))
    headers = [(name.encode(), value.encode()) for name, value in (*answer.headers, length)]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.cut is None:
        await send({"type": "http.response.body", "body": answer.body})
    else:
        await send({"type": "http.response.body", "body": answer.body[: answer.cut], "more_body": True})
        raise Dropped("the tenant dropped the connection")


# What may befall a page


def refused(status: int, code: str, *, retry_after: str | None = None) -> Misbehave:
    """An error of Graph's instead of the page."""
    body = json.dumps({"error": {"code": code, "message": "not now"}}).encode()
    told = () if retry_after is None else (("retry-after", retry_after),)
    headers = (("content-type", "application/json"), *told)
    return lambda answer: Answer(status, body, headers, answer.url)


throttled = refused(429, "TooManyRequests")
unavailable = refused(503, "serviceNotAvailable")
expired = refused(410, "syncStateNotFound")


def cut(answer: Answer) -> Answer:
    """The connection ends in the middle of the page."""
    return replace(answer, cut=len(answer.body) // 2)


def halved(answer: Answer) -> Answer:
    """Only the first half of the body, as if it were all."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def twice(answer: Answer) -> Answer:
    """Everything on the page is told twice, the second time in reverse."""
    items = answer.page["value"]
    return answer.with_items([*items, *reversed(items)])


def empty(answer: Answer) -> Answer:
    """Nothing yet, and a link to where the same page is told."""
    page = {"value": [], "@odata.nextLink": f"{answer.url}&{_AGAIN}"}
    return replace(answer, body=json.dumps(page).encode())


def forgetting(*ids: str) -> Misbehave:
    """These objects are on no page, and in no group, as if they had never been."""
    gone = set(ids)

    def without(answer: Answer) -> Answer | None:
        if answer.status != 200:
            return None
        items = [item for item in answer.page.get("value", ()) if item["id"] not in gone]
        kept = [
            {**item, "members@delta": [each for each in item["members@delta"] if each["id"] not in gone]}
            if "members@delta" in item
            else item
            for item in items
        ]
        return answer.with_items(kept)

    return without


class Reordering:
    """Pages of one reading in another order: what the first one had comes with the last one."""

    def __init__(self) -> None:
        self._kept: Items = []

    def __call__(self, answer: Answer) -> Answer:
        page = answer.page
        if "value" not in page:
            return answer
        if "@odata.nextLink" in page:
            kept, self._kept = self._kept, page["value"]
            return answer.with_items(kept)
        items, self._kept = [*page["value"], *self._kept], []
        return answer.with_items(items)


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The application's URL."""
    with listening_socket("127.0.0.1", 0) as listening:
        server = QuietServer(config_of(app))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            await task


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str, limit_s: float = 20.0) -> None:
    """Look again and again. Fails with `what` after the limit."""
    end = asyncio.get_running_loop().time() + limit_s
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        assert asyncio.get_running_loop().time() < end, f"not within {limit_s:g} s: {what}"
        await asyncio.sleep(0.002)
