"""`check`: one line that monitoring systems parse."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given
from msgspec.structs import replace

from tests import builders
from tests.helpers import START
from tests.reports.snapshots import MANY, MOMENTS
from tui.model.snapshot import Reason, TenantSnapshot, Thresholds
from tui.model.states import HopName, ReasonCode, Severity, Verdict
from tui.reports.text_line import text_line
from tui.reports.verdicts import exit_code, failing, worst

METRIC = re.compile(r"'([^'=|]+)'=(?:(\d+)(s?)|(U));(\d*);(\d*);0 ?")


def line(*snapshots: TenantSnapshot) -> str:
    return text_line(snapshots, START, Thresholds())


def perfdata(text: str) -> dict[str, tuple[int | None, str]]:
    """label -> (value, unit), as a monitoring system would parse it; fails on anything it would not understand."""
    found, position = {}, 0
    while position < len(text):
        match = METRIC.match(text, position)
        assert match, text[position:]
        found[match[1]] = (None if match[4] else int(match[2]), match[3] or "")
        position = match.end()
    return found


def test_a_healthy_tenant_reads_as_ok() -> None:
    """The ages of the three hops, and the same in the performance data with their limits."""
    assert line(builders.healthy()) == (
        "SYNCTOP OK - contoso: AD > Entra 12m04s old; Password hash 48s old; Entra > DS 6m40s old"
        " | 'contoso connect_age'=724s;3600;10800;0 'contoso password_age'=48s;7200;86400;0"
        " 'contoso domain_services_age'=400s;7200;86400;0 'contoso failures'=0;;;0"
    )


def test_trouble_names_the_worst_first() -> None:
    """Three reasons at most, the stopped hop first, each age once with the limit it broke."""
    message, metrics = line(builders.trouble()).split(" | ")
    assert message == (
        "SYNCTOP CRITICAL - contoso: "
        "no recent synchronization, last synced more than 3 days ago: AD > Entra 3d02h old (limit 3h); "
        "AADDS104: Microsoft can't reach the domain controllers, so nothing is synchronized; "
        "Entra > DS 2h05m old (limit 2h); 2 more"
    )
    assert perfdata(metrics) == {
        "contoso connect_age": (266_400, "s"),
        "contoso password_age": (None, ""),
        "contoso domain_services_age": (7_500, "s"),
        "contoso failures": (3, ""),
    }


def test_failing_objects_are_counted_in_the_line() -> None:
    """Their number is the number read, not a word."""
    assert line(builders.many_failures(1)).startswith("SYNCTOP WARNING - contoso: 1 failing object |")
    assert "1,204 failing objects" in line(builders.many_failures(1_204))


def test_what_is_not_known_is_u() -> None:
    """A denied tenant has no figure, and no zero either."""
    message, metrics = line(builders.never_read()).split(" | ")
    assert message == "SYNCTOP UNKNOWN - contoso: Graph may not be read"
    assert {value for value, _ in perfdata(metrics).values()} == {None}


def test_the_worst_tenant_comes_first() -> None:
    """With several tenants the line begins with the one that needs a person."""
    text = line(builders.healthy("alpha"), builders.trouble("beta"), builders.never_read("gamma"))
    assert text.startswith("SYNCTOP CRITICAL - beta: ")
    assert text.index("beta:") < text.index("gamma:") < text.index("alpha:")


def test_no_tenant_is_unknown() -> None:
    """Nothing looked at is nothing known."""
    assert line() == "SYNCTOP UNKNOWN - no tenant"


def test_a_long_reason_is_cut() -> None:
    """The line stays readable however long an upstream's sentence is."""
    reason = Reason(code=ReasonCode.SOURCE_ERROR, severity=Severity.UNKNOWN, hop=None, text="x" * 5_000)
    assert len(line(replace(builders.healthy(), reasons=(reason,)))) < 500


def test_an_age_reason_without_its_hop_still_reads() -> None:
    """A snapshot that lacks the hop of a reason does not break the line."""
    reason = Reason(
        code=ReasonCode.CONNECT_LATE, severity=Severity.WARNING, hop=HopName.CONNECT, text="AD > Entra is late."
    )
    bare = replace(builders.never_read(), hops=(), reasons=(reason,))
    assert "contoso: AD > Entra not monitored (limit 1h) |" in line(bare)


def test_an_impossible_clock_is_an_unknown_age() -> None:
    """An age that no clock can tell is U, not a crash."""
    calm = builders.healthy()
    text = line(replace(calm, hops=(replace(calm.hops[0], clock_offset_s=float("inf")), *calm.hops[1:])))
    assert "'contoso connect_age'=U;" in text


@given(snapshots=MANY, at=MOMENTS)
def test_any_snapshot_gives_one_parsable_line(snapshots: list[TenantSnapshot], at: datetime) -> None:
    """No name or message adds a line, a second bar or a metric that cannot be parsed."""
    text = text_line(snapshots, at, Thresholds())
    assert text.isprintable()
    assert len(text.split("|")) == (2 if snapshots else 1)
    message, _, metrics = text.partition(" | ")
    assert re.match(r"SYNCTOP (OK|WARNING|CRITICAL|UNKNOWN) - \S", message)
    assert len(message) < 2_100
    perfdata(metrics)


@pytest.mark.parametrize(
    ("verdict", "code"), [(Verdict.OK, 0), (Verdict.WARNING, 1), (Verdict.CRITICAL, 2), (Verdict.UNKNOWN, 3)]
)
def test_exit_codes_follow_the_plugin_convention(verdict: Verdict, code: int) -> None:
    """0 ok, 1 warning, 2 critical, 3 unknown."""
    assert exit_code(verdict) == code


def test_the_worst_verdict_wins() -> None:
    """Critical outranks warning, warning outranks unknown, unknown outranks ok."""
    order = [Verdict.OK, Verdict.UNKNOWN, Verdict.WARNING, Verdict.CRITICAL]
    assert [worst(order[: count + 1]) for count in range(4)] == order
    assert worst([]) is Verdict.UNKNOWN


def test_failures_are_unknown_until_every_source_has_told() -> None:
    """Zero is said only when nobody who could know better has been silent since the start."""
    calm = builders.healthy()
    assert failing(calm) == 0
    assert failing(builders.stale()) == 0  # read once, old by now: its sources say so
    silent = replace(calm, sources=tuple(replace(each, as_of=None) for each in builders.stale().sources))
    assert failing(silent) is None
    assert failing(replace(calm, sources=())) is None
