"""Very many failing objects at once, made light and fast: a directory after a merger, for trying out large lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tui.lab.connect_mapping import GRAPH_KINDS, entra_id
from tui.lab.names import FAMILY_NAMES, GIVEN_NAMES
from tui.lab.onprem import MAIL_DOMAIN, AdObject, anchor_of
from tui.lab.population import CONTACTS_OU, DEPARTMENT_OUS, GROUPS_OU
from tui.lab.scenario import Scenario
from tui.lab.world import World
from tui.model.states import ObjectType
from tui.model.text import rfc3339

HOLDERS = 500
SPREAD_S = 3 * 86400
_OUS = tuple(DEPARTMENT_OUS.values())


def fill_with_failing_objects(world: World, scenario: Scenario, synced: datetime) -> None:
    """`duplicates` objects that each want an address of one of a few hundred holders, and those holders."""
    total = scenario.start.duplicates
    found = list(_objects(max(total, scenario.objects)))
    world.directory.add(found)
    at = rfc3339(synced) or ""
    times = [rfc3339(synced - timedelta(seconds=SPREAD_S * step / 1000)) or "" for step in range(1000)]
    with world.tenant.transaction():
        for kind, graph_kind in GRAPH_KINDS.items():
            world.tenant.upsert_many(graph_kind, _exported(found, kind, total, at, times))
    world.present.set(synced)
    world.connect.adopt()


def _objects(number: int) -> Iterator[AdObject]:
    rng = Random(number)  # noqa: S311 - the same objects again, not secrecy
    people = [f"{given} {family}" for given in GIVEN_NAMES for family in FAMILY_NAMES]
    for serial in range(number):
        name = f"{people[serial % len(people)]} {serial}"
        yield _object(serial, name, anchor_of(rng.randbytes(16)))


def _object(serial: int, name: str, anchor: str) -> AdObject:
    kind, ou = _kind(serial)
    address = f"{kind}{serial}@{MAIL_DOMAIN}"
    attributes = {"displayName": name, "mail": address, "proxyAddresses": [f"SMTP:{address}"]}
    if kind is ObjectType.USERS:
        attributes["userPrincipalName"] = address
    return AdObject(kind=kind, anchor=anchor, ou=ou, attributes=attributes)


def _kind(serial: int) -> tuple[ObjectType, str]:
    """Of twenty objects sixteen are users, three groups, one a contact."""
    place = serial % 20
    if place < 16:
        return ObjectType.USERS, _OUS[serial % len(_OUS)]
    return (ObjectType.GROUPS, GROUPS_OU) if place < 19 else (ObjectType.CONTACTS, CONTACTS_OU)


def _exported(
    found: list[AdObject], kind: ObjectType, failing: int, at: str, times: list[str]
) -> Iterator[dict[str, Any]]:
    """The Graph properties of the objects of one kind; the last `failing` of all objects are in conflict."""
    first_failing = len(found) - failing
    for serial, item in enumerate(found):
        if item.kind is not kind:
            continue
        attributes = item.attributes
        yield {
            "id": entra_id(item.anchor),
            "createdDateTime": at,
            "onPremisesSyncEnabled": True,
            "onPremisesLastSyncDateTime": at,
            "onPremisesProvisioningErrors": [_conflict(serial, times)] if serial >= first_failing else [],
            **attributes,
            **_of_a_user(item),
        }


def _of_a_user(item: AdObject) -> dict[str, Any]:
    if item.kind is not ObjectType.USERS:
        return {}
    return {"accountEnabled": True, "onPremisesImmutableId": item.anchor, "onPremisesDistinguishedName": item.dn}


def _conflict(serial: int, times: list[str]) -> dict[str, str]:
    return {
        "category": "PropertyConflict",
        "occurredDateTime": times[serial % len(times)],
        "propertyCausingError": "ProxyAddresses",
        "value": f"smtp:users{serial % HOLDERS // 20 * 20}@{MAIL_DOMAIN}",
    }
