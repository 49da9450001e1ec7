"""Connect's import from a real on-premises Active Directory: a full one first, then what changed, by update sequence
number (facts/domain.md 6.3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NoReturn

from msgspec import Struct

from tui.clock import Clock
from tui.lab.connect import Effect
from tui.lab.connect_mapping import verified_domains
from tui.lab.directory_import_entries import ATTRIBUTES, FILTER, guid_of, imported
from tui.lab.directory_import_mirror import Mirror
from tui.lab.directory_import_search import EXTENDED_DN, all_members, deleted_since, dns_name
from tui.lab.onprem import OnPremises
from tui.lab.scenario import Scenario
from tui.lab.tenant import Tenant
from tui.ldap.connection import Connection
from tui.ldap.entries import Control, Entry
from tui.settings import DirectorySettings
from tui.sources.errors import BadAnswer, Denied, SourceError, TimedOut, Unreachable
from tui.sources.ldap_session import DirectorySession, RootDse

PAGE = 500
PIECE = 50
COMPARING_SHARE = 0.05
"""Of the time, at most, goes into lists of what is left: to an ordinary account nothing else tells of a deletion."""

NOT_YET = Effect(None, passwords=False)
_ACCESS = "50"


def import_from(
    settings: DirectorySettings, on_news: Callable[[str], object]
) -> Callable[[OnPremises, Tenant, Clock, Scenario], DirectoryImport]:
    """What `Lab.start` takes for an on-premises directory that is the one of `settings`."""

    def opened(directory: OnPremises, tenant: Tenant, clock: Clock, scenario: Scenario) -> DirectoryImport:
        return DirectoryImport(
            DirectorySession(settings, clock, label="on-premises"),
            Mirror(directory),
            clock,
            every_s=scenario.import_every,
            on_domain=lambda name: tenant.set_organization(verifiedDomains=verified_domains(name)),
            on_news=on_news,
        )

    return opened


class Position(Struct, frozen=True):
    """How far the directory was read: `usn` counts in one database of one server only."""

    server: str
    invocation: str
    usn: int


class DirectoryImport:
    """`run` it as a task of its own; it goes on through everything but its cancellation.

    `on_domain` is told the DNS name of the domain, `on_news` one line for people whenever the state changes.
    """

    def __init__(
        self,
        session: DirectorySession,
        mirror: Mirror,
        clock: Clock,
        *,
        every_s: float,
        on_domain: Callable[[str], object],
        on_news: Callable[[str], object],
    ) -> None:
        self._session = session
        self._mirror = mirror
        self._clock = clock
        self._every_s = every_s
        self._on_domain = on_domain
        self._on_news = on_news
        self._position: Position | None = None
        self._compared_at = 0.0
        self._comparing_s = 0.0
        self._compared_usn = 0
        self._effect: Effect | None = NOT_YET
        self._said: str | None = None

    def hindrance(self) -> Effect | None:
        """What a Connect cycle comes to now: nothing stands in its way, or how it ends without exporting."""
        return self._effect

    async def run(self) -> NoReturn:
        try:
            while True:
                await self.round()
                await self._clock.sleep(self._every_s)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; the next round makes another."""
        await self._session.aclose()

    async def round(self) -> None:
        """One look at the directory. Whatever goes wrong becomes the result of the next cycle."""
        try:
            await self._read()
        except SourceError as error:
            self._effect = Effect(_result(error, is_refused=self._session.is_refused), passwords=False)
            self._say(str(self._effect.result), f"Connect cannot import ({self._effect.result}): {error}")
        else:
            self._effect = None
            held = f"{len(self._mirror):,} objects to synchronize"
            self._say("", f"Connect reads the directory {self._session.description}: {held}")

    def _say(self, state: str, news: str) -> None:
        """Tell the news where the state is another one than before."""
        if state != self._said:
            self._said = state
            self._on_news(news)

    async def _read(self) -> None:
        root = await self._session.root()
        if root.highest_usn is None:
            raise BadAnswer(f"{self._session.where} is no Active Directory: it counts no changes")
        now = Position(root.host, root.invocation, root.highest_usn)
        before = self._position
        is_same = before is not None and (before.server, before.invocation) == (now.server, now.invocation)
        async with self._session.use() as connection:
            if before is None or not is_same or now.usn < before.usn:
                await self._read_all(connection, root)
                self._compared_usn = now.usn
            elif now.usn > before.usn:
                await self._read_changes(connection, root, before.usn + 1)
            if now.usn > self._compared_usn and self._may_compare():
                await self._compare(connection, root)
                self._compared_usn = now.usn
        self._position = now

    async def _read_all(self, connection: Connection, root: RootDse) -> None:
        self._position = None
        self._on_domain(dns_name(root.base))
        self._forget_all_but(await self._take(connection, root, FILTER))
        await self._settle()

    async def _read_changes(self, connection: Connection, root: RootDse, first_usn: int) -> None:
        await self._take(connection, root, f"(&{FILTER}(uSNChanged>={first_usn}))")
        async for guid in deleted_since(connection, root.base, first_usn):
            self._mirror.leave(guid)
        await self._settle()

    def _may_compare(self) -> bool:
        return self._clock.monotonic() - self._compared_at >= self._comparing_s / COMPARING_SHARE

    async def _compare(self, connection: Connection, root: RootDse) -> None:
        """Let go of what is no longer in the directory, however it left."""
        begun = self._clock.monotonic()
        listed = _entries(connection, root.base, FILTER, ("objectGUID",))
        self._forget_all_but({guid async for entry in listed if (guid := guid_of(entry))})
        self._compared_at = self._clock.monotonic()
        self._comparing_s = self._compared_at - begun

    async def _take(self, connection: Connection, root: RootDse, filter: str) -> set[str]:
        """Mirror everything that matches; the GUIDs of what Connect synchronizes of it."""
        seen: set[str] = set()
        domain = dns_name(root.base)
        async for entry in _entries(connection, root.base, filter, ATTRIBUTES, EXTENDED_DN):
            item = imported(entry, await all_members(connection, entry), domain)
            if item is None:
                self._mirror.leave(guid_of(entry) or "")
            elif self._mirror.take(item):
                seen.add(item.guid)
        return seen

    def _forget_all_but(self, seen: set[str]) -> None:
        for guid in self._mirror.guids - seen:
            self._mirror.leave(guid)

    async def _settle(self) -> None:
        for number, _ in enumerate(self._mirror.settle(), 1):
            if number % PIECE == 0:
                await asyncio.sleep(0)


async def _entries(
    connection: Connection, base: str, filter: str, attributes: Sequence[str], *controls: Control
) -> AsyncIterator[Entry]:
    """The entries of a paged search, giving way now and then."""
    async for page in connection.search(base, filter, attributes, page_size=PAGE, controls=controls):
        for number, entry in enumerate(page, 1):
            yield entry
            if number % PIECE == 0:
                await asyncio.sleep(0)


def _result(error: SourceError, *, is_refused: bool) -> str:
    """The result of a run profile that meets this (facts/domain.md 5.3)."""
    if isinstance(error, Unreachable | TimedOut):
        return "no-start-connection"
    if isinstance(error, Denied):
        return "access-denied" if error.code == _ACCESS and not is_refused else "no-start-credentials"
    return "stopped-server"
