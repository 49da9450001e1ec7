"""Attributes and names in the managed domain, as facts/domain.md 1.2 tells them."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.sync.mapping import group_attributes, user_attributes
from tui.sync.naming import LONGEST_USER_NAME, candidates, group_wish, user_wish
from tui.sync.targets.target import InvalidValue

USER = {
    "id": "11111111-2222-4333-8444-555555555555",
    "userPrincipalName": "ada@contoso.com",
    "mailNickname": "ada",
    "accountEnabled": True,
    "city": "London",
    "companyName": "Contoso",
    "country": "UK",
    "department": "R&D",
    "displayName": "Ada Byron",
    "employeeId": "42",
    "faxNumber": "1",
    "givenName": "Ada",
    "jobTitle": "Analyst",
    "mail": "ada@contoso.com",
    "mobilePhone": "2",
    "officeLocation": "B1",
    "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-1104",
    "passwordPolicies": "DisableStrongPassword, DisablePasswordExpiration",
    "postalCode": "N1",
    "preferredLanguage": "en-GB",
    "proxyAddresses": ["SMTP:ada@contoso.com", "smtp:a@contoso.com"],
    "state": "England",
    "streetAddress": "1 St",
    "surname": "Byron",
    "businessPhones": ["3", "4"],
    "lastPasswordChangeDateTime": "2026-11-22T03:00:00Z",
}


def test_every_attribute_of_a_user() -> None:
    """Each property goes where Microsoft's table says."""
    assert user_attributes(USER) == {
        "userPrincipalName": ("ada@contoso.com",),
        "msDS-AzureADMailNickname": ("ada",),
        "msDS-aadObjectId": ("11111111-2222-4333-8444-555555555555",),
        "l": ("London",),
        "company": ("Contoso",),
        "co": ("UK",),
        "department": ("R&D",),
        "displayName": ("Ada Byron",),
        "employeeId": ("42",),
        "facsimileTelephoneNumber": ("1",),
        "givenName": ("Ada",),
        "title": ("Analyst",),
        "mail": ("ada@contoso.com",),
        "mobile": ("2",),
        "physicalDeliveryOfficeName": ("B1",),
        "sIDHistory": ("S-1-5-21-1-2-3-1104",),
        "userAccountControl": (str(0x200 | 0x10000),),
        "postalCode": ("N1",),
        "preferredLanguage": ("en-GB",),
        "proxyAddresses": ("SMTP:ada@contoso.com", "smtp:a@contoso.com"),
        "st": ("England",),
        "streetAddress": ("1 St",),
        "sn": ("Byron",),
        "telephoneNumber": ("3",),
        "pwdLastSet": ("134397900000000000",),
    }


@pytest.mark.parametrize(
    ("properties", "bits"),
    [
        ({"accountEnabled": True}, 0x200),
        ({"accountEnabled": False}, 0x202),
        ({}, 0x202),
        ({"accountEnabled": "true"}, 0x202),
        ({"accountEnabled": True, "passwordPolicies": "DisablePasswordExpiration"}, 0x10200),
        ({"accountEnabled": False, "passwordPolicies": "None"}, 0x202),
    ],
)
def test_account_control(properties: dict[str, Any], bits: int) -> None:
    """Disabled and never-expires are bits; an account is enabled only where that is said."""
    mapped = user_attributes({"id": "x", "userPrincipalName": "a@b", **properties})
    assert mapped["userAccountControl"] == (str(bits),)


def test_a_forced_password_change() -> None:
    """Whoever must change the password has pwdLastSet 0."""
    assert user_attributes({**USER, "passwordProfile": {"forceChangePasswordNextSignIn": True}})["pwdLastSet"] == ("0",)


def test_every_attribute_of_a_group() -> None:
    """Security groups and distribution groups differ in groupType; the id goes to the groups' attribute."""
    group = {
        "id": "g",
        "displayName": "All",
        "mail": "all@contoso.com",
        "mailNickname": "all",
        "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-1105",
        "proxyAddresses": ["SMTP:all@contoso.com"],
        "securityEnabled": True,
    }
    assert group_attributes(group) == {
        "displayName": ("All",),
        "mail": ("all@contoso.com",),
        "msDS-AzureADMailNickname": ("all",),
        "msDS-AzureADObjectId": ("g",),
        "sIDHistory": ("S-1-5-21-1-2-3-1105",),
        "proxyAddresses": ("SMTP:all@contoso.com",),
        "groupType": ("-2147483646",),
    }
    assert group_attributes({**group, "securityEnabled": None})["groupType"] == ("2",)


@pytest.mark.parametrize(
    ("name", "value", "attribute"),
    [
        ("userPrincipalName", None, "userPrincipalName"),
        ("userPrincipalName", "ada", "userPrincipalName"),
        ("userPrincipalName", "a b@c", "userPrincipalName"),
        ("city", 7, "l"),
        ("displayName", "x" * 257, "displayName"),
        ("displayName", "nul\0", "displayName"),
        ("surname", "\ud800", "sn"),
        ("proxyAddresses", "smtp:a@b", "proxyAddresses"),
        ("proxyAddresses", [["x"]], "proxyAddresses"),
        ("onPremisesSecurityIdentifier", "me", "sIDHistory"),
    ],
)
def test_invalid_values_name_their_attribute(name: str, value: Any, attribute: str) -> None:
    """A value that cannot be stored is refused by the attribute's name."""
    with pytest.raises(InvalidValue) as refused:
        user_attributes({**USER, name: value})
    assert refused.value.attribute == attribute


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(USER)), ANY))
def test_any_properties_map_or_are_refused(properties: dict[str, Any]) -> None:
    """Whatever the properties hold, mapping gives storable text or a refusal."""
    for mapped in (user_attributes, group_attributes):
        try:
            attributes = mapped({**properties, "id": "x"})
        except InvalidValue:
            continue
        for values in attributes.values():
            assert values
            for value in values:
                assert "\0" not in value
                value.encode()


@pytest.mark.parametrize(
    ("nickname", "upn", "first"),
    [
        ("ada", "ada@x", "ada"),
        ("o'neil", "o@x", "o'neil"),
        (None, "ada@x", "ada"),
        ("a" * 20, "ada@x", "a" * 20),
        ("a" * 21, "ada@x", "aaaaaaaaaaa-"),
        ("ada", f"{'a' * 21}@x", "ada-"),
        ("ad[a]", "ada@x", "ada-"),
        ("ada.", "ada@x", "ada-"),
        ("krbtgt", "ada@x", "krbtgt-"),
        ("Administrator", "ada@x", "Administrat-"),
        ("[]", "ada@x", "account-"),
    ],
)
def test_names_of_users(nickname: str | None, upn: str, first: str) -> None:
    """The nickname is the name where it is short, legal and not a built-in one; else one is made from it."""
    name = next(candidates(user_wish({"mailNickname": nickname, "userPrincipalName": upn}), "id"))
    assert name == first or (first.endswith("-") and name.startswith(first) and len(name) == len(first) + 8)


def test_names_of_groups() -> None:
    """Groups are named by displayName, spaces and all."""
    assert next(candidates(group_wish({"displayName": "All Staff (London)"}), "id")) == "All Staff (London)"


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=40))
def test_any_name_gives_legal_ones(nickname: str, prefix: str, id: str) -> None:
    """All candidates are legal, short, distinct, and the same for the same object."""
    wish = user_wish({"mailNickname": nickname, "userPrincipalName": f"{prefix}@x"})
    id = id.encode("ascii", "replace").decode()
    names = list(islice(candidates(wish, id), 10))
    assert names == list(islice(candidates(wish, id), 10))
    assert len({name.casefold() for name in names}) == 10
    for name in names:
        assert 0 < len(name) <= LONGEST_USER_NAME
        assert not set(name) & set('"/\\[]:;|=,+*?<>@\0\n')
        assert not name.endswith((".", " "))
