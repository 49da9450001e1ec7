"""The lab as a whole: what each scenario shows, and that it keeps going."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.helpers import START, ManualClock
from tui.lab import scenario as scenarios
from tui.lab import tenant_store
from tui.lab.lab import SHORTEST_NAP_S, Lab, LabError
from tui.lab.scenario import Scenario, ScenarioError
from tui.model.facts import DirectoryFacts
from tui.model.reading import Absence
from tui.model.states import ObjectType, SourceId

HOUR = timedelta(hours=1)
StartLab = Callable[..., Lab]


@pytest.fixture
def start(clock: ManualClock) -> Iterator[StartLab]:
    """Starts labs of 300 objects on a hand-moved clock, and closes them."""
    opened: list[Lab] = []

    def started(name: str | Scenario = "healthy", *, tick: bool = True, **options: object) -> Lab:
        lab = Lab.start(name, **{"base_clock": clock, "objects": 300, **options})  # type: ignore[arg-type]
        opened.append(lab)
        if tick:
            lab.tick()
        return lab

    yield started
    for lab in opened:
        lab.close()


def pass_time(lab: Lab, clock: ManualClock, **span: float) -> None:
    """Let lab time pass in steps of five minutes."""
    end = lab.clock.now() + timedelta(**span)
    while lab.clock.now() < end:
        left = (end - lab.clock.now()).total_seconds()
        clock.jump(max(0.001, min(300.0, left) / lab.clock.speed))
        lab.tick()


def failing(lab: Lab) -> int:
    return sum(len(lab.world.tenant.page(kind, failing=True, limit=999)) for kind in ("user", "group", "contact"))


def alerts(lab: Lab) -> set[str]:
    return set(lab.world.domain.published.alerts)


async def facts(lab: Lab, source: SourceId) -> DirectoryFacts:
    (found,) = (item for item in lab.directory_sources() if item.id == source)
    read = await found.fetch()
    assert isinstance(read, DirectoryFacts)
    return read


def test_a_healthy_lab_agrees_on_every_side(start: StartLab) -> None:
    """At the first look all counts agree, and every hop succeeded minutes ago."""
    truth = start("healthy").truth()
    assert truth.on_premises == truth.entra_synced
    assert truth.managed_domain[ObjectType.USERS] == truth.entra[ObjectType.USERS] > truth.entra_synced["users"]  # type: ignore[index]
    assert truth.managed_domain[ObjectType.GROUPS] == truth.entra[ObjectType.GROUPS]
    assert truth.managed_domain[ObjectType.DEVICES] is None
    assert truth.connect == START - timedelta(minutes=4)
    assert truth.password == START - timedelta(minutes=1)
    assert truth.domain_services == START - timedelta(minutes=6)


def test_the_same_seed_is_the_same_lab(start: StartLab, clock: ManualClock) -> None:
    """Two labs of one seed live through the same hours; another seed is another company."""
    labs = [start("story", seed=seed) for seed in (5, 5, 6)]
    for lab in labs:
        pass_time(lab, ManualClock(), minutes=0)
    clock.jump(2 * 3600 / labs[0].clock.speed)
    dumps = []
    for lab in labs:
        lab.tick()
        dumps.append(lab.world.tenant.dump())
    assert dumps[0] == dumps[1] != dumps[2]
    assert labs[0].tenant_id == labs[1].tenant_id != labs[2].tenant_id


def test_it_does_not_matter_when_one_looks(start: StartLab, clock: ManualClock) -> None:
    """A lab that was looked at every minute and one that was not looked at for hours are the same."""
    often, seldom = start("story"), start("story")
    for _ in range(240):
        clock.jump(60 / often.clock.speed)
        often.tick()
    seldom.tick()
    assert often.world.tenant.dump() == seldom.world.tenant.dump()
    assert often.truth() == seldom.truth()
    assert often.activity() == seldom.activity()


@pytest.mark.parametrize(
    ("name", "connect_age", "password_age"),
    [
        ("no-recent-sync", timedelta(hours=5, minutes=20), timedelta(minutes=1)),
        ("three-days", timedelta(days=3, hours=4), timedelta(days=3, hours=4)),
        ("bad-settings", timedelta(hours=7, minutes=10), timedelta(minutes=1)),
    ],
)
def test_a_broken_connect_stays_late(
    start: StartLab, clock: ManualClock, name: str, connect_age: timedelta, password_age: timedelta
) -> None:
    """The scenario opens with the age it promises, with changes waiting on premises, and does not heal by itself."""
    lab = start(name, objects=1200)
    before = lab.truth()
    assert (START - before.connect, START - before.password) == (connect_age, password_age)  # type: ignore[operator]
    assert lab.world.directory.highest_usn > lab.world.space.setting("cookie")
    pass_time(lab, clock, hours=2)
    assert lab.truth().connect == before.connect
    assert lab.world.directory.highest_usn > lab.world.space.setting("cookie") + 20


def test_conflicts_are_there_at_once(start: StartLab) -> None:
    """Some hundred objects fail at the first look, in the tenant and on the sync server."""
    lab = start("conflicts", objects=1200)
    assert failing(lab) == 300
    assert sum(lab.world.space.error_counts().values()) == 79


def test_the_big_scenario_is_what_it_says(start: StartLab) -> None:
    """Made fast, and yet like any other: each object reads back as it was written and is found by its keys."""
    big = scenarios.load("big")
    mass = scenarios.Start(mass=True, duplicates=500)
    lab = start(scenarios.Scenario(title="t", says="s", start=mass), objects=600)
    tenant = lab.world.tenant
    assert big.start.duplicates == 100_000
    assert failing(lab) == 500
    assert lab.truth().on_premises == lab.truth().entra_synced
    for kind in ("user", "group", "contact"):
        for item in tenant.page(kind, limit=999):
            id = item.pop("id")
            (body,) = tenant._db.execute("SELECT body FROM object WHERE id = ?", (id,)).fetchone()
            assert body == tenant_store.encode(json.loads(body))
            if kind == "user" and item.get("onPremisesSyncEnabled"):
                found = lab.world.directory.by_anchor(item["onPremisesImmutableId"])
                assert found is not None
                assert (found.name, found.dn) == (item["displayName"], item["onPremisesDistinguishedName"])
                (user,) = tenant.find("user", "userPrincipalName", item["userPrincipalName"])
                assert user["id"] == id
            for error in item.get("onPremisesProvisioningErrors", ()):
                holders = [tenant.find(name, "proxyAddresses", error["value"]) for name in ("user", "group", "contact")]
                assert sum(map(len, holders)) <= 1


def test_a_first_sync_fills_the_domain_bit_by_bit(start: StartLab, clock: ManualClock) -> None:
    """The new domain starts empty, grows steadily for about two minutes of wall time, and is then complete."""
    lab = start(replace(scenarios.load("first-sync"), changes_per_hour=0.0))
    held = []
    for _ in range(16):
        held.append(sum(number or 0 for number in lab.truth().managed_domain.values()))
        clock.jump(10)
        lab.tick()
    total = lab.truth().entra[ObjectType.USERS] + lab.truth().entra[ObjectType.GROUPS]
    assert held[0] < total / 4
    assert held == sorted(held)
    assert total / 3 < held[6] < total * 2 / 3
    assert held[-1] == total
    assert lab.truth().domain_services is not None
    assert lab.truth().domain_services > START  # type: ignore[operator]


def test_the_story_goes_from_well_to_ill_to_well(start: StartLab, clock: ManualClock) -> None:
    """Each chapter comes when its time is, tells itself, and is over before the next: and so again the next day."""
    lab = start("story")
    for day in range(2):
        assert (failing(lab), alerts(lab)) == (0, set()), day
        pass_time(lab, clock, minutes=30)
        assert failing(lab) == 3
        assert "colleague has" in lab.activity()
        pass_time(lab, clock, minutes=30)
        assert lab.world.space.error_counts() == {"LargeObject": 2}
        pass_time(lab, clock, minutes=40)
        assert (failing(lab), lab.world.space.error_counts()) == (0, {})
        pass_time(lab, clock, hours=3, minutes=30)
        assert lab.clock.now() - (lab.truth().connect or START) > 3 * HOUR
        pass_time(lab, clock, minutes=10)
        assert lab.clock.now() - (lab.truth().connect or START) < HOUR
        pass_time(lab, clock, minutes=36)
        assert alerts(lab) == {"AADDS104"}
        pass_time(lab, clock, hours=2)
        assert alerts(lab) == {"AADDS104", "AADDS500"}
        pass_time(lab, clock, minutes=44)
        assert alerts(lab) == set()
        pass_time(lab, clock, minutes=20)


def test_the_activity_line_names_the_labs_time(start: StartLab, clock: ManualClock) -> None:
    """`Lab: HH:MM what happens`, by the lab's clock."""
    lab = start("story")
    assert lab.activity().startswith("Lab: 03:00 a quiet morning")
    pass_time(lab, clock, hours=2, minutes=15)
    assert lab.activity() == "Lab: 05:10 the Connect account loses its permissions; cycles fail from now on"


async def test_the_directories_are_sources_of_the_monitor(start: StartLab) -> None:
    """The monitor reads both directories' counts, local objects apart, and what a domain does not hold as such."""
    lab = start("healthy", tick=False)
    domain, on_premises = await facts(lab, SourceId.MANAGED_DOMAIN), await facts(lab, SourceId.ON_PREMISES)
    truth = lab.truth()
    assert domain.synced[ObjectType.USERS].value == truth.entra[ObjectType.USERS]
    assert domain.local[ObjectType.USERS].value == 3
    assert domain.synced[ObjectType.DEVICES].absence is Absence.NOT_APPLICABLE
    assert {kind: reading.value for kind, reading in on_premises.synced.items()} == truth.on_premises
    assert domain.as_of == lab.clock.now()
    assert domain.last_change is not None


async def test_what_the_domain_refuses_is_reported(start: StartLab, clock: ManualClock) -> None:
    """An object that cannot be written to the managed domain is a failure of hop 2 with its cause."""
    lab = start("healthy")
    lab.world.replication.store.refuse = lambda entry: "no room" if entry.kind == "group" else None
    group = lab.world.tenant.page("group", limit=1)[0]
    lab.world.tenant.upsert("group", {"mail": "new@contoso.com"}, id=group["id"])
    pass_time(lab, clock, minutes=20)
    (report,) = (await facts(lab, SourceId.MANAGED_DOMAIN)).reports
    assert (report.object.id, report.code) == (group["id"], "TargetRefused")


def test_hop_two_never_writes_to_the_tenant(start: StartLab) -> None:
    """The tenant is byte for byte the same after the managed domain was filled from it."""
    lab = start("first-sync")
    before = lab.world.tenant.dump()
    for _ in lab.world.replication.round():
        pass
    assert lab.world.replication.store.counts(synced=True)["user"] > 0
    assert lab.world.tenant.dump() == before


async def test_run_wakes_seldom(start: StartLab, clock: ManualClock) -> None:
    """An idle healthy lab wakes for what is due and for nothing else, never more than twice a second."""
    lab = start("healthy")
    naps: list[float] = []
    sleep = clock.sleep

    async def counted(seconds: float) -> None:
        naps.append(seconds)
        await sleep(seconds)

    clock.sleep = counted  # type: ignore[method-assign]
    life = asyncio.create_task(lab.run())
    for _ in range(60):
        await clock.advance(1)
    life.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await life
    assert min(naps) >= SHORTEST_NAP_S
    assert len(naps) <= 30
    assert lab.truth().password == START + timedelta(minutes=19)


async def test_run_catches_up_after_a_long_sleep(start: StartLab, clock: ManualClock) -> None:
    """A machine that slept through hours of lab time brings them in, in order, and goes on."""
    lab = start("story")
    life = asyncio.create_task(lab.run())
    await asyncio.sleep(0)
    clock.jump(120)
    await clock.advance(31)
    for _ in range(20_000):
        await asyncio.sleep(0)
    life.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await life
    assert lab.tick(most=0) is False


def test_a_lab_with_state_goes_on_where_it_stopped(start: StartLab, clock: ManualClock, tmp_path: Path) -> None:
    """Restarted with the same state it has the same objects, faults and alerts, and its time does not go back."""
    first = start("story", state_dir=tmp_path)
    pass_time(first, clock, hours=6)
    before, now, said = first.truth(), first.clock.now(), first.activity()
    assert alerts(first) == {"AADDS104"}
    first.close()
    again = start("story", state_dir=tmp_path)
    assert again.clock.now() >= now
    assert again.truth() == before
    assert alerts(again) == {"AADDS104"}
    pass_time(again, clock, hours=2, minutes=30)
    assert alerts(again) == set()
    assert "caught" not in said


def test_state_of_another_scenario_is_not_taken(start: StartLab, tmp_path: Path) -> None:
    """A directory with another scenario's lab is left alone, and the message says so."""
    start("healthy", state_dir=tmp_path)
    with pytest.raises(LabError, match="holds the lab of scenario healthy"):
        start("story", state_dir=tmp_path)


def test_a_lab_that_was_killed_while_opening_starts_afresh(start: StartLab, tmp_path: Path) -> None:
    """What a killed start left behind does not stand in the way of the next."""
    killed = start("healthy", state_dir=tmp_path, tick=False)
    killed.tick(most=2)
    again = start("healthy", state_dir=tmp_path)
    assert again.truth().on_premises == again.truth().entra_synced


def test_a_place_that_cannot_hold_state_is_refused_in_words(start: StartLab, tmp_path: Path) -> None:
    """A file where the directory should be, or one of another kind inside it, is told in one line."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "connect.sqlite").write_text("not a database " * 100)
    for place in ("file", "other"):
        with pytest.raises(LabError, match="cannot hold a lab's state"):
            start("healthy", state_dir=tmp_path / place)


def test_an_unknown_scenario_is_refused_in_words(start: StartLab) -> None:
    """`Lab.start` names the nearest scenario."""
    with pytest.raises(ScenarioError, match="did you mean story"):
        start("storey")
