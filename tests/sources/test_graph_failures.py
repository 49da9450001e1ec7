"""Failing objects: who fails, over what, against whom; and the truth about what could not be read."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START, ManualClock
from tests.sources.graph_answers import ANY_JSON, Answer, Graph, page, query_of
from tests.sources.upstreams import BASE, error, ok, run, upstream
from tui.model.facts import FailuresFacts, ObjectRef
from tui.model.states import HopName
from tui.sources.errors import Denied, SourceError, Throttled, UpstreamFailed
from tui.sources.graph_conflicts import literal, lookups
from tui.sources.graph_errors import detail_text
from tui.sources.graph_failures import FailuresSource

USERS, GROUPS, CONTACTS = "/v1.0/users", "/v1.0/groups", "/v1.0/contacts"
DOCUMENTED = "onPremisesProvisioningErrors/any(o:o/category eq 'PropertyConflict')"
UNRESOLVED = "serviceProvisioningErrors/any(e:e/isResolved eq false)"
SYNCED = "onPremisesSyncEnabled eq true"


def conflict(value: str = "smtp:dup@contoso.com", prop: str = "ProxyAddresses", day: int = 20) -> dict[str, Any]:
    return {
        "category": "PropertyConflict",
        "occurredDateTime": f"2026-11-{day}T10:00:00Z",
        "propertyCausingError": prop,
        "value": value,
    }


def user(number: int = 1, *errors: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": f"u{number}",
        "displayName": f"User {number}",
        "userPrincipalName": f"user{number}@contoso.com",
        "onPremisesDistinguishedName": f"CN=User {number},DC=corp",
        "onPremisesImmutableId": f"anchor{number}",
        "onPremisesProvisioningErrors": list(errors or (conflict(),)),
        **fields,
    }


def by_filter(answers: dict[str, httpx.Response]) -> Answer:
    """Answers by the `$filter` of the request; an empty page for the rest."""
    return lambda request: answers.get(query_of(str(request.url)).get("$filter", ""), page())


def nobody(url: str) -> dict[str, Any]:
    return {"status": 200, "body": {"value": []}}


def graph(part: Any = nobody, **table: Answer) -> Graph:
    paths = {f"/v1.0/{name}": table.get(name, page()) for name in ("users", "groups", "contacts")}
    return Graph(paths, part)


def source(there: Any, clock: ManualClock, **options: Any) -> FailuresSource:
    deadline_s = options.pop("deadline_s", None)
    return FailuresSource(upstream(there, clock, timeout_s=5.0), clock, deadline_s=deadline_s, **options)


async def fetch(clock: ManualClock, there: Graph, **options: Any) -> FailuresFacts:
    return await run(clock, source(there, clock, **options).fetch())


async def test_a_conflict_is_told_with_everything_graph_knows(clock: ManualClock) -> None:
    """Who, over which attribute and value, since when."""
    there = graph(users=by_filter({DOCUMENTED: page(user())}))
    facts = await fetch(clock, there)
    (report,) = facts.reports
    assert (report.source, report.hop, report.code) == ("graph", HopName.CONNECT, "PropertyConflict")
    assert report.object == ObjectRef(
        type="user", id="u1", name="User 1", dn="CN=User 1,DC=corp", upn="user1@contoso.com", source_anchor="anchor1"
    )
    assert (report.attribute, report.value) == ("ProxyAddresses", "smtp:dup@contoso.com")
    assert report.first_seen == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert (facts.truncated, facts.incomplete) == (False, ())


async def test_the_documented_queries_are_asked_and_no_others(clock: ManualClock) -> None:
    """Only filters that Microsoft documents, with the fields that each type has."""
    there = graph()
    await fetch(clock, there)
    for path in (USERS, GROUPS, CONTACTS):
        queries = there.queries(path)
        assert [query["$filter"] for query in queries] == [DOCUMENTED, UNRESOLVED]
        assert all(query["$top"] == "999" for query in queries)
        assert all("onPremisesProvisioningErrors" in query["$select"] for query in queries)
    assert "$count" not in there.queries(USERS)[0]
    assert there.queries(USERS)[1]["$count"] == "true"
    assert "userPrincipalName" not in there.queries(GROUPS)[0]["$select"]
    assert all(request.headers["ConsistencyLevel"] == "eventual" for request in there.requests)


async def test_every_type_and_every_error_is_told(clock: ManualClock) -> None:
    """A contact and a group fail like a user; two errors of one object are two failures."""
    there = graph(
        users=by_filter({DOCUMENTED: page(user(1, conflict("a@x", "UserPrincipalName"), conflict("smtp:b@x")))}),
        groups=by_filter({DOCUMENTED: page({"id": "g", "onPremisesProvisioningErrors": [conflict("smtp:g@x")]})}),
        contacts=by_filter({DOCUMENTED: page({"id": "c", "onPremisesProvisioningErrors": [conflict("smtp:c@x")]})}),
    )
    facts = await fetch(clock, there)
    assert {(one.object.type, one.value) for one in facts.reports} == {
        ("user", "a@x"),
        ("user", "smtp:b@x"),
        ("group", "smtp:g@x"),
        ("contact", "smtp:c@x"),
    }


SERVICE_ERROR = {
    "createdDateTime": "2020-01-31T17:45:18.00",
    "isResolved": False,
    "serviceInstance": "exchange/NAMPRD09-001-01",
    "errorDetail": "<ServiceInstance><ObjectErrors><ErrorRecord><ErrorCode>Ex1</ErrorCode>"
    "<ErrorDescription>The value &quot;x&quot; is already taken.</ErrorDescription></ErrorRecord></ObjectErrors>"
    "</ServiceInstance>",
}


async def test_a_services_refusal_is_told_in_its_own_words(clock: ManualClock) -> None:
    """Exchange's reason is read out of its XML; what is resolved is not told."""
    resolved = {**SERVICE_ERROR, "serviceInstance": "old", "isResolved": True}
    failing = user(1, onPremisesProvisioningErrors=[], serviceProvisioningErrors=[SERVICE_ERROR, resolved])
    facts = await fetch(clock, graph(users=by_filter({UNRESOLVED: page(failing)})))
    (report,) = facts.reports
    assert (report.code, report.attribute) == ("ServiceProvisioningError", "exchange/NAMPRD09-001-01")
    assert report.message == 'The value "x" is already taken.'
    assert report.first_seen == datetime(2020, 1, 31, 17, 45, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("<a:ErrorDescription x='1'>one</a:ErrorDescription><ErrorDescription>two</ErrorDescription>", "one; two"),
        ("<a><b>only</b> text</a>", "only text"),
        ("no XML at all", "no XML at all"),
        ("<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;&a;</x>", "&a;&a;"),
        ("<<<<<<", "<<<<<<"),
        ("<ErrorDescription>\x1b[2Jboo\u202e</ErrorDescription>", "boo"),
        (None, ""),
        (7, ""),
    ],
)
def test_the_detail_of_a_service_error_is_read_without_obeying_it(detail: Any, words: str) -> None:
    """No entity is expanded, no tag trusted, nothing reaches the terminal but text."""
    assert words in detail_text(detail)


@given(st.text(max_size=200) | st.text("<>/&;ErrorDscipton ", max_size=300))
def test_any_detail_is_one_short_line(detail: str) -> None:
    """Whatever stands in the XML fits on the detail screen."""
    words = detail_text(detail * 50)
    assert len(words) <= 300
    assert words.isprintable()


async def test_one_object_found_by_two_queries_is_told_once(clock: ManualClock) -> None:
    """An object with both kinds of errors is listed by both queries and counted once."""
    failing = user(1, serviceProvisioningErrors=[SERVICE_ERROR])
    facts = await fetch(clock, graph(users=by_filter({DOCUMENTED: page(failing), UNRESOLVED: page(failing)})))
    assert sorted(one.code for one in facts.reports) == ["PropertyConflict", "ServiceProvisioningError"]


@pytest.mark.parametrize("status", [400, 501])
async def test_a_refused_filter_falls_back_to_a_scan(clock: ManualClock, status: int) -> None:
    """Where the filter is not indexed all synced objects are read, and the failing ones picked out here."""
    healthy = {"id": "h", "onPremisesProvisioningErrors": []}
    there = graph(
        users=by_filter({DOCUMENTED: error(status, "Request_UnsupportedQuery"), SYNCED: page(healthy, user(), healthy)})
    )
    asking = source(there, clock)
    facts = await run(clock, asking.fetch())
    assert [one.object.id for one in facts.reports] == ["u1"]
    assert (facts.truncated, facts.incomplete) == (False, ())
    await run(clock, asking.fetch())
    assert [query["$filter"] for query in there.queries(USERS)].count(DOCUMENTED) == 1, "refused once is enough"


async def test_service_errors_are_asked_without_advanced_parameters_too(clock: ManualClock) -> None:
    """Where they are refused, the same filter is tried plain."""

    def users(request: httpx.Request) -> httpx.Response:
        query = query_of(str(request.url))
        if query["$filter"] != UNRESOLVED:
            return page()
        return error(400) if "$count" in query else page(user(1, serviceProvisioningErrors=[SERVICE_ERROR]))

    facts = await fetch(clock, graph(users=users))
    assert "ServiceProvisioningError" in {one.code for one in facts.reports}
    assert facts.incomplete == ()


async def test_refused_service_errors_are_named_and_nothing_more(clock: ManualClock) -> None:
    """Best effort: the conflicts are told all the same, and an upstream that does not know the filter is no error."""
    there = graph(
        users=by_filter({DOCUMENTED: page(user()), UNRESOLVED: error(400)}), groups=by_filter({UNRESOLVED: error(403)})
    )
    facts = await fetch(clock, there)
    assert len(facts.reports) == 1
    assert set(facts.incomplete) == {
        "service provisioning errors of groups: not permitted, grant GroupMember.Read.All",
    }


async def test_a_type_that_is_not_permitted_is_named(clock: ManualClock) -> None:
    """The users' failures are told; that contacts are unknown is told too, with the permission that is missing."""
    facts = await fetch(clock, graph(users=page(user()), contacts=error(403)))
    assert len(facts.reports) == 1
    assert facts.incomplete == ("contacts: not permitted, grant OrgContact.Read.All",)


async def test_a_type_that_fails_is_named(clock: ManualClock) -> None:
    """One broken collection does not hide the others."""
    facts = await fetch(clock, graph(users=page(user()), groups=error(500)))
    assert len(facts.reports) == 1
    assert len(facts.incomplete) == 1
    assert facts.incomplete[0].startswith("groups: graph.test: GET /v1.0/groups was answered with 500")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(error(403), Denied), (error(500), UpstreamFailed), (error(429, retry_after="99"), Throttled)],
)
async def test_nothing_readable_is_an_error(
    clock: ManualClock, answer: httpx.Response, kind: type[SourceError]
) -> None:
    """An empty list is told only when something was read."""
    with pytest.raises(kind):
        await fetch(clock, graph(users=answer, groups=answer, contacts=answer))


async def test_a_throttled_type_makes_the_poll_wait(clock: ManualClock) -> None:
    """The upstream's wish to be left alone is kept even when the other types could be read."""
    with pytest.raises(Throttled) as caught:
        await fetch(clock, graph(users=page(user()), groups=error(429, retry_after="99")))
    assert caught.value.retry_at == START + timedelta(seconds=99)


def pages_of_users(count: int, each: int = 1, last_link: Any = None) -> Answer:
    """`count` pages of failing users; the last one links to `last_link`."""

    def users(request: httpx.Request) -> httpx.Response:
        query = query_of(str(request.url))
        if query.get("$filter") == UNRESOLVED:
            return page()
        number = int(query.get("$skiptoken", "0"))
        link = f"{BASE}{USERS}?$skiptoken={number + 1}" if number + 1 < count else last_link
        return page(*(user(number * each + one, conflict(f"smtp:{number}-{one}@x")) for one in range(each)), link=link)

    return users


async def test_all_pages_are_read(clock: ManualClock) -> None:
    """Failures beyond the first page are failures too."""
    facts = await fetch(clock, graph(users=pages_of_users(7, 3)))
    assert len(facts.reports) == 21
    assert not facts.truncated


async def test_what_was_read_when_time_ran_out_is_told_as_truncated(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A big, slow tenant shows its first pages rather than nothing."""
    loop, late_s = asyncio.get_running_loop(), [0.0]
    real_time = loop.time
    monkeypatch.setattr(loop, "time", lambda: real_time() + late_s[0])
    there = graph(users=pages_of_users(3))

    async def slow(request: httpx.Request) -> httpx.Response:
        if query_of(str(request.url)).get("$skiptoken") == "2":
            late_s[0] = 120.0
            await asyncio.Event().wait()
        return there(request)

    facts = await source(slow, clock, deadline_s=60.0).fetch()
    assert len(facts.reports) == 2
    assert facts.truncated


@pytest.mark.parametrize("link", [f"{BASE}{USERS}?$skiptoken=1", "https://evil.test/x", 7])
async def test_a_link_that_is_not_followed_leaves_the_list_truncated(clock: ManualClock, link: Any) -> None:
    """What was read before a bad link is told, and that there is more."""
    facts = await fetch(clock, graph(users=pages_of_users(2, 1, link)))
    assert {one.object.id for one in facts.reports} == {"u0", "u1"}
    assert facts.truncated
    assert len(facts.incomplete) == 1


async def test_the_number_of_failures_is_bounded_and_says_so(clock: ManualClock) -> None:
    """A tenant where everything fails does not fill the memory."""
    there = graph(users=pages_of_users(50, 4))
    facts = await fetch(clock, there, most=10)
    assert len(facts.reports) == 10
    assert facts.truncated
    assert len(there.queries(USERS)) <= 4


class Directory:
    """Holders of addresses and UPNs, asked through a batch."""

    def __init__(self, **holders: list[dict[str, Any]]) -> None:
        self.holders = holders
        self.asked: list[str] = []

    def __call__(self, url: str) -> dict[str, Any]:
        self.asked.append(f"{url.partition('?')[0]}: {query_of(url)['$filter']}")
        kind = "upn" if "userPrincipalName eq" in query_of(url)["$filter"] else url.partition("?")[0].strip("/")
        return {"status": 200, "body": {"value": self.holders.get(kind, [])}}


HOLDER = {"id": "other", "displayName": "The Other", "userPrincipalName": "other@contoso.com"}


@pytest.mark.parametrize(
    ("holders", "kind"),
    [("users", "user"), ("upn", "user"), ("groups", "group"), ("contacts", "contact")],
)
async def test_the_other_side_of_a_conflict_is_found(clock: ManualClock, holders: str, kind: str) -> None:
    """Graph does not say who else holds the address: it is looked up among all that can hold one."""
    directory = Directory(**{holders: [HOLDER]})
    facts = await fetch(clock, graph(directory, users=by_filter({DOCUMENTED: page(user())})))
    other = facts.reports[0].conflicts_with
    assert other is not None
    assert (other.type, other.id, other.name) == (kind, "other", "The Other")
    assert directory.asked == [
        "/contacts: proxyAddresses/any(p:p eq 'smtp:dup@contoso.com')",
        "/groups: proxyAddresses/any(p:p eq 'smtp:dup@contoso.com')",
        "/users: userPrincipalName eq 'dup@contoso.com'",
        "/users: proxyAddresses/any(p:p eq 'smtp:dup@contoso.com')",
    ]


async def test_the_failing_object_is_not_its_own_rival(clock: ManualClock) -> None:
    """An object that holds the value itself is not named as the other side."""
    itself = {"id": "u1", "displayName": "User 1"}
    facts = await fetch(clock, graph(Directory(users=[itself]), users=page(user())))
    assert facts.reports[0].conflicts_with is None
    facts = await fetch(clock, graph(Directory(users=[itself, HOLDER]), users=page(user())))
    assert facts.reports[0].conflicts_with is not None


async def test_a_value_is_asked_for_once(clock: ManualClock) -> None:
    """The next polls know the other side without asking, also where there is none."""
    directory = Directory(groups=[HOLDER])
    asking = source(graph(directory, users=page(user())), clock)
    first = await run(clock, asking.fetch())
    asked = len(directory.asked)
    second = await run(clock, asking.fetch())
    assert len(directory.asked) == asked
    assert first.reports == second.reports
    empty = Directory()
    asking = source(graph(empty, users=page(user())), clock)
    await run(clock, asking.fetch())
    asked = len(empty.asked)
    await run(clock, asking.fetch())
    assert len(empty.asked) == asked


async def test_some_values_are_asked_for_per_poll_newest_first(clock: ManualClock) -> None:
    """A tenant with many conflicts is not flooded with look-ups; what is on top of the feed is looked up first."""
    directory = Directory(groups=[HOLDER])
    failing = [user(number, conflict(f"smtp:v{number}@x", day=1 + number // 2)) for number in range(18, 58)]
    for one in failing:
        one["onPremisesProvisioningErrors"][0]["occurredDateTime"] = f"2026-10-{int(one['id'][1:]) // 2:02d}T10:00:00Z"
    asking = source(graph(directory, users=by_filter({DOCUMENTED: page(*failing)})), clock)
    first = await run(clock, asking.fetch())
    known = [one for one in first.reports if one.conflicts_with is not None]
    assert len(known) == 20
    assert len(directory.asked) == 80
    unknown = [one for one in first.reports if one.conflicts_with is None]
    assert min(one.first_seen for one in known if one.first_seen) >= max(
        one.first_seen for one in unknown if one.first_seen
    )
    second = await run(clock, asking.fetch())
    assert all(one.conflicts_with is not None for one in second.reports)
    assert len(directory.asked) == 160


async def test_two_objects_over_one_value_name_the_same_rival(clock: ManualClock) -> None:
    """Both failures of one address point to who holds it, and the address is asked for once."""
    directory = Directory(groups=[HOLDER])
    failing = [user(1, conflict("smtp:Dup@x")), user(2, conflict("SMTP:dup@X"))]
    facts = await fetch(clock, graph(directory, users=by_filter({DOCUMENTED: page(*failing)})))
    assert [one.conflicts_with is not None for one in facts.reports] == [True, True]
    assert len(directory.asked) == 4


async def test_a_look_up_that_fails_is_tried_again_at_the_next_poll(clock: ManualClock) -> None:
    """A throttled look-up costs the other side's name for one poll only, and never the failure itself."""
    for trouble in ({"status": 429, "headers": {"Retry-After": "99"}}, {"status": 500}, {}):
        answers = iter([trouble] * 4)
        directory = Directory(groups=[HOLDER])
        asking = source(graph(partial(_troubled, answers, directory), users=page(user())), clock)
        assert (await run(clock, asking.fetch())).reports[0].conflicts_with is None
        assert (await run(clock, asking.fetch())).reports[0].conflicts_with is not None


def _troubled(troubles: Iterator[dict[str, Any]], directory: Directory, url: str) -> dict[str, Any]:
    trouble = next(troubles, None)
    return directory(url) if trouble is None else trouble


async def test_look_ups_that_are_refused_leave_the_failures_alone(clock: ManualClock) -> None:
    """Without permission for look-ups the conflict is still told."""
    facts = await fetch(clock, graph(lambda _: {"status": 403}, users=page(user())))
    assert (len(facts.reports), facts.incomplete) == (1, ())
    broken = graph(None, users=page(user()))
    facts = await fetch(clock, broken)
    assert len(facts.reports) == 1


async def test_values_that_no_longer_fail_are_forgotten(clock: ManualClock) -> None:
    """What is known about values is bounded by what fails now."""
    directory = Directory()
    there = graph(directory, users=page(user()))
    asking = source(there, clock)
    await run(clock, asking.fetch())
    there.table[USERS] = page()
    await run(clock, asking.fetch())
    there.table[USERS] = page(user())
    await run(clock, asking.fetch())
    assert len(directory.asked) == 8


def test_quotes_in_values_are_doubled() -> None:
    """An address with an apostrophe asks for that address and nothing else."""
    assert literal("o'neil'@x") == "'o''neil''@x'"
    (_, url), *_ = lookups("smtp:a' or true or 'b&$top=999#@x")
    assert query_of(url)["$filter"] == "proxyAddresses/any(p:p eq 'smtp:a'' or true or ''b&$top=999#@x')"
    assert query_of(url)["$top"] == "5"


@given(st.text(min_size=1, max_size=60))
def test_no_value_breaks_out_of_its_filter(value: str) -> None:
    """Whatever an object is called, the look-up stays the same query about another value."""
    for _, url in lookups(value):
        condition = query_of(url)["$filter"]
        string = r"'(?:[^']|'')*'"
        either = rf"proxyAddresses/any\(p:p eq {string}\)|userPrincipalName eq {string}"
        assert re.fullmatch(either, condition, re.DOTALL)
        assert set(query_of(url)) == {"$filter", "$select", "$top", "$count"}


async def test_documented_shapes_are_understood(clock: ManualClock, shared: Path) -> None:
    """The error elements as Microsoft's pages show them."""
    payloads = shared / "payloads"
    provisioning = json.loads((payloads / "graph-onpremisesprovisioningerror-shape.json").read_text())
    service = json.loads((payloads / "graph-serviceprovisioningerror-shape.json").read_text())
    failing = {"id": "u", "onPremisesProvisioningErrors": [provisioning], "serviceProvisioningErrors": [service]}
    facts = await fetch(clock, graph(users=page(failing)))
    assert [(one.code, one.first_seen is None) for one in facts.reports] == [
        ("String", True),
        ("ServiceProvisioningError", False),
    ]


LISTS = ["users-list", "users-filter-count", "contacts-list", "deleteditems-groups", "devices-list"]


@pytest.mark.parametrize("name", LISTS)
async def test_documented_lists_hold_no_failures(clock: ManualClock, shared: Path, name: str) -> None:
    """Objects without errors are no failures."""
    sample = json.loads((shared / "payloads" / f"graph-{name}.json").read_text())
    sample.pop("@odata.nextLink", None)
    facts = await fetch(clock, graph(users=ok(sample), groups=ok(sample), contacts=ok(sample)))
    assert (facts.reports, facts.truncated, facts.incomplete) == ((), False, ())


ERRORS = [
    ("error-400-advanced-params-missing-2023", 400),
    ("error-400-count-2021-contrib", 400),
    ("error-operator-unsupported", 400),
    ("error-property-not-filterable", 400),
    ("error-search-without-consistencylevel", 400),
    ("error-generic", 400),
    ("error-501-property-not-in-delta", 501),
]


@pytest.mark.parametrize(("name", "status"), ERRORS)
async def test_every_documented_refusal_leads_to_the_scan(
    clock: ManualClock, shared: Path, name: str, status: int
) -> None:
    """The wording of a refusal changes over the years: its status decides."""
    refusal = httpx.Response(status, json=json.loads((shared / "payloads" / f"graph-{name}.json").read_text()))
    facts = await fetch(clock, graph(users=by_filter({DOCUMENTED: refusal, SYNCED: page(user())})))
    assert len(facts.reports) == 1


async def test_the_documented_throttle_is_understood(clock: ManualClock, shared: Path) -> None:
    """The 429 of Microsoft's page, without a header, ends as throttled."""
    body = json.loads((shared / "payloads" / "graph-error-429-throttled.json").read_text())
    with pytest.raises(Throttled) as caught:
        await fetch(clock, graph(users=httpx.Response(429, json=body)))
    assert caught.value.code == "TooManyRequests"


FIELDS = ("id", "displayName", "userPrincipalName", "mail", "onPremisesDistinguishedName", "onPremisesImmutableId")
ERROR_FIELDS = (*conflict(), *SERVICE_ERROR)
ANY_ERROR = st.fixed_dictionaries({}, optional=dict.fromkeys(ERROR_FIELDS, ANY_JSON)) | ANY_JSON
ANY_OBJECT = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(FIELDS, ANY_JSON),
        "onPremisesProvisioningErrors": st.lists(ANY_ERROR, max_size=3) | ANY_JSON,
        "serviceProvisioningErrors": st.lists(ANY_ERROR, max_size=3) | ANY_JSON,
    },
)


@given(st.lists(ANY_OBJECT | ANY_JSON, max_size=3) | ANY_JSON, ANY_JSON, ANY_JSON)
async def test_any_json_in_any_field_is_reports_or_an_error(objects: Any, holders: Any, link: Any) -> None:
    """No object crashes the poll, and all its text is safe to print."""
    clock = ManualClock()
    answer = ok({"value": objects, "@odata.nextLink": link})
    there = graph(lambda _: {"status": 200, "body": holders}, users=answer, groups=page())
    try:
        facts = await fetch(clock, there)
    except SourceError:
        return
    for report in facts.reports:
        ref = report.object
        for text in (report.code, report.attribute, report.value, report.message, ref.id, ref.name, ref.upn, ref.dn):
            assert text is None or text.isprintable()
