"""Conflated publishing: each subscriber sees the newest value, never a queue of old ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from types import TracebackType
from typing import Self

from msgspec import Struct

from tui.model.snapshot import TenantSnapshot


class Published(Struct, frozen=True):
    """All tenants in the order of the config."""

    at: datetime
    tenants: tuple[TenantSnapshot, ...]


class Subscription:
    """`async for` yields the newest value at once, then each newer one; a slow reader skips what it missed."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._fresh = asyncio.Event()
        self._fresh.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._publisher.drop(self)

    def notify(self) -> None:
        self._fresh.set()

    async def __aiter__(self) -> AsyncIterator[Published]:
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            yield self._publisher.latest


class Publisher:
    """Holds the newest value for any number of subscribers, on one event loop."""

    def __init__(self, first: Published) -> None:
        self._latest = first
        self._subscriptions: set[Subscription] = set()

    @property
    def latest(self) -> Published:
        return self._latest

    def publish(self, value: Published) -> None:
        self._latest = value
        for subscription in tuple(self._subscriptions):
            subscription.notify()

    def subscribe(self) -> Subscription:
        subscription = Subscription(self)
        self._subscriptions.add(subscription)
        return subscription

    def drop(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
