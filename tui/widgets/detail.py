"""One failure in full: both objects side by side, what it means, what it stops, how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tui.model.catalogue import Explanation, Stops
from tui.model.facts import ObjectRef
from tui.model.failures import explanation, label, summary
from tui.model.snapshot import Failure
from tui.model.states import HOP_LABELS
from tui.model.text import duration
from tui.widgets.frame import Frame
from tui.widgets.line import BLANK, Line, Span, cut, line, pad, text_of, wrap
from tui.widgets.words import SEVERITY_MARKS, SEVERITY_STYLES, SEVERITY_WORDS, full_time, recent_time

STOPS = {
    Stops.SYNC: "the whole synchronization of this hop",
    Stops.RISK: "nothing yet; the synchronization may stop if it stays",
    Stops.PASSWORDS: "password synchronization; objects go on",
    Stops.ATTRIBUTE: "this attribute of this object; the rest of the object goes on",
    Stops.OBJECT: "this object; all others go on",
    Stops.NOTHING: "nothing",
}
_LABEL = 12
_SIDE_BY_SIDE_FROM = 78


def failure_lines(failure: Failure, frame: Frame, width: int) -> list[Line]:
    """Everything known of a failure, on lines of at most `width` cells."""
    told = explanation(failure)
    return [
        _title(failure),
        *(line(Span(part)) for part in wrap(summary(failure), width)),
        BLANK,
        *labelled("remedy", told.remedy, width, "bold"),
        BLANK,
        *_objects(failure, width, frame.look.glyphs.ellipsis),
        BLANK,
        *_history(failure, frame, width),
        BLANK,
        *_meaning(failure, told, width),
    ]


def brief_lines(failure: Failure, frame: Frame, width: int) -> list[Line]:
    """The same for the overview, what matters first: what does not fit is on the failure's own screen."""
    told, clash = explanation(failure), failure.conflicts_with
    attribute = " = ".join(part for part in (failure.attribute, failure.value) if part)
    return [
        _title(failure),
        *labelled("object", label(failure.object) if not failure.object.dn else failure.object.dn, width),
        *(labelled("attribute", attribute, width) if attribute else ()),
        *(labelled("clash", clash.dn or label(clash), width) if clash else ()),
        *labelled("seen", _seen(failure, frame), width),
        *labelled("meaning", told.meaning, width),
        *labelled("remedy", told.remedy, width, "bold"),
        *(labelled("link", told.link, width, "link") if told.link else ()),
        *(labelled("message", failure.message, width) if failure.message else ()),
    ]


def _seen(failure: Failure, frame: Frame) -> str:
    """`last 02:13:51Z (16s ago), first 22:26:55Z (3h47m ago)`."""
    return f"last {_short_when(failure.last_seen, frame)}, first {_short_when(failure.first_seen, frame)}"


def _short_when(moment: datetime | None, frame: Frame) -> str:
    if moment is None:
        return "not told"
    return f"{recent_time(moment, frame.now, frame.look)} ({duration((frame.now - moment).total_seconds())} ago)"


def labelled(name: str, text: str, width: int, style: str = "") -> Iterator[Line]:
    """`name    text`, the text wrapped beside its name."""
    for number, part in enumerate(wrap(text, width - _LABEL) or ["-"]):
        yield line(Span(pad("" if number else name, _LABEL), "label"), Span(part, style))


def _title(failure: Failure) -> Line:
    mark = f"{SEVERITY_MARKS[failure.severity]} {SEVERITY_WORDS[failure.severity]}"
    return line(
        Span(mark, SEVERITY_STYLES[failure.severity]),
        Span(f"  {failure.code or '(no code)'}", "bold"),
        Span(f"  {HOP_LABELS[failure.hop]}"),
    )


def _objects(failure: Failure, width: int, ellipsis: str) -> Iterator[Line]:
    rows = list(_object_rows(failure))
    if failure.conflicts_with is None or width < _SIDE_BY_SIDE_FROM:
        yield from _stacked(failure, rows, width)
        return
    half = (width - _LABEL - 2) // 2
    yield line(Span(" " * _LABEL), Span(pad("THIS OBJECT", half), "label"), Span("  "), Span("CONFLICTS WITH", "label"))
    for name, one, other in rows:
        left, right = wrap(one, half) or ["-"], wrap(other, half) or ["-"]
        for number in range(max(len(left), len(right))):
            first = left[number] if number < len(left) else ""
            second = right[number] if number < len(right) else ""
            yield line(
                Span(pad("" if number else name, _LABEL), "label"),
                Span(pad(first, half, ellipsis=ellipsis)),
                Span("  "),
                Span(cut(second, half, ellipsis)),
            )


def _stacked(failure: Failure, rows: Sequence[tuple[str, str, str]], width: int) -> Iterator[Line]:
    yield line(Span("THIS OBJECT", "label"))
    for name, one, _ in rows:
        if one:
            yield from labelled(name, one, width)
    if failure.conflicts_with is not None:
        yield line(Span("CONFLICTS WITH", "label"))
        for name, _, other in rows:
            if other:
                yield from labelled(name, other, width)


def _object_rows(failure: Failure) -> Iterator[tuple[str, str, str]]:
    """(name, this object's, the other's), only where at least one is known."""
    one, other = failure.object, failure.conflicts_with or ObjectRef()
    for name, mine, theirs in (
        ("type", one.type, other.type),
        ("name", one.name, other.name),
        ("upn", one.upn, other.upn),
        ("dn", one.dn, other.dn),
        ("id", one.id, other.id),
        ("anchor", one.source_anchor, other.source_anchor),
    ):
        if mine or theirs:
            yield name, mine or "", theirs or ""
    if failure.attribute:
        value = f"{failure.attribute} = {failure.value}" if failure.value else failure.attribute
        yield "attribute", value, value if failure.conflicts_with else ""


def _history(failure: Failure, frame: Frame, width: int) -> Iterator[Line]:
    yield from labelled("first seen", _when(failure.first_seen, frame), width)
    yield from labelled("last seen", _when(failure.last_seen, frame), width)
    yield from labelled("told by", ", ".join(failure.sources), width)


def _when(moment: datetime | None, frame: Frame) -> str:
    if moment is None:
        return "not told"
    return f"{full_time(moment, frame.look)}  ({duration((frame.now - moment).total_seconds())} ago)"


def _meaning(failure: Failure, told: Explanation, width: int) -> Iterator[Line]:
    if failure.message:
        yield from labelled("message", failure.message, width)
    yield from labelled("meaning", told.meaning, width)
    yield from labelled("stops", STOPS[told.stops], width)
    for number, step in enumerate(told.steps, 1):
        yield from labelled(f"{number:>9}.", step, width)
    if told.link:
        yield from labelled("link", told.link, width, "link")


def plain_text(lines: Sequence[Line]) -> str:
    """Lines as text to copy."""
    return "\n".join(text_of(spans).rstrip() for spans in lines)
