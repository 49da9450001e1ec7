"""What the config names is watched, and `r` reaches a source that has stopped by itself."""

from __future__ import annotations

import asyncio
from typing import cast

from tests.helpers import ManualClock, settle
from tests.sources.ldap_fake import FakeDirectory
from tui.model.states import Side, SourceId, SourceState
from tui.service.status import MonitoredTenant, StatusService
from tui.service.wiring import Wire, monitored
from tui.settings import DirectorySettings, PollSettings, Settings, TenantSettings
from tui.sources.auth import StaticTokens
from tui.sources.ldap import LdapSource
from tui.sources.ldap_side import LdapSide

GUID = "00000000-0000-0000-0000-000000000001"
DOMAIN = DirectorySettings(url="ldaps://ldaps.aadds.example")
CORP = DirectorySettings(url="ldaps://dc1.corp.example")


def watched(clock: ManualClock, **directories: DirectorySettings) -> MonitoredTenant:
    tenant = TenantSettings(name="contoso", tenant_id=GUID, **directories)
    return monitored(tenant, PollSettings(), clock, Wire(tokens=StaticTokens()))


async def test_directories_are_watched_where_the_config_names_them(clock: ManualClock) -> None:
    """With a directory its counts are read, and the changes in Entra that it is compared with; without, neither."""
    without = {source.id for source in watched(clock).sources}
    both = watched(clock, managed_domain=DOMAIN, on_premises=CORP)
    assert {source.id for source in both.sources} - without == {
        SourceId.MANAGED_DOMAIN,
        SourceId.ON_PREMISES,
        SourceId.CHANGES,
    }
    assert [side.side for side in both.sides] == [Side.ENTRA, Side.MANAGED_DOMAIN, Side.ON_PREMISES]
    one = watched(clock, on_premises=CORP)
    assert {source.id for source in one.sources} - without == {SourceId.ON_PREMISES, SourceId.CHANGES}


async def test_whoever_asks_a_directory_shares_its_one_sign_in(clock: ManualClock) -> None:
    """A search by name after a refused sign-in must not send the password again."""
    tenant = watched(clock, managed_domain=DOMAIN)
    source = next(source for source in tenant.sources if isinstance(source, LdapSource))
    side = cast(LdapSide, tenant.sides[-1])
    assert source._session is side._session


async def test_asking_again_lifts_a_refused_sign_in(clock: ManualClock) -> None:
    """The monitor polls on without signing in; `r` makes it try once more."""
    directory = FakeDirectory(clock)
    source = LdapSource(directory.session("wrong"), Side.ON_PREMISES, clock)
    service = StatusService([MonitoredTenant("contoso", GUID, (source,))], settings=Settings(), clock=clock)
    running = asyncio.create_task(service.run())
    await clock.advance(3600)
    assert len(directory.binds) == 1
    status = service.latest.tenants[0].source(SourceId.ON_PREMISES)
    assert status is not None
    assert status.state is SourceState.DENIED
    assert "ask again (r)" in (status.error or "")
    directory.password = "wrong"
    service.poll_now()
    await settle()
    assert len(directory.binds) == 2
    status = service.latest.tenants[0].source(SourceId.ON_PREMISES)
    assert status is not None
    assert status.state is SourceState.OK
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await service.aclose()
