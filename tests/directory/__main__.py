"""`python -m tests.directory chain`: the whole chain on one machine, with the monitor over it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.directory.chain import run_chain


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.directory", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    chain = commands.add_parser("chain", help="run the whole chain, with the monitor in the foreground")
    chain.add_argument("--people", type=_people, default=30, metavar="N", help="5 to 500 people; default 30")
    chain.add_argument("--keep", type=Path, metavar="DIR", help="leave config, logs and state here")
    chosen = parser.parse_args()
    return run_chain(chosen.keep, chosen.people)


def _people(text: str) -> int:
    number = int(text)
    if not 5 <= number <= 500:
        raise argparse.ArgumentTypeError("must be 5 to 500")
    return number


if __name__ == "__main__":
    sys.exit(main())
