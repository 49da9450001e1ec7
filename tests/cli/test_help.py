"""The stored help texts: whoever changes an option sees what users will see.

Rewrite them with `python -m tests.cli.test_help` and read the difference.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORED = Path(__file__).with_name("help")
COMMANDS = ("", "demo", "check", "failures", "trace", "lab", "sync")


def help_text(command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tui", *command.split(), "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def stored(command: str) -> Path:
    return STORED / f"{command or 'synctop'}.txt"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_reads_as_stored(command: str) -> None:
    """Each command's help fits 80 columns and is the text that was last agreed on."""
    text = help_text(command)
    assert max(map(len, text.splitlines())) <= 80
    assert text == stored(command).read_text()


if __name__ == "__main__":
    STORED.mkdir(exist_ok=True)
    for each in COMMANDS:
        stored(each).write_text(help_text(each))
