"""Search filters as text (RFC 4515) into the form they are sent in (RFC 4511 section 4.5.1.7)."""

from __future__ import annotations

import re

from tui.ldap.ber import octets, sequence, tlv

DEEPEST = 64

_AND, _OR, _NOT = 0xA0, 0xA1, 0xA2
_EQUAL, _SUBSTRINGS, _GREATER, _LESS, _PRESENT, _APPROXIMATE, _EXTENSIBLE = 0xA3, 0xA4, 0xA5, 0xA6, 0x87, 0xA8, 0xA9
_INITIAL, _ANY, _FINAL = 0x80, 0x81, 0x82
_RULE, _TYPE, _VALUE, _DN_ATTRIBUTES = 0x81, 0x82, 0x83, 0x84

_SETS = {"&": _AND, "|": _OR}
_ORDERED = {">": _GREATER, "<": _LESS, "~": _APPROXIMATE}
_ATTRIBUTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._;-]*")
_ITEM = re.compile(r"([^=()<>~*\\\x00]*?)(:|[<>~])?=([^()\x00]*)\)")
_ESCAPED = re.compile(rb"\\(..)?", re.DOTALL)


def filter_request(text: str) -> bytes:
    """The BER of a filter. Raises ValueError that says what is wrong, and where."""
    encoded, end = _filter(text, 0, 0)
    if end != len(text):
        raise ValueError(f"Filter {text!r}: something follows its last bracket, at {end}")
    return encoded


def _filter(text: str, at: int, depth: int) -> tuple[bytes, int]:
    if depth > DEEPEST:
        raise ValueError(f"Filter nested deeper than {DEEPEST}")
    if not text.startswith("(", at):
        raise ValueError(f"Filter {text!r}: '(' is missing at {at}")
    kind = text[at + 1 : at + 2]
    if kind in _SETS:
        parts, end = _filters(text, at + 2, depth)
        return sequence(parts, _SETS[kind]), _closed(text, end)
    if kind == "!":
        part, end = _filter(text, at + 2, depth + 1)
        return tlv(_NOT, part), _closed(text, end)
    return _item(text, at + 1)


def _filters(text: str, at: int, depth: int) -> tuple[list[bytes], int]:
    """None at all is allowed: `(&)` is true and `(|)` is false (RFC 4526)."""
    parts: list[bytes] = []
    while text.startswith("(", at):
        part, at = _filter(text, at, depth + 1)
        parts.append(part)
    return parts, at


def _closed(text: str, at: int) -> int:
    if not text.startswith(")", at):
        raise ValueError(f"Filter {text!r}: ')' is missing at {at}")
    return at + 1


def _item(text: str, at: int) -> tuple[bytes, int]:
    found = _ITEM.match(text, at)
    if found is None:
        raise ValueError(f"Filter {text!r}: no comparison, or one that is not closed, at {at}")
    name, kind, asserted = found.groups()
    if kind == ":":
        return _extensible(name, asserted), found.end()
    if kind:
        return tlv(_ORDERED[kind], _attribute(name) + octets(_unescaped(asserted))), found.end()
    return _equality(name, asserted), found.end()


def _equality(name: str, asserted: str) -> bytes:
    if asserted == "*":
        return tlv(_PRESENT, _checked(name))
    if "*" in asserted:
        return tlv(_SUBSTRINGS, _attribute(name) + sequence(_pieces(asserted)))
    return tlv(_EQUAL, _attribute(name) + octets(_unescaped(asserted)))


def _pieces(asserted: str) -> list[bytes]:
    first, *middle, last = asserted.split("*")
    if not all(middle):
        raise ValueError(f"Filter value {asserted!r}: nothing between two asterisks")
    tagged = [(_INITIAL, first), *((_ANY, piece) for piece in middle), (_FINAL, last)]
    return [tlv(tag, _unescaped(piece)) for tag, piece in tagged if piece]


def _extensible(name: str, asserted: str) -> bytes:
    """`attribute[:dn][:rule]:=value` or `[:dn]:rule:=value`."""
    attribute, *options = name.split(":")
    by_dn = bool(options) and options[0].lower() == "dn"
    rules = options[1:] if by_dn else options
    if len(rules) > 1 or not (attribute or rules):
        raise ValueError(f"Filter comparison {name!r}: not attribute:dn:rule")
    parts = [tlv(_RULE, _checked(rule)) for rule in rules]
    parts += [tlv(_TYPE, _checked(attribute))] if attribute else []
    parts.append(tlv(_VALUE, _unescaped(asserted)))
    parts += [tlv(_DN_ATTRIBUTES, b"\xff")] if by_dn else []
    return sequence(parts, _EXTENSIBLE)


def _attribute(name: str) -> bytes:
    return octets(_checked(name))


def _checked(name: str) -> bytes:
    if not _ATTRIBUTE.fullmatch(name):
        raise ValueError(f"Filter: {name!r} is no attribute or rule")
    return name.encode()


def _unescaped(asserted: str) -> bytes:
    if "*" in asserted:
        raise ValueError(f"Filter value {asserted!r}: an asterisk belongs into an equality, or escaped as \\2a")
    return _ESCAPED.sub(lambda found: _byte(found.group(1), asserted), asserted.encode())


def _byte(digits: bytes | None, asserted: str) -> bytes:
    try:
        if digits is not None and digits.isalnum():
            return bytes((int(digits, 16),))
    except ValueError:
        pass
    raise ValueError(f"Filter value {asserted!r}: a backslash needs two hexadecimal digits after it")
