"""The lab's managed domain as Azure Resource Manager tells it (`tui.sync.arm`)."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.routing import Route

from tui.lab.identity import RESOURCE_GROUP, Identity
from tui.lab.managed_domain import ManagedDomain
from tui.sync import arm
from tui.sync.arm import ToldAlert, ToldDomain, rfc1123
from tui.sync.health import NETWORK_ERROR, SYNC_LATE, RaisedAlert

CERTIFICATE_LIFE = timedelta(days=180)
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
    """Routes below /subscriptions."""
    return arm.arm_routes(lambda: told(domain, who))


def told(domain: ManagedDomain, who: Identity) -> ToldDomain:
    """The managed domain as it was at the last evaluation of its health."""
    published = domain.published
    return ToldDomain(
        tenant_id=who.tenant_id,
        subscription_id=who.subscription_id,
        resource_group=RESOURCE_GROUP,
        name=domain.domain_name,
        deployment_id=who.deployment_id,
        location="West Europe",
        controllers=("10.20.0.4", "10.20.0.5"),
        evaluated=published.at,
        last_sync=published.last_sync,
        last_backup=published.last_backup,
        alerts=tuple(_alert(alert, published.last_sync) for alert in published.alerts.values()),
        cloud_only=domain.sync_scope == "CloudOnly",
        certificate_expires=domain.created + CERTIFICATE_LIFE,
    )


def _alert(alert: RaisedAlert, last_sync: datetime | None) -> ToldAlert:
    name, link = _ALERTS[alert.code]
    late_issue = f"The managed domain was last synchronized with Microsoft Entra ID on {rfc1123(last_sync)}."
    return ToldAlert(
        code=alert.code,
        name=name,
        issue=_NETWORK_ISSUE if alert.code == NETWORK_ERROR else late_issue,
        raised=alert.raised,
        last_detected=alert.last_detected,
        link=link,
    )
