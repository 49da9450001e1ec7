"""Pages of changes as an upstream may really send them: odd orders, failures, and shapes that make no sense."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import ManualClock
from tests.sync.bench import upstream_of
from tui.sources.errors import BadAnswer, SourceError, Throttled
from tui.sync.checkpoint import Checkpoint
from tui.sync.delta import (
    Change,
    Cleared,
    DeltaReader,
    Page,
    Referred,
    ResyncRequired,
    Seen,
    Vanished,
    page_of,
    relative,
)
from tui.sync.replicator import Replicator, Step
from tui.sync.targets.sqlite import SqliteDomain
from tui.sync.targets.target import Kind

LINK = "https://graph.example/v1.0/users/delta?$deltatoken=x"


class Script:
    """Plays pages; a feed that has none left has nothing new."""

    def __init__(self, **pages: list[Iterable[Change] | Exception]) -> None:
        self.pages = pages
        self.asked = 0

    async def read(self, kind: Kind, link: str | None) -> Page:
        self.asked += 1
        left = self.pages.get(kind, [])
        page = left.pop(0) if left else ()
        if isinstance(page, Exception):
            raise page
        return Page(kind, tuple(page), f"/v1.0/{kind}s/delta?at={self.asked}", is_last=not left)

    async def total(self) -> int | None:
        return None


def user(id: str, **properties: Any) -> Seen:
    return Seen(id, "user", {"id": id, "displayName": id, "userPrincipalName": f"{id}@x.y", **properties})


def group(id: str) -> Seen:
    return Seen(id, "group", {"id": id, "displayName": id})


def member(owner: str, other: str, kind: str = "user", *, held: bool = True) -> Referred:
    return Referred(owner, "member", other, kind, held)


class Played:
    """A domain that was synced from a script."""

    def __init__(self, clock: ManualClock, script: Script) -> None:
        self.clock = clock
        self.domain = SqliteDomain(now=clock.now)
        self.replicator = Replicator(script, self.domain, Checkpoint(self.domain.connection), clock=clock)

    async def sync(self) -> Played:
        assert await self.replicator.run_once() is Step.DONE
        return self

    def members(self, id: str) -> list[str]:
        stored = self.domain.get(id)
        assert stored is not None
        return [dn.split(",")[0] for dn in stored.attributes.get("member", ())]


async def test_members_before_their_objects(clock: ManualClock) -> None:
    """A membership told before its user or nested group is kept until they come."""
    script = Script(
        user=[[], []], group=[[group("g"), member("g", "ada"), member("g", "inner", "group")], [group("inner")]]
    )
    played = await Played(clock, script).sync()
    assert played.members("g") == ["CN=inner"]
    script.pages["user"] = [[user("ada")]]
    await played.sync()
    assert played.members("g") == ["CN=ada", "CN=inner"]


async def test_gone_and_back_on_one_page(clock: ManualClock) -> None:
    """A group that is deleted and back within one page keeps only the members that are told anew."""
    script = Script(user=[[user("ada"), user("eve")]], group=[[group("g"), member("g", "ada"), member("g", "eve")]])
    played = await Played(clock, script).sync()
    script.pages["group"] = [[Vanished("g", "group"), group("g"), member("g", "ada")]]
    await played.sync()
    assert played.members("g") == ["CN=ada"]


async def test_devices_and_contacts_are_no_members(clock: ManualClock) -> None:
    """Members that are not synced are neither linked nor failures."""
    script = Script(group=[[group("g"), member("g", "pc", "device"), member("g", "c", "orgContact")]])
    played = await Played(clock, script).sync()
    await played.sync()
    await played.sync()
    assert played.replicator.state().objects_failed == 0


async def test_missing_references(clock: ManualClock) -> None:
    """A member that the tenant never tells of is a failure after a whole round, and none once it comes."""
    script = Script(user=[[user("ada")]], group=[[group("g"), member("g", "ghost")]])
    played = await Played(clock, script).sync()
    assert played.replicator.state().objects_failed == 0
    await played.sync()
    (failure,) = played.replicator.state().failures
    assert (failure.code, failure.attribute, failure.value) == ("MissingReference", "member", "ghost")
    assert failure.object.id == "g"
    assert failure.first_seen == clock.now()
    script.pages["user"] = [[user("ghost")]]
    await played.sync()
    assert played.replicator.state().failures == ()
    assert played.members("g") == ["CN=ghost"]


async def test_an_unchanged_manager_is_not_rewritten(clock: ManualClock) -> None:
    """A user told again with the same manager changes nothing; with none, loses it."""
    told = [user("ada"), user("boss"), Cleared("ada", "manager"), Referred("ada", "manager", "boss", "user", True)]
    script = Script(user=[told])
    played = await Played(clock, script).sync()
    usn = played.domain.highest_usn
    script.pages["user"] = [told]
    await played.sync()
    assert played.domain.highest_usn == usn
    script.pages["user"] = [told[:3]]
    await played.sync()
    stored = played.domain.get("ada")
    assert stored is not None
    assert "manager" not in stored.attributes


async def test_partial_changes_are_merged(clock: ManualClock) -> None:
    """A change that tells only some properties leaves the others as they were."""
    script = Script(user=[[user("ada", city="Rome", department="HR")]])
    played = await Played(clock, script).sync()
    script.pages["user"] = [[Seen("ada", "user", {"id": "ada", "city": "Oslo"})]]
    await played.sync()
    stored = played.domain.get("ada")
    assert stored is not None
    assert (stored.attributes["l"], stored.attributes["department"]) == (("Oslo",), ("HR",))


async def test_a_full_pass_leaves_out_what_was_cleared(clock: ManualClock) -> None:
    """A property that was cleared while the token ran out is not in the full pass that follows, and goes."""
    script = Script(user=[[user("ada", city="Rome")]])
    played = await Played(clock, script).sync()
    script.pages["user"] = [ResyncRequired(), [user("ada")]]
    await played.sync()
    stored = played.domain.get("ada")
    assert stored is not None
    assert "l" not in stored.attributes


async def test_an_id_keeps_its_kind(clock: ManualClock) -> None:
    """A group told under a user's id does not replace the user."""
    script = Script(user=[[user("x")]], group=[[group("x")]])
    played = await Played(clock, script).sync()
    assert played.domain.counts(synced=True) == {"user": 1, "group": 0}


async def test_failures_upstream_are_told_and_survived(clock: ManualClock) -> None:
    """A failing tenant stops nothing for good: what happened is told, and the next step goes on."""
    script = Script(user=[SourceError("graph.example is down"), [user("ada")]])
    played = Played(clock, script)
    assert await played.replicator.run_once() is Step.FAILED
    assert played.replicator.state().error == "graph.example is down"
    assert played.replicator.state().last_success is None
    await played.sync()
    assert played.replicator.state().error is None
    assert played.domain.counts(synced=True)["user"] == 1


async def test_throttling_is_honoured(clock: ManualClock) -> None:
    """While throttled nothing is asked."""
    until = clock.now() + timedelta(seconds=30)
    script = Script(user=[Throttled("slow down", retry_at=until), [user("ada")]])
    played = Played(clock, script)
    assert await played.replicator.step() is Step.FAILED
    assert await played.replicator.step() is Step.FAILED
    assert (script.asked, played.replicator.state().retry_at) == (1, until)
    clock.jump(31)
    await played.sync()


# What answers become


def test_a_page() -> None:
    """Objects, removals and members are told in order; a nextLink is not the end."""
    page = page_of(
        "group",
        {
            "@odata.nextLink": LINK,
            "value": [
                {"id": "g", "displayName": "G", "members@delta": [{"id": "u", "@odata.type": "#microsoft.graph.user"}]},
                {"id": "h", "@removed": {"reason": "changed"}},
            ],
        },
    )
    assert page.changes == (
        Seen("g", "group", {"displayName": "G", "id": "g"}),
        Referred("g", "member", "u", "user", True),
        Vanished("h", "group"),
    )
    assert not page.is_last


@pytest.mark.parametrize("link", [None, 7, "", "https://evil.example/steal", "http://[", "\ud800", "/beta/users"])
def test_a_link_must_lead_to_the_api(link: Any) -> None:
    """A page without a way on is a bad answer."""
    with pytest.raises(BadAnswer):
        relative(link)


def test_a_link_is_asked_of_the_own_host_only() -> None:
    """Only path and query of a link are kept."""
    assert relative("https://evil.example/x/v1.0/users/delta?$skiptoken=a%20b") == "/v1.0/users/delta?$skiptoken=a%20b"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        *("id", "displayName", "userPrincipalName", "mailNickname", "proxyAddresses", "businessPhones"),
        *("passwordProfile", "accountEnabled", "onPremisesSecurityIdentifier", "credentialHashes"),
        *("manager@delta", "members@delta", "@removed"),
    ]
)
ITEMS = st.dictionaries(NAMES, JSON | st.sampled_from(["a", "b@c.d", "S-1-5-21-1"]), max_size=9)


@given(st.sampled_from(["user", "group"]), st.dictionaries(st.sampled_from(["value", "@odata.nextLink"]), JSON))
def test_any_answer_is_a_page_or_a_bad_answer(kind: Kind, answer: dict[str, Any]) -> None:
    """No answer of any shape raises anything but `BadAnswer`."""
    try:
        page_of(kind, answer)
    except BadAnswer:
        return
    assert page_of(kind, {**answer, "@odata.nextLink": LINK}).link


@given(st.sampled_from(["user", "group"]), st.lists(ITEMS | JSON, max_size=5))
async def test_any_items_are_synced_or_set_aside(kind: Kind, items: list[Any]) -> None:
    """Whatever objects the tenant tells of, each is written or told as a failure, and the sync goes on."""
    page = page_of(kind, {"@odata.nextLink": LINK, "value": items})
    script = Script(**{kind: [page.changes, (user("last") if kind == "user" else group("last"),)]})
    played = await Played(ManualClock(), script).sync()
    state = played.replicator.state()
    seen = {change.id for change in page.changes if isinstance(change, Seen)}
    gone = {change.id for change in page.changes if isinstance(change, Vanished)}
    failed = {failure.object.id for failure in state.failures}
    assert all(id in failed or played.domain.get(id) is not None for id in seen - gone)
    assert played.domain.get("last") is not None
    for failure in state.failures:
        assert (failure.value or "").isprintable()
    played.domain.close()


# Over HTTP


def reader(clock: ManualClock, *answers: tuple[int, Any]) -> DeltaReader:
    left = list(answers)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        status, body = left.pop(0)
        response = httpx.Response(status, json=body)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": response.content})

    return DeltaReader(upstream_of(app, clock))


@pytest.mark.parametrize(
    ("status", "code"),
    [(410, "whatever"), (400, "syncStateNotFound"), (404, "resyncRequired"), (409, "ResyncRequired")],
)
async def test_answers_that_mean_start_over(clock: ManualClock, status: int, code: str) -> None:
    """410, and any 40x with a code that says so, asks for a full pass; but never of a full pass itself."""
    answer = (status, {"error": {"code": code, "message": "x"}})
    with pytest.raises(ResyncRequired):
        await reader(clock, answer).read("user", "/v1.0/users/delta?$deltatoken=x")
    with pytest.raises(SourceError):
        await reader(clock, answer).read("user", None)


async def test_a_page_that_leads_to_itself(clock: ManualClock) -> None:
    """A nextLink to the page it is on is a bad answer, not an endless loop."""
    link = "/v1.0/users/delta?$skiptoken=x"
    with pytest.raises(BadAnswer):
        await reader(clock, (200, {"@odata.nextLink": f"http://127.0.0.1:8001{link}", "value": []})).read("user", link)


async def test_a_total_that_cannot_be_read_is_unknown(clock: ManualClock) -> None:
    """A refused or unreadable count is no total, never zero."""
    assert await reader(clock, (403, {})).total() is None
    assert await reader(clock, (200, "many"), (200, 2)).total() is None
    assert await reader(clock, (200, 3), (200, 2)).total() == 5
