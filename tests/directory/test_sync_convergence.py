"""Whatever happens in the tenant, to the sync and to the server, both sides end up equal, object by object."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.directory.conftest import running_domain, stopped_slapd
from tests.directory.server import DirectoryServer
from tests.directory.sync_bench import DirectoryBench
from tests.helpers import ManualClock
from tests.sync.bench import graph_app
from tests.sync.test_convergence import CHANGES, mangled
from tui.sync.opening import Sync

BREAKS = ("sync", "sync", "step", "cut off", "expire", "reopen", "kill the server")


@pytest.fixture(params=["slapd", pytest.param("samba", marks=pytest.mark.soak)])
def server(request: pytest.FixtureRequest) -> Iterator[DirectoryServer]:
    if request.param == "samba":
        with running_domain("aadds") as domain:
            yield domain
    else:
        with stopped_slapd() as slapd:
            slapd.launch()
            yield slapd


class Life:
    """A sync that goes on through everything that is done to it."""

    def __init__(self, bench: DirectoryBench, random: Random) -> None:
        self._bench = bench
        self._random = random

    async def through(self, operations: list[tuple[Any, int, int]]) -> None:
        while operations:
            async with self._bench.opened() as sync:
                while operations:
                    operation, a, b = operations.pop(0)
                    if callable(operation):
                        operation(self._bench.tenant, a, b)
                    elif operation == "reopen":
                        break
                    else:
                        await self._broken(sync, operation)

    async def _broken(self, sync: Sync, operation: str) -> None:
        if operation == "step":
            await sync.step()
        elif operation == "sync":
            await sync.run_once()
        elif operation == "expire":
            self._bench.clock.jump(8 * 86400)
        elif operation == "cut off":
            await self._cut_off(sync)
        else:
            under_way = asyncio.ensure_future(sync.run_once())
            await asyncio.sleep(self._random.random() * 0.05)
            await asyncio.to_thread(self._bench.server.kill)
            await under_way
            await asyncio.to_thread(self._bench.server.launch)
            self._bench.clock.jump(61)

    async def _cut_off(self, sync: Sync) -> None:
        """A step cancelled in the middle of whatever it does."""
        under_way = asyncio.ensure_future(sync.run_once())
        await asyncio.sleep(self._random.random() * 0.05)
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.soak)])
async def test_a_long_life(server: DirectoryServer, tmp_path: Path, clock: ManualClock, seed: int) -> None:
    """After hundreds of changes told out of order and twice over, cut-off steps, restarts, expired tokens and servers
    killed, the directory equals the tenant, nothing failed, and the tenant is as it was."""
    random = Random(seed)
    bench = DirectoryBench(server, tmp_path, clock, page_size=7)
    bench.app = mangled(graph_app(bench.tenant), Random(seed))
    pool = (*CHANGES, *CHANGES, *BREAKS)
    life = [(random.choice(pool), random.randrange(50), random.randrange(50)) for _ in range(300)]
    await Life(bench, random).through(life)
    before = bench.tenant.dump()
    clock.jump(3601)
    sync = await bench.sync(rounds=4)
    # A user whose manager was purged goes on referring to him in the tenant.
    assert {failure.code for failure in sync.state().failures} <= {"MissingReference"}
    assert bench.differences() == []
    assert bench.tenant.dump() == before
