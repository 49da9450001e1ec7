"""Changes in Entra ID: told from now on, each with a time that can be believed, and never by reading the tenant."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers import ManualClock
from tests.sources.graph_answers import ANY_JSON
from tests.sources.graph_delta import Followed
from tests.sources.upstreams import error, ok, run, upstream
from tui.model.states import SourceId
from tui.model.text import rfc3339
from tui.sources.errors import BadAnswer, Denied, SourceError, Throttled
from tui.sources.graph_changes import ChangesSource


def user(id: str = "u1", **properties: Any) -> dict[str, Any]:
    return {"id": id, "displayName": "Ada", "createdDateTime": "2020-01-01T00:00:00Z", **properties}


def ago(clock: ManualClock, seconds: float) -> datetime:
    return clock.now() - timedelta(seconds=seconds)


async def test_the_first_poll_marks_the_place(clock: ManualClock) -> None:
    """It asks for the latest token of both collections, once, and selects what is compared."""
    followed = Followed(clock)
    assert (followed.source.id, followed.source.optional) == (SourceId.CHANGES, True)
    await followed.begin()
    users, groups = followed.delta.asked
    assert users.startswith("/v1.0/users/delta?$select=id,displayName,userPrincipalName,")
    assert users.endswith("$deltatoken=latest")
    assert "onPremisesImmutableId" in users
    assert "onPremisesSecurityIdentifier" in groups
    assert "onPremisesImmutableId" not in groups


async def test_a_new_object_is_as_old_as_it_says(clock: ManualClock) -> None:
    """A user made forty seconds ago is new and changed then; told again, the user is changed and no longer new."""
    followed = await Followed(clock).begin()
    made = ago(clock, 40)
    (told,) = (await followed.told([user(createdDateTime=rfc3339(made), mail=None)])).changes
    assert (told.kind, told.object_id, told.name, told.created, told.at) == ("user", "u1", "Ada", True, made)
    assert told.values == {"displayName": ("Ada",), "mail": ()}
    clock.jump(60)
    (again,) = (await followed.told([user(createdDateTime=rfc3339(made), displayName="Ada B")])).changes
    assert (again.created, again.at) == (False, clock.now())


async def test_a_change_from_on_premises_is_as_old_as_its_sync(clock: ManualClock) -> None:
    """The time of the sync is the change's, once; a later change of the same object is dated by when it is seen."""
    followed = await Followed(clock).begin()
    synced = ago(clock, 30)
    item = user(onPremisesLastSyncDateTime=rfc3339(synced), onPremisesImmutableId="YQ==", accountEnabled=False)
    (told,) = (await followed.told([item])).changes
    assert (told.at, told.synced_at, told.source_anchor, told.created) == (synced, synced, "YQ==", False)
    assert told.values["accountEnabled"] == ("false",)
    clock.jump(60)
    (again,) = (await followed.told([{**item, "displayName": "B"}])).changes
    assert (again.at, again.synced_at) == (clock.now(), synced)


async def test_a_user_made_shortly_before_the_start_is_changed_not_new(clock: ManualClock) -> None:
    """Whoever was made, and last synced, in the minutes before the first poll is told because of a later change: it is
    dated by its own sync, or else by the poll that sees it."""
    made = rfc3339(ago(clock, 120))
    followed = await Followed(clock).begin()
    synced = ago(clock, 20)
    told = await followed.told(
        [
            user("a", createdDateTime=made, onPremisesLastSyncDateTime=rfc3339(synced)),
            user("b", createdDateTime=made, onPremisesLastSyncDateTime=made),
        ]
    )
    assert {one.object_id: (one.created, one.at) for one in told.changes} == {
        "a": (False, synced),
        "b": (False, clock.now()),
    }


async def test_a_change_without_a_time_is_dated_when_it_is_seen(clock: ManualClock) -> None:
    """Old, absurd and future times are not those of a change that is seen now."""
    followed = await Followed(clock).begin()
    for told in ("2019-05-05T05:05:05Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 7, None):
        clock.jump(60)
        item = user(f"u{told}", createdDateTime=told, onPremisesLastSyncDateTime=told)
        (change,) = (await followed.told([item])).changes
        assert (change.created, change.at) == (False, clock.now())


async def test_the_tenants_clock_is_corrected(clock: ManualClock) -> None:
    """Where the tenant's clock is an hour ahead of ours, its times are told by ours."""
    followed = Followed(clock)
    answer = followed.delta._answer

    def ahead(*arguments: Any) -> httpx.Response:
        made = answer(*arguments)
        made.headers["Date"] = (clock.now() + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return made

    followed.delta._answer = ahead  # type: ignore[method-assign]
    await followed.begin()
    made = ago(clock, 40)
    (told,) = (await followed.told([user(createdDateTime=rfc3339(made + timedelta(hours=1)))])).changes
    assert abs((told.at - made).total_seconds()) <= 1
    assert told.created


async def test_pages_and_duplicates_are_one_change_each(clock: ManualClock) -> None:
    """Empty pages and objects that come twice are normal; what was said last counts."""
    followed = await Followed(clock).begin()
    facts = await followed.told([user("a"), user("b")], [], [user("a", displayName="Later")])
    assert {change.object_id: change.name for change in facts.changes} == {"a": "Later", "b": "Ada"}
    assert (await followed.fetch()).changes == ()


async def test_deleted_objects_are_told_apart(clock: ManualClock) -> None:
    """An object that is removed after it changed is removed and nothing else; a group is told like a user."""
    followed = await Followed(clock).begin()
    facts = await followed.told([user("a")], [{"id": "a", "@removed": {"reason": "changed"}}])
    assert (facts.changes, facts.removed) == ((), ("a",))
    group = {
        "id": "g",
        "displayName": "G",
        "onPremisesSecurityIdentifier": "S-1-5-21-1",
        "proxyAddresses": ["smtp:g@x"],
    }
    (told,) = (await followed.told([group], kind="groups")).changes
    assert (told.kind, told.security_id) == ("group", "S-1-5-21-1")
    assert told.values == {"displayName": ("G",), "proxyAddresses": ("smtp:g@x",)}


@pytest.mark.parametrize(
    "refusal", [error(410, "syncStateNotFound"), error(400, "resyncRequired"), error(400, "SyncStateNotFound")]
)
async def test_a_lost_token_starts_again_from_now(clock: ManualClock, refusal: httpx.Response) -> None:
    """What happened in between is not read, and the answer says that something may be missing."""
    followed = await Followed(clock).begin()
    followed.delta.asked.clear()
    before = followed.source._upstream
    assert before is not None

    def forgetful(request: httpx.Request) -> httpx.Response:
        if "latest" in str(request.url):
            return followed.delta(request)
        return httpx.Response(refusal.status_code, headers=refusal.headers, content=refusal.content)

    followed.source._upstream = upstream(forgetful, clock)
    facts = await followed.fetch()
    assert facts.truncated
    assert [path for path in followed.delta.asked if "latest" not in path] == []
    followed.source._upstream = upstream(followed.delta, clock)
    facts = await followed.told([user("a")])
    assert ([change.object_id for change in facts.changes], facts.truncated) == (["a"], False)


async def test_a_flood_is_cut_and_says_so(clock: ManualClock) -> None:
    """More changes than one poll takes are passed over; the next poll tells what happens after this one."""
    followed = await Followed(clock, most=10).begin()
    facts = await followed.told(*([user(f"{page}-{n}") for n in range(6)] for page in range(50)))
    assert (len(facts.changes), facts.truncated) == (10, True)
    assert len(followed.delta.asked) < 10
    facts = await followed.told([user("a")])
    assert ([change.object_id for change in facts.changes], facts.truncated) == (["a"], False)


async def test_deletions_that_are_kept_are_bounded(clock: ManualClock) -> None:
    """While one collection is throttled for days, what the other one tells does not grow for ever, and says so."""
    followed = await Followed(clock, most=10).begin()
    followed.delta.refuse["groups"] = error(429, "TooManyRequests", Retry_After="600")
    for round in range(5):
        with pytest.raises(Throttled):
            await followed.told([{"id": f"{round}-{n}", "@removed": {"reason": "deleted"}} for n in range(8)])
    followed.delta.refuse.clear()
    facts = await followed.fetch()
    assert (len(facts.removed), facts.truncated) == (20, True)


async def test_one_collection_that_is_refused_leaves_the_other(clock: ManualClock) -> None:
    """Users are told where groups may not be read; with neither the poll is refused."""
    followed = await Followed(clock).begin()
    followed.delta.refuse["groups"] = error(403, "Authorization_RequestDenied")
    facts = await followed.told([user("a")])
    assert len(facts.changes) == 1
    assert "groups: not permitted" in facts.incomplete[0]
    assert "GroupMember.Read.All" in facts.incomplete[0]
    followed.delta.refuse["users"] = error(403, "Authorization_RequestDenied")
    with pytest.raises(Denied, match=r"User\.Read\.All"):
        await followed.fetch()


async def test_nothing_is_lost_to_throttling(clock: ManualClock) -> None:
    """Throttled groups make the poll throttled; the users it had read are told by the next good one."""
    followed = await Followed(clock).begin()
    followed.delta.refuse["groups"] = error(429, "TooManyRequests", Retry_After="600")
    with pytest.raises(Throttled):
        await followed.told([user("a")])
    followed.delta.refuse.clear()
    assert [change.object_id for change in (await followed.fetch()).changes] == ["a"]


@pytest.mark.parametrize("link", [None, 7, "", "https://evil.test/elsewhere", "x" * 20_000])
async def test_a_round_that_leads_nowhere_is_an_error(clock: ManualClock, link: Any) -> None:
    """Without a usable link to go on from the answer is bad, and nothing is asked of another host."""
    asked: list[str] = []

    def lost(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return ok({"value": [], "@odata.deltaLink": link})

    with pytest.raises(BadAnswer):
        await run(clock, ChangesSource(upstream(lost, clock), clock).fetch())
    assert set(asked) == {"graph.test"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(body=ANY_JSON, items=st.lists(ANY_JSON, max_size=4))
async def test_no_answer_breaks_the_source(body: Any, items: list[Any]) -> None:
    """Whatever stands in the pages, the poll ends in facts or in an error for people."""
    clock = ManualClock()
    followed = await Followed(clock).begin()
    objects = [
        {"id": f"{n}", "displayName": item, "proxyAddresses": item, "createdDateTime": item}
        for n, item in enumerate(items)
    ]
    facts = await followed.told([*items, *objects, body])
    assert all(change.at <= clock.now() for change in facts.changes)
    answers = iter([ok(body)])
    hostile = ChangesSource(upstream(lambda request: next(answers, ok(body)), clock), clock)
    with suppress(SourceError):
        await run(clock, hostile.fetch(), seconds=5)


async def test_memory_of_times_is_bounded(clock: ManualClock) -> None:
    """Objects that were seen long ago are forgotten, so that weeks of changes do not pile up."""
    followed = await Followed(clock).begin()
    for number in range(40):
        clock.jump(300)
        await followed.told([user(f"{number}-{n}") for n in range(20)])
    assert len(followed.source._told) < 40 * 20
