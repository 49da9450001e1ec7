"""Search filters as people write them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ldap import wire_format as plain
from tui.ldap.filters import DEEPEST, filter_request
from tui.ldap.values import filter_escaped

Tree = Any
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9;-]{0,8}", fullmatch=True)
VALUES = st.binary(max_size=8)
PIECES = st.binary(min_size=1, max_size=4)
MAYBE = st.one_of(st.none(), PIECES)
COMPARISONS = {"=": 0xA3, ">=": 0xA5, "<=": 0xA6, "~=": 0xA8}

items = st.one_of(
    st.tuples(st.sampled_from(sorted(COMPARISONS)), NAMES, VALUES),
    st.tuples(st.just("present"), NAMES),
    st.tuples(
        st.just("parts"),
        NAMES,
        st.one_of(st.none(), PIECES),
        st.lists(PIECES, max_size=3),
        st.one_of(st.none(), PIECES),
    ).filter(lambda tree: tree[2] or tree[3] or tree[4]),
)
trees: st.SearchStrategy[Tree] = st.recursive(
    items,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from("&|"), st.lists(inner, max_size=4)), st.tuples(st.just("!"), inner)
    ),
    max_leaves=12,
)


def written(tree: Tree) -> str:
    """The tree as text."""
    match tree:
        case ("&" | "|") as sign, list(inner):
            return f"({sign}{''.join(map(written, inner))})"
        case "!", inner:
            return f"(!{written(inner)})"
        case "present", name:
            return f"({name}=*)"
        case "parts", name, first, middle, last:
            shown = [filter_escaped(piece or b"") for piece in (first, *middle, last)]
            return f"({name}={'*'.join(shown)})"
        case sign, name, value:
            return f"({name}{sign}{filter_escaped(value)})"
    raise AssertionError(tree)


def understood(element: Tree) -> Tree:
    """The tree as a server reads it."""
    tag, value = element
    match tag:
        case 0xA0 | 0xA1:
            return "&|"[tag - 0xA0], [understood(each) for each in value]
        case 0xA2:
            return "!", understood(value[0])
        case 0x87:
            return "present", value.decode()
        case 0xA4:
            pieces = value[1][1]
            found = {kind: [piece for tag, piece in pieces if tag == kind] for kind in (0x80, 0x81, 0x82)}
            first, last = (next(iter(found[kind]), None) for kind in (0x80, 0x82))
            return "parts", value[0][1].decode(), first, found[0x81], last
    sign = next(sign for sign, known in COMPARISONS.items() if known == tag)
    return sign, value[0][1].decode(), value[1][1]


@given(trees)
def test_a_server_understands_the_filter_that_was_written(tree: Tree) -> None:
    """Whatever bytes are looked for, brackets, asterisks and backslashes among them."""
    (element,) = plain.read(filter_request(written(tree)))
    assert understood(element) == tree


@given(st.text(max_size=30))
def test_any_text_is_a_filter_or_refused_with_a_reason(text: str) -> None:
    """A filter that is none never gets to the server."""
    with suppress(ValueError):
        assert len(plain.read(filter_request(text))) == 1


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_text_from_outside_stays_one_value(value: str) -> None:
    """A display name like `*)(cn=*` looks for itself and widens no search."""
    (element,) = plain.read(filter_request(f"(displayName={filter_escaped(value)})"))
    assert element == (0xA3, [(4, b"displayName"), (4, value.encode())])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
            [(0x81, b"1.2.840.113556.1.4.803"), (0x82, b"userAccountControl"), (0x83, b"2")],
        ),
        ("(cn:dn:2.4.6.8.10:=x)", [(0x81, b"2.4.6.8.10"), (0x82, b"cn"), (0x83, b"x"), (0x84, b"\xff")]),
        ("(:dn:2.4.6:=x)", [(0x81, b"2.4.6"), (0x83, b"x"), (0x84, b"\xff")]),
        ("(o:=Ace)", [(0x82, b"o"), (0x83, b"Ace")]),
    ],
)
def test_matching_rules_go_by_name(text: str, parts: list[tuple[int, bytes]]) -> None:
    """Active Directory's bit tests work."""
    assert plain.read(filter_request(text)) == [(0xA9, parts)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        "()",
        "cn=x",
        "(cn=x",
        "(cn=x))",
        "(cn=x)y",
        "(cn)",
        "(=x)",
        "(!)",
        "(!(a=1)(b=2))",
        "(cn=a**b)",
        "(cn>=a*)",
        r"(cn=\4)",
        r"(cn=\zz)",
        r"(cn=x\)",
        "(c n=x)",
        "(cn=(x)",
        "(:=x)",
        "(a:b:c:=x)",
        "(cn=x\0)",
        "(&(cn=x)",
    ],
)
def test_a_broken_filter_is_refused(text: str) -> None:
    """Brackets, escapes and names are checked here, not by the server."""
    with pytest.raises(ValueError, match="Filter"):
        filter_request(text)


def test_a_filter_nested_without_end_is_refused() -> None:
    """It neither ends the program nor reaches the server."""
    assert filter_request("(!" * DEEPEST + "(cn=x)" + ")" * DEEPEST)
    with pytest.raises(ValueError, match="deeper"):
        filter_request("(!" * 100_000 + "(cn=x)" + ")" * 100_000)
