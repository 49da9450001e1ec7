"""What a typed name is taken for, and which object answers to it best."""

from __future__ import annotations

import base64
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.facts import ObjectRef
from tui.model.lookup import LONGEST_NAME, best_first, closeness, lookup
from tui.model.states import Side
from tui.model.trace import Sighting

GUID = "6814ae60-e834-477d-ada5-00f892c469c1"
ANCHOR = base64.b64encode(uuid.UUID(GUID).bytes_le).decode()


@pytest.mark.parametrize("text", [GUID, GUID.upper(), f"{{{GUID}}}", f"User_{GUID}", f"  {GUID} "])
def test_an_id_is_known_in_every_spelling(text: str) -> None:
    """An id in capitals, in braces or with the prefix of a managed domain is still that id, and a source anchor."""
    assert (lookup(text).guid, lookup(text).anchor) == (GUID, ANCHOR)


def test_an_anchor_is_base64_of_sixteen_bytes() -> None:
    """A source anchor is known as one, and what only looks like it is not."""
    assert lookup(ANCHOR).anchor == ANCHOR
    assert lookup("bm90IGFuIGFuY2hvcg==").anchor is None


def test_an_account_may_carry_its_domain() -> None:
    r"""CORP\jane looks for the account jane."""
    assert lookup("CORP\\jane").account == "jane"
    assert lookup("jane").account == "jane"


def test_names_of_other_kinds() -> None:
    """Identifiers and distinguished names are told from plain names."""
    assert lookup("s-1-5-21-1-2-3-1104").sid == "S-1-5-21-1-2-3-1104"
    assert lookup("CN=Doe\\, Jane,OU=Staff,DC=x").dn == "CN=Doe\\, Jane,OU=Staff,DC=x"
    assert lookup("Jane = Doe, 1").dn is None


def seen(**parts: str) -> Sighting:
    names = {key: value for key, value in parts.items() if key in ("id", "name", "upn", "dn", "source_anchor")}
    attributes = {key: (value,) for key, value in parts.items() if key in ("mail", "proxyAddresses", "displayName")}
    return Sighting(
        side=Side.ENTRA,
        found=True,
        object=ObjectRef(**names),
        attributes=attributes,
        account_name=parts.get("account"),
    )


def test_the_best_match_comes_first() -> None:
    """An id beats a sign-in name, that beats an account name, mail, proxy address and at last the display name."""
    name = "jane@x.example"
    ranked = [
        seen(upn=name),
        seen(account=name),
        seen(mail=name),
        seen(proxyAddresses=f"smtp:{name.upper()}"),
        seen(displayName=name),
        seen(name="somebody else"),
    ]
    assert best_first(lookup(name), ranked[::-1]) == ranked
    assert closeness(lookup(GUID), seen(id=GUID.upper())) == 0


@given(st.text(max_size=2 * LONGEST_NAME))
def test_any_text_is_a_name(text: str) -> None:
    """Whatever is typed is taken for a name of printable characters and bounded length, and nothing raises."""
    sought = lookup(text)
    assert len(sought.text) <= LONGEST_NAME
    assert sought.text == "" or sought.text.isprintable()
    assert closeness(sought, seen(name=text)) >= 0
