"""Cloud Sync: each configuration is a service principal with synchronization jobs. facts/domain.md 2.11."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote

from msgspec import Struct

from tui.clock import Clock
from tui.model.facts import CloudSyncFacts, CloudSyncJob, FailureReport
from tui.model.states import SourceId
from tui.model.text import rfc3339
from tui.sources import cloud_sync_answers as answers
from tui.sources.best_effort import BestEffort
from tui.sources.decode import JsonObject, items, text
from tui.sources.errors import BadAnswer
from tui.sources.http import Upstream
from tui.sources.http_session import Session
from tui.sources.plausible import upstream_now
from tui.sources.source import Exchange

TEMPLATE_ID = "1a4721b3-e57f-4451-ae87-ef078703ec94"
NEEDS_PRINCIPALS = "Application.Read.All"
NEEDS_JOBS = "Synchronization.Read.All"
NEEDS_LOG = "AuditLog.Read.All and Directory.Read.All"
MOST_CONFIGURATIONS = 20
MOST_JOBS = 20
LOG = "/v1.0/auditLogs/provisioning"
# The audit endpoints allow 5 requests in 10 s (facts/domain.md 2.9): few jobs, few pages, one after the other.
MOST_JOBS_IN_LOG = 3
MOST_LOG_PAGES = 2
LOG_PAGE = 200
# A failing object is tried again at longer and longer distances, in the end once a day.
LOG_WINDOW = timedelta(hours=26)


class Configuration(Struct, frozen=True):
    """One Cloud Sync configuration: the service principal's id, and its name, which is the AD domain's."""

    id: str
    name: str


class CloudSyncSource:
    """All Cloud Sync jobs of the tenant. The configurations, and the jobs of one of them at least, must be readable;
    the rest is best effort: `incomplete` says what is missing and why."""

    id = SourceId.CLOUD_SYNC

    def __init__(self, upstream: Upstream, clock: Clock, *, optional: bool) -> None:
        self.optional = optional
        self._upstream = upstream
        self._clock = clock
        self._secondary = BestEffort()

    async def fetch(self) -> CloudSyncFacts:
        """Raises a `SourceError` where the configurations, or the jobs of all of them, cannot be read."""
        session = self._upstream.session(needs=NEEDS_PRINCIPALS)
        configurations = await configurations_in(session)
        self._secondary.begin()
        if len(configurations) > MOST_CONFIGURATIONS:
            self._secondary.note(f"configurations: {MOST_CONFIGURATIONS} of {len(configurations)} are watched")
        jobs = await self._all_jobs(session, configurations[:MOST_CONFIGURATIONS])
        reports = await self._reports(session, jobs)
        return CloudSyncFacts(
            as_of=self._clock.now(),
            clock_offset_s=session.clock_offset_s,
            configured=bool(configurations),
            jobs=tuple(jobs),
            reports=tuple(reports),
            incomplete=self._secondary.end(),
        )

    def exchange(self) -> Exchange:
        return self._upstream.exchange()

    async def aclose(self) -> None:
        await self._upstream.aclose()

    async def _all_jobs(self, session: Session, configurations: Sequence[Configuration]) -> list[CloudSyncJob]:
        aside = session.aside(needs=NEEDS_JOBS)
        told = await asyncio.gather(
            *(
                self._secondary.ask(f"jobs of {one.name}", partial(self._jobs, aside, one), key=one.id)
                for one in configurations
            )
        )
        if configurations and len(self._secondary.errors) == len(configurations):
            raise self._secondary.errors[0]
        return [job for jobs in told for job in jobs]

    async def _jobs(self, session: Session, owner: Configuration) -> tuple[CloudSyncJob, ...]:
        if not owner.id:
            raise BadAnswer("its service principal has no id to ask by")
        rows = await rows_of(session, f"/v1.0/servicePrincipals/{quote(owner.id, safe='')}/synchronization/jobs", {})
        if len(rows) > MOST_JOBS:
            self._secondary.note(f"jobs of {owner.name}: {MOST_JOBS} of {len(rows)} are watched")
        now = upstream_now(self._clock.now(), session.clock_offset_s)
        return tuple(answers.job(row, owner.name, now) for row in rows[:MOST_JOBS])

    async def _reports(self, session: Session, jobs: Sequence[CloudSyncJob]) -> list[FailureReport]:
        """The failing objects of the jobs that have any, from the provisioning log; one job after the other."""
        failing = [job for job in jobs if job.id and answers.has_failures(job)]
        if len(failing) > MOST_JOBS_IN_LOG:
            self._secondary.note(f"failing objects: the log is read for {MOST_JOBS_IN_LOG} of {len(failing)} jobs")
        aside = session.aside(needs=NEEDS_LOG)
        reports: list[FailureReport] = []
        for job in failing[:MOST_JOBS_IN_LOG]:
            what = f"failing objects of {job.id}"
            reports += await self._secondary.ask(what, partial(self._log_of, aside, job), key=what)
        return reports

    async def _log_of(self, session: Session, job: CloudSyncJob) -> tuple[FailureReport, ...]:
        since = upstream_now(self._clock.now(), session.clock_offset_s) - LOG_WINDOW
        rows: list[JsonObject] = []
        number = 0
        async for page in session.pages(LOG, log_query(job.id, since)):
            rows.extend(rows_in(page, LOG))
            number += 1
            if number == MOST_LOG_PAGES and page.get("@odata.nextLink"):
                self._secondary.note(f"failing objects of {job.id}: the newest {len(rows)} entries of the log are read")
                break
        return tuple(answers.failing(rows, job))


async def configurations_in(session: Session) -> list[Configuration]:
    """Every Cloud Sync configuration of the tenant."""
    query = {
        "$filter": f"applicationTemplateId eq '{TEMPLATE_ID}'",
        "$select": "id,displayName,applicationTemplateId",
    }
    found = map(configuration, await rows_of(session, "/v1.0/servicePrincipals", query))
    return [one for one in found if one is not None]


async def rows_of(session: Session, path: str, params: Mapping[str, str]) -> list[JsonObject]:
    """The objects of all pages."""
    rows: list[JsonObject] = []
    async for page in session.pages(path, params):
        rows.extend(rows_in(page, path))
    return rows


def rows_in(page: JsonObject, path: str) -> Iterator[JsonObject]:
    """The objects of one page; raises `BadAnswer` for a page without a list, since it would look like an empty one."""
    if not isinstance(page.get("value"), list):
        raise BadAnswer(f"the answer to {path} holds no list")
    return items(page)


def configuration(obj: JsonObject) -> Configuration | None:
    """The Cloud Sync configuration in `obj`; None where it is a service principal of something else."""
    if text(obj, "applicationTemplateId").casefold() not in ("", TEMPLATE_ID):
        return None
    return Configuration(text(obj, "id"), text(obj, "displayName") or text(obj, "id") or "a configuration")


def log_query(job_id: str, since: datetime) -> dict[str, str]:
    """What to ask the provisioning log for one job, newest first. It hands out further pages only with `$top`."""
    quoted = job_id.replace("'", "''")
    return {
        "$filter": f"jobId eq '{quoted}' and activityDateTime gt {rfc3339(since.replace(microsecond=0))}",
        "$orderby": "activityDateTime desc",
        "$top": str(LOG_PAGE),
    }
