"""How the lab's Graph answers: headers, error envelope, sign-in, links (facts/domain.md 2.8, 2.10)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import Response

JSON_TYPE = "application/json;odata.metadata=minimal;charset=utf-8"
_LONGEST_ECHO = 100
_PLACES = {"$skiptoken", "$deltatoken"}


class GraphError(Exception):
    """An answer that is not a success. `headers` are added to it."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


def bad_request(message: str) -> GraphError:
    return GraphError(400, "Request_BadRequest", message)


def unsupported(message: str) -> GraphError:
    return GraphError(400, "Request_UnsupportedQuery", message)


def not_found(what: str) -> GraphError:
    return GraphError(404, "Request_ResourceNotFound", f"Resource '{what}' does not exist.")


Answer = dict[str, Any] | Response
Handler = Callable[[Request], Answer]
AsyncHandler = Callable[[Request], Awaitable[Answer]]
Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(handler: Handler, now: Callable[[], datetime]) -> Endpoint:
    """`handler` behind Graph's sign-in, headers and error envelope."""

    async def handled(request: Request) -> Answer:
        return handler(request)

    return async_endpoint(handled, now)


def async_endpoint(handler: AsyncHandler, now: Callable[[], datetime]) -> Endpoint:
    """The same for a handler that waits for something."""

    async def answer(request: Request) -> Response:
        headers = _headers(request, now())
        try:
            _require_token(request)
            made = await handler(request)
            response = made if isinstance(made, Response) else json_response(made)
        except GraphError as error:
            response = json_response(_envelope(error, headers, now()), error.status)
            response.headers.update(error.headers)
        response.headers.update(headers)
        return response

    return answer


def json_response(content: Mapping[str, Any], status: int = 200) -> Response:
    """ASCII only, so that any text at all can be sent, lone surrogates included."""
    return Response(json.dumps(content, separators=(",", ":")), status, media_type=JSON_TYPE)


def text_response(text: str) -> Response:
    return Response(text, media_type="text/plain")


def link(request: Request, **parameters: str) -> str:
    """The request's own absolute URL, elsewhere in the collection: `skiptoken` or `deltatoken` replaced."""
    replaced = {f"${name}": value for name, value in parameters.items()}
    kept = [(name, value) for name, value in parse_qsl(request.url.query) if name not in _PLACES | replaced.keys()]
    query = "&".join(f"{quote(name, safe='$')}={quote(value, safe='$,')}" for name, value in [*kept, *replaced.items()])
    return f"{request.url.replace(query='')}?{query}"


def is_eventual(request: Request) -> bool:
    """Whether the request carries `ConsistencyLevel: eventual`."""
    return request.headers.get("ConsistencyLevel", "").strip().lower() == "eventual"


def _require_token(request: Request) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise GraphError(
            401, "InvalidAuthenticationToken", "Access token is empty.", {"WWW-Authenticate": 'Bearer realm=""'}
        )


def _headers(request: Request, now: datetime) -> dict[str, str]:
    request_id = str(uuid.uuid4())
    return {
        "request-id": request_id,
        "client-request-id": request.headers.get("client-request-id", request_id)[:_LONGEST_ECHO],
        "Date": format_datetime(now, usegmt=True),
        "Cache-Control": "no-cache",
        "OData-Version": "4.0",
        "x-ms-resource-unit": "1",
    }


def _envelope(error: GraphError, headers: Mapping[str, str], now: datetime) -> dict[str, Any]:
    inner = {
        "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": headers["request-id"],
        "client-request-id": headers["client-request-id"],
    }
    return {"error": {"code": error.code, "message": str(error), "innerError": inner}}
