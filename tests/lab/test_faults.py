"""The lab's HTTP face behaving badly on purpose."""

import asyncio
import json
from collections import Counter
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.helpers import ManualClock, settle
from tui.lab.clock import LabClock
from tui.lab.faults import Faults
from tui.lab.scenario import Duration, Fault, FaultKind

ORGANIZATION = {"id": "1", "displayName": "Contoso", "verifiedDomains": [{"name": "c"}], "onPremisesSyncEnabled": True}


async def answer(request: Request) -> JSONResponse:
    return JSONResponse({"value": [ORGANIZATION]})


def client_of(*faults: Fault, clock: ManualClock | None = None, seed: int = 1) -> httpx.AsyncClient:
    app = Faults(Starlette(routes=[Route("/{rest:path}", answer)]), faults, LabClock(clock or ManualClock(), 60), seed)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://lab")


async def outcomes(client: httpx.AsyncClient, path: str, number: int = 100) -> list[Any]:
    async with client:
        return [(await client.get(path)).status_code for _ in range(number)]


@pytest.mark.parametrize("retry_after", ["2.128", None])
async def test_a_throttled_answer_says_how_long_or_nothing(retry_after: str | None) -> None:
    """429 in the upstream's own envelope, with a fraction in Retry-After, or without one."""
    async with client_of(Fault(kind=FaultKind.THROTTLED, retry_after=retry_after)) as client:
        graph, arm = await client.get("/v1.0/users"), await client.get("/subscriptions/1")
    assert (graph.status_code, arm.status_code) == (429, 429)
    assert graph.headers.get("retry-after") == retry_after
    assert graph.json()["error"]["code"] == "TooManyRequests"
    assert arm.json()["error"]["code"] == "SubscriptionRequestsThrottled"


async def test_a_denied_answer_is_worded_as_upstream_words_it() -> None:
    """403 with the code of the face that was asked."""
    async with client_of(Fault(kind=FaultKind.DENIED)) as client:
        codes = [(await client.get(path)).json()["error"]["code"] for path in ("/v1.0/users", "/providers/x")]
    assert codes == ["Authorization_RequestDenied", "AuthorizationFailed"]


async def test_a_blanked_answer_keeps_the_name_only() -> None:
    """Too small a permission: every field but id, name and domains is null, the status is 200."""
    async with client_of(Fault(kind=FaultKind.BLANKED)) as client:
        shown = (await client.get("/v1.0/organization")).json()["value"][0]
    assert shown == {**ORGANIZATION, "onPremisesSyncEnabled": None}


async def test_a_malformed_answer_is_not_json() -> None:
    """Half an answer with a good status and a true length."""
    async with client_of(Fault(kind=FaultKind.MALFORMED)) as client:
        got = await client.get("/v1.0/users")
    assert got.status_code == 200
    assert int(got.headers["content-length"]) == len(got.content)
    with pytest.raises(json.JSONDecodeError):
        got.json()


async def test_a_dropped_connection_looks_like_one() -> None:
    """The client sees the connection end, as it would on a wire."""
    async with client_of(Fault(kind=FaultKind.DROPPED)) as client:
        with pytest.raises(httpx.ReadError):
            await client.get("/v1.0/users")


async def test_a_slow_answer_comes_in_the_end(clock: ManualClock) -> None:
    """The delay is wall time, whatever the lab's speed."""
    async with client_of(Fault(kind=FaultKind.SLOW, delay=2.5), clock=clock) as client:
        asked = asyncio.create_task(client.get("/v1.0/users"))
        await clock.advance(2.4)
        assert not asked.done()
        await clock.advance(0.1)
        await settle()
        assert (await asked).status_code == 200


async def test_a_fault_strikes_its_share_the_same_way_each_time() -> None:
    """About the share of requests fail, the same ones for the same seed, others for another."""
    fault = Fault(kind=FaultKind.UNAVAILABLE, share=0.3)
    first, again = await outcomes(client_of(fault), "/v1.0/users"), await outcomes(client_of(fault), "/v1.0/users")
    other = await outcomes(client_of(fault, seed=2), "/v1.0/users")
    assert first == again != other
    assert 15 <= Counter(first)[503] <= 45


async def test_a_fault_keeps_to_its_paths() -> None:
    """Requests to other paths are answered."""
    fault = Fault(kind=FaultKind.DENIED, paths=("/v1.0/users", "/beta"))
    async with client_of(fault) as client:
        statuses = [(await client.get(path)).status_code for path in ("/v1.0/users/1", "/beta/x", "/v1.0/groups")]
    assert statuses == [403, 403, 200]


async def test_a_fault_keeps_to_its_time(clock: ManualClock) -> None:
    """Before the window opens and after it has closed all is well."""
    fault = Fault(kind=FaultKind.UNAVAILABLE, begin=Duration(60), end=Duration(120))
    async with client_of(fault, clock=clock) as client:
        statuses = []
        for _ in range(3):
            statuses.append((await client.get("/v1.0/users")).status_code)
            clock.jump(1)
    assert statuses == [200, 503, 200]


async def test_the_count_of_paths_is_bounded() -> None:
    """A server that is asked a million different paths does not grow."""
    app = Faults(Starlette(routes=[Route("/{rest:path}", answer)]), (), LabClock(ManualClock(), 1), 1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://lab") as client:
        for number in range(2200):
            await client.get(f"/{number}")
    assert len(app._asked) <= 2001
