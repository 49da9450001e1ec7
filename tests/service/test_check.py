"""One reading of everything, and the goodbye after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.helpers import ManualClock
from tests.service.fakes import ScriptedSource, organization
from tui.model.states import SourceId, SourceState
from tui.service import check
from tui.service.check import poll_once
from tui.service.status import MonitoredTenant
from tui.settings import Settings, TenantSettings

GUID = "00000000-0000-0000-0000-000000000001"
SETTINGS = Settings(tenants=(TenantSettings(name="contoso", tenant_id=GUID),))


class Closing(ScriptedSource):
    """`closes`: what closing it takes."""

    closes: Callable[[], Awaitable[object]]
    closed = False

    async def aclose(self) -> None:
        await self.closes()
        self.closed = True


@pytest.fixture
def source(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Closing:
    """The only source of the only tenant."""
    source = Closing(SourceId.ORGANIZATION, clock, organization(clock))
    monkeypatch.setattr(check, "monitored", lambda *_: MonitoredTenant("contoso", GUID, (source,)))
    return source


async def test_servers_are_told_goodbye(source: Closing, clock: ManualClock) -> None:
    """A directory server sees an orderly end of every check, not a connection that breaks off."""
    source.closes = lambda: asyncio.sleep(0)
    (snapshot,) = await poll_once(SETTINGS, clock=clock)
    assert source.closed
    status = snapshot.source(SourceId.ORGANIZATION)
    assert status is not None
    assert status.state is SourceState.OK


async def test_a_goodbye_that_nobody_hears_does_not_hold_the_answer(
    source: Closing, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that fell silent after its answer costs a moment, and what it told is not lost."""
    monkeypatch.setattr(check, "CLOSING_S", 0.0)
    source.closes = asyncio.Event().wait
    (snapshot,) = await poll_once(SETTINGS, clock=clock)
    assert snapshot.source(SourceId.ORGANIZATION) is not None
    assert not source.closed
