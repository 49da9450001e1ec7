"""What Entra Connect makes of an on-premises object: attribute flow from LDAP names to Graph properties."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from tui.lab.onprem import AdObject
from tui.model.states import ObjectType

TENANT_DOMAIN = "contosolab.onmicrosoft.com"
GRAPH_KINDS = {
    ObjectType.USERS: "user",
    ObjectType.GROUPS: "group",
    ObjectType.CONTACTS: "contact",
    ObjectType.DEVICES: "device",
}
OBJECT_TYPES = {kind: object_type for object_type, kind in GRAPH_KINDS.items()}

_COMMON = {"displayName": "displayName", "mail": "mail", "proxyAddresses": "proxyAddresses"}
_PERSON = {"givenName": "givenName", "sn": "surname", "department": "department", "title": "jobTitle"}
_USER = {
    "userPrincipalName": "userPrincipalName",
    "company": "companyName",
    "l": "city",
    "co": "country",
    "employeeId": "employeeId",
    "enabled": "accountEnabled",
    "sAMAccountName": "onPremisesSamAccountName",
    "objectSid": "onPremisesSecurityIdentifier",
}
FLOWS: Mapping[ObjectType, Mapping[str, str]] = {
    ObjectType.USERS: {**_COMMON, **_PERSON, **_USER},
    ObjectType.GROUPS: {
        **_COMMON,
        "mailNickname": "mailNickname",
        "securityEnabled": "securityEnabled",
        "sAMAccountName": "onPremisesSamAccountName",
        "objectSid": "onPremisesSecurityIdentifier",
    },
    ObjectType.CONTACTS: {**_COMMON, **_PERSON, "company": "companyName"},
    ObjectType.DEVICES: {"displayName": "displayName", "operatingSystem": "operatingSystem"},
}


def entra_id(anchor: str) -> str:
    """The object id that the lab's tenant gives to the object with this source anchor."""
    digits = hashlib.md5(anchor.encode(), usedforsecurity=False).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def entra_properties(found: AdObject, at: str) -> dict[str, Any]:
    """The Graph properties of `found`, exported `at` (RFC 3339)."""
    flow = FLOWS[found.kind]
    properties = {flow[name]: value for name, value in found.attributes.items() if name in flow}
    properties["onPremisesSyncEnabled"] = True
    properties["onPremisesLastSyncDateTime"] = at
    return {**properties, **_of_kind(found)}


def credential_hashes(found: AdObject) -> dict[str, str]:
    """Stand-ins for the hashes of the user's present password: they change with it and with nothing else."""
    seed = f"{found.anchor}:{found.password_usn}".encode()
    digest = hashlib.sha256(seed).hexdigest()
    return {"nt": digest[:32], "kerberosAes256": digest}


def fallback_name(user_principal_name: str, entra: str) -> str:
    """What a user is called while the wanted name is taken: four digits and the tenant's own domain
    (facts/domain.md 5.2)."""
    digits = int(entra[:8], 16) % 10_000
    return f"{user_principal_name.partition('@')[0]}{digits:04d}@{TENANT_DOMAIN}"


def _of_kind(found: AdObject) -> dict[str, Any]:
    if found.kind is ObjectType.DEVICES:
        return {"deviceId": entra_id("device " + found.anchor), "trustType": "ServerAd", "accountEnabled": True}
    anchored = {"onPremisesImmutableId": found.anchor} if found.kind is ObjectType.USERS else {}
    if found.kind is ObjectType.GROUPS:
        return {
            "mailEnabled": bool(found.attributes.get("mail")),
            "groupTypes": [],
            "onPremisesDomainName": found.domain,
        }
    if found.kind is ObjectType.CONTACTS:
        return {"mailNickname": _nickname(found)}
    return {
        **anchored,
        "mailNickname": _nickname(found),
        "onPremisesDistinguishedName": found.dn,
        "onPremisesDomainName": found.domain,
        "onPremisesUserPrincipalName": found.attributes["userPrincipalName"],
        "userType": "Member",
    }


def _nickname(found: AdObject) -> str:
    """The alias of the object's own, else what stands before the @ of its first name that has one."""
    named = (found.attributes.get(name) for name in ("mailNickname", "mail", "userPrincipalName"))
    return str(next((name for name in named if name), "")).partition("@")[0]


def verified_domains(own: str) -> list[dict[str, Any]]:
    """The tenant's domains: the one it was made with, and the organization's `own`."""
    return [
        {"name": TENANT_DOMAIN, "type": "Managed", "isInitial": True, "isDefault": False},
        {"name": own, "type": "Managed", "isInitial": False, "isDefault": True},
    ]
