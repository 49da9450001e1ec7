"""Active health alerts stand in the feed among the failures, explained alike, and are not counted as objects."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START
from tests.screens import scenes
from tui.model.alert_rows import alert_rows, feed_rows
from tui.model.facts import Alert
from tui.model.failures import explanation, search_text, summary
from tui.model.states import HopName, Severity

NETWORK = Alert(source="domain-services", code="AADDS104", title="Network error", raised=START, where="West Europe")
HEALTH = Alert(source="connect-health", code="x-1", title="Import from Active Directory failed", where="SYNC01")
ALERTS = st.lists(
    st.builds(
        Alert,
        source=st.sampled_from(["domain-services", "connect-health"]),
        code=st.text(max_size=9),
        title=st.text(max_size=9),
        severity=st.text(max_size=9),
        raised=st.none() | st.datetimes().map(lambda when: when.replace(tzinfo=START.tzinfo)),
        text=st.text(max_size=9),
        where=st.text(max_size=9),
    ),
    max_size=5,
).map(tuple)


def test_a_domain_alert_is_a_row_with_its_meaning() -> None:
    """AADDS104 stands under its code, critical, on the managed domain, with the steps that clear it."""
    (row,) = alert_rows((NETWORK,))
    assert (row.code, row.severity, row.hop) == ("AADDS104", Severity.CRITICAL, HopName.DOMAIN_SERVICES)
    assert row.object.name == "(managed domain West Europe)"
    assert "5986" in " ".join(explanation(row).steps)


def test_a_health_alert_is_explained_by_its_title() -> None:
    """Connect Health publishes no codes: the row is named by what is wrong, and explained all the same."""
    (row,) = alert_rows((HEALTH,))
    assert row.code == "Import from Active Directory failed"
    assert explanation(row).known


def test_alerts_stand_at_their_time() -> None:
    """An alert is as far down the feed as it is old; one without a time is active now and comes first."""
    failures = scenes.failures(3)
    between = failures[1].last_seen
    assert between is not None
    dated = Alert(source="domain-services", code="AADDS104", title="", raised=between + timedelta(seconds=1))
    rows = feed_rows(failures, (dated, HEALTH))
    assert [row.code for row in rows] == [
        "Import from Active Directory failed",
        failures[0].code,
        "AADDS104",
        failures[1].code,
        failures[2].code,
    ]


def test_without_alerts_the_feed_is_the_failures() -> None:
    """A healthy managed domain costs nothing, even beside very many failures."""
    failures = scenes.failures(3)
    assert feed_rows(failures, ()) is failures


@given(ALERTS)
def test_no_alert_crashes_the_feed(alerts: tuple[Alert, ...]) -> None:
    """Whatever an upstream calls its alerts, each can be shown, told and searched for, under an id of its own."""
    rows = feed_rows(scenes.failures(2), alerts)
    assert len({row.id for row in rows}) == len(rows)
    assert all(summary(row) and search_text(row) for row in rows)
