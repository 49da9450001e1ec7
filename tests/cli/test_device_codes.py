"""The device-code prompt of the live screen."""

from __future__ import annotations

from tests.helpers import ManualClock
from tests.service.fakes import ScriptedSource, organization, service
from tui.demo import DeviceCodes
from tui.model.states import SourceId
from tui.sources.errors import TimedOut


async def test_the_code_is_shown_until_someone_has_signed_in(clock: ManualClock) -> None:
    """The request to type a code stands on the screen while no source answers, and goes with the first answer."""
    source = ScriptedSource(SourceId.ORGANIZATION, clock, TimedOut("signing in"), lambda: organization(clock))
    status = service(clock, source)
    codes = DeviceCodes(clock)
    assert codes.pending(status.latest) == ""
    codes.add("open https://microsoft.com/devicelogin and type ABC123")
    clock.jump(1)
    await status.poll_once()
    assert "ABC123" in codes.pending(status.latest)
    await status.poll_once()
    assert codes.pending(status.latest) == ""
