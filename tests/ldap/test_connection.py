"""Operations on a connection, against a server that does whatever a server may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from typing import Any

import pytest

from tests.helpers import settle
from tests.ldap import wire_format as ber
from tests.ldap.scripted import Server, connected
from tui.ldap.connection import Connection
from tui.ldap.entries import Change, Control, Entry
from tui.ldap.errors import BadAnswer, Disconnected, LdapError, Refused, TimedOut

ADDED = ber.result(0x69)
FOUND = ber.result(0x65)
PAGED = "1.2.840.113556.1.4.319"
NOTICE = ber.tlv(0x8A, b"1.3.6.1.4.1.1466.20036")


def page(*cookie: bytes) -> bytes:
    return ber.page_control(*cookie)


def entries(start: int, stop: int) -> list[bytes]:
    return [ber.entry(f"cn={number},dc=x", {"cn": [b"%d" % number]}) for number in range(start, stop)]


async def everything(pages: AsyncIterator[Any]) -> list[Entry]:
    return [entry async for page in pages for entry in page]


def started(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.create_task(work)


async def failure(work: Awaitable[Any]) -> LdapError:
    with pytest.raises(LdapError) as caught:
        await work
    return caught.value


# Asking


async def test_an_object_is_added_as_it_was_given() -> None:
    """Text and bytes, one value or several."""
    connection, server = connected()
    adding = started(connection.add("cn=Zoé,dc=x", {"objectClass": ["top", "user"], "photo": [b"\xff" * 200]}))
    request = await server.asked_once()
    assert request.tag == 0x68
    assert request.body == [
        (4, "cn=Zoé,dc=x".encode()),
        (
            0x30,
            [
                (0x30, [(4, b"objectClass"), (0x31, [(4, b"top"), (4, b"user")])]),
                (0x30, [(4, b"photo"), (0x31, [(4, b"\xff" * 200)])]),
            ],
        ),
    ]
    server.answer(request, ADDED)
    await adding


async def test_changes_go_in_their_order_with_their_controls() -> None:
    """Adding, deleting and replacing values, or a whole attribute."""
    connection, server = connected()
    changes = [Change("add", "member", ["cn=a"]), Change("delete", "member", [b"cn=b"]), Change("replace", "mail")]
    modifying = started(connection.modify("cn=g", changes, controls=[Control("1.2.3", b"v"), Control("1.2.4")]))
    request = await server.asked_once()
    kinds = [(kind, *partial) for _, (kind, (_, partial)) in request.body[1][1]]
    assert kinds == [
        ((10, b"\0"), (4, b"member"), (0x31, [(4, b"cn=a")])),
        ((10, b"\1"), (4, b"member"), (0x31, [(4, b"cn=b")])),
        ((10, b"\2"), (4, b"mail"), (0x31, [])),
    ]
    assert request.controls == {"1.2.3": b"v", "1.2.4": b""}
    server.answer(request, ber.result(0x67))
    await modifying


async def test_an_object_is_renamed_and_moved() -> None:
    """The old name's value goes; the parent changes only where one is given."""
    connection, server = connected()
    renaming = started(connection.rename("cn=a,dc=x", "cn=b", superior="ou=y,dc=x"))
    request = await server.asked_once()
    assert request.body == [(4, b"cn=a,dc=x"), (4, b"cn=b"), (1, b"\xff"), (0x80, b"ou=y,dc=x")]
    server.answer(request, ber.result(0x6D))
    await renaming


async def test_an_object_is_deleted_by_its_name() -> None:
    """The bare name, as the protocol wants it."""
    connection, server = connected()
    deleting = started(connection.delete("cn=a,dc=x"))
    request = await server.asked_once()
    assert (request.tag, request.body) == (0x4A, b"cn=a,dc=x")
    server.answer(request, ber.result(0x6B))
    await deleting


@pytest.mark.parametrize(("user", "password"), [("cn=a", ""), ("", "secret")])
async def test_a_bind_that_would_be_anonymous_is_never_sent(user: str, password: str) -> None:
    """An empty password succeeds at many servers and proves nothing."""
    connection, server = connected()
    with pytest.raises(ValueError, match="anonymous"):
        await connection.bind(user, password)
    assert await server.asked() == []


async def test_a_text_given_for_a_list_of_values_is_a_mistake() -> None:
    """It would become a value a letter."""
    connection, server = connected()
    with pytest.raises(TypeError, match="list of values"):
        await connection.add("cn=a", {"cn": "ann"})
    assert await server.asked() == []


async def test_an_object_that_is_not_there_is_none_and_not_an_error() -> None:
    """Everything else that is refused stays an error."""
    connection, server = connected()
    reading = started(connection.read("cn=a"))
    server.answer(await server.asked_once(), ber.result(0x65, 32))
    assert await reading is None
    reading = started(failure(connection.read("cn=a")))
    server.answer(await server.asked_once(), ber.result(0x65, 50))
    assert isinstance(await reading, Refused)


async def test_answers_find_their_question_in_any_order() -> None:
    """A hundred adds under way at once, answered backwards, one of them refused."""
    connection, server = connected()
    adding = [started(connection.add(f"cn={number}", {})) for number in range(100)]
    requests = await server.asked()
    for request in reversed(requests):
        server.answer(request, ber.result(0x69, 68 if request.body[0][1] == b"cn=7" else 0))
    outcomes = await asyncio.gather(*adding, return_exceptions=True)
    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [7]


# Searching


async def test_a_search_reads_page_after_page() -> None:
    """The cookie of each page asks for the next; the last one has none."""
    connection, server = connected()
    reading = started(everything(connection.search("dc=x", "(cn=*)", ("cn",), page_size=2)))
    first = await server.asked_once()
    server.send(*(ber.message(first.number, each) for each in entries(0, 2)))
    server.answer(first, FOUND, page(b"more"))
    second = await server.asked_once()
    assert ber.read(second.controls[PAGED]) == [(0x30, [(2, b"\2"), (4, b"more")])]
    server.send(*(ber.message(second.number, each) for each in entries(2, 3)))
    server.answer(second, FOUND, page(b""))
    assert [entry.value("CN") for entry in await reading] == [b"0", b"1", b"2"]


async def test_an_empty_page_is_not_the_end() -> None:
    """Active Directory sends such pages when a filter is slow."""
    connection, server = connected()
    reading = started(everything(connection.search("dc=x", "(cn=*)")))
    server.answer(await server.asked_once(), FOUND, page(b"more"))
    request = await server.asked_once()
    server.send(*(ber.message(request.number, each) for each in entries(0, 1)))
    server.answer(request, FOUND, page(b""))
    assert len(await reading) == 1


@pytest.mark.parametrize("sent", [0, 1, 2])
async def test_a_page_without_its_control_is_not_the_whole_answer(sent: int) -> None:
    """A proxy that takes the control out made a count stop at half; here it is an error that says so."""
    connection, server = connected()
    reading = started(failure(everything(connection.search("dc=x", "(cn=*)", page_size=2))))
    request = await server.asked_once()
    server.send(*(ber.message(request.number, each) for each in entries(0, sent)))
    server.answer(request, FOUND)
    error = await reading
    assert isinstance(error, BadAnswer)
    assert "paging control" in str(error)


async def test_pages_without_end_are_cut_off() -> None:
    """A server that always has more is not followed forever."""
    connection, server = connected()
    reading = started(failure(everything(connection.search("dc=x", "(cn=*)", most_pages=3))))
    for _ in range(3):
        server.answer(await server.asked_once(), FOUND, page(b"more"))
    assert isinstance(await reading, BadAnswer)
    assert [ber.read(each.controls[PAGED])[0][1][0] for each in await server.asked()] == [(2, b"\0")]


async def test_more_entries_than_a_page_holds_end_the_search_and_only_it() -> None:
    """An answer without end never fills the memory; the server is told to stop, and the connection goes on."""
    connection, server = connected()
    reading = started(failure(everything(connection.search("dc=x", "(cn=*)", page_size=2))))
    request = await server.asked_once()
    server.send(*(ber.message(request.number, each) for each in entries(0, 3)))
    assert isinstance(await reading, BadAnswer)
    (abandon,) = await server.asked()
    assert (abandon.tag, abandon.body) == (0x50, bytes([request.number]))
    server.send(*(ber.message(request.number, each) for each in entries(3, 9)))
    assert not connection.is_closed


async def test_a_search_left_early_frees_the_servers_pages() -> None:
    """A page size of zero tells the server to forget the rest."""
    connection, server = connected()
    pages = connection.search("dc=x", "(cn=*)", page_size=1)
    first = started(anext(pages))
    request = await server.asked_once()
    server.send(*(ber.message(request.number, each) for each in entries(0, 1)))
    server.answer(request, FOUND, page(b"more"))
    assert len(await first) == 1
    await pages.aclose()
    (release,) = await server.asked()
    assert ber.read(release.controls[PAGED]) == [(0x30, [(2, b"\0"), (4, b"more")])]
    server.answer(release, FOUND, page(b""))
    assert not connection.is_closed


async def test_search_references_are_not_followed() -> None:
    """Another naming context is nobody's object here."""
    connection, server = connected()
    reading = started(everything(connection.search("dc=x", "(cn=*)")))
    request = await server.asked_once()
    server.answer(request, ber.tlv(0x73, ber.text("ldaps://x/CN=Configuration,dc=x")))
    server.send(*(ber.message(request.number, each) for each in entries(0, 1)))
    server.answer(request, FOUND, page(b""))
    assert len(await reading) == 1


@pytest.mark.parametrize(
    ("code", "name"), [(4, "sizeLimitExceeded"), (10, "referral"), (12, "unavailableCriticalExtension"), (51, "busy")]
)
async def test_a_refused_search_says_how(code: int, name: str) -> None:
    """Entries that came before it are not taken for the whole."""
    connection, server = connected()
    reading = started(failure(everything(connection.search("dc=x", "(cn=*)"))))
    request = await server.asked_once()
    server.send(*(ber.message(request.number, each) for each in entries(0, 2)))
    server.answer(request, ber.result(0x65, code, "", "too much"))
    error = await reading
    assert isinstance(error, Refused)
    assert str(error) == f"{name} ({code}): too much"


async def test_a_cancelled_search_is_abandoned_and_its_late_answers_are_ignored() -> None:
    """The server stops working for nobody, and the connection serves the next question."""
    connection, server = connected()
    reading = started(everything(connection.search("dc=x", "(cn=*)")))
    request = await server.asked_once()
    reading.cancel()
    (abandon,) = await server.asked()
    assert (abandon.tag, abandon.body) == (0x50, bytes([request.number]))
    server.send(*(ber.message(request.number, each) for each in entries(0, 3)))
    server.answer(request, FOUND, page(b"more"))
    adding = started(connection.add("cn=a", {}))
    server.answer(await server.asked_once(), ADDED)
    await adding


async def test_a_very_large_entry_is_read_in_turns_with_everything_else() -> None:
    """A group of 200,000 members does not hold up the screen, and arrives whole and in its place."""
    connection, server = connected()
    members = [b"cn=u%07d,ou=People,dc=x" % number for number in range(200_000)]
    reading = started(everything(connection.search("dc=x", "(cn=*)")))
    request = await server.asked_once()
    server.send(
        ber.message(request.number, ber.entry("cn=g", {"member": members})),
        ber.message(request.number, entries(0, 1)[0]),
        ber.message(request.number, FOUND, page(b"")),
    )
    assert server.is_reading_paused
    found = await asyncio.wait_for(reading, 30)
    assert not server.is_reading_paused
    assert [entry.dn for entry in found] == ["cn=g", "cn=0,dc=x"]
    assert found[0].values("member") == tuple(members)


# Endings


def nested(levels: int) -> bytes:
    inner = b""
    for _ in range(levels):
        inner = ber.tlv(0x30, inner)
    return inner


async def every_waiter(connection: Connection, server: Server) -> tuple[list[asyncio.Task[LdapError]], list[Any]]:
    waiting = [
        started(failure(connection.add("cn=a", {}))),
        started(failure(connection.read("cn=b"))),
        started(failure(everything(connection.search("dc=x", "(cn=*)")))),
    ]
    return waiting, await server.asked()


async def test_a_connection_that_breaks_wakes_every_waiter() -> None:
    """Nobody waits for an answer that cannot come, and each has an error of its own."""
    connection, server = connected()
    waiting, _ = await every_waiter(connection, server)
    server.hang_up(ConnectionResetError())
    errors = await asyncio.gather(*waiting)
    assert all(isinstance(error, Disconnected) and "reset" in str(error) for error in errors)
    assert len({id(error) for error in errors}) == 3
    assert connection.is_closed
    assert isinstance(await failure(connection.root()), Disconnected)


async def test_half_a_message_and_then_the_end_is_said() -> None:
    """A cut answer is no answer."""
    connection, server = connected()
    waiting, requests = await every_waiter(connection, server)
    server.send(ber.message(requests[0].number, ADDED)[:-1])
    server.hang_up()
    errors = await asyncio.gather(*waiting)
    assert {str(error) for error in errors} == {"dc1.test:636 closed the connection in the middle of an answer"}


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x85\x00\x00\x00\x00\x01",
        b"\x30\x03\x02\x01\x01",
        b"\x30\x80",
        ber.message(4711, ADDED),
        ber.message(-1, ADDED),
        ber.message(1, ber.tlv(0x7F, b"")),
        ber.message(1, ber.entry("cn=x", {})),
        ber.message(2, ADDED),
        ber.message(1, ber.tlv(0x69, b"\x0a\x05\0")),
        ber.message(1, ADDED[:-2] + b"\x04\x7f"),
        ber.message(3, ber.tlv(0x64, ber.text("cn=x"), b"\x30\x05\x30\x03\x04\x01")),
        nested(10_000),
    ],
    ids=[
        "web server", "huge", "long length", "no operation", "indefinite", "never asked", "negative", "unknown type",
        "entry for an add", "another answer", "overlong code", "overlong text", "broken entry", "nesting",
    ],
)  # fmt: skip
async def test_what_is_not_ldap_ends_the_connection_for_every_waiter(garbage: bytes) -> None:
    """After one such answer nothing that follows could be believed."""
    connection, server = connected()
    waiting, _ = await every_waiter(connection, server)
    server.send(garbage)
    errors = await asyncio.gather(*waiting)
    assert all(isinstance(error, BadAnswer) for error in errors)
    assert connection.is_closed
    assert server.is_closing()


async def test_a_server_that_says_goodbye_is_quoted() -> None:
    """The reason in a notice of disconnection reaches the operator."""
    connection, server = connected()
    waiting, _ = await every_waiter(connection, server)
    server.send(ber.message(0, ber.result(0x78, 52, "", "going down\x1b[31m", NOTICE)))
    errors = await asyncio.gather(*waiting)
    assert {str(error) for error in errors} == {"dc1.test:636 ended the connection: going down (unavailable)"}
    assert all(isinstance(error, Disconnected) for error in errors)


async def test_other_messages_that_nobody_asked_for_are_ignored() -> None:
    """RFC 4511 section 4.4 wants it so."""
    connection, server = connected()
    adding = started(connection.add("cn=a", {}))
    request = await server.asked_once()
    server.send(ber.message(0, ber.result(0x78, 0, "", "", ber.tlv(0x8A, b"1.2.3"))), ber.message(0, ber.tlv(0x79)))
    server.answer(request, ADDED)
    await adding


async def test_closing_says_goodbye_once_and_wakes_every_waiter() -> None:
    """A source that is shut down hangs nowhere."""
    connection, server = connected()
    waiting, _ = await every_waiter(connection, server)
    await connection.aclose()
    errors = await asyncio.gather(*waiting)
    assert all(isinstance(error, Disconnected) and "closed here" in str(error) for error in errors)
    assert [request.tag for request in await server.asked()] == [0x42]
    await connection.aclose()
    assert await server.asked() == []
    assert isinstance(await failure(connection.root()), Disconnected)


# Silence


async def test_a_silent_server_ends_an_operation_in_time() -> None:
    """The search is abandoned, and an answer that comes too late is ignored."""
    connection, server = connected(timeout_s=0.05)
    error = await failure(everything(connection.search("dc=x", "(cn=*)")))
    assert isinstance(error, TimedOut)
    assert str(error) == "dc1.test:636 did not answer within 0.05 s"
    search, abandon = await server.asked()
    assert abandon.tag == 0x50
    server.answer(search, FOUND)
    adding = started(connection.add("cn=a", {}))
    server.answer(await server.asked_once(), ADDED)
    await adding


async def test_one_operation_without_an_answer_ends_while_others_get_theirs() -> None:
    """A single lost answer does not hang the sync."""
    connection, server = connected(timeout_s=0.05)
    lost = started(failure(connection.add("cn=lost", {})))
    await server.asked()
    while not lost.done():
        adding = started(connection.add("cn=a", {}))
        server.answer(await server.asked_once(), ADDED)
        await adding
    assert isinstance(await lost, TimedOut)


async def test_a_page_that_keeps_coming_may_take_longer_than_the_limit() -> None:
    """The limit is on silence, not on work."""
    connection, server = connected(timeout_s=0.05)
    reading = started(everything(connection.search("dc=x", "(cn=*)")))
    request = await server.asked_once()
    loop = asyncio.get_running_loop()
    until, sent = loop.time() + 0.15, 0
    while loop.time() < until:
        server.send(ber.message(request.number, entries(sent, sent + 1)[0]))
        sent += 1
        await server.asked()
        assert sent < 1000, "the page ran out before the time did"
        await turn(0.005)
    server.answer(request, FOUND, page(b""))
    assert len(await reading) == sent


async def turn(seconds: float) -> None:
    """Let the loop's own time pass."""
    passed = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, passed.set_result, None)
    await passed


# Flow


async def test_requests_wait_while_the_server_takes_no_more() -> None:
    """Thousands of adds to a slow server stay outside of memory's way, and all are sent in the end."""
    connection, server = connected()
    server.stalled = True
    body = {"description": ["x" * 1000]}
    adding = [started(connection.add(f"cn={number}", body)) for number in range(5000)]
    await settle()
    held = server.bytes_held
    assert held < 1_000_000
    server.take()
    answered = 0
    while answered < len(adding):
        for request in await server.asked():
            server.answer(request, ADDED)
            answered += 1
    await asyncio.gather(*adding)


async def test_a_server_that_neither_reads_nor_answers_is_given_up() -> None:
    """Those who still wait for room are woken too."""
    connection, server = connected(timeout_s=0.05)
    server.stalled = True
    adding = [started(failure(connection.add(f"cn={number}", {"d": ["x" * 1000]}))) for number in range(2000)]
    errors = await asyncio.gather(*adding)
    assert all(isinstance(error, TimedOut) for error in errors)
    assert connection.is_closed


async def test_nothing_is_left_behind() -> None:
    """No task and no timer outlives a connection."""
    connection, server = connected()
    before = asyncio.all_tasks()
    waiting, _ = await every_waiter(connection, server)
    await connection.aclose()
    await asyncio.gather(*waiting)
    assert asyncio.all_tasks() == before
    assert not getattr(asyncio.get_running_loop(), "_scheduled", [])
