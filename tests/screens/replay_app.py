"""A live screen over invented snapshots, to measure from outside: `replay_app.py [FAILURES] [SECONDS BETWEEN POLLS]`.

Each poll brings the same facts with new times, as a healthy tenant's polls do.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.helpers import START
from tests.screens import scenes
from tests.screens.stage import StagedFeed
from tui.app import SynctopApp
from tui.clock import SystemClock
from tui.model.snapshot import TenantSnapshot
from tui.terminal import run_app
from tui.widgets.feed import ViewOptions


def moved(tenant: TenantSnapshot, now: datetime) -> TenantSnapshot:
    """`tenant` as it would look at `now`."""
    by = now - START
    hops = tuple(
        replace(
            hop,
            as_of=now,
            last_success=hop.last_success and hop.last_success + by,
            lag_samples=tuple((at + by, value) for at, value in hop.lag_samples),
        )
        for hop in tenant.hops
    )
    sources = tuple(
        replace(
            status,
            as_of=status.as_of and now,
            attempted_at=status.attempted_at and now,
            next_poll=status.next_poll and now + timedelta(seconds=status.interval_s or 60),
        )
        for status in tenant.sources
    )
    return replace(tenant, at=now, hops=hops, sources=sources)


def main(failures: int, every_s: float) -> int:
    clock = SystemClock()
    base = scenes.trouble() if failures else scenes.healthy()
    if failures:
        base = replace(base, failures=scenes.failures(failures), failures_total=failures)
    feed = StagedFeed(clock, moved(base, clock.now()))

    async def run() -> None:
        while True:
            await asyncio.sleep(every_s)
            feed.publish(moved(base, clock.now()))

    return run_app(SynctopApp(feed, ViewOptions(run=run)))


if __name__ == "__main__":
    arguments = [float(argument) for argument in sys.argv[1:]] + [0, 10][len(sys.argv) - 1 :]
    sys.exit(main(int(arguments[0]), arguments[1]))
