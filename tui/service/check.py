"""One reading of everything, for `check` and `failures`: bounded in time whatever the upstream does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from tui.clock import Clock, SystemClock
from tui.model.snapshot import TenantSnapshot
from tui.service.status import StatusService
from tui.service.wiring import Wire, monitored
from tui.settings import Settings

# Signing in and reading end within this much more than the timeout of one request. Merging very many failures, which
# comes after it, takes time of its own.
READING_S = 0.75
BEYOND_TIMEOUT_S = 1.5
MERGING_S = 1.2
CLOSING_S = 0.3


async def poll_once(
    settings: Settings,
    *,
    clock: Clock | None = None,
    on_device_code: Callable[[str], None] | None = None,
    wire: Wire | None = None,
) -> tuple[TenantSnapshot, ...]:
    """Every tenant's snapshot, each source asked once, within the timeout of one request plus three seconds, in which
    servers are told goodbye too.

    Sources that are not done by then show what is known of them.
    """
    clock = clock or SystemClock()
    deadline_s = settings.poll.timeout + BEYOND_TIMEOUT_S
    wire = replace(wire or Wire(on_device_code=on_device_code), deadline_s=settings.poll.timeout + READING_S)
    service = StatusService(
        [monitored(tenant, settings.poll, clock, wire) for tenant in settings.tenants],
        settings=settings,
        clock=clock,
        limit_s=deadline_s,
    )
    with suppress(TimeoutError):
        async with asyncio.timeout(deadline_s + MERGING_S):
            await service.poll_once()
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_S):
            await service.aclose()
    return service.latest.tenants
