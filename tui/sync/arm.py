"""A managed domain in the shape of Azure Resource Manager: Microsoft.AAD/domainServices, 2022-12-01.

Whoever runs a sync publishes its state by this, the lab and `synctop sync` alike. Shapes and their oddities (prose
dates, severity as text, two date styles): facts/domain.md 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from msgspec import Struct
from starlette.routing import Route

from tui.model.text import rfc3339
from tui.sync.arm_answers import ArmError, arm_endpoint
from tui.sync.health import BACKUP, SYNC_LATE

API_VERSIONS = ("2020-01-01", "2021-03-01", "2021-05-01", "2022-09-01", "2022-12-01")
_PATH = re.compile(
    r"(?P<subscription>[^/]+)(?:/resourceGroups/(?P<group>[^/]+))?/providers/Microsoft\.AAD/domainServices"
    r"(?:/(?P<name>[^/]+))?/?",
    re.IGNORECASE,
)


class ToldAlert(Struct, frozen=True, kw_only=True):
    """One health alert as it is published."""

    code: str
    name: str
    issue: str
    raised: datetime
    last_detected: datetime
    link: str = ""


class ToldDomain(Struct, frozen=True, kw_only=True):
    """What is published of one managed domain. None: not told.

    `last_sync` None: not synchronized yet. `extension`: more than Azure tells, by the name of who tells it.
    """

    tenant_id: str
    subscription_id: str
    resource_group: str
    name: str
    deployment_id: str
    location: str
    controllers: tuple[str, ...]
    evaluated: datetime
    last_sync: datetime | None
    last_backup: datetime | None = None
    alerts: tuple[ToldAlert, ...] = ()
    cloud_only: bool = False
    filtered: bool = False
    password_hashes: bool = True
    ldaps: bool = True
    certificate_expires: datetime | None = None
    extension: Mapping[str, Any] = {}

    @property
    def resource_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.AAD/domainServices/{self.name}"
        )


def arm_routes(tell: Callable[[], ToldDomain]) -> list[Route]:
    """Routes below /subscriptions; names in a path are matched without regard to case, as Azure does."""
    endpoint = arm_endpoint(lambda request: _answer(request.path_params["rest"], tell()), API_VERSIONS)
    return [Route("/subscriptions/{rest:path}", endpoint, methods=["GET"])]


def resource(domain: ToldDomain) -> dict[str, Any]:
    """The resource as `GET .../domainServices/{name}` answers it."""
    return {
        "id": domain.resource_id,
        "name": domain.name,
        "type": "Microsoft.AAD/DomainServices",
        "location": "westeurope",
        "tags": {},
        "properties": {**_properties(domain), **domain.extension},
    }


def _answer(path: str, domain: ToldDomain) -> dict[str, Any]:
    match = _PATH.fullmatch(path)
    if match is None or match["subscription"].casefold() != domain.subscription_id.casefold():
        raise ArmError(404, "SubscriptionNotFound", "The subscription or resource type could not be found.")
    if match["group"] and match["group"].casefold() != domain.resource_group.casefold():
        raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{match['group']}' could not be found.")
    if match["name"] is None:
        return {"value": [resource(domain)]}
    if match["name"].casefold() != domain.name.casefold():
        raise ArmError(404, "ResourceNotFound", f"The resource '{match['name']}' was not found.")
    return resource(domain)


def _properties(domain: ToldDomain) -> dict[str, Any]:
    return {
        "version": 2,
        "tenantId": domain.tenant_id,
        "domainName": domain.name,
        "deploymentId": domain.deployment_id,
        "syncOwner": domain.deployment_id,
        "replicaSets": [_replica_set(domain)],
        "ldapsSettings": _ldaps(domain),
        "domainSecuritySettings": {
            "ntlmV1": "Disabled",
            "tlsV1": "Disabled",
            "syncNtlmPasswords": _switch(domain.password_hashes),
            "syncKerberosPasswords": _switch(domain.password_hashes),
            "syncOnPremPasswords": _switch(domain.password_hashes),
        },
        "domainConfigurationType": "FullySynced",
        "sku": "Enterprise",
        "filteredSync": _switch(domain.filtered),
        "syncScope": "CloudOnly" if domain.cloud_only else "All",
        "notificationSettings": {"notifyGlobalAdmins": "Enabled", "notifyDcAdmins": "Enabled"},
        "provisioningState": "Succeeded",
    }


def _replica_set(domain: ToldDomain) -> dict[str, Any]:
    return {
        "replicaSetId": domain.deployment_id,
        "location": domain.location,
        "vnetSiteId": domain.deployment_id,
        "subnetId": f"/subscriptions/{domain.subscription_id}/resourceGroups/{domain.resource_group}"
        "/providers/Microsoft.Network/virtualNetworks/identity/subnets/domain-services",
        "domainControllerIpAddress": list(domain.controllers),
        "serviceStatus": "Needs attention" if domain.alerts else "Running",
        "healthLastEvaluated": rfc1123(domain.evaluated),
        "healthMonitors": _monitors(domain),
        "healthAlerts": [_alert(alert) for alert in domain.alerts],
    }


def _ldaps(domain: ToldDomain) -> dict[str, str]:
    told = {"ldaps": _switch(domain.ldaps), "externalAccess": "Disabled"}
    if domain.certificate_expires is None:
        return told
    expires = rfc3339(domain.certificate_expires.replace(microsecond=0)) or ""
    return {**told, "certificateThumbprint": "9154A390F0C387D679E0DD040701745CDFED67F3", "certificateNotAfter": expires}


def _monitors(domain: ToldDomain) -> list[dict[str, str]]:
    synced = f"Synchronized on {rfc1123(domain.last_sync)}." if domain.last_sync else "Not synchronized yet."
    told = [{"id": SYNC_LATE, "name": "Synchronization with Microsoft Entra ID", "details": synced}]
    if domain.last_backup is None:
        return told
    backup = f"Last backed up on {rfc1123(domain.last_backup)}"
    return [{"id": BACKUP, "name": "Backup", "details": backup}, *told]


def _alert(alert: ToldAlert) -> dict[str, str]:
    return {
        "id": alert.code,
        "name": alert.name,
        "issue": alert.issue,
        "severity": "2",
        "raised": _seven_digits(alert.raised),
        "lastDetected": _seven_digits(alert.last_detected),
        "resolutionUri": alert.link,
    }


def rfc1123(moment: datetime | None) -> str:
    """`Tue, 18 Sep 2018 16:47:57 GMT`."""
    return format_datetime(moment, usegmt=True) if moment else "an unknown date"


def _switch(on: bool) -> str:
    return "Enabled" if on else "Disabled"


def _seven_digits(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
