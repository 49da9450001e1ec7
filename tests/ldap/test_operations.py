"""Reading and changing single objects, many at once."""

from __future__ import annotations

import asyncio

import pytest

from tests.ldap import wire_format as ber
from tests.ldap.scripted import ADDED, connected, failure, started
from tui.ldap.entries import Change, Control
from tui.ldap.errors import Refused


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
