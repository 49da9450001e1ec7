"""Asking one upstream over HTTPS: who asks, how often again, and when to stop. Only GET, and POST of a batch of GETs.

A source opens one `Session` for each fetch: all its requests share one deadline and one budget of waiting.

    session = upstream.session(needs="User.Read.All")
    async for page in session.pages("/v1.0/users", {"$top": "999"}): ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from copy import copy
from pathlib import Path
from random import random as any_random
from typing import Any

import httpx

from tui.clock import Clock
from tui.sources.auth import TokenProvider
from tui.sources.decode import JsonObject
from tui.sources.http_session import MOST_PAGES, Access, Channel, Meter, Session
from tui.sources.http_wire import Wire
from tui.sources.source import Exchange

DEADLINE_BEYOND_TIMEOUT_S = 3.0


class Upstream:
    """One tenant's view of one host. `share` gives each source its own `exchange` over the same connections.

    `timeout_s` limits one request and `deadline_s` one fetch with all its retries, waits and pages (default: three
    seconds more than `timeout_s`); both in seconds of real time. `headers` go with every request. Raises `ValueError`
    for a URL that is not https (plain http: to this machine only) and for a `ca_file` that cannot be read.
    """

    def __init__(
        self,
        base_url: str,
        *,
        tokens: TokenProvider | None,
        audience: str,
        clock: Clock,
        timeout_s: float = 10.0,
        deadline_s: float | None = None,
        ca_file: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        random: Callable[[], float] = any_random,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        wire = Wire(base_url, clock, timeout_s, ca_file, transport)
        self._channel = Channel(wire, Access(tokens, audience, wire.base.host), clock, random, dict(headers or {}))
        self.deadline_s = timeout_s + DEADLINE_BEYOND_TIMEOUT_S if deadline_s is None else deadline_s
        self._meter = Meter()

    def share(self) -> Upstream:
        """The same host, account and connections, with an `exchange` of its own."""
        other = copy(self)
        other._meter = Meter()
        return other

    def session(
        self, *, needs: str = "", deadline_s: float | None = None, headers: Mapping[str, str] | None = None
    ) -> Session:
        """A new fetch, whose time starts now. `needs`: the permission to name when it is refused."""
        self._meter.begin()
        return self._session(needs, deadline_s, headers)

    @property
    def clock_offset_s(self) -> float | None:
        """The upstream's clock minus ours, by its last answer."""
        return self._meter.clock_offset_s

    def exchange(self) -> Exchange:
        return self._meter.exchange()

    async def get_json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """One GET as a fetch of its own: see `Session.get_json`."""
        return await self._session().get_json(path, params)

    async def get_text(self, path: str, params: Mapping[str, str] | None = None) -> str:
        return await self._session().get_text(path, params)

    async def post_json(self, path: str, body: object) -> Any:
        return await self._session().post_json(path, body)

    async def pages(
        self, path: str, params: Mapping[str, str] | None = None, *, most: int = MOST_PAGES
    ) -> AsyncIterator[JsonObject]:
        async for page in self._session().pages(path, params, most=most):
            yield page

    async def aclose(self) -> None:
        """Close the connections, also those of every `share`."""
        await self._channel.wire.aclose()

    def _session(
        self, needs: str = "", deadline_s: float | None = None, headers: Mapping[str, str] | None = None
    ) -> Session:
        limit = self.deadline_s if deadline_s is None else deadline_s
        return Session(self._channel, self._meter, deadline_s=limit, needs=needs, headers=headers)
