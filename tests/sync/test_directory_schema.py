"""What a directory can hold is learnt from its schema, whatever that looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ldap.entries import Entry as LdapEntry
from tui.ldap.values import sid_text
from tui.sync.errors import SchemaLacks
from tui.sync.targets.ldap_schema import Schema, definition, schema_of
from tui.sync.targets.ldap_shape import Shape, digest, object_id_of, shape_of, sid_bytes
from tui.sync.targets.target import Entry

ATTRIBUTES = """\
( 2.5.4.3 NAME ( 'cn' 'commonName' ) SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{64} )
( 2.5.4.4 NAME 'sn' SYNTAX '1.3.6.1.4.1.1466.115.121.1.15' SINGLE-VALUE )
( 2.5.4.9 NAME ( 'street' 'streetAddress' ) SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
( 1.1 NAME 'sAMAccountName' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
( 1.2 NAME 'userAccountControl' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
( 1.3 NAME 'pwdLastSet' SYNTAX 1.2.840.113556.1.4.906 )
( 1.4 NAME 'sIDHistory' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
( 1.5 NAME 'msDS-aadObjectId' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
( 1.6 NAME 'msDS-AzureADObjectId' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
( 1.7 NAME 'department' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
( 1.8 NAME 'proxyAddresses' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
( 1.9 NAME 'groupType' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
""".splitlines()
CLASSES = """\
( 2.5.6.6 NAME 'person' DESC 'RFC4519: a person ( really )' SUP top STRUCTURAL MUST ( sn $ cn ) MAY street )
( 1.5.9 NAME 'user' SUP person STRUCTURAL MAY ( msDS-aadObjectId $ sIDHistory $ pwdLastSet $ userAccountControl ) )
( 1.5.8 NAME 'group' SUP top STRUCTURAL MUST cn MAY ( msDS-AzureADObjectId $ sAMAccountName $ groupType ) )
( 1.5.7 NAME 'mailRecipient' AUXILIARY MAY proxyAddresses )
""".splitlines()
RULES = ["( 1.5.9 NAME 'user' AUX ( mailRecipient ) MUST sAMAccountName )"]
ID = "11111111-2222-4333-8444-555555555555"


def published(**lists: list[str]) -> LdapEntry:
    return LdapEntry("cn=schema", {name.lower(): tuple(each.encode() for each in told) for name, told in lists.items()})


@pytest.fixture
def schema() -> Schema:
    return schema_of(published(attributeTypes=ATTRIBUTES, objectClasses=CLASSES, dITContentRules=RULES))


def shape(schema: Schema, *, active_directory: bool = True) -> Shape:
    return shape_of(schema, is_active_directory=active_directory)


def test_classes_inherit(schema: Schema) -> None:
    """A class allows what its superiors, its auxiliaries and its content rule allow."""
    user = schema.classes["user"]
    assert {"cn", "sn", "samaccountname"} <= user.must
    assert user.allows("proxyAddresses")
    assert not user.allows("department")
    assert schema.attributes["cn"].syntax == schema.attributes["sn"].syntax == "1.3.6.1.4.1.1466.115.121.1.15"
    assert schema.attributes["sn"].single


def test_what_cannot_be_held_is_said_once(schema: Schema) -> None:
    """Attributes that the server does not know, or not there, are left out of all objects and told with the reason."""
    notes = shape(schema).notes
    assert any(
        "user" in note and "city" not in note and "telephoneNumber" in note and "does not know" in note
        for note in notes
    )
    assert any("department" in note and "does not allow" in note for note in notes)
    assert any("sIDHistory" in note and "DsAddSidHistory" in note for note in notes)


def test_a_user_in_the_server_s_words(schema: Schema) -> None:
    """Known attributes alone, under the server's names and in its syntax; a surname where the class asks for one."""
    entry = Entry(
        ID,
        "user",
        "ada",
        {
            "displayName": ("Ada Byron",),
            "department": ("R&D",),
            "streetAddress": ("1 St",),
            "proxyAddresses": ("SMTP:a@x", "smtp:a@x", "smtp:b@x"),
            "msDS-aadObjectId": (ID,),
            "sIDHistory": ("S-1-5-21-1-2-3-1104",),
            "userAccountControl": ("512",),
            "pwdLastSet": ("134397900000000000",),
        },
    )
    there = shape(schema)
    written = there.created("user", "ada", there.wanted(entry))
    assert written == {
        "objectClass": ("user",),
        "cn": ("ada",),
        "street": ("1 St",),
        "proxyAddresses": ("SMTP:a@x", "smtp:b@x"),
        "msDS-aadObjectId": (bytes.fromhex("11111111222233438444555555555555"),),
        "userAccountControl": ("512",),
        "pwdLastSet": ("-1",),
        "sAMAccountName": ("ada",),
        "sn": ("Ada Byron",),
    }
    elsewhere = shape(schema, active_directory=False)
    texts = elsewhere.wanted(entry)
    assert texts["pwdlastset"] == ("134397900000000000",)
    assert elsewhere.created("user", "ada", texts)["sIDHistory"] == (sid_bytes("S-1-5-21-1-2-3-1104"),)


def test_what_is_read_equals_what_was_written(schema: Schema) -> None:
    """An entry as the server gives it back, with what it adds of its own, counts as the one that was written."""
    there = shape(schema)
    entry = Entry(ID, "user", "ada", {"msDS-aadObjectId": (ID,), "userAccountControl": ("514",), "sn": ("B",)})
    wanted = there.wanted(entry)
    told = LdapEntry(
        "CN=ada,OU=x",
        {
            "objectclass": (b"top", b"person", b"user"),
            "samaccountname": (b"ada",),
            "sn": (b"B",),
            "msds-aadobjectid": (bytes.fromhex("11111111222233438444555555555555"),),
            "useraccountcontrol": (str(514 | 0x40000).encode(),),
            "pwdlastset": (b"134398080935050390",),
        },
    )
    assert there.held("user", told) == wanted
    assert object_id_of(told) == ID


def test_a_directory_without_a_place_for_ids_is_refused(schema: Schema) -> None:
    """Without an attribute for object ids there is no telling synced entries: the error names what to add."""
    poor = schema_of(published(attributeTypes=ATTRIBUTES[:4], objectClasses=CLASSES))
    with pytest.raises(SchemaLacks, match="msDS-aadObjectId"):
        shape(poor)
    with pytest.raises(SchemaLacks, match="object class for a user"):
        shape(Schema())


@given(st.text(alphabet="()$' ABCMUSTMAYNAMEabc0.1{}-", max_size=200))
def test_any_definition(text: str) -> None:
    """Whatever a schema says, it is read without an error."""
    definition(text)
    schema_of(published(attributeTypes=[text], objectClasses=[text], dITContentRules=[text]))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=15), st.integers(0, 2**32 - 1))
def test_security_identifiers(parts: list[int], authority: int) -> None:
    """A SID becomes the bytes that read as the same SID."""
    text = "-".join(map(str, ("S", 1, authority, *parts)))
    assert sid_text(sid_bytes(text)) == text


def test_a_digest_tells_hashes_apart_and_nothing_of_them() -> None:
    """Equal hashes have equal digests, whatever their order; none has none."""
    assert digest({"a": "1", "b": "2"}) == digest({"b": "2", "a": "1"}) != digest({"a": "1", "b": "3"})
    assert digest({}) == ""
    assert "c0ffee" not in digest({"nt": "c0ffee"})
