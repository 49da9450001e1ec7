"""Who else holds a conflicting address or UPN: Graph does not say, so it is looked up. facts/domain.md 2.6."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from tui.model.facts import FailureReport, ObjectRef
from tui.sources.decode import items
from tui.sources.errors import SourceError
from tui.sources.graph import Part, batch
from tui.sources.graph_errors import CONFLICT, CONTACTS, GROUPS, USERS, FailingType, reference
from tui.sources.http_session import Session

MOST_ASKED = 20
MOST_KNOWN = 10_000
_MOST_HOLDERS = 5
_LONGEST_VALUE = 500
_UPN = "upn"
_FIELDS = {USERS.noun: ",userPrincipalName,onPremisesDistinguishedName", GROUPS.noun: "", CONTACTS.noun: ""}


class Holders:
    """Which objects hold each value that has been asked for: once, some values per poll, the newest failures first.

    Values that nothing fails over any more are forgotten; beyond `MOST_KNOWN` no new ones are asked for.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[ObjectRef, ...]] = {}
        self._seen: set[str] = set()
        self._wanted: list[_Wanted] = []

    def begin(self) -> None:
        """A new poll: nothing is wanted yet."""
        self._seen, self._wanted = set(), []

    def note(self, reports: Iterable[FailureReport]) -> list[FailureReport]:
        """Some reports, each with the other holder where that is known; unknown values are noted down."""
        noted, wanted = [], list(self._wanted)
        oldest = wanted[-1].since if len(wanted) >= MOST_ASKED else -math.inf
        for report in reports:
            value = wanted_value(report)
            if value is not None and value in self._known:
                self._seen.add(value)
                report = with_holder(report, self._known[value])
            elif value is not None:
                since = report.first_seen.timestamp() if report.first_seen else 0.0
                if since > oldest:
                    wanted.append(_Wanted(since, value, report))
            noted.append(report)
        self._wanted = heapq.nlargest(MOST_ASKED, wanted, key=lambda one: one.since)
        return noted

    async def ask(self, session: Session, *, complete: bool) -> list[FailureReport]:
        """Look up what is wanted; the reports that could be completed by it. Never raises a `SourceError`.

        `complete`: this poll read every failure, so that values it did not meet are forgotten.
        """
        if complete:
            self._known = {value: self._known[value] for value in self._seen}
        values = list({one.value: None for one in self._wanted})[: max(0, MOST_KNOWN - len(self._known))]
        urls = {f"{number}-{name}": url for number, value in enumerate(values) for name, url in lookups(value)}
        try:
            parts = await batch(session, urls)
        except SourceError:
            return []
        found = {value: holders(parts, number) for number, value in enumerate(values)}
        self._known |= {value: held for value, held in found.items() if held is not None}
        return [with_holder(one.report, found.get(one.value) or ()) for one in self._wanted]


class _Wanted(Struct, frozen=True):
    """`since` is the Unix time of the failure."""

    since: float
    value: str
    report: FailureReport


def wanted_value(report: FailureReport) -> str | None:
    """The value to look up, in the case that makes equal addresses equal; None for errors that are no conflict."""
    if report.code != CONFLICT or not report.value or len(report.value) > _LONGEST_VALUE:
        return None
    return report.value.lower()


def with_holder(report: FailureReport, held: Sequence[ObjectRef]) -> FailureReport:
    """The report with the first holder that is not the failing object itself."""
    other = next((ref for ref in held if ref.id is None or ref.id != report.object.id), None)
    return replace(report, conflicts_with=other) if other is not None else report


def lookups(value: str) -> list[tuple[str, str]]:
    """Names and batch URLs that find the holders of `value`: `smtp:x@y`, a bare address or UPN, or another kind."""
    prefix, colon, rest = value.partition(":")
    kind, address = (prefix, rest) if colon else ("smtp", value)
    proxy = f"proxyAddresses/any(p:p eq {literal(f'{kind}:{address}')})"
    return [
        (USERS.noun, _url(USERS, proxy)),
        (_UPN, _url(USERS, f"userPrincipalName eq {literal(address)}")),
        (GROUPS.noun, _url(GROUPS, proxy)),
        (CONTACTS.noun, _url(CONTACTS, proxy)),
    ]


def literal(value: str) -> str:
    """`value` as an OData string: quotes are doubled."""
    return "'" + value.replace("'", "''") + "'"


def holders(parts: dict[str, Part], number: int) -> tuple[ObjectRef, ...] | None:
    """The objects found for one value; None where a fault of the upstream left it open, so that it is asked again."""
    found: list[ObjectRef] = []
    for name in (USERS.noun, _UPN, GROUPS.noun, CONTACTS.noun):
        part = parts[f"{number}-{name}"]
        if part.failed or part.throttled:
            return None
        if part.ok:
            noun = USERS.noun if name == _UPN else name
            found.extend(reference(obj, noun) for obj in items(part.body))
    return tuple(found[:_MOST_HOLDERS])


def _url(kind: FailingType, condition: str) -> str:
    path = kind.path.removeprefix("/v1.0")
    select = f"id,displayName,mail{_FIELDS[kind.noun]}"
    return f"{path}?$filter={quote(condition, safe='')}&$select={select}&$top={_MOST_HOLDERS}&$count=true"
