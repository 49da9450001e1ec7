"""`check --format json`, `failures --format json` and `jsonl`: the shape other programs rely on."""

from __future__ import annotations

import json
import tracemalloc
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from tests import builders
from tests.helpers import START
from tests.reports.snapshots import MANY, MOMENTS
from tui.model.reading import Absence
from tui.model.snapshot import Lag, LagFigures, TenantSnapshot
from tui.reports.failures_json import failures_json, failures_jsonl
from tui.reports.json_document import json_chunks, json_document

# Written by hand from the contract, not from the code: what a program that reads the answer may rely on.
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$"}
MAYBE_TIME = {"anyOf": [TIME, {"type": "null"}]}
COUNT = {"type": ["integer", "null"]}
SECONDS = {"type": ["number", "null"], "minimum": 0}
TEXT = {"type": "string"}
MAYBE_TEXT = {"type": ["string", "null"]}
ABSENCE = {"enum": [None, *(absence.value for absence in Absence)]}
VERDICT = {"enum": ["ok", "warning", "critical", "unknown"]}
HOP_NAMES = ["connect", "password", "domain-services"]
TYPES = ["users", "groups", "contacts", "devices"]
HOP_STATES = [
    *("ok", "late", "stale", "never", "disabled", "off"),
    *("not-permitted", "not-reported", "not-monitored", "error"),
]


def shape(**properties: Any) -> dict[str, Any]:
    """An object that has all of `properties`, and may have more."""
    return {"type": "object", "required": list(properties), "properties": properties}


def rows(key: str, names: list[str], row: dict[str, Any]) -> dict[str, Any]:
    """Exactly one row for each of `names`, in that order."""
    each = [{**row, "properties": {**row["properties"], key: {"const": name}}} for name in names]
    return {"type": "array", "prefixItems": each, "minItems": len(names), "maxItems": len(names)}


OBJECT = shape(type=MAYBE_TEXT, id=MAYBE_TEXT, name=MAYBE_TEXT, dn=MAYBE_TEXT)
FAILURE = shape(
    id=TEXT,
    severity={"enum": ["critical", "warning", "info"]},
    hop={"enum": HOP_NAMES},
    sources={"type": "array", "items": TEXT},
    code=TEXT,
    object=OBJECT,
    attribute=MAYBE_TEXT,
    value=MAYBE_TEXT,
    conflicts_with={"anyOf": [OBJECT, {"type": "null"}]},
    first_seen=MAYBE_TIME,
    last_seen=MAYBE_TIME,
    summary=TEXT,
    remedy=TEXT,
    docs=MAYBE_TEXT,
)
SOURCE = shape(
    source=TEXT,
    state={"enum": ["ok", "error", "denied", "throttled", "not-configured", "never"]},
    as_of=MAYBE_TIME,
    http_status={"type": ["integer", "null"]},
    latency_ms={"type": ["number", "null"]},
    error=MAYBE_TEXT,
    retry_at=MAYBE_TIME,
)
TENANT = shape(
    name=TEXT,
    tenant_id=TEXT,
    verdict=VERDICT,
    reasons={
        "type": "array",
        "items": shape(
            code=TEXT,
            severity={"enum": ["critical", "warning", "unknown", "info"]},
            hop={"enum": [*HOP_NAMES, None]},
            text=TEXT,
        ),
    },
    hops=rows(
        "hop",
        HOP_NAMES,
        shape(
            hop=TEXT,
            state={"enum": HOP_STATES},
            verdict=VERDICT,
            last_success=MAYBE_TIME,
            age_s=SECONDS,
            as_of=MAYBE_TIME,
        ),
    ),
    counts=rows(
        "type",
        TYPES,
        shape(
            type=TEXT,
            on_premises=COUNT,
            entra=COUNT,
            entra_synced=COUNT,
            managed_domain=COUNT,
            difference=shape(in_flight=COUNT, failed=COUNT, excluded=COUNT, unexplained=COUNT),
            as_of=shape(entra=MAYBE_TIME, managed_domain=MAYBE_TIME),
            absence=shape(on_premises=ABSENCE, entra=ABSENCE, managed_domain=ABSENCE),
        ),
    ),
    failures={"type": "array", "items": FAILURE},
    failures_total=COUNT,
    failures_truncated={"type": "boolean"},
    sources={"type": "array", "items": SOURCE},
)
DOCUMENT = shape(schema={"const": 1}, at=TIME, verdict=VERDICT, tenants={"type": "array", "items": TENANT})
VALIDATOR = Draft202012Validator(DOCUMENT)


def strictly(text: str) -> Any:
    """`text` as a strict parser reads it: no NaN, no infinity, nothing that is not UTF-8."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    value = json.loads(text, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


@settings(deadline=None)
@given(snapshots=MANY, at=MOMENTS)
def test_any_snapshot_comes_out_in_the_contracts_shape(snapshots: list[TenantSnapshot], at: datetime) -> None:
    """Whatever was read, the document is valid JSON with every promised key, type and null."""
    document = strictly("".join(json_chunks(snapshots, at)))
    VALIDATOR.validate(document)


@settings(deadline=None)
@given(snapshots=MANY, at=MOMENTS)
def test_the_streamed_text_says_the_same_as_the_value(snapshots: list[TenantSnapshot], at: datetime) -> None:
    """Writing in pieces changes nothing."""
    assert strictly("".join(json_chunks(snapshots, at))) == json_document(snapshots, at)


@pytest.mark.parametrize(
    "build",
    [builders.healthy, builders.trouble, builders.first_sync, builders.stale, builders.never_read, builders.hostile],
)
def test_realistic_mornings_hold_the_contract(build: Any) -> None:
    """Every builder's snapshot validates."""
    VALIDATOR.validate(json_document([build()], START))


def test_trouble_is_told_in_full() -> None:
    """The figures of a bad morning, field by field."""
    document = json_document([builders.trouble(), builders.healthy("fabrikam")], START)
    tenant = document["tenants"][0]
    connect, password, domain_services = tenant["hops"]
    assert (document["verdict"], tenant["verdict"]) == ("critical", "critical")
    assert document["at"] == "2026-11-22T03:00:00Z"
    assert connect["state"] == "stale"
    assert connect["age_s"] == 266_400.0
    assert connect["last_success"] == "2026-11-19T01:00:00Z"
    assert connect["as_of"] == "2026-11-22T02:59:56Z"
    assert (password["state"], password["age_s"], password["last_success"]) == ("not-permitted", None, None)
    assert domain_services["verdict"] == "warning"
    assert tenant["counts"][0]["entra"] == 48_097
    assert tenant["counts"][0]["on_premises"] is None
    assert tenant["counts"][0]["difference"] == {"in_flight": 1, "failed": 1, "excluded": 20, "unexplained": 1}
    assert tenant["counts"][0]["absence"]["on_premises"] == "not monitored"
    assert tenant["failures_total"] == 3
    assert tenant["failures"][0]["sources"] == ["graph", "connect-health"]
    assert tenant["failures"][0]["conflicts_with"]["name"] == "Jane Dough"
    assert tenant["failures"][0]["docs"].startswith("https://")
    assert tenant["failures"][0]["remedy"]
    assert tenant["failures"][2]["conflicts_with"] is None
    assert tenant["sources"][2]["state"] == "denied"
    assert tenant["sources"][2]["http_status"] == 403


def test_what_was_never_read_is_null_not_zero() -> None:
    """A denied tenant has no zeros in it."""
    tenant = json_document([builders.never_read()], START)["tenants"][0]
    assert tenant["failures_total"] is None
    for row in tenant["counts"]:
        figures = [row[side] for side in ("on_premises", "entra", "entra_synced", "managed_domain")]
        assert figures == [None] * 4
        assert set(row["difference"].values()) == {None}


def test_a_count_of_zero_is_zero_not_null() -> None:
    """Nothing failing, read from every source, is the number 0."""
    tenant = json_document([builders.healthy()], START)["tenants"][0]
    assert tenant["failures_total"] == 0
    assert tenant["counts"][0]["difference"]["failed"] == 0


def test_an_empty_answer_is_unknown() -> None:
    """No tenant at all is not "ok"."""
    assert strictly("".join(json_chunks([], START))) == {
        "schema": 1,
        "at": "2026-11-22T03:00:00Z",
        "verdict": "unknown",
        "tenants": [],
    }


def test_many_failures_are_written_piece_by_piece() -> None:
    """The text of many failures never stands in memory as a whole."""
    snapshot = builders.many_failures(3_000)
    tracemalloc.start()
    pieces = size = 0
    for chunk in json_chunks([snapshot], START):
        pieces, size = pieces + 1, size + len(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pieces > 3_000
    assert size > 2_000_000
    assert peak < 500_000


@settings(deadline=None)
@given(snapshots=MANY, at=MOMENTS)
def test_failures_as_json_hold_the_same_entries(snapshots: list[TenantSnapshot], at: datetime) -> None:
    """`failures --format json` has the failures of `check --format json`, and says how each source went."""
    document = strictly("".join(failures_json(snapshots, at)))
    whole = json_document(snapshots, at)
    keys = ("name", "tenant_id", "failures", "failures_total", "failures_truncated", "sources")
    assert document["tenants"] == [{key: tenant[key] for key in keys} for tenant in whole["tenants"]]
    assert (document["schema"], document["at"]) == (1, whole["at"])


@settings(deadline=None)
@given(snapshots=MANY)
def test_each_json_line_is_one_failure(snapshots: list[TenantSnapshot]) -> None:
    """Every line parses on its own and names its tenant."""
    lines = "".join(failures_jsonl(snapshots)).splitlines()
    entries = [strictly(line) for line in lines]
    assert len(entries) == sum(len(snapshot.failures) for snapshot in snapshots)
    for entry in entries:
        Draft202012Validator(FAILURE).validate(entry)
        assert "tenant" in entry


def test_measured_lag_is_told_and_its_absence_too() -> None:
    """A hop that is measured tells its figures, an idle one null figures, and one that is not measured null."""
    lag = Lag(
        hour=LagFigures(samples=3, median_s=61.0, p95_s=90.5, max_s=91.0), in_flight=2, oldest_s=12.5, truncated=True
    )
    healthy = builders.healthy()
    hops = (replace(healthy.hops[0], lag=lag), *(replace(hop, lag=None) for hop in healthy.hops[1:]))
    connect, password, _ = json_document([replace(healthy, hops=hops)], START)["tenants"][0]["hops"]
    assert connect["lag"] == {
        "hour": {"samples": 3, "median_s": 61.0, "p95_s": 90.5, "max_s": 91.0},
        "day": {"samples": 0, "median_s": None, "p95_s": None, "max_s": None},
        "in_flight": 2,
        "oldest_s": 12.5,
        "truncated": True,
        "not_arrived": 0,
    }
    assert password["lag"] is None
