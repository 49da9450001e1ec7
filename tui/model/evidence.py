"""What other readings say about why a hop is late: alerts, quarantined jobs, servers, the last run."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from tui.model.catalogue import Explanation, Stops, explain
from tui.model.facts import CloudSyncJob
from tui.model.finding import is_domain_services
from tui.model.snapshot import TenantSnapshot
from tui.model.states import HopName

OBJECTS = "objects"
PERMISSIONS = "connector-permissions"
NO_EVIDENCE = (
    "Likely wrong Connect settings or missing permissions: repair by express settings, check accounts and permissions"
)
NO_EVIDENCE_CLOUD_SYNC = (
    "Likely the provisioning agent, wrong Cloud Sync settings or missing permissions: "
    "check the agent, then its account and permissions"
)


class Evidence(Struct, frozen=True):
    said_by: str
    about: Explanation


def likely_cause(snapshot: TenantSnapshot) -> str:
    """One sentence for a late hop 1: its likely cause and the remedy. Without evidence, what it most often is."""
    found = _strongest(snapshot)
    if found is None:
        return NO_EVIDENCE_CLOUD_SYNC if snapshot.jobs and not snapshot.servers else NO_EVIDENCE
    if found.about.cause == PERMISSIONS:
        return (
            f"Likely missing permissions or wrong settings ({found.said_by}: {found.about.title}): "
            "repair by express settings, check accounts and permissions"
        )
    return f"Likely cause, by {found.said_by}: {found.about.title}. {found.about.remedy}"


def with_steps_of_cause(about: Explanation, snapshot: TenantSnapshot) -> Explanation:
    """`about` with the steps against the likely cause before the general ones."""
    found = _strongest(snapshot)
    if found is None:
        return about
    general = (step for step in about.steps if step not in found.about.steps)
    return replace(about, steps=(*found.about.steps, *general))


def _strongest(snapshot: TenantSnapshot) -> Evidence | None:
    return min(_evidence(snapshot), key=lambda one: one.about.rank, default=None)


def root_alert(snapshot: TenantSnapshot) -> Explanation | None:
    """The managed domain's alert that comes first in the order of root causes, if it can hold up the sync."""
    alerts = [explain(one.code, f"{one.title} {one.text}") for one in snapshot.alerts if is_domain_services(one)]
    holding = [about for about in alerts if about.stops in (Stops.SYNC, Stops.RISK, Stops.PASSWORDS)]
    return min(holding, key=lambda about: about.rank, default=None)


def is_quarantined(job: CloudSyncJob) -> bool:
    return job.quarantine is not None or job.status.casefold() == "quarantine"


def _evidence(snapshot: TenantSnapshot) -> Iterator[Evidence]:
    for alert in snapshot.alerts:
        about = explain(alert.code, alert.title)
        if not is_domain_services(alert) and about.known and about.stops is Stops.SYNC:
            yield Evidence("Connect Health", about)
    yield from _evidence_of_jobs(snapshot)
    if snapshot.servers and all(server.staging for server in snapshot.servers):
        yield Evidence("Connect Health", explain("only-server-in-staging-mode"))
    last_run = next((run for run in snapshot.runs if run.hop is HopName.CONNECT and run.result), None)
    if last_run is not None and (about := explain(last_run.result)).known and about.stops is Stops.SYNC:
        yield Evidence("the last run", about)


def _evidence_of_jobs(snapshot: TenantSnapshot) -> Iterator[Evidence]:
    for job in snapshot.jobs:
        if job.kind != OBJECTS:
            continue
        if is_quarantined(job):
            reason = job.quarantine.reason if job.quarantine else ""
            yield Evidence("Cloud Sync", explain(reason or "Unknown"))
        elif {job.status.casefold(), job.schedule_state.casefold()} & {"paused", "disabled"}:
            yield Evidence("Cloud Sync", explain("cloud-sync-paused"))
