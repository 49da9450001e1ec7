"""A trace as text and as JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import HOSTILE_TEXTS, ago
from tests.helpers import START
from tui.model.facts import ObjectRef
from tui.model.states import Side
from tui.model.text import clean
from tui.model.trace import AttributeDifference, Outcome, Sighting, Trace
from tui.reports.failures_table import cell_width
from tui.reports.trace_json import traces_json
from tui.reports.trace_text import WIDTH, trace_text

JANE = Trace(
    name="jane",
    at=START,
    outcome=Outcome.DIFFERS,
    findings=("AD > Entra: Duplicate address. " * 5, "department differs between on-premises and Entra."),
    differences=(
        AttributeDifference("department", {Side.ON_PREMISES: ("Sales",), Side.ENTRA: (), Side.MANAGED_DOMAIN: ("HR",)}),
    ),
    sightings=(
        Sighting(
            side=Side.ON_PREMISES,
            found=True,
            object=ObjectRef(type="user", name="Jane Doe", dn="CN=Jane Doe,OU=Sales,DC=contoso,DC=com"),
            created=ago(3 * 86400),
            changed=ago(240),
            enabled=False,
            notes=("built-in object of the domain",),
        ),
        Sighting(side=Side.ENTRA, found=False),
        Sighting(side=Side.MANAGED_DOMAIN, found=None, problem="dc1:636 refused the sign-in"),
    ),
)


def text(trace: Trace) -> str:
    return "".join(trace_text("contoso", trace))


def test_text_reads_from_the_verdict_to_the_sides() -> None:
    """First what it comes to, then what was found, what differs, and a block for each side with times and ages."""
    assert text(JANE) == (
        """\
contoso: user Jane Doe
1 attribute differs, not in Entra.

  1. AD > Entra: Duplicate address. AD > Entra: Duplicate address. AD > Entra:
     Duplicate address. AD > Entra: Duplicate address. AD > Entra: Duplicate
     address.
  2. department differs between on-premises and Entra.

DIFFERS
  department
    on-premises  Sales
    entra        (not set)
    managed      HR

ON-PREMISES
  name        Jane Doe
  dn          CN=Jane Doe,OU=Sales,DC=contoso,DC=com
  enabled     no
  created     2026-11-19 03:00:00Z (3d00h ago)
  changed     2026-11-22 02:56:00Z (4m00s ago)
  note        built-in object of the domain

ENTRA
  Not found here.

MANAGED DOMAIN
  Could not be asked: dc1:636 refused the sign-in
"""
    )


@given(st.text(max_size=300).map(clean) | st.sampled_from(HOSTILE_TEXTS))
def test_no_line_is_wider_than_eighty_columns(name: str) -> None:
    """Whatever an object is called, the text fits a terminal of 80 columns."""
    ref = ObjectRef(type="user", name=name, dn=name, upn=name)
    seen = Sighting(side=Side.ENTRA, found=True, object=ref)
    differing = AttributeDifference("displayName", {Side.ENTRA: (name,)})
    trace = Trace(name=name, at=START, sightings=(seen,), differences=(differing,), findings=(name,), ambiguous=(name,))
    assert max(map(cell_width, text(trace).splitlines())) <= WIDTH


def test_json_keeps_unknown_apart_from_absent() -> None:
    """found is null where a side was not asked, false where it has none; times are RFC 3339 or null."""
    document = json.loads(traces_json([("contoso", JANE)], START))
    (trace,) = document["traces"]
    assert [side["found"] for side in trace["sides"]] == [True, False, None]
    assert trace["sides"][0]["changed"] == "2026-11-22T02:56:00Z"
    assert trace["sides"][0]["last_synced"] is None
    assert trace["sides"][1]["object"] is None
    assert trace["differences"][0]["values"]["entra"] == []
    assert (trace["tenant"], trace["outcome"]) == ("contoso", "differs")
