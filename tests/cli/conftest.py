"""A service and a demo that only pretend, a config file, a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import builders
from tui import cli_options, logs
from tui.model.snapshot import TenantSnapshot
from tui.options import DemoOptions, LiveOptions
from tui.settings import Settings

GUID = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    level, shouting = logging.getLogger().level, logging.raiseExceptions
    yield
    logs.stop()
    logging.getLogger().setLevel(level)
    logging.raiseExceptions = shouting


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the pretended parts were asked, and what they answer."""
    seen = SimpleNamespace(settings=None, demo=None, live=None, lab=None, asked=None, tenants=(builders.healthy(),))

    async def poll_once(settings: Settings, **_: object) -> tuple[TenantSnapshot, ...]:
        seen.settings = settings
        return tuple(seen.tenants)

    async def check_demo(**asked: Any) -> tuple[TenantSnapshot, ...]:
        seen.asked = asked
        return tuple(seen.tenants)

    def run_demo(options: DemoOptions) -> int:
        seen.demo = options
        return 0

    def run_live(settings: Settings, options: LiveOptions) -> int:
        seen.settings, seen.live = settings, options
        return 0

    def run_lab(*asked: Any) -> int:
        seen.lab = asked
        return 0

    demo = SimpleNamespace(check_demo=check_demo, run_demo=run_demo, run_live=run_live, run_lab=run_lab)
    monkeypatch.setitem(sys.modules, "tui.demo", demo)
    monkeypatch.setitem(sys.modules, "tui.service.check", SimpleNamespace(poll_once=poll_once))
    monkeypatch.setattr(cli_options, "scenarios", lambda: ("healthy", "story", "throttled"))
    return seen


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        f'[[tenant]]\nname = "contoso"\ntenant_id = "{GUID}"\n[[tenant]]\nname = "fabrikam"\ntenant_id = "{GUID}"\n'
    )
    return path


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    on = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(sys, "__stdin__", on)
    monkeypatch.setattr(sys, "__stderr__", on)
