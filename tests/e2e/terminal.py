"""The installed program in a real terminal: a tmux server of the test's own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 30.0
SYNCTOP = Path(sys.executable).with_name("synctop")


class Terminal:
    """One tmux session with one pane. Waiting means looking at the screen until it shows what is awaited."""

    def __init__(self, folder: Path, command: str, cols: int, rows: int, env: dict[str, str]) -> None:
        self._socket = folder / "tmux"
        self.tmux("new-session", "-d", "-s", "t", "-x", str(cols), "-y", str(rows), f"exec env {_words(env)} {command}")
        self.tmux("set-option", "-g", "remain-on-exit", "on")
        self.tmux("set-option", "-g", "status", "off")

    def tmux(self, *words: str) -> str:
        run = subprocess.run(
            ["tmux", "-f", "/dev/null", "-u", "-S", str(self._socket), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
        )
        return run.stdout

    def screen(self, *, escapes: bool = False) -> str:
        return self.tmux("capture-pane", "-p", *(["-e"] if escapes else []), "-t", "t")

    def keys(self, *names: str) -> None:
        self.tmux("send-keys", "-t", "t", *names)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-t", "t", "-l", text)

    def resize(self, cols: int, rows: int) -> None:
        self.tmux("resize-window", "-t", "t", "-x", str(cols), "-y", str(rows))

    def until(self, seen: str | Callable[[str], bool], patience_s: float = PATIENCE_S) -> str:
        """The screen once it shows `seen`; fails with the screen as it is when it never does."""
        holds = seen if callable(seen) else lambda screen: seen in screen
        end = time.monotonic() + patience_s
        screen = ""
        while time.monotonic() < end:
            screen = self.screen()
            if holds(screen):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"the screen never showed {seen!r}; it shows:\n{screen}")

    def pane(self, field: str) -> str:
        return self.tmux("display-message", "-p", "-t", "t", f"#{{{field}}}").strip()

    def pid(self) -> int:
        return int(self.pane("pane_pid"))

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid(), number)

    def exit_status(self, patience_s: float = PATIENCE_S) -> int:
        """The program's exit status, once it has ended; 128 + n when a signal killed it."""
        pid, end = self.pid(), time.monotonic() + patience_s
        while time.monotonic() < end:
            status = self._status(pid)
            if status is not None:
                return status
            time.sleep(0.05)
        raise AssertionError(f"the program goes on; it shows:\n{self.screen()}")

    def _status(self, pid: int) -> int | None:
        if self.pane("pane_dead") == "1" and (told := self.pane("pane_dead_status")):
            return int(told)
        # tmux is at times slow to collect its child, whose status the kernel holds until then.
        try:
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # collected just now: tmux tells the next time
            return None
        return os.waitstatus_to_exitcode(int(fields[-1])) % 256 if state == "Z" else None

    def kill(self) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False, timeout=20)


def missing() -> str | None:
    """What these tests lack on this machine."""
    if shutil.which("tmux") is None:
        return "tmux is not installed"
    return None if SYNCTOP.exists() else f"{SYNCTOP} is not installed"


def _words(env: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in env.items())
