"""Reports of several sources become one failure per object and cause."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.helpers import START
from tui.model.facts import FailureReport, ObjectRef
from tui.model.failures import Merged, docs, merge, merging, remedy, search_text, summary
from tui.model.snapshot import Failure
from tui.model.states import HopName, Severity

LATER = START + timedelta(minutes=2)


def report(source: str = "graph", code: str = "PropertyConflict", **parts: object) -> FailureReport:
    about = {name: parts.pop(name) for name in ("type", "id", "name", "dn", "upn", "source_anchor") if name in parts}
    given = {"hop": HopName.CONNECT, "attribute": "ProxyAddresses", "value": "smtp:jane@contoso.com"} | parts
    return FailureReport(source=source, code=code, object=ObjectRef(**about), **given)  # type: ignore[arg-type]


def health(**parts: object) -> FailureReport:
    return report("connect-health", "AttributeValueMustBeUnique", **({"attribute": "proxyAddress"} | parts))


def merged(*reports: FailureReport, known: Merged | None = None, as_of: datetime = START) -> Merged:
    return merge([(as_of, reports)], known)


def only(found: Merged) -> Failure:
    assert len(found.failures) == 1, found.failures
    return found.failures[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"source_anchor": "4F0c=="}, {"source_anchor": "4F0c=="}),
        ({"dn": "CN=Jane,DC=contoso"}, {"dn": "cn=jane,dc=CONTOSO"}),
        ({"id": "4F0C"}, {"id": "4f0c"}),
        ({"upn": "jane@contoso.com", "id": "1"}, {"upn": "Jane@contoso.com", "dn": "CN=Jane"}),
        ({"upn": "jane@contoso.com"}, {"upn": "JANE@contoso.com"}),
    ],
)
def test_two_sources_on_one_object_are_one_failure(one: dict[str, object], other: dict[str, object]) -> None:
    """The same conflict told by Graph and by Connect Health is listed once, with Graph's code and both sources."""
    failure = only(merged(health(**other), report(**one)))
    assert failure.code == "PropertyConflict"
    assert failure.sources == ("graph", "connect-health")


def test_sources_are_named_graph_first_then_by_name() -> None:
    """The list of sources reads the same whoever answered first."""
    told = [report(source, id="1") for source in ("managed-domain", "cloud-sync", "graph", "connect-health")]
    assert only(merged(*told)).sources == ("graph", "cloud-sync", "connect-health", "managed-domain")


def test_a_chain_of_names_is_one_object() -> None:
    """Three reports that share names pairwise only are still about one object."""
    told = [report(id="1", dn="CN=J"), health(dn="cn=j", source_anchor="a"), report("cloud-sync", source_anchor="a")]
    failure = only(merged(*told))
    assert (failure.object.id, failure.object.dn, failure.object.source_anchor) == ("1", "CN=J", "a")


@pytest.mark.parametrize(
    "other",
    [
        {"id": "2"},
        {"id": "1", "value": "smtp:other@contoso.com"},
        {"id": "1", "attribute": "UserPrincipalName"},
        {"id": "1", "code": "LargeObject"},
        {"id": "1", "hop": HopName.DOMAIN_SERVICES},
    ],
)
def test_different_failures_stay_apart(other: dict[str, object]) -> None:
    """Another object, value, attribute, cause or hop is another failure."""
    assert len(merged(report(id="1"), report(**other)).failures) == 2


def test_two_objects_that_claim_one_sign_in_name_stay_apart() -> None:
    """In a conflict over a sign-in name both objects are listed, not one."""
    told = [
        report(id=number, upn="jane@contoso.com", attribute="UserPrincipalName", value="jane@contoso.com")
        for number in ("1", "2")
    ]
    assert len(merged(*told).failures) == 2
    anchored = [report(source_anchor="a", upn="j@x"), health(source_anchor="b", upn="j@x")]
    assert len(merged(*anchored).failures) == 2


def test_nameless_objects_are_not_lost_in_one() -> None:
    """Failures of objects without any name are all counted."""
    told = [report(message=f"error {number}") for number in range(5)]
    assert len(merged(*told).failures) == 5


def test_value_with_and_without_its_prefix_is_one() -> None:
    """`SMTP:x` and `x` are the same address."""
    assert only(merged(report(id="1", value="SMTP:Jane@contoso.com"), health(id="1", value="jane@contoso.com")))


def test_report_without_value_joins_the_one_that_has_it() -> None:
    """A source that cannot print the value does not make a second failure."""
    failure = only(merged(health(id="1", value="System.Byte[]"), report(id="1", value="smtp:a@b.c")))
    assert failure.value == "smtp:a@b.c"
    two = merged(report(id="1", value="smtp:a@b.c"), report(id="1", value="smtp:d@e.f"), health(id="1", value=None))
    assert len(two.failures) == 2


def test_times_span_all_reports() -> None:
    """First seen is the earliest told; last seen the latest, the time of the reading where a source tells none."""
    old, new = START - timedelta(days=3), START - timedelta(hours=1)
    failure = only(merged(report(id="1", first_seen=new), health(id="1", first_seen=old, last_seen=new)))
    assert (failure.first_seen, failure.last_seen) == (old, START)
    assert only(merged(health(id="1", first_seen=old, last_seen=new))).last_seen == new


def test_time_in_the_future_is_the_time_of_the_reading() -> None:
    """A wrong upstream clock does not pin a failure to the top of the list."""
    assert only(merged(report(id="1", last_seen=START + timedelta(days=9000)))).last_seen == START


def test_other_party_is_completed_but_never_mixed() -> None:
    """The conflicting object gets what each source knows of it; two different ones are not blended."""
    jack = ObjectRef(id="7", name="Jack")
    completed = merged(
        report(id="1", conflicts_with=jack),
        health(id="1", conflicts_with=ObjectRef(id="7", dn="CN=Jack")),
    )
    assert only(completed).conflicts_with == ObjectRef(id="7", name="Jack", dn="CN=Jack")
    mixed = merged(report(id="1", conflicts_with=jack), health(id="1", conflicts_with=ObjectRef(dn="CN=Joe")))
    assert only(mixed).conflicts_with == jack


def test_newest_first_then_worst() -> None:
    """The list starts with what was seen last; at the same time the critical ones come first."""
    told = [
        report(id="old", last_seen=START - timedelta(hours=1)),
        report(id="new"),
        report(id="worst", code="stopped-deletion-threshold-exceeded"),
    ]
    found = merged(*told).failures
    assert [failure.object.id for failure in found] == ["worst", "new", "old"]
    assert [failure.severity for failure in found] == [Severity.CRITICAL, Severity.WARNING, Severity.WARNING]


def test_id_lasts_while_sources_join_and_leave() -> None:
    """An acknowledged failure keeps its id when a second source, with better names, joins and the first one leaves."""
    by_health = health(dn="CN=Jane")
    by_graph = report(id="1", dn="CN=Jane", source_anchor="a", value="smtp:jane@contoso.com")
    first = merged(by_health)
    both = merged(by_health, by_graph, known=first)
    left = merged(by_graph, known=both)
    again = merged(by_graph, known=left)
    back = merged(by_health, known=again)
    assert len({only(one).id for one in (first, both, left, again)}) == 1
    assert only(merged(by_health, by_graph, known=merged(by_graph))).id == only(merged(by_graph)).id
    assert only(back).id == only(first).id


def test_ids_stay_unique_when_one_failure_becomes_two() -> None:
    """When what looked like one object turns out to be two, each has an id of its own."""
    one, other = report(id="1"), health(dn="CN=J")
    link = report("cloud-sync", id="1", dn="CN=J")
    together = merged(one, other, link, known=merged(other))
    apart = merged(one, other, known=together)
    assert len({failure.id for failure in apart.failures}) == 2
    assert len({failure.id for failure in merged(one, other, known=apart).failures}) == 2


def test_work_is_done_in_slices() -> None:
    """A long list is merged in small steps, so that keys are answered in between."""
    told = [report(id=str(number)) for number in range(1000)]
    assert sum(1 for _ in merging([(START, told)], chunk=100)) >= 30
    assert len(merged(*told).failures) == 1000


def test_summary_says_what_failed_on_which_object() -> None:
    """One line names the fault, the object, the value and who else holds it."""
    failure = only(merged(report(type="user", id="1", name="Jane [bold]", conflicts_with=ObjectRef(name="Jack"))))
    assert summary(failure) == (
        "Duplicate address or sign-in name, quarantined: user Jane [bold], "
        "ProxyAddresses = smtp:jane@contoso.com, also on Jack"
    )
    assert "Remove the value" in remedy(failure)
    assert docs(failure).startswith("https://learn.microsoft.com/")


def test_unknown_code_is_shown_as_it_is() -> None:
    """A code that no catalogue knows is still a failure, with its own code, a remedy and no made-up link."""
    failure = only(merged(report(id="1", code="BrandNewError", attribute=None, value=None)))
    assert summary(failure) == "BrandNewError: 1"
    assert (failure.severity, docs(failure)) == (Severity.WARNING, "")
    assert remedy(failure)


def test_search_finds_by_any_word() -> None:
    """A failure is found by names, value, code, title and message, without regard to case."""
    failure = only(
        merged(report(name="Jane", upn="J@Contoso.com", conflicts_with=ObjectRef(dn="CN=JACK"), message="Hm"))
    )
    for word in ("jane", "j@contoso.com", "cn=jack", "propertyconflict", "quarantined", "hm", "graph", "smtp:jane"):
        assert word in search_text(failure)


# --- properties -------------------------------------------------------------------------------------------------------

HOSTILE = st.sampled_from(["a", "A", "b", "\x1b[31m", "[/]", "é", "\ud800", "x" * 50, "", "\x1f"])
MAYBE = st.none() | HOSTILE
MOMENTS = st.none() | st.integers(-1000, 1000).map(lambda minutes: START + timedelta(minutes=minutes))
REFS = st.builds(ObjectRef, type=MAYBE, id=MAYBE, name=MAYBE, dn=MAYBE, upn=MAYBE, source_anchor=MAYBE)
REPORTS = st.builds(
    FailureReport,
    source=st.sampled_from(["graph", "connect-health", "cloud-sync"]),
    hop=st.sampled_from(HopName),
    code=st.sampled_from(["PropertyConflict", "AttributeValueMustBeUnique", "LargeObject", "Odd", ""]),
    object=REFS,
    attribute=st.sampled_from([None, "", "ProxyAddress", "proxyaddresses", "UserPrincipalName"]),
    value=MAYBE,
    conflicts_with=st.none() | REFS,
    first_seen=MOMENTS,
    last_seen=MOMENTS,
    message=HOSTILE,
)
LISTS = st.lists(REPORTS, max_size=6)


@given(LISTS, LISTS, st.randoms())
def test_order_of_answers_makes_no_difference(
    one: list[FailureReport], other: list[FailureReport], dice: random.Random
) -> None:
    """The same failures with the same ids come out, whichever source and report comes first."""
    expected = merge([(START, one), (LATER, other)]).failures
    shuffled = [(START, dice.sample(one, len(one))), (LATER, dice.sample(other, len(other)))]
    dice.shuffle(shuffled)
    assert merge(shuffled).failures == expected


def test_the_newest_of_one_reading_stands_first() -> None:
    """Failures of one source share the reading's time; the one that came up last is on top, as an operator expects."""

    def ago(hours: int) -> datetime:
        return START - timedelta(hours=hours)

    told = [
        FailureReport(
            source="graph.failures",
            hop=HopName.CONNECT,
            code="PropertyConflict",
            object=ObjectRef(id=name),
            first_seen=started,
        )
        for name, started in (("old", ago(48)), ("unknown", None), ("new", ago(1)))
    ]
    assert [failure.object.id for failure in merge([(START, told)]).failures] == ["new", "old", "unknown"]


@given(LISTS)
def test_merging_twice_changes_nothing(reports: list[FailureReport]) -> None:
    """The same answer again, or twice at once, gives the same list."""
    first = merge([(START, reports)])
    assert merge([(START, reports)], first).failures == first.failures
    assert merge([(START, reports), (START, reports)]).failures == first.failures


@given(LISTS)
def test_ids_are_unique_and_text_is_one_line(reports: list[FailureReport]) -> None:
    """No two failures share an id, and each can be told in words whatever the upstream wrote."""
    found = merge([(START, reports)]).failures
    assert len({failure.id for failure in found}) == len(found)
    assert all(summary(failure) and search_text(failure) for failure in found)


@given(LISTS)
def test_no_object_is_lost(reports: list[FailureReport]) -> None:
    """Every name of every failing object is found in some failure, with its source and hop."""
    found = merge([(START, reports)]).failures
    for one in reports:
        held = [failure for failure in found if failure.hop == one.hop and one.source in failure.sources]
        for kind in ("source_anchor", "id", "dn"):
            assert not getattr(one.object, kind) or any(getattr(failure.object, kind) for failure in held)
    distinct = {one.object.source_anchor for one in reports if _has_one_name_only(one)}
    anchors = {failure.object.source_anchor for failure in found}
    assert distinct - {None, ""} <= anchors


@given(LISTS, st.data())
def test_failures_that_remain_keep_their_ids(reports: list[FailureReport], data: st.DataObject) -> None:
    """When some failures are fixed, the others keep their ids if their reports are the same as before."""
    told = [replace(one, object=ObjectRef(source_anchor=str(number))) for number, one in enumerate(reports)]
    before = merge([(START, told)])
    kept = data.draw(st.lists(st.sampled_from(told), unique_by=id)) if told else []
    after = merge([(LATER, kept)], before)
    assert {failure.id for failure in after.failures} <= {failure.id for failure in before.failures}


def _has_one_name_only(one: FailureReport) -> bool:
    ref = one.object
    return not any((ref.id, ref.dn, ref.upn))
