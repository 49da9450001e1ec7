"""Hop 2 in the lab: the real replicator between the tenant's Graph face and an embedded managed domain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import cast

from starlette.applications import Starlette

from tui.clock import Clock
from tui.lab.graph_api import graph_routes
from tui.lab.in_process import InProcessUpstream, completed
from tui.lab.tenant import Tenant
from tui.sources.http import Upstream
from tui.sync.checkpoint import Checkpoint
from tui.sync.delta import DeltaReader, delta_headers
from tui.sync.replicator import Replicator, Step, SyncState
from tui.sync.scope import Scope
from tui.sync.targets.sqlite import SqliteDomain

PIECE = 40
WHOLE = 999


class Replication:
    """Runs in pieces of `PIECE` objects, so that it never holds others up for long."""

    def __init__(self, path: str, tenant: Tenant, clock: Clock, *, cloud_only: bool = False) -> None:
        self._app = Starlette(routes=graph_routes(tenant))
        self._clock = clock
        self._scope = Scope(cloud_only=cloud_only)
        self.store = SqliteDomain(path, now=clock.now)
        self._replicator = self._replicate_by(PIECE)

    def close(self) -> None:
        self.store.close()

    def step(self) -> bool:
        """One piece; False when all is done for now, or cannot be done now."""
        return completed(self._replicator.step()) is Step.MORE

    def round(self) -> Iterator[None]:
        """Everything that there is to do, in pieces."""
        while self.step():
            yield

    def catch_up(self) -> None:
        """Everything that there is to do, at once."""
        completed(self._replicate_by(WHOLE).run_once())

    def state(self) -> SyncState:
        return self._replicator.state()

    @property
    def last_success(self) -> datetime | None:
        return self._replicator.state().last_success

    def _replicate_by(self, size: int) -> Replicator:
        upstream = cast(Upstream, InProcessUpstream(self._app, delta_headers(size)))
        return Replicator(
            DeltaReader(upstream),
            self.store,
            Checkpoint(self.store.connection),
            clock=self._clock,
            scope=self._scope,
            work_per_step=size,
        )
