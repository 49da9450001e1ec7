"""Searches in pages, whole or cut short."""

from __future__ import annotations

import asyncio

import pytest

from tests.ldap import wire_format as ber
from tests.ldap.scripted import ADDED, FOUND, PAGED, connected, entries, everything, failure, page, started
from tui.ldap.errors import BadAnswer, Refused


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
    turns = 0
    while server.is_reading_paused:
        turns += 1
        await asyncio.sleep(0)
    found = await reading
    assert turns > 2
    assert [entry.dn for entry in found] == ["cn=g", "cn=0,dc=x"]
    assert found[0].values("member") == tuple(members)
