"""Many entries at once, past the server's own way of adding them. For benchmarks and tests of scale."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator

_NAMESPACE = uuid.UUID("6f7d1c1e-7d1e-4d1c-9b1f-0123456789ab")
_FIRST_USN = 10_000
_SINCE = "20260101000000.0Z"


def object_id(name: str) -> uuid.UUID:
    """The same for a name in every directory, so that two of them can be joined."""
    return uuid.uuid5(_NAMESPACE, name)


def people(parent_dn: str, count: int, *, groups: int = 0, members: int = 100) -> Iterator[str]:
    """LDIF of users u0000000.. and of groups g00000.., whose members are users in turn."""
    for number in range(count):
        yield _user(parent_dn, number)
    for number in range(groups):
        names = group_members(number, members, count)
        yield _group(parent_dn, number, _FIRST_USN + count + number, names)


def group_members(number: int, members: int, users: int) -> list[str]:
    """The names of the users in a group: all in turn, one group after the other."""
    return [f"u{(number * members + k) % users:07d}" for k in range(min(members, users))]


def _user(parent_dn: str, number: int) -> str:
    name = f"u{number:07d}"
    identity = object_id(name)
    usn = _FIRST_USN + number
    return (
        f"dn: CN={name},{parent_dn}\nobjectClass: user\ncn: {name}\nsn: {number}\ngivenName: User\n"
        f"displayName: User {number}\nsAMAccountName: {name}\nuserPrincipalName: {name}@contoso.example\n"
        f"mail: {name}@contoso.example\nuserAccountControl: 512\ndepartment: D{number % 50}\nemployeeID: {number}\n"
        f"uSNCreated: {usn}\nuSNChanged: {usn}\nwhenCreated: {_SINCE}\nwhenChanged: {_SINCE}\n"
        f"objectGUID:: {base64.b64encode(identity.bytes_le).decode()}\nmsDS-aadObjectId: {identity}\n\n"
    )


def _group(parent_dn: str, number: int, usn: int, names: list[str]) -> str:
    name = f"g{number:05d}"
    identity = object_id(name)
    members = "".join(f"member: CN={member},{parent_dn}\n" for member in names)
    return (
        f"dn: CN={name},{parent_dn}\nobjectClass: group\ncn: {name}\nsAMAccountName: {name}\ngroupType: -2147483646\n"
        f"uSNCreated: {usn}\nuSNChanged: {usn}\nwhenCreated: {_SINCE}\nwhenChanged: {_SINCE}\n"
        f"objectGUID:: {base64.b64encode(identity.bytes_le).decode()}\nmsDS-AzureADObjectId: {identity}\n{members}\n"
    )
