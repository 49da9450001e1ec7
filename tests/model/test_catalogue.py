"""Every code that the upstreams are known to use is explained, with a remedy and a link."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.catalogue import Explanation, Stops, codes, entries, explain
from tui.model.states import ReasonCode, Severity

STOPPING = ["AADDS100", "AADDS102", "AADDS104", "AADDS106", "AADDS107", "AADDS108", "AADDS500", "AADDS503", "AADDS504"]
RISKING = [
    "AADDS103",
    "AADDS109",
    "AADDS110",
    "AADDS111",
    "AADDS112",
    "AADDS113",
    "AADDS114",
    "AADDS115",
    "AADDS116",
    "AADDS600",
]
HARMLESS = ["AADDS001", "AADDS122", "AADDS123", "AADDS501", "AADDS502"]
EXPORT_ERRORS = [
    "PropertyConflict",
    "InvalidSoftMatch",
    "InvalidHardMatch",
    "ObjectTypeMismatch",
    "AttributeValueMustBeUnique",
    "IdentityDataValidationFailed",
    "DataValidationFailed",
    "FederatedDomainChangeError",
    "LargeObject",
    "ExceededAllowedLength",
    "ExistingAdminRoleConflict",
    "114",
    "stopped-deletion-threshold-exceeded",
    "ServiceProvisioningError",
]
BUCKETS = [
    "DuplicateAttributeError",
    "DataMismatch",
    "DataValidationError",
    "LargeAttribute",
    "FederatedDomainChange",
    "Others",
    "All",
]
QUARANTINES = [
    "EncounteredBaseEscrowThreshold",
    "EncounteredTotalEscrowThreshold",
    "EncounteredEscrowProportionThreshold",
    "EncounteredQuarantineException",
    "QuarantinedOnDemand",
    "TooManyDeletes",
    "IngestionInterrupted",
    "Unknown",
]
MANAGED_DOMAIN_CODES = ["NameTaken", "InvalidValue", "TargetRefused", "MissingReference", "DeletionsHeld"]
HEALTH_ALERTS = {
    "Microsoft Entra Connect Sync Service isn't running": "service-down",
    "Import from Microsoft Entra ID failed": "entra-import",
    "Connection to Microsoft Entra ID failed due to authentication failure": "connector-permissions",
    "Export to Active Directory failed": "ad-export",
    "Import from Active Directory failed": "ad-import",
    "Export to Microsoft Entra ID failed": "entra-export",
    "Password Hash Synchronization heartbeat was skipped in last 120 minutes": "password-sync",
    "Password Hash Synchronization stopped working": "password-sync",
    "High CPU usage detected": "server-load",
    "High Memory Consumption Detected": "server-load",
    "Export to Microsoft Entra ID was Stopped. Accidental delete threshold was reached": "deletion-threshold",
    "Health service data isn't up to date": "health-data-old",
}
ROOT_CAUSE_ORDER = [
    "AADDS503 AADDS504",
    "AADDS106 AADDS107 AADDS108 AADDS100",
    "AADDS102 AADDS111",
    "AADDS104",
    "AADDS109 AADDS113 AADDS115 AADDS116",
    "AADDS110 AADDS112 AADDS114",
    "AADDS105",
    "AADDS500",
]


@pytest.mark.parametrize(
    "code", [*STOPPING, *RISKING, *HARMLESS, *EXPORT_ERRORS, *BUCKETS, *QUARANTINES, *MANAGED_DOMAIN_CODES]
)
def test_known_code_is_explained_in_any_case(code: str) -> None:
    """An operator reads what is wrong and what to do, however the upstream spells the code."""
    for spelled in (code, code.lower(), f" {code.upper()} "):
        found = explain(spelled)
        assert found.known
        assert found.code == spelled.strip()
        assert found.meaning
        assert found.remedy
        assert found.steps


def test_every_alert_of_the_published_pages_is_there(shared: Path) -> None:
    """No alert id that the documentation names is missing."""
    facts = (shared / "facts" / "domain.md").read_text(encoding="utf-8")
    section = facts.split("## 4. Domain Services health alerts")[1].split("\n## ")[0]
    published = set(re.findall(r"AADDS\d{3}", section.split("| id |")[1]))
    assert len(published) > 20
    assert [code for code in sorted(published) if not explain(code).known] == []


@pytest.mark.parametrize(
    ("group", "stops"),
    [(STOPPING, Stops.SYNC), (RISKING, Stops.RISK), (HARMLESS, Stops.NOTHING), (["AADDS105"], Stops.PASSWORDS)],
)
def test_alert_says_what_it_stops(group: list[str], stops: Stops) -> None:
    """An alert that stops the sync is told from one that only threatens it, or does not touch it."""
    assert {code: explain(code).stops for code in group} == dict.fromkeys(group, stops)


def test_root_causes_come_before_symptoms() -> None:
    """A disabled subscription is shown before the stopped sync that it causes."""
    ranks = [{explain(code).rank for code in group.split()} for group in ROOT_CAUSE_ORDER]
    assert all(max(first) < min(second) for first, second in pairwise(ranks))


def test_the_two_meanings_of_aadds101_are_told_apart() -> None:
    """The reused id is read by its title; in doubt it is the graver one."""
    assert explain("AADDS101", "Azure AD B2C is running in this directory").stops is Stops.SYNC
    assert explain("AADDS101", "Secure LDAP over the internet, port 636").stops is Stops.NOTHING
    assert explain("AADDS101").stops is Stops.SYNC


@pytest.mark.parametrize(("name", "cause"), HEALTH_ALERTS.items())
def test_connect_health_alert_is_known_by_its_name(name: str, cause: str) -> None:
    """An alert is recognized by its display name, in the product's old names too, whatever its code is."""
    old_name = name.replace("Microsoft Entra Connect", "Azure AD Connect").replace("Microsoft Entra ID", "Azure AD")
    for title in (name, old_name, name.upper().replace("ISN'T", "IS NOT"), f"{name}."):
        assert explain("a1b2-no-published-code", title).cause == cause
    assert explain(name).cause == cause


@pytest.mark.parametrize(
    ("result", "severity"),
    [
        ("success", Severity.INFO),
        ("in-progress", Severity.INFO),
        ("completed-transient-objects", Severity.INFO),
        ("completed-export-errors", Severity.WARNING),
        ("completed-sync-errors", Severity.WARNING),
        ("completed-warnings", Severity.WARNING),
        ("completed-something-new", Severity.WARNING),
        ("stopped-extension-dll-exception", Severity.CRITICAL),
        ("no-start-ma-already-running", Severity.CRITICAL),
        ("call-failure:ldap", Severity.CRITICAL),
    ],
)
def test_run_results_are_read_by_prefix(result: str, severity: Severity) -> None:
    """A result nobody has seen before is still classed by how its name begins."""
    assert explain(result).known
    assert explain(result).severity is severity


def test_named_run_results_beat_their_prefix() -> None:
    """no-start-credentials says that the account's password changed, not only that the run did not start."""
    assert explain("no-start-credentials").cause == "connector-permissions"
    assert explain("stopped-deletion-threshold-exceeded").cause == "deletion-threshold"


def test_same_fault_in_other_words_has_one_cause() -> None:
    """What Graph and Connect Health call by different names is merged."""
    assert (
        len({explain(code).cause for code in ("PropertyConflict", "AttributeValueMustBeUnique", "InvalidSoftMatch")})
        == 1
    )
    assert explain("DataValidationFailed").cause == explain("IdentityDataValidationFailed").cause
    assert explain("LargeObject").cause == explain("ExceededAllowedLength").cause != explain("PropertyConflict").cause


def test_unknown_code_is_shown_as_it_is() -> None:
    """Nothing is made up about a code that is not in the catalogue, and it does not look harmless."""
    found = explain("[Brand] New")
    assert (found.known, found.title, found.link) == (False, "[Brand] New", "")
    assert found.severity is Severity.WARNING
    assert not explain("").known


def test_late_synchronization_names_causes_and_remedies() -> None:
    """The two headline reasons carry their likely causes, and remedies in the order to try."""
    for code in (ReasonCode.NO_RECENT_SYNCHRONIZATION, ReasonCode.LAST_SYNCED_OVER_3_DAYS):
        found = explain(code)
        causes, steps = " ".join(found.causes), " ".join(found.steps)
        for word in ("settings", "permissions", "ADSync service", "staging mode", "certificate", "443"):
            assert word in causes, (code, word)
        for word in ("Get-ADSyncScheduler", "no-start-credentials", "Replicate Directory Changes All", "express"):
            assert word in steps, (code, word)
        assert "ADSync" in found.steps[0]


def test_every_entry_is_complete() -> None:
    """Each entry has plain one-line texts and, where there is something to do, a Microsoft page."""
    for entry in entries():
        texts = (entry.title, entry.meaning, entry.remedy, *entry.steps, *entry.causes)
        assert all(text.strip() == text and text and "\n" not in text for text in texts), entry.code
        assert len(entry.remedy) <= 120, entry.code
        assert entry.steps or entry.severity is Severity.INFO, entry.code
        assert re.fullmatch(r"https://learn\.microsoft\.com/[\w./-]+(#[\w-]+)?", entry.link), entry.code


def test_no_code_is_explained_twice() -> None:
    """Only AADDS101 has two meanings, and the alerts by which a sync of our own tells its troubles."""
    seen = [code.casefold() for code in codes()]
    assert sorted({code for code in seen if seen.count(code) > 1}) == ["aadds101", "aadds104", "aadds105", "aadds500"]


@pytest.mark.parametrize(("code", "cause"), [("AADDS104", "network"), ("AADDS105", "sync-account"), ("AADDS500", "")])
def test_an_alert_of_our_own_sync_is_not_explained_as_microsofts(code: str, cause: str) -> None:
    """Who runs synctop sync is not sent to network security groups and service principals of Azure."""
    ours = explain(code, "synctop sync: the directory does not answer")
    assert ours.title != explain(code).title
    assert ours.stops is Stops.SYNC
    assert "synctop sync" in ours.meaning
    assert not cause or ours.cause == cause


@given(st.text(), st.text())
def test_any_text_is_explained(code: str, hint: str) -> None:
    """No code or title, however odd, breaks the explanation."""
    found = explain(code, hint)
    assert isinstance(found, Explanation)
    assert found.title
    assert found.remedy
