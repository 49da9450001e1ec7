"""`synctop sync` as a process: what it publishes while its directory is away, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.terminal import SYNCTOP

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not SYNCTOP.exists(), reason=f"{SYNCTOP} is not installed")]

CONFIG = """
[poll]
timeout = 3
[[tenant]]
name = "contoso"
tenant_id = "00000000-0000-0000-0000-000000000001"
graph_url = "http://127.0.0.1:{free[0]}"
arm_url = "http://127.0.0.1:{free[1]}"
[tenant.auth]
method = "token-command"
command = ["echo", "any-token"]
[tenant.cloud_sync]
enabled = false
[tenant.domain_services]
subscription_id = "00000000-0000-0000-0000-000000000002"
[tenant.sync]
url = "ldap://127.0.0.1:{free[2]}"
bind_user = "cn=sync"
password_env = "SYNC_PASSWORD"
state_file = "state.sqlite"
listen = "127.0.0.1:{free[1]}"
"""


def free_ports(number: int) -> list[int]:
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in listening]
    for one in listening:
        one.close()
    return ports


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither tenant nor directory answers."""
    monkeypatch.setenv("SYNC_PASSWORD", "secret")
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(free=free_ports(3)))
    return path


def command(config: Path, *words: str) -> list[str]:
    return [str(SYNCTOP), *words, "--config", str(config)]


@pytest.fixture
def running(config: Path) -> Iterator[subprocess.Popen[str]]:
    """A sync that has met its first trouble."""
    with subprocess.Popen(
        command(config, "sync"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "directory: " in line:
                break
        yield process
        process.kill()


def test_the_monitor_sees_what_the_sync_knows(running: subprocess.Popen[str], config: Path) -> None:
    """While its directory is away the sync goes on, and `check` says so with the remedy, as of Microsoft's."""
    run = subprocess.run(command(config, "check"), capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 2
    assert "AADDS104 The sync cannot reach the managed domain" in run.stdout
    assert running.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_seconds(running: subprocess.Popen[str], number: signal.Signals) -> None:
    """Exit 0 as it was asked to end, nothing on stdout, and no traceback on stderr."""
    began = time.monotonic()
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0
    assert time.monotonic() - began < 8
    assert out == ""
    assert err.endswith("stopped; the next start goes on from here\n")


def test_a_second_sync_on_the_same_state_is_refused(running: subprocess.Popen[str], config: Path) -> None:
    """Two syncs never work on one state file: the second ends at once, with one line and exit 2."""
    run = subprocess.run(command(config, "sync"), capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 2
    assert run.stderr.startswith("synctop: Another sync works on the state file ")
    assert run.stderr.count("\n") == 1


def test_once_says_what_is_unreachable(config: Path) -> None:
    """A single round against a directory that is away exits 3 and names it."""
    run = subprocess.run(command(config, "sync", "--once"), capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 3
    assert "directory: 127.0.0.1:" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
