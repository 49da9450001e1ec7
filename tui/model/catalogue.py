"""What every failure code, health alert, quarantine reason and run result means, and what to do about it.

The texts live in `catalogue.toml`, which is read once, when first asked. Sources: facts/domain.md sections 2.6, 2.11,
3.2, 4 and 5, and the Microsoft pages that each entry links to.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tui.model.states import Severity

UNKNOWN_RANK = 80
LONGEST_NAME = 300
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_PRODUCT = re.compile(r"\b(?:microsoft )?(?:azure active directory|azure ad|entra id|aad)\b")
_NEGATION = re.compile(r"n['’]t\b")


class Stops(StrEnum):
    """What a fault holds up. RISK: management is blocked and the sync is likely to stop."""

    SYNC = "sync"
    RISK = "risk"
    PASSWORDS = "passwords"
    ATTRIBUTE = "attribute"
    OBJECT = "object"
    NOTHING = "nothing"


class Explanation(Struct, frozen=True, kw_only=True):
    """One entry of the catalogue as seen from one code.

    `cause` is shared by entries that describe the same fault in different words. `rank` puts root causes first:
    lower comes earlier, lateness itself stands at 100. `known` False: no entry fits and `title` is the code as it is.
    """

    code: str
    title: str
    meaning: str
    stops: Stops
    severity: Severity
    cause: str
    rank: int
    remedy: str
    steps: tuple[str, ...] = ()
    link: str = ""
    causes: tuple[str, ...] = ()
    kind: str = ""
    known: bool = True


class _Entry(Struct, frozen=True):
    explanation: Explanation
    codes: tuple[str, ...]
    patterns: tuple[str, ...]
    words: tuple[str, ...]
    hints: tuple[str, ...]


@lru_cache(maxsize=4096)
def explain(code: str, hint: str = "") -> Explanation:
    """The entry for `code`, without regard to case; an Explanation with `known` False where there is none.

    `hint`, the upstream's title or message, decides between two meanings of one code (AADDS101) and is searched for
    the display names of Connect Health alerts, whose codes are not published.
    """
    found = _by_code(code, hint) or _by_pattern(code) or _by_words(f"{code} {hint}")
    return replace(found.explanation, code=code.strip()) if found else _unknown(code)


def entries() -> tuple[Explanation, ...]:
    """Every entry once, in the order of the file, under the first of its codes or patterns."""
    return tuple(entry.explanation for entry in _catalogue())


def codes() -> tuple[str, ...]:
    """Every code and pattern that the catalogue names, as written there."""
    return tuple(code for entry in _catalogue() for code in (*entry.codes, *entry.patterns))


def _by_code(code: str, hint: str) -> _Entry | None:
    named = _index().get(_key(code), ())
    told = hint[:LONGEST_NAME].casefold()
    return next((entry for entry in named if any(word in told for word in entry.hints)), named[0] if named else None)


def _by_pattern(code: str) -> _Entry | None:
    key = _key(code)
    return next((entry for pattern, entry in _patterned() if fnmatchcase(key, pattern)), None)


def _by_words(name: str) -> _Entry | None:
    said = _plain(name)
    return next((entry for entry in _worded() if all(word in said for word in entry.words)), None)


def _unknown(code: str) -> Explanation:
    shown = code.strip()
    return Explanation(
        code=shown,
        title=shown or "No code given",
        meaning="This code is not in the catalogue; it is shown as the upstream wrote it.",
        stops=Stops.RISK,
        severity=Severity.WARNING,
        cause=_key(code) or "no-code",
        rank=UNKNOWN_RANK,
        remedy="Read the upstream's own message, and look the code up where it was raised",
        known=False,
    )


def _key(code: str) -> str:
    return code.strip()[:LONGEST_NAME].casefold()


def _plain(name: str) -> str:
    """Lower-case words with single blanks; the product's old and new names become one word."""
    text = _NEGATION.sub(" not", name[:LONGEST_NAME].casefold())
    return _PRODUCT.sub("entra", _NOT_WORD.sub(" ", text))


@cache
def _catalogue() -> tuple[_Entry, ...]:
    text = files("tui.model").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(_entry(table) for table in tomllib.loads(text)["entry"])


@cache
def _index() -> Mapping[str, tuple[_Entry, ...]]:
    index: dict[str, tuple[_Entry, ...]] = {}
    for code, entry in _coded():
        index[code] = (*index.get(code, ()), entry)
    return index


@cache
def _patterned() -> tuple[tuple[str, _Entry], ...]:
    return tuple((pattern, entry) for entry in _catalogue() for pattern in entry.patterns)


@cache
def _worded() -> tuple[_Entry, ...]:
    return tuple(entry for entry in _catalogue() if entry.words)


def _coded() -> Iterator[tuple[str, _Entry]]:
    for entry in _catalogue():
        for code in entry.codes:
            yield _key(code), entry


def _entry(table: Mapping[str, Any]) -> _Entry:
    codes, patterns = tuple(table.get("codes", ())), tuple(table.get("patterns", ()))
    return _Entry(
        explanation=Explanation(
            code=(codes + patterns)[0],
            title=table["title"],
            meaning=table["meaning"],
            stops=Stops(table["stops"]),
            severity=Severity(table["severity"]),
            cause=table["cause"],
            rank=table["rank"],
            remedy=table["remedy"],
            steps=tuple(table["steps"]),
            link=table["link"],
            causes=tuple(table.get("causes", ())),
            kind=table["kind"],
        ),
        codes=codes,
        patterns=patterns,
        words=tuple(table.get("words", ())),
        hints=tuple(table.get("hint", ())),
    )
