"""When Python looks for reference cycles: rarely, where many values without cycles come and go."""

from __future__ import annotations

import gc

# With the defaults, reading 100,000 failures spends a second on collections of up to 65 ms, and a full sync a tenth of
# its time. Rare collections of everything still find every cycle.
THRESHOLDS = (10_000, 20, 100)


def collect_rarely() -> None:
    """What exists by now is taken to stay."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
