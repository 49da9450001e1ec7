"""The log file: only when asked for, bounded, private, and without secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui import logs

TOKEN = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJncmFwaCJ9.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logging, "raiseExceptions", True)
    level = logging.getLogger().level
    yield
    logs.stop()
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***"),
        ("header 'bearer abc.def~x', next", "header 'bearer ***', next"),
        (f"token {TOKEN} refused", "token *** refused"),
        ('{"access_token": "abc", "x": 1}', '{"access_token": "***", "x": 1}'),
        ("client_id=app&client_secret=p%40ss&scope=x", "client_id=app&client_secret=***&scope=x"),
        ("password='hunter2' bind", "password='***' bind"),
        ("https://x/y?sig=AbC&se=2026", "https://x/y?sig=***&se=2026"),
        ("status_code: 403 from graph", "status_code: 403 from graph"),
    ],
)
def test_secrets_are_struck_out(text: str, kept: str) -> None:
    """Tokens, passwords and signatures never reach the log; the words around them do."""
    assert logs.redacted(text) == kept


@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_token_is_struck_out_wherever_it_stands(before: str, after: str) -> None:
    """Nothing of a token's payload or signature survives, whatever stands around it."""
    left = logs.redacted(f"{before} {TOKEN} {after}")
    assert "eyJhdWQiOiJncmFwaCJ9" not in left
    assert "c2lnbmF0dXJl" not in left


def test_a_traceback_is_redacted_too(tmp_path: Path) -> None:
    """An exception that carries a token is logged without it."""
    file = tmp_path / "synctop.log"
    logs.start(file)
    try:
        raise ValueError(f"bad header Bearer {TOKEN}")
    except ValueError:
        logging.getLogger("x").exception("sign-in failed with %s", TOKEN)
    text = file.read_text()
    assert "sign-in failed" in text
    assert "ValueError: bad header Bearer ***" in text
    assert "eyJ" not in text


def test_the_log_rotates_at_one_mebibyte(tmp_path: Path) -> None:
    """However much is logged, the files stay bounded, and only their owner may read them."""
    file = tmp_path / "synctop.log"
    logs.start(file)
    for _ in range(60):
        logging.getLogger("x").error("y" * 100_000)
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 1 + logs.KEPT_LOGS
    assert all(each.stat().st_size <= logs.LARGEST_LOG for each in kept)
    assert {each.stat().st_mode & 0o777 for each in kept} == {0o600}


def test_without_a_file_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A library that logs an error does not write over the live screen."""
    logs.start(None)
    logging.getLogger("asyncio").error("Task was destroyed but it is pending!")
    assert capsys.readouterr() == ("", "")
    assert logs.current_file() is None


def test_a_lone_surrogate_does_not_stop_the_log(tmp_path: Path) -> None:
    """What cannot be encoded is written as an escape."""
    file = tmp_path / "synctop.log"
    logs.start(file)
    logging.getLogger("x").warning("name %s", "\ud800")
    assert "name \\ud800" in file.read_text()
    assert logs.current_file() == file


def test_a_lower_level_is_left_out(tmp_path: Path) -> None:
    """The level chosen on the command line is the log's."""
    file = tmp_path / "synctop.log"
    logs.start(file, "warning")
    logging.getLogger("x").info("chatter")
    logging.getLogger("x").warning("matter")
    assert "matter" in file.read_text()
    assert "chatter" not in file.read_text()
