"""The one-way sync into real directory servers, as an operator sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.directory.conftest import running_domain, stopped_slapd
from tests.directory.samba import SambaDomain
from tests.directory.server import DirectoryServer
from tests.directory.sync_bench import DirectoryBench
from tests.helpers import ManualClock
from tests.sync.bench import upstream_of
from tui.ldap.connection import connect
from tui.ldap.errors import Refused
from tui.sources.ldap_session import endpoint_of
from tui.sync.dry_run import PlannedChange, plan
from tui.sync.errors import AlreadyRunning, ForeignObjects
from tui.sync.replicator import Step
from tui.sync.targets.ldap import NO_HASHES


@pytest.fixture(params=["slapd", "samba"])
def server(request: pytest.FixtureRequest) -> Iterator[DirectoryServer]:
    if request.param == "samba":
        with running_domain("aadds") as domain:
            yield domain
    else:
        with stopped_slapd() as slapd:
            slapd.launch()
            yield slapd


@pytest.fixture
def bench(server: DirectoryServer, tmp_path: Path, clock: ManualClock) -> DirectoryBench:
    return DirectoryBench(server, tmp_path, clock)


async def test_first_sync_copies_everything(bench: DirectoryBench) -> None:
    """Users, groups, nested memberships and managers are all there after the first sync, and nothing is set aside."""
    ada, eve = bench.user("ada", city="Roma", mail="ada@contoso.com"), bench.user("eve", department='R&D, "B" #1')
    bench.tenant.upsert("user", {"manager": ada}, eve)
    inner = bench.group("Inner", [eve])
    bench.group("Outer", [ada, inner])
    sync = await bench.sync()
    assert sync.state().failures == ()
    assert bench.differences() == []


def local_user(server: DirectoryServer, name: str, parent: str | None = None, **attributes: str) -> str:
    dn = f"CN={name},{parent or server.people_dn}"
    lines = "".join(f"{key}: {value}\n" for key, value in attributes.items())
    server.modify(f"dn: {dn}\nchangetype: add\nobjectClass: user\ncn: {name}\nsAMAccountName: {name}\n{lines}")
    return dn


async def test_changes_follow(bench: DirectoryBench) -> None:
    """Renames, edits, leavers, joiners, disables, deletions and restores arrive, and entries keep their identity."""
    ada, eve, bob = bench.user("ada", city="Roma"), bench.user("eve"), bench.user("bob")
    inner = bench.group("Inner", [ada])
    outer = bench.group("Outer", [inner, eve, bob])
    bench.tenant.upsert("user", {"manager": ada}, eve)
    await bench.sync()
    before = identity(bench.server, ada)
    bench.tenant.upsert("user", {"mailNickname": "adab", "displayName": "Ada Byron", "city": None}, ada)
    bench.tenant.upsert("user", {"accountEnabled": False, "manager": bob}, eve)
    bench.tenant.upsert("group", {"displayName": "Innermost"}, inner)
    bench.tenant.remove_member(outer, eve)
    bench.tenant.add_member(inner, bench.user("new"))
    bench.tenant.soft_delete("user", bob)
    sync = await bench.sync()
    assert sync.state().failures == ()
    assert bench.differences() == []
    assert identity(bench.server, ada) == before
    assert "cn=adab" in bench.server.find("(sAMAccountName=adab)", "1.1").lower()
    bench.tenant.restore("user", bob)
    bench.tenant.upsert("user", {"userPrincipalName": "tmp@contoso.com"}, ada)
    bench.tenant.upsert("user", {"userPrincipalName": "ada@contoso.com"}, eve)
    bench.tenant.upsert("user", {"userPrincipalName": "eve@contoso.com"}, ada)
    sync = await bench.sync(rounds=2)
    assert sync.state().failures == ()
    assert bench.differences() == []


def identity(server: DirectoryServer, id: str) -> list[str]:
    """What a rename must not change."""
    told = server.find(f"(|(msDS-aadObjectId={id})(msDS-AzureADObjectId={id}))", "objectGUID", "objectSid", "entryUUID")
    return sorted(line for line in told.splitlines() if line and not line.startswith(("dn:", "#")))


async def test_foreign_objects_stop_the_first_start(bench: DirectoryBench) -> None:
    """A container that holds others' objects is refused by number and name, and nothing is written."""
    dn = local_user(bench.server, "svc-sql")
    bench.user("ada")
    with pytest.raises(ForeignObjects, match=r"holds 1 objects .*svc-sql.*adopt = true") as refused:
        await bench.sync()
    assert refused.value.count == 1
    assert [name.lower() for name in refused.value.names] == [dn.lower()]
    assert "sAMAccountName: ada" not in bench.server.find("(cn=ada)", "sAMAccountName")


async def test_adopting(server: DirectoryServer, tmp_path: Path, clock: ManualClock) -> None:
    """With adopt, an entry that carries a tenant object's id is taken over, another keeps its name and life."""
    bench = DirectoryBench(server, tmp_path, clock, adopt=True)
    ada, _ = bench.user("ada", city="Roma"), bench.user("svc")
    local_user(server, "old-ada", **{"msDS-aadObjectId": ada, "l": "Milano", "title": "Duchess"})
    local_user(server, "svc", description="runs SQL")
    local_user(
        server, "gone", **{"msDS-aadObjectId": "00000000-0000-0000-0000-00000000dead", "userAccountControl": "512"}
    )
    before = identity(server, ada)
    sync = await bench.sync()
    assert sync.state().failures == ()
    assert identity(server, ada) == before
    found = server.find(f"(msDS-aadObjectId={ada})", "sAMAccountName", "l", "title")
    assert "sAMAccountName: ada\n" in found
    assert "l: Roma\n" in found
    assert "title:" not in found
    assert "description: runs SQL" in server.find("(cn=svc)", "description")
    assert "cn: gone" in server.find("(cn=gone)", "cn")
    assert bench.differences() == ["00000000-0000-0000-0000-00000000dead is too many"]


async def test_a_lost_state_file_is_no_disaster(bench: DirectoryBench, tmp_path: Path) -> None:
    """Without its state file the sync refuses the container; told to adopt, it goes on and doubles nothing."""
    bench.group("All", [bench.user(f"user{n}") for n in range(20)])
    await bench.sync()
    bench.settings.state_file.unlink()
    with pytest.raises(ForeignObjects):
        await bench.sync()
    bench.settings = replace(bench.settings, adopt=True)
    bench.settings.state_file.unlink()
    await bench.sync()
    assert bench.differences() == []


async def test_local_objects_hold_their_names(bench: DirectoryBench) -> None:
    """A name that an object elsewhere in the domain has is not taken from it: account names are generated, sign-in
    names are set aside with the holder named."""
    dn = local_user(bench.server, "ada", bench.server.base_dn, userPrincipalName="eve@contoso.com")
    bench.user("ada"), bench.user("eve")
    sync = await bench.sync()
    (failure,) = sync.state().failures
    assert (failure.code, failure.attribute, failure.value) == ("NameTaken", "userPrincipalName", "eve@contoso.com")
    assert failure.conflicts_with is not None
    assert (failure.conflicts_with.dn or "").lower() == dn.lower()
    assert "sAMAccountName: ada-" in bench.server.find("(userPrincipalName=ada@contoso.com)", "sAMAccountName")
    bench.server.modify(f"dn: {dn}\nchangetype: delete\n")
    await bench.sync(rounds=2)
    assert bench.differences() == []


async def test_a_name_taken_while_the_sync_runs(samba_aadds: SambaDomain, tmp_path: Path, clock: ManualClock) -> None:
    """A local account made during the sync keeps its name; the user of that name comes under another."""
    bench = DirectoryBench(samba_aadds, tmp_path, clock)
    async with bench.opened() as sync:
        assert await sync.run_once() is Step.DONE
        local_user(samba_aadds, "ada", f"CN=Users,{samba_aadds.base_dn}")
        bench.user("ada")
        await sync.run_once()
        (failure,) = sync.state().failures
        assert (failure.code, failure.attribute, failure.value) == ("NameTaken", "sAMAccountName", "ada")
        clock.jump(61)
        await sync.run_once()
        assert sync.state().failures == ()
    assert bench.differences() == []


async def test_refused_values_are_set_aside(bench: DirectoryBench) -> None:
    """What the server does not take of one object is told by attribute and in the server's words; the rest goes on."""
    bench.user("ada"), bench.user("eve", mail="not\u2003ascii@contoso.com")
    sync = await bench.sync()
    failures = sync.state().failures
    if bench.server.port == 636:
        assert failures == ()
    else:
        (failure,) = failures
        assert (failure.code, failure.attribute) == ("InvalidValue", "mail")
        assert "invalid per syntax" in (failure.message or "")
    assert "cn: ada" in bench.server.find("(cn=ada)", "cn")


async def test_large_and_nested_groups(bench: DirectoryBench) -> None:
    """Groups of more members than one write or one answer takes, told before their members, within one another."""
    count = 2500 if bench.server.port != 636 else 300
    members = [bench.user(f"user{n}") for n in range(count)]
    group = bench.group("Everyone", members)
    bench.group("Outer", [group])
    bench.page_size = 999
    await bench.sync()
    assert bench.differences() == []
    for member in members[: count // 2]:
        bench.tenant.remove_member(group, member)
    await bench.sync()
    assert bench.differences() == []


async def test_entries_that_were_tampered_with_are_mended(bench: DirectoryBench) -> None:
    """What somebody changed or deleted in the container is put right at the next start; his own objects stay."""
    ada, eve = bench.user("ada", city="Roma"), bench.user("eve")
    bench.group("All", [ada, eve])
    await bench.sync()
    people = bench.server.people_dn
    bench.server.modify(
        f"dn: CN=ada,{people}\nchangetype: modify\nreplace: l\nl: Milano\n-\n\n"
        f"dn: CN=All,{people}\nchangetype: modify\ndelete: member\nmember: CN=ada,{people}\n-\n\n"
        f"dn: CN=eve,{people}\nchangetype: delete\n"
    )
    local_user(bench.server, "mine")
    await bench.sync()
    assert bench.differences() == []
    assert "cn: mine" in bench.server.find("(cn=mine)", "cn")


async def test_the_server_is_killed(bench: DirectoryBench) -> None:
    """A server that dies in the middle ends the step in people's words; back again, the sync goes on."""
    for n in range(120):
        bench.user(f"user{n}")
    async with bench.opened() as sync:
        assert await sync.step() is Step.MORE
        bench.server.kill()
        assert await sync.run_once() is Step.FAILED
        assert sync.state().error is not None
        assert sync.state().retry_at is not None
        bench.server.launch()
        bench.clock.jump(61)
        assert await sync.run_once() is Step.DONE, sync.state().error
    assert bench.differences() == []


async def test_one_sync_at_a_time(bench: DirectoryBench, tmp_path: Path) -> None:
    """A second sync on the same state file or the same container is refused."""
    other = replace(bench.settings, state_file=tmp_path / "other.db")
    async with bench.opened():
        with pytest.raises(AlreadyRunning, match="state file"):
            await bench.sync()
        bench.settings = other
        with pytest.raises(AlreadyRunning, match="container"):
            await bench.sync()


async def test_a_plan_writes_nothing(bench: DirectoryBench) -> None:
    """A dry run tells every change by name and attributes, and changes neither directory nor state file."""
    ada, eve = bench.user("ada"), bench.user("eve")
    group = bench.group("All", [ada])
    assert {(each.action, each.object) for each in await planned(bench)} >= {("add", "ada"), ("add", "All")}
    assert not bench.settings.state_file.exists()
    await bench.sync()
    assert await planned(bench) == []
    bench.tenant.upsert("user", {"city": "Roma", "mailNickname": "adab"}, ada)
    bench.tenant.soft_delete("user", eve)
    bench.tenant.add_member(group, bench.user("new"))
    before = bench.settings.state_file.read_bytes(), sorted(bench.server.find("(objectClass=*)").splitlines())
    changes = {(each.action, each.object, each.attributes, each.other) for each in await planned(bench)}
    assert changes >= {
        ("rename", "ada", (), "adab"),
        ("delete", "eve", (), ""),
        ("member-add", "All", ("member",), "new"),
    }
    assert any(
        action == "modify" and set(names) == {"sAMAccountName", "l", "msDS-AzureADMailNickname"}
        for action, _, names, _ in changes
    )
    after = bench.settings.state_file.read_bytes(), sorted(bench.server.find("(objectClass=*)").splitlines())
    assert after == before


async def planned(bench: DirectoryBench) -> list[PlannedChange]:
    upstream = upstream_of(bench.app, bench.clock, bench.page_size)
    try:
        return [each async for each in plan(bench.settings, upstream, bench.clock, label="managed domain")]
    finally:
        await upstream.aclose()


async def test_hashes(bench: DirectoryBench) -> None:
    """NT hashes go where the schema has a place for them, and only there; elsewhere it is said once."""
    ada = bench.user("ada")
    bench.user("eve")
    bench.tenant.set_credentials(ada, {"nt": "0123456789abcdef0123456789abcdef", "kerberosAes256": "00"})
    bench.settings = replace(bench.settings, credentials=True)
    sync = await bench.sync()
    assert sync.state().failures == ()
    told = bench.server.find("(cn=ada)", "sambaNTPassword")
    if bench.server.port == 636:
        assert [note for note in sync.state().notes if "hashes" in note] == [NO_HASHES]
    else:
        assert "sambaNTPassword: 0123456789ABCDEF0123456789ABCDEF" in told
        bench.tenant.set_credentials(ada, {"nt": "f" * 32})
        await bench.sync()
        assert "sambaNTPassword: " + "F" * 32 in bench.server.find("(cn=ada)", "sambaNTPassword")
    assert "0123456789abcdef" not in repr(sync.state()).lower()


async def test_a_new_user_cannot_sign_in_without_a_password(
    samba_aadds: SambaDomain, tmp_path: Path, clock: ManualClock
) -> None:
    """An enabled account without a credential is no open door, whatever password is tried."""
    bench = DirectoryBench(samba_aadds, tmp_path, clock)
    bench.user("ada")
    await bench.sync()
    found = samba_aadds.find("(cn=ada)", "userAccountControl")
    assert "userAccountControl: 512\n" in found
    for password in (" ", "\x00", "Passw0rd!"):
        connection = await connect(endpoint_of(bench.settings.directory))
        with pytest.raises(Refused, match="invalidCredentials"):
            await connection.bind("ada@contoso.com", password)
        await connection.aclose()
