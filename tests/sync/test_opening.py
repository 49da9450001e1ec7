"""The state file: private, one sync's alone, and never silently given up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.helpers import ManualClock
from tests.sync.bench import Bench, actual, expected
from tui.sync.checkpoint import Checkpoint
from tui.sync.errors import AlreadyRunning, StateFailed, StateUnusable
from tui.sync.locks import hold
from tui.sync.opening import open_state
from tui.sync.replicator import Replicator, Step


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """A new state file is the owner's alone; one that others may read is refused, as it holds hashes."""
    path = tmp_path / "sync.db"
    open_state(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(StateUnusable, match="chmod 600"):
        open_state(path)


def test_a_state_file_that_is_none(tmp_path: Path) -> None:
    """Something else under its name, or no way to it, is told by path and left as it is."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not a database" * 100)
    path.chmod(0o600)
    with pytest.raises(StateUnusable, match=r"notes\.txt cannot be used"):
        open_state(path)
    assert path.read_bytes() == b"not a database" * 100
    with pytest.raises(StateUnusable, match="No such file"):
        open_state(tmp_path / "missing" / "sync.db")


def test_one_at_a_time(tmp_path: Path) -> None:
    """A lock is held by one, and free once he is gone."""
    with hold(tmp_path / "lock", "the state file"), pytest.raises(AlreadyRunning, match="the state file"):
        hold(tmp_path / "lock", "the state file")
    hold(tmp_path / "lock", "the state file").close()


async def test_a_full_disk_loses_nothing(tmp_path: Path, clock: ManualClock) -> None:
    """Without room for the state a step is undone and tried again; with room again everything arrives."""
    bench = Bench(clock, path=str(tmp_path / "domain.db"))
    bench.group("All", [bench.user(f"user{n}", city="x" * 100) for n in range(60)])
    state = open_state(tmp_path / "sync.db")
    replicator = Replicator(bench.reader, bench.domain, Checkpoint(state), clock=clock)
    pages = state.execute("PRAGMA page_count").fetchone()[0]
    state.execute(f"PRAGMA max_page_count = {pages + 4}")
    assert await replicator.run_once() is Step.FAILED
    fault = replicator.fault
    assert fault is not None
    assert isinstance(fault.error, StateFailed)
    assert not fault.at_tenant
    assert "full" in str(fault.error)
    assert "make room" in (replicator.state().error or "")
    state.execute("PRAGMA max_page_count = 100000")
    clock.jump(61)
    assert await replicator.run_once() is Step.DONE
    assert actual(bench) == expected(bench.tenant)
    state.close()
    bench.close()


async def test_a_state_that_may_not_be_written(tmp_path: Path, clock: ManualClock) -> None:
    """A state file that became read-only is told as such, and nothing of the domain is touched."""
    bench = Bench(clock, path=str(tmp_path / "domain.db"))
    bench.user("ada")
    path = tmp_path / "sync.db"
    first = open_state(path)
    Checkpoint(first)
    state = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
    checkpoint = object.__new__(Checkpoint)
    checkpoint.db = state
    with pytest.raises(sqlite3.OperationalError, match="readonly"), checkpoint.transaction():
        checkpoint.queue("x")
    replicator = Replicator(bench.reader, bench.domain, Checkpoint(first), clock=clock)
    first.execute("PRAGMA query_only = ON")
    assert await replicator.run_once() is Step.FAILED
    assert "cannot be written" in (replicator.state().error or "")
    assert bench.names() == []
    state.close(), first.close()
    bench.close()
