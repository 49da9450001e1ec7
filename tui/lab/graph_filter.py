"""The `$filter`s that Graph documents for failing, synced, colliding and named objects; any other is refused as Graph
does.

facts/domain.md 2.5, 2.6, and the reference pages of user and group.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

MOST_COMPARISONS = 15
_TEXT = r"'((?:[^']|'')*)'"
_SYNCED = re.compile(r"onPremisesSyncEnabled eq (true|false)")
_CATEGORY = re.compile(rf"onPremisesProvisioningErrors/any\((\w+):\s*\1/category eq {_TEXT}\)")
_SERVICE = re.compile(r"serviceProvisioningErrors/any\((\w+):\s*\1/isResolved eq false\)")
_COMPARISON = re.compile(rf"(?:(\w+) eq|(proxyAddresses)/any\((\w+):\s*\3 eq) {_TEXT}(?(3)\))")
_OR = re.compile(r"\s+or\s+")
_COMPARED = {
    "user": frozenset(
        {
            "displayName",
            "id",
            "mail",
            "onPremisesImmutableId",
            "onPremisesSamAccountName",
            "onPremisesSecurityIdentifier",
            "proxyAddresses",
            "userPrincipalName",
        }
    ),
    "group": frozenset(
        {
            "displayName",
            "id",
            "mail",
            "onPremisesSamAccountName",
            "onPremisesSecurityIdentifier",
            "proxyAddresses",
        }
    ),
    "contact": frozenset({"displayName", "id", "mail", "proxyAddresses"}),
}
_ADVANCED_ALONE = frozenset({"onPremisesSamAccountName"})


class Filter(Struct, frozen=True, kw_only=True):
    """At most one field is set: what the objects must satisfy. `equals`: any of these (property, value).

    `is_advanced`: it needs ConsistencyLevel and `$count`.
    """

    synced: bool | None = None
    category: str | None = None
    service_failing: bool = False
    equals: tuple[tuple[str, str], ...] = ()
    is_advanced: bool = False


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
)


def parse(text: str, kind: str) -> Filter:
    """The filter that `text` asks of objects of `kind`. Raises `UnsupportedFilter`."""
    for pattern, kinds, made in _FORMS:
        match = pattern.fullmatch(text.strip())
        if match and kind in kinds:
            return made(match)
    return _any_of(text.strip(), kind)


def _any_of(text: str, kind: str) -> Filter:
    """Comparisons joined by `or`."""
    compared: list[tuple[str, str]] = []
    at = 0
    while match := _COMPARISON.match(text, at):
        compared.append((match.group(1) or match.group(2), _unquoted(match.group(4))))
        joint = _OR.match(text, match.end())
        at = joint.end() if joint else match.end()
        if joint is None:
            break
    names = {name for name, _ in compared}
    if not compared or at != len(text) or not names <= _COMPARED.get(kind, frozenset()):
        raise UnsupportedFilter(f"Unsupported or invalid query filter clause for {kind}.")
    if len(compared) > MOST_COMPARISONS:
        raise UnsupportedFilter(f"Too many child clauses specified in search filter expression: {len(compared)}.")
    return Filter(equals=tuple(compared), is_advanced=not names.isdisjoint(_ADVANCED_ALONE))


def _unquoted(text: str) -> str:
    return text.replace("''", "'")
