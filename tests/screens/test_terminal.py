"""The terminal around the program, with a real pseudo-terminal where that matters."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import termios
import time
from pathlib import Path

import pytest

from tui.terminal import LARGEST_COPY, clipboard_sequence, colour_choice, speaks_utf8, terminal_is_gone

REPLAY = Path(__file__).parent / "replay_app.py"
LONGEST_WAIT_S = 20.0
COLS, ROWS = 120, 40


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LANG": "en_US.ISO-8859-1"}, False),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "", "LC_CTYPE": "de_DE.UTF-8", "LANG": "C"}, True),
        ({"LANG": "POSIX"}, False),
    ],
)
def test_locale(environ: dict[str, str], expected: bool) -> None:
    """ASCII is drawn unless the locale that counts is UTF-8."""
    assert speaks_utf8(environ) is expected


@pytest.mark.parametrize(
    ("environ", "chosen", "expected"),
    [
        ({}, None, "ansi"),
        ({"NO_COLOR": "1"}, None, "none"),
        ({"NO_COLOR": ""}, None, "ansi"),
        ({"NO_COLOR": "1"}, "nord", "nord"),
    ],
)
def test_colours(environ: dict[str, str], chosen: str | None, expected: str) -> None:
    """The terminal's own colours by default, none with NO_COLOR, a theme where one was asked for."""
    assert colour_choice(environ, chosen) == expected


def test_clipboard_has_a_limit() -> None:
    """What no terminal would take is refused instead of being cut."""
    assert clipboard_sequence("jä") == "\x1b]52;c;asOk\a"
    assert clipboard_sequence("x" * (LARGEST_COPY + 1)) is None


def test_terminal_gone() -> None:
    """A terminal whose other side is closed is noticed; a living one is not."""
    ours, theirs = pty.openpty()
    assert not terminal_is_gone(theirs)
    os.close(ours)
    assert terminal_is_gone(theirs)
    os.close(theirs)


class Terminal:
    """The replay program in a pseudo-terminal."""

    def __init__(self, *, ignore_hangup: bool = False) -> None:
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if ignore_hangup:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
            termios.tcsetwinsize(0, (ROWS, COLS))
            os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
            os.execv(sys.executable, [sys.executable, str(REPLAY)])

    def until(self, text: bytes) -> None:
        end = time.monotonic() + LONGEST_WAIT_S
        while text not in self.output and time.monotonic() < end:
            self._read(0.1)
        assert text in self.output

    def _read(self, wait: float) -> None:
        ready, _, _ = select.select([self.fd], [], [], wait)
        if ready:
            try:
                self.output += os.read(self.fd, 65536)
            except OSError:
                self.fd = os.open(os.devnull, os.O_RDONLY)

    def exit_code(self) -> int:
        """Waits for the end, reading what is still written."""
        end = time.monotonic() + LONGEST_WAIT_S
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            self._read(0.02)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        pytest.fail("the program did not end")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_end_the_program(number: signal.Signals, code: int) -> None:
    """SIGTERM and SIGHUP end the program within a second or two, with the terminal restored and their own code."""
    terminal = Terminal()
    terminal.until(b"FAILURES")
    os.kill(terminal.pid, number)
    started = time.monotonic()
    assert terminal.exit_code() == code
    assert time.monotonic() - started < 5
    assert b"\x1b[?1049l" in terminal.output
    assert b"Traceback" not in terminal.output


def test_a_terminal_that_is_gone_ends_the_program() -> None:
    """Even where SIGHUP was ignored, a program whose terminal is closed does not live on."""
    terminal = Terminal(ignore_hangup=True)
    terminal.until(b"FAILURES")
    os.close(terminal.fd)
    terminal.fd = os.open(os.devnull, os.O_RDONLY)
    assert terminal.exit_code() == 129


def test_mouse_is_off_until_asked_for() -> None:
    """No mouse report is switched on, so that the terminal's own selection works."""
    terminal = Terminal()
    terminal.until(b"FAILURES")
    assert b"\x1b[?1000h" not in terminal.output
    os.write(terminal.fd, b"m")
    terminal.until(b"\x1b[?1000h")
    os.write(terminal.fd, b"q")
    assert terminal.exit_code() == 0
    assert terminal.output.rindex(b"\x1b[?1000l") > terminal.output.rindex(b"\x1b[?1000h")
