"""What is special about an object, in one word each: why a hop leaves it out, or carries it in part only."""

from __future__ import annotations

from collections.abc import Iterable, Set
from enum import StrEnum
from functools import cache


class Mark(StrEnum):
    """SYNCED: it came from the side before. LOCAL: it was made on this side."""

    SYNCED = "synced"
    LOCAL = "local"
    GUEST = "guest"
    BUILT_IN = "built-in"
    SERVICE = "service account"
    DISABLED = "disabled"
    DELETED = "deleted"


_NOTES = {
    Mark.GUEST: "guest",
    Mark.BUILT_IN: "built-in object of the domain",
    Mark.SERVICE: "service account that Connect leaves out",
    Mark.DELETED: "deleted, can still be restored",
}
# What the default rules leave out by name (Microsoft Entra Connect Sync: understanding the default configuration).
_SERVICE_PREFIXES = ("aad_", "msol_", "systemmailbox{", "cas_{")
_SERVICE_NAMES = frozenset({"support_388945a0", "msol_ad_sync_richcoexistence"})


def notes_of(marks: Iterable[str]) -> tuple[str, ...]:
    """The marks worth telling, in words, in a fixed order."""
    kept = frozenset(marks)
    return tuple(words for mark, words in _NOTES.items() if mark in kept)


def is_service_name(account_name: str | None) -> bool:
    """Whether Connect leaves an account of this sAMAccountName out because it serves the sync itself, or Exchange."""
    name = (account_name or "").casefold()
    return name in _SERVICE_NAMES or name.startswith(_SERVICE_PREFIXES)


def shared(marks: Set[str]) -> frozenset[str]:
    """The same set for the same marks: very many objects have few of them."""
    return _shared(frozenset(marks))


@cache
def _shared(marks: frozenset[str]) -> frozenset[str]:
    return marks
