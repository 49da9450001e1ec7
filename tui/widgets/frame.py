"""The one value every panel draws from."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from tui.model.snapshot import TenantSnapshot, Thresholds
from tui.widgets.glyphs import Glyphs
from tui.widgets.palette import Palette


class Look(Struct, frozen=True):
    """How things are drawn. `local`: times in the operator's zone instead of UTC."""

    glyphs: Glyphs
    palette: Palette
    thresholds: Thresholds
    local: bool = False


class Frame(Struct, frozen=True, kw_only=True, eq=False):
    """`now` is the clock's time; `tenants` are worst first; `frozen_since` is when the view was paused.

    `dead` says in words why the status service ended; empty while it runs. `notice` is a passing word to the operator.
    """

    now: datetime
    shown: TenantSnapshot
    tenants: tuple[TenantSnapshot, ...]
    look: Look
    frozen_since: datetime | None = None
    dead: str = ""
    banner: str = ""
    activity: str = ""
    notice: str = ""
    mouse: bool = False


NOBODY = TenantSnapshot(name="no tenant", tenant_id="", at=datetime.min.replace(tzinfo=UTC))
