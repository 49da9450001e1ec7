"""From Entra's properties to the managed domain's attributes. Pure.

The tables are those of facts/domain.md 1.2 (Microsoft's page on synchronization in Domain Services), with the names
that Graph gives the properties; `company` is what the directory's schema calls companyName. The lengths are the
`rangeUpper` of the Active Directory schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tui.sources.moments import moment
from tui.sync.targets.target import InvalidValue

Attributes = Mapping[str, tuple[str, ...]]

NORMAL_ACCOUNT = 0x200
DISABLED = 0x2
NEVER_EXPIRES = 0x10000
SECURITY_GROUP = -0x7FFFFFFE
DISTRIBUTION_GROUP = 2

_USER_TEXTS = (
    ("city", "l", 128),
    ("companyName", "company", 64),
    ("country", "co", 128),
    ("department", "department", 64),
    ("displayName", "displayName", 256),
    ("employeeId", "employeeId", 16),
    ("faxNumber", "facsimileTelephoneNumber", 64),
    ("givenName", "givenName", 64),
    ("jobTitle", "title", 128),
    ("mail", "mail", 256),
    ("mailNickname", "msDS-AzureADMailNickname", 64),
    ("mobilePhone", "mobile", 64),
    ("officeLocation", "physicalDeliveryOfficeName", 128),
    ("postalCode", "postalCode", 40),
    ("preferredLanguage", "preferredLanguage", 1024),
    ("state", "st", 128),
    ("streetAddress", "streetAddress", 1024),
    ("surname", "sn", 64),
    ("userPrincipalName", "userPrincipalName", 1024),
)
_GROUP_TEXTS = (
    ("displayName", "displayName", 256),
    ("mail", "mail", 256),
    ("mailNickname", "msDS-AzureADMailNickname", 64),
)
USER_PROPERTIES = (
    *(name for name, _, _ in _USER_TEXTS),
    "accountEnabled",
    "businessPhones",
    "lastPasswordChangeDateTime",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "passwordPolicies",
    "passwordProfile",
    "proxyAddresses",
    "userType",
)
GROUP_PROPERTIES = (
    *(name for name, _, _ in _GROUP_TEXTS),
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "securityEnabled",
)
_GENERAL_ATTRIBUTES = ("sAMAccountName", "proxyAddresses", "sIDHistory")
USER_ATTRIBUTES = (
    *(name for _, name, _ in _USER_TEXTS),
    *_GENERAL_ATTRIBUTES,
    "msDS-aadObjectId",
    "pwdLastSet",
    "telephoneNumber",
    "userAccountControl",
)
GROUP_ATTRIBUTES = (
    *(name for _, name, _ in _GROUP_TEXTS),
    *_GENERAL_ATTRIBUTES,
    "groupType",
    "msDS-AzureADObjectId",
)
_LONGEST_ADDRESS = 1123
_LONGEST_PHONE = 64
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_UPN = re.compile(r"[^@\s]+@[^@\s]+")
_SID = re.compile(r"S-1-\d{1,15}(-\d{1,10}){1,15}")
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def user_attributes(properties: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The attributes of a user but for its name and references. Raises `InvalidValue`.

    An account is enabled only where Entra says so in as many words.
    """
    upn = properties.get("userPrincipalName")
    if not isinstance(upn, str) or not _UPN.fullmatch(upn):
        raise InvalidValue("userPrincipalName", upn, "is not a sign-in name of the form user@domain")
    phones = _texts(properties, "businessPhones", "telephoneNumber", _LONGEST_PHONE)
    attributes = {
        **_mapped(properties, _USER_TEXTS),
        "telephoneNumber": phones[:1],
        "proxyAddresses": _texts(properties, "proxyAddresses", "proxyAddresses", _LONGEST_ADDRESS),
        "sIDHistory": _sid(properties),
        "msDS-aadObjectId": (str(properties["id"]),),
        "userAccountControl": (str(_account_control(properties)),),
        "pwdLastSet": _password_set(properties),
    }
    return {name: values for name, values in attributes.items() if values}


def group_attributes(properties: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The attributes of a group but for its name and members. Raises `InvalidValue`."""
    kind = SECURITY_GROUP if properties.get("securityEnabled") is True else DISTRIBUTION_GROUP
    attributes = {
        **_mapped(properties, _GROUP_TEXTS),
        "proxyAddresses": _texts(properties, "proxyAddresses", "proxyAddresses", _LONGEST_ADDRESS),
        "sIDHistory": _sid(properties),
        "msDS-AzureADObjectId": (str(properties["id"]),),
        "groupType": (str(kind),),
    }
    return {name: values for name, values in attributes.items() if values}


def is_guest(properties: Mapping[str, Any]) -> bool:
    """Guests are synced without hashes (facts/domain.md 1.3)."""
    return str(properties.get("userType") or "").casefold() == "guest"


def filetime(at: datetime) -> int:
    """Tenths of microseconds since 1601, as directories count."""
    return int((at - _FILETIME_EPOCH).total_seconds()) * 10_000_000


def _mapped(properties: Mapping[str, Any], table: tuple[tuple[str, str, int], ...]) -> dict[str, tuple[str, ...]]:
    return {attribute: _text(properties.get(name), attribute, longest) for name, attribute, longest in table}


def _text(value: Any, attribute: str, longest: int) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if not isinstance(value, str):
        raise InvalidValue(attribute, value, "is not text")
    if len(value) > longest:
        raise InvalidValue(attribute, value, f"is longer than {longest} characters")
    if _UNSTORABLE.search(value):
        raise InvalidValue(attribute, value, "holds characters that a directory cannot store")
    return (value,)


def _texts(properties: Mapping[str, Any], name: str, attribute: str, longest: int) -> tuple[str, ...]:
    values = properties.get(name)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise InvalidValue(attribute, values, "is not a list")
    return tuple(dict.fromkeys(text for value in values for text in _text(value, attribute, longest)))


def _sid(properties: Mapping[str, Any]) -> tuple[str, ...]:
    sid = _text(properties.get("onPremisesSecurityIdentifier"), "sIDHistory", 200)
    if sid and not _SID.fullmatch(sid[0]):
        raise InvalidValue("sIDHistory", sid[0], "is not a security identifier")
    return sid


def _account_control(properties: Mapping[str, Any]) -> int:
    policies = properties.get("passwordPolicies")
    never = isinstance(policies, str) and "disablepasswordexpiration" in policies.casefold()
    disabled = properties.get("accountEnabled") is not True
    return NORMAL_ACCOUNT | (NEVER_EXPIRES if never else 0) | (DISABLED if disabled else 0)


def _password_set(properties: Mapping[str, Any]) -> tuple[str, ...]:
    profile = properties.get("passwordProfile")
    if isinstance(profile, dict) and profile.get("forceChangePasswordNextSignIn") is True:
        return ("0",)
    changed = moment(properties.get("lastPasswordChangeDateTime"))
    return () if changed is None else (str(filetime(changed)),)
