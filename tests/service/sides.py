"""Sides of the chain that hold what the test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from tui.model.comparison import Listed
from tui.model.lookup import best_first, closeness, lookup
from tui.model.states import ObjectType, Side
from tui.model.trace import Sighting
from tui.sources.errors import SourceError

NO_MATCH = closeness(lookup("-"), Sighting(side=Side.ENTRA, found=True))


class HeldSide:
    """One side. `pages`: what `list` gives; an exception among them is raised there. `error`: raised by all."""

    def __init__(
        self,
        side: Side,
        *objects: Sighting,
        pages: Sequence[Sequence[Listed] | Exception] = (),
        error: SourceError | None = None,
        made: datetime | None = None,
    ) -> None:
        self.side = side
        self.asked: list[str] = []
        self._objects = objects
        self._pages = pages
        self._error = error
        self._made = made

    async def find(self, name: str) -> Sequence[Sighting]:
        self.asked.append(name)
        if self._error:
            raise self._error
        sought = lookup(name)
        return best_first(sought, [seen for seen in self._objects if closeness(sought, seen) < NO_MATCH])

    async def list(self, kind: ObjectType) -> AsyncIterator[Sequence[Listed]]:
        for page in self._pages:
            if isinstance(page, Exception):
                raise page
            yield page

    async def made(self) -> datetime | None:
        if self._error:
            raise self._error
        return self._made
