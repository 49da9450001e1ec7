"""The lab's Connect over a real directory: what it reads, what it leaves out, and how it fails."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START, ManualClock
from tests.lab.active_directory import BASE, PEOPLE, ActiveDirectory, Connected
from tui.lab import scenario
from tui.lab.connect_mapping import entra_id
from tui.lab.directory_import import DirectoryImport
from tui.lab.directory_import_entries import ATTRIBUTES, Imported, imported
from tui.lab.directory_import_mirror import Mirror
from tui.lab.lab import Lab
from tui.lab.onprem import OnPremises
from tui.lab.tenant import Tenant
from tui.ldap.connection import Connection
from tui.ldap.endpoint import Endpoint
from tui.ldap.entries import Entry
from tui.ldap.errors import Disconnected, LdapError, Refused, Unreachable
from tui.settings import DirectorySettings
from tui.sources.ldap_session import DirectorySession


class Office:
    """A lab whose on-premises directory is `ad`."""

    def __init__(self, clock: ManualClock, password: Path, state: Path | None = None) -> None:
        self.clock = clock
        self.ad = ActiveDirectory()
        self.unreachable: LdapError | None = None
        self.news: list[str] = []
        self._settings = DirectorySettings(url="ldaps://dc1", bind_user="sync@corp.example", password_file=password)
        self._state = state
        self.lab = self._lab()

    def _lab(self) -> Lab:
        chain = scenario.chain()
        return Lab.start(chain, base_clock=self.clock, state_dir=self._state, open_import=self._opened)

    def _opened(self, directory: OnPremises, tenant: Tenant, clock: Any, chosen: scenario.Scenario) -> DirectoryImport:
        async def connect(endpoint: Endpoint, *, timeout_s: float) -> Connection:
            if self.unreachable is not None:
                raise self.unreachable
            return Connected(self.ad)  # type: ignore[return-value]

        session = DirectorySession(self._settings, clock, label="on-premises", connect=connect)
        return DirectoryImport(
            session,
            Mirror(directory),
            clock,
            every_s=chosen.import_every,
            on_domain=lambda name: tenant.set_organization(verifiedDomains=[{"name": name}]),
            on_news=self.news.append,
        )

    @property
    def tenant(self) -> Tenant:
        return self.lab.world.tenant

    def reopen(self) -> None:
        self.lab.close()
        self.lab = self._lab()

    async def read(self) -> None:
        assert self.lab.world.directory_import is not None
        await self.lab.world.directory_import.round()

    def export(self) -> str:
        for _ in self.lab.world.connect.cycle():
            pass
        return self.lab.world.connect.last_result

    async def cycle(self) -> str:
        await self.read()
        return self.export()

    def user(self, name: str) -> dict[str, Any]:
        return self.found("user", name)

    def found(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = [item for item in self.tenant.page(kind, limit=999) if item["onPremisesSamAccountName"] == name]
        return found

    def names(self, kind: str) -> set[str]:
        return {item["displayName"] for item in self.tenant.page(kind, limit=999)}

    def members(self, group: str) -> set[str]:
        ids = self.tenant.members(self.found("group", group)["id"])
        return {item["displayName"] for kind in ("user", "group") for id in ids if (item := self.tenant.get(kind, id))}


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text("secret")
    return path


@pytest.fixture
def office(clock: ManualClock, password: Path) -> Iterator[Office]:
    made = Office(clock, password)
    yield made
    made.lab.close()


async def test_everyone_in_the_directory_comes_to_the_tenant(office: Office) -> None:
    """A user arrives with every attribute that Connect carries, as Graph names them."""
    office.ad.put(
        "ann",
        displayName="Ann Lee",
        mail="ann.lee@corp.example",
        proxyAddresses=["SMTP:ann.lee@corp.example", "smtp:a@corp.example"],
        userPrincipalName="ann@corp.example",
        department="Sales",
        employeeID="42",
        userAccountControl="514",
        objectSid=bytes.fromhex("010500000000000515000000010000000200000003000000e8030000"),
    )
    assert await office.cycle() == "success"
    user = office.user("ann")
    expected = {
        "displayName": "Ann Lee",
        "mail": "ann.lee@corp.example",
        "mailNickname": "ann.lee",
        "proxyAddresses": ["SMTP:ann.lee@corp.example", "smtp:a@corp.example"],
        "userPrincipalName": "ann@corp.example",
        "department": "Sales",
        "employeeId": "42",
        "accountEnabled": False,
        "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-1000",
        "onPremisesDistinguishedName": f"CN=ann,{PEOPLE}",
        "onPremisesDomainName": "corp.example",
        "onPremisesImmutableId": base64.b64encode(office.ad.guid("ann")).decode(),
    }
    assert {name: user.get(name) for name in expected} == expected
    assert "jobTitle" not in user
    assert office.tenant.organization()["verifiedDomains"] == [{"name": "corp.example"}]


async def test_a_user_without_a_sign_in_name_gets_the_account_name(office: Office) -> None:
    """A missing userPrincipalName is sAMAccountName@domain, as Connect makes it; a missing display name the cn."""
    office.ad.put("bo", cn="Bo Berg")
    await office.cycle()
    assert office.user("bo")["userPrincipalName"] == "bo@corp.example"
    assert office.user("bo")["displayName"] == "Bo Berg"


async def test_the_consistency_guid_is_the_source_anchor(office: Office) -> None:
    """Where there is one, and whatever becomes of it later: an anchor never changes."""
    office.ad.put("ann", mS_DS_ConsistencyGuid=b"0123456789abcdef")
    await office.cycle()
    anchor = base64.b64encode(b"0123456789abcdef").decode()
    assert office.user("ann")["onPremisesImmutableId"] == anchor
    office.ad.put("ann", mS_DS_ConsistencyGuid=b"another")
    await office.cycle()
    assert office.user("ann")["onPremisesImmutableId"] == anchor


async def test_two_objects_with_one_anchor_stay_two(office: Office) -> None:
    """The second one goes by its own GUID; one that has even that taken waits, and stops nobody."""
    office.ad.put("ann", mS_DS_ConsistencyGuid=b"0123456789abcdef")
    office.ad.put("bo", mS_DS_ConsistencyGuid=b"0123456789abcdef")
    office.ad.put("cy")
    await office.cycle()
    assert office.names("user") == {"ann", "bo", "cy"}
    own = uuid.uuid4().bytes_le
    office.ad.put("dee", mS_DS_ConsistencyGuid=own)
    office.ad.put("eve", objectGUID=own)
    office.ad.put("fay")
    assert await office.cycle() == "success"
    assert office.names("user") == {"ann", "bo", "cy", "dee", "fay"}


@pytest.mark.parametrize(
    ("name", "kind", "attributes"),
    [
        ("administrator", "user", {"isCriticalSystemObject": "TRUE"}),
        ("AAD_123", "user", {}),
        ("MSOL_123", "user", {}),
        ("mail", "user", {"mailNickname": "SystemMailbox{1}"}),
        ("Domain Users", "group", {"isCriticalSystemObject": "TRUE"}),
        ("a list without mail", "group", {"groupType": "2"}),
        ("no mail", "contact", {"proxyAddresses": "SMTP:x@corp.example"}),
        ("no address", "contact", {"mail": "x@corp.example"}),
        ("no certificate", "computer", {}),
    ],
)
async def test_what_connect_leaves_out_stays_out(office: Office, name: str, kind: str, attributes: Any) -> None:
    """Built-in objects, Connect's own accounts, what has no address or certificate."""
    office.ad.put(name, kind, **attributes)
    office.ad.put("ann")
    await office.cycle()
    assert office.names("user") == {"ann"}
    assert not any(office.tenant.count(kind) for kind in ("group", "contact", "device"))


async def test_contacts_and_computers_come_too(office: Office) -> None:
    """With what Connect asks of them."""
    office.ad.put("Pat", "contact", mail="p@fabrikam.example", proxyAddresses="SMTP:p@fabrikam.example")
    office.ad.put("WS-1", "computer", userCertificate=b"0", operatingSystem="Windows")
    await office.cycle()
    assert (office.names("contact"), office.names("device")) == ({"Pat"}, {"WS-1"})


async def test_a_change_travels_and_a_cleared_attribute_is_cleared(office: Office) -> None:
    """Only what changed is read again; what is gone on premises is gone in the tenant."""
    office.ad.put(
        "ann", department="Sales", title="Analyst", proxyAddresses="SMTP:a@corp.example", mail="a@corp.example"
    )
    office.ad.put("bo")
    await office.cycle()
    office.ad.put("ann", department="IT", title=(), proxyAddresses=(), mail=())
    office.ad.searches.clear()
    await office.cycle()
    user = office.user("ann")
    assert user["department"] == "IT"
    assert [user[name] for name in ("jobTitle", "mail", "proxyAddresses")] == [None, None, None]
    assert all("uSNChanged>=" in filter or asked == ("objectGUID",) for filter, asked in office.ad.searches)


async def test_an_idle_directory_is_not_searched(office: Office) -> None:
    """A look at its highest update sequence number is enough."""
    office.ad.put("ann")
    await office.cycle()
    office.ad.searches.clear()
    assert await office.cycle() == "success"
    assert office.ad.searches == []


async def test_groups_hold_users_and_groups(office: Office) -> None:
    """Nested groups arrive whole, whatever the order they are read in."""
    office.ad.put("ann")
    office.ad.put("bo")
    office.ad.put("inner", "group", member=["bo"])
    office.ad.put("outer", "group", member=["ann", "inner"])
    await office.cycle()
    assert office.members("outer") == {"ann", "inner"}
    office.ad.put("outer", "group", member=["inner"])
    await office.cycle()
    assert office.members("outer") == {"inner"}


async def test_a_member_that_comes_later_joins_its_group(office: Office) -> None:
    """Its group need not change again: a built-in account that is one no more, for example."""
    office.ad.put("ann", isCriticalSystemObject="TRUE")
    office.ad.put("staff", "group", member=["ann"])
    await office.cycle()
    assert office.members("staff") == set()
    office.ad.put("ann", isCriticalSystemObject=())
    await office.cycle()
    assert office.members("staff") == {"ann"}
    office.ad.put("ann", isCriticalSystemObject="TRUE")
    await office.cycle()
    assert office.names("user") == set()


async def test_a_large_group_is_read_in_ranges(office: Office) -> None:
    """Active Directory tells at most 1,500 members at once."""
    names = [f"u{number}" for number in range(25)]
    for name in names:
        office.ad.put(name)
    office.ad.most_values = 10
    office.ad.put("staff", "group", member=names)
    await office.cycle()
    assert office.members("staff") == set(names)


@pytest.mark.parametrize("shows_deleted", [True, False])
async def test_a_deleted_user_leaves_the_tenant(office: Office, shows_deleted: bool) -> None:
    """Whether the account may read tombstones or only what is left."""
    office.ad.shows_deleted = shows_deleted
    office.ad.put("ann")
    office.ad.put("bo")
    await office.cycle()
    office.ad.delete("ann")
    await office.cycle()
    assert office.names("user") == {"bo"}


async def test_a_large_directory_is_not_listed_all_the_time(office: Office) -> None:
    """Where a list takes long, the next one waits; with tombstones nobody notices, without them it comes later."""
    office.ad.shows_deleted = False
    for name in ("ann", "bo", "cy"):
        office.ad.put(name)
    await office.cycle()
    office.ad.on_search = lambda filter, _: office.clock.jump(0.0 if "uSN" in filter else 2.0)
    office.ad.delete("ann")
    await office.cycle()
    assert office.names("user") == {"bo", "cy"}
    office.ad.delete("bo")
    await office.cycle()
    assert office.names("user") == {"bo", "cy"}
    office.clock.jump(40)
    await office.cycle()
    assert office.names("user") == {"cy"}


async def test_a_restored_database_is_read_in_full(office: Office) -> None:
    """Its sequence numbers say nothing about what came before: what it no longer has goes, the rest stays."""
    office.ad.put("ann")
    office.ad.put("bo", department="Sales")
    await office.cycle()
    other = ActiveDirectory()
    other.put("bo", objectGUID=office.ad.guid("bo"), department="IT")
    other.usn = office.ad.usn + 50
    office.ad.__dict__.update(other.__dict__)
    office.lab.world.directory_import._session.drop()  # type: ignore[union-attr]  # a restored server was restarted
    await office.cycle()
    assert office.names("user") == {"bo"}
    assert office.user("bo")["department"] == "IT"


async def test_a_new_password_changes_the_hashes(office: Office) -> None:
    """Hashes cannot be read over LDAP: the time of the last change stands for them."""
    office.ad.put("ann", pwdLastSet="1")
    await office.cycle()
    anchor = base64.b64encode(office.ad.guid("ann")).decode()
    before = _hashes(office.tenant, entra_id(anchor))
    office.ad.put("ann", department="IT")
    await office.cycle()
    office.lab.world.connect.password_cycle()
    assert _hashes(office.tenant, entra_id(anchor)) == before
    office.ad.put("ann", pwdLastSet="2")
    await office.cycle()
    office.lab.world.connect.password_cycle()
    assert _hashes(office.tenant, entra_id(anchor)) != before


def _hashes(tenant: Tenant, user_id: str) -> Any:
    row = tenant._db.execute("SELECT hashes FROM object WHERE id = ?", (user_id,)).fetchone()
    assert row[0]
    return row[0]


async def test_nothing_is_exported_before_the_first_import(office: Office) -> None:
    """An empty copy is not an empty directory: no cycle begins, and none succeeded."""
    office.ad.put("ann")
    assert office.export() == ""
    office.lab.world.connect.password_cycle()
    assert office.lab.world.connect.last_success is None
    assert office.lab.world.connect.last_password_success is None


@pytest.mark.parametrize(
    ("problem", "result"),
    [
        (Unreachable("dc1: Connection refused"), "no-start-connection"),
        (Disconnected("dc1 closed the connection"), "no-start-connection"),
        (Refused(50, "insufficientAccessRights"), "access-denied"),
        (Refused(51, "busy"), "stopped-server"),
    ],
)
async def test_a_failing_import_fails_the_cycle(office: Office, problem: LdapError, result: str) -> None:
    """With the result of Connect's run profiles; the tenant stays as it was, and it goes on by itself afterwards."""
    office.ad.put("ann")
    await office.cycle()
    connect = office.lab.world.connect
    good, passwords = connect.last_success, connect.last_password_success
    office.clock.jump(60)
    office.ad.problem = problem
    assert await office.cycle() == result
    connect.password_cycle()
    assert (connect.last_success, connect.last_password_success) == (good, passwords)
    assert office.names("user") == {"ann"}
    assert result in office.news[-1]
    office.ad.problem = None
    assert await office.cycle() == "success"
    assert len(office.news) == 3


async def test_one_refused_bind_is_the_last(office: Office) -> None:
    """A few bad passwords lock the account: it is not tried again."""
    office.ad.problem = Refused(49, "invalidCredentials", "data 52e")
    for _ in range(3):
        assert await office.cycle() == "no-start-credentials"
    assert office.ad.binds == 1


async def test_the_lab_goes_on_while_the_directory_is_away(office: Office) -> None:
    """Its own task reads the directory; cycles fail in their time, and succeed again once it is back."""
    office.ad.put("ann")
    connect = office.lab.world.connect
    life = asyncio.create_task(office.lab.run())
    await _until(office, lambda: connect.last_result == "success")
    assert office.names("user") == {"ann"}
    office.unreachable = office.ad.problem = Unreachable("dc1: Connection refused")
    await _until(office, lambda: connect.last_result == "no-start-connection")
    office.unreachable = office.ad.problem = None
    office.ad.put("bo")
    await _until(office, lambda: office.names("user") == {"ann", "bo"})
    life.cancel()
    with suppress(asyncio.CancelledError):
        await life


async def _until(office: Office, holds: Callable[[], bool], patience_s: int = 120) -> None:
    for _ in range(patience_s):
        if holds():
            return
        await office.clock.advance(1.0)
    raise AssertionError("it never came about")


async def test_a_lab_that_is_opened_again_doubles_nothing(clock: ManualClock, password: Path, tmp_path: Path) -> None:
    """It reads everything again and writes what differs; who left meanwhile is gone."""
    office = Office(clock, password, tmp_path / "state")
    office.ad.put("ann")
    office.ad.put("bo")
    office.ad.put("staff", "group", member=["ann", "bo"])
    office.lab.tick()
    await office.cycle()
    before = office.lab.world.directory.highest_usn
    office.reopen()
    await office.cycle()
    assert office.lab.world.directory.highest_usn == before
    office.ad.delete("ann")
    office.reopen()
    await office.cycle()
    assert office.names("user") == {"bo"}
    assert office.members("staff") == {"bo"}
    office.lab.close()


async def test_a_user_that_is_brought_back_is_the_same_one(office: Office) -> None:
    """Restored from Active Directory's recycle bin: the same object in the tenant, back in its groups."""
    office.ad.put("ann", department="Sales")
    office.ad.put("staff", "group", member=["ann"])
    await office.cycle()
    id, guid = office.user("ann")["id"], office.ad.guid("ann")
    office.ad.delete("ann")
    await office.cycle()
    office.ad.put("ann", objectGUID=guid, sAMAccountName="ann", cn="ann", department="IT", isDeleted=())
    office.ad.put("staff", "group", member=["ann"])
    await office.cycle()
    assert (office.user("ann")["id"], office.user("ann")["department"]) == (id, "IT")
    assert office.members("staff") == {"ann"}


_values = st.lists(st.binary(max_size=40) | st.sampled_from([b"user", b"group", b"TRUE", b"-9" * 30]), max_size=3)


@given(
    st.dictionaries(st.sampled_from([name.lower() for name in ATTRIBUTES]), _values.map(tuple)),
    st.text(max_size=60),
    st.lists(st.text(max_size=60), max_size=3),
)
def test_no_entry_stops_the_import(attributes: dict[str, tuple[bytes, ...]], dn: str, members: list[str]) -> None:
    """Whatever a server sends in the place of values is left out or kept as text; nothing raises."""
    classes = attributes.get("objectclass", ()) or (b"user",)
    guid = (uuid.UUID(int=1).bytes_le,)
    found = imported(Entry(dn, {**attributes, "objectclass": classes, "objectguid": guid}), members, BASE)
    if found is None:
        return
    assert isinstance(found, Imported)
    directory = OnPremises(now=lambda: START)
    mirror = Mirror(directory)
    assert mirror.take(found)
    assert list(mirror.settle()) in ([], [None])
    assert mirror.take(found)
    assert len(mirror) == directory.count(found.kind) == 1
    directory.close()
