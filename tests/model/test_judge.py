"""From the age of each hop and the state of each source to a verdict and its reasons."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.helpers import START
from tests.model.judging import (
    DAY,
    HOUR,
    MINUTE,
    THRESHOLDS,
    before,
    codes,
    hop,
    judged,
    reason,
    source,
)
from tui.model.judge import judge
from tui.model.reading import Absence, Reading
from tui.model.snapshot import (
    CountRow,
    Progress,
    TenantSnapshot,
)
from tui.model.states import HopName, HopState, ObjectType, ReasonCode, Severity, SourceId, SourceState, Verdict

# --- hops by age ------------------------------------------------------------------------------------------------------


def test_all_well_is_ok_without_reasons() -> None:
    """A tenant that syncs in time is ok, and nothing is said about it."""
    found = judged()
    assert (found.verdict, found.reasons) == (Verdict.OK, ())
    assert {one.state for one in found.hops} == {HopState.OK}
    assert {one.verdict for one in found.hops} == {Verdict.OK}


@pytest.mark.parametrize("name", HopName)
@pytest.mark.parametrize("past", [0, 1])
def test_limit_itself_is_still_inside(name: HopName, past: int) -> None:
    """A hop is late from one second past its limit, and stale from one second past the critical one."""
    warning, critical = THRESHOLDS.of(name)
    at_warning = judged(hop(name, warning + past)).hop(name)
    at_critical = judged(hop(name, critical + past)).hop(name)
    assert at_warning.state is (HopState.LATE if past else HopState.OK)
    assert at_critical.state is (HopState.STALE if past else HopState.LATE)
    assert at_critical.verdict is (Verdict.CRITICAL if past else Verdict.WARNING)


def test_age_is_by_the_upstreams_clock() -> None:
    """A server whose clock is two hours ahead does not make a late sync look fresh."""
    ahead = hop(age=-HOUR, clock_offset_s=2 * HOUR + 1)
    assert judged(ahead).hop(HopName.CONNECT).state is HopState.LATE


@pytest.mark.parametrize(
    ("name", "age", "code", "severity"),
    [
        (HopName.CONNECT, 2 * HOUR, ReasonCode.CONNECT_LATE, Severity.WARNING),
        (HopName.CONNECT, 4 * HOUR, ReasonCode.NO_RECENT_SYNCHRONIZATION, Severity.CRITICAL),
        (HopName.PASSWORD, 3 * HOUR, ReasonCode.PASSWORD_SYNC_LATE, Severity.WARNING),
        (HopName.PASSWORD, 25 * HOUR, ReasonCode.PASSWORD_SYNC_LATE, Severity.CRITICAL),
        (HopName.DOMAIN_SERVICES, 3 * HOUR, ReasonCode.DOMAIN_SERVICES_LATE, Severity.WARNING),
        (HopName.DOMAIN_SERVICES, 25 * HOUR, ReasonCode.DOMAIN_SERVICES_LATE, Severity.CRITICAL),
    ],
)
def test_late_hop_is_the_reason(name: HopName, age: float, code: ReasonCode, severity: Severity) -> None:
    """Each hop past a limit gives its own reason, with the age and the limit in the text."""
    found = judged(hop(name, age))
    assert codes(found) == [code]
    told = found.reasons[0]
    assert (told.severity, told.hop, found.verdict) == (severity, name, Verdict(severity.value))
    assert "limit" in told.text
    assert told.causes
    assert told.remedies
    assert told.docs.startswith("https://")


def test_three_days_is_said_beside_no_recent_synchronization() -> None:
    """Past three days both headlines stand, with likely causes and the remedies to try."""
    found = judged(hop(age=3 * DAY + 2 * HOUR))
    assert codes(found) == ["no-recent-synchronization", "last-synced-over-3-days"]
    over = reason(found, ReasonCode.LAST_SYNCED_OVER_3_DAYS)
    assert over.text.startswith("Last synced more than 3 days ago: 3d02h ago")
    for told in found.reasons:
        assert "settings" in told.text
        assert "permissions" in told.text
        assert "express settings" in told.text
        assert len(told.causes) >= 4
        assert len(told.remedies) >= 4
    assert codes(judged(hop(age=3 * DAY))) == ["no-recent-synchronization"]


def test_first_sentence_fits_a_narrow_terminal() -> None:
    """The headline's first sentence can be read at 80 columns."""
    found = judged(hop(age=5 * DAY), hop(HopName.PASSWORD, 5 * DAY), hop(HopName.DOMAIN_SERVICES, 5 * DAY))
    assert all(len(told.text.split(". ")[0]) <= 80 for told in found.reasons)


def test_managed_domain_past_three_days_names_microsofts_advice() -> None:
    """Past three days the text says to open a support request."""
    told = reason(judged(hop(HopName.DOMAIN_SERVICES, 4 * DAY)), ReasonCode.DOMAIN_SERVICES_LATE)
    assert "support" in told.text


@pytest.mark.parametrize("age", [None, -DAY])
def test_success_without_a_believable_time_is_not_ok(age: float | None) -> None:
    """On, but with no time of the last success or one in the future, is unknown and not fresh."""
    found = judged(hop(age=age))
    assert found.hop(HopName.CONNECT).state is HopState.NOT_REPORTED
    assert (found.verdict, codes(found)) == (Verdict.UNKNOWN, ["not-reported"])


# --- other states -----------------------------------------------------------------------------------------------------


def test_never_synchronized_is_critical_unless_it_moves() -> None:
    """Switched on without a success is critical; a first sync that moves is only told, with its progress."""
    dead = judged(hop(age=None, reported=HopState.NEVER))
    assert (dead.verdict, codes(dead)) == (Verdict.CRITICAL, ["never-synchronized"])
    moving = Progress(done=12_000, total=48_000, per_second=10.0)
    alive = judged(hop(HopName.DOMAIN_SERVICES, None, reported=HopState.NEVER, progress=moving))
    told = reason(alive, ReasonCode.NEVER_SYNCHRONIZED)
    assert (alive.verdict, told.severity) == (Verdict.OK, Severity.INFO)
    assert alive.hop(HopName.DOMAIN_SERVICES).verdict is Verdict.OK
    assert "12,000 of 48,000 (25%), about 1h00m left" in told.text
    stopped = replace(moving, moving=False)
    stuck = judged(hop(HopName.DOMAIN_SERVICES, None, reported=HopState.NEVER, progress=stopped))
    assert stuck.verdict is Verdict.CRITICAL
    assert "stopped at 12,000" in stuck.reasons[0].text


def test_first_sync_that_hardly_moves_promises_no_end() -> None:
    """A rate next to nothing gives the progress without a time left."""
    crawling = Progress(done=0, total=1, per_second=2e-311)
    told = judged(hop(HopName.DOMAIN_SERVICES, None, reported=HopState.NEVER, progress=crawling)).reasons[0]
    assert told.text == "First sync under way: 0 of 1 (0%)"


def test_switched_off_is_a_warning_and_never_used_is_not() -> None:
    """Sync that was used and is off now is a warning; a cloud-only tenant is ok."""
    off = judged(hop(age=9 * DAY, reported=HopState.DISABLED), hop(HopName.PASSWORD, None, reported=HopState.DISABLED))
    assert (off.verdict, codes(off)) == (Verdict.WARNING, ["sync-disabled"])
    unused = judged(hop(age=None, reported=HopState.OFF), hop(HopName.PASSWORD, None, reported=HopState.OFF))
    assert (unused.verdict, unused.reasons) == (Verdict.OK, ())


def test_blanked_answer_is_not_permitted_and_not_sync_off() -> None:
    """An account that sees only the tenant's name makes the tenant unknown, and says which permission helps."""
    found = judged(hop(age=None, reported=HopState.NOT_PERMITTED))
    assert (found.verdict, codes(found)) == (Verdict.UNKNOWN, ["not-permitted"])
    assert "Organization.Read.All" in found.reasons[0].text
    assert found.hop(HopName.CONNECT).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("state", [HopState.NOT_PERMITTED, HopState.NOT_REPORTED, HopState.ERROR])
def test_unreadable_password_hop_changes_no_verdict(state: HopState) -> None:
    """Password hash sync is best effort: unknown for that hop alone."""
    found = judged(hop(HopName.PASSWORD, None, reported=state))
    assert (found.verdict, found.reasons) == (Verdict.OK, ())
    assert found.hop(HopName.PASSWORD).verdict is Verdict.UNKNOWN


def test_managed_domain_without_health_is_unknown() -> None:
    """A resource that answers without its health fields is unknown for the hop and for the tenant."""
    found = judged(hop(HopName.DOMAIN_SERVICES, None, reported=HopState.NOT_REPORTED, note="no replica set"))
    assert (found.verdict, codes(found)) == (Verdict.UNKNOWN, ["not-reported"])
    assert "no replica set" in found.reasons[0].text


def test_managed_domain_not_configured_is_no_reason() -> None:
    """Not monitored is unknown for the hop, and no fault of the tenant."""
    found = judged(hop(HopName.DOMAIN_SERVICES, None, reported=HopState.NOT_MONITORED))
    assert (found.verdict, found.reasons) == (Verdict.OK, ())
    assert found.hop(HopName.DOMAIN_SERVICES).verdict is Verdict.UNKNOWN


def test_nothing_known_is_unknown() -> None:
    """A tenant of which nothing was read is not ok."""
    empty = TenantSnapshot(name="contoso", tenant_id="1", at=START)
    assert judge(empty, THRESHOLDS, START).verdict is Verdict.UNKNOWN


# --- sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (SourceState.DENIED, ReasonCode.NOT_PERMITTED),
        (SourceState.THROTTLED, ReasonCode.THROTTLED),
        (SourceState.ERROR, ReasonCode.SOURCE_ERROR),
    ],
)
def test_failing_source_never_looks_healthy(state: SourceState, code: ReasonCode) -> None:
    """A source that fails makes the tenant unknown, keeps what was known, and says since when it is old."""
    status = source(state=state, error="boom", as_of=before(2 * HOUR))
    found = judged(hop(age=2 * HOUR + MINUTE, as_of=before(2 * HOUR)), sources=(status,))
    assert (found.verdict, codes(found)) == (Verdict.UNKNOWN, [code])
    assert "boom" in found.reasons[0].text
    assert "2h00m old" in found.reasons[0].text
    connect = found.hop(HopName.CONNECT)
    assert (connect.state, connect.verdict) == (HopState.OK, Verdict.UNKNOWN)


def test_known_trouble_outlives_its_source() -> None:
    """A hop that was stale when its source was last heard stays critical while the source fails."""
    status = source(state=SourceState.ERROR, error="down", as_of=before(DAY))
    found = judged(hop(age=DAY + 4 * HOUR, as_of=before(DAY)), sources=(status,))
    assert codes(found) == ["no-recent-synchronization", "source-error"]
    assert found.verdict is Verdict.CRITICAL


def test_poller_that_has_not_come_round_is_unknown() -> None:
    """A silent poller is not taken for a healthy one."""
    found = judged(sources=(source(late=True),))
    assert (found.verdict, codes(found)) == (Verdict.UNKNOWN, ["source-error"])
    assert found.hop(HopName.CONNECT).verdict is Verdict.UNKNOWN


def test_optional_source_changes_no_verdict() -> None:
    """Cloud Sync that the config does not name may be refused."""
    refused = source(SourceId.CLOUD_SYNC, SourceState.DENIED, optional=True)
    assert judged(sources=(refused,)).verdict is Verdict.OK


def test_source_not_read_yet_is_unknown() -> None:
    """Before the first answer the tenant is unknown, one reason per source."""
    waiting = source(state=SourceState.NEVER, as_of=None)
    found = judged(hop(age=None, as_of=None, reported=HopState.ERROR), sources=(waiting,))
    assert (found.verdict, codes(found)) == (Verdict.UNKNOWN, ["source-error"])
    assert "waiting for the first answer" in found.reasons[0].text


def test_throttled_source_says_when_it_is_asked_again() -> None:
    """The wait that the upstream asked for is in the text."""
    waiting = source(SourceId.COUNTS, SourceState.THROTTLED, retry_at=START)
    assert "asked again at 2026-11-22T03:00:00Z" in judged(sources=(waiting,)).reasons[0].text


def test_denied_source_names_the_permission() -> None:
    """The remedy of a refused reading is the permission it lacks."""
    for name, words in ((SourceId.COUNTS, "User.Read.All"), (SourceId.CONNECT_HEALTH, "Reader")):
        found = judged(sources=(source(name, SourceState.DENIED, error="403", http_status=403),))
        assert words in found.reasons[0].text
        assert found.reasons[0].remedies


def test_failed_sign_in_asks_for_no_permission() -> None:
    """Where there is no token at all, granting the account something is not the remedy."""
    found = judged(sources=(source(SourceId.COUNTS, SourceState.DENIED, error="no such command", http_status=None),))
    assert codes(found) == ["not-permitted"]
    assert "Grant" not in found.reasons[0].text


def test_a_throttled_count_is_throttled() -> None:
    """One type that could not be counted because the upstream throttles is told as throttled, not as broken."""
    found = judged(counts=(CountRow(type=ObjectType.GROUPS, entra=Reading.missing(Absence.THROTTLED, START)),))
    assert (found.verdict, codes(found)) == (Verdict.UNKNOWN, ["throttled"])


def test_a_directory_that_is_not_counted_to_its_end_is_not_healthy() -> None:
    """A large domain takes several polls to count: until then its state is not known, and the reason says why."""
    rows = (
        CountRow(type=ObjectType.USERS, on_premises=Reading.of(1, START)),
        CountRow(type=ObjectType.GROUPS, on_premises=Reading()),
    )
    found = judged(counts=rows, sources=(source(SourceId.ON_PREMISES),))
    assert (found.verdict, codes(found)) == (Verdict.UNKNOWN, ["source-error"])
    assert "on-premises: groups not counted yet" in found.reasons[0].text
    assert "timeout under [poll]" in found.reasons[0].text


def test_types_that_may_not_be_counted_are_named() -> None:
    """A count that is refused for some types is told as such, not shown as zero."""
    refused: Reading[int] = Reading.missing(Absence.NOT_PERMITTED, START)
    rows = (
        CountRow(type=ObjectType.DEVICES, entra=refused),
        CountRow(type=ObjectType.USERS, entra=Reading.of(1, START)),
    )
    found = judged(counts=rows)
    assert (found.verdict, codes(found)) == (Verdict.UNKNOWN, ["not-permitted"])
    assert "devices" in found.reasons[0].text
    assert "users" not in found.reasons[0].text
