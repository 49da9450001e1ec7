"""The terminal around the program: its locale and colours, its clipboard and mouse, and its end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import locale
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from textual.app import App

LARGEST_COPY = 56_000
"""Bytes of text: base64 makes 74,668 of them, and common terminals take up to 74,994."""

SIGNAL_CODES = {signal.SIGHUP: 129, signal.SIGTERM: 143}
# How long an orderly end may take before the process is ended for it.
GRACE_S = 0.8
_GONE_CHECK_S = 1.0

# Mouse off, focus reports off, bracketed paste off, keyboard protocol back, cursor shown, main screen.
_RESTORE = (
    b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[?7h\x1b[?25h\x1b[?1049l\x1b[0m"
)


def speaks_utf8(environ: Mapping[str, str]) -> bool:
    """True where the locale in `environ` is UTF-8; the first of LC_ALL, LC_CTYPE and LANG that is set decides."""
    named = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), None)
    encoding = named if named is not None else locale.getpreferredencoding(False)
    return "utf8" in encoding.casefold().replace("-", "")


def colour_choice(environ: Mapping[str, str], chosen: str | None) -> str:
    """What was asked for; else `none` where NO_COLOR is set and not empty (no-color.org), else `ansi`."""
    if chosen:
        return chosen
    return "none" if environ.get("NO_COLOR") else "ansi"


@contextlib.contextmanager
def no_color(wanted: bool) -> Iterator[None]:
    """NO_COLOR as Textual reads it, once, while an app is made: it takes an empty one for set."""
    before = os.environ.pop("NO_COLOR", None)
    if wanted:
        os.environ["NO_COLOR"] = "1"
    yield
    os.environ.pop("NO_COLOR", None)
    if before is not None:
        os.environ["NO_COLOR"] = before


def clipboard_sequence(text: str) -> str | None:
    """OSC 52 that puts `text` on the terminal's clipboard; None where it is too long for that."""
    raw = text.encode("utf-8", errors="replace")
    if len(raw) > LARGEST_COPY:
        return None
    return f"\x1b]52;c;{base64.b64encode(raw).decode('ascii')}\a"


def set_mouse(app: App[Any], on: bool) -> None:
    """Clicks and the wheel, no movement. The driver must know, so that it switches reports off at the end."""
    driver = app._driver  # Textual has no public way to the running driver
    if driver is None:
        return
    if hasattr(driver, "_mouse"):
        driver._mouse = on
    flag = "h" if on else "l"
    driver.write(f"\x1b[?1000{flag}\x1b[?1006{flag}")
    driver.flush()


def run_app(app: App[int]) -> int:
    """Run `app` until it ends; its exit code, 129 after SIGHUP, 143 after SIGTERM.

    Signals are taken by plain handlers, not by the event loop: a terminal that no longer reads blocks the loop, and
    then the loop's own handlers never run (facts/anchors.md 0.3).
    """
    return asyncio.run(_run(app))


async def _run(app: App[int]) -> int:
    loop = asyncio.get_running_loop()
    ended = threading.Event()

    def end(code: int) -> None:
        threading.Thread(target=_end_hard, args=(ended, code), daemon=True).start()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: app.exit(return_code=code))

    def on_signal(number: int, frame: FrameType | None) -> None:
        end(SIGNAL_CODES[signal.Signals(number)])

    for number in SIGNAL_CODES:
        signal.signal(number, on_signal)
    threading.Thread(target=_watch_terminal, args=(ended, end), daemon=True).start()
    try:
        await app.run_async(mouse=False)
    finally:
        ended.set()
    return app.return_code or 0


def _end_hard(ended: threading.Event, code: int) -> None:
    if not ended.wait(GRACE_S):
        restore_terminal()
        os._exit(code)


def restore_terminal() -> None:
    """The last resort: leave the terminal usable without waiting for anything."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = sys.__stderr__.fileno() if sys.__stderr__ else 2
        os.set_blocking(descriptor, False)
        os.write(descriptor, _RESTORE)


def _watch_terminal(ended: threading.Event, end: Callable[[int], None]) -> None:
    """End the program whose terminal is gone, also where SIGHUP was ignored or never came."""
    while not ended.wait(_GONE_CHECK_S):
        if terminal_is_gone():
            end(SIGNAL_CODES[signal.SIGHUP])
            return


def terminal_is_gone(descriptor: int = 0) -> bool:
    """True where the other side of the terminal has hung up."""
    poll = select.poll()
    try:
        poll.register(descriptor, 0)
        return any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))
    except OSError:
        return True
