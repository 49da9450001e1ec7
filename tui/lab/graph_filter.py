"""The `$filter`s that Graph documents for failing, synced and colliding objects; any other is refused as Graph does.

facts/domain.md 2.5, 2.6.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

_TEXT = r"'((?:[^']|'')*)'"
_SYNCED = re.compile(r"onPremisesSyncEnabled eq (true|false)")
_CATEGORY = re.compile(rf"onPremisesProvisioningErrors/any\((\w+):\s*\1/category eq {_TEXT}\)")
_SERVICE = re.compile(r"serviceProvisioningErrors/any\((\w+):\s*\1/isResolved eq false\)")
_EQUALS = re.compile(rf"(userPrincipalName|mail) eq {_TEXT}")
_ADDRESS = re.compile(rf"proxyAddresses/any\((\w+):\s*\1 eq {_TEXT}\)")


class Filter(Struct, frozen=True, kw_only=True):
    """At most one field is set: what the objects must satisfy."""

    synced: bool | None = None
    category: str | None = None
    service_failing: bool = False
    equals: tuple[str, str] | None = None


class UnsupportedFilter(Exception):
    """400 Request_UnsupportedQuery."""


_FORMS: tuple[tuple[re.Pattern[str], frozenset[str], Callable[[re.Match[str]], Filter]], ...] = (
    (
        _SYNCED,
        frozenset({"user", "group", "contact", "device"}),
        lambda match: Filter(synced=match.group(1) == "true"),
    ),
    (
        _CATEGORY,
        frozenset({"user", "group", "contact"}),
        lambda match: Filter(category=_unquoted(match.group(2))),
    ),
    (
        _SERVICE,
        frozenset({"user", "group", "contact"}),
        lambda _: Filter(service_failing=True),
    ),
    (
        _EQUALS,
        frozenset({"user", "group", "contact"}),
        lambda match: Filter(equals=(match.group(1), _unquoted(match.group(2)))),
    ),
    (
        _ADDRESS,
        frozenset({"user", "group", "contact"}),
        lambda match: Filter(equals=("proxyAddresses", _unquoted(match.group(2)))),
    ),
)


def parse(text: str, kind: str) -> Filter:
    """The filter that `text` asks of objects of `kind`. Raises `UnsupportedFilter`."""
    for pattern, kinds, made in _FORMS:
        match = pattern.fullmatch(text.strip())
        if match and kind in kinds and (kind == "user" or "userPrincipalName" not in match.groups()):
            return made(match)
    raise UnsupportedFilter(f"Unsupported or invalid query filter clause for {kind}.")


def _unquoted(text: str) -> str:
    return text.replace("''", "'")
