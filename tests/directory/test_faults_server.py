"""A directory server that is killed, frozen and restarted while the sync writes: it goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.directory.proxy import FaultProxy
from tests.directory.server import DirectoryServer
from tests.directory.slapd import Slapd
from tests.directory.sync_life import Life, impatient

__all__ = ["impatient"]

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(params=["slapd", "samba"])
def server(request: pytest.FixtureRequest) -> DirectoryServer:
    found: DirectoryServer = request.getfixturevalue("slapd" if request.param == "slapd" else "samba_aadds")
    return found


@pytest.fixture
def proxy(server: DirectoryServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.address, server.port) as proxy:
        yield proxy


@pytest.fixture
def life(server: DirectoryServer, proxy: FaultProxy, tmp_path: Path) -> Life:
    """Through a proxy that only counts."""
    return Life(server, tmp_path, proxy=proxy)


def times(life: Life, count: int) -> range:
    """Samba takes seconds to start: once will do."""
    return range(count if isinstance(life.server, Slapd) else 1)


async def at_random_writes(life: Life, proxy: FaultProxy, strike: Callable[[], object]) -> None:
    """Strike in the middle of what the sync has to write."""
    life.change(25)
    await life.writes(proxy, life.random.randrange(1, 4000))
    await asyncio.to_thread(strike)


async def test_the_server_is_killed_in_the_middle_of_writes(life: Life, proxy: FaultProxy) -> None:
    """kill -9 of the server, again and again: the sync says which server is away, and once it is back goes on where it
    was; nothing is lost, doubled or touched that is not its own."""
    async with life.at_work():
        for _ in times(life, 4):
            await at_random_writes(life, proxy, life.server.kill)
            await life.directory_trouble()
            life.change()
            await asyncio.to_thread(life.server.launch)
            await life.in_step()
    life.compare()


async def test_the_server_freezes(life: Life, proxy: FaultProxy) -> None:
    """A server that stands still for longer than the sync has patience is told; when it wakes and does what it had
    already been sent, nothing of that is doubled or stale."""
    async with life.at_work():
        for _ in times(life, 3):
            await at_random_writes(life, proxy, life.server.pause)
            try:
                problem = await life.directory_trouble()
                assert "no answer" in problem.text or "not answer" in problem.text or "silent" in problem.text, problem
                life.change()
            finally:
                life.server.resume()
            await life.in_step()
    life.compare()


async def test_the_server_is_restarted_between_rounds(life: Life) -> None:
    """A restart while nothing is to do costs nothing: the next change arrives."""
    async with life.at_work():
        await life.in_step()
        for _ in times(life, 2):
            await asyncio.to_thread(life.server.restart)
            life.change()
            await life.in_step()
    life.compare()
