"""A tenant in which everything happens that can happen to users and groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tui.lab.tenant import Tenant

STEADY = "steady"
"""The department of those who change but are never deleted, nor leave the scope."""

Happening = Callable[[Tenant, Random], object]


def in_scope(properties: Mapping[str, Any]) -> bool:
    """Cloud users alone are synced."""
    return properties.get("onPremisesSyncEnabled") is not True


def people(tenant: Tenant, random: Random, users: int, groups: int) -> None:
    """Users, a tenth of them steady, and groups of some of them and of each other."""
    with tenant.transaction():
        for number in range(users):
            _hire(tenant, f"user{number}", random, department=STEADY if number % 10 == 0 else "Sales")
        for number in range(groups):
            id = tenant.upsert("group", {"displayName": f"Group {number}", "securityEnabled": number % 3 > 0})
            for user in random.sample(_all(tenant, "user"), users // 10):
                tenant.add_member(id, user["id"])
        for _ in range(groups):
            nest(tenant, random)


def steady(tenant: Tenant) -> set[str]:
    return {user["id"] for user in _all(tenant, "user") if user["department"] == STEADY}


def _hire(tenant: Tenant, name: str, random: Random, **properties: Any) -> str:
    return tenant.upsert(
        "user",
        {
            "displayName": name.title(),
            "userPrincipalName": f"{name}@contoso.com",
            "mailNickname": name,
            "mail": f"{name}@contoso.com",
            "proxyAddresses": [f"SMTP:{name}@contoso.com", f"smtp:{name}.{random.randrange(9)}@contoso.com"],
            "city": random.choice(("Roma", "Łódź", "Łódź, Stare", None)),
            "accountEnabled": random.random() < 0.9,
            **properties,
        },
    )


def _all(tenant: Tenant, kind: str, *, deleted: bool = False) -> list[dict[str, Any]]:
    return tenant.page(kind, limit=10**6, deleted=deleted)


def _one(tenant: Tenant, random: Random, kind: str, *, deleted: bool = False, mortal: bool = False) -> str | None:
    found = [each["id"] for each in _all(tenant, kind, deleted=deleted) if not mortal or _is_mortal(each)]
    return random.choice(found) if found else None


def _is_mortal(properties: Mapping[str, Any]) -> bool:
    return properties.get("department") != STEADY


def _update(tenant: Tenant, kind: str, id: str | None, **properties: Any) -> None:
    if id is not None:
        tenant.upsert(kind, properties, id)


# What happens


def hire(tenant: Tenant, random: Random) -> None:
    """A new user, whose name somebody may have, in a group that may be new too."""
    name = f"user{random.randrange(200)}"
    upn = f"{name}.{tenant.count('user')}.{tenant.deleted_count('user')}@contoso.com"
    id = _hire(tenant, name, random, userPrincipalName=upn, department="Sales")
    group = _one(tenant, random, "group")
    if random.random() < 0.3 or group is None:
        group = tenant.upsert("group", {"displayName": f"Group {random.randrange(40)}", "securityEnabled": True})
    tenant.add_member(group, id)


def rename(tenant: Tenant, random: Random) -> None:
    name = f"renamed{random.randrange(1000)}"
    _update(tenant, "user", _one(tenant, random, "user"), mailNickname=name, displayName=name.title())


def rename_group(tenant: Tenant, random: Random) -> None:
    _update(tenant, "group", _one(tenant, random, "group"), displayName=f"Group {random.randrange(40)}")


def edit(tenant: Tenant, random: Random) -> None:
    city, title = random.choice(("Roma", None, "Milano")), random.choice((None, 'Dr., "Chief" #1 <x>'))
    _update(tenant, "user", _one(tenant, random, "user"), city=city, jobTitle=title)


def swap(tenant: Tenant, random: Random) -> None:
    """Two users exchange a name that is unique."""
    name = random.choice(("userPrincipalName", "mailNickname"))
    first, second = random.sample(_all(tenant, "user"), 2)
    tenant.upsert("user", {name: f"passing.{random.randrange(10**9)}@contoso.com"}, first["id"])
    tenant.upsert("user", {name: first[name]}, second["id"])
    tenant.upsert("user", {name: second[name]}, first["id"])


def disable(tenant: Tenant, random: Random) -> None:
    _update(tenant, "user", _one(tenant, random, "user"), accountEnabled=random.random() < 0.5)


def move(tenant: Tenant, random: Random) -> None:
    """Out of the scope, or back."""
    id = _one(tenant, random, "user", mortal=True)
    _update(tenant, "user", id, onPremisesSyncEnabled=random.choice((True, None)))


def manage(tenant: Tenant, random: Random) -> None:
    _update(tenant, "user", _one(tenant, random, "user"), manager=random.choice((None, _one(tenant, random, "user"))))


def delete(tenant: Tenant, random: Random) -> None:
    """To the recycle bin; who had the user for a manager has none."""
    kind = random.choice(("user", "user", "group"))
    if (id := _one(tenant, random, kind, mortal=True)) and tenant.count(kind) > 5:
        for user in _all(tenant, "user"):
            if user.get("manager") == id:
                tenant.upsert("user", {"manager": None}, user["id"])
        tenant.soft_delete(kind, id)


def restore(tenant: Tenant, random: Random) -> None:
    kind = random.choice(("user", "user", "group"))
    if id := _one(tenant, random, kind, deleted=True):
        tenant.restore(kind, id)
        manager = (tenant.get(kind, id) or {}).get("manager")
        if manager and tenant.get("user", manager) is None:
            tenant.upsert(kind, {"manager": None}, id)


def purge(tenant: Tenant, random: Random) -> None:
    """For good; a user who is somebody's manager stays, for nobody would tell of him any more."""
    every = _all(tenant, "user") + _all(tenant, "user", deleted=True)
    id = _one(tenant, random, "user", deleted=True)
    if id is not None and id not in {user.get("manager") for user in every}:
        tenant.purge("user", id)


def join(tenant: Tenant, random: Random) -> None:
    group, user = _one(tenant, random, "group"), _one(tenant, random, "user")
    if group and user:
        tenant.add_member(group, user)


def nest(tenant: Tenant, random: Random) -> None:
    outer, inner = _one(tenant, random, "group"), _one(tenant, random, "group")
    if outer and inner and outer != inner:
        tenant.add_member(outer, inner)


def leave(tenant: Tenant, random: Random) -> None:
    group = _one(tenant, random, "group")
    members = tenant.members(group) if group else []
    if group and members:
        tenant.remove_member(group, random.choice(members))


LIFE: tuple[Happening, ...] = (
    hire, hire, rename, rename_group, edit, swap, disable, move, move, manage, delete, delete, restore, restore, purge,
    join, join, nest, leave, leave,
)  # fmt: skip
