"""The people and groups of the on-premises domain in the chain, as LDIF."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from random import Random

from msgspec import Struct

from tui.lab import names

PASSWORD = "Sync-me-1"
DISABLED, DUPLICATE = 2, 3
"""Places in the list of the person whose account is off, and of the one with a colleague's address beside the own."""
NORMAL, ACCOUNT_IS_OFF = 512, 514


class Person(Struct, frozen=True):
    login: str
    given: str
    family: str
    department: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


def people(count: int) -> list[Person]:
    """The same every time, in two departments at least."""
    rng = Random(5)
    found = [names.person(rng, number) for number in range(count)]
    return [
        Person(one.login, one.given, one.family, names.DEPARTMENTS[number % max(2, min(5, count // 5))])
        for number, one in enumerate(found)
    ]


def directory_ldif(found: list[Person], parent_dn: str, domain: str) -> str:
    """Everyone; a group for each department; Staff, whose members are those groups."""
    records = [
        person_ldif(
            one,
            parent_dn,
            domain,
            is_on=place != DISABLED,
            aliases=[f"smtp:{found[0].login}@{domain}"] if place == DUPLICATE else [],
        )
        for place, one in enumerate(found)
    ]
    return "\n".join((*records, *_groups(found, parent_dn)))


def person_ldif(one: Person, parent_dn: str, domain: str, *, is_on: bool = True, aliases: Sequence[str] = ()) -> str:
    """A user with a password, one address of its own and `aliases`."""
    secret = base64.b64encode(f'"{PASSWORD}"'.encode("utf-16-le")).decode()
    address = f"{one.login}@{domain}"
    return "\n".join(
        (
            f"dn: {dn_of(one, parent_dn)}",
            "changetype: add",
            "objectClass: user",
            f"sAMAccountName: {one.login}",
            f"userPrincipalName: {address}",
            _line("displayName", one.name),
            _line("givenName", one.given),
            _line("sn", one.family),
            f"department: {one.department}",
            f"mail: {address}",
            *(f"proxyAddresses: {each}" for each in (f"SMTP:{address}", *aliases)),
            f"userAccountControl: {NORMAL if is_on else ACCOUNT_IS_OFF}",
            f"unicodePwd:: {secret}",
            "",
        )
    )


def dn_of(one: Person, parent_dn: str) -> str:
    return f"CN={one.login},{parent_dn}"


def _groups(found: list[Person], parent_dn: str) -> Iterator[str]:
    departments = sorted({one.department for one in found})
    for department in departments:
        members = (dn_of(one, parent_dn) for one in found if one.department == department)
        yield _group(department, members, parent_dn)
    yield _group("Staff", (f"CN={department},{parent_dn}" for department in departments), parent_dn)


def _group(name: str, members: Iterator[str], parent_dn: str) -> str:
    lines = (f"dn: CN={name},{parent_dn}", "changetype: add", "objectClass: group", f"sAMAccountName: {name}")
    return "\n".join((*lines, *(f"member: {member}" for member in members), ""))


def _line(name: str, value: str) -> str:
    return f"{name}: {value}" if value.isascii() else f"{name}:: {base64.b64encode(value.encode()).decode()}"
