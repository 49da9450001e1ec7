"""The lab's Connect over a real domain controller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.directory.chain_people import Person, directory_ldif, dn_of, people, person_ldif
from tests.directory.samba import SambaDomain
from tests.directory.server import Account
from tui.lab import scenario
from tui.lab.directory_import import DirectoryImport, import_from
from tui.lab.lab import Lab
from tui.settings import DirectorySettings

PEOPLE = people(6)


class Connect:
    """A lab's Connect server that reads `domain` as `account`."""

    def __init__(self, domain: SambaDomain, account: Account, folder: Path) -> None:
        password = folder / "password"
        password.touch(mode=0o600)
        password.write_text(account.password)
        settings = DirectorySettings(
            url=domain.url, bind_user=account.user, password_file=password, ca_file=domain.ca_file
        )
        self.news: list[str] = []
        self.lab = Lab.start(scenario.chain(), open_import=import_from(settings, self.news.append))

    @property
    def importer(self) -> DirectoryImport:
        assert self.lab.world.directory_import is not None
        return self.lab.world.directory_import

    async def cycle(self) -> str:
        await self.importer.round()
        for _ in self.lab.world.connect.cycle():
            pass
        return self.lab.world.connect.last_result

    def users(self) -> dict[str, dict[str, object]]:
        return {user["onPremisesSamAccountName"]: user for user in self.lab.world.tenant.page("user", limit=999)}

    def members(self, group: str) -> set[str]:
        tenant = self.lab.world.tenant
        (id,) = [item["id"] for item in tenant.page("group", limit=999) if item["displayName"] == group]
        return {
            found["displayName"]
            for kind in ("user", "group")
            for member in tenant.members(id)
            if (found := tenant.get(kind, member))
        }


@pytest_asyncio.fixture(params=["admin", "reader"])
async def connect(request: pytest.FixtureRequest, samba_corp: SambaDomain, tmp_path: Path) -> AsyncIterator[Connect]:
    """As an administrator, who may read tombstones, and as an ordinary user, who may not."""
    samba_corp.modify(directory_ldif(PEOPLE, samba_corp.people_dn, samba_corp.domain))
    made = Connect(samba_corp, getattr(samba_corp, request.param), tmp_path)
    yield made
    await made.importer.aclose()
    made.lab.close()


async def test_connect_follows_a_real_domain(connect: Connect, samba_corp: SambaDomain) -> None:
    """Its people and nested groups come, changes and deletions follow, and nothing built in comes along."""
    assert await connect.cycle() == "success"
    assert connect.users().keys() == {*(one.login for one in PEOPLE), "monitor"}
    departments = {one.department for one in PEOPLE}
    assert connect.members("Staff") == departments
    first, second = PEOPLE[:2]
    samba_corp.modify(
        f"dn: {dn_of(first, samba_corp.people_dn)}\nchangetype: modify\nreplace: department\ndepartment: Moved\n-\n"
        "delete: mail\n-\n\n"
        f"dn: {dn_of(second, samba_corp.people_dn)}\nchangetype: delete\n\n"
        f"dn: CN=Staff,{samba_corp.people_dn}\nchangetype: modify\n"
        f"add: member\nmember: {dn_of(first, samba_corp.people_dn)}\n-\n"
    )
    assert await connect.cycle() == "success"
    found = connect.users()
    assert (found[first.login]["department"], found[first.login]["mail"]) == ("Moved", None)
    assert second.login not in found
    assert connect.members("Staff") == {first.name, *departments}


async def test_a_renamed_member_stays_in_its_group(connect: Connect, samba_corp: SambaDomain) -> None:
    """Members are known by their GUID: a rename writes the member alone, not the group."""
    await connect.cycle()
    first = PEOPLE[0]
    samba_corp.modify(
        f"dn: {dn_of(first, samba_corp.people_dn)}\nchangetype: modrdn\nnewrdn: CN=renamed\ndeleteoldrdn: 1\n"
    )
    before = connect.members(first.department)
    samba_corp.modify(
        f"dn: CN={first.department},{samba_corp.people_dn}\nchangetype: modify\nreplace: mail\nmail: a@b\n-\n"
    )
    assert await connect.cycle() == "success"
    assert connect.users()[first.login]["onPremisesDistinguishedName"] == f"CN=renamed,{samba_corp.people_dn}"
    assert connect.members(first.department) == before


async def test_cycles_fail_while_the_domain_controller_is_down(connect: Connect, samba_corp: SambaDomain) -> None:
    """And go on by themselves with what changed, once it is back."""
    await connect.cycle()
    samba_corp.kill()
    assert await connect.cycle() == "no-start-connection"
    assert "no-start-connection" in connect.news[-1]
    samba_corp.launch()
    late = Person("late", "Lea", "Late", PEOPLE[0].department)
    samba_corp.modify(person_ldif(late, samba_corp.people_dn, samba_corp.domain))
    assert await connect.cycle() == "success"
    assert "late" in connect.users()
