"""As much BER (X.690) as a man in the middle of LDAP needs; nothing of the client under test."""

from __future__ import annotations

from collections.abc import Iterator

PAGED = "1.2.840.113556.1.4.319"
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"


def element(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 128:
        return bytes((tag, size)) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 128 | len(length))) + length + value


def integer(value: int, tag: int = 0x02) -> bytes:
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: str | bytes, tag: int = 0x04) -> bytes:
    return element(tag, value.encode() if isinstance(value, str) else value)


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, value) of each element of a sequence's value."""
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size >= 128:
            width = size & 127
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
        yield tag, data[at : at + size]
        at += size


def number(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


def control(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return element(0x30, octets(oid) + (b"\x01\x01\xff" if critical else b"") + octets(value))


def paged(size: int, cookie: bytes) -> bytes:
    """The value of the control of RFC 2696."""
    return element(0x30, integer(size) + octets(cookie))
