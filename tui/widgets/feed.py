"""What the screen asks of the status service, and how it is to look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from tui.clock import Clock
from tui.model.comparison import Comparison
from tui.model.snapshot import Thresholds
from tui.model.states import HopName, ObjectType
from tui.model.trace import Trace
from tui.service.publisher import Subscription


class Asks(Protocol):
    """What can be asked about single objects of a tenant. Neither raises what a source may raise."""

    async def trace(self, tenant_name: str, name: str) -> Trace:
        """One user or group on every side."""
        ...

    async def compare(
        self, tenant_name: str, hop: HopName, kind: ObjectType, tell: Callable[[str], None]
    ) -> Comparison:
        """Both sides of a hop, object by object; `tell` hears what is being read."""
        ...


class Feed(Asks, Protocol):
    """A running status service, seen from the screen."""

    @property
    def clock(self) -> Clock: ...

    @property
    def thresholds(self) -> Thresholds: ...

    def subscribe(self) -> Subscription:
        """The newest snapshots at once, then each newer one, conflated."""
        ...

    def poll_now(self, tenant_name: str | None) -> None:
        """Ask the sources of one tenant, or of all, without waiting for their turn."""
        ...


class ViewOptions(Struct, frozen=True, kw_only=True):
    """`color`: `ansi` (the terminal's own), `none`, or the name of a truecolor theme.

    `activity` says in one line what the lab is doing now; `run` is the service's main coroutine, which the app runs
    beside the screen. `frozen` starts paused.
    """

    frozen: bool = False
    ascii: bool = False
    color: str = "ansi"
    banner: str = ""
    activity: Callable[[], str] | None = None
    run: Callable[[], Awaitable[None]] | None = None
    bell: bool = False
