"""Attribute values as Python values and back."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ldap.values import (
    dn_key,
    filter_escaped,
    generalized_time,
    guid_bytes,
    guid_text,
    parent,
    rdn_escaped,
    sid_text,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.uuids())
def test_a_guid_is_the_same_there_and_back(guid: UUID) -> None:
    """An object id from the tenant finds its object in the domain."""
    assert guid_text(guid_bytes(str(guid))) == str(guid)


def test_a_guid_is_in_active_directorys_order() -> None:
    """The first three groups are little-endian (MS-DTYP 2.3.4.2)."""
    assert guid_text(bytes(range(16))) == "03020100-0504-0706-0809-0a0b0c0d0e0f"


@pytest.mark.parametrize("value", [b"", b"x" * 15, b"x" * 17])
def test_what_is_not_sixteen_bytes_is_no_guid(value: bytes) -> None:
    """A cut value is unknown, not another object."""
    assert guid_text(value) is None


@pytest.mark.parametrize("text", ["", "nonsense", "0123"])
def test_what_is_no_guid_has_no_bytes(text: str) -> None:
    """A name typed for an id is told so."""
    with pytest.raises(ValueError, match="UUID"):
        guid_bytes(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("01020000000000052000000020020000", "S-1-5-32-544"),
        ("010500000000000515000000a065cf7e784b9b5fe77c8770f4010000", "S-1-5-21-2127521184-1604012920-1887927527-500"),
        ("0100000000000005", "S-1-5"),
        ("0101ffffffffffff01000000", "S-1-0xffffffffffff-1"),
    ],
)
def test_a_security_identifier_reads_as_windows_writes_it(value: str, text: str) -> None:
    """It can be compared with onPremisesSecurityIdentifier."""
    assert sid_text(bytes.fromhex(value)) == text


@given(st.binary(max_size=80))
def test_any_bytes_are_a_security_identifier_or_none(value: bytes) -> None:
    """A damaged one is unknown."""
    text = sid_text(value)
    assert text is None or text.startswith("S-1-")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20261122073000.0Z", datetime(2026, 11, 22, 7, 30, tzinfo=UTC)),
        (b"20261122073000Z", datetime(2026, 11, 22, 7, 30, tzinfo=UTC)),
        ("20261122073000.25Z", datetime(2026, 11, 22, 7, 30, 0, 250_000, tzinfo=UTC)),
        ("20261122073000,5+0130", datetime(2026, 11, 22, 6, 0, 0, 500_000, tzinfo=UTC)),
        ("2026112207-01", datetime(2026, 11, 22, 8, 0, tzinfo=UTC)),
        ("2026112207.5Z", datetime(2026, 11, 22, 7, 30, tzinfo=UTC)),
        ("202611220730.5Z", datetime(2026, 11, 22, 7, 30, 30, tzinfo=UTC)),
        ("20161231235960Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_of_every_form_are_read_in_utc(text: str | bytes, moment: datetime) -> None:
    """All forms of RFC 4517 section 3.3.13, the leap second too."""
    assert generalized_time(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        b"",
        "16010101000000.0Z",
        "99991231235959Z",
        "00000000000000Z",
        "20261322073000Z",
        "20261122073000",
        "20261122077000Z",
        "20261122073061Z",
        "20261122253000Z",
        "20261122073000+9900",
        "2026112207300٣Z",
        b"\xff\x00",
        "x",
    ],
)
def test_a_time_that_is_none_is_unknown(text: str | bytes | None) -> None:
    """Also Active Directory's way to say never; nothing absurd becomes an age."""
    assert generalized_time(text) is None


@given(st.one_of(st.text(max_size=20), st.binary(max_size=20), st.from_regex(r"\d{14}(\.\d{1,20})?(Z|[+-]\d{4})")))
def test_any_text_is_a_sensible_time_or_none(text: str | bytes) -> None:
    """Nothing raises."""
    moment = generalized_time(text)
    assert moment is None or 1900 <= moment.year < 3000


@given(TEXT, TEXT)
def test_two_values_are_two_names(first: str, second: str) -> None:
    """However odd the names of two people are, one is never taken for the other."""
    same = dn_key(f"cn={rdn_escaped(first)},dc=x") == dn_key(f"cn={rdn_escaped(second)},dc=x")
    assert same == (first.lower() == second.lower())


@given(TEXT)
def test_an_escaped_value_neither_opens_nor_closes_a_level(value: str) -> None:
    """A comma in a display name moves nobody into another container."""
    assert parent(f"cn={rdn_escaped(value)},ou=People,dc=x") == "ou=People,dc=x"


@given(TEXT)
def test_ways_of_escaping_are_one_name(value: str) -> None:
    """Servers answer a name in their own spelling."""
    in_hex = "".join(f"\\{byte:02X}" for byte in value.encode())
    assert dn_key(f"CN = {in_hex} , DC=X") == dn_key(f"cn={rdn_escaped(value)},dc=x")


@given(st.text(max_size=30))
def test_any_text_has_a_key_and_a_parent(dn: str) -> None:
    """A name that is none crashes nothing, and has no parent beyond itself."""
    assert isinstance(dn_key(dn), str)
    assert len(parent(dn)) <= len(dn)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=Ann,OU=People,DC=x", "cn=ann,ou=people,dc=x"),
        ("cn=ann , ou=people, dc = x", "cn=ann,ou=people,dc=x"),
        (r"cn=Zed\2c Ann,dc=x", r"cn=Zed\, Ann,dc=x"),
        ('cn="Zed, Ann",dc=x', r"cn=Zed\, Ann,dc=x"),
        ("cn=a+sn=b,dc=x", "SN=b + CN=a,dc=x"),
        (r"cn=a\ ,dc=x", r"cn=a\20,dc=x"),
        ("cn=a=b,dc=x", r"cn=a\3Db,dc=x"),
    ],
)
def test_names_that_mean_the_same_have_one_key(one: str, other: str) -> None:
    """Case, spaces, order of parts and spelling do not make another object."""
    assert dn_key(one) == dn_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cn=a\\,dc=x", "cn=a,dc=x"),
        ("cn=straße", "cn=strasse"),
        ("cn=a b", "cn=ab"),
        ("cn=#04", r"cn=\#04"),
        ("cn=a", "sn=a"),
    ],
)
def test_names_that_differ_have_two_keys(one: str, other: str) -> None:
    """What Samba holds as two objects is never merged into one."""
    assert dn_key(one) != dn_key(other)


@pytest.mark.parametrize(
    ("dn", "above"),
    [
        ("", ""),
        ("dc=x", ""),
        ("cn=a,dc=x", "dc=x"),
        (r"cn=a\,b, dc=x", "dc=x"),
        ('cn="a,b",dc=x', "dc=x"),
        (r"cn=a\\,dc=x", "dc=x"),
    ],
)
def test_the_parent_is_one_level_up(dn: str, above: str) -> None:
    """Escaped and quoted commas do not count."""
    assert parent(dn) == above


@pytest.mark.parametrize(
    ("value", "escaped"), [("#a b ", r"\#a b\ "), (" ", r"\ "), ("a,b+c", r"a\,b\+c"), ("\n", r"\0a")]
)
def test_a_name_is_escaped_as_servers_want_it(value: str, escaped: str) -> None:
    """RFC 4514 section 2.4, and the equals sign, which Samba wants escaped too."""
    assert rdn_escaped(value) == escaped


def test_bytes_in_a_filter_are_plain_text() -> None:
    """A GUID can be looked for."""
    assert filter_escaped(b"\x00a*\xff") == r"\00a\2a\ff"
