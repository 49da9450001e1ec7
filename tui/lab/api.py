"""The lab's HTTP face: Graph, Azure Resource Manager, Connect Health and Cloud Sync in one ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.types import ASGIApp

from tui.lab.arm_api import arm_routes
from tui.lab.cloud_sync_api import cloud_sync_routes
from tui.lab.graph_api import graph_routes, unknown_segment_routes
from tui.lab.health_api import Health, health_routes
from tui.lab.world import World


def plain_app(world: World) -> ASGIApp:
    """Everything that may be asked. What is inside a `$batch` goes through the outside face, so that faults meet it."""
    health = Health(world.connect, world.directory, world.tenant, world.who, world.clock.now)
    return Starlette(
        routes=[
            *cloud_sync_routes(world.cloud, world.who, world.clock.now),
            *graph_routes(world.tenant, lambda: world.app),
            *unknown_segment_routes(world.tenant),
            *arm_routes(world.domain, world.who),
            *health_routes(health),
        ]
    )
