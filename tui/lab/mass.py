"""Very many failing objects at once, made light and fast: a directory after a merger, for trying out large lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tui.lab.connect_mapping import entra_id
from tui.lab.names import FAMILY_NAMES, GIVEN_NAMES, ascii_form
from tui.lab.onprem import MAIL_DOMAIN, STAFF_OU, Series
from tui.lab.scenario import Scenario
from tui.lab.tenant_store import Properties
from tui.lab.world import World
from tui.model.states import ObjectType
from tui.model.text import rfc3339

HOLDERS = 500
SPREAD_S = 3 * 86400
MOMENTS = 1000
ANCHOR = "mass%017dA=="  # 16 bytes in base64
ADDRESS = f"object%d@{MAIL_DOMAIN}"
CYCLE = 20
PIECE = 2000
OF_TWENTY = {ObjectType.USERS: range(16), ObjectType.GROUPS: range(16, 19), ObjectType.CONTACTS: range(19, 20)}
_GRAPH_KINDS = {ObjectType.USERS: "user", ObjectType.GROUPS: "group", ObjectType.CONTACTS: "contact"}
_PEOPLE = [f"{ascii_form(given).title()} {ascii_form(name).title()}" for given in GIVEN_NAMES for name in FAMILY_NAMES]
_ERROR = (
    '{"category":"PropertyConflict","occurredDateTime":"%s","propertyCausingError":"ProxyAddresses",'
    f'"value":"smtp:{ADDRESS}"}}'
)


def fill_with_failing_objects(world: World, scenario: Scenario, synced: datetime) -> Iterator[None]:
    """`duplicates` objects that each want an address of one of a few hundred holders, and those holders.

    The tenant has them at once; the pieces that are returned bring them to the on-premises directory. All of it is
    ASCII text put together by hand: encoding 100,000 objects one by one takes too long to wait for.
    """
    first_failing = scenario.objects - scenario.start.duplicates
    for kind, places in OF_TWENTY.items():
        serials = (serial for serial in range(scenario.objects) if serial % CYCLE in places)
        by_id = sorted((entra_id(ANCHOR % serial), serial) for serial in serials)
        load = _users if kind is ObjectType.USERS else _others
        world.tenant.load(_GRAPH_KINDS[kind], load(by_id, _Wording(synced, first_failing)))
    world.present.set(synced)
    world.connect.adopt()
    return _on_premises(world, scenario.objects, synced)


def _on_premises(world: World, total: int, synced: datetime) -> Iterator[None]:
    world.directory.name_people(_PEOPLE)
    for start in range(0, total, PIECE):
        for kind, places in OF_TWENTY.items():
            world.directory.add_series(_series(kind, places, start, min(total, start + PIECE), synced))
        yield
    world.connect.skip()


def _series(kind: ObjectType, places: range, start: int, stop: int, made: datetime) -> Series:
    return Series(
        kind=kind,
        ou=STAFF_OU,
        start=start,
        stop=stop,
        cycle=CYCLE,
        first=places[0],
        last=places[-1],
        anchor=ANCHOR,
        address=ADDRESS,
        made=made,
    )


class _Wording:
    """Parts of the objects' JSON."""

    def __init__(self, synced: datetime, first_failing: int) -> None:
        self.at = rfc3339(synced)
        self._first_failing = first_failing
        self._moments = [rfc3339(synced - timedelta(seconds=SPREAD_S * step / MOMENTS)) for step in range(MOMENTS)]

    def error(self, serial: int) -> str:
        """The mark of a conflict; empty for one of the holders."""
        return _ERROR % (self._moments[serial % MOMENTS], serial % HOLDERS) if serial >= self._first_failing else ""


def _names(serial: int) -> tuple[str, str]:
    """(display name, address)."""
    return f"{_PEOPLE[serial % len(_PEOPLE)]} {serial}", ADDRESS % serial


def _users(by_id: list[tuple[str, int]], wording: _Wording) -> Iterator[tuple[str, Properties, str]]:
    for id, serial in by_id:
        name, address = _names(serial)
        error, source = wording.error(serial), ANCHOR % serial
        dn = f"CN={name},{STAFF_OU}"
        indexed: Properties = {
            "onPremisesDistinguishedName": dn,
            "onPremisesImmutableId": source,
            "onPremisesProvisioningErrors": error,
            "onPremisesSyncEnabled": True,
            "proxyAddresses": None if error else f"SMTP:{address}",
            "userPrincipalName": address,
        }
        body = (
            f'{{"createdDateTime":"{wording.at}","displayName":"{name}","onPremisesDistinguishedName":"{dn}",'
            f'"onPremisesImmutableId":"{source}","onPremisesLastSyncDateTime":"{wording.at}",'
            f'"onPremisesProvisioningErrors":[{error}],"onPremisesSyncEnabled":true,'
            f'"proxyAddresses":[{_address(address, error)}],"userPrincipalName":"{address}"}}'
        )
        yield id, indexed, body


def _others(by_id: list[tuple[str, int]], wording: _Wording) -> Iterator[tuple[str, Properties, str]]:
    for id, serial in by_id:
        name, address = _names(serial)
        error = wording.error(serial)
        indexed: Properties = {
            "onPremisesProvisioningErrors": error,
            "onPremisesSyncEnabled": True,
            "proxyAddresses": None if error else f"SMTP:{address}",
        }
        body = (
            f'{{"createdDateTime":"{wording.at}","displayName":"{name}","onPremisesLastSyncDateTime":"{wording.at}",'
            f'"onPremisesProvisioningErrors":[{error}],"onPremisesSyncEnabled":true,'
            f'"proxyAddresses":[{_address(address, error)}]}}'
        )
        yield id, indexed, body


def _address(address: str, error: str) -> str:
    """The address of a holder; whoever is in conflict was left none."""
    return "" if error else f'"SMTP:{address}"'
