"""What the command line asks of the live screen and of the demo."""

from __future__ import annotations

from msgspec import Struct


class LiveOptions(Struct, frozen=True, kw_only=True):
    """`notice`: a line the screen shows about how it was started; empty for none."""

    ascii: bool = False
    theme: str | None = None
    notice: str = ""


class DemoOptions(Struct, frozen=True, kw_only=True):
    """None: the scenario's own. `speed`: lab seconds per second. `tenants`: show these only; empty for all."""

    scenario: str | None = None
    seed: int = 1
    speed: float | None = None
    objects: int | None = None
    tenants: tuple[str, ...] = ()
    live: LiveOptions = LiveOptions()
