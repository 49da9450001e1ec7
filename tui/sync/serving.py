"""An ASGI application on a port of this machine, until its task is cancelled."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

GRACE_S = 2


class QuietServer(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listening_socket(host: str, port: int) -> socket.socket:
    """Raises `OSError` where it cannot listen."""
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def config_of(app: ASGIApp, *, date_header: bool = False) -> uvicorn.Config:
    """No log, no headers that tell what answers. `date_header`: tell the time, where it is the real one."""
    return uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        date_header=date_header,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
    )


async def serve_until_cancelled(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve; when cancelled, let the server close its connections before going."""
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
