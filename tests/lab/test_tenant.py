"""The lab's tenant: objects, look-ups, memberships, deletion and delta."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START, ManualClock
from tui.lab.tenant import ExpiredToken, InvalidToken, Tenant
from tui.lab.tenant_delta import MEMBERS_PER_PAGE


@pytest.fixture
def tenant(clock: ManualClock) -> Iterator[Tenant]:
    made = Tenant(tenant_id="t", display_name="Contoso", now=clock.now, random=Random(7))
    yield made
    made.close()


def drain(tenant: Tenant, kinds: list[str], token: str | None = None, **options: Any) -> tuple[dict[str, Any], str]:
    """Every item of a round by id (the last wins), and the token of the next."""
    items: dict[str, Any] = {}
    page = tenant.delta(kinds, token, **options)
    while True:
        items |= {item["id"]: item for item in page.items}
        if page.next_token is None:
            assert page.delta_token is not None
            return items, page.delta_token
        page = tenant.delta(kinds, page.next_token, **options)


def test_upsert_merges_properties(tenant: Tenant) -> None:
    """A second upsert changes only what it names, and None clears."""
    id = tenant.upsert("user", {"displayName": "Ada", "city": "Rome", "department": "HR"})
    tenant.upsert("user", {"city": "Oslo", "department": None}, id)
    found = tenant.get("user", id)
    assert found is not None
    assert (found["displayName"], found["city"], found["department"]) == ("Ada", "Oslo", None)


def test_upsert_of_the_same_is_no_change(tenant: Tenant) -> None:
    """An upsert that changes nothing leaves the tenant byte for byte as it was, and nothing for delta readers."""
    id = tenant.upsert("user", {"displayName": "Ada"})
    _, token = drain(tenant, ["user"])
    before = tenant.dump()
    tenant.upsert("user", {"displayName": "Ada"}, id)
    assert tenant.dump() == before
    assert drain(tenant, ["user"], token)[0] == {}


def test_ids_are_reproducible(clock: ManualClock) -> None:
    """Two tenants with the same seed give the same ids; unseeded ones do not."""

    def first_id(random: Random | None) -> str:
        return Tenant(tenant_id="t", display_name="", now=clock.now, random=random).upsert("user", {})

    assert first_id(Random(1)) == first_id(Random(1))
    assert first_id(None) != first_id(None)


@pytest.mark.parametrize(
    ("name", "stored", "asked", "found"),
    [
        ("userPrincipalName", "Ada@contoso.com", "ADA@CONTOSO.COM", True),
        ("proxyAddresses", ["SMTP:ada@contoso.com", "smtp:a@contoso.com"], "smtp:Ada@contoso.com", True),
        ("onPremisesDistinguishedName", "CN=Ada,DC=x", "cn=ada,dc=x", True),
        ("onPremisesImmutableId", "aGVsbG8=", "aGVsbG8=", True),
        ("onPremisesImmutableId", "aGVsbG8=", "AGVSBG8=", False),
        ("mail", "ada@contoso.com", "Ada@contoso.com", True),
        ("mail", "ada@contoso.com", "eve@contoso.com", False),
    ],
)
def test_find(tenant: Tenant, name: str, stored: Any, asked: str, found: bool) -> None:
    """Objects are found by their identifying values, without regard to case except in the source anchor."""
    id = tenant.upsert("user", {name: stored})
    tenant.upsert("user", {"displayName": "other"})
    assert [item["id"] for item in tenant.find("user", name, asked)] == ([id] if found else [])


def test_find_follows_changes(tenant: Tenant) -> None:
    """A value that moved to another object is found there and no longer at the first."""
    first = tenant.upsert("user", {"userPrincipalName": "ada@contoso.com"})
    second = tenant.upsert("user", {"userPrincipalName": "eve@contoso.com"})
    tenant.upsert("user", {"userPrincipalName": "old@contoso.com"}, first)
    tenant.upsert("user", {"userPrincipalName": "ada@contoso.com"}, second)
    assert [item["id"] for item in tenant.find("user", "userPrincipalName", "ada@contoso.com")] == [second]
    tenant.soft_delete("user", second)
    assert tenant.find("user", "userPrincipalName", "ada@contoso.com") == []


def test_many_users_at_once(tenant: Tenant) -> None:
    """Loading thousands keeps order, given ids, index and counts; loading them again changes nothing."""
    users = [
        {"id": f"u{i:05}", "userPrincipalName": f"u{i}@x", "onPremisesSyncEnabled": i % 2 == 0} for i in range(3000)
    ]
    assert tenant.upsert_many("user", users) == [user["id"] for user in users]
    assert (tenant.count("user"), tenant.count("user", True), tenant.count("user", False)) == (3000, 1500, 1500)
    assert tenant.find("user", "userPrincipalName", "u2999@x")[0]["id"] == "u02999"
    before = tenant.dump()
    tenant.upsert_many("user", users)
    assert tenant.dump() == before


def test_a_load_that_fails_leaves_nothing(tenant: Tenant) -> None:
    """A load is all or nothing."""

    def users() -> Iterator[dict[str, Any]]:
        yield {"displayName": "Ada"}
        raise RuntimeError("the generator broke")

    with pytest.raises(RuntimeError):
        tenant.upsert_many("user", users())
    assert tenant.count("user") == 0


def test_pages_cover_everything_once(tenant: Tenant) -> None:
    """Paging by the last id shows each object once, and narrows to synced or failing ones."""
    error = [{"category": "PropertyConflict", "propertyCausingError": "ProxyAddresses", "value": "smtp:x@y"}]
    for i in range(25):
        extra = {"onPremisesProvisioningErrors": error} if i % 5 == 0 else {}
        tenant.upsert("user", {"displayName": str(i), "onPremisesSyncEnabled": i < 10, **extra})

    def walk(**options: Any) -> int:
        seen: list[str] = []
        while page := tenant.page("user", after=seen[-1] if seen else None, limit=4, **options):
            seen += [item["id"] for item in page]
        assert len(set(seen)) == len(seen)
        return len(seen)

    assert (walk(), walk(synced=True), walk(failing=True), walk(synced=True, failing=True)) == (25, 10, 5, 2)
    assert tenant.count("user", True, failing=True) == 2


def test_recycle_bin(tenant: Tenant) -> None:
    """A soft-deleted user leaves lists and groups, comes back whole with its memberships, or goes for good."""
    user, group = tenant.upsert("user", {"displayName": "Ada"}), tenant.upsert("group", {"displayName": "G"})
    tenant.add_member(group, user)
    tenant.soft_delete("user", user)
    assert (tenant.get("user", user), tenant.members(group)) == (None, [])
    assert (tenant.count("user"), tenant.deleted_count("user")) == (0, 1)
    tenant.restore("user", user)
    assert tenant.members(group) == [user]
    tenant.soft_delete("user", user)
    tenant.purge("user", user)
    assert (tenant.count("user"), tenant.deleted_count("user"), tenant.members(group)) == (0, 0, [])


@pytest.mark.parametrize("change", ["soft_delete", "restore", "purge"])
def test_unknown_objects_are_refused(tenant: Tenant, change: str) -> None:
    """Changing an object that is not there is an error, not a silent nothing."""
    with pytest.raises(KeyError):
        getattr(tenant, change)("user", "nobody")


def test_deleted_objects_take_no_changes(tenant: Tenant) -> None:
    """A deleted object can be neither changed nor made a member."""
    user, group = tenant.upsert("user", {}), tenant.upsert("group", {})
    tenant.soft_delete("user", user)
    for change in (
        lambda: tenant.upsert("user", {"city": "Rome"}, user),
        lambda: tenant.add_member(group, user),
        lambda: tenant.set_credentials(user, {"ntlm": "x"}),
    ):
        with pytest.raises(KeyError):
            change()


def test_delta_tells_only_what_changed(tenant: Tenant) -> None:
    """After the first round only changed objects come, removals with their reason."""
    kept, changed, binned, purged = (tenant.upsert("user", {"displayName": name}) for name in "abcd")
    first, token = drain(tenant, ["user"], page_size=3)
    assert set(first) == {kept, changed, binned, purged}
    tenant.upsert("user", {"city": "Rome"}, changed)
    tenant.soft_delete("user", binned)
    tenant.purge("user", purged)
    second, token = drain(tenant, ["user"], token)
    assert second[changed]["city"] == "Rome"
    assert second[binned] == {"id": binned, "@removed": {"reason": "changed"}}
    assert second[purged] == {"id": purged, "@removed": {"reason": "deleted"}}
    assert kept not in second
    assert drain(tenant, ["user"], token)[0] == {}


def test_delta_of_groups_tells_of_members(tenant: Tenant) -> None:
    """A membership that begins or ends comes as members@delta, alone."""
    group = tenant.upsert("group", {"displayName": "G"})
    ada, eve = (tenant.upsert("user", {"displayName": name}) for name in ("Ada", "Eve"))
    tenant.add_member(group, ada)
    first, token = drain(tenant, ["group"])
    assert [member["id"] for member in first[group]["members@delta"]] == [ada]
    assert first[group]["members@delta"][0]["@odata.type"] == "#microsoft.graph.user"
    tenant.add_member(group, eve)
    tenant.remove_member(group, ada)
    second, _ = drain(tenant, ["group"], token)
    told = {member["id"]: member.get("@removed") for member in second[group]["members@delta"]}
    assert told == {ada: {"reason": "deleted"}, eve: None}


def test_a_first_round_tells_of_what_went_while_it_ran(tenant: Tenant) -> None:
    """What was listed and then removed within the first round is not left standing."""
    group, user, other = tenant.upsert("group", {}), tenant.upsert("user", {}), tenant.upsert("user", {})
    tenant.add_member(group, user)
    page = tenant.delta(["group", "user"], page_size=1)
    tenant.soft_delete("user", other)
    tenant.remove_member(group, user)
    rest, _ = drain(tenant, ["group", "user"], page.next_token)
    assert rest[other]["@removed"] == {"reason": "changed"}
    assert rest[group]["members@delta"][0]["@removed"] == {"reason": "deleted"}


def test_large_groups_come_in_parts(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group with more members than a page holds is told in several, each member once."""
    monkeypatch.setattr("tui.lab.tenant_delta.MEMBERS_PER_PAGE", 10)
    users = tenant.upsert_many("user", ({"displayName": str(i)} for i in range(25)))
    groups = [tenant.upsert("group", {"displayName": name}) for name in ("before", "large", "after")]
    for user in users:
        tenant.add_member(groups[1], user)
    told: list[str] = []
    page = tenant.delta(["group"])
    seen = {item["id"] for item in page.items}
    while True:
        told += [member["id"] for item in page.items for member in item["members@delta"]]
        assert sum(len(item["members@delta"]) for item in page.items) <= 10
        seen |= {item["id"] for item in page.items}
        if page.next_token is None:
            break
        page = tenant.delta(["group"], page.next_token)
    assert sorted(told) == sorted(users)
    assert seen == set(groups)
    assert MEMBERS_PER_PAGE > 10


def test_latest_starts_from_now(tenant: Tenant) -> None:
    """`latest` gives no data, and a token that tells of what comes after."""
    tenant.upsert("user", {})
    page = tenant.delta(["user"], "latest")
    assert (page.items, page.next_token) == ([], None)
    new = tenant.upsert("user", {})
    assert set(drain(tenant, ["user"], page.delta_token)[0]) == {new}


def test_tokens_expire_after_seven_days(tenant: Tenant, clock: ManualClock) -> None:
    """A token still works on its seventh day and not after it."""
    _, token = drain(tenant, ["user"])
    clock.jump(timedelta(days=7).total_seconds())
    drain(tenant, ["user"], token)
    clock.jump(1)
    with pytest.raises(ExpiredToken):
        tenant.delta(["user"], token)


def test_tokens_of_others_are_refused(tenant: Tenant, clock: ManualClock) -> None:
    """A token of another tenant or collection is not taken."""
    other = Tenant(tenant_id="other", display_name="", now=clock.now)
    for token in (drain(other, ["user"])[1], drain(tenant, ["group"])[1]):
        with pytest.raises(InvalidToken):
            tenant.delta(["user"], token)


@given(st.text(max_size=300))
def test_garbage_tokens_are_refused(token: str) -> None:
    """No text whatever passes for a token, and none breaks the tenant."""
    tenant = Tenant(tenant_id="t", display_name="", now=lambda: START)
    if token != "latest":
        with pytest.raises(InvalidToken):
            tenant.delta(["user"], token)
    tenant.close()


def test_hashes_leave_only_when_selected(tenant: Tenant) -> None:
    """Credential hashes are in no list, and in delta only for who selects them."""
    user = tenant.upsert("user", {"displayName": "Ada"})
    tenant.set_credentials(user, {"ntlm": "0cb6948805f797bf2a82807973b89537"})
    assert "0cb69" not in str((tenant.get("user", user), tenant.page("user"), tenant.delta(["user"])))
    items, _ = drain(tenant, ["user"], select=("id", "credentialHashes"))
    assert items[user]["credentialHashes"] == {"ntlm": "0cb6948805f797bf2a82807973b89537"}


def test_the_organization_counts_its_objects(tenant: Tenant) -> None:
    """The quota counts live and deleted objects; times come out as RFC 3339."""
    tenant.upsert("group", {})
    tenant.soft_delete("user", tenant.upsert("user", {}))
    tenant.set_organization(onPremisesLastSyncDateTime=START)
    organization = tenant.organization()
    assert organization["directorySizeQuota"]["used"] == 2
    assert organization["onPremisesLastSyncDateTime"] == "2026-11-22T03:00:00Z"


def test_a_tenant_in_a_file_goes_on_where_it_stopped(tmp_path: Path, clock: ManualClock) -> None:
    """Objects, settings and delta tokens survive a restart."""
    path = str(tmp_path / "tenant.db")
    first = Tenant(path, tenant_id="t", display_name="Contoso", now=clock.now)
    user = first.upsert("user", {"displayName": "Ada \ud800 \x1b[31m"})
    first.set_synchronization_settings(deletionThreshold=None)
    _, token = drain(first, ["user"])
    first.close()
    second = Tenant(path, tenant_id="t", display_name="ignored", now=clock.now)
    assert second.organization()["displayName"] == "Contoso"
    assert second.synchronization_settings()["deletionThreshold"] is None
    second.upsert("user", {"city": "Rome"}, user)
    assert set(drain(second, ["user"], token)[0]) == {user}
    second.close()


def test_transactions_nest(tenant: Tenant) -> None:
    """What failed inside a transaction leaves nothing behind."""
    with pytest.raises(RuntimeError), tenant.transaction():  # noqa: PT012
        tenant.upsert("user", {"displayName": "Ada"})
        raise RuntimeError
    assert tenant.count("user") == 0
