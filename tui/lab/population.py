"""Who is in the on-premises directory at the start, and what its administrators do all day. All by seed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tui.lab import names
from tui.lab.names import CITIES, COMPANIES, DEPARTMENTS, GROUP_PURPOSES, TITLES
from tui.lab.onprem import BASE_DN, MAIL_DOMAIN, STAFF_OU, AdObject, Change, OnPremises, anchor_of
from tui.model.states import ObjectType

GROUPS_OU = "OU=Groups," + BASE_DN
CONTACTS_OU = "OU=Partners," + BASE_DN
DEVICES_OU = "OU=Workstations," + BASE_DN
DOMAIN_SID = "S-1-5-21-397955417-626881126-188441444"
SHARES = {ObjectType.GROUPS: 0.12, ObjectType.DEVICES: 0.07, ObjectType.CONTACTS: 0.03}
MEMBERS_OF_A_GROUP = (1, 7)
EVERYDAY = {"password": 40, "mover": 24, "joiner": 12, "membership": 10, "rename": 7, "leaver": 7}
DEPARTMENT_OUS = {department: f"OU={department},{STAFF_OU}" for department in DEPARTMENTS}


def population(rng: Random, total: int) -> Iterator[AdObject]:
    """`total` objects in the mix of a middling company: mostly users; groups last, as they have members."""
    shares = {kind: int(total * share) for kind, share in SHARES.items()}
    anchors: list[str] = []
    for serial in range(total - sum(shares.values())):
        found = user(rng, serial)
        anchors.append(found.anchor)
        yield found
    yield from (device(rng, serial) for serial in range(shares[ObjectType.DEVICES]))
    yield from (contact(rng, serial) for serial in range(shares[ObjectType.CONTACTS]))
    yield from (group(rng, serial, anchors) for serial in range(shares[ObjectType.GROUPS]))


def user(rng: Random, serial: int) -> AdObject:
    person, department = names.person(rng, serial), rng.choice(DEPARTMENTS)
    city, country = rng.choice(CITIES)
    address = f"{person.login}@{MAIL_DOMAIN}"
    return AdObject(
        kind=ObjectType.USERS,
        anchor=new_anchor(rng),
        ou=DEPARTMENT_OUS[department],
        attributes={
            "displayName": person.display,
            "givenName": person.given,
            "sn": person.family,
            "sAMAccountName": person.login,
            "userPrincipalName": address,
            "mail": address,
            "proxyAddresses": [f"SMTP:{address}"],
            "department": department,
            "title": rng.choice(TITLES),
            "company": "Contoso",
            "l": city,
            "co": country,
            "employeeId": f"{10000 + serial}",
            "objectSid": f"{DOMAIN_SID}-{1100 + serial}",
            "enabled": True,
        },
    )


def group(rng: Random, serial: int, anchors: list[str]) -> AdObject:
    name = f"{rng.choice(DEPARTMENTS)} {rng.choice(GROUP_PURPOSES)} {serial + 1}"
    address = f"{name.lower().replace(' ', '-')}@{MAIL_DOMAIN}"
    mailing = serial % 3 == 0
    mail = {"mail": address, "proxyAddresses": [f"SMTP:{address}"]} if mailing else {}
    return AdObject(
        kind=ObjectType.GROUPS,
        anchor=new_anchor(rng),
        ou=GROUPS_OU,
        attributes={
            "displayName": name,
            "sAMAccountName": name,
            "mailNickname": address.partition("@")[0],
            "objectSid": f"{DOMAIN_SID}-{500_000 + serial}",
            "securityEnabled": True,
            **mail,
        },
        members=rng.sample(anchors, min(len(anchors), rng.randint(*MEMBERS_OF_A_GROUP))),
    )


def contact(rng: Random, serial: int) -> AdObject:
    person, company = names.person(rng, serial), rng.choice(COMPANIES)
    address = f"{person.login}@{company.lower()}.example"
    return AdObject(
        kind=ObjectType.CONTACTS,
        anchor=new_anchor(rng),
        ou=CONTACTS_OU,
        attributes={
            "displayName": f"{person.display} ({company})",
            "givenName": person.given,
            "sn": person.family,
            "mail": address,
            "proxyAddresses": [f"SMTP:{address}"],
            "company": company,
        },
    )


def device(rng: Random, serial: int) -> AdObject:
    return AdObject(
        kind=ObjectType.DEVICES,
        anchor=new_anchor(rng),
        ou=DEVICES_OU,
        attributes={"displayName": f"WS-{rng.choice(CITIES)[1]}-{serial + 1:05d}", "operatingSystem": "Windows"},
    )


def new_anchor(rng: Random) -> str:
    return anchor_of(rng.randbytes(16))


class Everyday:
    """The small changes of a working day: joiners, movers, leavers, renames, memberships, passwords.

    Taken up again, they go on with other people than before.
    """

    def __init__(self, directory: OnPremises, seed: int, first_serial: int) -> None:
        self._directory = directory
        begun = directory.highest_usn
        self._rng = Random(f"everyday {seed} {begun}")  # noqa: S311 - the same day again, not secrecy
        self._serial = max(first_serial, begun)

    def one_change(self) -> str:
        """Do one thing; returns which."""
        (kind,) = self._rng.choices(tuple(EVERYDAY), tuple(EVERYDAY.values()))
        {
            "password": self._password,
            "mover": self._mover,
            "joiner": self._joiner,
            "membership": self._membership,
            "rename": self._rename,
            "leaver": self._leaver,
        }[kind]()
        return kind

    def _anyone(self) -> AdObject | None:
        return self._directory.nth(ObjectType.USERS, self._rng.randrange(1 << 30))

    def _password(self) -> None:
        if someone := self._anyone():
            self._directory.change_password(someone)

    def _mover(self) -> None:
        if someone := self._anyone():
            department = self._rng.choice(DEPARTMENTS)
            change = {"department": department, "title": self._rng.choice(TITLES)}
            self._directory.change(someone, Change(change, ou=DEPARTMENT_OUS[department]))

    def _joiner(self) -> None:
        self._serial += 1
        self._directory.add([user(self._rng, self._serial)])

    def _rename(self) -> None:
        if someone := self._anyone():
            family = self._rng.choice(names.FAMILY_NAMES)
            name = f"{someone.attributes['givenName']} {family}"
            self._directory.change(someone, Change({"sn": family, "displayName": name}))

    def _leaver(self) -> None:
        if someone := self._anyone():
            self._directory.delete(someone)

    def _membership(self) -> None:
        found = self._directory.nth(ObjectType.GROUPS, self._rng.randrange(1 << 30))
        someone = self._anyone()
        if found is None or someone is None:
            return
        members = [anchor for anchor in found.members if anchor != someone.anchor]
        if len(members) == len(found.members):
            members.append(someone.anchor)
        self._directory.change(found, Change(members=members))
