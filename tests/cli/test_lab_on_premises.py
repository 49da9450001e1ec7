"""`synctop lab --on-premises`: which directory it reads, and what is asked for first."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.conftest import GUID
from tui import cli

DIRECTORY = '[tenant.on_premises]\nurl = "ldaps://{}"\n'


def config(folder: Path, *hosts: str | None) -> str:
    path = folder / "config.toml"
    tenants = (
        f'[[tenant]]\nname = "t{number}"\ntenant_id = "{GUID}"\n' + (DIRECTORY.format(host) if host else "")
        for number, host in enumerate(hosts)
    )
    path.write_text("".join(tenants))
    return str(path)


def test_it_reads_the_directory_that_the_config_names(upstream: SimpleNamespace, tmp_path: Path) -> None:
    """The other tenants of the file do not matter."""
    assert cli.run(["lab", "--on-premises", "--config", config(tmp_path, None, "dc1")]) == 0
    assert upstream.lab[3].url == "ldaps://dc1"


@pytest.mark.parametrize(
    ("hosts", "arguments", "code", "says"),
    [
        ((None,), [], 78, "the config has none"),
        (("dc1", "dc2"), [], 78, "several; choose one with --tenant NAME"),
        (("dc1",), ["--scenario", "story"], 64, "leave it out with --on-premises"),
    ],
)
def test_it_says_what_it_needs(
    upstream: SimpleNamespace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    hosts: tuple[str | None, ...],
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    """One line, and nothing is started."""
    assert cli.run(["lab", "--on-premises", "--config", config(tmp_path, *hosts), *arguments]) == code
    assert says in capsys.readouterr().err
    assert upstream.lab is None
