"""One failure per object and cause, whoever reports it: the reports of several sources merged, in slices.

Two reports are the same failure when they are about the same object (`same_object`), the same cause
(`catalogue.Explanation.cause`, so that PropertyConflict and AttributeValueMustBeUnique meet), and neither their
attributes nor their values contradict each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from tui.model.catalogue import Explanation, explain
from tui.model.facts import FailureReport, ObjectRef
from tui.model.one_failure import REF_FIELDS, failure_of_many, failure_of_one, parts, preferred
from tui.model.same_object import SameObject
from tui.model.snapshot import Failure

Item = TypeVar("Item")

SEVERITY_ORDER = {"critical": 0, "warning": 1, "unknown": 2, "info": 3}
FAR_FUTURE_S = 253402300800.0  # the year 10000
SORT_BUCKETS = 256


class Merged(Struct, frozen=True):
    """What one merge found. Handed to the next one, it keeps every failure's id as sources join and leave.

    `ids`: the ids given out. `renamed`: the id that a report would have had alone -> the id its failure has.
    """

    failures: tuple[Failure, ...] = ()
    ids: Set[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)


class _Drafts:
    """Failures whose ids are not settled yet: each has the id it would have without a past.

    `alone`: by that id, the ids that its reports would have by themselves, where they differ.
    """

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.alone: dict[str, tuple[str, ...]] = {}

    def add(self, objects: SameObject, number: int) -> None:
        self.failures.append(failure_of_one(objects.reports[number], objects.seen_at[number]))

    def add_group(self, objects: SameObject, numbers: Sequence[int], chunk: int) -> Generator[None, None, None]:
        group = [(objects.reports[one], objects.seen_at[one]) for one in numbers]
        for done, part in enumerate(parts(group), 1):
            failure, alone = failure_of_many(preferred(part))
            self.failures.append(failure)
            if alone:
                self.alone[failure.id] = alone
            if done % chunk == 0:
                yield


def merging(
    batches: Sequence[tuple[datetime, Sequence[FailureReport]]], known: Merged | None = None, chunk: int = 500
) -> Generator[None, None, Merged]:
    """Merge each source's reports (with the time of their reading) into failures, newest first.

    Yields after every `chunk` items, so that an event loop can do other work in between; returns the `Merged`.
    `known` is the previous merge. The result does not depend on the order of batches or reports.
    """
    objects = SameObject()
    for as_of, reports in batches:
        for piece in _pieces(reports, chunk):
            objects.add(piece, as_of)
            yield
    yield from objects.gather(chunk)
    drafts = _Drafts()
    slice_of_drafts = max(1, chunk // 4)
    for numbers in _pieces(range(len(objects.reports)), slice_of_drafts):
        for number in filter(objects.stands_for_itself, numbers):
            if number in objects.groups:
                yield from drafts.add_group(objects, objects.groups[number], slice_of_drafts)
            else:
                drafts.add(objects, number)
        yield
    del objects
    yield
    renamed = yield from _settle(drafts, known or Merged(), chunk)
    return (yield from _newest_first(drafts.failures, renamed, chunk))


def merge(batches: Sequence[tuple[datetime, Sequence[FailureReport]]], known: Merged | None = None) -> Merged:
    """`merging` in one go."""
    slices = merging(batches, known)
    while True:
        try:
            next(slices)
        except StopIteration as finished:
            merged: Merged = finished.value
            return merged


def label(ref: ObjectRef) -> str:
    """The best name there is for an object, as an operator would say it."""
    return ref.name or ref.upn or ref.dn or ref.id or ref.source_anchor or "an unnamed object"


def summary(failure: Failure) -> str:
    """One plain line: what failed on which object, with the value and who else holds it, where known."""
    subject = f"{failure.object.type} {label(failure.object)}" if failure.object.type else label(failure.object)
    told = f"{explanation(failure).title}: {subject}"
    if failure.attribute or failure.value:
        told += f", {' = '.join(part for part in (failure.attribute, failure.value) if part)}"
    return f"{told}, also on {label(failure.conflicts_with)}" if failure.conflicts_with else told


def explanation(failure: Failure) -> Explanation:
    """The catalogue's entry for the failure."""
    return explain(failure.code, failure.hint)


def remedy(failure: Failure) -> str:
    """What to do, in one line."""
    return explanation(failure).remedy


def docs(failure: Failure) -> str:
    """Where to read on; empty for a code that the catalogue does not know."""
    return explanation(failure).link


def search_text(failure: Failure) -> str:
    """Everything an operator may look a failure up by, casefolded, for plain-words filters."""
    refs = (failure.object, failure.conflicts_with) if failure.conflicts_with else (failure.object,)
    words = [failure.code, explanation(failure).title, failure.severity, failure.hop, *failure.sources]
    words += [failure.attribute or "", failure.value or "", failure.message]
    words += [word for ref in refs for name in REF_FIELDS if (word := getattr(ref, name))]
    return " ".join(words).casefold()


def _pieces(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), max(1, size)))


# --- ids that last ----------------------------------------------------------------------------------------------------


def _settle(drafts: _Drafts, known: Merged, chunk: int) -> Generator[None, None, dict[str, str]]:
    """Give failures the ids they had before. Returns the `renamed` for the next merge."""
    renamed = {one: own for own, alone in drafts.alone.items() for one in alone}
    places: dict[int, str] = {}
    for piece in _pieces(range(len(drafts.failures) if known.renamed or renamed else 0), chunk):
        places.update(_with_another_past(piece, drafts, known))
        yield
    taken = {failure.id for failure in drafts.failures} if places else set()
    for place in sorted(places, key=lambda place: drafts.failures[place].id):
        failure = drafts.failures[place]
        own, given = failure.id, places[place]
        if given not in taken:  # else the failure that it was once one with is back by itself, and keeps the id
            taken.add(given)
            drafts.failures[place] = replace(failure, id=given)
            renamed |= dict.fromkeys((own, *drafts.alone.get(own, ())), given)
            renamed.pop(given, None)
    return renamed


def _with_another_past(places: Iterable[int], drafts: _Drafts, known: Merged) -> Iterator[tuple[int, str]]:
    """The places whose failure had another id before than it would have now, and that id."""
    for place in places:
        own = drafts.failures[place].id
        former = _former_id(own, drafts.alone.get(own, ()), known)
        if former is not None:
            yield place, former


def _former_id(own: str, alone: tuple[str, ...], known: Merged) -> str | None:
    renamed = known.renamed.get(own)
    if renamed in known.ids:
        return renamed
    if own in known.ids or not alone:
        return None
    return min({known.renamed.get(one, one) for one in alone} & known.ids, default=None)


# --- newest first -----------------------------------------------------------------------------------------------------


def _newest_first(failures: Sequence[Failure], renamed: Mapping[str, str], chunk: int) -> Generator[None, None, Merged]:
    """Sorted as `_sort_key` says, a bucket at a time, since one big sort would hold the loop too long."""
    by_key: dict[str, Failure] = {}
    for piece in _pieces(failures, chunk):
        by_key.update((_sort_key(failure), failure) for failure in piece)
        yield
    keys = list(by_key)
    splitters = sorted(keys[:: max(1, len(keys) // (SORT_BUCKETS * 8))])[::8]
    buckets: list[list[str]] = [[] for _ in range(len(splitters) + 1)]
    for some in _pieces(keys, chunk):
        for key in some:
            buckets[bisect_right(splitters, key)].append(key)
        yield
    ordered: list[Failure] = []
    ids: set[str] = set()
    del keys
    for bucket in buckets:
        ordered.extend(by_key.pop(key) for key in sorted(bucket))
        ids.update(failure.id for failure in ordered[len(ids) :])
        bucket.clear()  # frees its keys now; all at once at the end would hold the loop
        yield
    return Merged(tuple(ordered), ids, renamed)


def _sort_key(failure: Failure) -> str:
    """Text that sorts as (last seen, then first seen, newest first; severity; id) would, and faster.

    Failures read together share the reading's time: the one that came last stands first among them.
    """
    ages = _age_key(failure.last_seen) + _age_key(failure.first_seen)
    return f"{ages}{SEVERITY_ORDER[failure.severity._value_]}{failure.id}"


@lru_cache(maxsize=4096)
def _age_key(moment: datetime | None) -> str:
    return f"{FAR_FUTURE_S - (moment.timestamp() if moment else 0.0):020.6f}"
