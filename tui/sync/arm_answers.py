"""How Azure Resource Manager answers: sign-in, api-version, error envelope (facts/domain.md 3.1).

Any bearer token is let in: whoever answers with this listens on this machine only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Handler = Callable[[Request], Any]


class ArmError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def arm_endpoint(handler: Handler, versions: Sequence[str]) -> Callable[[Request], Awaitable[Response]]:
    """`handler` behind a sign-in, for these values of `api-version`."""

    async def endpoint(request: Request) -> Response:
        try:
            _check(request, versions)
            return JSONResponse(handler(request))
        except ArmError as error:
            return JSONResponse({"error": {"code": error.code, "message": str(error)}}, error.status)

    return endpoint


def _check(request: Request, versions: Sequence[str]) -> None:
    if not request.headers.get("authorization", "").startswith("Bearer "):
        raise ArmError(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    if request.query_params.get("api-version") not in versions:
        raise ArmError(400, "InvalidApiVersionParameter", f"The api-version is invalid. Use {', '.join(versions)}.")
