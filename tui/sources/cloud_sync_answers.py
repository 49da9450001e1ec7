"""What the synchronization API says of Cloud Sync's jobs, and the provisioning log of failing objects.

Pure; facts/domain.md 2.11. Every field may be missing or of the wrong type; year one and "" mean never.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from tui.model.facts import CloudSyncJob, FailureReport, ObjectRef, Quarantine, SyncExecution
from tui.model.states import HopName
from tui.sources.decode import JsonObject, child, count, items, text, time
from tui.sources.moments import interval
from tui.sources.plausible import past

OBJECTS, PASSWORD, WRITEBACK = "objects", "password", "writeback"
MOST_TYPES = 50
_NEVER = datetime.min.replace(tzinfo=UTC)


def job(obj: JsonObject, name: str, now: datetime) -> CloudSyncJob:
    """One job; `name` is its configuration's, `now` the upstream's present."""
    status, schedule = child(obj, "status"), child(obj, "schedule")
    last, success = child(status, "lastExecution"), child(status, "lastSuccessfulExecution")
    done, total = progress(status)
    return CloudSyncJob(
        id=text(obj, "id"),
        kind=kind(text(obj, "id"), text(obj, "templateId")),
        name=name,
        status=text(status, "code"),
        schedule_state=text(schedule, "state"),
        interval_s=interval(schedule.get("interval")),
        last_execution=execution(last) if last else None,
        last_success=past(time(success, "timeEnded") or time(success, "timeBegan"), now),
        steady_state=past(time(status, "steadyStateLastAchievedTime"), now),
        quarantine=quarantine(status),
        escrowed=escrowed(last, success),
        counts_by_type=counts_by_type(status),
        progress_done=done,
        progress_total=total,
        successive_failures=count(status.get("countSuccessiveCompleteFailures")),
    )


def escrowed(last: JsonObject, success: JsonObject) -> int | None:
    """Objects held back by the newest run that came through: one that failed as a whole counted none."""
    counted = success if success and (not last or text(last, "state").casefold() == "failed") else last
    return count(counted.get("countEscrowed"))


def kind(job_id: str, template: str) -> str:
    """What a job syncs, by the prefix of its id, else of its template (facts/domain.md 2.11: a template may be called
    `ADDCInPassthrough` where the id begins with `AD2AADProvisioning.`). What is unknown counts as objects."""
    for word in (job_id.casefold(), template.casefold()):
        if word.startswith("ad2aadpasswordhash"):
            return PASSWORD
        if word.startswith("aad2ad"):
            return WRITEBACK
        if word.startswith("ad2aad"):
            return OBJECTS
    return OBJECTS


def execution(obj: JsonObject) -> SyncExecution:
    return SyncExecution(
        state=text(obj, "state"),
        began=time(obj, "timeBegan"),
        ended=time(obj, "timeEnded"),
        escrowed=count(obj.get("countEscrowed")),
        exported=count(obj.get("countExported")),
        imported=count(obj.get("countImported")),
    )


def quarantine(status: JsonObject) -> Quarantine | None:
    """The job's quarantine: told by its object (unless all blank) or by the status code alone."""
    obj = child(status, "quarantine")
    error = child(obj, "error")
    found = Quarantine(
        reason=text(obj, "reason"),
        began=time(obj, "seriesBegan") or time(obj, "currentBegan"),
        next_attempt=time(obj, "nextAttempt"),
        error_code=text(error, "code"),
        error_message=text(error, "message"),
    )
    return found if found != Quarantine() or text(status, "code").casefold() == "quarantine" else None


def counts_by_type(status: JsonObject) -> dict[str, int]:
    """Objects under the job's care, by type."""
    counts: dict[str, int] = {}
    for row in items(status, "synchronizedEntryCountByType"):
        number = count(row.get("value"))
        if (name := text(row, "key")) and number is not None and len(counts) < MOST_TYPES:
            counts[name] = number
    return counts


def progress(status: JsonObject) -> tuple[int | None, int | None]:
    """(done, total) of the newest observation with a total; (None, None) where there is none."""
    rows = [row for row in items(status, "progress") if count(row.get("totalUnits"))]
    if not rows:
        return None, None
    newest = max(rows, key=lambda row: time(row, "progressObservationDateTime") or _NEVER)
    done, total = count(newest.get("completedUnits")), count(newest.get("totalUnits"))
    return (min(done, total) if done is not None and total is not None else None), total


def has_failures(one: CloudSyncJob) -> bool:
    """True when the provisioning log is worth asking: escrows, failed runs, or a quarantine."""
    state = one.last_execution.state.casefold() if one.last_execution else ""
    return bool(one.escrowed or one.successive_failures or one.quarantine) or state not in ("", "succeeded")


def failing(rows: Iterable[JsonObject], one: CloudSyncJob) -> list[FailureReport]:
    """The objects whose newest attempt failed; a later success clears an earlier failure, skips and warnings do not."""
    newest: dict[str, JsonObject] = {}
    for row in rows:
        if outcome(row) in ("success", "failure"):
            key = _object_key(row)
            newest[key] = _newer(newest.get(key), row)
    return [report(row, one) for row in newest.values() if outcome(row) == "failure"]


def outcome(row: JsonObject) -> str:
    return text(child(row, "provisioningStatusInfo"), "status").casefold()


def report(row: JsonObject, one: CloudSyncJob) -> FailureReport:
    """One failing object of the provisioning log."""
    error = child(child(row, "provisioningStatusInfo"), "errorInformation")
    words = (text(error, "reason"), text(error, "recommendedAction"))
    return FailureReport(
        source="cloud-sync",
        hop=HopName.PASSWORD if one.kind == PASSWORD else HopName.CONNECT,
        code=text(error, "errorCode") or text(error, "errorCategory") or "failure",
        object=_object(row, one.kind),
        last_seen=time(row, "activityDateTime"),
        message=" ".join(word for word in words if word),
    )


def _object(row: JsonObject, job_kind: str) -> ObjectRef:
    """The object as Entra and as AD call it. The Entra side is the target, except where AD is written to."""
    source, target = child(row, "sourceIdentity"), child(row, "targetIdentity")
    entra = source if job_kind == WRITEBACK else target
    sides = (source, target)
    details = [child(side, "details") for side in sides]
    return ObjectRef(
        type=_first(text(side, "identityType").casefold() for side in sides),
        id=_first((text(entra, "id"), text(source, "id"))),
        name=_first((*(text(side, "displayName") for side in sides), _reportable(row))),
        dn=_first(text(one, key) for one in details for key in ("distinguishedName", "DistinguishedName")),
        upn=_first(text(one, key) for one in details for key in ("userPrincipalName", "UserPrincipalName")),
    )


def _object_key(row: JsonObject) -> str:
    source, target = child(row, "sourceIdentity"), child(row, "targetIdentity")
    candidates = (
        text(source, "id"),
        text(target, "id"),
        text(source, "displayName"),
        _reportable(row),
        text(row, "id"),
    )
    return next((one for one in candidates if one), "")


def _reportable(row: JsonObject) -> str:
    steps = (text(child(step, "details"), "ReportableIdentifier") for step in items(row, "provisioningSteps"))
    return _first(steps) or ""


def _newer(first: JsonObject | None, second: JsonObject) -> JsonObject:
    """The later of two rows; at the same moment a failure counts over a success."""
    return second if first is None else max((first, second), key=_order)


def _order(row: JsonObject) -> tuple[datetime, bool]:
    return (time(row, "activityDateTime") or _NEVER, outcome(row) == "failure")


def _first(words: Iterable[str]) -> str | None:
    return next((word for word in words if word), None)
