"""`POST /$batch`: up to twenty GETs in one request, each run through the whole application (facts/domain.md 2.8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Scope

from tui.lab.graph_answers import Answer, bad_request

MOST_REQUESTS = 20
_INHERITED = (b"authorization", b"host", b"client-request-id")
_FAILED = 400


async def answer_batch(request: Request, app: Callable[[], ASGIApp] | None) -> Answer:
    """`app` gives what runs the inner requests; by default the application that got the outer one."""
    inner = _requests(await _body(request))
    runner = app() if app is not None else request.app
    answers: dict[str, dict[str, Any]] = {}
    for item in inner:
        failed = any(answers.get(id, {}).get("status", _FAILED) >= _FAILED for id in item.get("dependsOn") or ())
        answers[item["id"]] = _refused(item["id"], 424) if failed else await _run(runner, request, item)
    return {"responses": list(answers.values())}


async def _body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise bad_request("Invalid batch payload format.") from error


def _requests(body: Any) -> list[dict[str, Any]]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not all(_is_request(item) for item in requests):
        raise bad_request("Invalid batch payload format.")
    if len(requests) > MOST_REQUESTS:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {MOST_REQUESTS}.")
    if len({item["id"] for item in requests}) < len(requests):
        raise bad_request("The ids of the batch's requests are not unique.")
    return requests


def _is_request(item: Any) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(key), str) for key in ("id", "method", "url"))


def _refused(id: str, status: int) -> dict[str, Any]:
    error = {"code": "FailedDependency" if status == 424 else "Request_BadRequest", "message": "Not run."}
    return {"id": id, "status": status, "headers": {"Content-Type": "application/json"}, "body": {"error": error}}


async def _run(app: ASGIApp, outer: Request, item: Mapping[str, Any]) -> dict[str, Any]:
    if item["method"].upper() != "GET":
        return _refused(item["id"], 405)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(_scope(outer, item), receive, send)
    return _collected(item["id"], sent)


def _scope(outer: Request, item: Mapping[str, Any]) -> Scope:
    path, _, query = item["url"].partition("?")
    version = outer.url.path.split("/", 2)[1]
    raw_path = f"/{version}/{path.lstrip('/')}"
    headers = [(name, value) for name, value in outer.scope["headers"] if name in _INHERITED]
    given = item.get("headers")
    given = given if isinstance(given, dict) else {}
    headers += [(str(name).lower().encode(), str(value).encode("latin-1", "replace")) for name, value in given.items()]
    kept = {key: outer.scope[key] for key in ("type", "asgi", "http_version", "scheme", "server", "client")}
    return {
        **kept,
        "method": "GET",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "root_path": outer.scope.get("root_path", ""),
        "query_string": query.encode(),
        "headers": headers,
    }


def _collected(id: str, sent: list[Message]) -> dict[str, Any]:
    start = next(message for message in sent if message["type"] == "http.response.start")
    content = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    text = content.decode("utf-8", "replace")
    body = json.loads(text) if headers.get("content-type", "").startswith("application/json") else text
    return {"id": id, "status": start["status"], "headers": headers, "body": body}
