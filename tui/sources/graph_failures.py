"""Objects that hop 1 could not bring over whole, as Graph tells it. facts/domain.md 2.6.

Graph holds quarantined conflicts and services' refusals; a real export error leaves no trace there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from msgspec import Struct, field

from tui.clock import Clock
from tui.model.facts import FailureReport, FailuresFacts
from tui.model.states import SourceId
from tui.sources.decode import JsonObject, items
from tui.sources.errors import BadAnswer, Denied, NotFound, Refused, SourceError, Throttled, TimedOut
from tui.sources.graph import ADVANCED, attempt
from tui.sources.graph_conflicts import Holders
from tui.sources.graph_errors import FAILING_TYPES, FailingType, ReportKey, key_of, reports_of
from tui.sources.http import Upstream
from tui.sources.http_session import Session
from tui.sources.source import Exchange

NEEDS = "User.Read.All, GroupMember.Read.All and OrgContact.Read.All (or Directory.Read.All)"
MOST_REPORTS = 150_000
MOST_PAGES = 200
REFUSED_FOR_S = 3600.0
_SLICE = 250
_PAGE = {"$top": "999"}
_ADVANCED = {"$count": "true"}
_CONFLICTS = {"$filter": "onPremisesProvisioningErrors/any(o:o/category eq 'PropertyConflict')"}
_SYNCED = {"$filter": "onPremisesSyncEnabled eq true"}
_UNRESOLVED = {"$filter": "serviceProvisioningErrors/any(e:e/isResolved eq false)"}


class _Found(Struct):
    """What one fetch has read so far."""

    most: int
    reports: dict[ReportKey, FailureReport] = field(default_factory=dict)
    truncated: bool = False
    incomplete: list[str] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return len(self.reports) >= self.most

    def add(self, reports: Iterable[FailureReport]) -> None:
        for report in reports:
            if self.full:
                self.truncated = True
                return
            self.reports.setdefault(key_of(report), report)


class FailuresSource:
    """All failing users, groups and contacts. What one account may not read is named; the rest is told.

    `deadline_s` limits one fetch in real time (default: the upstream's); what was read by then is told as truncated.
    """

    id = SourceId.FAILURES
    optional = False

    def __init__(
        self, upstream: Upstream, clock: Clock, *, deadline_s: float | None = None, most: int = MOST_REPORTS
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._deadline_s = deadline_s
        self._most = most
        self._holders = Holders()
        self._refused_until: dict[tuple[str, str], float] = {}

    async def fetch(self) -> FailuresFacts:
        """Raises the error of the reading when no type at all could be read, and `Throttled` when any was."""
        session = self._upstream.session(needs=NEEDS, deadline_s=self._deadline_s, headers=ADVANCED)
        found = _Found(self._most)
        self._holders.begin()
        errors = await asyncio.gather(*(attempt(self._read(session, kind, found)) for kind in FAILING_TYPES))
        _settle(found, dict(zip(FAILING_TYPES, errors, strict=True)))
        completed = await self._holders.ask(session.aside(), complete=not found.truncated and not found.incomplete)
        found.reports.update((key_of(one), one) for one in completed if key_of(one) in found.reports)
        return FailuresFacts(
            as_of=self._clock.now(),
            clock_offset_s=session.clock_offset_s,
            reports=tuple(found.reports.values()),
            truncated=found.truncated,
            incomplete=tuple(found.incomplete),
        )

    def exchange(self) -> Exchange:
        return self._upstream.exchange()

    async def aclose(self) -> None:
        await self._upstream.aclose()

    async def _read(self, session: Session, kind: FailingType, found: _Found) -> None:
        await self._read_conflicts(session, kind, found)
        await self._read_service_errors(session.aside(needs=kind.needs), kind, found)

    async def _read_conflicts(self, session: Session, kind: FailingType, found: _Found) -> None:
        """The documented filter; where the upstream refuses it, all synced objects, filtered here."""
        if await self._is_taken(session, kind, "conflicts", _CONFLICTS, found):
            return
        await self._take(session, kind, {**_SYNCED, **_ADVANCED}, found)

    async def _read_service_errors(self, session: Session, kind: FailingType, found: _Found) -> None:
        """Best effort: a failure is named in `incomplete` and nothing more; an upstream without them is passed over."""
        error = await attempt(self._service_errors(session, kind, found))
        if error is not None and not isinstance(error, Refused | NotFound):
            found.incomplete.append(f"service provisioning errors of {kind.plural}: {_why(error, kind.needs)}")

    async def _service_errors(self, session: Session, kind: FailingType, found: _Found) -> None:
        """The page does not say whether advanced parameters are needed: with them first, then without."""
        for name, query in (("advanced", {**_UNRESOLVED, **_ADVANCED}), ("plain", _UNRESOLVED)):
            if await self._is_taken(session, kind, name, query, found):
                return
        raise Refused("the filter is refused")

    async def _is_taken(
        self, session: Session, kind: FailingType, name: str, query: Mapping[str, str], found: _Found
    ) -> bool:
        """False for a query that is refused, which is not asked again for a while: it is refused at every poll."""
        if self._clock.monotonic() < self._refused_until.get((kind.noun, name), 0.0):
            return False
        try:
            await self._take(session, kind, query, found)
        except Refused:
            self._refused_until[kind.noun, name] = self._clock.monotonic() + REFUSED_FOR_S
            return False
        return True

    async def _take(self, session: Session, kind: FailingType, query: Mapping[str, str], found: _Found) -> None:
        """Add the reports of every page. Once a page is read, running out of time or pages is not an error."""
        pages = 0
        params = {**query, "$select": kind.fields, **_PAGE}
        try:
            async for page in session.pages(kind.path, params, most=MOST_PAGES):
                pages += 1
                await self._take_page(page, kind, found)
                if found.full:
                    found.truncated = True
                    return
        except (TimedOut, BadAnswer) as error:
            if not pages:
                raise
            found.truncated = True
            if isinstance(error, BadAnswer):
                found.incomplete.append(f"{kind.plural} after page {pages}: {error}")

    async def _take_page(self, page: JsonObject, kind: FailingType, found: _Found) -> None:
        """In slices, so that a key pressed meanwhile is answered at once."""
        async for objects in _slices(list(items(page))):
            reports = [report for obj in objects for report in reports_of(obj, kind)]
            found.add(self._holders.note(reports))


async def _slices(objects: list[JsonObject]) -> AsyncIterator[list[JsonObject]]:
    for start in range(0, len(objects), _SLICE):
        yield objects[start : start + _SLICE]
        await asyncio.sleep(0)


def _settle(found: _Found, errors: Mapping[FailingType, SourceError | None]) -> None:
    """Name the types that could not be read; raise where none could, or where the upstream asks to wait."""
    failed = {kind: error for kind, error in errors.items() if error is not None}
    for error in failed.values():
        if isinstance(error, Throttled):
            raise error
    if len(failed) == len(errors):
        raise next((error for error in failed.values() if not isinstance(error, Denied)), next(iter(failed.values())))
    found.incomplete[:0] = [f"{kind.plural}: {_why(error, kind.needs)}" for kind, error in failed.items()]


def _why(error: SourceError, needs: str = "") -> str:
    if isinstance(error, Denied):
        return f"not permitted, grant {needs}" if needs else "not permitted"
    if isinstance(error, Refused | NotFound):
        return "not known to this upstream"
    return str(error)
