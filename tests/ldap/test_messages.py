"""What a server answers, in whatever pieces it comes, and whatever it is."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ldap import wire_format as plain
from tui.ldap.entries import Entry
from tui.ldap.errors import BadAnswer
from tui.ldap.framing import Framer
from tui.ldap.messages import DONE, ENTRY, Message, page_cookie, refusal, result
from tui.ldap.search_entries import Names, entry, entry_in_steps

VALUES = st.lists(st.one_of(st.binary(max_size=10), st.binary(min_size=120, max_size=140)), max_size=3)
ATTRIBUTES = st.dictionaries(st.from_regex(r"[a-z][a-z0-9;-]{0,10}", fullmatch=True), VALUES, max_size=5)
NUMBERS = st.integers(1, 2**31 - 1)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """A well-formed message: an entry, a reference or the end of an operation."""
    kind = draw(st.sampled_from(["entry", "result", "reference"]))
    if kind == "entry":
        operation = plain.entry(draw(st.text(max_size=20)), draw(ATTRIBUTES), draw(st.sampled_from([None, 4])))
    elif kind == "result":
        operation = plain.result(draw(st.sampled_from([0x61, 0x65, 0x69])), draw(st.integers(0, 130)), "dc=x", "why")
    else:
        operation = plain.tlv(0x73, plain.text("ldap://elsewhere"))
    return plain.message(draw(NUMBERS), operation, *draw(st.sampled_from([(), (plain.page_control(b"next"),)])))


def taken(framer: Framer) -> list[Message]:
    found = []
    while (message := framer.next()) is not None:
        found.append(message)
    return found


def essence(message: Message) -> tuple[int, int, bytes, bytes]:
    data = message.data
    return message.number, message.tag, data[message.start : message.stop], data[message.stop : message.end]


def read_all(data: bytes) -> None:
    """Read bytes as the client does."""
    framer, names = Framer(1_000_000), Names()
    framer.feed(data)
    for message in taken(framer):
        if message.tag == ENTRY:
            entry(message, names)
        else:
            page_cookie(result(message))


@given(st.lists(answers(), max_size=5), st.lists(st.integers(0, 400), max_size=20))
def test_messages_do_not_depend_on_how_the_network_cuts_them(sent: list[bytes], cuts: list[int]) -> None:
    """A slow link that delivers byte by byte shows the same entries."""
    stream = b"".join(sent)
    at_once = Framer()
    at_once.feed(stream)
    expected = [essence(message) for message in taken(at_once)]
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    framer, found = Framer(), []
    for start, stop in pairwise(edges):
        framer.feed(stream[start:stop])
        found += [essence(message) for message in taken(framer)]
    assert found == expected
    assert len(found) == len(sent)
    assert framer.is_empty


@given(answers(), st.integers(1, 50))
def test_messages_that_wait_to_be_read_are_not_lost_when_more_comes(sent: bytes, cut: int) -> None:
    """Reading in slices drops nothing."""
    framer = Framer()
    framer.feed(sent)
    framer.feed(sent[:cut])
    framer.feed(sent[cut:])
    assert len(taken(framer)) == 2


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_a_bad_answer(data: bytes) -> None:
    """Garbage ends in one clear error, never in another one and never in a loop."""
    with suppress(BadAnswer):
        read_all(data)


@given(answers(), st.data())
def test_a_damaged_message_is_read_or_a_bad_answer(sent: bytes, data: st.DataObject) -> None:
    """One flipped byte anywhere, lengths and tags included, crashes nothing."""
    at = data.draw(st.integers(0, len(sent) - 1))
    damaged = sent[:at] + bytes([data.draw(st.integers(0, 255))]) + sent[at + 1 :]
    with suppress(BadAnswer):
        read_all(damaged + sent)


@given(st.text(max_size=20), ATTRIBUTES, st.sampled_from([None, 1, 4]))
def test_an_entry_arrives_as_it_was_sent(dn: str, attributes: dict[str, list[bytes]], length_bytes: int | None) -> None:
    """Name, attributes and values, whichever way the server writes its lengths."""
    if length_bytes == 1 and any(len(b"".join(values)) > 90 for values in attributes.values()):
        return
    if length_bytes == 1 and sum(len(name) + 20 + len(b"".join(values)) for name, values in attributes.items()) > 200:
        return
    framer = Framer()
    framer.feed(plain.message(7, plain.entry(dn, attributes, length_bytes)))
    (message,) = taken(framer)
    expected = Entry(dn, {name: tuple(values) for name, values in attributes.items()})
    assert entry(message, Names()) == expected
    assert in_steps(message) == expected


def in_steps(message: Message) -> Entry:
    steps = entry_in_steps(message, Names())
    try:
        while True:
            next(steps)
    except StopIteration as done:
        return done.value


def test_attribute_names_are_compared_without_regard_to_case() -> None:
    """`mail` is found where the server says `Mail`, and one that is sent in two parts is whole."""
    framer = Framer()
    operation = plain.tlv(
        0x64,
        plain.text("cn=x"),
        plain.tlv(
            0x30,
            plain.tlv(0x30, plain.text("Mail"), plain.tlv(0x31, plain.text("a"))),
            plain.tlv(0x30, plain.text("mAIL"), plain.tlv(0x31, plain.text("b"))),
        ),
    )
    framer.feed(plain.message(1, operation))
    (message,) = taken(framer)
    assert entry(message, Names()).values("MAIL") == (b"a", b"b")


def test_a_flood_of_attribute_names_does_not_fill_the_memory() -> None:
    """A server that invents a new name for every value gains nothing."""
    names = Names()
    for number in range(20_000):
        assert names[b"X%d" % number] == f"x{number}"
    assert len(names) < 5_000


def test_very_long_attribute_names_are_not_kept() -> None:
    """A hostile server cannot fill the memory with names that are remembered for the next entry."""
    names = Names()
    assert names[b"X" * 1_000_000] == "x" * 1_000_000
    assert not names


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x84\x7f\xff\xff\xff",
        b"\x30\x88" + b"\xff" * 8,
        b"\x30\x80",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x15\x03\x01\x00\x02",
    ],
    ids=["huge", "huger", "indefinite", "web server", "TLS alert"],
)
def test_what_cannot_be_a_message_is_refused_at_its_first_bytes(data: bytes) -> None:
    """Nothing is gathered for a message that will never be accepted."""
    framer = Framer()
    framer.feed(data)
    with pytest.raises(BadAnswer):
        framer.next()


def outcome(code: int, diagnostic: str | bytes, *more: bytes) -> Message:
    framer = Framer()
    framer.feed(plain.message(1, plain.result(DONE, code, "dc=x", diagnostic, *more)))
    (message,) = taken(framer)
    return message


def test_a_refusal_tells_its_code_its_name_and_the_reason_behind() -> None:
    """A locked account is told from a wrong password by what Active Directory hides in its text."""
    said = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 775, v1db1\0"
    refused = refusal(result(outcome(49, said)))
    assert (refused.code, refused.name, refused.subcode, refused.matched_dn) == (
        49,
        "invalidCredentials",
        "775",
        "dc=x",
    )
    assert str(refused).startswith("invalidCredentials (49): 80090308")
    assert "\0" not in str(refused)


def test_a_refusal_with_hostile_text_is_safe_to_show() -> None:
    """Escape codes in a diagnostic never reach the terminal."""
    refused = refusal(result(outcome(53, b"\x1b]0;pwned\x07no\xff\xfe" + b"x" * 100_000)))
    assert "\x1b" not in str(refused)
    assert len(str(refused)) < 400


def test_a_referral_names_where_else_to_ask() -> None:
    """The operator learns which server would know."""
    urls = plain.tlv(0xA3, plain.text("ldap://dc2.example/dc=x"), plain.text("ldap://dc3.example/dc=x"))
    refused = refusal(result(outcome(10, "", urls)))
    assert (refused.name, refused.referrals) == ("referral", ("ldap://dc2.example/dc=x", "ldap://dc3.example/dc=x"))


def test_a_code_nobody_knows_is_still_a_refusal() -> None:
    """No number is taken for success but success."""
    assert str(refusal(result(outcome(4711, "odd")))) == "unknown result (4711): odd"
