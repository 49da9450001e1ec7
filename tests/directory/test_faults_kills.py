"""kill -9 of `synctop sync` at random moments, while the tenant goes on changing.

`SYNC_KILLS=200` for the long run, `SYNC_SEED` for other moments.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from tests.directory.bystanders import add_bystanders, bystanders
from tests.directory.compare import differences, entries, held
from tests.directory.proxy import FaultProxy
from tests.directory.server import DirectoryServer
from tests.directory.slapd import Slapd
from tests.directory.sync_bench import PASSWORD
from tests.directory.sync_config import SYNC_CONFIG
from tests.directory.sync_forks import Forks, forks
from tests.directory.tenant_faults import FaultyTenant, serving
from tests.directory.tenant_life import LIFE, in_scope, people, steady
from tests.helpers import ManualClock
from tests.sync.bench import graph_app, make_tenant
from tui.lab.tenant import Tenant

USERS, GROUPS = 150, 20
KILLS = int(os.environ.get("SYNC_KILLS", "56"))
"""On both servers together; Samba, which is slow, gets an eighth of them."""
SEED = int(os.environ.get("SYNC_SEED", "20261122"))
MOMENTS = ("start", "reading", "talking", "talking", "commit", "idle")
EXPIRES_EVERY = 11
LONGEST_LIFE_S = 3.0
ROUNDS_TO_SETTLE = 6
CONFIG = SYNC_CONFIG + 'tls_server_name = "{name}"\ncloud_only = true\n'


class Massacre:
    """A tenant, a directory behind a proxy that counts, and a sync that is killed again and again."""

    def __init__(self, server: DirectoryServer, proxy: FaultProxy, folder: Path, clock: ManualClock) -> None:
        self.random = Random(SEED)
        self.server = server
        self.clock = clock
        self.tenant: Tenant = make_tenant(clock)
        self.face = FaultyTenant(graph_app(self.tenant))
        self.killed: Counter[str] = Counter()
        self._proxy = proxy
        self._folder = folder
        self._typical = 50_000

    @property
    def config(self) -> Path:
        return self._folder / "config.toml"

    def write_config(self, graph: str) -> None:
        user, ca_file = self.server.admin.user, self.server.ca_file
        url = f"ldaps://127.0.0.1:{self._proxy.port}"
        name = self.server.address
        self.config.write_text(CONFIG.format(graph=graph, url=url, user=user, password=PASSWORD, ca=ca_file, name=name))

    def change(self, most: int) -> None:
        for _ in range(self.random.randrange(most)):
            self.random.choice(LIFE)(self.tenant, self.random)

    async def kill_once(self, number: int, sync: Forks) -> None:
        """Let the tenant change, begin a sync, kill it at some moment."""
        self.change(6)
        if number % EXPIRES_EVERY == 0:
            self.clock.jump(8 * 86400)
        moment = self.random.choice(MOMENTS)
        answered = self._proxy.answered
        due = self._due(moment)
        await sync.begin(["sync", "--config", self.config], speed=20.0)
        await self._wait(due, sync)
        code = await sync.kill()
        assert code == -9, f"the sync ended by itself with {code}: {sync.told[-2000:]}"
        self.killed[moment] += 1
        if moment == "idle":
            self._typical = self._proxy.answered - answered

    def _due(self, moment: str) -> Callable[[], bool]:
        """True once the moment has come."""
        loop, share = asyncio.get_running_loop(), self.random.random()
        if moment == "start":
            at = loop.time() + share * 0.06
            return lambda: loop.time() >= at
        if moment == "talking":
            answered = self._proxy.answered + int(share * self._typical)
            return lambda: self._proxy.answered >= answered
        if moment == "commit":
            changes = _Changes(Path(f"{self._folder / 'sync.db'}-wal"), self.random.randrange(1, 8))
            return changes.are_enough
        asked = self.face.asked + (self.random.randrange(1, 5) if moment == "reading" else 7)
        return lambda: self.face.asked >= asked

    async def _wait(self, due: Callable[[], bool], sync: Forks) -> None:
        """Until the moment; what does not come is not waited for. Meanwhile the tenant goes on changing."""
        end = asyncio.get_running_loop().time() + LONGEST_LIFE_S
        while not due() and not sync.is_over and asyncio.get_running_loop().time() < end:
            if self.random.random() < 0.02:
                self.change(3)
            await asyncio.sleep(0.001)

    async def settle(self, sync: Forks) -> None:
        """Rounds until both sides are the same and nothing is set aside, hours apart."""
        for number in range(1, ROUNDS_TO_SETTLE + 1):
            await sync.begin(["sync", "--config", self.config, "--once"], speed=20.0, ahead_s=number * 7200.0)
            code = await sync.end()
            if code == 0 and not self.differences():
                return
        assert self.differences() == []
        pytest.fail(f"the last round ended with {code}: {sync.told[-2000:]}")

    def differences(self) -> list[str]:
        return differences(self.tenant, self.server, within=in_scope)


class _Changes:
    """Sees a file change."""

    def __init__(self, path: Path, wanted: int) -> None:
        self._path = path
        self._wanted = wanted
        self._last: tuple[int, int] | None = self._state()

    def are_enough(self) -> bool:
        state = self._state()
        if state != self._last:
            self._last = state
            self._wanted -= 1
        return self._wanted <= 0

    def _state(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns


@pytest.fixture
def massacre(
    server: DirectoryServer, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Massacre]:
    monkeypatch.setenv(PASSWORD, server.admin.password)
    with FaultProxy(server.address, server.port) as proxy:
        yield Massacre(server, proxy, tmp_path, clock)


@pytest.fixture(params=["slapd", pytest.param("samba", marks=pytest.mark.soak)])
def server(request: pytest.FixtureRequest) -> DirectoryServer:
    found: DirectoryServer = request.getfixturevalue("slapd" if request.param == "slapd" else "samba_aadds")
    return found


async def test_killed_at_random_moments(massacre: Massacre, tmp_path: Path) -> None:
    """Whatever it did when it was killed, the sync goes on from there: nobody is lost, doubled or made anew, and what
    was made in the domain by hand is as it was to the last byte."""
    of_samba = KILLS // 8
    kills = KILLS - of_samba if isinstance(massacre.server, Slapd) else of_samba
    print(f"seed {SEED}")
    async with AsyncExitStack() as stack:
        massacre.write_config(await stack.enter_async_context(serving(massacre.face)))
        sync = await stack.enter_async_context(forks(tmp_path / "sync.log"))
        await sync.begin(["sync", "--config", massacre.config, "--once"])
        assert await sync.end() == 0, sync.told
        before = add_bystanders(massacre.server)
        people(massacre.tenant, massacre.random, USERS, GROUPS)
        lasting = steady(massacre.tenant)
        known: dict[str, str] = {}
        for number in range(1, kills + 1):
            await massacre.kill_once(number, sync)
            if number % 5 == 0:
                known = {**identities(massacre.server, lasting), **known}
        source = massacre.tenant.dump()
        await massacre.settle(sync)
        assert massacre.tenant.dump() == source
    assert kills < len(MOMENTS) ** 2 or set(massacre.killed) == set(MOMENTS)
    assert bystanders(massacre.server) == before
    assert known
    assert {id: identities(massacre.server, lasting)[id] for id in known} == known
    names = [values["samaccountname"][0].lower() for values in entries(massacre.server)]
    assert len(set(names)) == len(names)
    assert len(held(massacre.server)) > USERS / 2


def identities(server: DirectoryServer, ids: set[str]) -> dict[str, str]:
    """What an entry keeps as long as it lives, by object id; fails where one is there twice."""
    found: dict[str, str] = {}
    for record in server.find("(|(msDS-aadObjectId=*)(msDS-AzureADObjectId=*))", "*", "entryUUID").split("\n\n"):
        lines = dict(line.split(":", 1) for line in record.splitlines() if ":" in line)
        id = (lines.get("msDS-aadObjectId") or lines.get("msDS-AzureADObjectId") or "").strip()
        if id in ids:
            assert id not in found
            found[id] = f"{lines.get('entryUUID', '')}{lines.get('objectGUID', '')}{lines.get('objectSid', '')}"
    return found
