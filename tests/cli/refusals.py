"""What a command that refuses says."""

from __future__ import annotations

import pytest

from tui import cli


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    """The exit code and the one line on stderr."""
    code = cli.run(args)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("synctop: ")
    assert err.count("\n") == 1
    return code, err.removeprefix("synctop: ").rstrip("\n")
