"""The filter by which a directory is asked for one object."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tui.ldap.filters import filter_request
from tui.model.lookup import lookup
from tui.sources.ldap_side import name_filter

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
