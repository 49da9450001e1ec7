"""Connect Health's face of the sync server: Microsoft.ADHybridHealthService, 2014-01-01 (facts/domain.md 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.routing import Route

from tui.lab.connect import Connect
from tui.lab.connect_alerts import HealthAlert, active_alerts
from tui.lab.connect_mapping import OBJECT_TYPES, entra_id, entra_properties
from tui.lab.connector_space import ExportError
from tui.lab.identity import DISPLAY_NAME, SERVICE_NAME, SYNC_SERVER, Identity
from tui.lab.onprem import OnPremises
from tui.lab.refusals import BUCKETS, bucket
from tui.lab.tenant import Tenant
from tui.model.text import rfc3339
from tui.sync.arm_answers import ArmError, Handler, arm_endpoint

BASE = "/providers/Microsoft.ADHybridHealthService"
API_VERSION = "2014-01-01"
CLIENT_VERSION = "2.5.79.0"
UPLOAD_EVERY = timedelta(minutes=5)
_CREATED = "2024-03-06T09:12:00Z"
_NEVER = "0001-01-01T00:00:00Z"
_KINDS = {object_type: kind for kind, object_type in OBJECT_TYPES.items()}


class Health(Struct, frozen=True):
    """What the answers are made of."""

    connect: Connect
    directory: OnPremises
    tenant: Tenant
    who: Identity
    now: Callable[[], datetime]

    def alerts(self) -> list[HealthAlert]:
        return active_alerts(self.connect, self.now())


Answer = Callable[[Health, Request], Any]


def health_routes(health: Health) -> list[Route]:
    """Every route answers for the lab's one service and its one server, and 404 for any other."""
    service, member = "/services/{service}", "/servicemembers/{member}"
    answers: dict[str, Answer] = {
        "/services": _services,
        service: lambda health, _: _service(health),
        f"{service}/alerts": _alerts,
        f"{service}/servicemembers": lambda health, _: _page([_member(health)]),
        f"{service}{member}": lambda health, _: _member(health),
        f"{service}{member}/alerts": _alerts,
        f"{service}{member}/datafreshness": _data_freshness,
        f"{service}{member}/serviceconfiguration": _service_configuration,
        f"{service}{member}/globalconfiguration": _global_configuration,
        f"{service}/exportstatus": _export_status,
        f"{service}{member}/exportstatus": _export_status,
        f"{service}/exporterrors/counts": _error_counts,
        f"{service}/exporterrors/listV2": _error_list,
        f"/service/{{service}}{member}/connectors": _connectors,
    }
    return [
        Route(BASE + path, arm_endpoint(_for_the_one_server(health, answer), [API_VERSION]), methods=["GET"])
        for path, answer in answers.items()
    ]


def _for_the_one_server(health: Health, answer: Answer) -> Handler:
    def handler(request: Request) -> Any:
        asked = request.path_params
        if asked.get("service", SERVICE_NAME) != SERVICE_NAME:
            raise ArmError(404, "NotFound", f"There is no service '{asked['service']}'.")
        if asked.get("member", health.who.member_id) != health.who.member_id:
            raise ArmError(404, "NotFound", f"There is no server '{asked['member']}'.")
        return answer(health, request)

    return handler


def _page(values: Iterable[Any]) -> dict[str, Any]:
    found = list(values)
    return {"value": found, "nextLink": None, "totalCount": len(found), "continuationToken": None}


def _services(health: Health, request: Request) -> Any:
    wanted = request.query_params.get("serviceType", "AadSyncService")
    return _page([_service(health)] if wanted == "AadSyncService" else [])


def _service(health: Health) -> dict[str, Any]:
    alerts = health.alerts()
    return {
        "id": f"{BASE}/services/{SERVICE_NAME}",
        "serviceId": health.who.service_id,
        "serviceName": SERVICE_NAME,
        "displayName": DISPLAY_NAME,
        "tenantId": health.who.tenant_id,
        "type": "AadSyncService",
        "health": _word(alerts),
        "activeAlerts": len(alerts),
        "resolvedAlerts": 0,
        "disabled": False,
        "createdDate": _CREATED,
        "lastDisabled": None,
        "lastUpdated": rfc3339(_last_upload(health)),
        "notificationEmailEnabled": True,
        "simpleProperties": None,
    }


def _word(alerts: list[HealthAlert]) -> str:
    if any(alert.level == "Error" for alert in alerts):
        return "Error"
    return "Warning" if alerts else "Healthy"


def _member(health: Health) -> dict[str, Any]:
    alerts = health.alerts()
    return {
        "serviceMemberId": health.who.member_id,
        "serviceId": health.who.service_id,
        "tenantId": health.who.tenant_id,
        "machineId": health.who.member_id,
        "machineName": SYNC_SERVER,
        "role": "AadSync_AadSync_1.0",
        "status": _word(alerts),
        "activeAlerts": len(alerts),
        "resolvedAlerts": 0,
        "disabled": False,
        "disabledReason": 0,
        "createdDate": _CREATED,
        "lastDisabled": None,
        "lastReboot": _CREATED,
        "lastUpdated": rfc3339(_last_upload(health)),
        "osName": "Microsoft Windows Server 2022 Datacenter",
        "osVersion": "10.0.20348.0",
        "serverReportedMonitoringLevel": "Full",
    }


def _alerts(health: Health, request: Request) -> Any:
    wanted = request.query_params.get("state", "Active")
    found = health.alerts() if wanted.casefold() == "active" else []
    return _page([_alert(alert, health) for alert in found])


def _alert(alert: HealthAlert, health: Health) -> dict[str, Any]:
    return {
        "alertId": entra_id(f"{alert.short} {alert.since.isoformat()}"),
        "level": alert.level,
        "state": "Active",
        "shortName": alert.short,
        "displayName": alert.title,
        "description": alert.description,
        "remediation": alert.remediation,
        "relatedLinks": [
            {
                "title": "Microsoft Entra Connect Health alert catalog",
                "url": "https://learn.microsoft.com/entra/identity/hybrid/connect/how-to-connect-health-alert-catalog",
            }
        ],
        "scope": SYNC_SERVER,
        "additionalInformation": [],
        "createdDate": rfc3339(alert.since),
        "resolvedDate": _NEVER,
        "lastUpdated": rfc3339(_last_upload(health)),
        "monitorRoleType": "AadSync_AadSync_1.0",
        "activeAlertProperties": [],
        "resolvedAlertProperties": [],
        "tenantId": health.who.tenant_id,
        "serviceId": health.who.service_id,
        "serviceMemberId": health.who.member_id,
    }


def _data_freshness(health: Health, _: Request) -> Any:
    uploaded = rfc3339(_last_upload(health))
    keys = ("ServiceConfiguration", "ConnectorConfiguration", "ExportErrors")
    return {"value": [{"key": key, "value": uploaded} for key in keys]}


def _service_configuration(health: Health, _: Request) -> Any:
    return {
        "version": CLIENT_VERSION,
        "serviceType": 1,
        "serviceAccount": "NT SERVICE\\ADSync",
        "sqlServer": "(localdb)",
        "sqlVersion": "unknown",
        "sqlEdition": "unknown",
        "sqlInstance": ".\\ADSync2019",
        "sqlDatabaseName": "ADSync",
        "sqlDatabaseSize": 0,
    }


def _global_configuration(health: Health, _: Request) -> Any:
    enabled = bool(health.tenant.synchronization_settings().get("passwordSyncEnabled"))
    return {"value": [{"featureSet": [], "numSavedPwdEvent": 0, "passwordSyncEnabled": enabled, "version": 12}]}


def _export_status(health: Health, _: Request) -> Any:
    last = health.connect.last_success
    status = {
        "serviceId": health.who.service_id,
        "serviceMemberId": health.who.member_id,
        "endTime": rfc3339(last),
        "runStepResultId": entra_id(f"run {last}"),
    }
    return _page([status] if last else [])


def _error_counts(health: Health, _: Request) -> Any:
    counts = dict.fromkeys(BUCKETS, 0)
    for code, number in health.connect.space.error_counts().items():
        counts[bucket(code)] += number
    counts["All"] = sum(counts.values())
    return {"value": [{"errorBucket": name, "count": number, "truncated": False} for name, number in counts.items()]}


def _error_list(health: Health, request: Request) -> Any:
    wanted = request.query_params.get("errorBucket", "All")
    errors = [error for error in health.connect.space.errors() if wanted in ("All", bucket(error.code))]
    return {"value": [_error_entry(error, health) for error in errors]}


def _error_entry(error: ExportError, health: Health) -> dict[str, Any]:
    incoming = _incoming(error, health)
    return {
        "id": entra_id(f"error {error.anchor}"),
        "incomingObjectDisplayName": incoming["displayName"],
        "incomingObjectType": _KINDS[error.kind],
        "userPrincipalName": incoming["userPrincipalName"],
        "type": error.code,
        "attributeName": error.attribute or None,
        "attributeValue": error.value or None,
        "timeOccurred": rfc3339(error.last_seen),
        "timeFirstOccurred": rfc3339(error.first_seen),
        "csObjectId": entra_id(f"connector space {error.anchor}"),
        "dn": incoming["distinguishedName"],
        "incomingObject": incoming,
        "existingObject": _existing(error, health),
        "modifiedOrRemovedAttributeValue": None,
        "runStepResultId": entra_id(f"run {error.last_seen}"),
        "samAccountName": incoming["userPrincipalName"].partition("@")[0] if incoming["userPrincipalName"] else None,
        "serverErrorDetail": f"{error.code}: the object could not be exported.",
        "serviceId": health.who.service_id,
        "serviceMemberId": health.who.member_id,
        "mergedEntityId": entra_id(f"entity {error.anchor}"),
        "createdDate": rfc3339(error.first_seen),
        "exportErrorStatus": 1,
    }


def _incoming(error: ExportError, health: Health) -> dict[str, Any]:
    found = health.directory.by_anchor(error.anchor)
    properties = entra_properties(found, rfc3339(error.last_seen) or "") if found else {}
    return _associated(
        {**properties, "id": entra_id(error.anchor), "onPremisesDistinguishedName": found.dn if found else None},
        _KINDS[error.kind],
        error.anchor,
    )


def _existing(error: ExportError, health: Health) -> dict[str, Any] | None:
    """The party that stands in the way, as the tenant has it; None where there is none."""
    if error.other is None:
        return None
    for kind in ("user", "group", "contact"):
        found = health.tenant.get(kind, error.other)
        if found is not None:
            return _associated(found, kind, found.get("onPremisesImmutableId"))
    return None


def _associated(properties: dict[str, Any], kind: str, anchor: str | None) -> dict[str, Any]:
    synced = properties.get("onPremisesSyncEnabled")
    return {
        "displayName": properties.get("displayName"),
        "distinguishedName": properties.get("onPremisesDistinguishedName"),
        "lastDirSyncTime": properties.get("onPremisesLastSyncDateTime"),
        "mail": properties.get("mail"),
        "objectGuid": properties["id"],
        "objectType": kind,
        "onpremisesUserPrincipalName": properties.get("onPremisesUserPrincipalName"),
        "proxyAddresses": ",".join(properties.get("proxyAddresses", ())),
        "sourceAnchor": anchor,
        "sourceOfAuthority": "Active Directory" if synced else "Microsoft Entra ID",
        "timeOccurred": _NEVER,
        "userPrincipalName": properties.get("userPrincipalName"),
    }


def _connectors(health: Health, _: Request) -> Any:
    enabled = bool(health.tenant.synchronization_settings().get("passwordSyncEnabled"))
    names = (("corp.contoso.com", "AD"), ("contosolab.onmicrosoft.com - AAD", "Extensible2"))
    return {
        "value": [
            {
                "connectorId": entra_id(f"connector {name}"),
                "id": entra_id(f"connector {name}"),
                "name": name,
                "type": kind,
                "version": 1,
                "passwordHashSyncConfiguration": {"enabled": enabled, "target": "contosolab.onmicrosoft.com - AAD"},
                "partitions": [],
                "runProfiles": [],
            }
            for name, kind in names
        ]
    }


def _last_upload(health: Health) -> datetime:
    """The agent uploads every five minutes on the clock."""
    now = health.now()
    return now - timedelta(seconds=now.timestamp() % UPLOAD_EVERY.total_seconds(), microseconds=0)
