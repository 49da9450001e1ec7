"""Writes that touch the same entry or the same name go to the server one after another, all others at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from types import TracebackType


class Turns:
    """`async with turns.take(keys)`: in the order of asking, for each key. A server may work pipelined requests in
    any order (RFC 4511 section 3.1), so that a name that one entry gives up could still be taken when another asks."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Future[None]] = {}

    def take(self, keys: Collection[str]) -> Turn:
        return Turn(self._last, keys)


class Turn:
    """The place in line is taken before the first wait."""

    __slots__ = ("_done", "_keys", "_last")

    def __init__(self, last: dict[str, asyncio.Future[None]], keys: Collection[str]) -> None:
        self._last = last
        self._keys = keys

    async def __aenter__(self) -> None:
        last, keys = self._last, self._keys
        earlier = {last[key] for key in keys if key in last}
        self._done = asyncio.get_running_loop().create_future()
        for key in keys:
            last[key] = self._done
        try:
            for each in earlier:
                if not each.done():
                    await asyncio.shield(each)
        except BaseException:
            self._end()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if not self._done.done():
            self._done.set_result(None)
        for key in self._keys:
            if self._last.get(key) is self._done:
                del self._last[key]
