"""Every scenario of the lab as an operator sees it, through the demo's own wiring, at every size promised."""

from __future__ import annotations

import pytest

from tests.screens.conftest import StoredScreens
from tests.screens.lab_stage import lab_staged
from tests.screens.stage import screen_text

SIZES = ((40, 6), (80, 24), (120, 40), (200, 50))
# Wall seconds into each scenario: far enough for its trouble to show.
MOMENTS = {
    "bad-settings": 10.0,
    "big": 10.0,
    "conflicts": 10.0,
    "denied": 10.0,
    "domain-network": 15.0,
    "first-sync": 15.0,
    "flaky": 10.0,
    "healthy": 10.0,
    "no-recent-sync": 10.0,
    "quarantine": 10.0,
    "story": 20.0,
    "three-days": 10.0,
    "throttled": 10.0,
}
OBJECTS = 120
# So many deletions are waiting that the export is held back.
MANY = {"bad-settings": 700}


@pytest.mark.parametrize("scenario", MOMENTS)
async def test_scenario(scenario: str, stored: StoredScreens) -> None:
    """At a glance each scenario says what is wrong, why, and what to do, from a small pane to a wide screen."""
    objects = MANY.get(scenario, OBJECTS)
    after_s = MOMENTS[scenario]
    async with lab_staged(scenario, size=SIZES[0], after_s=after_s, objects=objects, ascii=True) as (app, pilot):
        for size in SIZES:
            await pilot.resize_terminal(*size)
            for _ in range(3):
                await pilot.pause()
            stored.check(f"lab-{scenario}-{size[0]}x{size[1]}", screen_text(app))
