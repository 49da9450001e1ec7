"""What a person at a terminal meets, measured from outside by a program that holds the pseudo-terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from msgspec import Struct

SYNCTOP = (sys.executable, "-m", "tui")
ALL_COUNTED = r"users +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]"
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self): yield Static("READY")
Bare().run()
"""


class Meter(Struct, frozen=True):
    """`tool`: ttybench.py, which prints its figures as JSON."""

    tool: Path

    def __call__(self, command: tuple[str, ...], *options: str) -> dict[str, Any]:
        asked = [sys.executable, str(self.tool), *options, "--", *command]
        told = subprocess.run(asked, check=True, capture_output=True, text=True)
        figures: dict[str, Any] = json.loads(told.stdout)
        return figures


def bare(meter: Meter) -> dict[str, Any]:
    """The yardstick: a Textual program that shows one word."""
    return meter((sys.executable, "-c", BARE), "--ready", "READY", "--idle", "1", "--quit", "ctrl+q")


def first_frame(meter: Meter) -> dict[str, Any]:
    return meter((*SYNCTOP, "demo"), "--ready", "users +[0-9]", "--idle", "1", "--quit", "q")


def healthy(meter: Meter, seconds: int) -> dict[str, Any]:
    command = (*SYNCTOP, "demo", "--scenario", "healthy")
    return meter(command, "--ready", ALL_COUNTED, "--idle", f"{seconds}", "--quit", "q")


def many(meter: Meter) -> dict[str, Any]:
    keys = ("--key", "down", "--key", "pagedown", "--repeat", "60")
    ready = ("--ready", "FAILURES +[1-9][0-9,]+ open", "--limit", "90", "--idle", "10")
    return meter((*SYNCTOP, "demo", "--scenario", "big"), *ready, *keys, "--quit", "q")
