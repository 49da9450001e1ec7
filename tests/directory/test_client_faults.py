"""The LDAP client against servers and networks that fail: a clear error in time, and a loop that never stands still."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec.structs import asdict

from tests.directory.clients import (
    IMPATIENCE_S,
    connection,
    ldaps,
    never_blocking,
    start_tls,
    through,
)
from tests.directory.ldap_proxy import BUSY, LOCKED_OUT, UNAVAILABLE, Answer, LdapProxy, Rules
from tests.directory.proxy import NONE, Fault, FaultProxy
from tests.directory.samba import SambaDomain
from tests.directory.server import DirectoryServer
from tests.directory.slapd import Slapd
from tui.ldap.connection import Connection
from tui.ldap.endpoint import Endpoint, Security
from tui.ldap.errors import BadAnswer, Disconnected, LdapError, Refused, TimedOut, Unreachable, Untrusted

FaultProxies = Callable[[DirectoryServer], FaultProxy]
LdapProxies = Callable[[DirectoryServer], LdapProxy]
USERS = 5_000
MEANWHILE_S = IMPATIENCE_S * 3
"""Within which an operation ends that has one time limit to wait for."""


async def count(opened: Connection, server: DirectoryServer, page_size: int = 1000) -> int:
    pages = opened.search(server.people_dn, "(objectClass=user)", ["cn", "mail"], page_size=page_size)
    return sum([len(page) async for page in pages])


async def rest(pages: AsyncIterator[object]) -> None:
    async for _ in pages:
        pass


def shortly(value: object) -> str:
    """A fault as what is set of it."""
    if not isinstance(value, Fault):
        return ""
    return " ".join(f"{name}={set_}" for name, set_ in asdict(value).items() if set_ != getattr(NONE, name))


@pytest.fixture
def proxy(shared_slapd: Slapd, fault_proxy: FaultProxies) -> FaultProxy:
    return fault_proxy(shared_slapd)


@pytest.fixture
def middle(shared_slapd: Slapd, ldap_proxy: LdapProxies) -> LdapProxy:
    return ldap_proxy(shared_slapd)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(refuse=True), (Disconnected, Unreachable)),
        (Fault(mute=True), TimedOut),
        (Fault(stall_after=0), TimedOut),
        (Fault(stall_after=700), TimedOut),
        (Fault(cut_after=0), Disconnected),
        (Fault(cut_after=700), (Disconnected, Untrusted)),
        (Fault(reset_after=700), Disconnected),
        (Fault(flip_at=300), Untrusted),
    ],
    ids=shortly,
)
async def test_fault_while_connecting(
    shared_slapd: Slapd, proxy: FaultProxy, fault: Fault, outcome: type[LdapError] | tuple[type[LdapError], ...]
) -> None:
    """A connection that cannot be made, or not be trusted, ends with its reason within the time limit."""
    proxy.fault = fault
    with pytest.raises(outcome):
        async with never_blocking(MEANWHILE_S), connection(through(proxy, shared_slapd), timeout_s=IMPATIENCE_S):
            pass


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(stall_after=0), TimedOut),
        (Fault(stall_after=100_000), TimedOut),
        (Fault(cut_after=100_000), Disconnected),
        (Fault(cut_after=0), Disconnected),
        (Fault(reset_after=100_000), Disconnected),
        (Fault(flip_at=50_000), LdapError),
    ],
    ids=shortly,
)
async def test_fault_in_the_middle_of_a_page(
    shared_slapd: Slapd, proxy: FaultProxy, fault: Fault, outcome: type[LdapError]
) -> None:
    """A search that is cut, reset, garbled or left hanging ends with an error, never with a part for the whole."""
    endpoint = through(proxy, shared_slapd)
    async with connection(endpoint, shared_slapd.reader, timeout_s=IMPATIENCE_S) as opened:
        proxy.fault = fault
        with pytest.raises(outcome):
            async with never_blocking(MEANWHILE_S):
                await count(opened, shared_slapd)


@pytest.mark.parametrize("fault", [Fault(delay_s=0.02), Fault(piece=7)], ids=shortly)
async def test_slow_network_loses_nothing(shared_slapd: Slapd, proxy: FaultProxy, fault: Fault) -> None:
    """A slow answer is waited for as long as it moves, and one in tiny pieces is put together."""
    proxy.fault = fault
    endpoint = through(proxy, shared_slapd)
    async with (
        never_blocking(30),
        connection(endpoint, shared_slapd.reader, timeout_s=IMPATIENCE_S) as opened,
    ):
        found = opened.search(shared_slapd.people_dn, "(cn=u00000*)", ["cn", "mail"], page_size=40)
        assert sum([len(page) async for page in found]) == 100


async def test_a_stall_ends_and_the_connection_serves_again(shared_slapd: Slapd, proxy: FaultProxy) -> None:
    """What was answered too late disturbs nothing that is asked afterwards."""
    endpoint = through(proxy, shared_slapd)
    async with connection(endpoint, shared_slapd.reader, timeout_s=IMPATIENCE_S) as opened:
        proxy.fault = Fault(stall_after=0)
        with pytest.raises(TimedOut):
            await count(opened, shared_slapd)
        proxy.fault = NONE
        if not opened.is_closed:
            assert await count(opened, shared_slapd) == USERS


async def test_everyone_who_waits_is_told_of_the_end(shared_slapd: Slapd, proxy: FaultProxy) -> None:
    """A lost connection fails every operation under way, and those that are started after it."""
    endpoint = through(proxy, shared_slapd)
    async with never_blocking(), connection(endpoint, shared_slapd.reader) as opened:
        proxy.fault = Fault(stall_after=0)
        searches = [asyncio.create_task(count(opened, shared_slapd)) for _ in range(10)]
        await asyncio.sleep(0)
        proxy.drop()
        ends = await asyncio.gather(*searches, return_exceptions=True)
        assert [type(end) for end in ends] == [Disconnected] * 10
        assert opened.is_closed
        with pytest.raises(Disconnected):
            await opened.root()


async def test_nobody_listens(slapd: Slapd) -> None:
    """A closed port is told as such at once."""
    slapd.kill()
    with pytest.raises(Unreachable):
        async with never_blocking(1), connection(ldaps(slapd)):
            pass


async def test_server_stands_still(slapd: Slapd) -> None:
    """A server that hangs costs the time limit, at an open connection and at a new one; then it serves again."""
    async with connection(ldaps(slapd), slapd.reader, timeout_s=IMPATIENCE_S) as opened:
        slapd.pause()
        with pytest.raises(TimedOut):
            async with never_blocking(MEANWHILE_S):
                await opened.root()
        for endpoint in (ldaps(slapd), start_tls(slapd)):
            with pytest.raises(TimedOut):
                async with never_blocking(MEANWHILE_S), connection(endpoint, timeout_s=IMPATIENCE_S):
                    pass
        slapd.resume()
        if not opened.is_closed:
            await opened.root()


@pytest.fixture(params=["slapd", "samba_corp"])
def full_server(request: pytest.FixtureRequest) -> Slapd | SambaDomain:
    server: Slapd | SambaDomain = request.getfixturevalue(request.param)
    server.kill()
    server.load(2_000)
    server.launch()
    return server


async def test_server_is_stopped_and_killed_in_the_middle_of_a_search(full_server: Slapd | SambaDomain) -> None:
    """Between two pages the server hangs, goes on, and is killed: each shows, and its successor serves at once."""
    async with connection(ldaps(full_server), full_server.reader, timeout_s=IMPATIENCE_S) as opened:
        for strike, outcome in ((full_server.pause, TimedOut), (full_server.kill, Disconnected)):
            pages = opened.search(full_server.people_dn, "(objectClass=user)", ["cn"], page_size=100)
            await anext(pages)
            strike()
            async with never_blocking(MEANWHILE_S):
                with pytest.raises(outcome):
                    await rest(pages)
            full_server.resume()
    full_server.launch()
    async with connection(ldaps(full_server), full_server.reader) as opened:
        assert await count(opened, full_server) > 2_000 - 1


async def test_paging_that_lost_its_cookie_is_no_count(shared_slapd: Slapd, middle: LdapProxy) -> None:
    """Where answers lose the control that leads to the next page, the first page is not taken for all there is."""
    middle.rules = Rules(strip_controls=True)
    async with connection(through(middle, shared_slapd), shared_slapd.reader) as opened:
        with pytest.raises(BadAnswer):
            await count(opened, shared_slapd)


async def test_small_pages_that_lost_their_cookie_are_no_count(shared_slapd: Slapd, middle: LdapProxy) -> None:
    """A page smaller than asked for is not taken for the last one where the control is gone that would say so."""
    middle.rules = Rules(strip_controls=True, max_page=300)
    async with connection(through(middle, shared_slapd), shared_slapd.reader) as opened:
        with pytest.raises(BadAnswer):
            await count(opened, shared_slapd)


async def test_smaller_pages_than_asked_for(
    shared_slapd: Slapd, shared_corp: SambaDomain, ldap_proxy: LdapProxies
) -> None:
    """A server that makes pages smaller, as Active Directory's MaxPageSize does, hides nothing."""
    for server, filter, limit in ((shared_slapd, "(objectClass=user)", 300), (shared_corp, "(objectClass=group)", 7)):
        middle = ldap_proxy(server)
        async with connection(through(middle, server), server.reader) as opened:
            whole = [len(page) async for page in opened.search(server.base_dn, filter)]
            middle.rules = Rules(max_page=limit)
            parts = [len(page) async for page in opened.search(server.base_dn, filter)]
        assert max(parts) == limit
        assert sum(parts) == sum(whole) > limit


async def test_pages_without_end(shared_slapd: Slapd) -> None:
    """A search that goes on beyond the number of pages that the caller bears ends with an error, not with a part."""
    async with connection(ldaps(shared_slapd), shared_slapd.reader) as opened:
        search = opened.search(shared_slapd.people_dn, "(objectClass=user)", ["cn"], page_size=1000, most_pages=3)
        with pytest.raises(BadAnswer):
            await rest(search)


@pytest.mark.parametrize(
    "answer",
    [BUSY, UNAVAILABLE, Answer(3, "too slow"), Answer(4, "too many"), Answer(10, "elsewhere", ("ldap://other/",))],
    ids=lambda answer: str(answer.code),
)
@pytest.mark.parametrize("entries", [0, 100])
@pytest.mark.parametrize("pages", [0, 1])
async def test_refused_search(shared_slapd: Slapd, middle: LdapProxy, answer: Answer, pages: int, entries: int) -> None:
    """A refusal ends a search with the server's own words, also after entries and pages that came in order."""
    async with connection(through(middle, shared_slapd), shared_slapd.reader) as opened:
        search = opened.search(shared_slapd.people_dn, "(objectClass=user)", ["cn"])
        for _ in range(pages):
            await anext(search)
        middle.rules = Rules(after_entries=entries, then=answer) if entries else Rules(search=answer)
        with pytest.raises(Refused, match=answer.text) as refused:
            await rest(search)
    assert refused.value.code == answer.code
    assert refused.value.referrals == answer.referrals


@pytest.mark.parametrize("answer", [LOCKED_OUT, Answer(49, "data 533"), Answer(52, "starting"), Answer(8, "TLS")])
async def test_refused_bind_is_not_repeated(shared_slapd: Slapd, middle: LdapProxy, answer: Answer) -> None:
    """A refused sign-in is told with its reason and tried once: five lock the account."""
    middle.rules = Rules(bind=answer)
    with pytest.raises(Refused) as refused:
        async with connection(through(middle, shared_slapd), shared_slapd.reader):
            pass
    assert refused.value.code == answer.code
    assert refused.value.subcode == {LOCKED_OUT: "775", Answer(49, "data 533"): "533"}.get(answer, "")
    assert middle.binds == 1


async def test_notice_of_disconnection(shared_slapd: Slapd, middle: LdapProxy) -> None:
    """A server that says goodbye in the middle of an answer has not given all of it, even if it forgets to hang up."""
    async with connection(through(middle, shared_slapd), shared_slapd.reader) as opened:
        middle.rules = Rules(after_entries=10, goodbye=True)
        with pytest.raises(Disconnected):
            async with never_blocking(MEANWHILE_S):
                await count(opened, shared_slapd)
        assert opened.is_closed


GARBAGE = {
    "a message without end": b"\x30\x84\x7f\xff\xff\xff",
    "an indefinite length": b"\x30\x80\x02\x01\x01\x00\x00",
    "another protocol": b"HTTP/1.1 200 OK\r\n\r\n",
    "an empty message": b"\x30\x00",
    "a length that leads outside": b"\x30\x05\x02\x7f\x01\x02\x03",
    "thousands of levels": b"\x30\x83\x00\x9c\x40" + b"\x30\x80" * 20_000,
    "an answer to nobody": b"\x30\x0c\x02\x01\x7f\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE.keys())
async def test_garbage_in_the_middle_of_an_answer(shared_slapd: Slapd, middle: LdapProxy, raw: bytes) -> None:
    """What is no LDAP ends the search in time; no garbage is taken for an answer or kept without bound."""
    async with connection(through(middle, shared_slapd), shared_slapd.reader, timeout_s=IMPATIENCE_S) as opened:
        middle.rules = Rules(after_entries=10, then_raw=raw)
        with pytest.raises(BadAnswer):
            async with never_blocking(MEANWHILE_S):
                await count(opened, shared_slapd)


async def test_an_unknown_address() -> None:
    """A name that resolves to nothing, or a port that none may have, is unreachable and says so."""
    with pytest.raises(Unreachable):
        async with never_blocking(), connection(Endpoint(host="dc1.invalid.", port=636, security=Security.LDAPS)):
            pass


async def test_backlog_is_full() -> None:
    """A server so busy that it does not even accept costs the time limit and no more."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(("127.0.0.1", port))
            endpoint = Endpoint(host="127.0.0.1", port=port, security=Security.LDAPS)
            with pytest.raises((TimedOut, Unreachable)):
                async with never_blocking(MEANWHILE_S), connection(endpoint, timeout_s=IMPATIENCE_S):
                    pass
