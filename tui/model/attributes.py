"""The attributes that the sides of the chain are compared by, and what each side calls them (facts/domain.md 1.2)."""

from __future__ import annotations

from msgspec import Struct


class Compared(Struct, frozen=True):
    """One property by its Graph name, with the name of the attribute that holds it in each directory.

    `multiple`: a set of values. `ignores_case`: values that differ in case only are the same.
    """

    graph: str
    on_premises: str
    managed_domain: str
    multiple: bool = False
    ignores_case: bool = False


USER_ATTRIBUTES = (
    Compared("displayName", "displayName", "displayName"),
    Compared("userPrincipalName", "userPrincipalName", "userPrincipalName", ignores_case=True),
    Compared("mail", "mail", "mail", ignores_case=True),
    Compared("givenName", "givenName", "givenName"),
    Compared("surname", "sn", "sn"),
    Compared("department", "department", "department"),
    Compared("jobTitle", "title", "title"),
    Compared("companyName", "company", "company"),
    Compared("city", "l", "l"),
    Compared("employeeId", "employeeID", "employeeID"),
    Compared("accountEnabled", "userAccountControl", "userAccountControl"),
    Compared("proxyAddresses", "proxyAddresses", "proxyAddresses", multiple=True, ignores_case=True),
)
GROUP_ATTRIBUTES = (
    Compared("displayName", "displayName", "displayName"),
    Compared("mail", "mail", "mail", ignores_case=True),
    Compared("proxyAddresses", "proxyAddresses", "proxyAddresses", multiple=True, ignores_case=True),
)
COMPARED = {"user": USER_ATTRIBUTES, "group": GROUP_ATTRIBUTES}
