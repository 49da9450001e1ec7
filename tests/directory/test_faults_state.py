"""A state file that cannot be written, is broken or is lost: told in clear words, and no harm to the directory."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.directory.server import run_tool
from tests.directory.slapd import Slapd
from tests.directory.sync_life import Life
from tests.directory.tenant_faults import until
from tui.sync.errors import ForeignObjects, StateUnusable, SyncRefused
from tui.sync.opening import open_state
from tui.sync.replicator import Step
from tui.sync.running import Trouble

Spoil = Callable[[Path], object]


@pytest.fixture
def life(slapd: Slapd, tmp_path: Path) -> Life:
    return Life(slapd, tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of sixteen megabytes: the journal alone takes four."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a small file system is mounted by root alone: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


async def test_the_disk_is_full(slapd: Slapd, small_disk: Path) -> None:
    """Nothing can be noted down: it is told with what to do, and once there is room the sync goes on by itself."""
    life = Life(slapd, small_disk)
    ballast = small_disk / "ballast"
    async with life.at_work():
        await life.in_step()
        for _ in range(2):
            await asyncio.to_thread(fill, ballast)
            await until(lambda: bool(life.change(1)) or life.running.situation.problem is not None, "it is told")
            problem = await life.trouble()
            assert problem.trouble is Trouble.STATE, problem
            assert "make room" in problem.text
            life.change(30)
            ballast.unlink()
            await life.in_step()
    life.compare()


async def test_a_write_fails_at_any_moment(life: Life) -> None:
    """The same where the limit is met again and again, in whatever the sync writes at that moment."""
    path = life.bench.settings.state_file
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    async with life.at_work():
        for _ in range(6):
            await life.in_step()
            life.change(25)
            largest = max(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest + life.random.randrange(-8192, 60_000), hard))
            try:
                await until(lambda: bool(life.change(2)) or life.running.situation.problem is not None, "it is told")
                assert (await life.trouble()).trouble is Trouble.STATE
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
        await life.in_step()
    life.compare()


async def test_a_state_file_that_cannot_be_written(slapd: Slapd, small_disk: Path) -> None:
    """On a file system that is mounted read-only the sync does not start, and says why and where."""
    life = Life(slapd, small_disk)
    await life.bench.sync()
    await asyncio.to_thread(run_tool, "mount", "-o", "remount,ro", small_disk)
    before = slapd.find("(objectClass=*)", "*", "+")
    with pytest.raises(StateUnusable, match=rf"{small_disk}.*Read-only file system"):
        await life.bench.sync()
    assert slapd.find("(objectClass=*)", "*", "+") == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to whatever it likes")
async def test_a_state_file_without_leave_to_write(life: Life) -> None:
    """Nor where the file is not ours to write."""
    await life.bench.sync()
    life.bench.settings.state_file.chmod(0o400)
    with pytest.raises(StateUnusable, match="cannot be opened"):
        await life.bench.sync()


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00\xff no database " * 1000)


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zeroed(path: Path) -> None:
    """Half of the pages in the middle, as after a crash of the disk."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 4 // 4096 * 4096)
        file.write(b"\0" * (size // 2))


def without_tables(path: Path) -> None:
    """Another program's database."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DROP TABLE sync_object")
    db.execute("CREATE TABLE sync_object (somebody TEXT, elses TEXT)")
    db.close()


@pytest.mark.parametrize("spoil", [garbage, cut_in_half, zeroed, without_tables])
async def test_a_broken_state_file(life: Life, spoil: Spoil) -> None:
    """It is refused with its name and what to do before anything is written, whatever the tenant has changed."""
    await life.bench.sync()
    life.change(60)
    await asyncio.to_thread(spoil, life.bench.settings.state_file)
    before = life.server.find("(objectClass=*)", "*", "+")
    with pytest.raises(SyncRefused, match=str(life.bench.settings.state_file)) as refused:
        await life.bench.sync()
    assert "restore or remove it" in str(refused.value)
    assert life.server.find("(objectClass=*)", "*", "+") == before


async def test_a_lost_state_file(life: Life) -> None:
    """Without it the full directory is refused; told to adopt, the sync takes its own objects over as they are: nobody
    is deleted, doubled or made anew, not even who left the tenant meanwhile."""
    async with life.at_work():
        await life.in_step()
    before = by_id(life)
    for path in life.bench.settings.state_file.parent.glob("sync.db*"):
        path.unlink()
    life.change(40)
    left = {*before} - {*(each["id"] for kind in ("user", "group") for each in life.tenant.page(kind, limit=1000))}
    assert left
    adopting, life.bench.settings = life.bench.settings, replace(life.bench.settings, adopt=False)
    with pytest.raises(ForeignObjects, match="adopt = true"):
        await life.bench.sync()
    life.bench.settings = adopting
    async with life.bench.opened() as sync:
        for _ in range(3):
            assert await sync.run_once() is Step.DONE
            life.clock.jump(3601)
    after = by_id(life)
    assert {id: after[id] for id in before} == before
    untold = [line for line in life.differences() if line.partition(" ")[0] not in before]
    assert untold == []


def by_id(life: Life) -> dict[str, str]:
    """What each synced entry keeps as long as it lives."""
    found: dict[str, str] = {}
    for name in ("msDS-aadObjectId", "msDS-AzureADObjectId"):
        for record in life.server.find(f"({name}=*)", name, "entryUUID").split("\n\n"):
            lines = dict(line.split(": ", 1) for line in record.splitlines() if ": " in line)
            if name in lines:
                assert lines[name] not in found
                found[lines[name]] = lines["entryUUID"]
    return found


def test_what_is_noted_survives_a_cut_of_the_power(tmp_path: Path) -> None:
    """Each transaction is on the disk before the writes that it announces are sent."""
    db = open_state(tmp_path / "state.db")
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    db.close()
