"""The truth of a tenant against what a directory holds, object by object, each read in its own plain way.

Nothing of the sync's mapping is used: the directory is read by ldapsearch, and what ought to be there is told by the
table below, which is Microsoft's of facts/domain.md 1.2 in short.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.directory.server import DirectoryServer, run_tool
from tui.lab.tenant import Tenant

USER = {
    "displayName": "displayName",
    "userPrincipalName": "userPrincipalName",
    "mail": "mail",
    "givenName": "givenName",
    "surname": "sn",
    "department": "department",
    "jobTitle": "title",
    "companyName": "company",
    "city": "l",
    "employeeId": "employeeID",
    "mobilePhone": "mobile",
    "mailNickname": "msDS-AzureADMailNickname",
}
GROUP = {"displayName": "displayName", "mail": "mail", "mailNickname": "msDS-AzureADMailNickname"}
IDS = ("msds-aadobjectid", "msds-azureadobjectid")
_DISABLED = 2

Values = Mapping[str, list[str]]


def everyone(_: Mapping[str, Any]) -> bool:
    return True


def wanted(tenant: Tenant, within: Callable[[Mapping[str, Any]], bool] = everyone) -> dict[str, dict[str, Any]]:
    """Object id -> what its entry must say. `within`: whether a user is in the scope."""
    users = {item["id"]: item for item in tenant.page("user", limit=10**7) if within(item)}
    groups = {item["id"]: item for item in tenant.page("group", limit=10**7)}
    truth = {
        id: {
            **_texts(item, USER),
            "enabled": item.get("accountEnabled") is True,
            "proxyAddresses": {each.lower() for each in item.get("proxyAddresses") or ()},
            "manager": {item["manager"]} & users.keys() if item.get("manager") else set(),
        }
        for id, item in users.items()
    }
    for id, item in groups.items():
        members = {member for member in tenant.members(id) if member in users or member in groups}
        truth[id] = {**_texts(item, GROUP), "security": item.get("securityEnabled") is True, "member": members}
    return truth


def held(server: DirectoryServer, container: str | None = None) -> dict[str, dict[str, Any]]:
    """The same of what is below the container and carries an object id. Fails where two entries carry the same."""
    found: dict[str, Values] = {}
    for values in entries(server, container):
        ids = [id for name in IDS for id in values.get(name, ())]
        if ids:
            assert ids[0] not in found, f"two entries for {ids[0]}: {values['dn']} and {found[ids[0]]['dn']}"
            found[ids[0]] = values
    by_dn = {values["dn"][0].lower(): id for id, values in found.items()}
    return {id: _told(values, by_dn) for id, values in found.items()}


def differences(
    tenant: Tenant,
    server: DirectoryServer,
    container: str | None = None,
    within: Callable[[Mapping[str, Any]], bool] = everyone,
) -> list[str]:
    """Empty where both sides are the same."""
    ours, theirs = wanted(tenant, within), held(server, container)
    told = [f"{id} is missing" for id in ours.keys() - theirs.keys()]
    told += [f"{id} is too many" for id in theirs.keys() - ours.keys()]
    for id in ours.keys() & theirs.keys():
        for name, value in ours[id].items():
            if theirs[id].get(name) != value:
                told.append(f"{id} {name}: {value!r} in the tenant, {theirs[id].get(name)!r} in the directory")
    return sorted(told)


def entries(server: DirectoryServer, container: str | None = None) -> Iterator[Values]:
    """Everything below the container, by lower-case attribute names."""
    ldif = run_tool(
        "ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-H", server.url,
        "-D", server.admin.user, "-w", server.admin.password, "-b", container or server.people_dn, "(objectClass=*)",
        LDAPTLS_CACERT=str(server.ca_file),
    )  # fmt: skip
    for record in ldif.split("\n\n"):
        values: dict[str, list[str]] = {}
        for line in record.splitlines():
            name, _, value = line.partition(":")
            if line and not line.startswith("#"):
                values.setdefault(name.lower(), []).append(_plain(value))
        if "dn" in values and values["dn"][0].lower() != (container or server.people_dn).lower():
            yield values


def _plain(value: str) -> str:
    if value.startswith(":"):
        return base64.b64decode(value[1:].strip()).decode("utf-8", "replace")
    return value.removeprefix(" ")


def _texts(item: Mapping[str, Any], table: Mapping[str, str]) -> dict[str, str]:
    return {attribute: item.get(name) or "" for name, attribute in table.items()}


def _told(values: Values, by_dn: Mapping[str, str]) -> dict[str, Any]:
    is_group = "group" in values["objectclass"]
    told: dict[str, Any] = {
        attribute: next(iter(values.get(attribute.lower(), ())), "")
        for attribute in (GROUP if is_group else USER).values()
    }
    if is_group:
        told["security"] = int(values["grouptype"][0]) < 0
        told["member"] = {by_dn.get(dn.lower(), dn) for dn in values.get("member", ())}
        return told
    told["enabled"] = not int(values["useraccountcontrol"][0]) & _DISABLED
    told["proxyAddresses"] = {each.lower() for each in values.get("proxyaddresses", ())}
    told["manager"] = {by_dn.get(dn.lower(), dn) for dn in values.get("manager", ())}
    return told
