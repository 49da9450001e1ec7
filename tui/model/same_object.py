"""Which reports are about the same object and cause: connected by any name that they give the object.

Reports are known by their number, the order of their coming. Plain lists of numbers keep 100,000 reports cheap: no
container per report for the garbage collector to walk.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from datetime import datetime

from msgspec import Struct, field

from tui.model.catalogue import explain
from tui.model.facts import FailureReport
from tui.model.states import HopName

SHARDS = 16
MOST_CLAIMANTS = 16  # of one sign-in name; more groups than there are sources are never one object


class _Names:
    """The first report that gave a name. In shards: a dict of 100,000 takes milliseconds to grow, small ones do not,
    and they do not all grow at once."""

    def __init__(self) -> None:
        self.shards: list[dict[str, int]] = [{} for _ in range(SHARDS)]

    def first(self, name: str, number: int) -> int:
        return self.shards[hash(name) % SHARDS].setdefault(name, number)


class _Family(Struct):
    """The names by kind, for one hop and cause."""

    hop: HopName
    cause: str
    anchors: _Names = field(default_factory=_Names)
    dns: _Names = field(default_factory=_Names)
    ids: _Names = field(default_factory=_Names)
    upns: _Names = field(default_factory=_Names)
    upns_alone: _Names = field(default_factory=_Names)
    nameless: _Names = field(default_factory=_Names)

    def kinds(self) -> tuple[_Names, ...]:
        return self.anchors, self.dns, self.ids, self.upns, self.upns_alone, self.nameless


class SameObject:
    """Gathers reports into groups, one per object and cause, whatever order they come in.

    Source anchor, DN and id bind at once. A sign-in name alone is weaker: in a conflict two objects claim the same
    one, so it binds only at the end (`gather`), and only groups that may be one object.
    """

    def __init__(self) -> None:
        self.reports: list[FailureReport] = []
        self.seen_at: list[datetime] = []
        self.groups: dict[int, list[int]] = {}
        self._parent: list[int] = []
        self._families: dict[tuple[HopName, str], _Family] = {}
        self._by_code: dict[str, list[_Family]] = {}
        self._shared_upns: dict[tuple[HopName, str, str], list[int]] = {}

    def add(self, reports: Iterable[FailureReport], as_of: datetime) -> None:
        for report in reports:
            number = len(self.reports)
            self.reports.append(report)
            self.seen_at.append(as_of)
            self._parent.append(number)
            self._bind(report, number)

    def gather(self, chunk: int) -> Generator[None, None, None]:
        """Fill `groups`: the numbers of several reports about one object, by the number that stands for them."""
        for number in range(len(self._parent)):
            root = self._root(number)
            if root != number:
                self.groups.setdefault(root, [root]).append(number)
            if number % chunk == 0:
                yield
        for done, key in enumerate(sorted(self._shared_upns)):
            self._join({self._root(number) for number in self._shared_upns[key]})
            if done % chunk == 0:
                yield
        yield from self._forget_names()

    def stands_for_itself(self, number: int) -> bool:
        """Whether the report stands for a group, even one of its own alone."""
        return self._parent[number] == number

    def _bind(self, report: FailureReport, number: int) -> None:
        ref, family, unite = report.object, self._family(report), self._unite
        anchor, dn, ident, upn = ref.source_anchor, ref.dn, ref.id, ref.upn
        if anchor and (first := family.anchors.first(anchor, number)) != number:
            unite(first, number)
        if dn and (first := family.dns.first(dn.casefold(), number)) != number:
            unite(first, number)
        if ident and (first := family.ids.first(ident.casefold(), number)) != number:
            unite(first, number)
        if not (anchor or dn or ident):
            unite(self._only_weakly_named(report, family, number), number)
        if upn and (first := family.upns.first(upn.casefold(), number)) != number:
            self._note_shared(family, upn.casefold(), first, number)

    def _family(self, report: FailureReport) -> _Family:
        for family in self._by_code.get(report.code, ()):
            if family.hop is report.hop:
                return family
        cause = explain(report.code).cause
        family = self._families.setdefault((report.hop, cause), _Family(report.hop, cause))
        self._by_code.setdefault(report.code, []).append(family)
        return family

    def _only_weakly_named(self, report: FailureReport, family: _Family, number: int) -> int:
        if report.object.upn:
            return family.upns_alone.first(report.object.upn.casefold(), number)
        return family.nameless.first(nameless(report), number)

    def _note_shared(self, family: _Family, upn: str, first: int, number: int) -> None:
        if self._root(first) != self._root(number):
            self._shared_upns.setdefault((family.hop, family.cause, upn), [first]).append(number)

    def _root(self, number: int) -> int:
        parent = self._parent
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    def _unite(self, one: int, other: int) -> None:
        if one != other:
            low, high = sorted((self._root(one), self._root(other)))
            self._parent[high] = low

    def _join(self, roots: set[int]) -> None:
        members = {root: self.groups.get(root, [root]) for root in roots} if len(roots) <= MOST_CLAIMANTS else {}
        if len(members) < 2 or not _may_be_one([[self.reports[one] for one in group] for group in members.values()]):
            return
        kept = min(roots)
        self.groups[kept] = sorted(number for group in members.values() for number in group)
        for root in roots - {kept}:
            self.groups.pop(root, None)
            self._parent[root] = kept

    def _forget_names(self) -> Generator[None, None, None]:
        """Let the names go, one kind at a time: freeing all at once would hold the loop."""
        for family in self._families.values():
            for names in family.kinds():
                names.shards.clear()
                yield


def nameless(report: FailureReport) -> str:
    """What stands for the name of an object that has none: the most that tells it from another one."""
    ref = report.object
    since = report.first_seen.isoformat() if report.first_seen else ""
    return "\x1f".join((report.source, ref.type or "", ref.name or report.message, since))


def _may_be_one(groups: list[list[FailureReport]]) -> bool:
    """Not two anchors, and no source that itself tells two of the groups apart."""
    anchors = {report.object.source_anchor for group in groups for report in group} - {None, ""}
    sources = [{report.source for report in group if _is_strong(report)} for group in groups]
    return len(anchors) <= 1 and sum(map(len, sources)) == len(set().union(*sources))


def _is_strong(report: FailureReport) -> bool:
    ref = report.object
    return bool(ref.source_anchor or ref.dn or ref.id)
