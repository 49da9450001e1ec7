"""The HTTP client holds to its rules whatever the upstream does: who sees the token, when to retry, when to stop."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import ssl
import traceback
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START, ManualClock
from tests.sources.upstreams import BASE, SECRET, Script, error, ok, run, upstream
from tui.sources.errors import (
    BadAnswer,
    Denied,
    Gone,
    NotFound,
    Refused,
    SourceError,
    Throttled,
    TimedOut,
    Unreachable,
    UpstreamFailed,
)
from tui.sources.http import Upstream
from tui.sources.http_errors import without_secrets
from tui.sources.http_retry import retry_after
from tui.sources.http_wire import LARGEST_BODY


class Rotating:
    """Tokens `tok-1`, `tok-2` ...: a new one for each refresh."""

    def __init__(self) -> None:
        self.refreshed = 0

    async def token(self, audience: str, *, refresh: bool = False) -> str:
        self.refreshed += refresh
        return f"tok-{self.refreshed + 1}"


async def test_a_get_carries_the_token_and_the_headers_of_a_polite_reader(clock: ManualClock) -> None:
    """Graph sees a bearer token, an id for its support and that this reader can wait."""
    script = Script([ok({"a": 1})])
    there = upstream(script, clock, headers={"ConsistencyLevel": "eventual"})
    assert await there.get_json("/v1.0/users", {"$filter": "a eq 'b c'"}) == {"a": 1}
    sent = script.requests[0]
    assert sent.headers["authorization"] == f"Bearer {SECRET}"
    assert len(sent.headers["client-request-id"]) == 36
    assert sent.headers["x-ms-throttle-priority"] == "low"
    assert sent.headers["consistencylevel"] == "eventual"
    assert str(sent.url) == f"{BASE}/v1.0/users?$filter=a%20eq%20'b%20c'"


async def test_a_batch_is_posted_as_json(clock: ManualClock) -> None:
    """A `$batch` goes out as a JSON body."""
    script = Script([ok({"responses": []})])
    await upstream(script, clock).post_json("/v1.0/$batch", {"requests": []})
    assert script.requests[0].method == "POST"
    assert json.loads(script.requests[0].content) == {"requests": []}


async def test_text_comes_without_a_byte_order_mark(clock: ManualClock) -> None:
    """A plain count reads as its digits."""
    there = upstream(Script([httpx.Response(200, content=b"\xef\xbb\xbf893")]), clock)
    assert await there.get_text("/v1.0/users/$count") == "893"


async def test_a_refused_token_is_renewed_once(clock: ManualClock) -> None:
    """A token that has just expired costs the user nothing."""
    tokens = Rotating()
    script = Script([error(401), ok({"a": 1})])
    assert await upstream(script, clock, tokens=tokens).get_json("/x") == {"a": 1}
    assert [one.headers["authorization"] for one in script.requests] == ["Bearer tok-1", "Bearer tok-2"]


async def test_a_token_refused_twice_is_denied(clock: ManualClock) -> None:
    """A sign-in that does not help ends after one more try, with what to do."""
    tokens, script = Rotating(), Script([error(401, "InvalidAuthenticationToken", "Lifetime validation failed")])
    with pytest.raises(Denied, match="Sign in again") as caught:
        await upstream(script, clock, tokens=tokens).get_json("/x")
    assert (len(script.requests), tokens.refreshed) == (2, 1)
    assert (caught.value.http_status, caught.value.code) == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, Denied), (404, NotFound), (410, Gone), (400, Refused), (405, Refused), (501, Refused), (304, BadAnswer)],
)
async def test_each_status_has_its_error(clock: ManualClock, status: int, kind: type[SourceError]) -> None:
    """The same status always means the same to the poller, and is not asked twice."""
    script = Script([error(status, "SomeCode", "Some message.")])
    with pytest.raises(kind) as caught:
        await run(clock, upstream(script, clock).get_json("/v1.0/users", {"$filter": "secret eq 'x'"}))
    assert type(caught.value) is kind
    assert len(script.requests) == 1
    assert "$filter" not in str(caught.value)


async def test_a_refusal_names_the_permission_that_is_missing(clock: ManualClock) -> None:
    """Who reads the error knows what to grant."""
    there = upstream(Script([error(403, "Authorization_RequestDenied", "Insufficient privileges.")]), clock)
    with pytest.raises(Denied) as caught:
        await there.session(needs="User.Read.All").get_json("/v1.0/users")
    assert str(caught.value) == (
        "graph.test: GET /v1.0/users was answered with 403 Authorization_RequestDenied: "
        "Insufficient privileges. Grant User.Read.All and consent to it"
    )


@pytest.mark.parametrize("key", ["innerError", "innererror"])
async def test_error_bodies_of_either_spelling_are_read(clock: ManualClock, key: str) -> None:
    """Support gets the request id, whichever way the upstream spells its envelope; an empty code is allowed."""
    body = {"error": {"code": "", "message": "no", key: {"request-id": "93b6f17e"}}}
    with pytest.raises(Denied) as caught:
        await upstream(Script([httpx.Response(403, json=body)]), clock).get_json("/x")
    assert (caught.value.code, caught.value.request_id) == ("", "93b6f17e")


async def test_hostile_error_bodies_are_cleaned_and_shortened(clock: ManualClock) -> None:
    """An error never moves the terminal's cursor nor fills the screen."""
    there = upstream(Script([error(400, "c" * 9000, "\x1b[2Jboo\u202e" + "m" * 9000)]), clock)
    with pytest.raises(Refused) as caught:
        await there.get_json("/x")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 450


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"error": 3}', b'{"error": {"code": {}}}', b"\xff\xfe"])
async def test_error_bodies_of_any_kind_are_survived(clock: ManualClock, body: bytes) -> None:
    """A proxy's error page is an error with a status, not a crash."""
    there = upstream(Script([httpx.Response(403, content=body)]), clock)
    with pytest.raises(Denied, match="403"):
        await there.get_json("/x")


async def test_a_short_throttle_is_waited_for(clock: ManualClock) -> None:
    """A wait of a fraction of seconds passes within the poll."""
    script = Script([error(429, "TooManyRequests", retry_after="2.128"), ok({"a": 1})])
    assert await run(clock, upstream(script, clock).get_json("/x")) == {"a": 1}
    assert 2.128 <= clock.monotonic() < 2.5


async def test_a_long_throttle_is_told_at_once(clock: ManualClock) -> None:
    """The poller learns when to come back instead of holding the poll up."""
    there = upstream(Script([error(429, "TooManyRequests", retry_after="120")]), clock)
    with pytest.raises(Throttled) as caught:
        await there.get_json("/x")
    assert caught.value.retry_at == START + timedelta(seconds=120)
    assert (caught.value.http_status, caught.value.code) == (429, "TooManyRequests")
    assert "03:02:00" in str(caught.value)


async def test_a_throttle_until_a_date_is_understood_by_the_upstreams_clock(clock: ManualClock) -> None:
    """`Retry-After` as a date counts from the upstream's own time."""
    theirs = START + timedelta(hours=2)
    headers = {"retry_after": _http_date(theirs + timedelta(minutes=5)), "date": _http_date(theirs)}
    with pytest.raises(Throttled) as caught:
        await upstream(Script([error(429, **headers)]), clock).get_json("/x")
    assert caught.value.retry_at is not None
    assert abs((caught.value.retry_at - START).total_seconds() - 300) <= 1


@pytest.mark.parametrize("told", [{}, {"retry_after": "soon"}, {"retry_after": "-5"}, {"retry_after": "NaN"}])
async def test_an_untold_throttle_backs_off_and_gives_up(clock: ManualClock, told: dict[str, str]) -> None:
    """Without a usable `Retry-After` the waits double, and end."""
    script = Script([error(429, **told)])
    with pytest.raises(Throttled) as caught:
        await run(clock, upstream(script, clock).get_json("/x"))
    assert len(script.requests) == 4
    assert 7.0 <= clock.monotonic() < 8.0
    assert caught.value.retry_at is not None
    assert timedelta(seconds=29) < caught.value.retry_at - clock.now() <= timedelta(seconds=30)


async def test_a_huge_throttle_is_capped_at_an_hour(clock: ManualClock) -> None:
    """An absurd `Retry-After` does not blind the monitor for years."""
    with pytest.raises(Throttled) as caught:
        await upstream(Script([error(429, retry_after="9" * 40)]), clock).get_json("/x")
    assert caught.value.retry_at == START + timedelta(hours=1)


async def test_an_endless_row_of_short_throttles_ends(clock: ManualClock) -> None:
    """An upstream that always says "in a moment" cannot hold a poll for ever."""
    script = Script([error(429, retry_after="0")])
    with pytest.raises(Throttled):
        await run(clock, upstream(script, clock).get_json("/x"))
    assert len(script.requests) == 4


async def test_a_busy_server_that_names_a_time_is_throttling(clock: ManualClock) -> None:
    """503 with `Retry-After` is a wish to be left alone, not a failure."""
    with pytest.raises(Throttled):
        await upstream(Script([error(503, retry_after="60")]), clock).get_json("/x")


@pytest.mark.parametrize("fault", [error(500), error(503), error(504), httpx.ConnectError("no"), httpx.ReadError("no")])
async def test_a_passing_fault_is_retried(clock: ManualClock, fault: httpx.Response | Exception) -> None:
    """Two bad moments in a row do not show."""
    script = Script([fault, fault, ok({"a": 1})])
    assert await run(clock, upstream(script, clock).get_json("/x")) == {"a": 1}
    assert clock.monotonic() >= 1.5


async def test_a_lasting_fault_is_told_after_two_retries(clock: ManualClock) -> None:
    """An upstream that stays broken is asked three times, no more."""
    script = Script([error(502, "BadGateway", "oops")])
    with pytest.raises(UpstreamFailed, match="upstream's side") as caught:
        await run(clock, upstream(script, clock).get_json("/x"))
    assert len(script.requests) == 3
    assert caught.value.http_status == 502


def _caused(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_caused(httpx.ConnectError(""), socket.gaierror(-2, "x")), "cannot be resolved"),
        (_caused(httpx.ConnectError(""), ExceptionGroup("", [ConnectionRefusedError()])), "refused the connection"),
        (_caused(httpx.ConnectError(""), ssl.SSLCertVerificationError(1, "x")), "ca_file"),
        (_caused(httpx.ConnectError(""), ssl.SSLError(1, "WRONG_VERSION_NUMBER")), "TLS"),
        (httpx.ProxyError("407"), "proxy"),
        (httpx.RemoteProtocolError("x"), "closed the connection"),
        (httpx.ConnectError("x"), "check the network"),
    ],
)
async def test_network_faults_have_short_human_words(clock: ManualClock, fault: Exception, words: str) -> None:
    """A connection that fails says why and what to look at, not an exception's name."""
    with pytest.raises(Unreachable, match=words) as caught:
        await run(clock, upstream(Script([fault]), clock).get_json("/x"))
    assert "graph.test" in str(caught.value)
    assert "Error" not in str(caught.value)


async def test_an_upstream_that_never_answers_ends_in_time(clock: ManualClock) -> None:
    """A hanging upstream costs one timeout."""

    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TimedOut, match=r"poll\.timeout"):
        await upstream(hang, clock, timeout_s=0.01).get_json("/x")


async def test_an_upstream_that_drips_ends_in_time(clock: ManualClock) -> None:
    """Bytes that keep coming, too slowly, do not keep a poll alive."""

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0)

    with pytest.raises(TimedOut):
        await upstream(lambda _: httpx.Response(200, content=drip()), clock, timeout_s=0.01).get_json("/x")


async def test_a_fetch_keeps_its_deadline_over_all_its_requests(clock: ManualClock) -> None:
    """Once a fetch's time is over nothing more is asked."""
    script = Script([ok()])
    session = upstream(script, clock).session(deadline_s=0.0)
    with pytest.raises(TimedOut):
        await session.get_json("/x")
    assert script.requests == []


async def test_a_wait_longer_than_the_fetch_is_not_begun(clock: ManualClock) -> None:
    """Rather than wait for nothing the poll says at once when to come back."""
    session = upstream(Script([error(429, retry_after="4")]), clock).session(deadline_s=3.0)
    with pytest.raises(Throttled):
        await session.get_json("/x")


async def test_a_redirect_on_the_same_host_is_followed(clock: ManualClock) -> None:
    """A path that moved is found."""
    script = Script([httpx.Response(307, headers={"location": "/there"}), ok({"a": 1})])
    assert await upstream(script, clock).get_json("/here") == {"a": 1}
    assert str(script.requests[1].url) == f"{BASE}/there"


async def test_redirects_in_a_circle_end(clock: ManualClock) -> None:
    """A host that sends us round and round is a bad answer."""
    script = Script([httpx.Response(302, headers={"location": "/here"})])
    with pytest.raises(BadAnswer, match="again and again"):
        await upstream(script, clock).get_json("/here")
    assert len(script.requests) == 4


STRANGE_LINKS = [
    "https://evil.test/x",
    "//evil.test/x",
    "http://graph.test/x",
    "https://graph.test:444/x",
    "https://graph.test@evil.test/x",
    "https://user:pw@graph.test/x",
    "https://graph.test.evil.test/x",
    "ftp://graph.test/x",
    "javascript:alert(1)",
    "https://[::1/x",
    "https://graph.test/" + "x" * 20_000,
]


@pytest.mark.parametrize("link", STRANGE_LINKS)
async def test_no_redirect_leads_the_token_to_another_host(clock: ManualClock, link: str) -> None:
    """The token stays with the configured host, and the error names the other one."""
    script = Script([httpx.Response(302, headers={"location": link})])
    with pytest.raises(BadAnswer) as caught:
        await upstream(script, clock).get_json("/x")
    assert len(script.requests) == 1
    if "evil" in link:
        assert "evil.test" in str(caught.value)


@pytest.mark.parametrize("link", [*STRANGE_LINKS, 7, {"a": 1}])
async def test_no_next_link_leads_the_token_to_another_host(clock: ManualClock, link: object) -> None:
    """A page that points elsewhere is read, its link is not."""
    script = Script([ok({"value": [1], "@odata.nextLink": link})])
    with pytest.raises(BadAnswer):
        await _pages(upstream(script, clock), "/x")
    assert len(script.requests) == 1


async def test_a_batch_that_is_redirected_is_refused(clock: ManualClock) -> None:
    """A POST is never repeated somewhere else."""
    script = Script([httpx.Response(307, headers={"location": "/there"})])
    with pytest.raises(BadAnswer):
        await upstream(script, clock).post_json("/x", {})
    assert len(script.requests) == 1


async def test_pages_follow_their_links_with_the_same_headers(clock: ManualClock) -> None:
    """`ConsistencyLevel` is sent again on every page, since the link does not hold it."""
    link = f"{BASE}/v1.0/users?$skiptoken=abc"
    script = Script([ok({"value": [1], "@odata.nextLink": link}), ok({"value": [2]})])
    there = upstream(script, clock, headers={"ConsistencyLevel": "eventual"})
    assert await _pages(there, "/v1.0/users") == [[1], [2]]
    assert str(script.requests[1].url) == link
    assert script.requests[1].headers["consistencylevel"] == "eventual"


async def test_pages_in_a_circle_end(clock: ManualClock) -> None:
    """A link seen before stops the reading."""
    script = Script([ok({"value": [1], "@odata.nextLink": f"{BASE}/x?p={page}"}) for page in (1, 2, 1)])
    with pytest.raises(BadAnswer, match="circle"):
        await _pages(upstream(script, clock), "/x")
    assert len(script.requests) == 3


async def test_endless_pages_end(clock: ManualClock) -> None:
    """Pages without end stop at the bound."""
    count = 0

    def more(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        return ok({"value": [], "@odata.nextLink": f"{BASE}/x?p={count}"})

    with pytest.raises(BadAnswer):
        async for _ in upstream(more, clock).pages("/x", most=7):
            pass
    assert count == 7


async def test_a_page_that_is_no_object_is_a_bad_answer(clock: ManualClock) -> None:
    """A bare list where a page belongs is told as such."""
    with pytest.raises(BadAnswer, match="no JSON object"):
        await _pages(upstream(Script([ok([1])]), clock), "/x")


async def test_a_sign_in_page_is_a_bad_answer(clock: ManualClock) -> None:
    """A captive portal's HTML is recognized as something that stands between."""
    with pytest.raises(BadAnswer, match="stand between") as caught:
        await upstream(Script([httpx.Response(200, html="<html>log in</html>")]), clock).get_json("/x")
    assert caught.value.http_status == 200


async def _streamed(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_body_beyond_the_bound_is_cut_off(clock: ManualClock) -> None:
    """An endless body does not fill the memory."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 2**20

    with pytest.raises(BadAnswer, match="larger than 32 MiB"):
        await upstream(lambda _: httpx.Response(200, content=endless()), clock).get_json("/x")
    assert sent == LARGEST_BODY // 2**20 + 1


async def test_a_gzip_bomb_is_cut_off(clock: ManualClock) -> None:
    """A small body that unpacks to a huge one does not fill the memory either."""
    bomb = gzip.compress(b"\0" * (LARGEST_BODY + 1), compresslevel=9)
    assert len(bomb) < 100_000
    packed = httpx.Response(200, content=_streamed(bomb), headers={"content-encoding": "gzip"})
    with pytest.raises(BadAnswer, match="larger than 32 MiB"):
        await upstream(lambda _: packed, clock).get_json("/x")


@given(st.binary(max_size=300), st.integers(1, 50))
async def test_packed_bodies_arrive_whole_however_they_are_cut(data: bytes, size: int) -> None:
    """Compression changes nothing of what is read."""
    packed = gzip.compress(json.dumps(data.hex() * 50).encode())
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    answer = httpx.Response(200, content=_streamed(*pieces, b"junk"), headers={"content-encoding": "gzip"})
    assert await upstream(lambda _: answer, ManualClock()).get_json("/x") == data.hex() * 50


@pytest.mark.parametrize(("coding", "body"), [("gzip", b"not gzip"), ("br", b"x"), ("gzip, gzip", b"x")])
async def test_a_body_packed_in_a_strange_way_is_a_bad_answer(clock: ManualClock, coding: str, body: bytes) -> None:
    """What cannot be unpacked is told, not crashed on."""
    answer = httpx.Response(200, content=_streamed(body), headers={"content-encoding": coding})
    with pytest.raises(BadAnswer, match="packed"):
        await upstream(lambda _: answer, clock).get_json("/x")


async def test_the_upstreams_clock_is_taken_from_its_date(clock: ManualClock) -> None:
    """Ages are corrected by the difference of the clocks; less than a second is none."""
    there = upstream(Script([ok(Date=_http_date(START + timedelta(seconds=90)))]), clock)
    await there.get_json("/x")
    assert there.clock_offset_s is not None
    assert 90 <= there.clock_offset_s <= 91
    await (same := upstream(Script([ok(Date=_http_date(START))]), clock)).get_json("/x")
    assert same.clock_offset_s == 0.0
    await (untold := upstream(Script([ok()]), clock)).get_json("/x")
    assert untold.clock_offset_s is None


async def test_each_source_sees_its_own_exchange(clock: ManualClock) -> None:
    """Two sources over one connection do not count each other's requests."""
    script = Script([ok(), error(404)])
    one = upstream(script, clock)
    other = one.share()
    await one.get_json("/x")
    with pytest.raises(NotFound):
        await other.session().get_json("/x")
    assert (one.exchange().http_status, one.exchange().requests) == (200, 1)
    assert (other.exchange().http_status, other.exchange().requests) == (404, 1)
    assert one.exchange().latency_ms is not None


async def test_a_call_aside_counts_but_does_not_show(clock: ManualClock) -> None:
    """An optional call that is refused does not turn the source's status to 403."""
    there = upstream(Script([ok(), error(403)]), clock)
    session = there.session()
    await session.get_json("/x")
    with pytest.raises(Denied):
        await session.aside().get_json("/optional")
    assert (there.exchange().http_status, there.exchange().requests) == (200, 2)


async def test_no_status_is_shown_for_a_fetch_without_an_answer(clock: ManualClock) -> None:
    """After a lost connection the source does not go on showing the old 200."""
    there = upstream(Script([ok(), httpx.ConnectError("x")]), clock)
    await there.get_json("/x")
    with pytest.raises(Unreachable):
        await run(clock, there.get_json("/x"))
    assert (there.exchange().http_status, there.exchange().latency_ms) == (None, None)


@pytest.mark.parametrize(
    "url",
    ["http://graph.test", "http://10.0.0.1:80", "http://127.0.0.1.evil.test", "ftp://127.0.0.1", "graph.test", "",
     "https://u:p@graph.test", "https://graph.test/?a=b", "https://[::1", "http://0.0.0.0"],
)  # fmt: skip
def test_unsafe_urls_are_refused_before_anything_is_sent(clock: ManualClock, url: str) -> None:
    """Plain http to another machine would show the token to the network."""
    with pytest.raises(ValueError, match=r"URL|https"):
        Upstream(url, tokens=None, audience="x", clock=clock, timeout_s=1)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001", "http://localhost:8001", "http://[::1]:8001", "https://x.test"]
)
async def test_https_and_this_machine_are_accepted(clock: ManualClock, url: str) -> None:
    """The lab on this machine may speak plain http."""
    await Upstream(url, tokens=None, audience="x", clock=clock, timeout_s=1).aclose()


async def test_a_base_with_a_path_keeps_it(clock: ManualClock) -> None:
    """A gateway under a path is reached there."""
    script = Script([ok()])
    await upstream(script, clock, base="https://gate.test/graph/").get_json("/v1.0/users")
    assert str(script.requests[0].url) == "https://gate.test/graph/v1.0/users"


def test_a_bad_ca_file_is_named(clock: ManualClock, tmp_path: Path) -> None:
    """A missing or empty CA file is an error that names it."""
    empty = tmp_path / "ca.pem"
    empty.write_text("no certificate")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ValueError, match=path.name):
            Upstream(BASE, tokens=None, audience="x", clock=clock, timeout_s=1, ca_file=path)


async def test_proxies_of_the_environment_are_for_the_cloud_alone(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corporate proxy is used for Microsoft's hosts and never for this machine."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")
    made = []
    real = httpx.AsyncClient

    def client(**options: object) -> httpx.AsyncClient:
        made.append(options["trust_env"])
        return real(**options)  # type: ignore[arg-type]

    monkeypatch.setattr(httpx, "AsyncClient", client)
    for url in (BASE, "http://127.0.0.1:8001", "https://localhost:8001"):
        await Upstream(url, tokens=None, audience="x", clock=clock, timeout_s=1).aclose()
    assert made == [True, False, False]


async def test_a_refused_connection_on_this_machine_says_so(clock: ManualClock) -> None:
    """The real transport's errors find their words too."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    there = Upstream(f"http://127.0.0.1:{port}", tokens=None, audience="x", clock=clock, timeout_s=5)
    with pytest.raises(Unreachable, match="refused the connection"):
        await run(clock, there.get_json("/x"))
    await there.aclose()


async def test_cookies_are_not_kept(clock: ManualClock) -> None:
    """Nothing an upstream plants comes back to it."""
    script = Script([ok(**{"Set-Cookie": "a=b; Path=/"}), ok()])
    there = upstream(script, clock)
    await there.get_json("/x")
    await there.get_json("/x")
    assert "cookie" not in script.requests[1].headers


TELLTALES = [
    error(400, SECRET, f"bad header Authorization: Bearer {SECRET}"),
    error(403, "x", f"token {SECRET}"),
    error(500, "x", SECRET),
    error(429, SECRET, SECRET, retry_after="60"),
    httpx.Response(302, headers={"location": f"https://evil.test/{SECRET}"}),
    httpx.Response(200, text=SECRET),
    httpx.LocalProtocolError(f"Illegal header value b'Bearer {SECRET}'"),
    httpx.ConnectError(SECRET),
    httpx.InvalidURL(SECRET),
]


@pytest.mark.parametrize("answer", TELLTALES, ids=range(len(TELLTALES)))
async def test_the_token_never_shows(
    clock: ManualClock, answer: httpx.Response | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in an error, its traceback, a repr or a log, even when the upstream echoes it."""
    caplog.set_level(logging.DEBUG)
    there = upstream(Script([answer]), clock)
    session = there.session()
    with pytest.raises(SourceError) as caught:
        await run(clock, session.get_json("/x"))
    shown = "".join(traceback.format_exception(caught.value))
    for text in (shown, str(caught.value), repr(caught.value), caught.value.code, repr(session), repr(there)):
        assert SECRET not in text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ünï"])
async def test_what_is_no_token_is_denied_without_being_shown(clock: ManualClock, token: str) -> None:
    """A token command that printed a warning is a sign-in problem, not a protocol error."""

    class Odd:
        async def token(self, audience: str, *, refresh: bool = False) -> str:
            return token

    script = Script([ok()])
    with pytest.raises(Denied, match=r"tenant\.auth"):
        await upstream(script, clock, tokens=Odd()).get_json("/x")
    assert script.requests == []


async def test_a_sign_in_that_hangs_ends_with_the_fetch(clock: ManualClock) -> None:
    """A device code nobody has entered yet does not stop the poller."""

    class Hanging:
        async def token(self, audience: str, *, refresh: bool = False) -> str:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(TimedOut, match="sign-in"):
        await upstream(Script([ok()]), clock, tokens=Hanging(), deadline_s=0.01).get_json("/x")


@given(st.one_of(st.none(), st.text(max_size=40), st.integers().map(str), st.floats().map(str)))
def test_any_retry_after_is_a_bounded_wait_or_none(header: str | None) -> None:
    """Whatever the header holds, the wait is between now and an hour."""
    wait = retry_after(header, START)
    assert wait is None or 0 <= wait <= 3600


@given(st.text(max_size=60), st.text(max_size=60))
def test_secrets_are_blotted_out_wherever_they_stand(before: str, after: str) -> None:
    """Both the token in use and anything that looks like one."""
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2ln"
    shown = without_secrets(f"{before}{SECRET}{after} {jwt}", SECRET)
    assert SECRET not in shown
    assert jwt not in shown


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["retry-after", "date", "location", "content-encoding"]), st.text(max_size=30)),
    st.binary(max_size=80),
)
async def test_any_answer_is_a_value_or_a_source_error(status: int, headers: dict[str, str], body: bytes) -> None:
    """No answer of any upstream crashes a poll."""
    clock = ManualClock()
    sent = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers.items()]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=sent, content=_streamed(body))

    try:
        await run(clock, upstream(answer, clock).get_json("/x"))
    except SourceError as caught:
        assert str(caught)  # noqa: PT017 - a value is as good as an error here


def _http_date(moment: object) -> str:
    return format_datetime(moment, usegmt=True)  # type: ignore[arg-type]


async def _pages(there: Upstream, path: str) -> list[object]:
    return [page.get("value") async for page in there.pages(path)]
