"""A tenant, its Graph, and the sync into a real directory server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from tests.directory.compare import differences
from tests.directory.server import DirectoryServer
from tests.helpers import ManualClock
from tests.sync.bench import graph_app, make_tenant, upstream_of
from tui.settings import DirectorySettings, SyncSettings
from tui.sync.opening import Sync, open_sync
from tui.sync.replicator import Step

PASSWORD = "DIRECTORY_PASSWORD"


class DirectoryBench:
    """`opened` gives a sync over the same state file each time, as after a restart."""

    def __init__(
        self, server: DirectoryServer, folder: Path, clock: ManualClock, *, app: ASGIApp | None = None, **settings: Any
    ) -> None:
        os.environ[PASSWORD] = server.admin.password
        self.server = server
        self.clock = clock
        self.tenant = make_tenant(clock)
        self.app = app or graph_app(self.tenant)
        self.page_size = settings.pop("page_size", 50)
        self.settings = SyncSettings(
            directory=settings.pop("directory", directory_settings(server)), state_file=folder / "sync.db", **settings
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Sync]:
        upstream = upstream_of(self.app, self.clock, self.page_size)
        sync = await open_sync(self.settings, upstream, self.clock, label="managed domain")
        try:
            yield sync
        finally:
            await sync.aclose()
            await upstream.aclose()

    async def sync(self, rounds: int = 1) -> Sync:
        """Open, run, close; what is returned still tells its state."""
        async with self.opened() as sync:
            for _ in range(rounds):
                step = await sync.run_once()
                assert step is Step.DONE, sync.state().error
                self.clock.jump(3601)
            sync.state()
        return sync

    def differences(self) -> list[str]:
        return differences(self.tenant, self.server)

    def user(self, name: str, **properties: Any) -> str:
        defaults = {
            "displayName": name.title(),
            "userPrincipalName": f"{name}@contoso.com",
            "mailNickname": name,
            "accountEnabled": True,
        }
        return self.tenant.upsert("user", {**defaults, **properties})

    def group(self, name: str, members: tuple[str, ...] | list[str] = (), **properties: Any) -> str:
        id = self.tenant.upsert("group", {"displayName": name, "securityEnabled": True, **properties})
        for member in members:
            self.tenant.add_member(id, member)
        return id


def directory_settings(server: DirectoryServer, url: str | None = None) -> DirectorySettings:
    return DirectorySettings(
        url=url or server.url, bind_user=server.admin.user, password_env=PASSWORD, ca_file=server.ca_file
    )
