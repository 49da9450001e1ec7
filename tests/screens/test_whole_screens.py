"""Whole screens compared as text, at every size the product promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from tests.screens import object_scenes, scenes
from tests.screens.conftest import StoredScreens
from tests.screens.stage import staged
from tui.model.snapshot import TenantSnapshot
from tui.widgets.feed import ViewOptions

SIZES = ((40, 6), (80, 24), (120, 40), (200, 50))

Scene = Callable[[], TenantSnapshot | tuple[TenantSnapshot, ...]]


def many_failures() -> TenantSnapshot:
    return replace(scenes.trouble(), failures=scenes.failures(3000), failures_total=12_345, failures_truncated=True)


SCENES: dict[str, Scene] = {
    "healthy": scenes.healthy,
    "trouble": scenes.trouble,
    "first-sync": scenes.first_sync,
    "stale": scenes.stale,
    "many-failures": many_failures,
    "hostile": scenes.hostile,
    "several": scenes.several,
    "nothing-known": scenes.nothing_known,
    "measured-lag": object_scenes.measured,
}


def tenants_of(scene: Scene) -> tuple[TenantSnapshot, ...]:
    made = scene()
    return made if isinstance(made, tuple) else (made,)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCENES)
async def test_overview(name: str, size: tuple[int, int], stored: StoredScreens) -> None:
    """The overview says the same things in the same places as the last time somebody looked it over."""
    async with staged(*tenants_of(SCENES[name]), size=size) as stage:
        stored.check(f"{name}-{size[0]}x{size[1]}", stage.text())


@pytest.mark.parametrize(
    ("name", "scene", "keys"),
    [
        ("failure", scenes.trouble, ("enter",)),
        ("why", scenes.trouble, ("w",)),
        ("sources", scenes.stale, ("o",)),
        ("help", scenes.healthy, ("question_mark",)),
        ("palette", scenes.healthy, ("colon", "s")),
        ("failures-only", scenes.trouble, ("f",)),
        ("counts-only", scenes.trouble, ("c",)),
    ],
)
@pytest.mark.parametrize("size", [(40, 6), (80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_other_screens(
    name: str, scene: Scene, keys: tuple[str, ...], size: tuple[int, int], stored: StoredScreens
) -> None:
    """Each screen that a key opens reads as it did the last time somebody looked it over."""
    async with staged(*tenants_of(scene), size=size) as stage:
        await stage.press(*keys)
        stored.check(f"{name}-{size[0]}x{size[1]}", stage.text())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", object_scenes.KEYS)
async def test_screens_of_objects(name: str, size: tuple[int, int], stored: StoredScreens) -> None:
    """Traces and comparisons read as they did the last time somebody looked them over, while they are read too."""
    async with staged(scenes.trouble(), size=size) as stage:
        object_scenes.answer(stage, held=name.startswith("reading"))
        await stage.press(*object_scenes.KEYS[name])
        stored.check(f"{name}-{size[0]}x{size[1]}", stage.text())


async def test_unicode_overview(stored: StoredScreens) -> None:
    """Where the terminal speaks UTF-8, rules are thin lines and trends are blocks."""
    async with staged(scenes.trouble(), size=(120, 40), options=ViewOptions()) as stage:
        stored.check("unicode-120x40", stage.text())


async def test_demo_says_what_the_lab_does(stored: StoredScreens) -> None:
    """In the demo one line says that it is one, and what the lab is doing now."""
    options = ViewOptions(
        ascii=True, banner="DEMO: an embedded lab, no tenant", activity=lambda: "Connect cycle running"
    )
    async with staged(scenes.healthy(), size=(80, 24), options=options) as stage:
        stored.check("demo-80x24", stage.text())


@pytest.mark.parametrize("ascii_", [True, False])
@pytest.mark.parametrize("name", SCENES)
async def test_no_line_is_wider_than_the_screen(name: str, ascii_: bool) -> None:
    """Whatever the text, wide characters included, every line is exactly as wide as the terminal."""
    for size in ((20, 4), (33, 9), (61, 19), (97, 31), (163, 47), (300, 80)):
        async with staged(*tenants_of(SCENES[name]), size=size, options=ViewOptions(ascii=ascii_)) as stage:
            strips = stage.app.screen._compositor.render_strips()
            assert {cell_len(strip.text) for strip in strips} == {size[0]}
            assert "panel failed" not in stage.text()


@pytest.mark.parametrize("name", [name for name in SCENES if name != "hostile"])
async def test_ascii_is_ascii(name: str) -> None:
    """With --ascii nothing but ASCII is drawn, so that a terminal without UTF-8 shows it all."""
    async with staged(*tenants_of(SCENES[name]), size=(120, 40)) as stage:
        assert stage.text().isascii()


async def test_states_differ_without_colour() -> None:
    """Without any colour the screens of different states are still told apart by their first two lines."""
    seen = set()
    for name in ("healthy", "trouble", "stale", "hostile", "nothing-known"):
        tenant = replace(tenants_of(SCENES[name])[0], name="same")
        async with staged(tenant, options=ViewOptions(color="none")) as stage:
            seen.add(" ".join(stage.line(1).split()[:2]))
    assert seen == {"+ OK", "X CRIT", "~ STALE", "! WARN", "~ UNKNOWN"}
