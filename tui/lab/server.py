"""The lab as an HTTP server of its own."""

from __future__ import annotations

import asyncio

import uvicorn

from tui.lab.lab import Lab


async def serve(lab: Lab, host: str, port: int) -> None:
    """Answer on `host`:`port` while the lab goes on, until interrupted. Raises `SystemExit` where it cannot listen."""
    config = uvicorn.Config(
        lab.app,
        host=host,
        port=port,
        log_level="critical",
        access_log=False,
        date_header=False,
        server_header=False,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    life = asyncio.create_task(lab.run())
    try:
        await server.serve()
    finally:
        life.cancel()
