"""The LDAP client against real servers that do what they should."""

from __future__ import annotations

import asyncio

import pytest

from tests.directory.clients import connection, ldaps, never_blocking, plain, start_tls
from tests.directory.samba import SambaDomain
from tests.directory.server import Account
from tests.directory.slapd import Slapd
from tui.ldap.connection import Connection
from tui.ldap.endpoint import Endpoint, Security
from tui.ldap.entries import Change
from tui.ldap.errors import LdapError, Refused, Untrusted
from tui.ldap.values import guid_text

NO_SUCH_OBJECT, ALREADY_EXISTS, STRONGER_AUTH, INVALID_CREDENTIALS = 32, 68, 8, 49


async def names(opened: Connection, base: str, filter: str, **options: object) -> list[str]:
    return [
        entry.text("cn") or ""
        async for page in opened.search(base, filter, ["cn"], **options)  # type: ignore[arg-type]
        for entry in page
    ]


async def add_users(opened: Connection, parent: str, *users: str) -> None:
    """All at once on the one connection."""
    attributes = [{"objectClass": ["user"], "cn": [user], "sAMAccountName": [user]} for user in users]
    await asyncio.gather(
        *(opened.add(f"CN={user},{parent}", each) for user, each in zip(users, attributes, strict=True))
    )


@pytest.fixture(params=["slapd", "samba_aadds"])
def own_server(request: pytest.FixtureRequest) -> Slapd | SambaDomain:
    server: Slapd | SambaDomain = request.getfixturevalue(request.param)
    return server


async def test_root_of_a_domain_controller(shared_corp: SambaDomain) -> None:
    """The rootDSE tells the naming context, the clock and the update sequence number."""
    async with connection(ldaps(shared_corp), shared_corp.reader) as opened:
        root = await opened.root("defaultNamingContext", "currentTime", "highestCommittedUSN")
    assert root.text("defaultNamingContext") == shared_corp.base_dn
    assert root.text("currentTime")
    assert (root.integer("highestCommittedUSN") or 0) > 1000


async def test_reads_every_page(shared_slapd: Slapd) -> None:
    """Five thousand users arrive in pages of a thousand, each user once."""
    async with never_blocking(), connection(ldaps(shared_slapd), shared_slapd.reader) as opened:
        pages = [page async for page in opened.search(shared_slapd.people_dn, "(objectClass=user)", ["cn"])]
    assert max(len(page) for page in pages) <= 1000
    assert sorted(entry.text("cn") or "" for page in pages for entry in page) == [f"u{n:07d}" for n in range(5000)]


async def test_reads_share_a_connection_with_a_search(shared_slapd: Slapd) -> None:
    """Objects that are read while a long search runs on the same connection keep their answers apart from it.

    OpenLDAP keeps the place of one paged search a connection: a second one would spoil the first.
    """
    users = [f"u{number:07d}" for number in range(0, 5000, 100)]
    async with connection(ldaps(shared_slapd), shared_slapd.reader) as opened:
        search = asyncio.create_task(names(opened, shared_slapd.people_dn, "(objectClass=user)", page_size=200))
        found = await asyncio.gather(*(opened.read(f"CN={user},{shared_slapd.people_dn}", ["cn"]) for user in users))
        everyone = await search
    assert len(everyone) == len(set(everyone)) == 5000
    assert [entry and entry.text("cn") for entry in found] == users


async def test_searches_share_a_connection(shared_corp: SambaDomain) -> None:
    """A domain controller serves several paged searches at once; none takes entries from another."""
    filters = ["(objectCategory=person)", "(objectClass=group)", "(objectClass=container)"]
    async with connection(ldaps(shared_corp), shared_corp.reader) as opened:
        alone = [await names(opened, shared_corp.base_dn, filter) for filter in filters]
        together = await asyncio.gather(
            *(names(opened, shared_corp.base_dn, filter, page_size=2) for filter in filters)
        )
    assert [sorted(found) for found in together] == [sorted(found) for found in alone]
    assert min(len(found) for found in alone) > 2


async def test_cancelled_search_leaves_the_connection_in_order(shared_slapd: Slapd) -> None:
    """Who stops listening to a long search can go on asking other things at once."""
    async with connection(ldaps(shared_slapd), shared_slapd.reader) as opened:
        for _ in range(3):
            async for _page in opened.search(shared_slapd.people_dn, "(objectClass=user)", ["*"], page_size=500):
                break
            search = asyncio.create_task(names(opened, shared_slapd.people_dn, "(cn=u*)"))
            await asyncio.sleep(0)
            search.cancel()
        assert await names(opened, shared_slapd.people_dn, "(cn=u0000001)") == ["u0000001"]


async def test_search_of_a_whole_domain_passes_over_referrals(shared_corp: SambaDomain) -> None:
    """The references to other partitions in a domain's answers are not followed and hide nothing."""
    async with connection(ldaps(shared_corp), shared_corp.reader) as opened:
        found = await names(opened, shared_corp.base_dn, "(objectCategory=person)", page_size=2)
    assert {"Administrator", "monitor"} <= set(found)


async def test_an_object_is_found_by_its_guid(shared_corp: SambaDomain) -> None:
    """An object is read by its GUID whatever its name; a name that is nobody's reads as nothing."""
    async with connection(ldaps(shared_corp), shared_corp.reader) as opened:
        monitor = await opened.read(f"CN=monitor,CN=Users,{shared_corp.base_dn}", ["objectGUID"])
        assert monitor is not None
        same = await opened.read(f"<GUID={guid_text(monitor.value('objectGUID') or b'')}>", ["sAMAccountName"])
        assert same is not None
        assert same.text("sAMAccountName") == "monitor"
        assert await opened.read(f"CN=nobody,CN=Users,{shared_corp.base_dn}") is None


async def test_writes_are_pipelined(own_server: Slapd | SambaDomain) -> None:
    """Many additions, changes, renames and deletions go out at once, and each does its own."""
    users = [f"p{number}" for number in range(40)]
    parent = own_server.people_dn
    async with never_blocking(30), connection(ldaps(own_server), own_server.admin) as opened:
        await add_users(opened, parent, *users)
        await asyncio.gather(
            *(opened.modify(f"CN={user},{parent}", [Change("replace", "title", [user])]) for user in users)
        )
        await asyncio.gather(*(opened.rename(f"CN={user},{parent}", f"CN=r-{user}") for user in users[:20]))
        await asyncio.gather(*(opened.delete(f"CN={user},{parent}") for user in users[20:]))
        found = {
            entry.text("cn"): entry.text("title")
            async for page in opened.search(parent, "(title=p*)", ["cn", "title"])
            for entry in page
        }
    assert found == {f"r-{user}": user for user in users[:20]}


async def test_refused_writes_say_why_and_spare_the_rest(own_server: Slapd | SambaDomain) -> None:
    """Among pipelined writes only those fail that the server refuses, each with its own reason."""
    parent = own_server.people_dn
    async with connection(ldaps(own_server), own_server.admin) as opened:
        await add_users(opened, parent, "one")
        results = await asyncio.gather(
            add_users(opened, parent, "one"),
            add_users(opened, parent, "two"),
            opened.delete(f"CN=nobody,{parent}"),
            opened.modify(f"CN=one,{parent}", [Change("add", "title", ["Chief"])]),
            return_exceptions=True,
        )
        assert sorted(await names(opened, parent, "(objectClass=user)")) == ["one", "two"]
    assert [getattr(result, "code", result) for result in results] == [ALREADY_EXISTS, None, NO_SUCH_OBJECT, None]


async def test_an_object_moves_to_another_container(samba_aadds: SambaDomain) -> None:
    """A rename with another parent moves the object and keeps its identity."""
    elsewhere = f"OU=AADDC Computers,{samba_aadds.base_dn}"
    async with connection(ldaps(samba_aadds), samba_aadds.admin) as opened:
        await add_users(opened, samba_aadds.people_dn, "mover")
        before = await opened.read(f"CN=mover,{samba_aadds.people_dn}", ["objectGUID"])
        await opened.rename(f"CN=mover,{samba_aadds.people_dn}", "CN=moved", superior=elsewhere)
        after = await opened.read(f"CN=moved,{elsewhere}", ["objectGUID"])
    assert before is not None
    assert after is not None
    assert before.value("objectGUID") == after.value("objectGUID")


async def test_wrong_password(samba_corp: SambaDomain) -> None:
    """A wrong password is told from every other refusal by Active Directory's own number."""
    async with connection(ldaps(samba_corp)) as opened:
        with pytest.raises(Refused) as refused:
            await opened.bind(samba_corp.reader.user, "wrong")
    assert (refused.value.code, refused.value.subcode) == (INVALID_CREDENTIALS, "52e")
    assert "wrong" not in str(refused.value)


async def test_password_is_needed(shared_corp: SambaDomain) -> None:
    """An empty password, which a server would take for an anonymous bind, is never sent."""
    async with connection(ldaps(shared_corp)) as opened:
        with pytest.raises(ValueError, match="password"):
            await opened.bind(shared_corp.reader.user, "")


async def test_anonymous_search_is_refused(shared_corp: SambaDomain) -> None:
    """A domain controller answers nobody who has not signed in; that is a refusal, not an empty directory."""
    async with connection(ldaps(shared_corp)) as opened:
        with pytest.raises(Refused):
            await names(opened, shared_corp.base_dn, "(objectClass=user)")


async def test_start_tls(shared_corp: SambaDomain, shared_slapd: Slapd) -> None:
    """StartTLS on the plain port protects the sign-in as LDAPS does."""
    for server in (shared_corp, shared_slapd):
        async with connection(start_tls(server), server.reader) as opened:
            assert await opened.read(server.people_dn, ["objectClass"]) is not None


async def test_plain_text_sign_in_is_refused_by_the_server(shared_corp: SambaDomain) -> None:
    """A domain controller that demands protection says so."""
    async with connection(plain(shared_corp)) as opened:
        with pytest.raises(Refused) as refused:
            await opened.bind(shared_corp.reader.user, shared_corp.reader.password)
    assert refused.value.code == STRONGER_AUTH


async def test_plain_text_never_leaves_the_machine() -> None:
    """Plain text to any other host is refused before a packet is sent."""
    with pytest.raises(Untrusted):
        async with connection(Endpoint(host="192.0.2.1", port=389, security=Security.PLAIN)):
            pass


async def test_reader_may_not_write(slapd: Slapd) -> None:
    """An account without the right to write is told so."""
    async with connection(ldaps(slapd), slapd.reader) as opened:
        with pytest.raises(Refused, match="insufficientAccessRights"):
            await add_users(opened, slapd.people_dn, "intruder")
        with pytest.raises(Refused):
            await opened.bind(slapd.reader.user, "wrong")


async def test_unknown_account(shared_slapd: Slapd) -> None:
    """A refused sign-in is a refusal, whatever the server says beside it."""
    with pytest.raises(LdapError):
        async with connection(ldaps(shared_slapd), Account("cn=nobody,dc=aadds,dc=example", "x")):
            pass
