"""Asks Connect Health about one sync service: alerts, servers, export status, export errors. Best effort throughout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from tui.clock import Clock
from tui.model.facts import Alert, FailureReport, SyncServer
from tui.sources import connect_health_answers as answers
from tui.sources.best_effort import BestEffort
from tui.sources.connect_health_answers import Bucket, Member, Service
from tui.sources.decode import JsonObject, boolean, items, text
from tui.sources.errors import BadAnswer
from tui.sources.http_session import Session
from tui.sources.plausible import upstream_now

BASE = "/providers/Microsoft.ADHybridHealthService"
API_VERSION = "2014-01-01"
MOST_MEMBERS = 10
MOST_ALERTS = 500
MOST_BUCKETS = 12
MOST_REPORTS = 100_000
# So many reports are made of rows before others may run: about 15 ms of work.
CHUNK = 250

T = TypeVar("T")


class ServiceAnswer(Struct, frozen=True):
    """What one service told. `truncated`: more export errors exist than were read."""

    alerts: tuple[Alert, ...] = ()
    servers: tuple[SyncServer, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    reports: tuple[FailureReport, ...] = ()
    truncated: bool = False
    data_as_of: datetime | None = None
    password_sync: bool | None = None


class ServiceReader:
    """Reads services within one fetch; what could not be read is told by `secondary`."""

    def __init__(self, session: Session, secondary: BestEffort, clock: Clock) -> None:
        self._session = session
        self._secondary = secondary
        self._clock = clock

    async def read(self, service: Service) -> ServiceAnswer:
        """Everything about `service`; its name becomes one segment of each path."""
        root = f"/services/{quote(service.name, safe='')}"
        members, exports, buckets, raw_alerts = await asyncio.gather(
            self._members(service, root),
            self._list(f"export status of {service.label}", f"{root}/exportstatus", spare=True),
            self._buckets(service, root),
            self._list(f"alerts of {service.label}", f"{root}/alerts", {"state": "Active"}),
        )
        reports, cut = await self._reports(service, root, answers.buckets_to_list(buckets))
        machines = {one.id.casefold(): one.server.name for one in members}
        active = kept(raw_alerts, lambda raw: answers.alert(raw, service.label, machines))
        return ServiceAnswer(
            alerts=tuple(active[:MOST_ALERTS]),
            servers=with_exports(members, kept(exports, lambda raw: answers.export_end(raw, self._now()))),
            buckets=tuple(buckets),
            reports=reports,
            truncated=cut or any(bucket.truncated for bucket in buckets),
            data_as_of=answers.data_as_of(members),
            password_sync=answers.any_true(one.password_sync for one in members),
        )

    async def _members(self, service: Service, root: str) -> list[Member]:
        rows = await self._list(f"servers of {service.label}", f"{root}/servicemembers", spare=True)
        members = kept(rows, answers.member)
        if len(members) > MOST_MEMBERS:
            self._secondary.note(f"servers of {service.label}: the first {MOST_MEMBERS} of {len(members)} are watched")
        return list(await asyncio.gather(*(self._detailed(one, root) for one in members[:MOST_MEMBERS])))

    async def _detailed(self, member: Member, root: str) -> Member:
        path, name = f"{root}/servicemembers/{quote(member.id, safe='')}", member.server.name
        configuration, uploads, settings = await asyncio.gather(
            self._list(f"version of {name}", f"{path}/serviceconfiguration", or_one=True, spare=True),
            self._list(f"data freshness of {name}", f"{path}/datafreshness", spare=True),
            self._list(f"settings of {name}", f"{path}/globalconfiguration", or_one=True, spare=True),
        )
        fresh = answers.freshness(uploads, self._now())
        server = replace(
            member.server,
            client_version=next((version for one in configuration if (version := text(one, "version"))), ""),
            data_freshness=min(fresh.values(), default=None),
        )
        return Member(
            member.id, server, fresh, answers.any_true(boolean(one, "passwordSyncEnabled") for one in settings)
        )

    async def _buckets(self, service: Service, root: str) -> list[Bucket]:
        what = f"export error counts of {service.label}"
        buckets = kept(await self._list(what, f"{root}/exporterrors/counts"), answers.bucket)
        for one in buckets:
            if one.count is None:
                self._secondary.note(f"{what}: {one.name} is not a number")
        return buckets

    async def _reports(
        self, service: Service, root: str, buckets: Sequence[str]
    ) -> tuple[tuple[FailureReport, ...], bool]:
        """The failing objects of these buckets, and whether more exist than were read."""
        found: list[FailureReport] = []
        for name in buckets[:MOST_BUCKETS]:
            what = f"export errors of {service.label}, {name}"
            call = partial(self._bucket_reports, root, name)
            found += await self._secondary.ask(what, call, key=f"{root} {name}")
        cut = len(buckets) > MOST_BUCKETS or len(found) > MOST_REPORTS
        return tuple(found[:MOST_REPORTS]), cut

    async def _bucket_reports(self, root: str, bucket: str) -> tuple[FailureReport, ...]:
        rows = await rows_of(self._session, f"{root}/exporterrors/listV2", {"errorBucket": bucket})
        found: list[FailureReport] = []
        for start in range(0, min(len(rows), MOST_REPORTS + 1), CHUNK):
            found += [answers.report(row, bucket) for row in rows[start : start + CHUNK]]
            await asyncio.sleep(0)
        return tuple(found)

    async def _list(
        self,
        what: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        or_one: bool = False,
        spare: bool = False,
    ) -> Sequence[JsonObject]:
        call = partial(rows_of, self._session, path, params or {}, or_one=or_one)
        return await self._secondary.ask(what, call, key=path, spare=spare)

    def _now(self) -> datetime:
        return upstream_now(self._clock.now(), self._session.clock_offset_s)


async def rows_of(session: Session, path: str, params: Mapping[str, str], *, or_one: bool = False) -> list[JsonObject]:
    """The objects of every page below Connect Health's root. `or_one`: an answer that is one object counts as a list
    of it; else an answer without a list raises `BadAnswer`, for an empty list would look healthy."""
    rows: list[JsonObject] = []
    async for page in _pages(session, BASE + path, {**params, "api-version": API_VERSION}):
        if isinstance(page.get("value"), list):
            rows.extend(items(page))
        elif or_one:
            rows.append(page)
        else:
            raise BadAnswer("the answer holds no list")
    return rows


def kept(rows: Iterable[JsonObject], read: Callable[[JsonObject], T | None]) -> list[T]:
    """What `read` makes of each row, without the rows it makes nothing of."""
    return [one for row in rows if (one := read(row)) is not None]


def with_exports(members: Iterable[Member], exports: Iterable[tuple[str, datetime]]) -> tuple[SyncServer, ...]:
    """The servers, each with the end of its newest export."""
    ended: dict[str, datetime] = {}
    for name, moment in exports:
        ended[name] = max(moment, ended.get(name, moment))
    return tuple(replace(one.server, last_export=ended.get(one.id.casefold())) for one in members)


async def _pages(session: Session, path: str, params: Mapping[str, str]) -> AsyncIterator[JsonObject]:
    """Every page; a bare list, which no page is, counts as one page of it."""
    try:
        async for page in session.pages(path, params):
            yield page
    except BadAnswer:
        value = await session.get_json(path, params)
        if not isinstance(value, list):
            raise
        yield {"value": value}
