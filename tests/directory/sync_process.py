"""A sync in a process of its own, to be killed: `python -m tests.directory.sync_process STATE URL USER CA GRAPH`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.directory.sync_bench import PASSWORD
from tui.clock import SystemClock
from tui.settings import DirectorySettings, SyncSettings
from tui.sources.auth import StaticTokens
from tui.sources.http import Upstream
from tui.sync.delta import delta_headers
from tui.sync.opening import open_sync
from tui.sync.replicator import Step


async def main(state: str, url: str, user: str, ca_file: str, graph: str) -> int:
    """0 once all is done."""
    clock = SystemClock()
    directory = DirectorySettings(url=url, bind_user=user, password_env=PASSWORD, ca_file=Path(ca_file))
    settings = SyncSettings(directory=directory, state_file=Path(state), credentials=True)
    upstream = Upstream(
        graph, tokens=StaticTokens("lab"), audience="https://graph.example", clock=clock, headers=delta_headers(50)
    )
    sync = await open_sync(settings, upstream, clock, label="managed domain")
    print("begins", flush=True)
    try:
        step = await sync.run_once()
        print(sync.state().error or step, flush=True)
        return 0 if step is Step.DONE else 1
    finally:
        await sync.aclose()
        await upstream.aclose()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
