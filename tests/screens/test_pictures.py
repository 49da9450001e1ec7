"""Colours, reversed badges and the cursor: what text alone does not show, as stored SVG pictures."""

from __future__ import annotations

import re

import pytest

from tests.screens import scenes
from tests.screens.conftest import STORED, UPDATE
from tests.screens.stage import screenshot, staged
from tui.widgets.feed import ViewOptions

# Textual numbers its pictures by their content.
_NUMBER = re.compile(r"terminal-\d+")


@pytest.mark.parametrize(
    ("name", "keys", "options"),
    [
        ("trouble", (), ViewOptions()),
        ("failure", ("enter",), ViewOptions()),
        ("no-color", (), ViewOptions(color="none")),
    ],
)
async def test_picture(name: str, keys: tuple[str, ...], options: ViewOptions) -> None:
    """The screen in trouble, a failure's own screen and the screen without colours look as when last looked over."""
    async with staged(scenes.trouble(), size=(120, 40), options=options) as stage:
        await stage.press(*keys)
        drawn = _NUMBER.sub("terminal", screenshot(stage.app))
    path = STORED / f"{name}.svg"
    if UPDATE:
        path.write_text(drawn, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == drawn
