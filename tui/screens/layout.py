"""How many lines each part of the overview gets: pure, by the size of the terminal alone, so that nothing moves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

SPLIT_FROM = (160, 30)
COMPACT_BELOW = (60, 18)
HOPS = 5
COUNTS = 6
LEAST_LIST = 6
# Every source that there is.
POLLING = 11


class Zoom(StrEnum):
    """One part over the whole screen."""

    NONE = ""
    FAILURES = "failures"
    COUNTS = "counts"


class Layout(Struct, frozen=True):
    """`heights`: lines of each part; a part not named is not shown, and 0 takes what is left of its column."""

    compact: bool
    split: bool
    left_width: int
    heights: Mapping[str, int]


def arrange(width: int, height: int, *, tenants: int, banner: int, zoom: Zoom) -> Layout:
    """`banner`: the lines it would take."""
    compact = width < COMPACT_BELOW[0] or height < COMPACT_BELOW[1]
    split = width >= SPLIT_FROM[0] and height >= SPLIT_FROM[1] and zoom is Zoom.NONE
    top = _top(height, compact=compact, strip=tenants > 1 and width < 140, banner=banner)
    rest = height - sum(top.values())
    if zoom is Zoom.FAILURES:
        body = _zoomed_failures(rest)
    elif zoom is Zoom.COUNTS:
        body = {"counts": rest}
    elif compact:
        body = _compact(rest)
    elif split:
        body = {**_left(rest), **_right(rest)}
    else:
        body = _stacked(rest)
    return Layout(compact, split, min(width // 2 + 4, 110), {**top, **body})


def _top(height: int, *, compact: bool, strip: bool, banner: int) -> dict[str, int]:
    """The lines above the body, and the footer."""
    parts = {"footer": 1} if height >= 5 else {}
    if compact:
        parts["top"] = 1
        if banner and height >= 9:
            parts["banner"] = 1
        return parts
    parts |= {"top": 1, "second": 1}
    if banner and height >= 20:
        parts["banner"] = banner if height >= 24 else 1
    if strip and height >= 20:
        parts["tenants"] = 1
    return parts


def _compact(rest: int) -> dict[str, int]:
    if rest < 9:
        return {"compact": rest}
    return {"compact": 4, "title": 1, "list": 0}


def _zoomed_failures(rest: int) -> dict[str, int]:
    return {"title": 1, "header": 1, "list": 0, "tail": 1} if rest > 4 else {"title": 1, "list": 0}


def _stacked(rest: int) -> dict[str, int]:
    """One column: hops, counts, then the failures; with more height the reasons, a detail, the events, the runs."""
    feed = {"title": 1, "header": 1, "list": 0, "tail": 1}
    spare = rest - HOPS - COUNTS - 3 - LEAST_LIST
    if spare < -3:
        feed = {"title": 1, "list": 0}
    parts = {"hops": HOPS, "counts": COUNTS}
    for name, lines, least in (("why", 8, 9), ("detail", 10, 11), ("events", 6, 8), ("runs", 6, 16)):
        if spare >= least:
            parts[name] = lines
            spare -= lines
    return {**parts, **feed}


def _left(rest: int) -> dict[str, int]:
    counts = COUNTS + 1
    spare = rest - HOPS - counts - 3
    parts = {"hops": HOPS, "gap1": 1, "counts": counts, "gap2": 1, "why": 8, "gap3": 1}
    spare -= 8
    if spare >= 14:
        parts |= {"runs": min(9, spare // 2), "gap4": 1}
    return {**parts, "events": 0}


def _right(rest: int) -> dict[str, int]:
    parts = {"title": 1, "header": 1, "list": 0, "tail": 1}
    spare = rest - 3 - 10
    if spare >= 10:
        parts["detail"] = min(16, spare - 2)
        spare -= parts["detail"]
    if spare >= 9:
        parts["polling"] = min(POLLING, spare)
    return parts
