"""Fixtures for every test: no network, no user config, a clean environment, a clock moved by hand."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers import ManualClock

# How fast an example runs says how busy the machine is, and nothing about what is tested.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

SHARED = Path(os.environ.get("SYNCTOP_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of official API descriptions and sample answers; absent, its tests skip, but never in CI."""
    if not SHARED.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"{SHARED} is missing: the contract tests cannot run")
        pytest.skip(f"{SHARED} is not here: it holds the official API descriptions")
    return SHARED


@pytest.fixture(autouse=True)
def clean_environ(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in list(os.environ):
        if name.startswith(("SYNCTOP_", "AZURE_", "HTTP_", "HTTPS_", "http_", "https_", "NO_COLOR", "ALL_PROXY")):
            monkeypatch.delenv(name, raising=False)
    # A worker's idea of a terminal is not that of the terminal a program is tried in.
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path_factory.mktemp("home")
    for name, folder in (("HOME", home), ("XDG_CONFIG_HOME", home / "config"), ("XDG_STATE_HOME", home / "state")):
        monkeypatch.setenv(name, str(folder))


@pytest.fixture(autouse=True)
def no_outside_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not address[0].startswith("127.") and address[0] not in ("::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        real(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Half a character in captured output must not stop a worker from telling its result."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode("utf-8")) for name, text in report.sections
    ]
    return report
