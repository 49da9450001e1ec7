"""Bearer tokens: where they come from, fetched off the event loop, kept until shortly before they expire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from tui.clock import Clock
from tui.settings import AuthMethod, TenantSettings
from tui.sources.errors import Denied, SourceError

REFRESH_BEFORE_S = 300.0
SHORTEST_USE_S = 30.0
UNTOLD_LIFETIME_S = 600.0
REFUSAL_KEPT_S = 15.0


class TokenProvider(Protocol):
    async def token(self, audience: str, *, refresh: bool = False) -> str:
        """A bearer token for `audience` (`https://graph.microsoft.com`); a new one for `refresh`.

        Raises `Denied` when the sign-in is refused or not set up, another `SourceError` when it cannot be reached.
        """
        ...


class Token(Struct, frozen=True):
    """`expires` None: not told. The secret stays out of every repr."""

    secret: str
    expires: datetime | None

    def __repr__(self) -> str:
        return f"Token([secret], expires={self.expires})"


OnDeviceCode = Callable[[str], None]
FetchToken = Callable[[str, bool], Awaitable[Token]]


class StaticTokens:
    """The same token for everyone: the lab's, and the tests'."""

    def __init__(self, secret: str = "lab") -> None:  # noqa: S107 - the lab asks for none
        self._secret = secret

    async def token(self, audience: str, *, refresh: bool = False) -> str:
        return self._secret


class _Kept(Struct):
    token: Token
    use_until: datetime
    valid_until: datetime


class CachedTokens:
    """Keeps what `fetch` gives, per audience; concurrent callers share one fetch, which outlives an impatient caller.

    A refusal is kept for some seconds too, so that several sources do not start the same vain sign-in.
    """

    def __init__(self, fetch: FetchToken, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._refused: dict[str, tuple[datetime, Denied]] = {}
        self._running: dict[str, asyncio.Task[Token]] = {}

    async def token(self, audience: str, *, refresh: bool = False) -> str:
        kept = self._kept.get(audience)
        if kept is not None and not refresh and self._clock.now() < kept.use_until:
            return kept.token.secret
        try:
            return (await self._shared(audience, refresh)).secret
        except SourceError:
            if kept is not None and not refresh and self._clock.now() < kept.valid_until:
                return kept.token.secret
            raise

    async def _shared(self, audience: str, refresh: bool) -> Token:
        running = self._running.get(audience)
        if running is None:
            self._raise_if_just_refused(audience)
            running = asyncio.get_running_loop().create_task(self._fetched(audience, refresh))
            self._running[audience] = running
            running.add_done_callback(lambda task: self._done(audience, task))
        return await asyncio.shield(running)

    async def _fetched(self, audience: str, refresh: bool) -> Token:
        token = await self._fetch(audience, refresh)
        self._kept[audience] = _kept(token, self._clock.now())
        return token

    def _done(self, audience: str, task: asyncio.Task[Token]) -> None:
        del self._running[audience]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Denied):
            self._refused[audience] = (self._clock.now() + timedelta(seconds=REFUSAL_KEPT_S), error)

    def _raise_if_just_refused(self, audience: str) -> None:
        until, error = self._refused.get(audience, (None, None))
        if until is not None and error is not None and self._clock.now() < until:
            raise Denied(str(error), code=error.code)


def _kept(token: Token, now: datetime) -> _Kept:
    """A token is renewed some minutes early, and used a while even if it claims to be stale, lest every call asks."""
    valid_until = token.expires or now + timedelta(seconds=UNTOLD_LIFETIME_S)
    lifetime = max((valid_until - now).total_seconds(), 0.0)
    use = max(lifetime - min(REFRESH_BEFORE_S, lifetime / 2), SHORTEST_USE_S)
    return _Kept(token, now + timedelta(seconds=use), valid_until)


def provider_for(tenant: TenantSettings, clock: Clock, on_device_code: OnDeviceCode | None = None) -> TokenProvider:
    """The tokens of one tenant, by its `[tenant.auth]`. Nothing is read or started before the first token is needed.

    `on_device_code` is called on the event loop, with what to tell the user, when the device-code sign-in needs them.
    """
    if tenant.auth.method is AuthMethod.TOKEN_COMMAND:
        from tui.sources.auth_command import TokenCommand

        return CachedTokens(TokenCommand(tenant.auth.command).fetch, clock)
    from tui.sources.auth_azure import AzureSignIn

    return CachedTokens(AzureSignIn(tenant, on_device_code).fetch, clock)
