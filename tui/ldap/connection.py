"""One connection to one directory server, with as many operations under way as the caller starts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal

from tui.ldap import messages, requests
from tui.ldap.dial import Peer, dial
from tui.ldap.endpoint import Endpoint, Security
from tui.ldap.entries import Change, Control, Entry, Value
from tui.ldap.errors import BadAnswer, Refused, Untrusted
from tui.ldap.filters import filter_request
from tui.ldap.messages import page_cookie, refusal
from tui.ldap.operations import Operation
from tui.ldap.result_codes import NO_SUCH_OBJECT, SUCCESS
from tui.ldap.wire import Wire

Scope = Literal["base", "one", "sub"]
PAGE_SIZE = 1000
MOST_PAGES = 10_000

_ANY = filter_request("(objectClass=*)")


class Connection:
    """Made by `connect`. Every operation raises an `LdapError` and nothing else, within `timeout_s` of silence.

    What cannot be sent at all (a filter that is none, half a surrogate pair) is a `ValueError` before anything is.
    Operations may be awaited concurrently: they are pipelined. A cancelled search is abandoned at the server. OpenLDAP
    keeps one paged search a connection: run those one after another.
    """

    def __init__(self, endpoint: Endpoint, wire: Wire, peer: Peer) -> None:
        self._endpoint = endpoint
        self._wire = wire
        self._peer = peer

    @property
    def address(self) -> str:
        """The peer's address and port; the same for the life of the connection, whatever DNS says later."""
        return self._peer.text

    @property
    def is_closed(self) -> bool:
        return self._wire.why is not None

    async def bind(self, user: str, password: str) -> None:
        """Simple bind. Raises `ValueError` for an empty password, which would be an anonymous bind."""
        if not user or not password:
            raise ValueError("A bind needs a user and a password; without either it would be anonymous")
        if self._endpoint.security is Security.PLAIN and not self._peer.is_loopback:
            raise Untrusted(f"{self.address} is not this machine: no password goes there in plain text")
        await self._done(requests.bind(user, password), messages.BIND)

    async def root(self, *attributes: str) -> Entry:
        """The rootDSE; without names, all its attributes."""
        entry = await self.read("", attributes or ("*", "+"))
        if entry is None:
            raise BadAnswer(f"{self.address} has no rootDSE: is it an LDAP v3 server?")
        return entry

    async def read(
        self, dn: str, attributes: Sequence[str] = ("*",), *, controls: Sequence[Control] = ()
    ) -> Entry | None:
        """One entry; None where there is none of this name. `<GUID=...>` is a name too, for Active Directory."""
        request = requests.search(dn, "base", _ANY, attributes)
        try:
            operation = await self._done(request, messages.DONE, controls, most=1)
        except Refused as refused:
            if refused.code == NO_SUCH_OBJECT:
                return None
            raise
        return operation.entries[0] if operation.entries else None

    async def search(
        self,
        base: str,
        filter: str,
        attributes: Sequence[str] = ("1.1",),
        *,
        scope: Scope = "sub",
        page_size: int = PAGE_SIZE,
        most_pages: int = MOST_PAGES,
        controls: Sequence[Control] = (),
    ) -> AsyncIterator[Sequence[Entry]]:
        """Pages of entries. `filter` as in RFC 4515. Referrals (search references) are not followed."""
        request = requests.search(base, scope, filter_request(filter), attributes)
        cookie = b""
        try:
            for _ in range(most_pages):
                paged = (*controls, requests.page(page_size, cookie))
                cookie = b""
                operation = await self._done(request, messages.DONE, paged, most=page_size)
                cookie = _next_cookie(operation, scope)
                yield operation.entries
                if not cookie:
                    return
            raise BadAnswer(f"{self.address} still had more after {most_pages:,} pages: narrow the search")
        finally:
            if cookie:
                self._release(request, cookie)

    async def add(
        self, dn: str, attributes: Mapping[str, Sequence[Value]], *, controls: Sequence[Control] = ()
    ) -> None:
        await self._done(requests.add(dn, attributes), messages.ADD, controls)

    async def modify(self, dn: str, changes: Sequence[Change], *, controls: Sequence[Control] = ()) -> None:
        await self._done(requests.modify(dn, changes), messages.MODIFY, controls)

    async def delete(self, dn: str, *, controls: Sequence[Control] = ()) -> None:
        await self._done(requests.delete(dn), messages.DELETE, controls)

    async def rename(self, dn: str, rdn: str, *, superior: str | None = None) -> None:
        """Give an entry a new relative name, and with `superior` another parent; the old name's value goes."""
        await self._done(requests.rename(dn, rdn, superior), messages.RENAME)

    async def aclose(self) -> None:
        """Unbind and close; once is enough."""
        await self._wire.aclose()

    async def _done(self, request: bytes, kind: int, controls: Sequence[Control] = (), most: int = 0) -> Operation:
        operation = await self._wire.exchange(request, kind, requests.controls(controls), most)
        result = operation.answer.result()
        if result.code != SUCCESS:
            raise refusal(result)
        return operation

    def _release(self, request: bytes, cookie: bytes) -> None:
        """Tell the server that nobody wants the remaining pages (RFC 2696 section 3: a size of zero)."""
        self._wire.send_and_forget(request, requests.controls((requests.page(0, cookie),)))


async def connect(endpoint: Endpoint, *, timeout_s: float = 10.0) -> Connection:
    """TCP and TLS within `timeout_s`, which is also the longest silence any later operation bears."""
    wire, peer = await dial(endpoint, timeout_s)
    return Connection(endpoint, wire, peer)


def _next_cookie(operation: Operation, scope: Scope) -> bytes:
    """Empty after the last page. Without the control nobody knows whether it was: then it is not.

    The control was sent as critical, so a server that answers at all answers with it (RFC 2696 section 3); where it is
    gone, somebody in between took it out, and a count would stop in the middle (facts/ldap.md 3). Only the rootDSE and
    the schema are read past all controls, and one entry is all there can be in a base search.
    """
    cookie = page_cookie(operation.answer.result())
    if cookie is None and scope != "base":
        raise BadAnswer(
            f"A page of {len(operation.entries):,} entries came without its paging control, so more may be missing: "
            "look for a proxy in between that removes LDAP controls"
        )
    return cookie or b""
