"""A man in the middle that speaks LDAP, with TLS on both sides.

It does what a real server does not do when asked: lose controls, limit pages as Active Directory does, fail after some
entries, say goodbye, or answer with any text.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tests.directory import ber
from tests.directory.peer import Peer
from tests.directory.server import DirectoryServer

BIND, BIND_ANSWER = 0x60, 0x61
SEARCH, ENTRY, SEARCH_ANSWER, REFERENCE = 0x63, 0x64, 0x65, 0x73
EXTENDED_ANSWER, CONTROLS = 0x78, 0xA0


class Answer(Struct, frozen=True):
    """A result code of RFC 4511 section 4.1.9, the text beside it, and other servers to ask."""

    code: int
    text: str = ""
    referrals: tuple[str, ...] = ()

    def encoded(self, identifier: int, tag: int) -> bytes:
        urls = b"".join(ber.octets(url) for url in self.referrals)
        more = ber.element(0xA3, urls) if urls else b""
        body = ber.integer(self.code, 0x0A) + ber.octets("") + ber.octets(self.text) + more
        return Message(identifier, tag, body).encoded()


LOCKED_OUT = Answer(49, "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 775, v4563")
"""What Active Directory says of a locked account; Samba says 52e."""
BUSY = Answer(51, "busy")
UNAVAILABLE = Answer(52, "unavailable")
SIZE_LIMIT = Answer(4)


class Rules(Struct, frozen=True, kw_only=True):
    """`bind`, `search`: answered so, without asking the server. After `after_entries` entries of a search `then` is
    its end; or `then_raw` is sent as it is; or, where `goodbye` is set, a notice of disconnection, and the rest is
    silence. `strip_controls`: answers lose them. `max_page`: larger pages are made smaller, and a search without pages
    ends after so many entries with sizeLimitExceeded.
    """

    bind: Answer | None = None
    search: Answer | None = None
    after_entries: int | None = None
    then: Answer | None = None
    then_raw: bytes = b""
    goodbye: bool = False
    strip_controls: bool = False
    max_page: int | None = None


class Message(Struct, frozen=True):
    """`controls`: the value of that element, empty where there is none."""

    identifier: int
    tag: int
    body: bytes
    controls: bytes = b""

    def encoded(self) -> bytes:
        controls = ber.element(CONTROLS, self.controls) if self.controls else b""
        return ber.element(0x30, ber.integer(self.identifier) + ber.element(self.tag, self.body) + controls)


class _Search(Struct):
    paged: bool
    entries: int = 0
    is_over: bool = False


class LdapProxy(Peer):
    """Shows the certificate of the server that it stands before. Set `rules` at any time."""

    def __init__(self, server: DirectoryServer) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(server.tls / "cert.pem", server.tls / "key.pem")
        super().__init__(tls)
        self.rules = Rules()
        self.binds = 0
        """How many binds clients have asked for, answered by whom ever."""
        self._upstream = server.address, server.port
        self._ca_file: Path = server.ca_file

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        trust = ssl.create_default_context(cafile=str(self._ca_file))
        up_reader, up_writer = await asyncio.open_connection(*self._upstream, ssl=trust)
        searches: dict[int, _Search] = {}
        ways = [
            asyncio.create_task(self._ask(reader, up_writer, writer, searches)),
            asyncio.create_task(self._answer(up_reader, writer, searches)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up_writer.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        up: asyncio.StreamWriter,
        down: asyncio.StreamWriter,
        searches: dict[int, _Search],
    ) -> None:
        async for message in _messages(reader):
            self.binds += message.tag == BIND
            if answer := self._own_answer(message):
                down.write(answer)
                await down.drain()
                continue
            if message.tag == SEARCH:
                searches[message.identifier] = _Search(paged=_page(message) is not None)
                message = self._smaller_page(message)
            up.write(message.encoded())
            await up.drain()

    def _own_answer(self, message: Message) -> bytes | None:
        if message.tag == BIND and self.rules.bind:
            return self.rules.bind.encoded(message.identifier, BIND_ANSWER)
        if message.tag == SEARCH and self.rules.search:
            return self.rules.search.encoded(message.identifier, SEARCH_ANSWER)
        return None

    def _smaller_page(self, message: Message) -> Message:
        page = _page(message)
        if page is None or self.rules.max_page is None or page[0] <= self.rules.max_page:
            return message
        kept = b"".join(ber.element(0x30, each) for oid, each in _controls(message) if oid != ber.PAGED)
        value = ber.paged(self.rules.max_page, page[1])
        return replace(message, controls=kept + ber.control(ber.PAGED, value, critical=True))

    async def _answer(
        self, reader: asyncio.StreamReader, down: asyncio.StreamWriter, searches: dict[int, _Search]
    ) -> None:
        async for message in _messages(reader):
            search = searches.get(message.identifier)
            if search and search.is_over:
                continue
            if search and message.tag == ENTRY:
                search.entries += 1
                if strike := self._strike(search, message.identifier):
                    search.is_over = True
                    down.write(strike)
                    await down.drain()
                    continue
            down.write(self._stripped(message).encoded())
            await down.drain()

    def _strike(self, search: _Search, identifier: int) -> bytes:
        rules = self.rules
        if rules.after_entries is not None and search.entries > rules.after_entries:
            if rules.goodbye:
                return _goodbye()
            return rules.then.encoded(identifier, SEARCH_ANSWER) if rules.then else rules.then_raw
        if rules.max_page is not None and not search.paged and search.entries > rules.max_page:
            return SIZE_LIMIT.encoded(identifier, SEARCH_ANSWER)
        return b""

    def _stripped(self, message: Message) -> Message:
        return replace(message, controls=b"") if self.rules.strip_controls else message


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[Message]:
    """Raises `IncompleteReadError` at the end of the stream."""
    while True:
        tag, size = await reader.readexactly(2)
        assert tag == 0x30
        if size >= 128:
            size = int.from_bytes(await reader.readexactly(size & 127), "big")
        (_, identifier), (operation, body), *more = ber.elements(await reader.readexactly(size))
        controls = next((value for tag, value in more if tag == CONTROLS), b"")
        yield Message(ber.number(identifier), operation, body, controls)


def _controls(message: Message) -> list[tuple[str, bytes]]:
    """(OID, the control) of each."""
    return [(next(ber.elements(each))[1].decode(), each) for _, each in ber.elements(message.controls)]


def _page(message: Message) -> tuple[int, bytes] | None:
    """Size and cookie of the paged results control."""
    for oid, each in _controls(message):
        if oid == ber.PAGED:
            value = [value for tag, value in ber.elements(each) if tag == 0x04][1]
            (_, inner), *_ = ber.elements(value)
            (_, size), (_, cookie) = ber.elements(inner)
            return ber.number(size), cookie
    return None


def _goodbye() -> bytes:
    """RFC 4511 section 4.4.1."""
    body = ber.integer(52, 0x0A) + ber.octets("") + ber.octets("shutting down")
    return Message(0, EXTENDED_ANSWER, body + ber.octets(ber.NOTICE_OF_DISCONNECTION, 0x8A)).encoded()
