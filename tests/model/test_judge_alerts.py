"""From alerts, Cloud Sync jobs and failing objects to a verdict and its reasons."""

from __future__ import annotations

import pytest

from tests.model.judging import (
    DAY,
    HOUR,
    before,
    codes,
    domain_alert,
    failure,
    health_alert,
    hop,
    job,
    judged,
    reason,
    source,
)
from tui.model.facts import Quarantine, SyncExecution, SyncServer
from tui.model.snapshot import (
    Run,
)
from tui.model.states import HopName, ReasonCode, Severity, SourceId, SourceState, Verdict

# --- alerts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("AADDS104", Severity.CRITICAL),
        ("AADDS500", Severity.CRITICAL),
        ("AADDS503", Severity.CRITICAL),
        ("AADDS105", Severity.WARNING),
        ("AADDS115", Severity.WARNING),
        ("AADDS502", Severity.WARNING),
        ("AADDS999", Severity.WARNING),
    ],
)
def test_domain_alert_is_critical_when_it_stops_the_sync(code: str, severity: Severity) -> None:
    """Each alert is a reason with its id in the text, as grave as what it stops."""
    found = judged(alerts=(domain_alert(code, "Some title"),))
    assert codes(found) == ["domain-services-alert"]
    assert found.reasons[0].severity is severity
    assert code in found.reasons[0].text


def test_root_cause_comes_before_its_symptom() -> None:
    """The network fault is read before the stopped sync, and that before the age it leads to."""
    alerts = (domain_alert("AADDS501"), domain_alert("AADDS500"), domain_alert("AADDS104"))
    found = judged(hop(HopName.DOMAIN_SERVICES, 2 * DAY), alerts=alerts)
    assert [one.text.split()[0] for one in found.reasons] == ["AADDS104", "AADDS500", "Managed", "AADDS501"]
    assert "AADDS104" in reason(found, ReasonCode.DOMAIN_SERVICES_LATE).text


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("Error", Severity.CRITICAL),
        ("Warning", Severity.WARNING),
        ("PreWarning", Severity.WARNING),
        ("?", Severity.WARNING),
    ],
)
def test_connect_health_alert_is_as_grave_as_its_level(level: str, severity: Severity) -> None:
    """Error is critical; everything else, also a word never seen, a warning."""
    found = judged(alerts=(health_alert("Odd new alert", level),))
    assert [(one.code, one.severity) for one in found.reasons] == [("connect-health-alert", severity)]
    assert "Odd new alert" in found.reasons[0].text


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"alerts": (health_alert("Connection to Microsoft Entra ID failed due to authentication failure"),)},
            "permissions",
        ),
        ({"alerts": (health_alert("Azure AD Connect Sync Service is not running"),)}, "ADSync"),
        ({"runs": (Run(hop=HopName.CONNECT, step="import", result="no-start-credentials"),)}, "credentials"),
        ({"servers": (SyncServer(name="s1", staging=True),)}, "staging"),
        ({"jobs": (job(status="Paused"),)}, "paused"),
    ],
)
def test_evidence_names_the_likely_cause(parts: dict[str, object], words: str) -> None:
    """Where another reading tells why the sync is late, the text says that instead of guessing."""
    told = reason(judged(hop(age=4 * HOUR), **parts), ReasonCode.NO_RECENT_SYNCHRONIZATION)
    assert words in told.text
    guessed = reason(judged(hop(age=4 * HOUR)), ReasonCode.NO_RECENT_SYNCHRONIZATION)
    assert told.remedies[0] != guessed.remedies[0], "the steps against this very cause come first"


def test_domain_alert_is_no_evidence_for_the_hop_before_it() -> None:
    """A fault of the managed domain does not explain a late Connect."""
    found = judged(hop(age=4 * HOUR), alerts=(domain_alert("AADDS104"),))
    assert "express settings" in reason(found, ReasonCode.NO_RECENT_SYNCHRONIZATION).text


# --- Cloud Sync, deletions, failures ----------------------------------------------------------------------------------


def test_quarantined_job_is_critical() -> None:
    """Each job in quarantine is named, with the reason in words."""
    jobs = (
        job(quarantine=Quarantine(reason="EncounteredTotalEscrowThreshold", error_message="hm")),
        job(status="Quarantine"),
    )
    found = judged(jobs=jobs)
    assert codes(found) == ["cloud-sync-quarantined"] * 2
    assert found.verdict is Verdict.CRITICAL
    assert "corp.local" in found.reasons[0].text


@pytest.mark.parametrize(
    "parts",
    [
        {"jobs": (job(status="Quarantine", quarantine=Quarantine(reason="TooManyDeletes")),)},
        {"alerts": (health_alert("Export to Azure AD was stopped. Accidental delete threshold was reached"),)},
        {"failures": (failure("stopped-deletion-threshold-exceeded", Severity.CRITICAL),)},
        {"runs": (Run(hop=HopName.CONNECT, step="export", result="stopped-deletion-threshold-exceeded"),)},
    ],
)
def test_too_many_deletions_are_told_whoever_says_so(parts: dict[str, object]) -> None:
    """An export held back by deletions is one critical reason."""
    found = judged(deletion_threshold=500, **parts)
    assert codes(found).count("deletion-threshold") == 1
    told = reason(found, ReasonCode.DELETION_THRESHOLD)
    assert told.severity is Severity.CRITICAL
    assert "500" in told.text


def test_old_deletion_stop_is_over_when_a_newer_run_went_through() -> None:
    """A run that was stopped yesterday no longer alarms when the same step succeeded since."""
    runs = (
        Run(hop=HopName.CONNECT, step="export", result="success"),
        Run(hop=HopName.CONNECT, step="export", result="stopped-deletion-threshold-exceeded"),
    )
    assert judged(runs=runs).verdict is Verdict.OK


def test_objects_set_aside_are_told_though_the_run_succeeded() -> None:
    """A run that calls itself succeeded but set objects aside is a warning with their number."""
    found = judged(jobs=(job(last_execution=SyncExecution(state="Succeeded", escrowed=3)),))
    assert (found.verdict, codes(found)) == (Verdict.WARNING, ["cloud-sync-escrowed"])
    assert "3 objects" in found.reasons[0].text
    assert judged(jobs=(job(last_execution=SyncExecution(state="Succeeded", escrowed=0)),)).verdict is Verdict.OK
    assert judged(jobs=(job(last_execution=SyncExecution(state="EntryLevelErrors")),)).verdict is Verdict.WARNING


def test_job_that_hangs_behind_a_fresh_tenant_is_late() -> None:
    """When Connect keeps the tenant's time fresh, a Cloud Sync job that stopped is still seen."""
    found = judged(jobs=(job(interval_s=120.0, last_success=before(2 * HOUR)),))
    assert codes(found) == ["connect-late"]
    assert "corp.local" in found.reasons[0].text
    assert judged(jobs=(job(interval_s=HOUR, last_success=before(2 * HOUR)),)).verdict is Verdict.OK
    late = judged(hop(age=2 * HOUR), jobs=(job(interval_s=120.0, last_success=before(2 * HOUR)),))
    assert codes(late) == ["connect-late"]


def test_failing_objects_are_counted() -> None:
    """The number of failing objects is in the text; a cut list says at least."""
    found = judged(failures=(failure(),), failures_total=1204)
    assert (found.verdict, codes(found)) == (Verdict.WARNING, ["object-failures"])
    assert found.reasons[0].text.startswith("1,204 objects fail to sync")
    cut = judged(failures=(failure(),), failures_total=1204, failures_truncated=True)
    assert cut.reasons[0].text.startswith("At least 1,204 objects")
    assert judged(failures=(failure(),)).reasons[0].text.startswith("1 object fails")


def test_errors_that_are_only_counted_are_not_hidden() -> None:
    """When Connect Health gives the count but not the list, the count is told."""
    found = judged(error_counts={"DuplicateAttributeError": 49, "All": 49, "Others": 0})
    assert codes(found) == ["object-failures"]
    assert "49 failing objects" in found.reasons[0].text
    assert judged(error_counts={"All": 0}).verdict is Verdict.OK


def test_worst_comes_first() -> None:
    """Reasons are read critical first, then warnings, then what is unknown."""
    found = judged(
        hop(age=4 * HOUR),
        failures=(failure(),),
        alerts=(domain_alert("AADDS502"), domain_alert("AADDS104")),
        sources=(source(SourceId.COUNTS, SourceState.THROTTLED),),
    )
    order = [Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN]
    severities = [one.severity for one in found.reasons]
    assert severities == sorted(severities, key=order.index)
    assert codes(found)[0] == "domain-services-alert"
    assert codes(found)[-1] == "throttled"
