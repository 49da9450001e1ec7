"""A kill at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import ManualClock
from tests.sync.bench import Bench, actual, expected, graph_app, make_tenant, upstream_of
from tui.lab.tenant import Tenant
from tui.sync.replicator import Step


class Killed(BaseException):
    """Nothing catches this, as nothing catches a kill."""


class Fragile(sqlite3.Connection):
    """Dies before its n-th statement, and stays dead: not even a rollback gets through."""

    left: int | None = None

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._count()
        return super().executemany(*arguments)

    def _count(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            raise Killed


def before(tenant: Tenant) -> dict[str, str]:
    """The tenant at the time of the first sync."""
    made = Bench(ManualClock(), tenant=tenant)
    ids = {name: made.user(name) for name in ("ada", "eve", "gone")}
    tenant.set_credentials(ids["ada"], {"ntlm": "1"})
    ids["inner"] = made.group("Inner", [ids["ada"], ids["gone"]])
    ids["outer"] = made.group("Outer", [ids["eve"], ids["inner"]])
    made.close()
    return ids


def after(tenant: Tenant, ids: dict[str, str]) -> None:
    """Everything that can happen to it meanwhile."""
    tenant.upsert("user", {"displayName": "Ada Byron", "userPrincipalName": "tmp@contoso.com"}, ids["ada"])
    tenant.upsert("user", {"userPrincipalName": "ada@contoso.com"}, ids["eve"])
    tenant.upsert("user", {"userPrincipalName": "eve@contoso.com", "manager": ids["eve"]}, ids["ada"])
    tenant.set_credentials(ids["ada"], {"ntlm": "2"})
    tenant.remove_member(ids["outer"], ids["eve"])
    tenant.add_member(ids["inner"], ids["eve"])
    tenant.soft_delete("user", ids["gone"])


async def sync_killed_at(n: int, bench: Bench) -> bool:
    """Run until done or killed before the n-th statement; True when killed."""
    assert isinstance(bench.domain.connection, Fragile)
    bench.domain.connection.left = n
    try:
        assert await bench.replicator.run_once() is Step.DONE
    except Killed:
        return True
    finally:
        bench.domain.connection.left = None
        bench.close()
    return False


@pytest.mark.parametrize("case", ["first sync", "round", "full resync"])
async def test_killed_at_every_statement(clock: ManualClock, tmp_path: Path, case: str) -> None:
    """Killed before any one statement, the sync goes on where it was and ends with both sides equal."""
    tenant, base = make_tenant(clock), tmp_path / "base.db"
    ids = before(tenant)
    upstream = upstream_of(graph_app(tenant), clock, page_size=3)
    first = Bench(clock, tenant=tenant, upstream=upstream, path=str(base))
    if case != "first sync":
        await first.sync()
        after(tenant, ids)
        clock.jump(8 * 86400 if case == "full resync" else 60)
    first.close()
    wanted = expected(tenant)
    n, killed = 0, True
    while killed:
        path = tmp_path / "copy.db"
        path.write_bytes(base.read_bytes())
        dying = Bench(clock, tenant=tenant, upstream=upstream, path=str(path), factory=Fragile)
        killed = await sync_killed_at(n, dying)
        resumed = Bench(clock, tenant=tenant, upstream=upstream, path=str(path))
        await resumed.sync()
        assert actual(resumed) == wanted, f"killed at statement {n}"
        assert resumed.replicator.state().objects_failed == 0
        resumed.close()
        n += 1
    assert n > 100
