"""The deletion brake before a real directory: 501 deletions wait for the operator, and survive whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.directory.bystanders import add_bystanders, bystanders
from tests.directory.slapd import Slapd
from tests.directory.sync_bench import PASSWORD, DirectoryBench
from tests.directory.sync_config import SYNC_CONFIG
from tests.directory.sync_forks import Forks, forks
from tests.directory.tenant_faults import FaultyTenant, serving, until
from tests.helpers import ManualClock
from tui.sync.brake import Brake
from tui.sync.opening import open_state
from tui.sync.replicator import Step

PEOPLE, TOO_MANY = 520, 501


class Crowd:
    """A tenant of 520 users and a group of all, synced; then 501 of them leave, and one comes."""

    def __init__(self, slapd: Slapd, folder: Path, clock: ManualClock) -> None:
        self.bench = DirectoryBench(slapd, folder, clock, page_size=500)
        self.server = slapd
        self.folder = folder
        tenant = self.bench.tenant
        with tenant.transaction():
            self.ids = [self.bench.user(f"user{number}") for number in range(PEOPLE)]
            self.group = self.bench.group("All", self.ids)

    def leave(self) -> None:
        tenant = self.bench.tenant
        with tenant.transaction():
            for id in self.ids[:TOO_MANY]:
                tenant.soft_delete("user", id)
            self.bench.group("New", [self.bench.user("ada"), self.ids[-1]])
            tenant.upsert("user", {"city": "Roma"}, self.ids[-1])

    def everyone_is_there(self) -> bool:
        """Those who left too, members as before; what came and changed has arrived."""
        found = self.server.find("(cn=All)", "member")
        return (
            self.server.find("(cn=user*)", "1.1").count("dn: ") == PEOPLE
            and found.count("member: ") == PEOPLE
            and "l: Roma" in self.server.find(f"(cn=user{PEOPLE - 1})", "l")
            and self.server.find("(cn=New)", "member").count("member: ") == 2
        )


@pytest.fixture
async def crowd(slapd: Slapd, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    monkeypatch.setenv(PASSWORD, slapd.admin.password)
    crowd = Crowd(slapd, tmp_path, clock)
    await crowd.bench.sync()
    crowd.leave()
    return crowd


async def test_501_deletions_wait_for_the_operator(crowd: Crowd) -> None:
    """None is done and nobody loses a membership, while adds and changes go on; leave for 500 is no leave; leave for
    501 lets them go. What was made by hand stays."""
    before = add_bystanders(crowd.server)
    async with crowd.bench.opened() as sync:
        for leave in (None, None, TOO_MANY - 1):
            if leave is not None:
                sync.allow_deletions(leave)
            assert await sync.run_once() is Step.DONE
            assert sync.state().held_deletions == TOO_MANY
            assert crowd.everyone_is_there()
        sync.allow_deletions(TOO_MANY)
        assert await sync.run_once() is Step.DONE
        assert sync.state().held_deletions is None
    assert crowd.bench.differences() == []
    assert bystanders(crowd.server) == before


async def test_those_who_come_back_were_never_gone(crowd: Crowd) -> None:
    """Restored in the tenant while they waited, they are the same entries with the same memberships."""
    before = crowd.server.find("(cn=user*)", "entryUUID")
    async with crowd.bench.opened() as sync:
        assert await sync.run_once() is Step.DONE
        for id in crowd.ids[:TOO_MANY]:
            crowd.bench.tenant.restore("user", id)
        assert await sync.run_once() is Step.DONE
        assert sync.state().held_deletions is None
    assert crowd.server.find("(cn=user*)", "entryUUID") == before
    assert crowd.bench.differences() == []


@asynccontextmanager
async def command(crowd: Crowd) -> AsyncIterator[tuple[Forks, list[str | Path]]]:
    """The real command over the crowd, in processes of its own."""
    config = crowd.folder / "config.toml"
    slapd = crowd.server
    async with serving(FaultyTenant(crowd.bench.app)) as graph, forks(crowd.folder / "sync.log") as sync:
        config.write_text(
            SYNC_CONFIG.format(graph=graph, url=slapd.url, user=slapd.admin.user, password=PASSWORD, ca=slapd.ca_file)
        )
        yield sync, ["sync", "--config", config]


@pytest.mark.soak
async def test_the_brake_survives_kills(crowd: Crowd) -> None:
    """Killed while it holds, and again in the middle of the deletions that it was given leave for, the command neither
    forgets that it holds nor that it may go on."""
    async with command(crowd) as (sync, words):
        for _ in range(3):
            await sync.begin(words, speed=20.0)
            await until(crowd.everyone_is_there, "adds and changes go on")
            await sync.kill()
        await sync.begin([*words, "--once"])
        assert await sync.end() == 2
        assert crowd.everyone_is_there()
        await sync.begin([*words, "--allow-deletions", str(TOO_MANY)])
        await until(lambda: not crowd.everyone_is_there(), "the deletions begin")
        await sync.kill()
        assert waiting(crowd) in (0, TOO_MANY)
        await sync.begin([*words, "--once"])
        assert await sync.end() == 0, sync.told[-2000:]
    assert crowd.bench.differences() == []


def waiting(crowd: Crowd) -> int:
    """All of a round's deletions are done, or none is noted as done."""
    db = open_state(crowd.bench.settings.state_file)
    try:
        return Brake(db, 500).count()
    finally:
        db.close()
