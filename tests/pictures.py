"""Makes every picture in `screenshots/` from the real program: `python -m tests.pictures`.

Each is the demo on a hand-moved clock, driven to a moment of its scenario, so that the pictures come out alike
every time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cairosvg

from tests.helpers import settle
from tests.screens.lab_stage import lab_staged

FOLDER = Path(__file__).parents[1] / "screenshots"
FONT = "DejaVu Sans Mono"


@dataclass(frozen=True)
class Picture:
    """`after_s`: seconds of wall time into the scenario. `keys`: pressed then."""

    name: str
    scenario: str
    size: tuple[int, int]
    after_s: float = 8.0
    keys: Sequence[str] = ()


PICTURES = (
    Picture("overview-healthy", "healthy", (120, 40), after_s=60),
    Picture("overview-trouble", "three-days", (120, 40), after_s=20),
    Picture("overview-wide", "conflicts", (200, 50), after_s=20),
    Picture("failure-detail", "conflicts", (120, 40), after_s=10, keys=("down", "down", "enter")),
    Picture("sources", "throttled", (120, 40), after_s=20, keys=("o",)),
    Picture("measured-lag", "story", (120, 40), after_s=38),
    Picture("difference", "story", (120, 40), after_s=60, keys=("c", "enter")),
    Picture("trace", "story", (120, 40), after_s=60, keys=("c", "enter", "enter")),
    Picture("first-sync", "first-sync", (120, 40), after_s=30),
    Picture("80x24", "domain-network", (80, 24), after_s=30),
    Picture("40x6", "conflicts", (40, 6), after_s=10),
)


async def draw(picture: Picture) -> str:
    """The picture as SVG."""
    async with lab_staged(picture.scenario, size=picture.size, after_s=picture.after_s) as (app, pilot):
        for key in picture.keys:
            await pilot.press(key)
            await settle(400)
        await pilot.pause()
        return app.export_screenshot(title=f"synctop demo --scenario {picture.scenario}")


def save(picture: Picture, svg: str) -> None:
    (FOLDER / f"{picture.name}.svg").write_text(svg)
    local = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", FONT)
    cairosvg.svg2png(bytestring=local.encode(), write_to=str(FOLDER / f"{picture.name}.png"), scale=1.2)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        save(picture, asyncio.run(draw(picture)))
        print(picture.name)


if __name__ == "__main__":
    main()
