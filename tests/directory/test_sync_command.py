"""`synctop sync` from the command line into a real directory server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.directory.slapd import Slapd
from tests.directory.sync_bench import PASSWORD, DirectoryBench
from tests.helpers import ManualClock
from tests.sync.bench import upstream_of
from tui import cli, cli_sync
from tui.sources.http import Upstream

CONFIG = """
[[tenant]]
name = "contoso"
tenant_id = "00000000-0000-0000-0000-000000000001"
[tenant.sync]
url = "{url}"
bind_user = "{user}"
password_env = "{password}"
ca_file = "{ca}"
state_file = "sync.db"
deletion_threshold = 2
"""


class Command:
    """The command over a tenant of the test's own."""

    def __init__(self, bench: DirectoryBench, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.bench = bench
        self._config = config
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, list[str], list[str]]:
        """Exit code and the lines on stdout and stderr."""
        self._capsys.readouterr()
        code = cli.run(["sync", "--config", str(self._config), *words])
        out, err = self._capsys.readouterr()
        return code, out.splitlines(), err.splitlines()


@pytest.fixture
def command(
    slapd: Slapd,
    tmp_path: Path,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    monkeypatch.setenv(PASSWORD, slapd.admin.password)
    bench = DirectoryBench(slapd, tmp_path, clock)

    def over_asgi(*_: Any) -> Upstream:
        return upstream_of(bench.app, clock)

    monkeypatch.setattr(cli_sync, "upstream_of", over_asgi)
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(url=slapd.url, user=slapd.admin.user, password=PASSWORD, ca=slapd.ca_file))
    return Command(bench, path, capsys)


def test_a_dry_run_tells_what_a_round_then_does(command: Command) -> None:
    """What is announced is what is done: after the round a dry run has nothing left to tell."""
    ada, eve = command.bench.user("ada"), command.bench.user("eve")
    command.bench.group("Sales", [ada, eve])
    code, out, _ = command("--dry-run")
    assert code == 0
    assert sum(line.startswith("add ") for line in out) == 3
    assert any(line.startswith("member-add") and "Sales" in line for line in out)
    assert out[-1].startswith("would be done: 3 add")
    assert command.bench.differences() != []
    assert not (Path(command.bench.settings.state_file)).exists()
    assert command("--once")[0] == 0
    assert command.bench.differences() == []
    assert command("--dry-run")[:2] == (0, ["nothing would change"])


def test_the_brake_holds_until_it_is_released(command: Command) -> None:
    """Three deletions where two are allowed: nothing goes, exit 2, and the line names the option that lets them go."""
    people = [command.bench.user(name) for name in ("ada", "eve", "bob", "dan")]
    assert command("--once")[0] == 0
    for gone in people[:3]:
        command.bench.tenant.soft_delete("user", gone)
    code, _, err = command("--once")
    assert code == 2
    assert err[-1] == "done, 3 deletions held back"
    assert any("--allow-deletions 3" in line for line in err)
    assert command("--dry-run")[1][-1].endswith("held back by the deletion brake: 3 deletions; nothing was written")
    assert command("--once", "--allow-deletions", "3")[0] == 0
    assert command.bench.differences() == []


def test_a_refused_sign_in_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password ends a round with exit 2, names the account, and shows no secret."""
    monkeypatch.setenv(PASSWORD, "wrong-secret")
    code, _, err = command("--once")
    assert code == 2
    assert "refused the sign-in of" in err[-1]
    assert "wrong-secret" not in "".join(err)
    assert command("--dry-run")[0] == 2


def test_an_end_that_is_away_is_unreachable(command: Command, slapd: Slapd) -> None:
    """A stopped server is exit 3, for a round and for a dry run, and nothing is announced as if it were all."""
    command.bench.user("ada")
    slapd.stop()
    assert command("--once")[0] == 3
    code, out, err = command("--dry-run")
    assert (code, out) == (3, [])
    assert slapd.address in err[-1]
