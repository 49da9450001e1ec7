"""What the sync publishes, read by the monitor's own source and judged: the operator sees what the sync knows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from tests.helpers import START, ManualClock
from tests.service.fakes import ScriptedSource
from tests.sync.situations import TENANT, full_pass, problem, report, situation, state, sync_settings
from tui.model.facts import CountsFacts, DirectoryFacts, DomainServicesFacts
from tui.model.reading import Reading
from tui.model.snapshot import TenantSnapshot
from tui.model.states import HopName, HopState, ObjectType, ReasonCode, Severity, SourceId
from tui.service.status import MonitoredTenant, StatusService
from tui.settings import DomainServicesSettings, Settings
from tui.sources.auth import StaticTokens
from tui.sources.domain_services import DomainServicesSource
from tui.sources.errors import NotFound
from tui.sources.http import Upstream
from tui.sync.arm import resource
from tui.sync.publishing import MOST_BYTES, Publication, detected, domain_name, extension, how_to_watch, subscription_id
from tui.sync.running import Situation, Trouble

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def source(publication: Publication, clock: ManualClock, **named: str) -> DomainServicesSource:
    upstream = Upstream(
        "http://127.0.0.1:8002",
        tokens=StaticTokens("any"),
        audience="https://management.azure.com",
        clock=clock,
        transport=httpx.ASGITransport(publication.app),
    )
    settings = DomainServicesSettings(**(named or {"subscription_id": subscription_id(TENANT)}))
    return DomainServicesSource(upstream, settings, clock, tenant_id=TENANT.tenant_id)


def published(clock: ManualClock, told: Situation, **settings: Any) -> Publication:
    publication = Publication(TENANT, sync_settings(**settings), clock)
    publication.take(told)
    return publication


async def read(clock: ManualClock, told: Situation, **settings: Any) -> DomainServicesFacts:
    return await source(published(clock, told, **settings), clock).fetch()


async def watched(clock: ManualClock, told: Situation, **settings: Any) -> TenantSnapshot:
    """The monitor's snapshot after it polled the sync once."""
    reader = source(published(clock, told, **settings), clock)
    service = StatusService([MonitoredTenant("contoso", TENANT.tenant_id, (reader,))], settings=Settings(), clock=clock)
    return (await service.poll_once()).tenants[0]


def reasons(snapshot: TenantSnapshot) -> dict[ReasonCode, tuple[Severity, str]]:
    return {reason.code: (reason.severity, reason.text) for reason in snapshot.reasons}


async def test_a_sync_in_step_is_an_ok_hop(clock: ManualClock) -> None:
    """The monitor shows the sync's last success as the hop's, names the domain, and sees nothing wrong."""
    facts = await read(clock, situation(), cloud_only=True, groups=("g",))
    assert facts.domain_name == "aadds.example"
    assert facts.hop.reported is HopState.OK
    assert facts.hop.last_success == START - MINUTE
    assert (facts.hop.note, facts.alerts, facts.progress, facts.reports) == ("", (), None, ())
    assert (facts.sync_scope, facts.filtered_sync, facts.ntlm_password_sync) == ("CloudOnly", "Enabled", "Disabled")
    snapshot = await watched(clock, situation())
    assert snapshot.hop(HopName.DOMAIN_SERVICES).state is HopState.OK
    assert [reason for reason in snapshot.reasons if reason.hop is HopName.DOMAIN_SERVICES] == []


async def test_the_first_sync_shows_progress_rate_and_time_left(clock: ManualClock) -> None:
    """A first sync under way is a matter of information: so many of so many, and how long it will take."""
    hop = (snapshot := await watched(clock, situation(full_pass()))).hop(HopName.DOMAIN_SERVICES)
    assert hop.state is HopState.NEVER
    assert hop.progress is not None
    assert (hop.progress.done, hop.progress.total, hop.progress.eta_s, hop.progress.moving) == (40, 120, 10.0, True)
    severity, text = reasons(snapshot)[ReasonCode.NEVER_SYNCHRONIZED]
    assert severity is Severity.INFO
    assert "40 of 120" in text


async def test_what_the_sync_tells_of_its_progress_stands_over_what_is_counted(clock: ManualClock) -> None:
    """A monitor that counts both sides as well shows the sync's own figures, which know the scope and what fails."""
    users = {ObjectType.USERS: Reading.of(500, START), ObjectType.GROUPS: Reading.of(0, START)}
    held = {ObjectType.USERS: Reading.of(10, START), ObjectType.GROUPS: Reading.of(0, START)}
    sources = (
        source(published(clock, situation(full_pass())), clock),
        ScriptedSource(SourceId.COUNTS, clock, CountsFacts(as_of=START, entra=users, entra_synced=users)),
        ScriptedSource(SourceId.MANAGED_DOMAIN, clock, DirectoryFacts(as_of=START, synced=held)),
    )
    service = StatusService([MonitoredTenant("contoso", TENANT.tenant_id, sources)], settings=Settings(), clock=clock)
    for _ in range(2):
        progress = (await service.poll_once()).tenants[0].hop(HopName.DOMAIN_SERVICES).progress
    assert progress is not None
    assert (progress.done, progress.total) == (40, 120)


async def test_a_first_sync_that_stands_still_does_not_look_like_one_that_moves(clock: ManualClock) -> None:
    """With the directory gone in the middle, progress is shown as stopped, and the cause beside it."""
    stuck = situation(full_pass(), problem=problem(Trouble.DIRECTORY))
    snapshot = await watched(clock, stuck)
    progress = snapshot.hop(HopName.DOMAIN_SERVICES).progress
    assert progress is not None
    assert not progress.moving
    severity, text = reasons(snapshot)[ReasonCode.NEVER_SYNCHRONIZED]
    assert severity is Severity.CRITICAL
    assert "has stopped" in text


async def test_failing_objects_arrive_in_the_feed_with_their_remedy(clock: ManualClock) -> None:
    """Each object that was set aside is in the feed with code, both objects, value and times."""
    snapshot = await watched(clock, situation(state(objects_failed=2, failures=(report(1), report(2)))))
    assert snapshot.failures_total == 2
    failure = next(one for one in snapshot.failures if one.object.id == "id-1")
    assert (failure.hop, failure.code, failure.sources) == (HopName.DOMAIN_SERVICES, "NameTaken", ("domain-services",))
    assert failure.object == report(1).object
    assert failure.conflicts_with == report(1).conflicts_with
    assert (failure.attribute, failure.value, failure.first_seen) == ("sAMAccountName", "user1", START - 2 * HOUR)
    assert (
        "1 object" in reasons(snapshot)[ReasonCode.OBJECT_FAILURES][1]
        or "2" in reasons(snapshot)[ReasonCode.OBJECT_FAILURES][1]
    )


async def test_failures_that_were_mended_leave_the_feed(clock: ManualClock) -> None:
    """Once the sync no longer tells a failure, the next poll takes it off the feed."""
    publication = published(clock, situation(state(objects_failed=1, failures=(report(),))))
    reader = source(publication, clock)
    service = StatusService([MonitoredTenant("contoso", TENANT.tenant_id, (reader,))], settings=Settings(), clock=clock)
    assert (await service.poll_once()).tenants[0].failures_total == 1
    publication.take(situation())
    assert (await service.poll_once()).tenants[0].failures_total == 0


async def test_more_failures_than_fit_are_told_to_be_more(clock: ManualClock) -> None:
    """A feed that cannot hold them all says so instead of looking complete."""
    many = tuple(report(number, value="x" * 250, message="y" * 250) for number in range(1000))
    snapshot = await watched(clock, situation(state(objects_failed=5000, failures=many, failures_truncated=True)))
    assert snapshot.failures_truncated
    assert 500 < snapshot.failures_total <= 1000
    huge = tuple(report(number, value="ü" * 300, message="\\" * 300) for number in range(1000))
    told = extension(situation(state(objects_failed=1000, failures=huge)), 500)
    assert told["failuresTruncated"]
    assert len(str(told["failures"]).encode()) < 2 * MOST_BYTES


async def test_held_deletions_are_critical_and_say_how_many_and_what_to_do(clock: ManualClock) -> None:
    """The brake is one reason of its own, with the number, the threshold and the command that lifts it."""
    snapshot = await watched(clock, situation(state(held_deletions=1234)), deletion_threshold=500)
    severity, text = reasons(snapshot)[ReasonCode.DELETION_THRESHOLD]
    assert severity is Severity.CRITICAL
    assert all(part in text for part in ("1,234", "500", "--allow-deletions"))
    assert ReasonCode.DOMAIN_SERVICES_ALERT not in reasons(snapshot)
    assert [alert.code for alert in snapshot.alerts] == ["DeletionsHeld"]


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        (Trouble.DIRECTORY, "AADDS104", "cannot reach the managed domain"),
        (Trouble.ACCOUNT, "AADDS105", "refuses the sync's account"),
    ],
)
async def test_trouble_at_the_directory_is_a_critical_alert(
    clock: ManualClock, trouble: Trouble, code: str, words: str
) -> None:
    """An unreachable directory and a refused account are told as what they are, with a remedy for this sync."""
    snapshot = await watched(clock, situation(problem=problem(trouble)))
    severity, text = reasons(snapshot)[ReasonCode.DOMAIN_SERVICES_ALERT]
    assert severity is Severity.CRITICAL
    assert text.startswith(f"{code} ")
    assert words in text
    assert "service tag" not in text
    assert snapshot.hop(HopName.DOMAIN_SERVICES).note.startswith("dc1:636: no answer")


async def test_trouble_at_the_tenant_is_told_in_the_hops_note(clock: ManualClock) -> None:
    """A tenant that cannot be read is no fault of the managed domain: its words stand beside the hop."""
    facts = await read(clock, situation(problem=problem(Trouble.TENANT, "graph: 503")))
    assert facts.alerts == ()
    assert facts.hop.note == "graph: 503"


@pytest.mark.parametrize(
    ("told", "late"),
    [
        (situation(state(last_success=START - 3 * HOUR)), True),
        (situation(state(last_success=START - HOUR)), False),
        (situation(state(last_success=None), started=START - 3 * HOUR), True),
        (situation(full_pass(), started=START - 3 * HOUR), False),
        (situation(full_pass(), started=START - 3 * HOUR, problem=problem(Trouble.TENANT)), True),
        (Situation(started=START - HOUR), False),
        (Situation(started=START - 3 * HOUR), True),
    ],
)
def test_two_hours_without_success_are_late(told: Situation, late: bool) -> None:
    """AADDS500 is raised after two hours without a success, but not by a first sync that moves."""
    assert ("AADDS500" in detected(told, START)) == late


async def test_an_alert_keeps_the_time_it_was_raised(clock: ManualClock) -> None:
    """The alert of an outage is as old as the outage, and gone with it."""
    publication = published(clock, situation(problem=problem(Trouble.DIRECTORY)))
    clock.jump(600)
    publication.take(situation(problem=problem(Trouble.DIRECTORY)))
    (alert,) = (await source(publication, clock).fetch()).alerts
    assert (alert.raised, alert.last_detected) == (START, START + 10 * MINUTE)
    publication.take(situation())
    assert (await source(publication, clock).fetch()).alerts == ()


async def test_nothing_read_yet_is_never_and_not_ok(clock: ManualClock) -> None:
    """Right after the start, before the first step, the hop has not synced, rather than being fine."""
    facts = await read(clock, Situation(started=START))
    assert facts.hop.reported is HopState.NEVER
    assert facts.progress is None


async def test_it_is_found_by_the_ids_of_the_config(clock: ManualClock) -> None:
    """One config file serves sync and monitor: the sync answers to the ids that the file names."""
    by_id = "/subscriptions/S-1/resourceGroups/Rg/providers/Microsoft.AAD/domainServices/aadds.contoso.com"
    tenant = replace(TENANT, domain_services=DomainServicesSettings(resource_id=by_id))
    publication = Publication(tenant, sync_settings(), clock)
    assert (await source(publication, clock, resource_id=by_id).fetch()).resource_id == by_id
    with pytest.raises(NotFound):
        await source(publication, clock, subscription_id="other").fetch()
    named = replace(TENANT, domain_services=DomainServicesSettings(subscription_id="S-2"))
    assert subscription_id(named) == "S-2"


async def test_an_answer_needs_a_token_and_a_version(clock: ManualClock) -> None:
    """Requests are checked as Azure checks them: a monitor that works here works there."""
    transport = httpx.ASGITransport(published(clock, situation()).app)
    path = f"/subscriptions/{subscription_id(TENANT)}/providers/Microsoft.AAD/domainServices"
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8002") as client:
        assert (await client.get(path, params={"api-version": "2022-12-01"})).status_code == 401
        headers = {"Authorization": "Bearer any"}
        assert (await client.get(path, params={"api-version": "1999-01-01"}, headers=headers)).status_code == 400
        assert (await client.post(path, headers=headers)).status_code == 405


def test_how_to_watch_names_address_and_subscription() -> None:
    """What is printed at the start can be pasted into the monitor's config file."""
    lines = how_to_watch(TENANT, ("::1", 8002)).splitlines()
    assert 'arm_url = "http://[::1]:8002"' in lines
    assert f'subscription_id = "{subscription_id(TENANT)}"' in lines


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "aadds.example"),
        ({"container": "OU=Users, DC=corp ,dc=example"}, "corp.example"),
        ({"directory": replace(sync_settings().directory, base_dn=None)}, "dc1.aadds.example"),
    ],
)
def test_the_domain_is_named_by_its_base(changed: dict[str, Any], name: str) -> None:
    """The domain's name is that of its naming context; where the config tells none, the host's."""
    assert domain_name(sync_settings(**changed)) == name


def test_no_secret_is_published(clock: ManualClock) -> None:
    """Neither the account nor where its password is stands in what everyone on this machine may read."""
    directory = replace(sync_settings().directory, bind_user="sync@aadds.example", password_env="SECRET_HERE")
    told = str(resource(published(clock, situation(), directory=directory).told()))
    assert "sync@" not in told
    assert "SECRET_HERE" not in told
