"""What a side of the chain can be asked beyond counts: one object by name, or all of them in a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from tui.model.comparison import Listed
from tui.model.states import ObjectType
from tui.model.states import Side as SideName
from tui.model.trace import Sighting


class SideReader(Protocol):
    """One side. Everything raises a `SourceError` and nothing else that is not a bug."""

    @property
    def side(self) -> SideName: ...

    async def find(self, name: str) -> Sequence[Sighting]:
        """Users and groups that answer to `name`: a sign-in name, account name, mail or proxy address, display name,
        id, source anchor or distinguished name. The best matches first, at most ten."""
        ...

    def list(self, kind: ObjectType) -> AsyncIterator[Sequence[Listed]]:
        """Every user or group, in pages."""
        ...

    async def made(self) -> datetime | None:
        """Since when this directory exists; None where it does not tell."""
        ...
