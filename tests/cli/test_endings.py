"""How a command ends when something is in its way: a stuck upstream, a full disk, a closed pipe, a bug."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import builders
from tests.cli.refusals import refusal
from tui import answers, cli
from tui.model.snapshot import TenantSnapshot
from tui.settings import Settings


def test_an_unexpected_error_shows_no_traceback(
    upstream: SimpleNamespace, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with advice and exit 70; the traceback goes to the log file alone, and no secret with it."""
    upstream.tenants = None  # what the service would never return
    code, line = refusal(capsys, "check", "--config", str(config))
    assert code == 70
    assert line == "unexpected error (TypeError); run it again with --log-file FILE to record the details"
    file = tmp_path / "synctop.log"
    code, line = refusal(capsys, "check", "--config", str(config), "--log-file", str(file))
    assert code == 70
    assert str(file) in line
    assert "Traceback" in file.read_text()


def test_check_answers_although_the_service_never_does(
    upstream: SimpleNamespace,
    config: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stuck name lookup that blocks the loop itself ends in "unknown" on time, in text and in JSON."""
    released = threading.Event()

    async def stuck(settings: Settings, **_: object) -> tuple[TenantSnapshot, ...]:
        released.wait(60)
        return ()

    monkeypatch.setattr(sys.modules["tui.service.check"], "poll_once", stuck)
    monkeypatch.setattr(answers, "BEYOND_TIMEOUT_S", -9.95)
    assert cli.run(["check", "--config", str(config)]) == 3
    assert "SYNCTOP UNKNOWN - contoso: nothing answered within" in capsys.readouterr().out
    assert cli.run(["check", "--config", str(config), "--format", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert [tenant["verdict"] for tenant in document["tenants"]] == ["unknown", "unknown"]
    assert document["tenants"][0]["failures_total"] is None
    assert cli.run(["failures", "--config", str(config)]) == 3
    assert "nothing answered within" in capsys.readouterr().err
    released.set()


def test_the_answer_comes_before_the_loop_has_closed() -> None:
    """Threads that are stuck when the poll is done do not hold the answer back."""
    released = threading.Event()

    async def poll() -> str:
        asyncio.get_running_loop().run_in_executor(None, released.wait, 60)
        return "answer"

    assert answers.within(30, poll()) == "answer"
    released.set()


def test_ctrl_c_is_quiet(upstream: SimpleNamespace, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupting is exit 130 without a traceback."""

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(answers, "within", interrupted)
    with pytest.warns(RuntimeWarning, match="never awaited"):
        assert cli.run(["check", "--config", str(config)]) == 130


def test_a_closed_pipe_is_quiet(
    upstream: SimpleNamespace, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`synctop failures | head -1` ends without a word."""
    upstream.tenants = (builders.many_failures(5_000),)
    read, write = os.pipe()
    os.close(read)
    pipe = os.fdopen(write, "w")
    monkeypatch.setattr(sys, "stdout", pipe)
    assert cli.run(["failures", "--config", str(config), "--format", "jsonl"]) == 141
    monkeypatch.undo()
    with suppress(BrokenPipeError):
        pipe.close()
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_told(
    upstream: SimpleNamespace, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer that could not be written is an error, not exit 0."""
    full = Path("/dev/full").open("w")  # noqa: SIM115 - closing it fails, as it must
    monkeypatch.setattr(sys, "stdout", full)
    code = cli.run(["check", "--config", str(config)])
    monkeypatch.undo()
    with suppress(OSError):
        full.close()
    assert code == 74
    assert "the answer cannot be written: No space left" in capsys.readouterr().err


def test_a_locale_that_cannot_show_a_name_does_not_stop_the_answer(
    upstream: SimpleNamespace, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Characters that the output's encoding lacks come as escapes."""
    upstream.tenants = (builders.healthy("宽contoso"),)
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert cli.run(["check", "--config", str(config)]) == 0
        monkeypatch.undo()
    assert "\\u5bbdcontoso" in (tmp_path / "out").read_text()
