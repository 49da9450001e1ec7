"""What the screen's tests share: a fixed time zone and stored whole screens."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

STORED = Path(__file__).parent / "text"
# Read before the environment is cleaned for the tests.
UPDATE = bool(os.environ.get("SYNCTOP_UPDATE_SCREENS"))


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is one hour ahead of UTC."""
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class StoredScreens:
    """Whole screens as text files; SYNCTOP_UPDATE_SCREENS=1 rewrites them."""

    def check(self, name: str, text: str) -> None:
        path = STORED / f"{name}.txt"
        if UPDATE:
            path.write_text(text + "\n", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text + "\n"


@pytest.fixture
def stored() -> StoredScreens:
    return StoredScreens()
