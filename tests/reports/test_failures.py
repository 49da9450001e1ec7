"""`failures`: the table for people, the CSV for spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders
from tests.reports.snapshots import MANY
from tui.model.snapshot import TenantSnapshot
from tui.reports.failures_csv import COLUMNS, failures_csv
from tui.reports.failures_table import cell_width, failures_table


def rows(*snapshots: TenantSnapshot) -> list[dict[str, str]]:
    """The CSV as a reader sees it, with the protecting apostrophes taken off."""
    text = "".join(failures_csv(snapshots))
    return [
        {name: cell.removeprefix("'") for name, cell in row.items()}
        for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)
    ]


def table(*snapshots: TenantSnapshot, width: int | None = None) -> list[str]:
    return "".join(failures_table(snapshots, width)).splitlines()


def test_the_csv_has_a_line_for_each_failure() -> None:
    """Tenant, object, cause, both sides of a conflict, meaning and remedy."""
    first, second, third = rows(builders.trouble())
    assert first["tenant"] == "contoso"
    assert first["code"] == "PropertyConflict"
    assert first["object_dn"] == "CN=Jane Doe 0,OU=Sales,DC=contoso,DC=com"
    assert first["conflict_name"] == "Jane Dough"
    assert first["last_seen"] == "2026-11-22T02:59:44Z"
    assert first["sources"] == "graph connect-health"
    assert first["remedy"]
    assert (second["severity"], second["conflict_name"]) == ("critical", "")
    assert (third["code"], third["first_seen"]) == ("BrandNewErrorNobodyKnows", "")


def test_an_empty_csv_still_has_its_header() -> None:
    """A program that reads it finds the columns."""
    assert "".join(failures_csv([builders.healthy()])) == ",".join(COLUMNS) + "\r\n"


@settings(deadline=None)
@given(snapshots=MANY)
def test_the_csv_reads_back_as_written(snapshots: list[TenantSnapshot]) -> None:
    """Every cell comes back exactly, after dropping one leading apostrophe, whatever characters are in it."""
    failures = [(snapshot, failure) for snapshot in snapshots for failure in snapshot.failures]
    read = rows(*snapshots)
    assert len(read) == len(failures)
    for row, (snapshot, failure) in zip(read, failures, strict=True):
        assert row["tenant"] == snapshot.name
        assert row["value"] == (failure.value or "")
        assert row["object_name"] == (failure.object.name or "")
        assert row["message"] == failure.message


@settings(deadline=None)
@given(snapshots=MANY)
def test_no_cell_is_a_formula(snapshots: list[TenantSnapshot]) -> None:
    """A spreadsheet opens the file without running anything."""
    text = "".join(failures_csv(snapshots))
    for row in csv.reader(io.StringIO(text, newline="")):
        assert len(row) == len(COLUMNS)
        assert not any(cell[:1] in tuple("=+-@\t\r\n＝＋－＠") for cell in row if cell)


def test_the_table_shows_each_failure_and_the_total() -> None:
    """Where there is no terminal, nothing is cut."""
    lines = table(builders.trouble())
    assert lines[0].split() == ["LAST", "SEV", "HOP", "CODE", "OBJECT", "ATTRIBUTE", "VALUE", "CONFLICTS", "WITH"]
    assert lines[1].startswith("2026-11-22T02:59:44Z  WARN  AD>Entra  PropertyConflict")
    assert "CN=Jane Doe 0,OU=Sales,DC=contoso,DC=com" in lines[1]
    assert lines[3].split()[3:] == ["BrandNewErrorNobodyKnows", "Print", "Ops", "-", "-", "-"]
    assert lines[4:] == ["contoso: 3 failing objects"]


def test_tenants_are_named_where_there_are_several() -> None:
    """The tenant is the first column, and each has its total."""
    lines = table(builders.trouble(), builders.healthy("fabrikam"))
    assert lines[0].startswith("TENANT")
    assert lines[1].startswith("contoso")
    assert lines[-2:] == ["contoso: 3 failing objects", "fabrikam: 0 failing objects"]


def test_the_table_does_not_call_the_unknown_zero() -> None:
    """A tenant that may not be read has an unknown number of failures."""
    assert table(builders.never_read()) == ["contoso: failing objects are not known"]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("build", [builders.trouble, builders.hostile])
def test_the_table_fits_the_terminal(width: int, build: type) -> None:
    """No line is wider than the terminal, wide characters counted; code and object stay to the last."""
    lines = table(build(), width=width)
    assert max(cell_width(line) for line in lines[:-1]) <= width
    assert "CODE" in lines[0]
    assert "OBJECT" in lines[0]


def test_narrow_terminals_lose_the_least_important_columns() -> None:
    """At 80 columns time, severity, hop, code and object are there; what was cut is marked."""
    lines = table(builders.trouble(), width=80)
    assert lines[0].split() == ["LAST", "SEV", "HOP", "CODE", "OBJECT"]
    assert "~" in lines[1]
    assert table(builders.trouble(), width=40)[0].split() == ["SEV", "CODE", "OBJECT"]


@settings(deadline=None)
@given(snapshots=MANY, width=st.none() | st.integers(40, 250))
def test_any_failures_make_a_table(snapshots: list[TenantSnapshot], width: int | None) -> None:
    """Nothing that was read breaks the table."""
    assert len("".join(failures_table(snapshots, width))) >= len(snapshots)
