"""Whatever happens in the tenant, in whatever order it is told, both sides end up equal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.helpers import ManualClock
from tests.sync.bench import Bench, actual, expected, graph_app, make_tenant
from tui.lab.tenant import Tenant

NAMES = ("ada", "eve", "Bob", "a-very-long-name-that-is-cut", "o'neil", "x y", "adm[in]")


def nth(tenant: Tenant, kind: str, n: int, *, deleted: bool = False) -> str | None:
    items = tenant.page(kind, limit=100, deleted=deleted)
    return items[n % len(items)]["id"] if items else None


def add_user(tenant: Tenant, a: int, b: int) -> None:
    name = NAMES[a % len(NAMES)]
    prefix = f"{name.replace(' ', '')}{tenant.count('user')}.{tenant.deleted_count('user')}"
    tenant.upsert(
        "user",
        {
            "displayName": name,
            "userPrincipalName": f"{prefix}.{b}@x.y",
            "mailNickname": name,
            "accountEnabled": b % 2 == 0,
            "onPremisesSyncEnabled": True if b % 3 == 0 else None,
            "userType": "Guest" if b % 5 == 0 else "Member",
        },
    )


def add_group(tenant: Tenant, a: int, _: int) -> None:
    tenant.upsert("group", {"displayName": NAMES[a % len(NAMES)], "securityEnabled": True})


def edit(tenant: Tenant, a: int, b: int) -> None:
    if id := nth(tenant, "user", a):
        tenant.upsert("user", {"city": f"city {b}", "displayName": NAMES[b % len(NAMES)]}, id)


def swap_names(tenant: Tenant, a: int, b: int) -> None:
    first, second = nth(tenant, "user", a), nth(tenant, "user", b)
    if first and second and first != second:
        upns = [(tenant.get("user", id) or {})["userPrincipalName"] for id in (first, second)]
        tenant.upsert("user", {"userPrincipalName": upns[1]}, first)
        tenant.upsert("user", {"userPrincipalName": upns[0]}, second)


def set_manager(tenant: Tenant, a: int, b: int) -> None:
    if id := nth(tenant, "user", a):
        tenant.upsert("user", {"manager": nth(tenant, "user", b) if b % 4 else None}, id)


def set_password(tenant: Tenant, a: int, b: int) -> None:
    if id := nth(tenant, "user", a):
        tenant.set_credentials(id, {"ntlm": str(b)})


def join(tenant: Tenant, a: int, b: int) -> None:
    group, member = nth(tenant, "group", a), nth(tenant, "user" if b % 3 else "group", b)
    if group and member:
        tenant.add_member(group, member)


def leave(tenant: Tenant, a: int, b: int) -> None:
    group = nth(tenant, "group", a)
    members = tenant.members(group) if group else []
    if group and members:
        tenant.remove_member(group, members[b % len(members)])


def delete(tenant: Tenant, a: int, b: int) -> None:
    kind = "user" if b % 3 else "group"
    if id := nth(tenant, kind, a):
        tenant.soft_delete(kind, id)


def restore(tenant: Tenant, a: int, b: int) -> None:
    kind = "user" if b % 3 else "group"
    if id := nth(tenant, kind, a, deleted=True):
        tenant.restore(kind, id)


def purge(tenant: Tenant, a: int, b: int) -> None:
    kind = "user" if b % 3 else "group"
    if id := nth(tenant, kind, a, deleted=True):
        tenant.purge(kind, id)


CHANGES: tuple[Callable[[Tenant, int, int], None], ...] = (
    add_user,
    add_user,
    add_group,
    edit,
    swap_names,
    set_manager,
    set_password,
    join,
    join,
    join,
    leave,
    delete,
    restore,
    purge,
)
BREAKS = ("step", "step", "sync", "expire", "reopen")
OPERATIONS = st.lists(
    st.tuples(st.one_of(st.sampled_from(CHANGES), st.sampled_from(BREAKS)), st.integers(0, 50), st.integers(0, 50)),
    max_size=60,
)


def mangled(app: ASGIApp, random: Random) -> ASGIApp:
    """The same answers with the items of each page in another order, and some of them twice."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        await app(scope, receive, hold)
        body = b"".join(message.get("body", b"") for message in held)
        if "/delta" in scope["path"] and held[0]["status"] == 200:
            body = shuffled(body, random)
        headers = [(name, value) for name, value in held[0]["headers"] if name != b"content-length"]
        await send({**held[0], "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return call


def shuffled(body: bytes, random: Random) -> bytes:
    page: dict[str, Any] = json.loads(body)
    page["value"] += random.sample(page["value"], len(page["value"]) // 2)
    random.shuffle(page["value"])
    for item in page["value"]:
        random.shuffle(item.get("members@delta", []))
    return json.dumps(page).encode()


async def live_through(operations: list[Any], seed: int, page_size: int) -> None:
    clock = ManualClock()
    tenant = make_tenant(clock)
    bench = Bench(clock, tenant=tenant, app=mangled(graph_app(tenant), Random(seed)), page_size=page_size)
    local = bench.domain.add_local("user", "ada")
    for operation, a, b in operations:
        if callable(operation):
            operation(tenant, a, b)
        elif operation == "step":
            await bench.replicator.step()
        elif operation == "sync":
            await bench.replicator.run_once()
        elif operation == "expire":
            clock.jump(8 * 86400)
        else:
            bench = reopened(bench)
    before = tenant.dump()
    clock.jump(3600)
    await bench.replicator.run_once()
    clock.jump(3600)
    await bench.settle()
    assert actual(bench) == expected(tenant)
    assert tenant.dump() == before
    assert bench.domain.find(local) is not None
    names = [entry.attributes["sAMAccountName"][0].casefold() for entry in bench.domain.entries()]
    assert len(set(names)) == len(names)
    assert bench.replicator.state().objects_failed == 0
    bench.close()
    tenant.close()


def reopened(bench: Bench) -> Bench:
    """A new replicator over the same domain."""
    other = Bench(bench.clock, tenant=bench.tenant, upstream=bench.upstream)
    other.close()
    other.domain = bench.domain
    other.replicator = type(bench.replicator)(
        bench.reader, bench.domain, type(bench.checkpoint)(bench.domain.connection), clock=bench.clock
    )
    return other


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OPERATIONS, st.integers(0, 1000), st.sampled_from([1, 2, 5, 100]))
def test_both_sides_end_up_equal(operations: list[Any], seed: int, page_size: int) -> None:
    """After any sequence of changes, half-done syncs, expired tokens and restarts, told out of order and twice over,
    the domain equals the tenant, nothing failed, and local objects stand."""
    asyncio.run(live_through(operations, seed, page_size))


@pytest.mark.parametrize("seed", range(3))
async def test_a_long_life(seed: int) -> None:
    """The same over several hundred changes."""
    random = Random(seed)
    pool = (*CHANGES, *CHANGES, *BREAKS)
    operations = [(random.choice(pool), random.randrange(50), random.randrange(50)) for _ in range(400)]
    await live_through(operations, seed, 3)
