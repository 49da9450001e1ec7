"""Puts the parts together: the live screen over real tenants or over the embedded lab, and the lab as a server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tui.clock import Clock, SystemClock
from tui.garbage import collect_rarely
from tui.model.snapshot import TenantSnapshot
from tui.options import DemoOptions, LiveOptions
from tui.service.publisher import Published
from tui.service.status import LOOK_AT_THE_CLOCK_S, MonitoredTenant, StatusService
from tui.service.wiring import Wire, monitored
from tui.settings import DirectorySettings, DomainServicesSettings, PollSettings, Settings, TenantSettings
from tui.sources.auth import StaticTokens
from tui.sources.graph_changes import ChangesSource
from tui.sources.http import Upstream
from tui.sources.source import Source

if TYPE_CHECKING:
    from tui.lab.lab import Lab

LAB_URL = "http://127.0.0.1"
LAB_NAME = "lab"
DEFAULT_SCENARIO = "story"
# At least so many wall seconds lie between the demo's polls; where the lab's clock runs slowly, as many of its seconds
# as in real life.
DEMO_POLL_S = {
    "organization": 3.0,
    "counts": 3.0,
    "failures": 4.0,
    "domain_services": 3.0,
    "connect_health": 4.0,
    "cloud_sync": 4.0,
    "ldap": 3.0,
}
REQUEST_TIMEOUT_S = 10.0


class DeviceCodes:
    """What the user is asked to type elsewhere to sign in: shown until something has been read since."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: tuple[datetime, str] | None = None

    def add(self, text: str) -> None:
        self._asked = self._clock.now(), text

    def pending(self, published: Published) -> str:
        """The newest request; empty once a source has answered after it."""
        if self._asked is None:
            return ""
        at, text = self._asked
        answered = (status.as_of for tenant in published.tenants for status in tenant.sources)
        return "" if any(as_of is not None and as_of > at for as_of in answered) else text


def run_live(settings: Settings, options: LiveOptions) -> int:
    """The live screen over the tenants of a config file; returns the exit code."""
    clock = SystemClock()
    codes = DeviceCodes(clock)
    tenants = [monitored(tenant, settings.poll, clock, Wire(on_device_code=codes.add)) for tenant in settings.tenants]
    service = StatusService(tenants, settings=settings, clock=clock)
    return _show(service, options, service.run, lambda: codes.pending(service.latest))


def run_demo(options: DemoOptions) -> int:
    """The live screen over the lab; returns the exit code."""
    lab = start_lab(options.scenario, options.seed, options.objects, options.speed)
    service = lab_service(lab)

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(lab.run())
            group.create_task(service.run())

    try:
        return _show(service, options.live, run, lab.activity)
    finally:
        lab.close()


async def check_demo(*, scenario: str | None, seed: int) -> tuple[TenantSnapshot, ...]:
    """The lab's tenant, asked once at the start of the scenario."""
    lab = start_lab(scenario, seed)
    service = lab_service(lab)
    try:
        lab.tick()
        return (await service.poll_once()).tenants
    finally:
        await service.aclose()
        lab.close()


def run_lab(
    address: tuple[str, int], scenario: str | None, state: Path | None, on_premises: DirectorySettings | None = None
) -> int:
    """Serve the lab over HTTP until interrupted; returns the exit code.

    `on_premises`: the real directory that stands in for the lab's own.
    Raises `LabError` or `ScenarioError` for a state directory or scenario it cannot use, `OSError` for a taken port.
    """
    from tui.lab.server import serve

    lab = _lab_over(on_premises, state) if on_premises else _started(scenario or DEFAULT_SCENARIO, state)
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve(lab, *address, lambda: sys.stderr.write(_how_to_connect(lab, address))))
    finally:
        lab.close()
    return 0


def _started(scenario: str, state: Path | None) -> Lab:
    from tui.lab.lab import Lab

    return Lab.start(scenario, state_dir=state)


def _lab_over(on_premises: DirectorySettings, state: Path | None) -> Lab:
    from tui.lab import scenario
    from tui.lab.directory_import import import_from
    from tui.lab.lab import Lab

    def tell(news: str) -> None:
        sys.stderr.write(f"{news}\n")

    return Lab.start(scenario.chain(), state_dir=state, open_import=import_from(on_premises, tell))


def _how_to_connect(lab: Lab, address: tuple[str, int]) -> str:
    host, port = address
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return f"""The lab answers on {url} until ctrl+c. A config file that watches it:

[[tenant]]
name = "lab"
tenant_id = "{lab.tenant_id}"
graph_url = "{url}"
arm_url = "{url}"
[tenant.auth]
method = "token-command"
command = ["echo", "any-token"]
[tenant.domain_services]
subscription_id = "{lab.subscription_id}"
[tenant.connect_health]
enabled = true
"""


def start_lab(
    scenario: str | None,
    seed: int = 1,
    objects: int | None = None,
    speed: float | None = None,
    base_clock: Clock | None = None,
) -> Lab:
    """A lab at the start of its scenario."""
    from tui.lab.lab import Lab

    return Lab.start(
        scenario or DEFAULT_SCENARIO, seed=seed, objects=objects, speed=speed, base_clock=base_clock or SystemClock()
    )


def lab_service(lab: Lab) -> StatusService:
    """The status service over a lab, by the same HTTP shapes as over Microsoft's, on the lab's clock."""
    from tui.lab.sides import lab_sides

    speed, real = lab.clock.speed, PollSettings()
    poll = PollSettings(
        **{name: max(seconds * speed, getattr(real, name)) for name, seconds in DEMO_POLL_S.items()},
        timeout=REQUEST_TIMEOUT_S,
    )
    tenant = TenantSettings(
        name=LAB_NAME,
        tenant_id=lab.tenant_id,
        graph_url=LAB_URL,
        arm_url=LAB_URL,
        domain_services=DomainServicesSettings(subscription_id=lab.subscription_id),
        connect_health=True,
        cloud_sync=True,
    )
    wire = Wire(transport=httpx.ASGITransport(app=lab.app), tokens=StaticTokens("lab"))
    over_http = monitored(tenant, poll, lab.clock, wire)
    watched = MonitoredTenant(
        over_http.name,
        over_http.tenant_id,
        (*over_http.sources, _lab_changes(lab, wire), *lab.directory_sources()),
        (*over_http.sides, *lab_sides(lab.world)),
    )
    return StatusService(
        [watched],
        settings=Settings(poll=poll, tenants=(tenant,)),
        clock=lab.clock,
        limit_s=6 * REQUEST_TIMEOUT_S * speed,
        look_every_s=LOOK_AT_THE_CLOCK_S * speed,
    )


def _lab_changes(lab: Lab, wire: Wire) -> Source:
    """What a tenant gets whose directories are configured: the lab's are read in another way."""
    graph = Upstream(
        LAB_URL,
        tokens=wire.tokens,
        audience=LAB_URL,
        clock=lab.clock,
        timeout_s=REQUEST_TIMEOUT_S,
        transport=wire.transport,
    )
    return lab.once_open(ChangesSource(graph, lab.clock))


def _show(
    service: StatusService,
    options: LiveOptions,
    run: Callable[[], Awaitable[None]],
    activity: Callable[[], str] | None = None,
) -> int:
    from tui.app import SynctopApp
    from tui.terminal import colour_choice, run_app, speaks_utf8
    from tui.widgets.feed import ViewOptions

    look = ViewOptions(
        ascii=options.ascii or not speaks_utf8(os.environ),
        color=colour_choice(os.environ, options.theme),
        banner=options.notice,
        activity=activity,
        run=run,
    )
    collect_rarely()
    return run_app(SynctopApp(service, look))
