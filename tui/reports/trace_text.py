"""A trace as text of at most 80 columns: a block for each side, what differs, and what it means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tui.model.states import Side
from tui.model.trace import AttributeDifference, Sighting, Trace
from tui.model.trace_words import SIDE_TITLES, absence_words, facts_of, name_parts, object_name, outcome_words
from tui.reports.failures_table import cell_width

WIDTH = 80
_LABEL = 12
_SIDES = {Side.ON_PREMISES: "on-premises", Side.ENTRA: "entra", Side.MANAGED_DOMAIN: "managed"}


def trace_text(tenant: str, trace: Trace) -> Iterator[str]:
    """Lines with their ends."""
    yield from (f"{line}\n" for line in _lines(tenant, trace))


def _lines(tenant: str, trace: Trace) -> Iterator[str]:
    yield from _wrapped("", f"{tenant}: {object_name(trace)}")
    yield from _wrapped("", outcome_words(trace))
    if trace.findings:
        yield ""
        for number, finding in enumerate(trace.findings, 1):
            yield from _wrapped(f"{number:>3}. ", finding)
    if trace.ambiguous:
        yield from _titled("ANSWER TO THIS NAME")
        for name in trace.ambiguous:
            yield from _wrapped("  ", name)
    if trace.differences:
        yield from _titled("DIFFERS")
        for difference in trace.differences:
            yield from _difference(difference)
    for seen in trace.sightings:
        yield from _titled(SIDE_TITLES[seen.side])
        yield from _side(seen, trace.at)


def _titled(title: str) -> Sequence[str]:
    return "", title


def _side(seen: Sighting, now: datetime) -> Iterator[str]:
    if not seen.found and not seen.deleted:
        yield from _wrapped("  ", absence_words(seen))
        return
    for name, text in facts_of(seen, now, lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}Z"):
        yield from _labelled(name, text)


def _difference(difference: AttributeDifference) -> Iterator[str]:
    yield f"  {difference.name}"
    for side, values in difference.values.items():
        yield from _labelled(f"  {_SIDES[side]}", ", ".join(values) or "(not set)", _LABEL + 3)


def _labelled(name: str, text: str, lead: int = _LABEL) -> Iterator[str]:
    room = WIDTH - lead - 2
    parts = _packed(name_parts(text), room, "") if name == "dn" else _parts(text, room)
    for number, part in enumerate(parts):
        yield f"  {'' if number else name:<{lead}}{part}".rstrip()


def _wrapped(lead: str, text: str) -> Iterator[str]:
    for number, part in enumerate(_parts(text, WIDTH - len(lead))):
        yield (" " * len(lead) if number else lead) + part


def _parts(text: str, width: int) -> list[str]:
    """`text` on lines of at most `width` cells, broken at spaces."""
    return _packed(text.split(), width, " ")


def _packed(words: Sequence[str], width: int, joint: str) -> list[str]:
    """As many words on a line as fit with `joint` between them, long ones chopped."""
    lines: list[str] = []
    for piece in (piece for word in words for piece in _chopped(word, width)):
        if lines and cell_width(lines[-1] + joint + piece) <= width:
            lines[-1] += joint + piece
        else:
            lines.append(piece)
    return lines or [""]


def _chopped(word: str, width: int) -> Iterator[str]:
    kept, cells = "", 0
    for char in word:
        size = cell_width(char)
        if cells + size > width:
            yield kept
            kept, cells = "", 0
        kept, cells = kept + char, cells + size
    yield kept
