"""Cloud Sync's face: a configuration's service principal, its jobs and its provisioning log (facts/domain.md 2.11).

A lab without a Cloud Sync configuration has none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.routing import Route

from tui.lab import names
from tui.lab.connect_mapping import entra_id
from tui.lab.graph_answers import Answer, Handler, endpoint, not_found
from tui.lab.graph_api import VERSIONS
from tui.lab.identity import Identity
from tui.model.text import rfc3339

TEMPLATE = "1a4721b3-e57f-4451-ae87-ef078703ec94"
FOREST = "fabrikam.corp"
INTERVAL = timedelta(minutes=2)
RETRY_EVERY = timedelta(minutes=40)
USERS, GROUPS = 412, 61
ESCROWED = 37
NEVER = "0001-01-01T00:00:00Z"
_ERRORS = (
    ("InvalidUserPrincipalName", "The user principal name holds characters that Microsoft Entra ID does not allow."),
    ("DuplicateProxyAddress", "Another object holds the same proxy address."),
    ("MissingRequiredAttribute", "The attribute displayName has no value."),
)


class CloudSync(Struct):
    """One configuration, for a second forest. `quarantined_since` None: its jobs run well."""

    enabled: bool
    opened: datetime
    quarantined_since: datetime | None = None

    def quarantine(self, at: datetime) -> None:
        self.enabled = True
        self.quarantined_since = self.quarantined_since or at

    def release(self) -> None:
        self.quarantined_since = None


def cloud_sync_routes(cloud: CloudSync, who: Identity, now: Callable[[], datetime]) -> list[Route]:
    """`/servicePrincipals`, their synchronization jobs and `/auditLogs/provisioning`, in v1.0 and beta."""
    handlers: dict[str, Handler] = {
        "/servicePrincipals": lambda request: _principals(cloud, who, request),
        "/servicePrincipals/{id}/synchronization/jobs": lambda request: _jobs(cloud, who, now(), request),
        "/auditLogs/provisioning": lambda request: _page(_provisioning_log(cloud, who, now()), request),
    }
    return [
        Route(f"/{version}{path}", endpoint(handler, now), methods=["GET"])
        for version in VERSIONS
        for path, handler in handlers.items()
    ]


def _principals(cloud: CloudSync, who: Identity, request: Request) -> Answer:
    shown = cloud.enabled and TEMPLATE in request.query_params.get("$filter", TEMPLATE)
    return _page([_service_principal(who)] if shown else [], request)


def _jobs(cloud: CloudSync, who: Identity, now: datetime, request: Request) -> Answer:
    if not cloud.enabled or request.path_params["id"] != who.cloud_sync_id:
        raise not_found(request.path_params["id"])
    return _page([_object_job(cloud, who, now), _password_job(cloud, who, now)], request)


def _page(values: list[dict[str, Any]], request: Request) -> Answer:
    _, version, path = request.url.path.split("/", 2)
    return {
        "@odata.context": str(request.url.replace(path=f"/{version}/$metadata", query="", fragment=path)),
        "value": values,
    }


def _service_principal(who: Identity) -> dict[str, Any]:
    return {
        "id": who.cloud_sync_id,
        "accountEnabled": True,
        "appDisplayName": FOREST,
        "appId": who.service_id,
        "applicationTemplateId": TEMPLATE,
        "displayName": FOREST,
        "servicePrincipalType": "Application",
        "tags": [],
    }


def _object_job(cloud: CloudSync, who: Identity, now: datetime) -> dict[str, Any]:
    last = _floor(now, cloud.opened)
    good = last if cloud.quarantined_since is None else _floor(cloud.quarantined_since, cloud.opened)
    status = {
        **_status(cloud, good),
        "code": "Quarantine" if cloud.quarantined_since else "Active",
        "countSuccessiveCompleteFailures": _attempts(cloud, now),
        "lastExecution": _execution(last, "Failed" if cloud.quarantined_since else "EntryLevelErrors"),
        "lastSuccessfulExecution": _execution(good, "EntryLevelErrors"),
        "lastSuccessfulExecutionWithExports": _execution(good, "EntryLevelErrors"),
        "quarantine": _quarantine(cloud, now),
        "synchronizedEntryCountByType": [{"key": "user", "value": USERS}, {"key": "group", "value": GROUPS}],
        "progress": [_progress(cloud, last)],
    }
    return _job("AD2AADProvisioning", "ADDCInPassthrough", who, status)


def _password_job(cloud: CloudSync, who: Identity, now: datetime) -> dict[str, Any]:
    last = _floor(now, cloud.opened)
    execution = _execution(last, "Succeeded")
    status = {
        **_status(cloud, last),
        "code": "Active",
        "lastExecution": execution,
        "lastSuccessfulExecution": execution,
        "lastSuccessfulExecutionWithExports": None,
        "quarantine": None,
        "synchronizedEntryCountByType": [],
        "progress": [],
    }
    return _job("AD2AADPasswordHash", "AD2AADPasswordHash", who, status)


def _job(prefix: str, template: str, who: Identity, status: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{prefix}.{who.tenant_id.replace('-', '')}.{who.cloud_sync_id}",
        "templateId": template,
        "schedule": {"expiration": None, "interval": "PT2M", "state": "Active"},
        "status": status,
    }


def _status(cloud: CloudSync, steady: datetime) -> dict[str, Any]:
    return {
        "countSuccessiveCompleteFailures": 0,
        "escrowsPruned": False,
        "steadyStateFirstAchievedTime": rfc3339(cloud.opened - timedelta(days=30)),
        "steadyStateLastAchievedTime": rfc3339(steady),
        "troubleshootingUrl": None,
    }


def _execution(at: datetime, state: str) -> dict[str, Any]:
    failed = state == "Failed"
    escrowed = ESCROWED if state == "EntryLevelErrors" else 0
    return {
        "activityIdentifier": entra_id(f"cloud sync {at.isoformat()}"),
        "countEntitled": 0 if failed else USERS + GROUPS,
        "countEscrowed": escrowed,
        "countEscrowedRaw": escrowed,
        "countExported": 0 if failed else 3,
        "countImported": 0 if failed else 3,
        "state": state,
        "timeBegan": rfc3339(at),
        "timeEnded": rfc3339(at + timedelta(seconds=9)),
    }


def _quarantine(cloud: CloudSync, now: datetime) -> dict[str, Any] | None:
    since = cloud.quarantined_since
    if since is None:
        return None
    evaluated = since + _attempts(cloud, now) * RETRY_EVERY
    return {
        "currentBegan": rfc3339(evaluated),
        "seriesBegan": rfc3339(since),
        "seriesCount": _attempts(cloud, now),
        "nextAttempt": rfc3339(evaluated + RETRY_EVERY),
        "reason": "EncounteredQuarantineException",
        "error": {
            "code": "HybridIdentityServiceInvalidCredentials",
            "message": "The provisioning agent could not sign in to the domain: the account's password has changed.",
            "tenantActionable": True,
        },
    }


def _attempts(cloud: CloudSync, now: datetime) -> int:
    return 0 if cloud.quarantined_since is None else max(0, (now - cloud.quarantined_since) // RETRY_EVERY)


def _progress(cloud: CloudSync, at: datetime) -> dict[str, Any]:
    done = USERS + GROUPS - (ESCROWED if cloud.quarantined_since else 0)
    return {
        "completedUnits": done,
        "totalUnits": USERS + GROUPS,
        "units": "objects",
        "progressObservationDateTime": rfc3339(at),
    }


def _provisioning_log(cloud: CloudSync, who: Identity, now: datetime) -> list[dict[str, Any]]:
    """The last run's object errors, newest first."""
    if not cloud.enabled:
        return []
    rng = Random(who.cloud_sync_id)  # noqa: S311 - the same people again, not secrecy
    last = _floor(cloud.quarantined_since or now, cloud.opened)
    return [_log_entry(who, names.person(rng, number), number, last) for number in range(ESCROWED)]


def _log_entry(who: Identity, person: names.Person, number: int, at: datetime) -> dict[str, Any]:
    code, reason = _ERRORS[number % len(_ERRORS)]
    principal = {"id": who.cloud_sync_id, "displayName": FOREST}
    identity = {"id": entra_id(person.login), "displayName": person.display, "identityType": "User", "details": {}}
    return {
        "id": entra_id(f"log {person.login}"),
        "activityDateTime": rfc3339(at - timedelta(seconds=number)),
        "tenantId": who.tenant_id,
        "jobId": f"AD2AADProvisioning.{who.tenant_id.replace('-', '')}.{who.cloud_sync_id}",
        "cycleId": entra_id(f"cycle {at.isoformat()}"),
        "changeId": entra_id(f"change {person.login}"),
        "provisioningAction": "create",
        "durationInMilliseconds": 180,
        "sourceSystem": {"id": entra_id(FOREST), "displayName": "Active Directory", "details": {}},
        "targetSystem": {"id": who.tenant_id, "displayName": "Microsoft Entra ID", "details": {}},
        "initiatedBy": {"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
        "servicePrincipal": principal,
        "sourceIdentity": identity,
        "targetIdentity": {"id": "", "displayName": "", "identityType": "User", "details": {}},
        "provisioningStatusInfo": {
            "status": "failure",
            "errorInformation": {
                "errorCode": code,
                "reason": reason,
                "additionalDetails": None,
                "errorCategory": "nonServiceFailure",
                "recommendedAction": None,
            },
        },
        "provisioningSteps": [],
        "modifiedProperties": [],
    }


def _floor(now: datetime, opened: datetime) -> datetime:
    """The start of the run that is the newest at `now`: runs begin every two minutes."""
    return opened + (now - opened) // INTERVAL * INTERVAL
