"""sAMAccountName in the managed domain: the mailNickname where it can be, a generated one otherwise. Pure.

It is generated when two users share a mailNickname, or when the mailNickname or the prefix of the sign-in name exceeds
20 characters (facts/domain.md 1.2). Groups are named by displayName.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

LONGEST_USER_NAME = 20
LONGEST_GROUP_NAME = 64
_SUFFIX_LENGTH = 9
_ATTEMPTS = 16
_ILLEGAL = re.compile(r'["/\\\[\]:;|=,+*?<>@\x00-\x1f\x7f\ud800-\udfff]')
RESERVED = frozenset(
    {
        "aad dc administrators",
        "administrator",
        "administrators",
        "defaultaccount",
        "domain admins",
        "domain computers",
        "domain controllers",
        "domain guests",
        "domain users",
        "enterprise admins",
        "guest",
        "guests",
        "krbtgt",
        "schema admins",
        "users",
    }
)


class Wish(Struct, frozen=True):
    """The name an object would have, were it alone. `usable` False: one must be generated from it in any case."""

    name: str
    usable: bool
    longest: int


def user_wish(properties: Mapping[str, Any]) -> Wish:
    """By mailNickname, or by the sign-in name's prefix where there is none."""
    prefix = _text(properties, "userPrincipalName").partition("@")[0]
    name = _text(properties, "mailNickname") or prefix
    short = len(name) <= LONGEST_USER_NAME and len(prefix) <= LONGEST_USER_NAME
    return Wish(name, short and _is_legal(name), LONGEST_USER_NAME)


def group_wish(properties: Mapping[str, Any]) -> Wish:
    """By displayName."""
    name = _text(properties, "displayName")
    return Wish(name, len(name) <= LONGEST_GROUP_NAME and _is_legal(name), LONGEST_GROUP_NAME)


def candidates(wish: Wish, object_id: str) -> Iterator[str]:
    """Names to try, best first. The same object gets the same ones every time."""
    if wish.usable:
        yield wish.name
    stem = _ILLEGAL.sub("", wish.name).strip(" .")[: wish.longest - _SUFFIX_LENGTH].rstrip(" .") or "account"
    for attempt in range(_ATTEMPTS):
        yield f"{stem}-{hashlib.sha256(f'{attempt}:{object_id}'.encode()).hexdigest()[: _SUFFIX_LENGTH - 1]}"


def _is_legal(name: str) -> bool:
    if not name or name.casefold() in RESERVED or name != name.strip(" ") or name.endswith("."):
        return False
    return not _ILLEGAL.search(name)


def _text(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    return value if isinstance(value, str) else ""
