"""What the screen asks of the status service, and how it is to look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from tui.clock import Clock
from tui.model.snapshot import Thresholds
from tui.service.publisher import Subscription


class Feed(Protocol):
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
