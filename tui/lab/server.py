"""The lab as an HTTP server of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import uvicorn

from tui.lab.lab import Lab
from tui.sync.serving import config_of, listening_socket, serve_until_cancelled


async def serve(lab: Lab, host: str, port: int, on_listening: Callable[[], object] = lambda: None) -> None:
    """Answer on `host`:`port` while the lab goes on, until interrupted. Raises `OSError` where it cannot listen."""
    with listening_socket(host, port) as listening:
        on_listening()
        async with asyncio.TaskGroup() as group:
            life = group.create_task(lab.run())
            await serve_until_cancelled(uvicorn.Server(config_of(lab.app)), listening)
            life.cancel()
