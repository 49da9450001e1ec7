"""A trace: what it comes to, what was found, and what each side knows, side by side where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from rich.cells import cell_len, chop_cells

from tui.model.states import Side
from tui.model.trace import Outcome, Sighting, Trace
from tui.model.trace_words import SIDE_TITLES, absence_words, facts_of, name_parts, outcome_words
from tui.widgets.frame import Frame
from tui.widgets.line import BLANK, Line, Span, line, pad, wrap
from tui.widgets.words import full_time

SIDE_BY_SIDE_FROM = 116
_LABEL = 10
# As wide as an id.
_CELL = 36
_OUTCOMES = {
    Outcome.CONSISTENT: Span("+ OK", "ok"),
    Outcome.DIFFERS: Span("! DIFFERS", "warn"),
    Outcome.NOT_FOUND: Span("~ NOT FOUND", "unknown"),
    Outcome.UNKNOWN: Span("~ UNKNOWN", "unknown"),
}
_ORDER = ("name", "sign-in", "account", "dn", "id", "anchor", "enabled", "created", "changed", "last sync", "password")


def trace_lines(trace: Trace, frame: Frame, width: int) -> list[Line]:
    """Lines of at most `width` cells."""
    lines = [line(_OUTCOMES[trace.outcome], Span("  "), Span(outcome_words(trace), "bold"))]
    for number, finding in enumerate(trace.findings, 1):
        lines += [BLANK] if number == 1 else []
        lines += _numbered(number, finding, width)
    if trace.ambiguous:
        lines += [BLANK, line(Span("ANSWER TO THIS NAME", "label"))]
        lines += [line(Span(f"  {part}")) for name in trace.ambiguous for part in wrap(name, width - 2)]
    sides = _columns if width >= SIDE_BY_SIDE_FROM and trace.sightings else _blocks
    return [*lines, BLANK, *sides(trace, frame, width)]


def _numbered(number: int, finding: str, width: int) -> Iterator[Line]:
    lead = f"{number:>3}. "
    for place, part in enumerate(wrap(finding, width - len(lead))):
        yield line(Span(" " * len(lead) if place else lead, "label"), Span(part, "bold" if number == 1 else ""))


# One below the other


def _blocks(trace: Trace, frame: Frame, width: int) -> Iterator[Line]:
    if trace.differences:
        yield line(Span("DIFFERS", "label"))
    for difference in trace.differences:
        for place, (side, values) in enumerate(difference.values.items()):
            name = difference.name if place == 0 else ""
            yield from _differing(name, side, values, width)
    for number, seen in enumerate(trace.sightings):
        if number or trace.differences:
            yield BLANK
        yield line(Span(SIDE_TITLES[seen.side], "label"))
        facts = _facts(seen, frame)
        for name, text in facts.items():
            yield from _fact(name, text, width)
        if not facts:
            yield from (line(Span(part, _absence_style(seen))) for part in wrap(absence_words(seen), width))


def _differing(name: str, side: Side, values: Sequence[str], width: int) -> Iterator[Line]:
    lead = f"{pad(name, 18)} {pad(SIDE_TITLES[side].lower(), 15)}"
    for place, part in enumerate(wrap(", ".join(values) or "(not set)", max(10, width - len(lead)))):
        yield line(Span(" " * len(lead) if place else lead, "label"), Span(part, "warn"))


# Side by side


def _columns(trace: Trace, frame: Frame, width: int) -> Iterator[Line]:
    sides = trace.sightings
    gap = 2 if _cell(width, len(sides), 2) >= _CELL else 1
    cell = _cell(width, len(sides), gap)
    yield _row("", [[SIDE_TITLES[seen.side]] for seen in sides], cell, "label")[0]
    facts = [_facts(seen, frame) for seen in sides]
    absent = [[] if told else wrap(absence_words(seen), cell) for seen, told in zip(sides, facts, strict=True)]
    if any(absent):
        yield from _row("", absent, cell, "unknown")
    for name in _names(facts):
        yield from _row(name, [_wrapped(name, told.get(name, ""), cell) for told in facts], cell)
    if trace.differences:
        yield BLANK
        yield line(Span("DIFFERS", "label"))
    for difference in trace.differences:
        values = [", ".join(difference.values.get(seen.side, ())) for seen in sides]
        shown = [value or ("(not set)" if seen.found else "") for value, seen in zip(values, sides, strict=True)]
        name = difference.name
        yield from _row(name, [wrap(value, cell) for value in shown], cell, "warn")


def _fact(name: str, text: str, width: int) -> Iterator[Line]:
    for place, part in enumerate(_wrapped(name, text, width - _LABEL - 2)):
        yield line(Span(pad("" if place else name, _LABEL + 2), "label"), Span(part))


def _wrapped(name: str, text: str, width: int) -> list[str]:
    """Distinguished names are broken after their commas, all else at spaces."""
    if name != "dn":
        return wrap(text, width)
    lines: list[str] = []
    for piece in name_parts(text):
        for part in chop_cells(piece, width):
            if lines and cell_len(lines[-1] + part) <= width:
                lines[-1] += part
            else:
                lines.append(part)
    return lines


def _cell(width: int, columns: int, gap: int) -> int:
    return (width - _LABEL - gap * (columns - 1)) // columns


def _names(facts: Sequence[Mapping[str, str]]) -> list[str]:
    every = dict.fromkeys(name for told in facts for name in told)
    return sorted(every, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))


def _row(name: str, cells: Sequence[Sequence[str]], cell: int, style: str = "") -> list[Line]:
    """A row of as many lines as its highest cell. A name longer than its column stands on a line of its own."""
    lines: list[Line] = []
    if len(name) > _LABEL - 1:
        lines, name = [line(Span(name, "label"))], ""
    for place, parts in enumerate(zip_longest(*cells, fillvalue="")):
        spans = [Span(pad("" if place else name, _LABEL), "label")]
        for number, part in enumerate(parts):
            spans += [Span((" " if cell <= _CELL else "  ") if number else ""), Span(pad(part, cell), style)]
        lines.append(tuple(spans))
    return lines


def _facts(seen: Sighting, frame: Frame) -> dict[str, str]:
    if not seen.found and seen.deleted is None:
        return {}
    return dict(facts_of(seen, frame.now, lambda moment: full_time(moment, frame.look)))


def _absence_style(seen: Sighting) -> str:
    return "unknown" if seen.found is None else "dim"
