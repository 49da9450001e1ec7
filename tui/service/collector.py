"""Keeps the garbage collector from holding the event loop: with 100,000 failures alive one full collection takes
some 200 ms. Failures hold no cycles, so reference counting alone frees them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 10_000
MERGES_BETWEEN_FULL_COLLECTIONS = 50


class Collector:
    """Pauses collection while many objects are made, then sets them aside from later collections."""

    def __init__(self) -> None:
        self._merges = 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        was_on = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was_on:
                gc.enable()

    def set_aside(self, number: int) -> None:
        """After `number` objects were kept. Now and then all is given back, so that old cycles are found too."""
        if number < MANY:
            return
        self._merges += 1
        gc.collect(1)
        if self._merges % MERGES_BETWEEN_FULL_COLLECTIONS == 0:
            gc.unfreeze()
        else:
            gc.freeze()
