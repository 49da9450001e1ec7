"""The installed program in tmux, used as an operator uses it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.terminal import SYNCTOP, Terminal, missing

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

Open = Callable[..., Terminal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    terminals: list[Terminal] = []

    def start(command: str = "demo --scenario conflicts", cols: int = 80, rows: int = 24, **env: str) -> Terminal:
        folder = tmp_path / str(len(terminals))
        folder.mkdir()
        terminals.append(Terminal(folder, f"{SYNCTOP} {command}", cols, rows, {"TERM": "xterm-256color", **env}))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.kill()


def gone(pid: int, patience_s: float = 10.0) -> bool:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_shows_hops_counts_and_failures(opened: Open) -> None:
    """The demo at 80x24 shows the verdict, the three hops, the counts and failing objects."""
    screen = opened().until(lambda text: "PropertyConflict" in text and "users" in text)
    for words in ("AD > Entra", "Password", "Entra > DS", "users", "groups", "FAILURES"):
        assert words in screen


def test_open_a_failure_and_come_back(opened: Open) -> None:
    """Enter opens the selected failure with its meaning and remedy; Esc leads back to the overview."""
    terminal = opened()
    terminal.until("PropertyConflict")
    terminal.keys("Down", "Down", "Enter")
    terminal.until(lambda text: "remedy" in text and "COUNTS" not in text)
    terminal.keys("Escape")
    terminal.until("COUNTS")


def test_filter_narrows_as_one_types(opened: Open) -> None:
    """Typing after `/` leaves only failures with those words; Esc brings all back."""
    terminal = opened()
    terminal.until("PropertyConflict")
    terminal.keys("/")
    terminal.type("largeobject")
    terminal.until(lambda text: "LargeObject" in text and "PropertyConflict" not in text)
    terminal.keys("Escape")
    terminal.until("PropertyConflict")


def test_pause_says_so(opened: Open) -> None:
    """`p` freezes the view and the header says for how long; `p` again lets it go on."""
    terminal = opened()
    terminal.until("PropertyConflict")
    terminal.keys("p")
    terminal.until("PAUSED")
    terminal.keys("p")
    terminal.until(lambda text: "PAUSED" not in text)


@pytest.mark.parametrize(("cols", "rows"), [(40, 6), (120, 40), (200, 50), (20, 4)])
def test_resize_keeps_the_verdict(opened: Open, cols: int, rows: int) -> None:
    """At any size the screen goes on to show what is wrong, and comes back whole at 80x24."""
    terminal = opened()
    terminal.until("PropertyConflict")
    terminal.resize(cols, rows)
    terminal.until(lambda text: "WARN" in text and max(map(len, text.splitlines())) <= cols)
    terminal.resize(80, 24)
    terminal.until("PropertyConflict")


def test_survives_detach_and_attach(opened: Open) -> None:
    """A client that attaches, detaches and attaches again finds the live screen."""
    terminal = opened()
    terminal.until("PropertyConflict")
    for _ in range(2):
        leader, follower = pty.openpty()
        client = subprocess.Popen(
            ["tmux", "-S", str(terminal._socket), "attach", "-t", "t"],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        os.close(follower)
        terminal.until(lambda _: terminal.pane("session_attached") == "1")
        terminal.tmux("detach-client", "-s", "t")
        client.wait(10)
        os.close(leader)
    terminal.keys("?")
    terminal.until(lambda text: "quit" in text.casefold())


def test_quit_restores_the_terminal(opened: Open) -> None:
    """`q` ends with 0 and leaves the alternate screen."""
    terminal = opened()
    terminal.until("PropertyConflict")
    terminal.keys("q")
    assert terminal.exit_status() == 0
    assert terminal.pane("alternate_on") == "0"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_at_once(opened: Open, number: signal.Signals) -> None:
    """SIGTERM and SIGHUP end the program with 128 + n and the terminal restored."""
    terminal = opened()
    terminal.until("PropertyConflict")
    terminal.signal(number)
    assert terminal.exit_status(patience_s=5) == 128 + number
    assert terminal.pane("alternate_on") == "0"


def test_dies_with_its_terminal(opened: Open) -> None:
    """When the terminal is gone the program does not live on, even where SIGHUP is ignored."""
    terminal = opened(command="demo --scenario conflicts")
    terminal.until("PropertyConflict")
    pid = terminal.pid()
    terminal.kill()
    assert gone(pid)


def test_no_colour_is_plain(opened: Open) -> None:
    """With NO_COLOR no colour code reaches the terminal."""
    terminal = opened(NO_COLOR="1")
    terminal.until("PropertyConflict")
    screen = terminal.screen(escapes=True)
    codes = {code for part in screen.split("\x1b[")[1:] for code in part.partition("m")[0].split(";")}
    assert not {code for code in codes if code.isdigit() and 30 <= int(code) <= 107 and code not in ("39", "49")}


def test_ascii_where_the_locale_is_not_utf8(opened: Open) -> None:
    """In a locale without UTF-8 every character on the screen is ASCII."""
    terminal = opened(LC_ALL="POSIX", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert terminal.until("PropertyConflict").isascii()


def test_no_config_runs_the_demo_with_a_banner(opened: Open) -> None:
    """Bare `synctop` without a config file shows the demo and says how to connect a tenant."""
    terminal = opened(command="", cols=120, rows=40)
    terminal.until(lambda text: "AD > Entra" in text and "config" in text.casefold())


def synctop(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(SYNCTOP), *words], capture_output=True, text=True, check=False, timeout=60)


def test_check_demo_tells_the_scenarios_apart() -> None:
    """`check --demo` is 0 for a healthy lab and 2 for one whose Connect account lost its permissions."""
    healthy = synctop("check", "--demo", "--scenario", "healthy")
    assert (healthy.returncode, healthy.stderr) == (0, "")
    assert "OK" in healthy.stdout
    sick = synctop("check", "--demo", "--scenario", "three-days")
    assert sick.returncode == 2
    assert "3 days" in sick.stdout


def test_failures_as_csv() -> None:
    """`failures --format csv` prints a header and a row for each failing object."""
    run = synctop("failures", "--demo", "--scenario", "conflicts", "--format", "csv")
    lines = run.stdout.splitlines()
    assert run.stderr == ""
    assert len(lines) > 100
    assert "code" in lines[0]
