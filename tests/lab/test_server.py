"""The lab as an HTTP server of its own, on a real loopback socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.helpers import START, ManualClock, settle
from tui.lab.lab import Lab
from tui.lab.scenario import Fault, FaultKind, Scenario
from tui.lab.server import serve


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@asynccontextmanager
async def served(lab: Lab) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the lab's server, which is up; both are gone afterwards."""
    port = free_port()
    serving = asyncio.create_task(serve(lab, "127.0.0.1", port))
    await settle()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": "Bearer x"}) as client:
        yield client
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
    lab.close()


async def test_the_lab_answers_on_a_socket_and_goes_on(clock: ManualClock) -> None:
    """`synctop lab` serves the same answers, dated by the lab's clock, while the lab's events go on."""
    lab = Lab.start("healthy", objects=50, base_clock=clock)
    async with served(lab) as client:
        first = await client.get("/v1.0/organization")
        await clock.advance(60)
        later = await client.get("/v1.0/organization")
        password = lab.truth().password
    assert first.status_code == later.status_code == 200
    assert later.headers.get_list("date") == [later.headers["date"]]
    passed = parsedate_to_datetime(later.headers["date"]) - parsedate_to_datetime(first.headers["date"])
    assert passed.total_seconds() == 60 * lab.clock.speed
    assert password == START + timedelta(minutes=19)


async def test_a_dropped_connection_ends_on_the_wire(clock: ManualClock) -> None:
    """A fault that drops the connection is seen by a real client as a connection that ended."""
    drop = Fault(kind=FaultKind.DROPPED, paths=("/v1.0/users",))
    lab = Lab.start(Scenario(title="t", says="s", faults=(drop,)), objects=50, base_clock=clock)
    async with served(lab) as client:
        assert (await client.get("/v1.0/organization")).status_code == 200
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get("/v1.0/users")


async def test_a_port_that_is_taken_is_an_error_in_words(clock: ManualClock) -> None:
    """Nothing is served and the reason is the system's own."""
    lab = Lab.start("healthy", objects=50, base_clock=clock)
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
        await serve(lab, "127.0.0.1", other.getsockname()[1])
    lab.close()
