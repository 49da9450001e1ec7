"""Fixtures of the sync's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers import ManualClock
from tests.sync.bench import Bench


@pytest.fixture
def bench(clock: ManualClock) -> Iterator[Bench]:
    made = Bench(clock, page_size=3)
    yield made
    made.close()
