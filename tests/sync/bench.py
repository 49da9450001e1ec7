"""A tenant, its Graph, the sync and a managed domain, wired as the demo wires them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from random import Random
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.types import ASGIApp

from tests.helpers import ManualClock
from tui.lab.graph_api import graph_routes
from tui.lab.tenant import Tenant
from tui.sources.auth import StaticTokens
from tui.sources.http import Upstream
from tui.sync.checkpoint import Checkpoint
from tui.sync.delta import DeltaReader, delta_headers
from tui.sync.mapping import group_attributes, is_guest, user_attributes
from tui.sync.replicator import Replicator, Step
from tui.sync.scope import Scope
from tui.sync.targets.sqlite import SqliteDomain

SYSTEM_ATTRIBUTES = {
    "sAMAccountName",
    "objectClass",
    "objectSid",
    "whenCreated",
    "whenChanged",
    "uSNChanged",
    "memberOf",
}


def make_tenant(clock: ManualClock) -> Tenant:
    return Tenant(tenant_id="t", display_name="Contoso", now=clock.now, random=Random(11))


def graph_app(tenant: Tenant) -> ASGIApp:
    return Starlette(routes=graph_routes(tenant))


def upstream_of(app: ASGIApp, clock: ManualClock, page_size: int = 100) -> Upstream:
    return Upstream(
        "http://127.0.0.1:8001",
        tokens=StaticTokens("lab"),
        audience="https://graph.example",
        clock=clock,
        transport=httpx.ASGITransport(app),
        headers=delta_headers(page_size),
    )


class Bench:
    """Everything at hand. `reopen` starts the sync anew over the same files, as after a crash."""

    def __init__(
        self,
        clock: ManualClock,
        *,
        tenant: Tenant | None = None,
        app: ASGIApp | None = None,
        upstream: Upstream | None = None,
        path: str = ":memory:",
        scope: Scope | None = None,
        page_size: int = 100,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        self.clock = clock
        self.tenant = tenant or make_tenant(clock)
        self.domain = SqliteDomain(path, now=clock.now, factory=factory)
        self.upstream = upstream or upstream_of(app or graph_app(self.tenant), clock, page_size)
        self.reader = DeltaReader(self.upstream)
        self.checkpoint = Checkpoint(self.domain.connection)
        self.replicator = Replicator(self.reader, self.domain, self.checkpoint, clock=clock, scope=scope)

    def close(self) -> None:
        self.domain.close()

    async def sync(self) -> None:
        assert await self.replicator.run_once() is Step.DONE

    async def settle(self) -> None:
        """Sync, and try again what failed, until nothing changes any more."""
        for _ in range(8):
            await self.sync()
            self.clock.jump(3601)

    # Short cuts for tenants

    def user(self, name: str, **properties: Any) -> str:
        defaults = {
            "displayName": name.title(),
            "userPrincipalName": f"{name}@contoso.com",
            "mailNickname": name,
            "accountEnabled": True,
        }
        return self.tenant.upsert("user", {**defaults, **properties})

    def group(self, name: str, members: Iterable[str] = (), **properties: Any) -> str:
        id = self.tenant.upsert("group", {"displayName": name, "securityEnabled": True, **properties})
        for member in members:
            self.tenant.add_member(id, member)
        return id

    def attributes(self, id: str) -> dict[str, tuple[str, ...]]:
        stored = self.domain.get(id)
        assert stored is not None
        return dict(stored.attributes)

    def names(self, attribute: str = "displayName") -> list[str]:
        return sorted(value for entry in self.domain.entries(synced=True) for value in entry.attributes[attribute])

    def members(self, group_id: str) -> set[str]:
        """Object ids of a group's members in the domain."""
        found = (self.domain.find(dn) for dn in self.attributes(group_id).get("member", ()))
        return {entry.object_id for entry in found if entry is not None and entry.object_id is not None}


def expected(tenant: Tenant) -> dict[str, Any]:
    """What the domain must hold: every live user and group, mapped, with references between live ones."""
    live = {item["id"]: (kind, item) for kind in ("user", "group") for item in tenant.page(kind, limit=10**6)}
    return {
        id: {
            "kind": kind,
            "attributes": user_attributes(item) if kind == "user" else group_attributes(item),
            "members": {member for member in tenant.members(id) if member in live} if kind == "group" else set(),
            "manager": {item["manager"]} & live.keys() if item.get("manager") else set(),
            "credentials": {} if is_guest(item) or kind == "group" else hashes_of(tenant, id),
        }
        for id, (kind, item) in live.items()
    }


def hashes_of(tenant: Tenant, id: str) -> dict[str, str]:
    page = tenant.delta(["user"], page_size=10**6, select=("id", "credentialHashes"))
    return next(item["credentialHashes"] or {} for item in page.items if item["id"] == id)


def actual(bench: Bench) -> dict[str, Any]:
    """What the domain holds, in the shape of `expected`."""
    entries = {entry.object_id: entry for entry in bench.domain.entries(synced=True)}
    by_dn = {entry.dn: id for id, entry in entries.items()}
    return {
        str(id): {
            "kind": entry.kind,
            "attributes": {
                name: values
                for name, values in entry.attributes.items()
                if name not in SYSTEM_ATTRIBUTES | {"member", "manager"}
            },
            "members": {by_dn[dn] for dn in entry.attributes.get("member", ())},
            "manager": {by_dn[dn] for dn in entry.attributes.get("manager", ())},
            "credentials": bench.domain.credentials(str(id)),
        }
        for id, entry in entries.items()
    }
