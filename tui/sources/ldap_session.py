"""One directory server: its address, its account, and the one connection to it that all readers share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext, suppress
from typing import Protocol
from urllib.parse import urlsplit

from tui.clock import Clock
from tui.ldap.connection import PAGE_SIZE, Connection, Scope, connect
from tui.ldap.endpoint import Endpoint, Security
from tui.ldap.entries import Entry
from tui.ldap.errors import LdapError, Refused
from tui.settings import DirectorySettings
from tui.sources.errors import BadAnswer, Denied
from tui.sources.ldap_errors import FINAL_FOR_BIND, is_fleeting, refused_bind, source_error
from tui.sources.ldap_password import fingerprint, password, remedy
from tui.sources.ldap_root import ROOT_ATTRIBUTES, RootDse, ServerKind, invocation_of, naming_context, root_of

__all__ = ["DirectorySession", "RootDse", "ServerKind", "endpoint_of", "source_error"]


class Connect(Protocol):
    """`tui.ldap.connection.connect`, or what a test has in its place."""

    def __call__(self, endpoint: Endpoint, *, timeout_s: float) -> Awaitable[Connection]: ...


class DirectorySession:
    """Connected and bound when first needed, then kept: a name that leads to several servers stays with one of them.

    After one refused bind nothing is sent any more until `resume` or another password (facts/domain.md 1.6).
    `requests`: how many were sent by `root`, `pages` and sign-ins since the start. `connects`: how many connections
    were made; what was read over two of them may be of two servers.
    """

    def __init__(
        self,
        settings: DirectorySettings,
        clock: Clock,
        *,
        label: str,
        timeout_s: float = 10.0,
        environ: Mapping[str, str] = os.environ,
        connect: Connect = connect,
    ) -> None:
        self.settings = settings
        self.endpoint = endpoint_of(settings)
        self.requests = 0
        self.connects = 0
        self._clock = clock
        self._label = label
        self._timeout_s = timeout_s
        self._environ = environ
        self._connect = connect
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._refused: tuple[bytes, Denied] | None = None
        self._invocation: tuple[Connection, str] | None = None
        self._paging = asyncio.Lock()
        self._pages_in_turn = True

    @property
    def where(self) -> str:
        """The server as the config names it: host:port."""
        host = self.endpoint.host
        return f"{f'[{host}]' if ':' in host else host}:{self.endpoint.port}"

    @property
    def description(self) -> str:
        """For messages, e.g. `managed domain (ldaps.aadds.contoso.com:636)`."""
        return f"{self._label} ({self.where})"

    @property
    def address(self) -> str:
        """The address and port that the connection is pinned to; empty while there is none."""
        return self._connection.address if self._connection is not None else ""

    @property
    def is_refused(self) -> bool:
        """The last bind was refused and nothing has changed since."""
        return self._refused is not None

    async def connection(self) -> Connection:
        """Connected and bound; shared, so do not close it. Raises a `SourceError`.

        Its operations raise `LdapError`s: `use` and `pages` turn them into `SourceError`s.
        """
        if self._connection is not None and not self._connection.is_closed:
            return self._connection
        if self._opening is None:
            self._raise_if_refused()
            self._opening = asyncio.get_running_loop().create_task(self._open())
            self._opening.add_done_callback(self._opened)
        # An impatient caller must not cut off a bind whose refusal nobody would learn of.
        return await asyncio.shield(self._opening)

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Connection]:
        """The connection for operations other than searches (see `pages`).

        What goes wrong on it becomes a `SourceError`, and a broken connection goes.
        """
        connection = await self.connection()
        try:
            yield connection
        except LdapError as error:
            if is_fleeting(error):
                self.drop(connection)
            raise source_error(error, self.where) from error

    async def pages(
        self,
        base: str,
        filter: str,
        attributes: Sequence[str] = ("1.1",),
        *,
        scope: Scope = "sub",
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Sequence[Entry]]:
        """The pages of a search, to be iterated within `aclosing`. Raises a `SourceError`.

        Such searches share the connection; where the server bears only one at a time (OpenLDAP, and any that has not
        told its `root` yet), the next one waits until this one is closed.
        """
        async with self._paging if self._pages_in_turn else nullcontext(), self.use() as connection:
            search = connection.search(base, filter, attributes, scope=scope, page_size=page_size)
            async with aclosing(search) as pages:  # type: ignore[type-var]
                async for page in pages:
                    self.requests += 1
                    yield page

    async def root(self) -> RootDse:
        """Who answers and how far it is, read now. Raises a `SourceError`."""
        async with self.use() as connection:
            asked = self._clock.now()
            self.requests += 1
            entry = await connection.root(*ROOT_ATTRIBUTES)
            between = asked + (self._clock.now() - asked) / 2
            if self._invocation is None or self._invocation[0] is not connection:
                self.requests += 1
                self._invocation = (connection, await invocation_of(connection, entry.text("dsServiceName") or ""))
            if not (self.settings.base_dn or naming_context(entry)):
                raise BadAnswer(f"{self.where} does not tell what it holds: set base_dn")
            root = root_of(
                entry,
                address=connection.address,
                base_dn=self.settings.base_dn,
                invocation=self._invocation[1],
                now=between,
            )
            self._pages_in_turn = root.kind is not ServerKind.ACTIVE_DIRECTORY
            return root

    def drop(self, connection: Connection | None = None) -> None:
        """Let go of the connection (of `connection` only, if given): the next call makes another."""
        current = self._connection
        if current is None or (connection is not None and connection is not current):
            return
        self._connection = None
        self._invocation = None
        closing = asyncio.get_running_loop().create_task(_close(current))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def resume(self) -> None:
        """The operator asks again: one more bind is allowed."""
        self._refused = None

    async def aclose(self) -> None:
        opening = self._opening
        if opening is not None:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
        self.drop()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _raise_if_refused(self) -> None:
        """Forget a refusal once the password is another one; one that is gone raises, too."""
        if self._refused is None:
            return
        refused, error = self._refused
        if fingerprint(password(self.settings, self._environ)) == refused:
            raise Denied(str(error), code=error.code)
        self._refused = None

    async def _open(self) -> Connection:
        secret = password(self.settings, self._environ) if self.settings.bind_user else ""
        try:
            connection = await self._connect(self.endpoint, timeout_s=self._timeout_s)
        except LdapError as error:
            raise source_error(error, self.where) from error
        try:
            await self._bind(connection, secret)
        except BaseException:
            await _close(connection)
            raise
        self._connection = connection
        self.connects += 1
        return connection

    async def _bind(self, connection: Connection, secret: str) -> None:
        user = self.settings.bind_user
        if user is None:
            return
        self.requests += 1
        try:
            await connection.bind(user, secret)
        except LdapError as error:
            if not isinstance(error, Refused) or error.code not in FINAL_FOR_BIND:
                raise source_error(error, self.where) from error
            denied = refused_bind(error, self.where, user, remedy(self.settings))
            self._refused = (fingerprint(secret), denied)
            raise denied from None

    def _opened(self, opening: asyncio.Task[Connection]) -> None:
        """Nobody may wait for the outcome any more: it must not be reported as lost."""
        self._opening = None
        if not opening.cancelled():
            opening.exception()


def endpoint_of(settings: DirectorySettings) -> Endpoint:
    """Where and how to connect. ldaps:// is 636 and ldap:// 389 where the url names no port."""
    parts = urlsplit(settings.url)
    if parts.scheme == "ldaps":
        security = Security.LDAPS
    else:
        security = Security.START_TLS if settings.start_tls else Security.PLAIN
    return Endpoint(
        host=parts.hostname or "",
        port=parts.port or (636 if security is Security.LDAPS else 389),
        security=security,
        server_name=settings.tls_server_name,
        ca_file=settings.ca_file,
        strict=settings.tls_strict,
    )


async def _close(connection: Connection) -> None:
    with suppress(LdapError):
        await connection.aclose()
