"""The lab's answers in Graph's shapes: which properties each collection has, and which it shows unasked.

Source: the reference pages of user, group, orgContact, device and organization; facts/domain.md 2.2, 2.3, 2.6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

Json = dict[str, Any]

_LISTS = frozenset(
    {
        "assignedPlans",
        "businessPhones",
        "groupTypes",
        "onPremisesProvisioningErrors",
        "onPremisesSyncStatus",
        "otherMails",
        "provisionedPlans",
        "proxyAddresses",
        "serviceProvisioningErrors",
        "technicalNotificationMails",
        "verifiedDomains",
    }
)
_SYNCED = (
    "deletedDateTime",
    "displayName",
    "mail",
    "mailNickname",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "serviceProvisioningErrors",
)
_USER_DEFAULT = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
)
_USER_ON_SELECT = (
    *_SYNCED,
    "accountEnabled",
    "assignedPlans",
    "city",
    "companyName",
    "country",
    "createdDateTime",
    "department",
    "employeeId",
    "faxNumber",
    "lastPasswordChangeDateTime",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesImmutableId",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesUserPrincipalName",
    "otherMails",
    "passwordPolicies",
    "passwordProfile",
    "postalCode",
    "provisionedPlans",
    "securityIdentifier",
    "state",
    "streetAddress",
    "usageLocation",
    "userType",
)
_GROUP_DEFAULT = (
    *_SYNCED,
    "createdDateTime",
    "description",
    "groupTypes",
    "mailEnabled",
    "onPremisesDomainName",
    "onPremisesNetBiosName",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "renewedDateTime",
    "securityEnabled",
    "securityIdentifier",
    "visibility",
)
_CONTACT_DEFAULT = (
    *_SYNCED,
    "companyName",
    "department",
    "givenName",
    "jobTitle",
    "surname",
)
_DEVICE_DEFAULT = (
    "accountEnabled",
    "approximateLastSignInDateTime",
    "deletedDateTime",
    "deviceId",
    "displayName",
    "onPremisesLastSyncDateTime",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "operatingSystem",
    "operatingSystemVersion",
    "profileType",
    "registrationDateTime",
    "trustType",
)
_ORGANIZATION = (
    "assignedPlans",
    "countryLetterCode",
    "createdDateTime",
    "displayName",
    "onPremisesLastSyncDateTime",
    "onPremisesSyncEnabled",
    "provisionedPlans",
    "technicalNotificationMails",
    "tenantType",
    "verifiedDomains",
)
_ORGANIZATION_BETA = (
    *_ORGANIZATION,
    "directorySizeQuota",
    "onPremisesLastPasswordSyncDateTime",
    "onPremisesSyncStatus",
)


class Shape(Struct, frozen=True):
    """One collection. `default`: what is shown without `$select`; `known`: what may be selected."""

    kind: str
    collection: str
    default: tuple[str, ...]
    known: frozenset[str]

    def unknown(self, select: Collection[str]) -> str | None:
        """The first selected property that the collection does not have."""
        return next((name for name in select if name != "id" and name not in self.known), None)

    def show(self, properties: Mapping[str, Any], select: Sequence[str] | None) -> Json:
        """An object as Graph shows it: what is not set is null, or an empty list; `id` comes always."""
        names = self.default if select is None else select
        item: Json = {"id": properties["id"]}
        for name in names:
            value = properties.get(name)
            item[name] = [] if value is None and name in _LISTS else value
        return item


def _shape(kind: str, collection: str, default: tuple[str, ...], more: tuple[str, ...] = ()) -> Shape:
    return Shape(kind, collection, default, frozenset(default + more))


SHAPES = (
    _shape("user", "users", _USER_DEFAULT, _USER_ON_SELECT),
    _shape("group", "groups", _GROUP_DEFAULT),
    _shape("contact", "contacts", _CONTACT_DEFAULT),
    _shape("device", "devices", _DEVICE_DEFAULT),
)
ORGANIZATION = {
    "v1.0": _shape("organization", "organization", _ORGANIZATION),
    "beta": _shape("organization", "organization", _ORGANIZATION_BETA),
}


def synchronization(tenant_id: str, settings: Mapping[str, Any]) -> Json:
    """`directory/onPremisesSynchronization` from the tenant's settings: deletionThreshold (None: off) and features."""
    threshold = settings.get("deletionThreshold")
    prevention = "disabled" if threshold is None else "enabledForCount"
    features = {name: value for name, value in settings.items() if name.endswith("Enabled")}
    return {
        "id": tenant_id,
        "configuration": {
            "accidentalDeletionPrevention": {
                "synchronizationPreventionType": prevention,
                "alertThreshold": threshold,
            }
        },
        "features": {
            "quarantineUponProxyAddressesConflictEnabled": True,
            "quarantineUponUpnConflictEnabled": True,
            "blockSoftMatchEnabled": False,
            **features,
        },
    }
