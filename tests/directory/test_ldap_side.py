"""One object asked for, and all of them listed, in real domains."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from tests.builders import healthy
from tests.directory.clients import connection, ldaps
from tests.directory.samba import SambaDomain
from tests.directory.server import Account
from tests.service.sides import HeldSide
from tui.clock import SystemClock
from tui.model.comparison import Listed, Part
from tui.model.facts import ObjectRef
from tui.model.marks import Mark
from tui.model.snapshot import Thresholds
from tui.model.states import HopName, ObjectType, Side
from tui.model.trace import Outcome, Sighting
from tui.service.comparing import Comparer
from tui.service.tracing import trace
from tui.settings import DirectorySettings
from tui.sources.errors import Denied, SourceError
from tui.sources.ldap_session import DirectorySession
from tui.sources.ldap_side import LdapSide

ENTRA_ID = "6814ae60-e834-477d-ada5-00f892c469c1"
NASTY = "O'Neil (Jane) * \\ #1"


def person(domain: SambaDomain, account: str, **more: str) -> dict[str, tuple[str | bytes, ...]]:
    base = {
        "objectClass": "user",
        "sAMAccountName": account,
        "userPrincipalName": f"{account}@{domain.domain}",
        "displayName": f"Display of {account}",
        "mail": f"{account}@mail.example",
        "department": "Sales",
        **more,
    }
    return {name: (value,) for name, value in base.items()}


async def add(domain: SambaDomain, name: str, attributes: Mapping[str, tuple[str | bytes, ...]]) -> str:
    dn = f"CN={name},{domain.people_dn}"
    async with connection(ldaps(domain), domain.admin) as opened:
        await opened.add(dn, attributes)
    return dn


@asynccontextmanager
async def side_of(domain: SambaDomain, side: Side, account: Account | None = None) -> AsyncIterator[LdapSide]:
    account = account or domain.reader
    password = domain.folder / f"password-{account.user}"
    password.write_text(account.password)
    password.chmod(0o600)
    settings = DirectorySettings(url=domain.url, bind_user=account.user, password_file=password, ca_file=domain.ca_file)
    session = DirectorySession(settings, SystemClock(), label="test")
    try:
        yield LdapSide(session, side, SystemClock())
    finally:
        await session.aclose()


async def test_an_on_premises_user_by_any_name(samba_corp: SambaDomain) -> None:
    """A user of Active Directory is found by each of its names, and by the source anchor that Connect makes of it."""
    dn = await add(
        samba_corp, "Jane Doe", {**person(samba_corp, "jane"), "proxyAddresses": ("SMTP:j.doe@mail.example",)}
    )
    async with side_of(samba_corp, Side.ON_PREMISES) as side:
        (seen,) = await side.find("jane")
        anchor = seen.object.source_anchor or ""
        guid = str(UUID(bytes_le=base64.b64decode(anchor)))
        names = (
            "JANE@corp.example", "CORP\\jane", "jane@mail.example", "j.doe@mail.example", "Display of jane", "Jane Doe",
            dn, guid, anchor, seen.sid or "",
        )  # fmt: skip
        for name in names:
            assert [one.object.dn for one in await side.find(name)] == [dn], name
        assert await side.find("jan") == []
    assert (seen.enabled, seen.is_local, seen.account_name) == (False, None, "jane")
    assert seen.attributes["department"] == ("Sales",)
    assert seen.created is not None
    assert abs(SystemClock().now() - seen.created) < timedelta(minutes=5)


async def test_names_full_of_filter_characters(samba_corp: SambaDomain) -> None:
    """A name with brackets, asterisks and backslashes finds its object alone; an asterisk finds nothing."""
    await add(samba_corp, "nasty", person(samba_corp, "nasty", displayName=NASTY))
    async with side_of(samba_corp, Side.ON_PREMISES) as side:
        assert [one.account_name for one in await side.find(NASTY)] == ["nasty"]
        assert await side.find("*") == []


async def test_built_in_objects_and_groups(samba_corp: SambaDomain) -> None:
    """Administrator is known as built-in, and groups are found as groups."""
    async with side_of(samba_corp, Side.ON_PREMISES) as side:
        (administrator,) = await side.find("administrator")
        (group,) = await side.find("Domain Admins")
    assert Mark.BUILT_IN in administrator.marks
    assert (group.object.type, group.notes) == ("group", ("built-in object of the domain",))


@pytest.mark.parametrize("form", ["text", "prefixed"])
async def test_a_synced_user_of_a_managed_domain(samba_aadds: SambaDomain, form: str) -> None:
    """A synced user is found by its id in Entra, in whatever form the domain keeps it; a local one is told as such."""
    value = ENTRA_ID if form == "text" else f"User_{ENTRA_ID}"
    await add(samba_aadds, "jane", {**person(samba_aadds, "jane"), "msDS-aadObjectId": (value,)})
    await add(samba_aadds, "svc", person(samba_aadds, "svc"))
    async with side_of(samba_aadds, Side.MANAGED_DOMAIN) as side:
        (seen,) = await side.find(ENTRA_ID)
        (local,) = await side.find("svc")
        made = await side.made()
    assert (seen.object.id, seen.is_local, seen.object.source_anchor) == (ENTRA_ID, False, None)
    assert local.is_local is True
    assert made is not None
    assert made <= (seen.created or made)


async def test_lists_in_pages(samba_corp: SambaDomain) -> None:
    """Every user is listed once, page by page, with what it is joined by; computers are not among them."""
    samba_corp.stop()
    samba_corp.load(1500, groups=2, members=3)
    samba_corp.launch()
    async with side_of(samba_corp, Side.ON_PREMISES) as side:
        pages = [page async for page in side.list(ObjectType.USERS)]
        groups = [one async for page in side.list(ObjectType.GROUPS) for one in page]
    users = [one for page in pages for one in page]
    assert len(pages) >= 2
    assert len({one.object.source_anchor for one in users}) == len(users) >= 1500
    assert not any((one.object.name or "").endswith("$") for one in users)
    assert sum(Mark.BUILT_IN not in one.marks for one in groups) >= 2
    assert all(one.sid and one.created for one in users)


async def test_a_trace_over_two_real_domains(samba_corp: SambaDomain, samba_aadds: SambaDomain) -> None:
    """One user is followed from the on-premises domain into the managed one, with what differs."""
    await add(samba_corp, "jane", person(samba_corp, "jane"))
    await add(
        samba_aadds,
        "jane",
        {**person(samba_aadds, "jane", department="HR"), "msDS-aadObjectId": (ENTRA_ID,)},
    )
    async with (
        side_of(samba_corp, Side.ON_PREMISES) as corp,
        side_of(samba_aadds, Side.MANAGED_DOMAIN) as managed,
    ):
        (here,) = await corp.find("jane")
        entra = Sighting(
            side=Side.ENTRA,
            found=True,
            object=replace(here.object, id=ENTRA_ID, dn=None),
            attributes=here.attributes,
            is_local=False,
            nickname="jane",
        )
        told = await trace(
            "jane@corp.example", (corp, HeldSide(Side.ENTRA, entra), managed), healthy(), Thresholds(), SystemClock()
        )
    assert [one.found for one in told.sightings] == [True, True, True]
    assert told.outcome is Outcome.DIFFERS
    assert "department" in [one.name for one in told.differences]


async def test_a_comparison_with_a_real_domain(samba_aadds: SambaDomain) -> None:
    """What the managed domain lacks is named, and its own local and built-in objects are not."""
    await add(samba_aadds, "jane", {**person(samba_aadds, "jane"), "msDS-aadObjectId": (ENTRA_ID,)})
    old = SystemClock().now() - timedelta(days=9)
    users = [
        Listed(object=ObjectRef(type="user", id=id, name=name), created=old, marks=frozenset({Mark.SYNCED}))
        for id, name in ((ENTRA_ID, "jane"), ("0" * 8 + ENTRA_ID[8:], "lost"))
    ]
    async with side_of(samba_aadds, Side.MANAGED_DOMAIN) as managed:
        result = await Comparer(SystemClock()).compare(
            HopName.DOMAIN_SERVICES,
            ObjectType.USERS,
            (HeldSide(Side.ENTRA, pages=[users]), managed),
            healthy(),
            Thresholds(),
        )
    assert [(one.object.name, one.part) for one in result.examples] == [("lost", Part.UNEXPLAINED)]


async def test_a_refused_bind_is_a_source_error(samba_corp: SambaDomain) -> None:
    """A wrong password ends in the error that pollers know, for find, list and the domain's age alike."""
    wrong = Account(samba_corp.reader.user, "not it")
    async with side_of(samba_corp, Side.ON_PREMISES, wrong) as side:
        with pytest.raises(Denied):
            await side.find("jane")
        with pytest.raises(SourceError):
            _ = [page async for page in side.list(ObjectType.USERS)]
        with pytest.raises(SourceError):
            await side.made()


async def test_a_server_that_goes_away(samba_corp: SambaDomain) -> None:
    """A server that is gone is a source error, not a crash."""
    async with side_of(samba_corp, Side.ON_PREMISES) as side:
        await side.find("administrator")
        samba_corp.kill()
        with pytest.raises(SourceError):
            await side.find("administrator")
