"""`synctop lab` as a server of its own, watched by `synctop check` over real HTTP."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.terminal import SYNCTOP

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not SYNCTOP.exists(), reason=f"{SYNCTOP} is not installed")]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
def lab_config(tmp_path: Path) -> Iterator[Path]:
    """The config file that a running lab with failing objects tells on stderr."""
    address = f"127.0.0.1:{free_port()}"
    command = [str(SYNCTOP), "lab", "--listen", address, "--scenario", "conflicts", "--state", str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        told = []
        for line in server.stderr:
            told.append(line)
            if line == "enabled = true\n":
                break
        file = tmp_path / "config.toml"
        file.write_text("".join(told[1:]))
        yield file
        server.send_signal(signal.SIGINT)
        assert server.wait(20) in (0, 130)
        assert server.stdout is not None
        assert server.stdout.read() == "", "nothing but an answer belongs on stdout"


def synctop(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(SYNCTOP), *words], capture_output=True, text=True, check=False, timeout=60)


def test_the_lab_is_watched_like_a_tenant(lab_config: Path) -> None:
    """`check` over HTTP sees the lab's hops, counts and failing objects, and exits with the verdict."""
    run = synctop("check", "--format", "json", "--config", str(lab_config))
    tenant = json.loads(run.stdout)["tenants"][0]
    assert run.returncode == 1
    assert {hop["hop"]: hop["state"] for hop in tenant["hops"]} == {
        "connect": "ok",
        "password": "ok",
        "domain-services": "ok",
    }
    assert tenant["failures_total"] > 100
    assert all(row["entra"] for row in tenant["counts"])
    assert {source["state"] for source in tenant["sources"]} <= {"ok", "not-configured"}


def test_failures_have_the_same_ids_every_time(lab_config: Path) -> None:
    """A failure keeps its id from one run to the next."""

    def ids() -> set[str]:
        run = synctop("failures", "--format", "jsonl", "--config", str(lab_config))
        return {json.loads(line)["id"] for line in run.stdout.splitlines()}

    first, second = ids(), ids()
    assert len(first & second) > 100
    assert len(first ^ second) < len(first) / 10


def test_a_taken_port_is_a_usage_error(lab_config: Path) -> None:
    """A second lab on the same port says so in one line and exits 64."""
    address = lab_config.read_text().partition("http://")[2].partition('"')[0]
    run = synctop("lab", "--listen", address)
    assert run.returncode == 64
    assert run.stderr.count("\n") == 1
    assert "cannot listen" in run.stderr
