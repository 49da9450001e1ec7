"""Counting the directory: each number is a number or says why it is missing; missing is never zero."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START, ManualClock
from tests.sources.graph_answers import ANY_JSON, Graph
from tests.sources.upstreams import error, ok, run, upstream
from tui.model.facts import CountsFacts
from tui.model.reading import Absence, Reading
from tui.model.states import ObjectType
from tui.sources.errors import BadAnswer, Denied, SourceError, Throttled, UpstreamFailed
from tui.sources.graph_counts import CountsSource, number_in

COUNTS = {
    "/users/$count": 1200,
    "/groups/$count": 300,
    "/contacts/$count": 12,
    "/devices/$count": 0,
    "/directory/deletedItems/microsoft.graph.user/$count": 4,
}


def part(url: str) -> dict[str, Any]:
    path, _, query = url.partition("?")
    return {"status": 200, "body": COUNTS[path] - (10 if query and COUNTS[path] else 0)}


async def fetch(clock: ManualClock, answer: Callable[[str], dict[str, Any]]) -> CountsFacts:
    return await run(clock, CountsSource(upstream(Graph({}, answer), clock), clock).fetch())


async def test_all_counts_come_from_one_batch(clock: ManualClock) -> None:
    """Nine numbers cost one request, whatever order they come back in; zero is a number."""
    graph = Graph({}, part)
    facts = await CountsSource(upstream(graph, clock), clock).fetch()
    assert len(graph.requests) == 1
    assert {kind: reading.value for kind, reading in facts.entra.items()} == {
        ObjectType.USERS: 1200,
        ObjectType.GROUPS: 300,
        ObjectType.CONTACTS: 12,
        ObjectType.DEVICES: 0,
    }
    assert facts.entra_synced[ObjectType.USERS] == Reading.of(1190, START)
    assert facts.deleted == Reading.of(4, START)
    assert "/users/$count?$filter=onPremisesSyncEnabled%20eq%20true" in graph.asked_in_batch


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (893, 893),
        (893.0, 893),
        ("893", 893),
        ("\ufeff893\r\n", 893),
        (base64.b64encode(b"893").decode(), 893),
        (base64.b64encode(b"\xef\xbb\xbf893").decode(), 893),
        ("1234", 1234),
        (0, 0),
        (-1, None),
        ("-1", None),
        (10**12, None),
        ("9" * 400, None),
        (True, None),
        (None, None),
        ("", None),
        ("many", None),
        (8.5, None),
        ({"value": 3}, None),
        ([3], None),
        ("²", None),
    ],
)
def test_a_count_is_read_in_every_form_it_comes_in(body: Any, number: int | None) -> None:
    """Plain text within JSON comes as a number, as digits, behind a BOM, in base64; nonsense is no count."""
    assert number_in(body) == number


@pytest.mark.parametrize(
    ("answer", "absence"),
    [
        ({"status": 403, "body": {"error": {"code": ""}}}, Absence.NOT_PERMITTED),
        ({"status": 401, "body": None}, Absence.NOT_PERMITTED),
        ({"status": 404}, Absence.NOT_REPORTED),
        ({"status": 400}, Absence.NOT_REPORTED),
        ({"status": 501}, Absence.FAILED),
        ({"status": 500}, Absence.FAILED),
        ({"status": 429, "headers": {"Retry-After": "99"}}, Absence.THROTTLED),
        ({"status": None}, Absence.FAILED),
        ({"id": "another"}, Absence.FAILED),
        ({"status": 200, "body": -5}, Absence.NOT_REPORTED),
        ({"status": 302, "headers": {"location": "https://evil.test"}}, Absence.NOT_REPORTED),
    ],
)
async def test_one_count_that_fails_is_missing_with_its_reason(
    clock: ManualClock, answer: dict[str, Any], absence: Absence
) -> None:
    """The other numbers stay, and the missing one is not zero."""
    facts = await fetch(clock, lambda url: answer if url == "/groups/$count" else part(url))
    assert facts.entra[ObjectType.GROUPS] == Reading.missing(absence, clock.now())
    assert facts.entra[ObjectType.USERS].value == 1200


async def test_a_throttled_count_is_asked_once_more(clock: ManualClock) -> None:
    """Only the throttled parts are asked again, after the longest of their waits."""
    left = {"/groups/$count": "1.5", "/devices/$count": 4}
    graph = Graph({}, lambda url: _throttled(left.pop(url)) if url in left else part(url))
    facts = await run(clock, CountsSource(upstream(graph, clock), clock).fetch())
    assert facts.entra[ObjectType.GROUPS].value == 300
    assert facts.entra[ObjectType.DEVICES].value == 0
    assert graph.asked_in_batch[9:] == ["/groups/$count", "/devices/$count"]
    assert 4 <= clock.monotonic() < 5


def _throttled(retry_after: object) -> dict[str, Any]:
    return {"status": 429, "headers": {"Retry-After": retry_after}, "body": {"error": {"code": "TooManyRequests"}}}


async def test_a_count_throttled_for_long_is_not_waited_for(clock: ManualClock) -> None:
    """The poll does not stand still for a minute over one number."""
    graph = Graph({}, lambda url: _throttled("60") if url == "/groups/$count" else part(url))
    await run(clock, CountsSource(upstream(graph, clock), clock).fetch())
    assert len(graph.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 403}, Denied),
        ({"status": 500}, UpstreamFailed),
        ({}, UpstreamFailed),
        ({"status": 200, "body": "nonsense"}, BadAnswer),
    ],
)
async def test_a_batch_without_a_single_count_is_an_error(
    clock: ManualClock, answer: dict[str, Any], kind: type[SourceError]
) -> None:
    """When nothing could be counted the source says so."""
    with pytest.raises(kind):
        await fetch(clock, lambda _: answer)


async def test_a_batch_throttled_as_a_whole_tells_when_to_come_back(clock: ManualClock) -> None:
    """The longest wait of all parts is kept to."""
    waits = iter([10, 300, *[20] * 20])
    with pytest.raises(Throttled) as caught:
        await fetch(clock, lambda _: _throttled(str(next(waits))))
    assert caught.value.retry_at == START + timedelta(seconds=300)


async def test_doubled_answers_count_once(clock: ManualClock) -> None:
    """An upstream that repeats itself does not change the first number it gave."""

    def doubled(request: httpx.Request) -> httpx.Response:
        parts = [{"id": one["id"], **part(one["url"])} for one in json.loads(request.content)["requests"]]
        return ok({"responses": [*parts, *({**one, "body": 7} for one in parts), None, 3, {"id": []}]})

    facts = await CountsSource(upstream(doubled, clock), clock).fetch()
    assert facts.entra[ObjectType.USERS].value == 1200


async def test_a_refused_batch_is_denied(clock: ManualClock) -> None:
    """The error names a permission."""
    source = CountsSource(upstream(Graph({"/v1.0/$batch": error(403)}), clock), clock)
    with pytest.raises(Denied, match=r"Directory\.Read\.All"):
        await source.fetch()


async def test_more_synced_than_counted_is_told_as_it_is(clock: ManualClock) -> None:
    """Counts lag behind each other: none of them is bent to fit."""
    facts = await fetch(clock, lambda url: {"status": 200, "body": 9 if "filter" in url else 5})
    assert (facts.entra[ObjectType.USERS].value, facts.entra_synced[ObjectType.USERS].value) == (5, 9)


@pytest.mark.parametrize("status", [400, 404, 405, 501])
async def test_without_batches_each_count_is_asked_alone(clock: ManualClock, status: int) -> None:
    """An upstream that knows no $batch is counted by plain requests; what it refuses then is missing."""
    plain = {f"/v1.0{path}": httpx.Response(200, text=f"\ufeff{number}") for path, number in COUNTS.items()}
    graph = Graph({**plain, "/v1.0/$batch": error(status), "/v1.0/devices/$count": error(403)})
    facts = await run(clock, CountsSource(upstream(graph, clock), clock).fetch())
    assert facts.entra[ObjectType.USERS].value == facts.entra_synced[ObjectType.USERS].value == 1200
    assert facts.deleted.value == 4
    assert facts.entra[ObjectType.DEVICES].absence is Absence.NOT_PERMITTED
    assert {"$filter": "onPremisesSyncEnabled eq true"} in graph.queries("/v1.0/users/$count")
    assert all(one.headers["ConsistencyLevel"] == "eventual" for one in graph.requests if one.method == "GET")


@pytest.mark.parametrize("name", ["graph-batch-response.json", "graph-batch-response-mixed-2025.json"])
async def test_documented_batches_are_survived(clock: ManualClock, shared: Path, name: str) -> None:
    """Microsoft's own samples hold no counts: that is an error in words, not a zero."""
    sample = json.loads((shared / "payloads" / name).read_text())
    with pytest.raises(UpstreamFailed):
        await CountsSource(upstream(lambda _: ok(sample), clock), clock).fetch()


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "id": st.sampled_from(["users", "groups-synced", "deleted"]) | ANY_JSON,
                "status": st.sampled_from([200, 403, 429, 500, "200"]) | ANY_JSON,
                "headers": st.dictionaries(st.sampled_from(["Retry-After", "x"]), ANY_JSON) | ANY_JSON,
                "body": st.integers(0, 99) | ANY_JSON,
            },
        )
        | ANY_JSON,
        max_size=6,
    )
    | ANY_JSON
)
async def test_any_json_in_any_part_is_counts_or_an_error(responses: Any) -> None:
    """No batch crashes the poll, and every number is a plausible count."""
    clock = ManualClock()
    answer = {"responses": responses}
    try:
        facts = await run(clock, CountsSource(upstream(lambda _: ok(answer), clock), clock).fetch())
    except SourceError:
        return
    for reading in (*facts.entra.values(), *facts.entra_synced.values(), facts.deleted):
        assert (reading.value is None) == (reading.absence is not None)
        assert reading.value is None or 0 <= reading.value <= 10**9
