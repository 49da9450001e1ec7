"""The monitor's LDAP source and lag meter in a process of their own: `python -m tests.bench.monitoring URL CA USER`.

The password comes by the environment variable of `tests.directory.sync_bench`. Prints its figures as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.processes import memory_mib
from tests.directory.server import MAX_PAGE_SIZE, DirectoryServer, run_tool
from tests.directory.sync_bench import PASSWORD
from tui.clock import SystemClock
from tui.ldap.entries import Change
from tui.model.facts import ObjectChange
from tui.model.states import ObjectType, Side
from tui.service.lag_keys import by_object_id
from tui.service.lag_meter import LagMeter
from tui.settings import DirectorySettings
from tui.sources.ldap import LdapSource
from tui.sources.ldap_counts import plan
from tui.sources.ldap_layout import layout_of
from tui.sources.ldap_session import DirectorySession

SIDE = Side.MANAGED_DOMAIN
HEARTBEAT_S = 0.002
CHANGES, METERED, POLLS = 100, 1000, 50


def monitored(server: DirectoryServer) -> dict[str, float]:
    """Figures of a monitor that watches this server alone."""
    asked = [sys.executable, "-m", "tests.bench.monitoring", server.url, str(server.ca_file), server.admin.user]
    environment = {**os.environ, PASSWORD: server.admin.password}
    told = subprocess.run(asked, check=True, capture_output=True, text=True, env=environment)
    figures: dict[str, float] = json.loads(told.stdout)
    return figures


async def _figures(settings: DirectorySettings) -> dict[str, float]:
    clock = SystemClock()
    session = DirectorySession(settings, clock, label="directory")
    source = LdapSource(session, SIDE, clock)
    holds: list[float] = []
    watching = asyncio.create_task(_watch(holds))
    first, facts = await _timed(source)
    idle, _ = await _timed(source)
    await _write(session, CHANGES)
    changed, seen = await _timed(source)
    assert len(seen.changes) == CHANGES
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    figures = {
        "entries": facts.synced[ObjectType.USERS].value,
        "count_s": first,
        "idle_s": idle,
        "changed_s": changed,
        "hold_ms": max(holds) * 1e3,
        "rss_mib": memory_mib(os.getpid()),
        "ldapsearch_s": await _ldapsearch_s(session, settings),
    }
    await source.aclose()
    return figures


async def _timed(source: LdapSource) -> tuple[float, Any]:
    began = time.monotonic()
    facts = await source.fetch()
    return time.monotonic() - began, facts


async def _watch(holds: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(HEARTBEAT_S)
        holds.append(time.perf_counter() - began - HEARTBEAT_S)


async def _write(session: DirectorySession, count: int) -> None:
    async with session.use() as connection:
        root = await session.root()
        change = Change("replace", "title", ("Watched",))
        dns = [f"CN=u{number:07d},OU=AADDC Users,{root.base}" for number in range(count)]
        await asyncio.gather(*(connection.modify(dn, [change]) for dn in dns))


async def _ldapsearch_s(session: DirectorySession, settings: DirectorySettings) -> float:
    """Seconds that OpenLDAP's own client takes for the same searches."""
    layout = await layout_of(session, await session.root(), SIDE)
    began = time.monotonic()
    for question in plan(layout, SIDE).values():
        run_tool(
            "ldapsearch", "-x", "-LLL", "-H", settings.url, "-D", settings.bind_user or "", "-w", os.environ[PASSWORD],
            "-E", f"pr={MAX_PAGE_SIZE}/noprompt", "-b", question.base, question.filter, "entryCSN",
            LDAPTLS_CACERT=str(settings.ca_file),
        )  # fmt: skip
    return time.monotonic() - began


def _metered_ms() -> float:
    """CPU milliseconds for one poll's changes, noted as they leave and as they arrive."""
    meter = LagMeter(by_object_id, slack=timedelta(seconds=60), grace=timedelta(hours=1), random=random.random)
    polls = [(_changes(poll), _changes(poll)) for poll in range(POLLS)]
    now = datetime.now(UTC)
    began = time.process_time()
    for poll, (left, came) in enumerate(polls):
        at = now + timedelta(seconds=30 * poll)
        meter.departed(left, at)
        meter.arrived(came, at)
        meter.lag(at)
    return (time.process_time() - began) / POLLS * 1e3


def _changes(poll: int) -> list[ObjectChange]:
    at = datetime.now(UTC) + timedelta(seconds=30 * poll)
    numbers = range(poll * METERED, (poll + 1) * METERED)
    return [
        ObjectChange(kind="user", at=at, object_id=f"{number:036d}", values={"jobTitle": (str(poll),), "mail": ()})
        for number in numbers
    ]


if __name__ == "__main__":
    url, ca_file, user = sys.argv[1:]
    watched = DirectorySettings(url=url, ca_file=Path(ca_file), bind_user=user, password_env=PASSWORD)
    print(json.dumps({**asyncio.run(_figures(watched)), "metered_ms": _metered_ms()}))
