"""The part of the Basic Encoding Rules that LDAP uses: tags of one byte and definite lengths (RFC 4511 section 5.1).

Reading works by offsets into one bytes object, so that an answer is cut into values once and never into layers.
"""

from __future__ import annotations

from collections.abc import Iterable

from tui.ldap.errors import BadAnswer

INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x02, 0x04, 0x0A, 0x30, 0x31
TRUE, FALSE = b"\x01\x01\xff", b"\x01\x01\x00"
# Active Directory writes every length in four bytes; more than that is never needed below the cap of a message.
LENGTH_BYTES = 4

_SHORT_OCTETS = tuple(bytes((OCTETS, size)) for size in range(128))


def tlv(tag: int, value: bytes) -> bytes:
    """One element: tag, length, value."""
    size = len(value)
    if size < 128:
        return bytes((tag, size)) + value
    return bytes((tag,)) + _long_length(size) + value


def octets(value: bytes | str) -> bytes:
    """An OCTET STRING; text goes as UTF-8. Raises ValueError for half a surrogate pair."""
    if isinstance(value, str):
        value = value.encode()
    size = len(value)
    if size < 128:
        return _SHORT_OCTETS[size] + value
    return b"\x04" + _long_length(size) + value


def integer(value: int, tag: int = INTEGER) -> bytes:
    return tlv(tag, value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True))


def sequence(parts: Iterable[bytes], tag: int = SEQUENCE) -> bytes:
    return tlv(tag, b"".join(parts))


def _long_length(size: int) -> bytes:
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(digits),)) + digits


def element(data: bytes, at: int, stop: int) -> tuple[int, int, int]:
    """Tag, start and end of the value of the element at `at`, which must end by `stop`. Raises `BadAnswer`."""
    if at >= stop:
        raise BadAnswer("The server left out an element")
    start, end = value(data, at, stop, data[at])
    return data[at], start, end


def long_size(data: bytes | bytearray, at: int, first: int) -> tuple[int, int]:
    """A length of more than one byte, and where its value starts; `first` is the byte before `at`."""
    digits = first & 0x7F
    if not 1 <= digits <= LENGTH_BYTES:
        raise BadAnswer("The server sent a length that LDAP does not allow")
    return int.from_bytes(data[at : at + digits], "big"), at + digits


def value(data: bytes | bytearray, at: int, stop: int, expected: int) -> tuple[int, int]:
    """Start and end of the value of the element at `at`, which must have the tag `expected` and end by `stop`."""
    if at + 2 > stop or data[at] != expected:
        raise BadAnswer(f"The server sent something else where an element of type 0x{expected:02x} belongs")
    size = data[at + 1]
    at += 2
    if size > 127:
        size, at = long_size(data, at, size)
    if at + size > stop:
        raise BadAnswer("The server sent an element that is longer than what it lies in")
    return at, at + size


def number(data: bytes | bytearray, at: int, stop: int, expected: int = INTEGER) -> tuple[int, int]:
    """A signed integer of at most eight bytes, and where the next element starts."""
    start, end = value(data, at, stop, expected)
    if not 1 <= end - start <= 8:
        raise BadAnswer("The server sent a number of an impossible size")
    return int.from_bytes(data[start:end], "big", signed=True), end
