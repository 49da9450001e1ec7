"""Connections that break, fall silent or get stuck."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.helpers import settle
from tests.ldap import wire_format as ber
from tests.ldap.scripted import ADDED, FOUND, Server, connected, entries, everything, failure, page, started
from tui.ldap.connection import Connection
from tui.ldap.errors import BadAnswer, Disconnected, LdapError, TimedOut

NOTICE = ber.tlv(0x8A, b"1.3.6.1.4.1.1466.20036")


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


async def test_a_single_large_answer_may_take_longer_than_the_limit_too() -> None:
    """A big group over a thin line arrives, while others come and go beside it."""
    connection, server = connected(timeout_s=0.05)
    reading = started(connection.read("cn=g"))
    request = await server.asked_once()
    answer = ber.message(request.number, ber.entry("cn=g", {"member": [b"x" * 1000] * 30}))
    for at in range(0, len(answer), 1000):
        server.send(answer[at : at + 1000])
        await turn(0.005)
    server.answer(request, FOUND)
    found = await reading
    assert found is not None
    assert len(found.values("member")) == 30


async def turn(seconds: float) -> None:
    """Let the loop's own time pass."""
    passed = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, passed.set_result, None)
    await passed


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
    timers = getattr(asyncio.get_running_loop(), "_scheduled", [])
    assert all(timer.cancelled() for timer in timers)
