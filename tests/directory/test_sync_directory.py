"""The one-way sync into real directory servers, as an operator sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.directory.conftest import running_domain, stopped_slapd
from tests.directory.server import DirectoryServer
from tests.directory.sync_bench import DirectoryBench
from tests.helpers import ManualClock


@pytest.fixture(params=["slapd", "samba"])
def server(request: pytest.FixtureRequest) -> Iterator[DirectoryServer]:
    if request.param == "samba":
        with running_domain("aadds") as domain:
            yield domain
    else:
        with stopped_slapd() as slapd:
            slapd.launch()
            yield slapd


@pytest.fixture
def bench(server: DirectoryServer, tmp_path: Path, clock: ManualClock) -> DirectoryBench:
    return DirectoryBench(server, tmp_path, clock)


async def test_first_sync_copies_everything(bench: DirectoryBench) -> None:
    """Users, groups, nested memberships and managers are all there after the first sync, and nothing is set aside."""
    ada, eve = bench.user("ada", city="Roma", mail="ada@contoso.com"), bench.user("eve", department='R&D, "B" #1')
    bench.tenant.upsert("user", {"manager": ada}, eve)
    inner = bench.group("Inner", [eve])
    bench.group("Outer", [ada, inner])
    sync = await bench.sync()
    assert sync.state().failures == ()
    assert bench.differences() == []
