"""The lab as an HTTP server of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvicorn

from tui.lab.lab import Lab


async def serve(lab: Lab, host: str, port: int, on_listening: Callable[[], object] = lambda: None) -> None:
    """Answer on `host`:`port` while the lab goes on, until interrupted. Raises `OSError` where it cannot listen."""
    listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    config = uvicorn.Config(
        lab.app, log_level="critical", access_log=False, date_header=False, server_header=False, lifespan="off"
    )
    with listening:
        on_listening()
        async with asyncio.TaskGroup() as group:
            life = group.create_task(lab.run())
            await _until_stopped(uvicorn.Server(config), listening)
            life.cancel()


async def _until_stopped(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve; when cancelled, let the server close its connections before going."""
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
