"""Entra Connect in the lab: what cycles carry over, and how they fail."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from tests.helpers import START
from tests.lab.conftest import Office
from tui.lab.connect import SUCCESS, TOO_MANY_DELETES, WITH_ERRORS
from tui.lab.connect_alerts import active_alerts
from tui.lab.connect_mapping import GRAPH_KINDS, entra_id
from tui.lab.onprem import AdObject, Change
from tui.lab.population import Everyday, user
from tui.lab.refusals import COMPLAINTS
from tui.lab.scenario import ConnectFault
from tui.model.states import ObjectType
from tui.model.text import rfc3339


def synced_at(office: Office) -> str | None:
    return office.tenant.organization().get("onPremisesLastSyncDateTime")


def passwords_at(office: Office) -> str | None:
    return office.tenant.organization().get("onPremisesLastPasswordSyncDateTime")


def someone(office: Office, index: int = 0) -> AdObject:
    found = office.directory.nth(ObjectType.USERS, index)
    assert found is not None
    return found


def entra(office: Office, found: AdObject) -> dict[str, Any]:
    shown = office.tenant.get(GRAPH_KINDS[found.kind], entra_id(found.anchor))
    assert shown is not None
    return shown


def failing(office: Office) -> list[dict[str, Any]]:
    return [item for kind in ("user", "group", "contact") for item in office.tenant.page(kind, failing=True)]


def test_the_first_cycle_brings_every_object(office: Office) -> None:
    """After the first cycle both sides count the same, of every type."""
    for kind, graph_kind in GRAPH_KINDS.items():
        assert office.tenant.count(graph_kind, synced=True) == office.directory.count(kind) > 0
    group = next(office.directory.all(ObjectType.GROUPS))
    assert office.tenant.members(entra_id(group.anchor)) == sorted(entra_id(anchor) for anchor in group.members)
    assert (synced_at(office), passwords_at(office)) == (rfc3339(START), rfc3339(START))


def test_a_day_of_changes_arrives_by_the_next_cycle(office: Office) -> None:
    """Joiners, movers, leavers, renames and memberships are in the tenant after the cycle, and not before."""
    day = Everyday(office.directory, 3, 1000)
    kinds = {day.one_change() for _ in range(80)}
    assert kinds == {"password", "mover", "joiner", "membership", "rename", "leaver"}
    assert office.tenant.count("user", synced=True) != office.directory.count(ObjectType.USERS)
    office.later(minutes=30)
    office.cycle()
    for found in office.directory.all(ObjectType.USERS):
        shown = entra(office, found)
        assert (shown["displayName"], shown["jobTitle"]) == (found.name, found.attributes["title"])
    assert office.tenant.count("user", synced=True) == office.directory.count(ObjectType.USERS)
    for group in office.directory.all(ObjectType.GROUPS):
        alive = [anchor for anchor in group.members if not office.directory.by_anchor(anchor).deleted]  # type: ignore[union-attr]
        assert office.tenant.members(entra_id(group.anchor)) == sorted(map(entra_id, alive))
    assert synced_at(office) == rfc3339(START + timedelta(minutes=30))


def test_a_password_travels_by_its_own_cycle(office: Office) -> None:
    """A new password reaches the tenant by the password cycle, not by the object cycle."""
    before = office.tenant.dump()
    office.directory.change_password(someone(office))
    office.cycle()
    unchanged = office.tenant.dump() == before
    office.later(minutes=2)
    office.connect.password_cycle()
    assert unchanged
    assert office.tenant.dump() != before
    assert passwords_at(office) == rfc3339(START + timedelta(minutes=2))
    assert synced_at(office) == rfc3339(START)


@pytest.mark.parametrize(
    ("fault", "passwords_flow", "alert"),
    [
        (ConnectFault.PERMISSIONS, False, "Import from Active Directory failed"),
        (ConnectFault.CREDENTIALS, False, "Import from Active Directory failed"),
        (ConnectFault.ENTRA_AUTHENTICATION, False, "Connection to Microsoft Entra ID failed due to authentication"),
        (ConnectFault.SCHEDULER_SUSPENDED, True, None),
        (ConnectFault.STAGING_MODE, False, None),
        (ConnectFault.SERVICE_STOPPED, False, "Sync Service is not running"),
        (ConnectFault.OU_FILTER, True, "Accidental delete threshold was reached"),
    ],
)
def test_a_fault_stops_what_it_stops(
    large_office: Office, fault: ConnectFault, passwords_flow: bool, alert: str | None
) -> None:
    """No fault lets the time of the last sync move on; hashes flow where they do in life; Connect Health tells."""
    office = large_office
    office.connect.break_down(fault)
    users = office.tenant.count("user")
    office.directory.add([user(Random(9), 9000)])
    office.later(minutes=30)
    office.cycle()
    office.connect.password_cycle()
    assert synced_at(office) == rfc3339(START)
    assert (passwords_at(office) != rfc3339(START)) is passwords_flow
    assert office.tenant.count("user") == users
    titles = [item.title for item in active_alerts(office.connect, office.moment)]
    assert len(titles) == (alert is not None)
    assert all(alert and alert in title for title in titles)

    office.connect.repair()
    office.later(minutes=30)
    office.cycle()
    assert synced_at(office) == rfc3339(START + timedelta(hours=1))
    assert office.tenant.count("user") == users + 1
    assert active_alerts(office.connect, office.moment) == []


def test_run_results_are_connects_own_words(office: Office) -> None:
    """A refused account ends the run with the result that Connect shows, since when is kept over many runs."""
    office.connect.break_down(ConnectFault.CREDENTIALS)
    for _ in range(3):
        office.later(minutes=30)
        office.cycle()
    assert [run.result for run in office.connect.runs] == [SUCCESS, *["no-start-credentials"] * 3]
    (alert,) = active_alerts(office.connect, office.moment)
    assert alert.since == START + timedelta(minutes=30)


def test_a_password_heartbeat_is_missed_after_two_hours(office: Office) -> None:
    """Connect Health warns when no hashes came for 120 minutes, and not a minute sooner."""
    office.later(minutes=120)
    assert active_alerts(office.connect, office.moment) == []
    office.later(minutes=1)
    assert [item.level for item in active_alerts(office.connect, office.moment)] == ["Warning"]


def test_too_many_deletions_are_held_back(large_office: Office) -> None:
    """More than 500 deletions in one cycle stop the export; nothing at all is deleted or changed."""
    office = large_office
    before = office.tenant.count("user")
    for found in list(office.directory.all(ObjectType.USERS))[:501]:
        office.directory.delete(found)
    office.later(minutes=30)
    office.cycle()
    assert office.connect.last_result == TOO_MANY_DELETES
    assert (office.tenant.count("user"), synced_at(office)) == (before, rfc3339(START))


def test_exactly_the_threshold_of_deletions_passes(large_office: Office) -> None:
    """500 deletions are allowed, and go to the recycle bin."""
    office = large_office
    for found in list(office.directory.all(ObjectType.USERS))[:500]:
        office.directory.delete(found)
    office.cycle()
    assert office.connect.last_result == SUCCESS
    assert office.tenant.deleted_count("user") == 500


def test_a_small_forest_loses_and_regains_what_a_wrong_filter_hides(office: Office) -> None:
    """Below the threshold a wrong OU filter deletes for real; the repaired filter restores the same objects."""
    ids = {item["id"] for item in office.tenant.page("user", limit=999)}
    office.connect.break_down(ConnectFault.OU_FILTER)
    office.cycle()
    assert office.tenant.count("user") == 0
    office.connect.repair()
    office.cycle()
    assert {item["id"] for item in office.tenant.page("user", limit=999)} == ids


def test_a_duplicate_address_is_quarantined_and_lifted(office: Office) -> None:
    """The second holder of an address gets it taken away and marked; once free it gets it within the hour."""
    office.mishaps.duplicate_addresses(2)
    office.later(minutes=30)
    office.cycle()
    shown = failing(office)
    assert len(shown) == 2
    (mark,) = shown[0]["onPremisesProvisioningErrors"]
    assert (mark["category"], mark["propertyCausingError"]) == ("PropertyConflict", "ProxyAddresses")
    assert mark["occurredDateTime"] == rfc3339(office.moment)
    assert mark["value"] not in [address.casefold() for address in shown[0]["proxyAddresses"]]
    assert len(office.tenant.find("user", "proxyAddresses", mark["value"])) == 1
    assert office.connect.last_result == SUCCESS

    office.mishaps.free_duplicates()
    office.later(minutes=30)
    office.cycle()
    assert len(failing(office)) == 2
    office.lift()
    assert failing(office) == []
    (holder,) = office.tenant.find("user", "proxyAddresses", mark["value"])
    assert holder["id"] == shown[0]["id"]


def test_a_quarantine_keeps_the_time_it_began(office: Office) -> None:
    """Another change to the object does not make its failure look new."""
    office.mishaps.duplicate_addresses(1)
    office.cycle()
    (shown,) = failing(office)
    found = office.directory.by_anchor(shown["onPremisesImmutableId"])
    assert found is not None
    office.directory.change(found, Change({"title": "Director"}))
    office.later(minutes=30)
    office.cycle()
    (later,) = failing(office)
    assert later["jobTitle"] == "Director"
    assert later["onPremisesProvisioningErrors"] == shown["onPremisesProvisioningErrors"]


def test_a_duplicate_name_is_replaced(office: Office) -> None:
    """A user whose sign-in name is taken gets one with four digits in the tenant's own domain, until that is mended."""
    office.mishaps.duplicate_names(1)
    office.cycle()
    (shown,) = failing(office)
    (mark,) = shown["onPremisesProvisioningErrors"]
    prefix = mark["value"].partition("@")[0]
    assert shown["userPrincipalName"].startswith(prefix)
    assert shown["userPrincipalName"].endswith("@contosolab.onmicrosoft.com")
    assert mark["propertyCausingError"] == "UserPrincipalName"
    office.mishaps.free_duplicates()
    office.cycle()
    assert failing(office) == []


@pytest.mark.parametrize("code", sorted(COMPLAINTS))
def test_an_export_error_is_seen_by_connect_alone(office: Office, code: str) -> None:
    """An object that Entra ID refuses stays as it was there; only the sync server knows, from when to when."""
    office.mishaps.spoil(code, 2)
    before = {item.anchor: entra(office, item) for item in office.directory.defective()}
    for item in office.directory.defective():
        office.directory.change(item, Change({"title": "Refused"}))
    for _ in range(2):
        office.later(minutes=30)
        office.cycle()
    errors = office.connect.space.errors()
    assert [error.code for error in errors] == [code, code]
    assert (errors[0].first_seen, errors[0].last_seen) == (office.moment - timedelta(minutes=30), office.moment)
    assert office.connect.last_result == WITH_ERRORS
    assert {item.anchor: entra(office, item) for item in office.directory.defective()} == before
    assert failing(office) == []
    assert synced_at(office) == rfc3339(office.moment)

    office.mishaps.mend()
    office.cycle()
    assert office.connect.space.errors() == []
    assert office.connect.last_result == SUCCESS
    assert {office.tenant.get("user", entra_id(anchor))["jobTitle"] for anchor in before} == {"Refused"}  # type: ignore[index]


def test_a_deleted_object_fails_no_more(office: Office) -> None:
    """An object that is deleted on premises takes its failure with it."""
    office.mishaps.spoil("LargeObject", 1)
    office.cycle()
    (found,) = office.directory.defective()
    office.directory.delete(found)
    office.cycle()
    assert office.connect.space.errors() == []


def test_a_cycle_gives_way_between_pieces(large_office: Office) -> None:
    """A long export lets others run every few dozen objects, and its time counts from the start."""
    office = large_office
    for found in list(office.directory.all(ObjectType.USERS))[:200]:
        office.directory.change(found, Change({"title": "Engineer"}))
    office.later(minutes=30)
    pieces = office.connect.cycle()
    next(pieces)
    assert synced_at(office) == rfc3339(START)
    assert sum(1 for _ in pieces) >= 3
    assert synced_at(office) == rfc3339(office.moment)


def test_what_changes_during_a_cycle_waits_for_the_next(office: Office) -> None:
    """A change made while a cycle runs is not lost."""
    office.directory.change(someone(office), Change({"title": "First"}))
    pieces = office.connect.cycle()
    next(pieces)
    office.directory.change(someone(office), Change({"title": "Second"}))
    list(pieces)
    office.cycle()
    assert entra(office, someone(office))["jobTitle"] == "Second"


def test_nothing_changed_means_nothing_written(office: Office) -> None:
    """An idle cycle moves the time of the sync and nothing else."""
    before = office.tenant.delta(("user", "group", "contact", "device"), "latest").delta_token
    office.later(minutes=30)
    office.cycle()
    assert before is not None
    assert office.tenant.delta(("user", "group", "contact", "device"), before).items == []
    assert datetime.fromisoformat(synced_at(office) or "") == office.moment
