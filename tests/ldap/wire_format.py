"""BER written and read a second time, the slow and plain way, so that the client is not tested against itself."""

from __future__ import annotations

from typing import Any


def tlv(tag: int, *parts: bytes, length_bytes: int | None = None) -> bytes:
    """One element. `length_bytes`: how many bytes the length takes; Active Directory always takes four."""
    value = b"".join(parts)
    size = len(value)
    if length_bytes is None:
        length_bytes = 0 if size < 128 else (size.bit_length() + 7) // 8
    length = bytes([size]) if length_bytes == 0 else bytes([0x80 + length_bytes]) + size.to_bytes(length_bytes, "big")
    return bytes([tag]) + length + value


def number(value: int, tag: int = 2) -> bytes:
    size = 1
    while not -(1 << (8 * size - 1)) <= value < 1 << (8 * size - 1):
        size += 1
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def text(value: str | bytes) -> bytes:
    return tlv(4, value.encode() if isinstance(value, str) else value)


def message(identity: int, operation: bytes, *controls: bytes) -> bytes:
    return tlv(0x30, number(identity), operation, *([tlv(0xA0, *controls)] if controls else []))


def result(tag: int, code: int = 0, matched: str = "", diagnostic: str | bytes = "", *more: bytes) -> bytes:
    return tlv(tag, number(code, 10), text(matched), text(diagnostic), *more)


def entry(dn: str, attributes: dict[str, list[bytes]], length_bytes: int | None = None) -> bytes:
    def each(name: str, values: list[bytes]) -> bytes:
        held = tlv(0x31, *map(text, values), length_bytes=length_bytes)
        return tlv(0x30, text(name), held, length_bytes=length_bytes)

    listed = (each(name, values) for name, values in attributes.items())
    return tlv(0x64, text(dn), tlv(0x30, *listed, length_bytes=length_bytes), length_bytes=length_bytes)


def page_control(cookie: bytes, estimate: int = 0) -> bytes:
    return tlv(0x30, text("1.2.840.113556.1.4.319"), text(tlv(0x30, number(estimate), text(cookie))))


def read(data: bytes) -> list[Any]:
    """Every element as (tag, value); the value of a constructed one is again such a list."""
    found: list[Any] = []
    while data:
        tag, size, data = data[0], data[1], data[2:]
        if size >= 128:
            digits = size - 128
            size, data = int.from_bytes(data[:digits], "big"), data[digits:]
        value, data = data[:size], data[size:]
        assert len(value) == size
        found.append((tag, read(value) if tag & 0x20 else value))
    return found


def complete(data: bytes) -> tuple[list[Any], bytes]:
    """The whole messages at the start of `data`, and what is left."""
    messages: list[Any] = []
    while len(data) >= 2:
        digits = data[1] - 128 if data[1] >= 128 else 0
        size = int.from_bytes(data[2 : 2 + digits], "big") if digits else data[1]
        if len(data) < 2 + digits + size:
            break
        messages += read(data[: 2 + digits + size])
        data = data[2 + digits + size :]
    return messages, data
