"""What the status service asks of a source."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from msgspec import Struct

from tui.model.facts import AnyFacts
from tui.model.states import SourceId


class Exchange(Struct, frozen=True):
    """How the last poll went on the wire, also when it failed. `requests` counts every request since the start."""

    http_status: int | None = None
    latency_ms: float | None = None
    clock_offset_s: float | None = None
    requests: int = 0


class Source(Protocol):
    """One upstream reading. `optional`: when it fails, no verdict changes."""

    @property
    def id(self) -> SourceId: ...

    @property
    def optional(self) -> bool: ...

    async def fetch(self) -> AnyFacts:
        """Ask once. Raises a `SourceError` and nothing else that is not a bug."""
        ...

    def exchange(self) -> Exchange:
        """How the last `fetch` went."""
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Resumable(Protocol):
    """A source that stops by itself for good, as after a refused sign-in, until the operator asks again."""

    def resume(self) -> None: ...
