"""A sync at work in a tenant that goes on changing, for tests that break something meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.directory.bystanders import add_bystanders, bystanders
from tests.directory.compare import differences, entries
from tests.directory.proxy import FaultProxy
from tests.directory.server import DirectoryServer
from tests.directory.sync_bench import DirectoryBench, directory_settings
from tests.directory.sync_forks import FastClock
from tests.directory.tenant_faults import FaultyTenant, until
from tests.directory.tenant_life import LIFE, in_scope, people
from tui.settings import DirectorySettings
from tui.sources.ldap_session import DirectorySession
from tui.sync import opening
from tui.sync.opening import Sync
from tui.sync.running import Problem, Running, Trouble

SPEED = 30.0
IMPATIENCE_S = 0.7
USERS, GROUPS = 60, 8
ADOPTING = {"adopt": True, "cloud_only": True}


class Life:
    """A tenant of sixty users, its face, and the sync into `server`, through `proxy` where there is one.

    `running` and `sync` are there within `at_work`.
    """

    running: Running
    sync: Sync

    def __init__(
        self, server: DirectoryServer, folder: Path, *, proxy: FaultProxy | None = None, seed: int = 1, **settings: Any
    ) -> None:
        self.random = Random(seed)
        self.clock = FastClock(SPEED)
        through = None if proxy is None else through_proxy(server, proxy)
        directory = through or directory_settings(server)
        self.bench = DirectoryBench(server, folder, self.clock, directory=directory, **ADOPTING, **settings)  # type: ignore[arg-type]
        self.face = FaultyTenant(self.bench.app)
        self.bench.app = self.face
        self.server = server
        self.tenant = self.bench.tenant
        self.before = add_bystanders(server)
        people(self.tenant, self.random, USERS, GROUPS)

    def change(self, count: int = 10) -> None:
        for _ in range(count):
            self.random.choice(LIFE)(self.tenant, self.random)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The sync goes from round to round, its time running fast."""
        stop = asyncio.Event()
        async with self.bench.opened() as self.sync:
            self.running = Running(self.sync.replicator, self.clock, interval_s=1.0)
            task = asyncio.create_task(self.running.forever(stop))
            try:
                yield
            finally:
                stop.set()
                await task

    async def in_step(self, limit_s: float = 30.0) -> None:
        """Until both sides are the same, and nothing is wrong nor set aside."""
        rounds = self.running.situation.rounds
        await until(lambda: self.running.situation.rounds > rounds + 1, self._wrong(), limit_s)
        end = asyncio.get_running_loop().time() + limit_s
        while (differing := self.differences()) or self._is_wrong():
            assert asyncio.get_running_loop().time() < end, [*differing[:5], self._wrong()]
            self.clock.jump(60.0)
            await asyncio.sleep(0.05)

    async def trouble(self, *, limit_s: float = 20.0) -> Problem:
        """What the sync says is wrong, once it does."""
        await until(lambda: self.running.situation.problem is not None, "a problem is told", limit_s)
        problem = self.running.situation.problem
        assert problem is not None
        assert problem.text
        return problem

    async def directory_trouble(self) -> Problem:
        """It is the directory, and its address is named."""
        problem = await self.trouble()
        assert problem.trouble is Trouble.DIRECTORY, problem
        assert self.sync.where in problem.text, problem
        return problem

    async def writes(self, proxy: FaultProxy, answered: int) -> None:
        """Until the server has answered so many bytes more, while the tenant goes on changing."""
        wanted = proxy.answered + answered

        def are_enough() -> bool:
            self.change(1)
            return proxy.answered >= wanted

        await until(are_enough, "the sync writes")

    @property
    def held_deletions(self) -> int | None:
        state = self.running.situation.state
        return None if state is None else state.held_deletions

    def compare(self) -> None:
        """Both sides object by object, names, and whatever the sync must not touch."""
        assert self.differences() == []
        assert bystanders(self.server) == self.before
        names = [values["samaccountname"][0].lower() for values in entries(self.server)]
        assert len(set(names)) == len(names)

    def differences(self) -> list[str]:
        return differences(self.tenant, self.server, within=in_scope)

    def _is_wrong(self) -> bool:
        situation = self.running.situation
        return situation.problem is not None or situation.state is None or situation.state.objects_failed > 0

    def _wrong(self) -> str:
        state = self.running.situation.state
        return f"{self.running.situation.problem} {state.failures[:3] if state is not None else None}"


def through_proxy(server: DirectoryServer, proxy: FaultProxy) -> DirectorySettings:
    """The server by way of the proxy, under its own name."""
    settings = directory_settings(server, f"ldaps://127.0.0.1:{proxy.port}")
    return DirectorySettings(
        url=settings.url,
        bind_user=settings.bind_user,
        password_env=settings.password_env,
        ca_file=settings.ca_file,
        tls_server_name=server.address,
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is silent for less than a second has failed."""

    def session(*arguments: Any, **named: Any) -> DirectorySession:
        return DirectorySession(*arguments, **named, timeout_s=IMPATIENCE_S)

    monkeypatch.setattr(opening, "DirectorySession", session)
