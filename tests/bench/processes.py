"""Programs that run beside the benchmark, and what they cost."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

GRACE_S = 10.0
LOOK_S = 0.02


class Cost(Struct, frozen=True):
    """Of one program: wall and CPU seconds, largest resident memory in MiB."""

    seconds: float
    cpu_s: float
    rss_mib: float


@contextmanager
def running(*command: str | Path, log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program in the background, that ends with us at the latest."""
    with Path(log or os.devnull).open("ab") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def measured(*command: str | Path, log: Path) -> Cost:
    """Run a program to its end. Raises `RuntimeError` with the end of its output where it fails."""
    began, rss_mib = time.monotonic(), 0.0
    with running(*command, log=log) as process:
        # What wait4 tells of memory begins with that of the process which forked.
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            with suppress(ProcessLookupError):
                rss_mib = memory_mib(process.pid)
            time.sleep(LOOK_S)
        seconds = time.monotonic() - began
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {log.read_text()[-2000:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, rss_mib)


def memory_mib(process: int) -> float:
    """The largest resident memory that a living process has had."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(process)
