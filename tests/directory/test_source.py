"""The monitor's reading of real directories: counts, changes, and the servers' own ways."""

from __future__ import annotations

import asyncio
import base64
import re
import uuid
from collections.abc import Iterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.directory.clients import never_blocking
from tests.directory.running import stopped_slapd
from tests.directory.samba import SambaDomain
from tests.directory.slapd import Slapd
from tests.directory.sources import (
    GROUPS,
    USERS,
    ShiftedClock,
    all_closed,
    group,
    id_of,
    numbers,
    replaced,
    session,
    source,
    user,
)
from tui.model.reading import Absence
from tui.model.states import ObjectType, Side
from tui.sources.ldap_object_id import object_id_filter, object_id_of
from tui.sources.ldap_session import ServerKind

__all__ = ["all_closed"]

SOON = timedelta(seconds=5)
_TEXT = "NAME 'msDS-aadObjectId' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15"
_BYTES = "NAME 'msDS-aadObjectId' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40"


@pytest.fixture
def binary_ids() -> Iterator[Slapd]:
    """An OpenLDAP server that stores object ids as bytes."""
    with stopped_slapd() as server:
        configuration = server.configuration.read_text()
        schema = Path(re.findall(r"include (\S+active-directory.schema)", configuration)[0])
        own = server.folder / "binary.schema"
        text = schema.read_text()
        assert _TEXT in text
        own.write_text(text.replace(_TEXT, _BYTES))
        server.configuration.write_text(configuration.replace(str(schema), str(own)))
        server.launch()
        yield server


async def test_a_managed_domain_is_counted_by_type(samba_aadds: SambaDomain) -> None:
    """An ordinary user of the domain is told synced, local and disabled objects; built-in ones are neither."""
    people, base = samba_aadds.people_dn, samba_aadds.base_dn
    samba_aadds.modify(
        "".join(user(people, f"u{n}", f"msDS-aadObjectId: {id_of(n)}", "userAccountControl: 514") for n in range(1, 4))
        + group(people, "g1", f"msDS-AzureADObjectId: Group_{id_of(9)}")
        + user(f"CN=Users,{base}", "local")
        + f"dn: CN=PC1,OU=AADDC Computers,{base}\nchangetype: add\nobjectClass: computer\nsAMAccountName: PC1$\n"
    )
    before = await source(session(samba_aadds), Side.MANAGED_DOMAIN).fetch()
    assert numbers(before) == (3, 1)
    assert before.disabled[USERS].value == 3
    assert before.local[ObjectType.DEVICES].value == 1
    samba_aadds.modify(user(f"CN=Users,{base}", "local2") + group(f"CN=Users,{base}", "local group"))
    after = await source(session(samba_aadds), Side.MANAGED_DOMAIN).fetch()
    assert [(after.local[kind].value or 0) - (before.local[kind].value or 0) for kind in (USERS, GROUPS)] == [1, 1]
    assert after.server == "dc1.aadds.example"


async def test_an_on_premises_domain_is_counted_without_what_connect_leaves_out(samba_corp: SambaDomain) -> None:
    """A fresh domain holds built-in objects alone; what is made in it should go to Entra, but for some by name."""
    people = samba_corp.people_dn
    before = await source(session(samba_corp), Side.ON_PREMISES).fetch()
    assert (before.excluded[USERS].value or 0) >= 3
    assert (before.excluded[GROUPS].value or 0) >= 30
    samba_corp.modify(
        user(people, "anna", "userAccountControl: 514") + user(people, "MSOL_1f2e") + group(people, "staff")
        + group(people, "unmailed", "groupType: 2") + group(people, "list", "groupType: 2", "proxyAddresses: SMTP:l@x")
        + f"dn: CN=c1,{people}\nchangetype: add\nobjectClass: contact\nmail: c@x\nproxyAddresses: SMTP:c@x\n\n"
        + f"dn: CN=c2,{people}\nchangetype: add\nobjectClass: contact\n\n"
        + f"dn: CN=PC1,{people}\nchangetype: add\nobjectClass: computer\nsAMAccountName: PC1$\n"
        + "userCertificate:: MAA=\n\n"
        + f"dn: CN=PC2,{people}\nchangetype: add\nobjectClass: computer\nsAMAccountName: PC2$\n"
    )  # fmt: skip
    after = await source(session(samba_corp), Side.ON_PREMISES).fetch()

    def grown(part: str, kind: ObjectType) -> int:
        old, new = (getattr(facts, part)[kind].value for facts in (before, after))
        return int(new - old)

    assert [grown("synced", kind) for kind in ObjectType] == [1, 2, 1, 1]
    assert [grown("excluded", kind) for kind in ObjectType] == [1, 1, 1, 1]
    assert grown("disabled", USERS) == 1


async def test_an_ordinary_user_learns_which_database_answers(shared_corp: SambaDomain) -> None:
    """The invocation id, to which the numbers of writes belong, needs no rights of an administrator."""
    root = await session(shared_corp).root()
    assert root.kind is ServerKind.ACTIVE_DIRECTORY
    assert uuid.UUID(root.invocation)
    assert root.is_synchronized is True
    assert root.clock_offset_s == 0.0


async def test_changes_of_a_managed_domain_are_followed(samba_aadds: SambaDomain) -> None:
    """New and changed objects are told once, deletions are counted some minutes later, an idle server is left alone."""
    clock = ShiftedClock()
    reader = source(session(samba_aadds, clock=clock), Side.MANAGED_DOMAIN, clock)
    assert (await reader.fetch()).changes == ()
    clock.jump(60)
    anna = f"CN=anna,{samba_aadds.people_dn}"
    samba_aadds.modify(user(samba_aadds.people_dn, "anna", f"msDS-aadObjectId: {id_of(1)}"))
    made = await reader.fetch()
    assert [(change.object_id, change.created) for change in made.changes] == [(id_of(1), True)]
    assert numbers(made) == (1, 0)
    assert abs(made.changes[0].at - clock.now()) < SOON
    await asyncio.sleep(1.1)
    samba_aadds.modify(replaced(anna, "department", "Sales") + replaced(anna, "userAccountControl", "512"))
    changed = await reader.fetch()
    assert [(change.name, change.created) for change in changed.changes] == [("anna", False)]
    assert changed.changes[0].values["department"] == ("Sales",)
    assert changed.last_change == changed.changes[0].at
    asked = reader.exchange().requests
    assert (await reader.fetch()).changes == ()
    assert reader.exchange().requests == asked + 1
    samba_aadds.modify(f"dn: {anna}\nchangetype: delete\n")
    clock.jump(301)
    assert numbers(await reader.fetch()) == (0, 0)


async def test_changes_on_premises_carry_the_source_anchor(samba_corp: SambaDomain) -> None:
    """The anchor by which Connect joins is objectGUID until mS-DS-ConsistencyGuid is set."""
    reader = source(session(samba_corp), Side.ON_PREMISES)
    await reader.fetch()
    samba_corp.modify(user(samba_corp.people_dn, "anna", "title: Clerk"))
    (made,) = (await reader.fetch()).changes
    guid = re.search(r"objectGUID:: (\S+)", samba_corp.find("(sAMAccountName=anna)", "objectGUID"))
    assert guid is not None
    assert made.source_anchor == guid[1]
    assert made.values["jobTitle"] == ("Clerk",)
    assert (made.security_id or "").startswith("S-1-5-21-")
    anchor = base64.b64encode(bytes(range(16))).decode()
    samba_corp.modify(
        f"dn: CN=anna,{samba_corp.people_dn}\nchangetype: modify\n"
        f"replace: mS-DS-ConsistencyGuid\nmS-DS-ConsistencyGuid:: {anchor}\n"
    )
    (changed,) = (await reader.fetch()).changes
    assert changed.source_anchor == anchor


async def test_start_tls_reads_the_same(shared_aadds: SambaDomain) -> None:
    """ldap:// with StartTLS is as good as ldaps://."""
    encrypted = session(shared_aadds, url=shared_aadds.plain_url, start_tls=True)
    facts = await source(encrypted, Side.MANAGED_DOMAIN).fetch()
    assert facts.synced[USERS].value is not None


async def test_openldap_is_counted_without_holding_anyone_up(shared_slapd: Slapd) -> None:
    """Five thousand users count in pages; the event loop stays free; what OpenLDAP cannot tell is not reported."""
    reader = source(session(shared_slapd), Side.MANAGED_DOMAIN)
    async with never_blocking():
        facts = await reader.fetch()
    assert numbers(facts) == (5000, 10)
    assert facts.local[USERS].value == 0
    assert facts.disabled[USERS].absence is Absence.NOT_REPORTED


async def test_changes_in_openldap_are_followed(slapd: Slapd) -> None:
    """Without numbers of writes the entries' own stamps are followed, to the microsecond."""
    slapd.modify(user(slapd.people_dn, "anna", "cn: anna", f"msDS-aadObjectId: {id_of(1)}"))
    clock = ShiftedClock()
    reader = source(session(slapd, clock=clock), Side.MANAGED_DOMAIN, clock)
    first = await reader.fetch()
    assert (numbers(first), first.changes) == ((1, 0), ())
    clock.jump(60)
    await asyncio.sleep(1.1)
    slapd.modify(user(slapd.people_dn, "bert", "cn: bert", f"msDS-aadObjectId: {id_of(2)}"))
    slapd.modify(replaced(f"CN=anna,{slapd.people_dn}", "department", "Sales"))
    found = await reader.fetch()
    assert {(change.object_id, change.created) for change in found.changes} == {(id_of(1), False), (id_of(2), True)}
    assert numbers(found) == (2, 0)
    assert (await reader.fetch()).changes == ()


async def test_binary_object_ids_are_read_and_found(binary_ids: Slapd) -> None:
    """A domain that stores ids as 16 bytes is counted, and its objects are found by id."""
    identity = uuid.UUID(id_of(0xABCDEF012345))
    value = base64.b64encode(identity.bytes_le).decode()
    binary_ids.modify(user(binary_ids.people_dn, "anna", "cn: anna", f"msDS-aadObjectId:: {value}"))
    opened = session(binary_ids)
    assert numbers(await source(opened, Side.MANAGED_DOMAIN).fetch()) == (1, 0)
    wanted = object_id_filter(str(identity))
    async with aclosing(opened.pages(binary_ids.base_dn, wanted, ("*",))) as pages:  # type: ignore[type-var]
        found = [entry async for page in pages for entry in page]
    assert [object_id_of(entry) for entry in found] == [str(identity)]


@pytest.mark.parametrize("form", [id_of(5), f"User_{id_of(5)}"])
async def test_samba_finds_text_ids(samba_aadds: SambaDomain, form: str) -> None:
    """The search that holds for every form does not trouble a server whose ids are text."""
    samba_aadds.modify(user(samba_aadds.people_dn, "anna", f"msDS-aadObjectId: {form}"))
    opened = session(samba_aadds)
    wanted = object_id_filter(id_of(5))
    async with aclosing(opened.pages(samba_aadds.base_dn, wanted, ("*",))) as pages:  # type: ignore[type-var]
        found = [entry async for page in pages for entry in page]
    assert [object_id_of(entry) for entry in found] == [id_of(5)]
