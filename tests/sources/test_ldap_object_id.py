"""Which id in Entra an object of a managed domain has, and how to find it by that id."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.ldap_filter import matches
from tui.ldap.entries import Entry
from tui.ldap.filters import filter_request
from tui.sources.ldap_object_id import has_object_id, object_id_filter, object_id_of

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
ATTRIBUTES = ("msds-aadobjectid", "msds-azureadobjectid")
FORMS = [uuid.UUID(ID).bytes_le, ID.encode(), ID.upper().encode(), f"User_{ID}".encode(), f"Group_{ID}".encode()]


def holding(attribute: str, value: bytes) -> Entry:
    return Entry("CN=x", {attribute: (value,)})


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize("form", FORMS)
def test_an_object_id_is_read_in_every_form_it_may_have(attribute: str, form: bytes) -> None:
    """Binary or text, with a prefix or without, in the new attribute or the old one: it is one id."""
    assert object_id_of(holding(attribute, form)) == ID


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize("form", FORMS)
def test_an_object_is_found_by_its_id_in_every_form(attribute: str, form: bytes) -> None:
    """One search finds the object, however its domain stores the id."""
    assert matches(object_id_filter(ID), holding(attribute, form))


def test_another_object_is_not_found() -> None:
    """The search names one object alone."""
    assert not matches(object_id_filter(ID), holding(ATTRIBUTES[0], uuid.UUID(int=1).bytes_le))


def test_the_filled_attribute_counts() -> None:
    """Where one attribute holds nonsense and the other the id, the id is found."""
    entry = Entry("CN=x", {"msds-aadobjectid": (b"none",), "msds-azureadobjectid": (ID.encode(),)})
    assert object_id_of(entry) == ID


@given(st.binary(max_size=80))
def test_no_value_is_too_strange_to_be_read(value: bytes) -> None:
    """Whatever stands there, it is an id in its one written form, or none; the object was synced all the same."""
    entry = holding(ATTRIBUTES[0], value)
    found = object_id_of(entry)
    assert found is None or str(uuid.UUID(found)) == found
    assert has_object_id(entry)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_no_sought_id_breaks_the_search(sought: str) -> None:
    """What a person types is never taken for part of the filter."""
    asked = object_id_filter(sought)
    assert filter_request(asked)
    assert asked.count("(") == asked.count(")")
