"""A tenant of any size in a process of its own, as Graph over HTTP: `python -m tests.bench.tenant PORT USERS`."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.bench.processes import running
from tests.directory.reservations import own_ports
from tui.clock import SystemClock
from tui.lab.graph_api import graph_routes
from tui.lab.tenant import Tenant
from tui.sources.auth import StaticTokens
from tui.sources.http import Upstream
from tui.sync.delta import DeltaReader, delta_headers
from tui.sync.serving import QuietServer, config_of, listening_socket, serve_until_cancelled

USERS_A_GROUP = 100
PAGE_SIZE = 500
READY_LIMIT_S = 120.0
_NAMESPACE = uuid.UUID("6f7d1c1e-7d1e-4d1c-9b1f-0123456789ab")


class RunningTenant:
    """`users` users, and a group of `USERS_A_GROUP` members for every so many of them."""

    def __init__(self, url: str, users: int) -> None:
        self.url = url
        self.users = users
        self.objects = users + users // USERS_A_GROUP

    def change(self, first: int, count: int, *, title: str, per_second: int = 0) -> list[float]:
        """Give users from the number `first` on another jobTitle, all at once or so many a second; when each got it."""
        asked = {"first": first, "count": count, "title": title, "per_second": per_second}
        answer = httpx.get(f"{self.url}/change", params=asked, timeout=600)
        moments: list[float] = answer.raise_for_status().json()
        return moments

    def upstream(self) -> Upstream:
        return Upstream(
            self.url,
            tokens=StaticTokens("any"),
            audience=self.url,
            clock=SystemClock(),
            timeout_s=60.0,
            headers=delta_headers(PAGE_SIZE),
        )


@contextmanager
def running_tenant(users: int) -> Iterator[RunningTenant]:
    with own_ports(1) as ((port,), _), running(sys.executable, "-m", "tests.bench.tenant", str(port), str(users)):
        tenant = RunningTenant(f"http://127.0.0.1:{port}", users)
        end = time.monotonic() + READY_LIMIT_S
        while not _answers(tenant.url):
            if time.monotonic() > end:
                raise TimeoutError("the tenant does not answer")
            time.sleep(0.1)
        yield tenant


def object_id(number: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, str(number)))


async def read_all(tenant: RunningTenant) -> None:
    """Everything by delta query, as the sync reads it, and nothing else."""
    upstream = tenant.upstream()
    reader = DeltaReader(upstream, credentials=False)
    for kind in ("user", "group"):
        link = None
        while not (page := await reader.read(kind, link)).is_last:
            link = page.link
    await upstream.aclose()


def _answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def _user(number: int) -> dict[str, Any]:
    name = f"u{number:07d}"
    return {
        "id": object_id(number),
        "accountEnabled": True,
        "businessPhones": [f"+1 555 {number:07d}"],
        "city": "Brussels",
        "companyName": "Contoso",
        "country": "Belgium",
        "department": f"Department {number % 50}",
        "displayName": f"Given Family {number}",
        "employeeId": str(number),
        "givenName": "Given",
        "jobTitle": f"Role {number % 200}",
        "lastPasswordChangeDateTime": "2026-01-01T00:00:00Z",
        "mail": f"{name}@contoso.example",
        "mailNickname": name,
        "officeLocation": f"Room {number % 300}",
        "onPremisesSecurityIdentifier": f"S-1-5-21-1004336348-1177238915-682003330-{1000 + number}",
        "onPremisesSyncEnabled": True,
        "proxyAddresses": [f"SMTP:{name}@contoso.example", f"smtp:given.family{number}@contoso.example"],
        "surname": f"Family {number}",
        "userPrincipalName": f"{name}@contoso.example",
    }


def _tenant(users: int) -> Tenant:
    tenant = Tenant(tenant_id=object_id(-1), display_name="Contoso", now=SystemClock().now)
    tenant.upsert_many("user", map(_user, range(users)))
    with tenant.transaction():
        for number in range(users // USERS_A_GROUP):
            name = f"Group {number}"
            properties = {"displayName": name, "securityEnabled": True, "mailNickname": f"group{number}"}
            group = tenant.upsert("group", properties, object_id(-2 - number))
            for member in range(number * USERS_A_GROUP, (number + 1) * USERS_A_GROUP):
                tenant.add_member(group, object_id(member))
    return tenant


async def _change(tenant: Tenant, request: Request) -> JSONResponse:
    first, count, per_second = (int(request.query_params[name]) for name in ("first", "count", "per_second"))
    began, moments = time.monotonic(), []
    for done in range(count):
        if per_second and (ahead := began + done / per_second - time.monotonic()) > 0:
            await asyncio.sleep(ahead)
        tenant.upsert("user", {"jobTitle": request.query_params["title"]}, object_id(first + done))
        moments.append(time.time())
    return JSONResponse(moments)


async def _serve(port: int, users: int) -> None:
    tenant = _tenant(users)

    async def change(request: Request) -> JSONResponse:
        return await _change(tenant, request)

    app = Starlette(routes=[*graph_routes(tenant), Route("/change", change)])
    with listening_socket("127.0.0.1", port) as listening:
        await serve_until_cancelled(QuietServer(config_of(app)), listening)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
