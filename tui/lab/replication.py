"""Hop 2 in the lab: the real replicator between the tenant's Graph face and an embedded managed domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import cast

from starlette.types import ASGIApp

from tui.clock import Clock
from tui.lab.in_process import InProcessUpstream, completed
from tui.sources.http import Upstream
from tui.sync.checkpoint import Checkpoint
from tui.sync.delta import DeltaReader, delta_headers
from tui.sync.replicator import Replicator, Step, SyncState
from tui.sync.scope import Scope
from tui.sync.targets.sqlite import SqliteDomain

PIECE = 40


class Replication:
    """Runs in pieces of `PIECE` objects, so that it never holds others up for long."""

    def __init__(self, path: str, graph: Callable[[], ASGIApp], clock: Clock, *, cloud_only: bool = False) -> None:
        self.store = SqliteDomain(path, now=clock.now)
        upstream = cast(Upstream, InProcessUpstream(graph, delta_headers(PIECE)))
        self._replicator = Replicator(
            DeltaReader(upstream),
            self.store,
            Checkpoint(self.store.connection),
            clock=clock,
            scope=Scope(cloud_only=cloud_only),
            work_per_step=PIECE,
        )

    def close(self) -> None:
        self.store.close()

    def step(self) -> bool:
        """One piece; False when all is done for now, or cannot be done now."""
        return completed(self._replicator.step()) is Step.MORE

    def round(self) -> Iterator[None]:
        """Everything that there is to do, in pieces."""
        while self.step():
            yield

    def state(self) -> SyncState:
        return self._replicator.state()

    @property
    def last_success(self) -> datetime | None:
        return self._replicator.state().last_success
