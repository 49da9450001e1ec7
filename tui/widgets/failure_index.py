"""Failures in an order, narrowed by words, with what is new marked: pure, and built in steps for very many of them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from enum import StrEnum
from itertools import chain
from typing import TypeVar

from msgspec import Struct, field

from tui.model.failures import search_text
from tui.model.snapshot import Failure, TenantSnapshot
from tui.model.states import Severity, SourceState
from tui.widgets.freshness import TELLING

# Rows indexed between two turns of the event loop: some milliseconds.
STEP = 1000

T = TypeVar("T")

_SEVERITY_ORDER = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.INFO)


class Sort(StrEnum):
    LAST_SEEN = "last seen"
    SEVERITY = "severity"
    CODE = "code"
    OBJECT = "object"

    def next(self) -> Sort:
        members = list(Sort)
        return members[(members.index(self) + 1) % len(members)]


class ListState(Struct, frozen=True):
    """What the title and the tail tell about the list. `total`: all rows, alerts among them."""

    total: int
    matching: int
    new: int
    above: int
    below: int
    sort: Sort
    query: str
    indexed: int
    truncated: bool


class Index(Struct):
    """`haystacks[n]` is the casefolded text of `failures[n]`; shorter than `failures` until building has ended."""

    failures: Sequence[Failure] = ()
    haystacks: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return len(self.haystacks) == len(self.failures)


def build(index: Index, earlier: Index) -> Generator[None, None, None]:
    """Fill `index` step by step, taking over what `earlier` already knew of the same failures."""
    if index.complete:
        return
    known = dict(zip(map(id, earlier.failures), earlier.haystacks, strict=False))
    for start in range(len(index.haystacks), len(index.failures), STEP):
        part = index.failures[start : start + STEP]
        index.haystacks += [known.get(id(failure)) or search_text(failure) for failure in part]
        yield


def words_of(query: str) -> tuple[str, ...]:
    return tuple(query.casefold().split())


def narrow(rows: Sequence[int], haystacks: Sequence[str], words: Sequence[str]) -> Sequence[int]:
    """The rows whose text holds every word. Rows not indexed yet are left out."""
    known = len(haystacks)
    for word in words:
        rows = [row for row in rows if row < known and word in haystacks[row]]
    return rows


def ordering(failures: Sequence[Failure], sort: Sort) -> Generator[None, None, Sequence[int]]:
    """Row numbers in the order of `sort`, in steps; newest first among equals, as the failures come.

    Runs of one step are sorted, then merged in pairs: sorting two sorted runs as one is a single pass.
    """
    total = len(failures)
    if sort is Sort.LAST_SEEN:
        return range(total)
    keys: list[str] = []
    runs: list[list[int]] = []
    for start in range(0, total, STEP):
        keys += [_key(failure, sort) for failure in failures[start : start + STEP]]
        runs.append(sorted(range(start, len(keys)), key=keys.__getitem__))
        yield
    while len(runs) > 1:
        merged: list[list[int]] = []
        for first in range(0, len(runs), 2):
            merged.append(sorted(chain.from_iterable(runs[first : first + 2]), key=keys.__getitem__))
            yield
        runs = merged
    return runs[0] if runs else []


def finished(steps: Generator[None, None, T]) -> T:
    """The result of steps taken all at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def _key(failure: Failure, sort: Sort) -> str:
    if sort is Sort.SEVERITY:
        return str(_SEVERITY_ORDER.index(failure.severity))
    if sort is Sort.CODE:
        return failure.code.casefold()
    return object_name(failure).casefold()


def object_name(failure: Failure) -> str:
    """The object by the name an operator knows it by."""
    ref = failure.object
    return ref.dn or ref.upn or ref.name or ref.id or ref.source_anchor or f"(unnamed {ref.type or 'object'})"


def position(rows: Sequence[int], row: int) -> int | None:
    """Where `row` stands among `rows`; None where it does not."""
    try:
        return rows.index(row)
    except ValueError:
        return None


class Looked:
    """Which failures the operator has had a chance to see. What a tenant fails with at the start is not new."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._settled = False

    def take(self, snapshot: TenantSnapshot, rows: Iterable[Failure]) -> None:
        """Take note of `rows`, the feed of `snapshot`.

        Until every source that reports failures or alerts has answered once, what comes was there before.
        """
        if self._settled:
            return
        self._seen.update(failure.id for failure in rows)
        reporting = [status for status in snapshot.sources if status.source in TELLING]
        self._settled = bool(reporting) and all(status.state is not SourceState.NEVER for status in reporting)

    def look(self, failures: Sequence[Failure]) -> None:
        """The operator has looked: nothing of this is new any more, and what is gone is forgotten."""
        self._seen = {failure.id for failure in failures}

    def is_new(self, failure: Failure) -> bool:
        return failure.id not in self._seen

    def count_new(self, failures: Sequence[Failure]) -> int:
        return sum(failure.id not in self._seen for failure in failures)
