"""How a directory is asked for one object, or for all of them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START, ManualClock
from tests.sources.ldap_fake import OPENLDAP, FakeDirectory
from tui.ldap.filters import filter_request
from tui.model.lookup import lookup
from tui.model.states import ObjectType, Side
from tui.sources.ldap_side import LdapSide, name_filter

ITEM = re.compile(r"\(([A-Za-z-]+)=((?:smtp:)?(?:[^()\\*\x00]|\\[0-9a-fA-F]{2})*)\)")
NAMES = {
    "cn",
    "displayName",
    "distinguishedName",
    "mS-DS-ConsistencyGuid",
    "mail",
    "msDS-AzureADObjectId",
    "msDS-aadObjectId",
    "objectGUID",
    "objectSid",
    "proxyAddresses",
    "sAMAccountName",
    "sIDHistory",
    "userPrincipalName",
}


@given(
    st.text(max_size=300)
    | st.text("()*\\&|!=<>~\x00 ,abc", max_size=30)
    | st.uuids().map(str)
    | st.from_regex(r"S-1-5-21(-\d{1,9}){3}", fullmatch=True)
)
def test_no_name_becomes_part_of_the_filter(name: str) -> None:
    """Whatever is typed stays a value: the filter parses, and consists of nothing but equalities of known names."""
    condition = name_filter(lookup(name))
    filter_request(condition)
    items = ITEM.findall(condition)
    assert {attribute for attribute, _ in items} <= NAMES
    assert ITEM.sub("", condition).replace("(|", "").replace(")", "") == ""


def test_an_asterisk_is_a_letter() -> None:
    """An asterisk finds what is called so, not everything."""
    assert "(displayName=\\2a)" in name_filter(lookup("*"))


async def test_a_directory_without_computers_lists_its_users(clock: ManualClock) -> None:
    """OpenLDAP's schema may lack Active Directory's classes: its users and groups are found and listed all the same."""
    directory = FakeDirectory(clock, **OPENLDAP)
    directory.unknown = frozenset({"computer", "contact", "user", "group", "objectcategory"})
    directory.put("cn=anna,ou=people", objectClass=["inetOrgPerson"], cn="anna", displayName="Anna")
    directory.put("cn=staff,ou=people", objectClass=["groupOfNames"], cn="staff")
    side = LdapSide(directory.session(), Side.MANAGED_DOMAIN, clock)
    (user,) = [one async for page in side.list(ObjectType.USERS) for one in page]
    (group,) = [one async for page in side.list(ObjectType.GROUPS) for one in page]
    assert (user.object.name, group.object.name) == ("Anna", "staff")
    assert user.created == START
    (seen,) = await side.find("staff")
    assert seen.object.type == "group"


async def test_computers_are_no_users(clock: ManualClock) -> None:
    """Active Directory's computers are users by class, and are neither found nor listed as such."""
    directory = FakeDirectory(clock)
    directory.user("anna")
    joined = ["top", "person", "organizationalPerson", "user", "computer"]
    directory.put("CN=PC1,CN=Computers", objectClass=joined, objectCategory="computer", cn="PC1")
    side = LdapSide(directory.session(), Side.ON_PREMISES, clock)
    listed = [one.object.name async for page in side.list(ObjectType.USERS) for one in page]
    assert listed == ["Anna"]
    assert await side.find("PC1") == []


async def test_large_pages_are_handed_on_in_parts(clock: ManualClock) -> None:
    """A page of a thousand users is no reason for a key to wait."""
    directory = FakeDirectory(clock)
    for number in range(1000):
        directory.user(f"u{number}")
    side = LdapSide(directory.session(), Side.ON_PREMISES, clock)
    parts = [len(page) async for page in side.list(ObjectType.USERS)]
    assert sum(parts) == 1000
    assert max(parts) <= 250
