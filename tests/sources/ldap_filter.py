"""Search filters (RFC 4515) over entries in memory, with the third truth value of RFC 4511 section 4.5.1.7."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from tui.ldap.entries import Entry

_ITEM = re.compile(r"([\w.;-]+)(?::([\d.]+):)?([<>]?)=([^()]*)\)")
_ESCAPED = re.compile(rb"\\([0-9a-fA-F]{2})")
_ALL, _ANY = "1.2.840.113556.1.4.803", "1.2.840.113556.1.4.804"

Truth = bool | None
"""None: undefined, as of an attribute that the schema does not know."""


def matches(filter: str, entry: Entry, unknown: Collection[str] = ()) -> bool:
    """`unknown`: attributes and object classes (in lower case) that the schema lacks."""
    truth, end = _filter(filter, 0, entry, unknown)
    assert end == len(filter), f"something follows the filter: {filter[end:]}"
    return truth is True


def _filter(text: str, at: int, entry: Entry, unknown: Collection[str]) -> tuple[Truth, int]:
    assert text[at] == "(", f"no bracket at {at} of {text}"
    kind = text[at + 1]
    if kind in "&|!":
        truths, end = _filters(text, at + 2, entry, unknown)
        return {"&": _all, "|": _any, "!": _not}[kind](truths), end + 1
    found = _ITEM.match(text, at + 1)
    assert found is not None, f"no comparison at {at} of {text}"
    name, rule, order, value = found.groups()
    is_unknown = name.lower() in unknown or (name.lower() == "objectclass" and value.lower() in unknown)
    return (None if is_unknown else _compare(entry, name, rule, order, value)), found.end()


def _filters(text: str, at: int, entry: Entry, unknown: Collection[str]) -> tuple[list[Truth], int]:
    truths: list[Truth] = []
    while text[at] == "(":
        truth, at = _filter(text, at, entry, unknown)
        truths.append(truth)
    return truths, at


def _all(truths: Sequence[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def _any(truths: Sequence[Truth]) -> Truth:
    return True if True in truths else None if None in truths else False


def _not(truths: Sequence[Truth]) -> Truth:
    (truth,) = truths
    return None if truth is None else not truth


def _compare(entry: Entry, name: str, rule: str | None, order: str, value: str) -> bool:
    values = entry.values(name)
    if rule:
        bits = int(value)
        return any(int(held) & bits == bits if rule == _ALL else int(held) & bits for held in values)
    if order:
        return any(_ordered(held, _bytes(value), order) for held in values)
    pattern = b".*".join(re.escape(_bytes(part).lower()) for part in value.split("*"))
    return any(re.fullmatch(pattern, held.lower(), re.DOTALL) for held in values)


def _ordered(held: bytes, asserted: bytes, order: str) -> bool:
    pair = (int(held), int(asserted)) if held.isdigit() and asserted.isdigit() else (held, asserted)
    return pair[0] >= pair[1] if order == ">" else pair[0] <= pair[1]  # type: ignore[operator]


def _bytes(text: str) -> bytes:
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())
