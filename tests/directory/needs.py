"""What must be installed. Elsewhere the tests skip and say why; in CI, where it must be there, they fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.directory.server import found

PACKAGES = Path(__file__).with_name("packages.txt").read_text().split()
SAMBA_PROGRAMS = ("samba", "samba-tool", "ldbmodify", "ldapmodify", "setpriv")
SLAPD_PROGRAMS = ("slapd", "slapadd", "ldapmodify", "setpriv")


def need(*programs: str, root: bool = False) -> None:
    missing = [program for program in programs if found(program) is None]
    if missing:
        _give_up(f"{', '.join(missing)} not found: apt-get install --no-install-recommends {' '.join(PACKAGES)}")
    if root and os.geteuid() != 0:
        _give_up("Samba listens on ports 389 and 636: run these tests as root")


def _give_up(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
