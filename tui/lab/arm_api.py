"""Azure Resource Manager's face of the managed domain: Microsoft.AAD/domainServices, 2022-12-01.

Shapes and their oddities (prose dates, severity as text, two date styles): facts/domain.md 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.routing import Route

from tui.lab.arm_answers import ArmError, arm_endpoint
from tui.lab.identity import MANAGED_DOMAIN_NAME, RESOURCE_GROUP, Identity
from tui.lab.managed_domain import NETWORK_ERROR, SYNC_LATE, ManagedDomain, RaisedAlert
from tui.model.text import rfc3339

API_VERSIONS = ("2020-01-01", "2021-03-01", "2021-05-01", "2022-09-01", "2022-12-01")
CERTIFICATE_LIFE = timedelta(days=180)
_PATH = re.compile(
    r"(?P<subscription>[^/]+)(?:/resourceGroups/(?P<group>[^/]+))?/providers/Microsoft\.AAD/domainServices"
    r"(?:/(?P<name>[^/]+))?/?",
    re.IGNORECASE,
)
_NETWORK_ISSUE = (
    "Microsoft is unable to reach the domain controllers for this managed domain. This may happen if a network "
    "security group (NSG) configured on your virtual network blocks access to the managed domain. Another possible "
    "reason is if there is a user defined route that blocks incoming traffic from the internet."
)
_ALERTS = {
    NETWORK_ERROR: ("The managed domain is experiencing a network error", "https://aka.ms/aadds-neterr"),
    SYNC_LATE: ("Synchronization has not completed in a while", "https://aka.ms/aadds-syncerr"),
}


def arm_routes(domain: ManagedDomain, who: Identity) -> list[Route]:
    """Routes below /subscriptions; names in a path are matched without regard to case, as Azure does."""

    endpoint = arm_endpoint(lambda request: _answer(request.path_params["rest"], domain, who), API_VERSIONS)
    return [Route("/subscriptions/{rest:path}", endpoint, methods=["GET"])]


def resource(domain: ManagedDomain, who: Identity) -> dict[str, Any]:
    """The resource as `GET .../domainServices/{name}` answers it."""
    return {
        "id": who.resource_id,
        "name": domain.domain_name,
        "type": "Microsoft.AAD/DomainServices",
        "location": "westeurope",
        "tags": {},
        "properties": _properties(domain, who),
    }


def _answer(path: str, domain: ManagedDomain, who: Identity) -> dict[str, Any]:
    match = _PATH.fullmatch(path)
    if match is None or match["subscription"].casefold() != who.subscription_id.casefold():
        raise ArmError(404, "SubscriptionNotFound", "The subscription or resource type could not be found.")
    if match["group"] and match["group"].casefold() != RESOURCE_GROUP:
        raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{match['group']}' could not be found.")
    if match["name"] is None:
        return {"value": [resource(domain, who)]}
    if match["name"].casefold() != MANAGED_DOMAIN_NAME:
        raise ArmError(404, "ResourceNotFound", f"The resource '{match['name']}' was not found.")
    return resource(domain, who)


def _properties(domain: ManagedDomain, who: Identity) -> dict[str, Any]:
    return {
        "version": 2,
        "tenantId": who.tenant_id,
        "domainName": domain.domain_name,
        "deploymentId": who.deployment_id,
        "syncOwner": who.deployment_id,
        "replicaSets": [_replica_set(domain, who)],
        "ldapsSettings": {
            "ldaps": "Enabled",
            "certificateThumbprint": "9154A390F0C387D679E0DD040701745CDFED67F3",
            "certificateNotAfter": rfc3339((domain.created + CERTIFICATE_LIFE).replace(microsecond=0)),
            "externalAccess": "Disabled",
        },
        "domainSecuritySettings": {
            "ntlmV1": "Disabled",
            "tlsV1": "Disabled",
            "syncNtlmPasswords": "Enabled",
            "syncKerberosPasswords": "Enabled",
            "syncOnPremPasswords": "Enabled",
        },
        "domainConfigurationType": "FullySynced",
        "sku": "Enterprise",
        "filteredSync": "Disabled",
        "syncScope": domain.sync_scope,
        "notificationSettings": {"notifyGlobalAdmins": "Enabled", "notifyDcAdmins": "Enabled"},
        "provisioningState": "Succeeded",
    }


def _replica_set(domain: ManagedDomain, who: Identity) -> dict[str, Any]:
    published = domain.published
    return {
        "replicaSetId": who.deployment_id,
        "location": "West Europe",
        "vnetSiteId": who.deployment_id,
        "subnetId": f"/subscriptions/{who.subscription_id}/resourceGroups/{RESOURCE_GROUP}"
        "/providers/Microsoft.Network/virtualNetworks/identity/subnets/domain-services",
        "domainControllerIpAddress": ["10.20.0.4", "10.20.0.5"],
        "serviceStatus": "Needs attention" if published.alerts else "Running",
        "healthLastEvaluated": _rfc1123(published.at),
        "healthMonitors": _monitors(published.last_sync, published.last_backup),
        "healthAlerts": [_alert(alert, published.last_sync) for alert in published.alerts.values()],
    }


def _monitors(last_sync: datetime | None, last_backup: datetime) -> list[Mapping[str, str]]:
    synced = f"Synchronized on {_rfc1123(last_sync)}." if last_sync else "Not synchronized yet."
    return [
        {"id": "AADDS501", "name": "Backup", "details": f"Last backed up on {_rfc1123(last_backup)}"},
        {"id": SYNC_LATE, "name": "Synchronization with Microsoft Entra ID", "details": synced},
    ]


def _alert(alert: RaisedAlert, last_sync: datetime | None) -> dict[str, str]:
    name, link = _ALERTS[alert.code]
    late_issue = f"The managed domain was last synchronized with Microsoft Entra ID on {_rfc1123(last_sync)}."
    return {
        "id": alert.code,
        "name": name,
        "issue": _NETWORK_ISSUE if alert.code == NETWORK_ERROR else late_issue,
        "severity": "2",
        "raised": _seven_digits(alert.raised),
        "lastDetected": _seven_digits(alert.last_detected),
        "resolutionUri": link,
    }


def _rfc1123(moment: datetime | None) -> str:
    return format_datetime(moment, usegmt=True) if moment else "an unknown date"


def _seven_digits(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
