"""Foreign text is cleaned here, once, where it enters; ages and counts become words here and nowhere else."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime

LONGEST_TEXT = 4096
LONGEST_DURATION_S = 100_000 * 86400.0

# Cc: control and escape bytes. Cf: bidi marks, zero-width and tag characters. Cs: lone surrogates.
# Co, Cn: private use and unassigned, whose width no two terminals agree on. Zl, Zp: line separators.
_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ESCAPE_SEQUENCE = re.compile(
    r"\x1b\][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC: title, clipboard, links
    r"|[\x1b][PX^_][^\x1b\x9c]*(?:\x1b\\|\x9c)?"  # DCS, SOS, PM, APC
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI
    r"|\x1b[ -/]*[0-~]?"  # two-byte escapes
)
_SPACES = re.compile(r"\s+")


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """`text` as one line that is safe to print: no escape sequences, control, bidi or unpaired surrogate characters.

    Spaces of every kind become one; at most `longest` characters, with an ellipsis where some were cut off.
    """
    if text.isascii() and text.isprintable() and len(text) <= longest:
        return " ".join(text.split()) if "  " in text else text.strip()
    cut = text[: longest * 2]
    spaced = _SPACES.sub(" ", _ESCAPE_SEQUENCE.sub("", cut))
    kept = "".join(char for char in spaced if unicodedata.category(char) not in _DROPPED_CATEGORIES)
    kept = " ".join(unicodedata.normalize("NFC", kept).split())
    if len(kept) <= longest and len(cut) == len(text):
        return kept
    return kept[: longest - 1].rstrip() + "…"


def duration(seconds: float | None) -> str:
    """Fixed-width-friendly age or lag of at most seven characters: `48s`, `6m40s`, `3h07m`, `3d04h`.

    `-` for None or NaN. What is longer than seven characters can tell, infinity included, is `>99999d`.
    """
    if seconds is None or math.isnan(seconds):
        return "-"
    if seconds >= LONGEST_DURATION_S:
        return ">99999d"
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole}s"
    minutes, secs = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{secs:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02d}m"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02d}h" if days < 1000 else f"{days}d"


def span(seconds: float) -> str:
    """A length of time in words for a sentence: `48 seconds`, `3 hours`, `3 days`."""
    from humanize import naturaldelta

    return naturaldelta(seconds)


def limit(seconds: float) -> str:
    """A configured limit, shortest exact form: `90s`, `45m`, `3h`, `3d`; `-` for none (infinity)."""
    if not math.isfinite(seconds):
        return "-"
    whole = int(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if whole >= size and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def count(value: int | None, missing: str = "-") -> str:
    """An integer with thousands marks; `missing` for None, never 0."""
    return missing if value is None else f"{value:,}"


def rfc3339(moment: datetime | None) -> str | None:
    """`2026-11-22T03:00:00Z`, with milliseconds only where there are any."""
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def minute(moment: datetime | None) -> str:
    """`2026-11-22 03:00Z`, for a sentence; `-` for None."""
    return "-" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """`1 object`, `1,204 objects`."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"
