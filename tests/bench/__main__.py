"""Prints the program's figures as a Markdown table, beside those of a yardstick on the same machine in the same run:
a bare Textual program, or with `directories` the directory servers' own speed."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

from tests.bench import directories, terminal
from tests.bench.in_process import many_failures
from tests.bench.terminal import Meter

TOOL = "TTYBENCH"
IDLE_S = 60


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, prog="python -m tests.bench")
    asked.add_argument("--ttybench", type=Path, default=os.environ.get(TOOL), help=f"ttybench.py (or set {TOOL})")
    asked.add_argument("--runs", type=int, default=5, help="starts of which the median is told")
    parts = asked.add_subparsers(dest="part")
    servers = parts.add_parser("directories", help="the sync and the monitor over real directory servers, as root")
    servers.add_argument("--samba", type=int, default=10_000, help="users in Samba AD; 0 leaves it out")
    servers.add_argument("--slapd", type=int, default=100_000, help="users in slapd; 0 leaves it out")
    servers.add_argument("--quick", action="store_true", help="a tenth of the users, and of the time of changes")
    options = asked.parse_args()
    if options.part is not None:
        # Ended from outside, it still stops its servers.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        of_ten = 1 if options.quick else 10
        rows = directories.rows(options.samba * of_ten // 10, options.slapd * of_ten // 10, 6 * of_ten)
        _print("beside the server's own speed", rows)
        return
    if options.ttybench is None:
        asked.error(f"where is ttybench.py? give --ttybench or set {TOOL}")
    _print("beside a bare Textual program", _rows(Meter(Path(options.ttybench)), options.runs))


def _print(yardstick: str, rows: Iterable[tuple[str, str, str]]) -> None:
    print(f"| what | measured | {yardstick} |\n| --- | --- | --- |", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def _rows(meter: Meter, runs: int) -> Iterator[tuple[str, str, str]]:
    # In pairs, so that both meet the same load of the machine.
    pairs = [(terminal.first_frame(meter), terminal.bare(meter)) for _ in range(runs)]
    ours, theirs = (median(pair[side]["ready_s"] for pair in pairs) for side in (0, 1))
    yield "first frame with data, `synctop demo`", f"{ours:.2f} s", f"{ours / theirs:.1f} x ({theirs:.2f} s)"
    rss, bare_rss = (median(pair[side]["rss_mib"] for pair in pairs) for side in (0, 1))
    yield "memory, `synctop demo`", f"{rss:.0f} MiB", f"{rss / bare_rss:.1f} x ({bare_rss:.0f} MiB)"
    idle = terminal.healthy(meter, IDLE_S)
    yield "idle, healthy, 120x40: CPU", f"{idle['idle_cpu']:.1%} of a core", ""
    yield "idle, healthy, 120x40: written to the terminal", f"{idle['idle_bps']:.0f} bytes/s", ""
    many = terminal.many(meter)
    for key in ("down", "pagedown"):
        waits = many[f"key_ms[{key}]"]
        told = f"p50 {waits['first_p50']:.0f} ms, p95 {waits['first_p95']:.0f} ms"
        yield f"`{key}` to the first byte, 100,000 failures", told, ""
    yield "memory, 100,000 failures and the lab that makes them", f"{many['rss_mib']:.0f} MiB", ""
    first, again, hold, failures = many_failures()
    yield f"{failures:,} failures read, merged and judged", f"{first:.1f} s of CPU; again {again:.1f} s", ""
    yield "longest hold of the event loop meanwhile, the lab's share included", f"{hold:.0f} ms", ""


if __name__ == "__main__":
    main()
