"""A tenant's two delta feeds, played by a function, and a source that follows them."""

from __future__ import annotations

from typing import Any

import httpx

from tests.helpers import ManualClock
from tests.sources.upstreams import BASE, ok, run, upstream
from tui.model.facts import ChangesFacts
from tui.sources.graph_changes import ChangesSource


class Delta:
    """A tenant's two feeds: `rounds` of each, a list of pages each; `latest` begins after them all."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.rounds: dict[str, list[list[Any]]] = {"users": [], "groups": []}
        self.refuse: dict[str, httpx.Response] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.url.raw_path.decode()}")
        kind, query = request.url.path.split("/")[2], request.url.params
        if kind in self.refuse:
            answer = self.refuse[kind]
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        if query.get("$deltatoken") == "latest":
            return self._answer(kind, [], None)
        round, _, page = str(query.get("$deltatoken") or query.get("$skiptoken")).partition(".")
        pages = self.rounds[kind][int(round)] if int(round) < len(self.rounds[kind]) else [[]]
        number = int(page or 0)
        more = f"$skiptoken={round}.{number + 1}" if number + 1 < len(pages) else None
        return self._answer(kind, pages[number], more)

    def _answer(self, kind: str, items: list[Any], more: str | None) -> httpx.Response:
        place = more or f"$deltatoken={len(self.rounds[kind])}"
        name = "@odata.nextLink" if more else "@odata.deltaLink"
        return ok({name: f"{BASE}/v1.0/{kind}/delta?{place}", "value": items})


class Followed:
    """A source whose place is marked, a minute ago, in a tenant that changes as the test says."""

    def __init__(self, clock: ManualClock, **options: Any) -> None:
        self.clock, self.delta = clock, Delta()
        self.source = ChangesSource(upstream(self.delta, clock), clock, **options)

    async def begin(self) -> Followed:
        facts = await self.fetch()
        assert (facts.changes, facts.removed, facts.truncated) == ((), (), False)
        self.clock.jump(60)
        return self

    async def fetch(self) -> ChangesFacts:
        return await run(self.clock, self.source.fetch())

    async def told(self, *pages: list[Any], kind: str = "users") -> ChangesFacts:
        self.delta.rounds[kind].append(list(pages))
        return await self.fetch()
