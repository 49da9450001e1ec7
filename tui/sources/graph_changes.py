"""Users and groups that are new or changed in Entra ID, by delta query from now on. facts/domain.md 2.7.

The monitor never reads the tenant in full: it begins with `$deltatoken=latest`, and begins again so when the token is
no longer good. What happened in between is then not told, and `truncated` says so.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from tui.clock import Clock
from tui.model.attributes import COMPARED, Compared
from tui.model.facts import ChangesFacts, ObjectChange
from tui.model.states import SourceId
from tui.sources import decode
from tui.sources.decode import JsonObject
from tui.sources.errors import BadAnswer, Denied, SourceError, Throttled
from tui.sources.graph import attempt
from tui.sources.graph_delta import VERSION, means_start_over, path_below_root, plain_id
from tui.sources.http import Upstream
from tui.sources.http_session import Session
from tui.sources.source import Exchange

NEEDS = {"user": "User.Read.All", "group": "GroupMember.Read.All"}
MOST_OBJECTS = 5000
MOST_PAGES = 60
MOST_REMEMBERED = 10_000
# A change may be told some time after it was made (facts/domain.md 2.7, replication delay).
TOLD_LATE = timedelta(minutes=10)
_PAGE_SIZE = {"Prefer": "odata.maxpagesize=999"}
_SLICE = 250
_ON_PREMISES = {
    "user": ("onPremisesImmutableId", "onPremisesLastSyncDateTime", "onPremisesSyncEnabled", "createdDateTime"),
    "group": ("onPremisesSecurityIdentifier", "onPremisesLastSyncDateTime", "onPremisesSyncEnabled", "createdDateTime"),
}


class _Feed(Struct):
    """One collection: where its next round begins (`link` None: not begun), when it began to be followed, and when the
    last round ended."""

    kind: str
    link: str | None = None
    began: datetime | None = None
    looked: datetime | None = None

    def told_from(self, now: datetime) -> datetime:
        """Times before this are not those of a change that is told now: a user who was made shortly before the
        collection was followed, and is told for the first time, has been changed since."""
        return max(self.began or now, (self.looked or now) - TOLD_LATE)


class _Told(Struct, frozen=True, gc=False):
    """What an object said of its times when it was last seen."""

    seen: datetime
    created: datetime | None
    synced: datetime | None


class _Found(Struct):
    """What the polls have read and not yet handed out, by id: replays and duplicates fall together."""

    changes: dict[str, ObjectChange] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    truncated: bool = False


class ChangesSource:
    """Optional: without it nothing but the measured lag is missing.

    The first poll of a collection finds nothing: it only marks the place. At most `most` objects of a collection are
    told in one poll; where more changed, the rest is passed over and the next poll tells what changes after this one.
    """

    id = SourceId.CHANGES
    optional = True

    def __init__(self, upstream: Upstream, clock: Clock, *, most: int = MOST_OBJECTS) -> None:
        self._upstream = upstream
        self._clock = clock
        self._most = most
        self._feeds = (_Feed("user"), _Feed("group"))
        self._found = _Found()
        self._told: OrderedDict[str, _Told] = OrderedDict()

    async def fetch(self) -> ChangesFacts:
        """Raises when neither collection could be read, and `Throttled` when either was; what the other one told is
        then kept for the next poll."""
        errors = [await attempt(self._read(feed)) for feed in self._feeds]
        failed = {feed.kind: error for feed, error in zip(self._feeds, errors, strict=True) if error is not None}
        if (error := _to_raise(failed, len(self._feeds))) is not None:
            raise error
        found, self._found = self._found, _Found()
        return ChangesFacts(
            as_of=self._clock.now(),
            clock_offset_s=self._upstream.clock_offset_s,
            changes=tuple(found.changes.values()),
            removed=tuple(found.removed),
            truncated=found.truncated,
            incomplete=tuple(f"{kind}s: {_why(error)}" for kind, error in failed.items()),
        )

    def exchange(self) -> Exchange:
        return self._upstream.exchange()

    async def aclose(self) -> None:
        await self._upstream.aclose()

    async def _read(self, feed: _Feed) -> None:
        """One round of a collection, or the place where its first one begins."""
        session = self._upstream.session(needs=NEEDS[feed.kind], headers=_PAGE_SIZE)
        if feed.link is None:
            await self._begin(session, feed)
            return
        try:
            link = await self._round(session, feed)
        except SourceError as error:
            if not means_start_over(error):
                raise
            link = None
        if link is None:
            feed.link = None
            self._found.truncated = True
            await self._begin(session, feed)
        else:
            feed.link, feed.looked = link, self._clock.now()

    async def _begin(self, session: Session, feed: _Feed) -> None:
        """The place of now, which an upstream may give at once or after pages that are of no interest."""
        began = self._clock.now()
        names = ("id", *(compared.graph for compared in COMPARED[feed.kind]), *_ON_PREMISES[feed.kind])
        query = {"$select": ",".join(names), "$deltatoken": "latest"}
        async for page in session.pages(f"{VERSION}{feed.kind}s/delta", query, most=MOST_PAGES):
            if link := page.get("@odata.deltaLink"):
                feed.link, feed.began, feed.looked = _path_of(link), began, self._clock.now()
                return
        raise BadAnswer(f"the changes of {feed.kind}s end without a link to go on from")

    async def _round(self, session: Session, feed: _Feed) -> str | None:
        """Take every page; where the next round begins, or None where there is more than one poll takes."""
        left, pages = self._most, 0
        async for page in session.pages(feed.link or "", most=MOST_PAGES + 1):
            items = list(decode.items(page))
            await self._take(items[:left], feed, session.clock_offset_s or 0.0)
            left, pages = left - len(items), pages + 1
            if link := page.get("@odata.deltaLink"):
                return _path_of(link) if left >= 0 else None
            if left <= 0 or pages >= MOST_PAGES:
                return None
        raise BadAnswer(f"the changes of {feed.kind}s end without a link to go on from")

    async def _take(self, items: list[JsonObject], feed: _Feed, offset_s: float) -> None:
        """In slices, so that a key pressed meanwhile is answered at once."""
        offset = timedelta(seconds=offset_s)
        for number, item in enumerate(items, 1):
            id = plain_id(item)
            if id is not None and "@removed" in item:
                self._remove(id)
            elif id is not None:
                self._keep(self._change(id, item, feed, offset))
            if number % _SLICE == 0:
                await asyncio.sleep(0)

    def _remove(self, id: str) -> None:
        self._found.changes.pop(id, None)
        self._told.pop(id, None)
        if len(self._found.removed) < 2 * self._most:
            self._found.removed.add(id)
        else:
            self._found.truncated = True

    def _keep(self, change: ObjectChange) -> None:
        """With what an earlier page or poll told of the same object and was not handed out."""
        id = change.object_id or ""
        before = self._found.changes.get(id)
        if before is not None:
            at, created = (before.at, True) if before.created else (change.at, change.created)
            change = replace(change, at=at, created=created, values={**before.values, **change.values})
        elif len(self._found.changes) >= 2 * self._most:
            self._found.truncated = True
            return
        self._found.changes[id] = change

    def _change(self, id: str, item: JsonObject, feed: _Feed, offset: timedelta) -> ObjectChange:
        now = self._clock.now()
        since = feed.told_from(now)
        created, synced = (
            _past(decode.time(item, name), offset, now) for name in ("createdDateTime", "onPremisesLastSyncDateTime")
        )
        before = self._told.get(id)
        is_new = created is not None and created > since and before is None
        is_synced = synced is not None and synced > since and (before is None or before.synced != synced)
        self._remember(id, _Told(now, created, synced))
        return ObjectChange(
            kind=feed.kind,
            object_id=id,
            source_anchor=decode.text_or_none(item, "onPremisesImmutableId"),
            security_id=decode.text_or_none(item, "onPremisesSecurityIdentifier"),
            name=decode.text_or_none(item, "displayName") or decode.text_or_none(item, "userPrincipalName"),
            at=created if is_new and created else synced if is_synced and synced else now,
            created=is_new,
            values=dict(_values(feed.kind, item)),
            synced_at=synced,
        )

    def _remember(self, id: str, told: _Told) -> None:
        """For as long as a time could be taken for that of another change."""
        self._told[id] = told
        self._told.move_to_end(id)
        oldest = next(iter(self._told.values()))
        if len(self._told) > MOST_REMEMBERED or told.seen - oldest.seen > 2 * TOLD_LATE:
            self._told.popitem(last=False)


def _values(kind: str, item: JsonObject) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The compared properties that the answer tells; null is told too."""
    for compared in COMPARED[kind]:
        if compared.graph in item:
            yield compared.graph, _texts(item, compared)


def _texts(item: JsonObject, compared: Compared) -> tuple[str, ...]:
    if compared.multiple:
        return decode.texts(item, compared.graph)
    flag = decode.boolean(item, compared.graph)
    if flag is not None:
        return (str(flag).lower(),)
    found = decode.text(item, compared.graph)
    return (found,) if found else ()


def _past(told: datetime | None, offset: timedelta, now: datetime) -> datetime | None:
    """A time by the upstream's clock as one by ours; None for one that is still to come."""
    if told is None:
        return None
    try:
        ours = told - offset
    except OverflowError:
        return None
    return min(ours, now) if ours <= now + TOLD_LATE else None


def _path_of(link: object) -> str:
    """Path and query below the API's root, so that a link is only ever followed on the configured host."""
    path = path_below_root(link)
    if path is None:
        raise BadAnswer("a round of changes ends without a link to go on from")
    return path


def _to_raise(failed: Mapping[str, SourceError], feeds: int) -> SourceError | None:
    throttled = next((error for error in failed.values() if isinstance(error, Throttled)), None)
    if throttled is not None or len(failed) < feeds:
        return throttled
    return next((error for error in failed.values() if not isinstance(error, Denied)), next(iter(failed.values())))


def _why(error: SourceError) -> str:
    return f"not permitted: {error}" if isinstance(error, Denied) else str(error)
