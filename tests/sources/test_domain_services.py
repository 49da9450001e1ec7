"""Hop 2 as ARM tells it: whose time counts, what is unknown, and what never looks healthier than it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START
from tests.sources.host import HastyClock, Host, Refusal
from tui.model.facts import DomainServicesFacts
from tui.model.states import HopState, SourceId
from tui.settings import DomainServicesSettings
from tui.sources.decode import JsonObject
from tui.sources.domain_services import DomainServicesSource, facts_of, percent, resource_path
from tui.sources.errors import BadAnswer, Denied, NotFound, Throttled
from tui.sources.replica_sets import LDAP_TITLE, sync_claim
from tui.sources.sync_extension import MOST_FAILURES, sync_extension

SUBSCRIPTION = "1639790a-76a2-4ac4-98d9-8562f5dfcb4d"
LIST = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.AAD/domainServices"
RESOURCE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.AAD/domainServices/aadds.contoso.com"
BY_LIST = DomainServicesSettings(subscription_id=SUBSCRIPTION)
BY_ID = DomainServicesSettings(resource_id=RESOURCE)


def prose(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


def monitor(details: Any, name: str = "AADDS500") -> JsonObject:
    return {"id": name, "name": "Synchronization with Microsoft Entra ID", "details": details}


def synced(ago: timedelta) -> JsonObject:
    return monitor(f"Synchronized on {prose(START - ago)}.")


def replica_set(name: str, *monitors: JsonObject, **fields: Any) -> JsonObject:
    return {"replicaSetId": name, "location": "West US", "healthMonitors": list(monitors), **fields}


def domain(*sets: JsonObject, name: str = "aadds.contoso.com", **properties: Any) -> JsonObject:
    return {
        "id": RESOURCE,
        "type": "Microsoft.AAD/DomainServices",
        "properties": {"domainName": name, "replicaSets": list(sets), **properties},
    }


def read(resource: JsonObject, offset: float | None = None) -> DomainServicesFacts:
    return facts_of(resource, START, offset)


def source(host: Host, settings: DomainServicesSettings = BY_LIST, tenant_id: str = "") -> DomainServicesSource:
    clock = HastyClock(START)
    return DomainServicesSource(host.upstream(clock), settings, clock, tenant_id=tenant_id)


async def test_finds_the_domain_by_listing_its_subscription() -> None:
    """With only a subscription in the config, the managed domain and its last sync time are found."""
    host = Host({LIST: {"value": [domain(replica_set("a", synced(timedelta(hours=1))), syncOwner="a")]}})
    facts = await source(host).fetch()
    assert facts.domain_name == "aadds.contoso.com"
    assert facts.hop.reported == HopState.OK
    assert facts.hop.last_success == START - timedelta(hours=1)
    assert host.query(LIST)["api-version"] == "2022-12-01"


async def test_asks_for_the_resource_where_its_id_is_known() -> None:
    """With a resource id in the config, exactly that resource is read, whatever slashes surround the id."""
    host = Host({RESOURCE: domain(replica_set("a", synced(timedelta(hours=1))), syncOwner="a")})
    settings = DomainServicesSettings(resource_id=RESOURCE.strip("/") + "/")
    assert (await source(host, settings).fetch()).resource_id == RESOURCE
    assert host.asked == [RESOURCE]


async def test_follows_pages_to_the_tenants_own_domain() -> None:
    """A subscription with several domains, over several pages, shows the one of this tenant and says there are more."""
    other = domain(replica_set("x", synced(timedelta(days=9))), name="other.example", tenantId="t-other", syncOwner="x")
    ours = domain(replica_set("a", synced(timedelta(hours=1))), name="ours.example", tenantId="T-OURS", syncOwner="a")
    pages = {
        f"{LIST}?api-version=2022-12-01": {"value": [other], "nextLink": f"https://upstream.example{LIST}?page=2"},
        f"{LIST}?page=2": {"value": [ours]},
    }
    facts = await source(Host(pages), tenant_id="t-ours").fetch()
    assert facts.domain_name == "ours.example"
    assert "one of 2 managed domains" in facts.hop.note


async def test_takes_the_first_domain_where_none_is_known_to_be_ours() -> None:
    """Several domains and no tenant id to tell them apart: the first is shown, and the note says how to choose."""
    found = {"value": [domain(name="first.example", tenantId="t"), domain(name="second.example")]}
    facts = await source(Host({LIST: found})).fetch()
    assert facts.domain_name == "first.example"
    assert "set resource_id" in facts.hop.note


@pytest.mark.parametrize("answer", [{"value": []}, {}, {"value": None}, {"value": [{}, 3, None, {"type": "Other"}]}])
async def test_no_domain_is_an_error_that_says_what_to_check(answer: Any) -> None:
    """An empty list is no healthy hop: the error names the subscription, the key and the role."""
    with pytest.raises(NotFound, match=rf"{SUBSCRIPTION}.*subscription_id.*Reader"):
        await source(Host({LIST: answer})).fetch()


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Refusal(403, "AuthorizationFailed"), Denied),
        (Refusal(404, "ResourceNotFound"), NotFound),
        (Refusal(429, "SubscriptionRequestsThrottled", {"Retry-After": "60"}), Throttled),
    ],
)
async def test_a_refusal_is_told_as_what_it_is(refusal: Refusal, error: type[Exception]) -> None:
    """Denied, missing and throttled are told apart, and a denial names the role to grant."""
    with pytest.raises(error) as told:
        await source(Host({RESOURCE: refusal}), BY_ID).fetch()
    assert error is not Denied or "Reader role" in str(told.value)


async def test_a_link_to_another_host_is_not_followed() -> None:
    """A page that points to a foreign host ends the poll with an error instead of sending a token there."""
    host = Host({LIST: {"value": [domain()], "nextLink": "https://evil.example/more"}})
    with pytest.raises(BadAnswer, match=r"evil\.example"):
        await source(host).fetch()
    assert len(host.requests) == 1


async def test_reports_how_the_poll_went() -> None:
    """The sources screen shows status and number of requests of this source."""
    polled = source(Host({RESOURCE: domain()}), BY_ID)
    await polled.fetch()
    assert (polled.exchange().http_status, polled.exchange().requests) == (200, 1)
    assert (polled.id, polled.optional) == (SourceId.DOMAIN_SERVICES, False)
    await polled.aclose()


def test_a_path_cannot_be_broken_out_of() -> None:
    """Odd characters in configured ids stay inside the path."""
    assert resource_path(DomainServicesSettings(subscription_id="a/../b?c#d")).startswith(
        "/subscriptions/a%2F..%2Fb%3Fc"
    )


def test_the_sync_owners_time_counts() -> None:
    """With several replica sets the time shown is the sync owner's, not a fresher bystander's."""
    facts = read(
        domain(
            replica_set("a", synced(timedelta(minutes=5))),
            replica_set("b", synced(timedelta(days=4))),
            syncOwner="B",
        )
    )
    assert facts.hop.last_success == START - timedelta(days=4)
    assert [one.owns_sync for one in facts.replica_sets] == [False, True]


@pytest.mark.parametrize("owner", [None, "", "unknown", 7, {}])
def test_without_a_known_owner_the_oldest_time_counts(owner: Any) -> None:
    """Where nobody says which set runs the sync, the hop looks as bad as the worst known set, and says why."""
    sets = [replica_set(name, synced(timedelta(days=age))) for name, age in (("a", 1), ("b", 4), ("c", 2))]
    facts = read(domain(*sets, syncOwner=owner))
    assert facts.hop.last_success == START - timedelta(days=4)
    assert "owns the sync is not told" in facts.hop.note


def test_an_owner_without_a_monitor_is_not_reported() -> None:
    """The sync owner's silence is not covered up by another set's fresh time."""
    sets = [replica_set("a"), replica_set("b", synced(timedelta(minutes=5)))]
    facts = read(domain(*sets, syncOwner="a"))
    assert facts.hop.reported == HopState.NOT_REPORTED
    assert facts.hop.last_success is None


@pytest.mark.parametrize(
    ("details", "state"),
    [
        ("Synchronized on Tue, 18 Sep 2018 16:47:57 GMT.", HopState.OK),
        ("synchronised on 18 Sep 2018 16:47:57 GMT", HopState.OK),
        ("Synchronized on 2018-09-18T16:47:57.1234567Z.", HopState.OK),
        ("Synchronized on Tue, 18 Sep 2018 16:47:57 GMT. Some errors since.", HopState.OK),
        ("Never synchronized.", HopState.NEVER),
        ("Synchronization has not yet completed", HopState.NEVER),
        ("The domain has not been synchronized", HopState.NEVER),
        ("Not synchronized yet.", HopState.NEVER),
        ("Not synchronized since Tue, 18 Sep 2018 16:47:57 GMT", HopState.OK),
        ("Never synchronized; last attempt Tue, 18 Sep 2018 16:47:57 GMT", HopState.NEVER),
        ("Synchronization failed on Tue, 18 Sep 2018 16:47:57 GMT", HopState.NOT_REPORTED),
        ("Last attempt on Tue, 18 Sep 2018 16:47:57 GMT", HopState.NOT_REPORTED),
        ("Synchronized on some day", HopState.NOT_REPORTED),
        ("Synchronized on Tue, 99 Foo 2018 16:47:57 GMT", HopState.NOT_REPORTED),
        ("Synchronized on Mon, 01 Jan 0001 00:00:00 GMT", HopState.NEVER),
        ("", HopState.NOT_REPORTED),
    ],
)
def test_prose_is_read_for_what_it_claims(details: str, state: HopState) -> None:
    """Only a sentence that claims a success with a readable time makes the hop look synced; its words are kept."""
    claim = sync_claim([details], START)
    assert claim.state == state
    assert (claim.last_success is not None) == (state == HopState.OK)
    assert claim.text == details
    assert state == HopState.OK or claim.note


def test_unreadable_prose_is_kept_for_the_reader() -> None:
    """When the time cannot be read, the upstream's own words are shown."""
    facts = read(domain(replica_set("a", monitor("gerade eben\x1b[31m synchronisiert")), syncOwner="a"))
    assert facts.hop.note == "gerade eben synchronisiert"
    assert facts.replica_sets[0].last_sync_text == "gerade eben synchronisiert"


@pytest.mark.parametrize(
    ("ahead", "state"), [(timedelta(minutes=4), HopState.OK), (timedelta(minutes=6), HopState.NOT_REPORTED)]
)
def test_a_time_ahead_is_no_success(ahead: timedelta, state: HopState) -> None:
    """A last sync in the future is not shown as fresh: beyond a small skew the hop is unknown and says so."""
    facts = read(domain(replica_set("a", synced(-ahead)), syncOwner="a"))
    assert facts.hop.reported == state
    assert (state == HopState.OK) == (facts.replica_sets[0].last_sync is not None)
    assert state == HopState.OK or "ahead" in facts.hop.note


def test_the_upstreams_own_clock_decides_what_is_ahead() -> None:
    """When our clock is an hour slow, the upstream's recent time is not mistaken for a future one."""
    resource = domain(replica_set("a", synced(-timedelta(minutes=50))), syncOwner="a")
    assert read(resource, offset=3600.0).hop.reported == HopState.OK
    assert read(resource, offset=0.0).hop.reported == HopState.NOT_REPORTED


def test_a_time_before_year_one_does_not_break_the_poll() -> None:
    """An absurd clock offset or zone is survived."""
    assert read(domain(replica_set("a", synced(timedelta(0)))), offset=1e300).hop.reported == HopState.OK


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"properties": None},
        domain(),
        domain(replica_set("a"), syncOwner="a"),
        domain({"replicaSetId": "a", "healthMonitors": "none"}, syncOwner="a"),
        domain(replica_set("a", {"id": "AADDS501", "details": f"Last backed up on {prose(START)}"}), syncOwner="a"),
    ],
)
def test_without_health_the_hop_is_not_reported(resource: JsonObject) -> None:
    """An answer that says nothing of the sync is unknown, never ok."""
    facts = read(resource)
    assert facts.hop.reported == HopState.NOT_REPORTED
    assert facts.hop.last_success is None
    assert facts.hop.note


def test_older_answers_without_replica_sets_are_read() -> None:
    """API versions before 2020 hold health directly under properties; both date styles are read."""
    facts = read(
        {
            "properties": {
                "domainName": "old.example",
                "deploymentId": "d",
                "serviceStatus": "Running",
                "healthLastEvaluated": "2018-02-15T21:43:21Z",
                "domainControllerIpAddress": ["10.0.0.1", 7, None, "10.0.0.2"],
                "healthMonitors": [synced(timedelta(hours=3))],
                "healthAlerts": [{"id": "AADDS104", "name": "Network error", "severity": 2}],
            }
        }
    )
    assert facts.hop.last_success == START - timedelta(hours=3)
    assert facts.replica_sets[0].domain_controllers == ("10.0.0.1", "10.0.0.2")
    assert facts.replica_sets[0].health_evaluated == datetime(2018, 2, 15, 21, 43, 21, tzinfo=UTC)
    assert [(alert.code, alert.severity) for alert in facts.alerts] == [("AADDS104", "2")]


def test_one_alert_in_two_sets_is_one_alert() -> None:
    """An alert seen in two regions is listed once, with both places, the first raise and the last detection."""

    def alert(raised: str, detected: str) -> JsonObject:
        return {"id": "AADDS104", "name": "Network error", "severity": "2", "raised": raised, "lastDetected": detected}

    west = replica_set("a", healthAlerts=[alert("2026-11-20T01:00:00.7834289Z", "2026-11-21T01:00:00Z")])
    east = replica_set(
        "b", location="East US", healthAlerts=[alert("2026-11-19T01:00:00Z", "2026-11-22T01:00:00Z"), {}, None]
    )
    network, _unnamed = read(domain(west, east)).alerts
    assert network.where == "West US, East US"
    assert network.raised == datetime(2026, 11, 19, 1, tzinfo=UTC)
    assert network.last_detected == datetime(2026, 11, 22, 1, tzinfo=UTC)


def test_the_reused_id_101_is_told_apart() -> None:
    """AADDS101 for open secure LDAP and AADDS101 for a B2C tenant are two alerts, and only one of them is harmless."""
    ldap = {"id": "AADDS101", "name": "", "issue": "Secure LDAP (port 636) is open to the internet"}
    b2c = {"id": "aadds101", "name": "Azure AD B2C is running in this directory", "issue": "..."}
    unclear = {"id": "AADDS101"}
    titles = [alert.title for alert in read(domain(replica_set("a", healthAlerts=[ldap, b2c, unclear]))).alerts]
    assert titles == [LDAP_TITLE, "Azure AD B2C is running in this directory"]


def test_settings_that_explain_counts_are_read() -> None:
    """Scope, filter, hash switches, certificate and progress reach the screen; a status other than running is noted."""
    facts = read(
        domain(
            replica_set("a", synced(timedelta(hours=1)), serviceStatus="Suspended"),
            syncOwner="a",
            syncScope="CloudOnly",
            filteredSync="Enabled",
            provisioningState="Succeeded",
            domainSecuritySettings={"syncNtlmPasswords": "Disabled", "syncKerberosPasswords": "Enabled"},
            ldapsSettings={"certificateNotAfter": "2027-01-01T00:00:00Z", "externalAccess": "Enabled"},
            migrationProperties={"migrationProgress": {"completionPercentage": 42.5}},
        )
    )
    assert (facts.sync_scope, facts.filtered_sync, facts.provisioning_state) == ("CloudOnly", "Enabled", "Succeeded")
    assert (facts.ntlm_password_sync, facts.kerberos_password_sync) == ("Disabled", "Enabled")
    assert facts.certificate_expires == datetime(2027, 1, 1, tzinfo=UTC)
    assert (facts.external_ldaps, facts.progress_percent) == ("Enabled", 42.5)
    assert facts.replica_sets[0].service_status == "Suspended"
    assert "Suspended" in facts.hop.note


def test_secrets_in_the_answer_are_not_kept() -> None:
    """Certificate and trust passwords that an answer may hold appear nowhere in what was read."""
    resource = domain(
        replica_set("a", synced(timedelta(hours=1))),
        ldapsSettings={"pfxCertificate": "SECRET-1", "pfxCertificatePassword": "SECRET-2"},
        resourceForestSettings={"settings": [{"trustPassword": "SECRET-3"}]},
    )
    assert "SECRET" not in repr(read(resource))


@pytest.mark.parametrize("value", [None, True, "50", -1, 101, float("inf"), float("nan"), 10**400, [], {}])
def test_an_absurd_percentage_is_unknown(value: Any) -> None:
    """A progress that is no percentage is not drawn."""
    assert percent(value) is None


def test_floods_are_bounded() -> None:
    """An answer with thousands of sets and alerts is cut instead of filling the memory."""
    flood = [{"id": f"A{number}"} for number in range(5000)]
    facts = read(domain(*[replica_set(str(number), healthAlerts=flood) for number in range(200)]))
    assert len(facts.replica_sets) <= 32
    assert len(facts.alerts) <= 200


@given(st.text(), st.datetimes(timezones=st.just(UTC)))
def test_no_prose_makes_the_future_a_success(words: str, moment: datetime) -> None:
    """Whatever surrounds a date, a claim is never newer than now plus the allowed skew, and never raises."""
    claim = sync_claim([f"{words} {moment.isoformat()}", f"{words}{prose(moment)}"], START)
    assert claim.last_success is None or claim.last_success <= START + timedelta(minutes=5)
    assert (claim.state == HopState.OK) == (claim.last_success is not None)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
EXTENSION_KEYS = (
    *("phase", "done", "total", "perSecond", "objectsFailed", "failuresTruncated", "heldDeletions"),
    *("deletionThreshold", "error", "notes", "failures"),
)


def extended(**told: Any) -> DomainServicesFacts:
    return read(domain(replica_set("a", synced(timedelta(minutes=1))), syncOwner="a", synctop=told))


def test_microsofts_answer_has_no_progress_and_no_failures() -> None:
    """Where nobody publishes an extension, nothing is made up."""
    facts = read(domain(replica_set("a", synced(timedelta(hours=1)))))
    assert (facts.progress, facts.reports, facts.reports_truncated) == (None, (), False)


@pytest.mark.parametrize(
    "told",
    [
        {"phase": "continuous", "done": 5, "total": 10},
        {"phase": "first-sync", "done": 5},
        {"phase": "first-sync", "done": 5, "total": 0},
        {"phase": "first-sync", "done": -1, "total": 10},
        {"phase": "first-sync", "done": True, "total": "many"},
        {"phase": ["first-sync"], "done": 5, "total": 10},
    ],
)
def test_progress_is_shown_for_a_full_pass_of_known_size_alone(told: dict[str, Any]) -> None:
    """No bar is drawn where there is no full pass, or its size is not known."""
    assert extended(**told).progress is None


@pytest.mark.parametrize("rate", [None, True, "fast", -1, float("inf"), float("nan"), 1e12, 10**400])
def test_an_absurd_rate_is_unknown(rate: Any) -> None:
    """Progress without a believable rate is shown without a time left; more than all is never done."""
    progress = extended(phase="full-resync", done=15, total=10, perSecond=rate).progress
    assert progress is not None
    assert (progress.done, progress.total, progress.per_second) == (10, 10, None)


def test_reports_are_clean_bounded_and_about_an_object() -> None:
    """Escape codes in a failure do not reach the terminal, a flood is cut, and what names no object is passed over."""
    hostile = {"code": "NameTaken", "object": {"id": "1", "name": "ada\x1b[31m"}, "message": "no\u202e", "firstSeen": 7}
    facts = extended(failures=[hostile, {"code": "X"}, {"code": "Y", "object": {"type": "user"}}, 3, None])
    (report,) = facts.reports
    assert (report.object.name, report.message, report.first_seen) == ("ada", "no", None)
    flood = [{"code": "X", "object": {"id": str(number)}} for number in range(5000)]
    assert len(extended(failures=flood).reports) == MOST_FAILURES


def test_failures_that_are_only_counted_leave_the_feed_incomplete() -> None:
    """A sync that counts failing objects but lists none does not make the feed look complete."""
    assert extended(objectsFailed=3).reports_truncated
    assert not extended(objectsFailed=0).reports_truncated


def test_held_deletions_are_told_once() -> None:
    """What the extension says of held deletions stands in for the alert of the same code."""
    alert = {"id": "DELETIONSHELD", "name": "held", "issue": "7 deletions"}
    told = domain(replica_set("a", healthAlerts=[alert]), synctop={"heldDeletions": 700, "deletionThreshold": 500})
    (found,) = read(told).alerts
    assert "700 deletions" in found.text
    assert "(500)" in found.text
    assert [one.text for one in read(domain(replica_set("a", healthAlerts=[alert]))).alerts] == ["7 deletions"]


def test_what_the_sync_says_is_noted() -> None:
    """The sync's own error comes first in the hop's note, then what it cannot hold, cut to what fits a line."""
    facts = extended(error="dc1: no answer", notes=["hashes are not written", 3, *["x" * 9999] * 50])
    assert facts.hop.note.startswith("dc1: no answer; hashes are not written; x")
    assert len(facts.hop.note) < 2000


@given(st.one_of(anything, st.dictionaries(st.sampled_from(EXTENSION_KEYS), anything)))
def test_no_extension_breaks_the_poll(told: Any) -> None:
    """Whatever stands there, it is read without an error, and its figures stay within bounds."""
    found = sync_extension({"synctop": told}, START)
    assert found.progress is None or 0 <= found.progress.done <= found.progress.total
    assert len(found.reports) <= MOST_FAILURES
