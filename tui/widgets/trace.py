"""A trace: what it comes to, what was found, and what each side knows, side by side where there is room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import zip_longest

from msgspec import Struct
from rich.cells import cell_len, chop_cells

from tui.model.states import Side
from tui.model.trace import AttributeDifference, Outcome, Sighting, Trace
from tui.model.trace_words import SIDE_TITLES, absence_words, facts_of, name_parts, outcome_words
from tui.widgets.frame import Frame
from tui.widgets.line import BLANK, Line, Span, line, pad, wrap
from tui.widgets.words import SIDE_WORDS, full_time

SIDE_BY_SIDE_FROM = 116
_LABEL = 10
# Holds every attribute's name with its mark.
_WIDE_LABEL = 20
# As wide as an id.
_CELL = 36
_SIDE = 16
# What the facts of each side tell already.
_TOLD = ("displayName", "userPrincipalName", "accountEnabled")
_OUTCOMES = {
    Outcome.CONSISTENT: Span("+ OK", "ok"),
    Outcome.DIFFERS: Span("! DIFFERS", "warn"),
    Outcome.NOT_FOUND: Span("~ NOT FOUND", "unknown"),
    Outcome.UNKNOWN: Span("~ UNKNOWN", "unknown"),
}
_ORDER = ("name", "sign-in", "account", "dn", "id", "anchor", "enabled", "created", "changed", "last sync", "password")


def trace_lines(trace: Trace, frame: Frame, width: int) -> list[Line]:
    """Lines of at most `width` cells."""
    words = "" if trace.outcome is Outcome.NOT_FOUND else f"  {outcome_words(trace)}"
    lines = [line(_OUTCOMES[trace.outcome], Span(words, "bold"))]
    for number, finding in enumerate(trace.findings, 1):
        lines += [BLANK] if number == 1 else []
        lines += _numbered(number, finding, width)
    if trace.ambiguous:
        lines += [BLANK, line(Span("ALSO ANSWER TO THIS NAME", "label"))]
        lines += [line(Span(f"  {part}")) for name in trace.ambiguous for part in wrap(name, width - 2)]
    if trace.outcome is Outcome.NOT_FOUND:
        return lines
    sides = _columns if width >= SIDE_BY_SIDE_FROM and trace.sightings else _blocks
    return [*lines, BLANK, *sides(trace, frame, width), *_alike(trace, width)]


def _numbered(number: int, finding: str, width: int) -> Iterator[Line]:
    lead = f"{number:>3}. "
    for place, part in enumerate(wrap(finding, width - len(lead))):
        yield line(Span(" " * len(lead) if place else lead, "label"), Span(part, "bold" if number == 1 else ""))


# Attributes


def _alike(trace: Trace, width: int) -> Iterator[Line]:
    """The attributes that every side agrees about, dimmed: what is there to compare, and not the trouble."""
    seen = [side for side in trace.sightings if side.found]
    differing = {difference.name for difference in trace.differences}
    names = dict.fromkeys(name for side in seen for name in side.attributes if name not in _TOLD)
    agreed = [name for name in names if name not in differing and len({_folded(side, name) for side in seen}) == 1]
    if agreed:
        yield BLANK
        everywhere = len(seen) == len(trace.sightings)
        title = "THE SAME ON EVERY SIDE" if everywhere else "THE SAME ON BOTH OF THEM"
        yield line(Span(title if len(seen) > 1 else "ATTRIBUTES", "label"))
    for name in agreed:
        for place, part in enumerate(wrap(", ".join(seen[0].attributes[name]), width - _WIDE_LABEL)):
            yield line(Span(pad("" if place else name, _WIDE_LABEL), "label"), Span(part, "dim"))


def _folded(seen: Sighting, name: str) -> frozenset[str]:
    return frozenset(value.casefold() for value in seen.attributes.get(name, ()))


def _odd(difference: AttributeDifference) -> Set[Side]:
    """The sides whose values are not what most sides hold; all of them where no two agree."""
    held = {side: frozenset(value.casefold() for value in values) for side, values in difference.values.items()}
    commonest, sides = Counter(held.values()).most_common(1)[0] if held else (frozenset(), 0)
    return {side for side, values in held.items() if sides == 1 or values != commonest}


# One below the other


def _blocks(trace: Trace, frame: Frame, width: int) -> Iterator[Line]:
    if trace.differences:
        yield line(Span("DIFFERS", "label"))
    for difference in trace.differences:
        odd = _odd(difference)
        for place, (side, values) in enumerate(difference.values.items()):
            name = f"! {difference.name}" if place == 0 else ""
            yield from _differing(name, side, values, width, "warn" if side in odd else "")
    for number, seen in enumerate(trace.sightings):
        facts = _facts(seen, frame)
        if facts and (number or trace.differences):
            yield BLANK
        if facts:
            yield line(Span(SIDE_TITLES[seen.side], "label"))
        for name, text in facts.items():
            yield from _fact(name, text, width)
        if not facts:
            yield from _absent(seen, width)


def _absent(seen: Sighting, width: int) -> Iterator[Line]:
    for place, part in enumerate(wrap(absence_words(seen), width - _SIDE)):
        name = "" if place else SIDE_TITLES[seen.side]
        yield line(Span(pad(name, _SIDE), "label"), Span(part, _absence_style(seen)))


def _differing(name: str, side: Side, values: Sequence[str], width: int, style: str) -> Iterator[Line]:
    lead = (Span(pad(name, _WIDE_LABEL), "warn"), Span(pad(SIDE_WORDS[side], _SIDE), "label"))
    for place, part in enumerate(wrap(_value(values), max(10, width - _WIDE_LABEL - _SIDE))):
        yield line(*(lead if place == 0 else (Span(" " * (_WIDE_LABEL + _SIDE)),)), Span(part, style))


def _value(values: Sequence[str]) -> str:
    return ", ".join(values) or "(not set)"


# Side by side


class _Grid(Struct, frozen=True):
    """Widths in cells: of the names, of each side, and of what is between two sides."""

    label: int
    cell: int
    gap: int


def _grid(width: int, columns: int) -> _Grid:
    """Names of attributes have a column of their own where every side then still holds an id."""
    for label, gap in ((_WIDE_LABEL, 2), (_LABEL, 2)):
        cell = (width - label - gap * (columns - 1)) // columns
        if cell >= _CELL:
            return _Grid(label, cell, gap)
    return _Grid(_LABEL, (width - _LABEL - columns + 1) // columns, 1)


def _columns(trace: Trace, frame: Frame, width: int) -> Iterator[Line]:
    sides = trace.sightings
    grid = _grid(width, len(sides))
    yield _row("", [[SIDE_TITLES[seen.side]] for seen in sides], grid, ["label"] * len(sides))[0]
    for difference in trace.differences:
        yield from _difference_row(difference, sides, grid)
    if trace.differences:
        yield BLANK
    facts = [_facts(seen, frame) for seen in sides]
    absent = [[] if told else wrap(absence_words(seen), grid.cell) for seen, told in zip(sides, facts, strict=True)]
    if any(absent):
        yield from _row("", absent, grid, [_absence_style(seen) for seen in sides])
    for name in _names(facts):
        yield from _row(name, [_wrapped(name, told.get(name, ""), grid.cell) for told in facts], grid)


def _difference_row(difference: AttributeDifference, sides: Sequence[Sighting], grid: _Grid) -> list[Line]:
    odd = _odd(difference)
    values = [_value(difference.values.get(seen.side, ())) if seen.found else "" for seen in sides]
    styles = ["warn" if seen.side in odd else "" for seen in sides]
    return _row(f"! {difference.name}", [wrap(value, grid.cell) for value in values], grid, styles)


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


def _names(facts: Sequence[Mapping[str, str]]) -> list[str]:
    every = dict.fromkeys(name for told in facts for name in told)
    return sorted(every, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))


def _row(name: str, cells: Sequence[Sequence[str]], grid: _Grid, styles: Sequence[str] = ()) -> list[Line]:
    """A row of as many lines as its highest cell. A name longer than its column stands on a line of its own."""
    lines: list[Line] = []
    label = "warn" if name.startswith("!") else "label"
    if len(name) > grid.label - 1:
        lines, name = [line(Span(name, label))], ""
    for place, parts in enumerate(zip_longest(*cells, fillvalue="")):
        spans = [Span(pad("" if place else name, grid.label), label)]
        for number, part in enumerate(parts):
            between = " " * grid.gap if number else ""
            spans += [Span(between), Span(pad(part, grid.cell), styles[number] if styles else "")]
        lines.append(tuple(spans))
    return lines


def _facts(seen: Sighting, frame: Frame) -> dict[str, str]:
    if not seen.found and seen.deleted is None:
        return {}
    return dict(facts_of(seen, frame.now, lambda moment: full_time(moment, frame.look)))


def _absence_style(seen: Sighting) -> str:
    return "unknown" if seen.found is None else "dim"
