"""Hop 1's times: what the tenant says becomes a state, and nothing it withholds looks like an answer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START, ManualClock
from tests.sources.graph_answers import ANY_JSON, Answer, Graph, page
from tests.sources.upstreams import error, ok, run, upstream
from tui.model.facts import DirectoryQuota, OrganizationFacts
from tui.model.states import HopState
from tui.sources.errors import Denied, SourceError, Throttled, UpstreamFailed
from tui.sources.graph_organization import OrganizationSource

V1, BETA, SETTINGS = "/v1.0/organization", "/beta/organization", "/v1.0/directory/onPremisesSynchronization"
LAST = "2026-11-22T02:41:00Z"
LAST_AT = START - timedelta(minutes=19)
TENANT = {
    "id": "t",
    "displayName": "Contoso",
    "verifiedDomains": [{"name": "contoso.com"}],
    "createdDateTime": "2015-01-01T00:00:00Z",
    "tenantType": "AAD",
    "countryLetterCode": "US",
    "assignedPlans": [],
    "provisionedPlans": [{"service": "exchange", "provisioningStatus": "Error"}, {"service": "sp"}],
    "onPremisesSyncEnabled": True,
    "onPremisesLastSyncDateTime": LAST,
}
BLANKED = {**dict.fromkeys(TENANT), "id": "t", "displayName": "Contoso", "verifiedDomains": [{"name": "contoso.com"}]}
PASSWORD = {
    "id": "t",
    "onPremisesLastPasswordSyncDateTime": LAST,
    "directorySizeQuota": {"used": 211802, "total": 300000},
}
FEATURES = {
    "configuration": {
        "accidentalDeletionPrevention": {"synchronizationPreventionType": "enabledForCount", "alertThreshold": 500}
    },
    "features": {"passwordSyncEnabled": True},
}


def table(tenant: Any = TENANT, beta: Any = PASSWORD, settings: Any = FEATURES) -> dict[str, Answer]:
    return {
        path: answer if isinstance(answer, httpx.Response) else page(answer)
        for path, answer in ((V1, tenant), (BETA, beta), (SETTINGS, settings))
    }


async def fetch(clock: ManualClock, **answers: Any) -> OrganizationFacts:
    return await run(clock, OrganizationSource(upstream(Graph(table(**answers)), clock), clock).fetch())


async def test_a_healthy_tenant_is_read_whole(clock: ManualClock) -> None:
    """Both times, the name, the directory's size and the deletion threshold come out."""
    facts = await fetch(clock)
    assert (facts.connect.reported, facts.connect.last_success) == (HopState.OK, LAST_AT)
    assert (facts.password.reported, facts.password.last_success) == (HopState.OK, LAST_AT)
    assert facts.display_name == "Contoso"
    assert facts.quota == DirectoryQuota(used=211802, total=300000)
    assert facts.deletion_threshold == 500
    assert facts.provisioning_errors_in_plans == ("exchange",)
    assert facts.as_of == START


@pytest.mark.parametrize(
    ("enabled", "last", "state", "success"),
    [
        (True, LAST, HopState.OK, LAST_AT),
        (True, None, HopState.NEVER, None),
        (True, "0001-01-01T00:00:00Z", HopState.NEVER, None),
        (False, LAST, HopState.DISABLED, LAST_AT),
        (False, None, HopState.DISABLED, None),
        (None, None, HopState.OFF, None),
        (None, "0001-01-01T00:00:00Z", HopState.OFF, None),
        (None, LAST, HopState.NOT_REPORTED, None),
        ("true", LAST, HopState.NOT_REPORTED, None),
        (1, LAST, HopState.NOT_REPORTED, None),
        ({}, None, HopState.NOT_REPORTED, None),
        (True, 1795320000, HopState.NOT_REPORTED, None),
        (True, "yesterday", HopState.NOT_REPORTED, None),
        (True, ["x"], HopState.NOT_REPORTED, None),
        (None, "yesterday", HopState.NOT_REPORTED, None),
        (True, "2026-11-22T03:04:00Z", HopState.OK, START + timedelta(minutes=4)),
        (True, "2026-11-22T03:06:00Z", HopState.NOT_REPORTED, None),
        (False, "2036-01-01T00:00:00Z", HopState.NOT_REPORTED, None),
    ],
)
async def test_the_two_sync_fields_together_make_the_state(
    clock: ManualClock, enabled: Any, last: Any, state: HopState, success: datetime | None
) -> None:
    """On, off, disabled, never: and what is neither is not reported, never healthy."""
    tenant = {**TENANT, "onPremisesSyncEnabled": enabled, "onPremisesLastSyncDateTime": last}
    facts = await fetch(clock, tenant=tenant)
    assert (facts.connect.reported, facts.connect.last_success) == (state, success)
    assert bool(facts.connect.note) == (state is HopState.NOT_REPORTED)


@pytest.mark.parametrize("missing", ["onPremisesSyncEnabled", "onPremisesLastSyncDateTime"])
async def test_a_missing_field_is_not_reported(clock: ManualClock, missing: str) -> None:
    """A field that is not there is not a "no"."""
    facts = await fetch(clock, tenant={key: value for key, value in TENANT.items() if key != missing})
    assert facts.connect.reported is HopState.NOT_REPORTED


BLANK_FORMS = [
    BLANKED,
    {**BLANKED, "assignedPlans": [], "provisionedPlans": [], "countryLetterCode": ""},
    {key: BLANKED[key] for key in ("id", "displayName", "verifiedDomains")},
]


@pytest.mark.parametrize("tenant", BLANK_FORMS, ids=["null", "empty", "absent"])
async def test_a_blanked_answer_is_not_permitted_and_never_off(clock: ManualClock, tenant: Any) -> None:
    """An account that sees only the tenant's name must not report that nothing is synced."""
    facts = await fetch(clock, tenant=tenant, beta={"id": "t", "onPremisesLastPasswordSyncDateTime": None})
    assert facts.connect.reported is HopState.NOT_PERMITTED
    assert facts.password.reported is HopState.NOT_PERMITTED
    assert "Organization.Read.All" in facts.connect.note


async def test_an_answer_without_a_tenant_is_not_reported(clock: ManualClock) -> None:
    """An empty page tells nothing about the sync."""
    for answer in (page(), ok({"value": None}), ok({"value": [None, 7]}), ok({})):
        facts = await fetch(clock, tenant=answer)
        assert facts.connect.reported is HopState.NOT_REPORTED


async def test_the_future_is_measured_by_the_upstreams_clock(clock: ManualClock) -> None:
    """A success that is only ahead of our slow clock counts."""
    theirs = START + timedelta(hours=1)
    tenant = {**TENANT, "onPremisesLastSyncDateTime": "2026-11-22T03:55:00Z"}
    answer = ok({"value": [tenant]}, Date=format_datetime(theirs, usegmt=True))
    facts = await fetch(clock, tenant=answer)
    assert facts.connect.reported is HopState.OK
    assert facts.clock_offset_s == pytest.approx(3600, abs=1)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (error(403, "Authorization_RequestDenied"), HopState.NOT_PERMITTED),
        (error(400, "Request_BadRequest"), HopState.NOT_REPORTED),
        (error(404), HopState.NOT_REPORTED),
        (error(500), HopState.ERROR),
        (error(429, retry_after="99"), HopState.ERROR),
        (httpx.Response(200, text="<html>"), HopState.ERROR),
        (page(), HopState.NOT_REPORTED),
        (page({"id": "t"}), HopState.NOT_REPORTED),
        (page({"id": "t", "onPremisesLastPasswordSyncDateTime": 7}), HopState.NOT_REPORTED),
        (page({"id": "t", "onPremisesLastPasswordSyncDateTime": "2026-11-23T00:00:00Z"}), HopState.NOT_REPORTED),
        (page({"id": "t", "onPremisesLastPasswordSyncDateTime": None}), HopState.NEVER),
    ],
)
async def test_beta_never_fails_the_poll(clock: ManualClock, answer: httpx.Response, state: HopState) -> None:
    """Whatever beta does, the object sync's time is told, and the password hop says what is wrong with it."""
    facts = await fetch(clock, beta=answer)
    assert facts.connect.reported is HopState.OK
    assert facts.password.reported is state
    assert facts.password.last_success is None


@pytest.mark.parametrize(
    ("feature", "last", "state"),
    [
        (True, None, HopState.NEVER),
        (False, None, HopState.OFF),
        (None, None, HopState.OFF),
        (False, "2026-11-22T01:59:00Z", HopState.DISABLED),
        (False, LAST, HopState.OK),
        (None, LAST, HopState.OK),
    ],
)
async def test_the_password_feature_tells_never_from_off(
    clock: ManualClock, feature: bool | None, last: str | None, state: HopState
) -> None:
    """Never is told from off by the feature; passwords that still come are on, whatever the feature says."""
    beta = {"id": "t", "onPremisesLastPasswordSyncDateTime": last}
    facts = await fetch(clock, beta=beta, settings={"features": {"passwordSyncEnabled": feature}})
    assert facts.password.reported is state


async def test_a_cloud_only_tenant_has_no_password_sync_either(clock: ManualClock) -> None:
    """Off is off on both hops, even when beta may not be asked."""
    tenant = {**TENANT, "onPremisesSyncEnabled": None, "onPremisesLastSyncDateTime": None}
    for beta in (error(403), page(), page({"onPremisesLastPasswordSyncDateTime": None})):
        facts = await fetch(clock, tenant=tenant, beta=beta)
        assert (facts.connect.reported, facts.password.reported) == (HopState.OFF, HopState.OFF)


async def test_a_disabled_sync_disables_its_passwords(clock: ManualClock) -> None:
    """A sync that was switched off does not go critical over its passwords later."""
    facts = await fetch(clock, tenant={**TENANT, "onPremisesSyncEnabled": False})
    assert (facts.password.reported, facts.password.last_success) == (HopState.DISABLED, LAST_AT)


@pytest.mark.parametrize("settings", [error(403), error(404), error(500), ok([]), page(), httpx.Response(200)])
async def test_the_sync_settings_are_optional(clock: ManualClock, settings: httpx.Response) -> None:
    """Only a signed-in administrator may read them: without them everything else still stands."""
    facts = await fetch(clock, settings=settings)
    assert (facts.connect.reported, facts.password.reported) == (HopState.OK, HopState.OK)
    assert facts.deletion_threshold is None


@pytest.mark.parametrize(
    ("kind", "expected"), [("enabledForCount", 500), ("enabledForPercentage", None), ("disabled", None)]
)
async def test_only_a_count_is_a_deletion_threshold(clock: ManualClock, kind: str, expected: int | None) -> None:
    """A percentage is not shown as a number of objects."""
    prevention = {"synchronizationPreventionType": kind, "alertThreshold": 500}
    bare = ok({"configuration": {"accidentalDeletionPrevention": prevention}})
    assert (await fetch(clock, settings=bare)).deletion_threshold == expected


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(error(403), Denied), (error(500), UpstreamFailed), (error(429, retry_after="99"), Throttled)],
)
async def test_a_refused_organization_is_an_error(
    clock: ManualClock, answer: httpx.Response, kind: type[SourceError]
) -> None:
    """Without the tenant there is nothing to tell."""
    with pytest.raises(kind):
        await fetch(clock, tenant=answer)


async def test_the_status_shown_is_the_tenants(clock: ManualClock) -> None:
    """Refused extras do not turn a good poll's status to 403, but they count as requests."""
    source = OrganizationSource(upstream(Graph(table(beta=error(403), settings=error(403))), clock), clock)
    await run(clock, source.fetch())
    assert (source.exchange().http_status, source.exchange().requests) == (200, 3)


async def test_documented_payloads_are_understood(clock: ManualClock, shared: Path) -> None:
    """Microsoft's own samples: an organization without sync fields, and the sync settings as a bare object."""
    payloads = shared / "payloads"
    settings = ok(json.loads((payloads / "graph-onpremisessynchronization-get.json").read_text()))
    for name in ("graph-organization-get.json", "graph-organization-list.json"):
        sample = ok(json.loads((payloads / name).read_text()))
        facts = await fetch(clock, tenant=sample, settings=settings)
        assert facts.connect.reported is HopState.NOT_REPORTED
        assert (facts.display_name, facts.deletion_threshold) == ("Contoso", 500)
        assert facts.password.reported is HopState.OK


FIELDS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys((*TENANT, "onPremisesLastPasswordSyncDateTime", "directorySizeQuota", "features"), ANY_JSON),
)


@given(FIELDS | ANY_JSON, FIELDS | ANY_JSON, FIELDS | ANY_JSON)
async def test_any_json_in_any_field_is_facts_or_an_error(tenant: Any, beta: Any, settings: Any) -> None:
    """No answer crashes the poll, and what is called a success has a time that is not ahead of its clock."""
    clock = ManualClock()
    try:
        facts = await fetch(clock, tenant=page(tenant), beta=page(beta), settings=ok(settings))
    except SourceError:
        return
    for hop in (facts.connect, facts.password):
        assert (hop.reported is not HopState.OK) or hop.last_success is not None
        assert hop.last_success is None or hop.last_success <= clock.now() + timedelta(minutes=5)
