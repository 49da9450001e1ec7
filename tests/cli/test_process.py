"""The program as a process: what it imports, how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tui import __version__

ROOT = Path(__file__).parents[2]
FAKE = """
import sys, types
async def poll_once(settings, **_):
    from tests import builders
    return (builders.trouble(),)
sys.modules["tui.service.check"] = types.SimpleNamespace(poll_once=poll_once)
"""
STUCK = """
import asyncio, sys, threading, time, types
from tests import builders
async def poll_once(settings, **_):
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
    threading.Thread(target=time.sleep, args=(600,)).start()
    return (builders.trouble(),)
sys.modules["tui.service.check"] = types.SimpleNamespace(poll_once=poll_once)
sys.argv = ["synctop", "check"]
from tui.cli import main
main()
"""


def python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.toml"
    path.write_text('[[tenant]]\nname = "contoso"\ntenant_id = "contoso.com"\n')
    return str(path)


@pytest.mark.parametrize(
    "args", [["--help"], ["-h"], ["--version"], ["check", "--help"], ["check"], ["failures"], ["zzz"]]
)
def test_commands_for_scripts_never_load_the_screen(args: list[str], config: str) -> None:
    """Help, version, check and failures start without Textual; help and version without a network library too."""
    code = FAKE + f"from tui.cli import run\nrun({args!r})\n"
    code += "heavy = {'textual', 'rich'} & set(sys.modules)\nassert not heavy, heavy\n"
    if args not in (["check"], ["failures"]):
        code += "assert not {'httpx', 'asyncio', 'azure'} & set(sys.modules)\n"
    done = python(code, SYNCTOP_CONFIG=config)
    assert done.returncode == 0, done.stderr


def test_a_stuck_thread_does_not_hold_the_process(config: str) -> None:
    """`check` has answered and gone although threads still wait for a name server."""
    done = python(STUCK, SYNCTOP_CONFIG=config)
    assert done.returncode == 2
    assert done.stdout.startswith("SYNCTOP CRITICAL")
    assert done.stderr == ""


def test_the_version_is_printed() -> None:
    """`python -m tui --version` says what is installed."""
    done = subprocess.run([sys.executable, "-m", "tui", "--version"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"synctop {__version__}\n")
