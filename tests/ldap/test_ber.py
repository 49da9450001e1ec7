"""The encoding LDAP uses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ldap import wire_format as plain
from tui.ldap import ber
from tui.ldap.errors import BadAnswer

SIZES = st.sampled_from([0, 1, 127, 128, 255, 256, 65535, 65536])


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_number_survives_the_way_there_and_back(value: int) -> None:
    """A USN, a result code or a message number is the same number on both sides."""
    encoded = ber.integer(value)
    assert encoded == plain.number(value)
    assert ber.number(encoded, 0, len(encoded)) == (value, len(encoded))


@given(SIZES, st.sampled_from([0x30, 0x04, 0xA3, 0x66]))
def test_a_value_of_any_size_is_written_with_the_shortest_length(size: int, tag: int) -> None:
    """Short and long attribute values alike arrive whole."""
    value = b"x" * size
    assert ber.tlv(tag, value) == plain.tlv(tag, value)
    assert ber.octets(value) == plain.tlv(4, value)


@given(st.binary(max_size=300), st.integers(1, 4))
def test_lengths_may_be_longer_than_they_need_to_be(value: bytes, length_bytes: int) -> None:
    """Active Directory writes every length in four bytes."""
    if len(value) >= 256**length_bytes:
        return
    encoded = plain.tlv(4, value, length_bytes=length_bytes)
    start, end = ber.value(encoded, 0, len(encoded), ber.OCTETS)
    assert encoded[start:end] == value


@pytest.mark.parametrize(
    "encoded",
    [b"", b"\x04", b"\x04\x01", b"\x04\x80", b"\x04\x85\0\0\0\0\1x", b"\x04\xff", b"\x04\x82\x01", b"\x02\x01\x01"],
    ids=["nothing", "tag only", "cut", "indefinite", "five-byte length", "reserved", "cut length", "other type"],
)
def test_what_is_cut_or_of_no_allowed_form_is_a_bad_answer(encoded: bytes) -> None:
    """A hostile length is never believed."""
    with pytest.raises(BadAnswer):
        ber.value(encoded, 0, len(encoded), ber.OCTETS)


@given(st.binary(max_size=40), st.integers(0, 41), st.integers(0, 41))
def test_any_bytes_are_an_element_within_bounds_or_a_bad_answer(data: bytes, at: int, stop: int) -> None:
    """Nothing is ever read beyond what an element lies in."""
    stop = min(stop, len(data))
    try:
        _, start, end = ber.element(data, at, stop)
    except BadAnswer:
        return
    assert at < start <= end <= stop


@pytest.mark.parametrize("size", [0, 9])
def test_a_number_of_no_bytes_or_very_many_is_a_bad_answer(size: int) -> None:
    """A result code without digits is not success."""
    encoded = plain.tlv(2, b"\1" * size)
    with pytest.raises(BadAnswer):
        ber.number(encoded, 0, len(encoded))


def test_half_a_surrogate_pair_cannot_be_sent() -> None:
    """What is no text is refused before anything is sent."""
    with pytest.raises(ValueError, match="surrogates"):
        ber.octets("\ud800")
