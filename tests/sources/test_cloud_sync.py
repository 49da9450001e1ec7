"""Cloud Sync: what its jobs say of themselves, which objects fail, and what is never mistaken for success."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START
from tests.sources.host import HastyClock, Host, Refusal
from tui.model.facts import CloudSyncFacts, CloudSyncJob, Quarantine, SyncExecution
from tui.model.states import HopName, SourceId
from tui.model.text import rfc3339
from tui.sources.cloud_sync import TEMPLATE_ID, CloudSyncSource
from tui.sources.cloud_sync_answers import failing, has_failures, job, kind
from tui.sources.decode import JsonObject
from tui.sources.errors import BadAnswer, Denied

PRINCIPALS = "/v1.0/servicePrincipals"
LOG = "/v1.0/auditLogs/provisioning"
YEAR_ONE = "0001-01-01T00:00:00Z"


def jobs_of(principal: str) -> str:
    return f"{PRINCIPALS}/{principal}/synchronization/jobs"


def ago(**span: float) -> str:
    return str(rfc3339(START - timedelta(**span)))


def principal(name: str = "sp1", domain: str = "contoso.com", **fields: Any) -> JsonObject:
    return {"id": name, "displayName": domain, "applicationTemplateId": TEMPLATE_ID, **fields}


def raw_job(name: str = "AD2AADProvisioning.1", **status: Any) -> JsonObject:
    return {
        "id": name,
        "templateId": "AD2AADProvisioning",
        "schedule": {"interval": "PT2M", "state": "Active", "expiration": None},
        "status": {"code": "Active", "lastExecution": run(), "lastSuccessfulExecution": run(), **status},
    }


def run(state: str = "Succeeded", escrowed: Any = 0, **fields: Any) -> JsonObject:
    return {
        "state": state,
        "timeBegan": ago(minutes=3),
        "timeEnded": ago(minutes=2),
        "countEscrowed": escrowed,
        "countExported": 12,
        "countImported": 40,
        **fields,
    }


def entry(name: str = "u1", status: str = "failure", minutes: float = 10, **fields: Any) -> JsonObject:
    return {
        "id": f"{name}-{minutes}",
        "activityDateTime": ago(minutes=minutes),
        "sourceIdentity": {
            "id": name,
            "displayName": f"User {name}",
            "identityType": "User",
            "details": {"DistinguishedName": f"CN={name},DC=contoso,DC=com"},
        },
        "targetIdentity": {"id": "", "displayName": "", "identityType": "User", "details": {}},
        "provisioningStatusInfo": {
            "status": status,
            "errorInformation": {
                "errorCode": "AttributeValueMustBeUnique",
                "reason": "The value is taken.",
                "recommendedAction": "Free it.",
            },
        },
        **fields,
    }


def answers(*jobs: Any, log: Any = None) -> dict[str, Any]:
    return {PRINCIPALS: {"value": [principal()]}, jobs_of("sp1"): {"value": list(jobs)}, LOG: {"value": log or []}}


def source(host: Host, *, optional: bool = False) -> CloudSyncSource:
    clock = HastyClock(START)
    return CloudSyncSource(host.upstream(clock), clock, optional=optional)


async def read(told: dict[str, Any]) -> CloudSyncFacts:
    return await source(Host(told)).fetch()


def read_job(raw: JsonObject) -> CloudSyncJob:
    return job(raw, "contoso.com", START)


async def test_a_working_configuration_is_read_whole() -> None:
    """State, schedule, last run, last success and counts of each job are known; healthy jobs cost no log request."""
    counts = [{"key": "Users", "value": 1200}, {"key": "Groups", "value": "80"}, {"key": "Bad", "value": None}]
    host = Host(answers(raw_job(synchronizedEntryCountByType=counts, steadyStateLastAchievedTime=ago(minutes=2))))
    polled = source(host)
    facts = await polled.fetch()
    (told,) = facts.jobs
    assert (facts.configured, facts.reports, facts.incomplete) == (True, (), ())
    assert (told.kind, told.name, told.status, told.schedule_state) == ("objects", "contoso.com", "Active", "Active")
    assert (told.interval_s, told.escrowed) == (120.0, 0)
    assert told.last_success == told.steady_state == START - timedelta(minutes=2)
    assert told.last_execution == SyncExecution(
        state="Succeeded",
        began=START - timedelta(minutes=3),
        ended=START - timedelta(minutes=2),
        escrowed=0,
        exported=12,
        imported=40,
    )
    assert told.counts_by_type == {"Users": 1200, "Groups": 80}
    assert host.asked == [PRINCIPALS, jobs_of("sp1")]
    assert host.query(PRINCIPALS)["$filter"] == f"applicationTemplateId eq '{TEMPLATE_ID}'"
    assert (polled.id, polled.exchange().requests) == (SourceId.CLOUD_SYNC, 2)
    await polled.aclose()


@pytest.mark.parametrize("optional", [True, False])
def test_the_config_decides_whether_it_may_fail(optional: bool) -> None:
    """Where the config does not name Cloud Sync, its failure changes no verdict."""
    assert source(Host({}), optional=optional).optional is optional


async def test_a_tenant_without_cloud_sync_has_none() -> None:
    """No service principal of the template, not even one of another application: not configured."""
    assert not (await read({PRINCIPALS: {"value": []}})).configured
    assert not (await read({PRINCIPALS: {"value": [principal(applicationTemplateId="other")]}})).configured


@pytest.mark.parametrize("answer", [{}, {"value": None}, [], 5, b"<html>"])
async def test_an_answer_without_a_list_fails_the_poll(answer: Any) -> None:
    """What is no list of service principals is an error, never "not configured"."""
    with pytest.raises(BadAnswer):
        await read({PRINCIPALS: answer})


async def test_a_refusal_names_the_permission() -> None:
    """Each step that may be refused names the permission it needs."""
    with pytest.raises(Denied, match=r"Application\.Read\.All"):
        await read({PRINCIPALS: Refusal(403)})
    with pytest.raises(Denied, match=r"Synchronization\.Read\.All"):
        await read({**answers(), jobs_of("sp1"): Refusal(403)})
    facts = await read({**answers(raw_job(lastExecution=run(escrowed=3))), LOG: Refusal(403)})
    assert "AuditLog.Read.All" in facts.incomplete[0]


async def test_one_configuration_that_cannot_be_read_is_named() -> None:
    """With two AD domains, the one that answers is shown, and the other is named as missing."""
    told = answers(raw_job())
    told[PRINCIPALS] = {"value": [principal(), principal("sp2", "fabrikam.com")]}
    facts = await read(told)
    assert [one.name for one in facts.jobs] == ["contoso.com"]
    assert facts.incomplete[0].startswith("jobs of fabrikam.com: ")


async def test_a_principal_without_an_id_is_an_error() -> None:
    """A configuration that cannot be asked about does not look like one without jobs."""
    with pytest.raises(BadAnswer, match="no id"):
        await read({PRINCIPALS: {"value": [{"displayName": "contoso.com"}]}})


async def test_jobs_that_were_known_stay_while_they_cannot_be_read() -> None:
    """A refused configuration keeps its last known jobs, and says that they could not be read."""
    told = answers(raw_job())
    told[PRINCIPALS] = {"value": [principal(), principal("sp2", "fabrikam.com")]}
    told[jobs_of("sp2")] = {"value": [raw_job("AD2AADProvisioning.2", code="Quarantine")]}
    host = Host(told)
    polled = source(host)
    await polled.fetch()
    host.answers[jobs_of("sp2")] = Refusal(403)
    facts = await polled.fetch()
    assert [one.status for one in facts.jobs] == ["Active", "Quarantine"]
    assert len(facts.incomplete) == 1


@pytest.mark.parametrize(
    ("name", "template", "expected"),
    [
        ("AD2AADProvisioning.fc96", "ADDCInPassthrough", "objects"),
        ("AD2AADPasswordHash.fc96", "", "password"),
        ("", "AD2AADPasswordHash", "password"),
        ("AAD2ADExchangeHybridWriteback.1", "", "writeback"),
        ("x", "AAD2ADGroupProvisioning", "writeback"),
        ("", "", "objects"),
        ("somethingNew.1", "somethingNew", "objects"),
    ],
)
def test_what_a_job_syncs_is_told_by_id_or_template(name: str, template: str, expected: str) -> None:
    """Objects, password hashes and writeback are told apart; an unknown kind is watched as objects."""
    assert kind(name, template) == expected


@pytest.mark.parametrize(
    "quarantine",
    [
        {"reason": "TooManyDeletes", "currentBegan": "", "seriesBegan": "", "nextAttempt": "", "error": None},
        {"reason": "", "error": {"code": "EncounteredQuarantineException", "message": "m"}},
        {"currentBegan": "2026-11-22T01:00:00Z"},
    ],
)
def test_a_quarantine_is_never_overlooked(quarantine: JsonObject) -> None:
    """Any filled part of the quarantine marks the job, also while its code still says Active."""
    assert read_job(raw_job(quarantine=quarantine)).quarantine is not None


def test_a_quarantine_is_told_by_the_code_alone() -> None:
    """A job whose code says Quarantine is quarantined though nothing else is said of it."""
    assert read_job(raw_job(code="Quarantine", quarantine=None)).quarantine == Quarantine()


def test_a_blank_quarantine_is_none() -> None:
    """The documented empty object, all blank, is no quarantine."""
    blank = {"reason": "", "currentBegan": "", "nextAttempt": YEAR_ONE, "seriesBegan": YEAR_ONE, "error": None}
    assert read_job(raw_job(quarantine=blank)).quarantine is None


def test_the_start_of_a_quarantine_is_its_series() -> None:
    """A quarantine renewed every day shows since when the job has been out of service."""
    told = read_job(
        raw_job(quarantine={"seriesBegan": ago(days=3), "currentBegan": ago(hours=1), "nextAttempt": ago()})
    )
    assert told.quarantine is not None
    assert told.quarantine.began == START - timedelta(days=3)


@pytest.mark.parametrize("never", [YEAR_ONE, "", None, 0, {}, "soon"])
def test_year_one_and_blank_are_no_success(never: Any) -> None:
    """A fresh job whose times are .NET's zero has never succeeded."""
    told = read_job(raw_job(lastSuccessfulExecution=run(timeEnded=never, timeBegan=never)))
    assert told.last_success is None


def test_a_success_ahead_is_none() -> None:
    """A success in the future does not make the job look fresh."""
    assert read_job(raw_job(lastSuccessfulExecution=run(timeEnded=ago(hours=-1)))).last_success is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT40M", 2400.0),
        ("PT2M", 120.0),
        ("00:02:00", 120.0),
        ("P10675199DT2H48M5.4775807S", None),
        ("10675199.02:48:05.4775807", None),
        ("-PT2M", None),
        ("", None),
        (None, None),
        (120, None),
    ],
)
def test_odd_intervals_are_no_schedule(text: Any, seconds: float | None) -> None:
    """.NET's longest duration stands for "never", and does not break the reading."""
    raw = {**raw_job(), "schedule": {"interval": text, "state": "Disabled"}}
    assert read_job(raw).interval_s == seconds


def test_progress_is_the_newest_observation() -> None:
    """A first sync shows how far it is by its latest report, never beyond its total."""
    rows = [
        {"completedUnits": 90, "totalUnits": 100, "progressObservationDateTime": ago(minutes=1)},
        {"completedUnits": 10, "totalUnits": 100, "progressObservationDateTime": ago(minutes=9)},
        {"completedUnits": 1, "totalUnits": 0},
        None,
    ]
    assert (read_job(raw_job(progress=rows)).progress_done, read_job(raw_job(progress=rows)).progress_total) == (
        90,
        100,
    )
    assert read_job(raw_job(progress=[{"completedUnits": 500, "totalUnits": 100}])).progress_done == 100
    assert read_job(raw_job(progress=[])).progress_total is None


def test_escrows_in_a_run_called_succeeded_count() -> None:
    """Objects held back in a run that calls itself succeeded make the log be asked."""
    told = read_job(raw_job(lastExecution=run("Succeeded", escrowed=3)))
    assert told.escrowed == 3
    assert has_failures(told)
    assert has_failures(read_job(raw_job(lastExecution=run("EntryLevelErrors"))))
    assert has_failures(read_job(raw_job(countSuccessiveCompleteFailures=2)))
    assert not has_failures(read_job(raw_job()))


def test_a_failed_run_hides_no_escrows() -> None:
    """A run that failed as a whole counts no escrows: those of the last run that came through still stand."""
    told = read_job(raw_job(lastExecution=run("Failed", escrowed=0), lastSuccessfulExecution=run(escrowed=37)))
    assert told.escrowed == 37
    assert read_job(raw_job(lastExecution=None, lastSuccessfulExecution=run(escrowed=2))).escrowed == 2


@pytest.mark.parametrize("escrowed", [None, "many", -1, 2.5, True])
def test_an_unreadable_escrow_count_is_unknown(escrowed: Any) -> None:
    """An escrow count that is none is unknown, not zero."""
    assert read_job(raw_job(lastExecution=run(escrowed=escrowed))).escrowed is None


async def test_failing_objects_come_from_the_log() -> None:
    """The log of a job with escrows names the objects, the cause and what is recommended."""
    host = Host(answers(raw_job("AD2AADProvisioning.o'neill", lastExecution=run(escrowed=1)), log=[entry()]))
    (failed,) = (await source(host).fetch()).reports
    assert (failed.source, failed.hop, failed.code) == ("cloud-sync", HopName.CONNECT, "AttributeValueMustBeUnique")
    assert (failed.object.type, failed.object.name, failed.object.id) == ("user", "User u1", "u1")
    assert failed.object.dn == "CN=u1,DC=contoso,DC=com"
    assert failed.message == "The value is taken. Free it."
    assert failed.last_seen == START - timedelta(minutes=10)
    asked = host.query(LOG)
    assert asked["$filter"] == "jobId eq 'AD2AADProvisioning.o''neill' and activityDateTime gt 2026-11-21T01:00:00Z"
    assert (asked["$orderby"], asked["$top"]) == ("activityDateTime desc", "200")


def test_a_later_success_clears_a_failure() -> None:
    """An object that was exported after it had failed is no failure; one that failed after a success is."""
    told = read_job(raw_job())
    rows = [
        entry("mended", "failure", 20),
        entry("mended", "success", 5),
        entry("broken", "success", 20),
        entry("broken", "failure", 5),
        entry("skipped", "failure", 20),
        entry("skipped", "skipped", 5),
        entry("fine", "success", 5),
        entry("warned", "warning", 5),
    ]
    for order in (rows, rows[::-1]):
        assert sorted(str(one.object.id) for one in failing(order, told)) == ["broken", "skipped"]


def test_one_object_is_one_failure() -> None:
    """An object that failed in every run is listed once, with the newest time."""
    (failed,) = failing([entry(minutes=number) for number in range(1, 50)], read_job(raw_job()))
    assert failed.last_seen == START - timedelta(minutes=1)


def test_the_entra_side_is_the_objects_id() -> None:
    """The id is Entra's where it is known: the target, or the source of a writeback."""
    row = entry(targetIdentity={"id": "entra", "identityType": "User"})
    assert failing([row], read_job(raw_job()))[0].object.id == "entra"
    back = failing([row], read_job(raw_job("AAD2ADGroupProvisioning.1")))[0]
    assert (back.object.id, back.hop) == ("u1", HopName.CONNECT)
    assert failing([row], read_job(raw_job("AD2AADPasswordHash.1")))[0].hop == HopName.PASSWORD


def test_an_object_is_named_by_its_step() -> None:
    """Where the identities have no name, the export step's identifier is shown."""
    steps = [None, {"details": None}, {"details": {"ReportableIdentifier": "jane@contoso.com"}}]
    (failed,) = failing([entry(sourceIdentity=None, provisioningSteps=steps)], read_job(raw_job()))
    assert failed.object.name == "jane@contoso.com"


async def test_the_log_is_asked_within_its_limits() -> None:
    """The log allows few requests: few jobs and few pages are read, and what was left out is said."""
    jobs = [raw_job(f"AD2AADProvisioning.{number}", lastExecution=run(escrowed=1)) for number in range(9)]
    told = answers(*jobs)
    number = 0

    def endless(request: Any) -> JsonObject:
        nonlocal number
        number += 1
        return {"value": [entry()], "@odata.nextLink": f"https://upstream.example{LOG}?$skiptoken={number}"}

    told[LOG] = endless
    facts = await read(told)
    assert number == 6
    assert "3 of 9 jobs" in facts.incomplete[0]
    assert "newest 2 entries" in facts.incomplete[1]


async def test_floods_are_bounded() -> None:
    """Hundreds of configurations and jobs are cut, and the cut is said."""
    told = {PRINCIPALS: {"value": [principal(f"sp{number}") for number in range(50)]}}
    told |= {jobs_of(f"sp{number}"): {"value": [raw_job()] * 50} for number in range(50)}
    facts = await read(told)
    assert len(facts.jobs) == 400
    assert any("20 of 50" in line for line in facts.incomplete)
    assert len(facts.incomplete) <= 41


@given(st.datetimes(timezones=st.just(UTC)), st.text())
def test_no_time_makes_a_job_look_fresher_than_now(moment: datetime, words: str) -> None:
    """Whatever a job claims, its success is never newer than now plus the allowed skew."""
    for claim in (moment.isoformat(), words, f"{moment:%Y-%m-%dT%H:%M:%S}Z"):
        told = read_job(raw_job(lastSuccessfulExecution=run(timeEnded=claim, timeBegan=claim)))
        assert told.last_success is None or told.last_success <= START + timedelta(minutes=5)


@given(
    st.from_regex(r"-?P(\d{0,20}D)?(T(\d{0,20}H)?(\d{0,20}M)?(\d{0,20}(\.\d{0,12})?S)?)?", fullmatch=True) | st.text()
)
def test_no_duration_breaks_a_job(text: str) -> None:
    """Whatever stands for the interval, it is a length between nothing and a year, or unknown."""
    seconds = read_job({**raw_job(), "schedule": {"interval": text}}).interval_s
    assert seconds is None or 0 < seconds <= 366 * 86400
