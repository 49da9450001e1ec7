"""One failure in full: both objects side by side, what it means, what it stops, how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tui.model.catalogue import Stops, explain
from tui.model.facts import ObjectRef
from tui.model.snapshot import Failure
from tui.model.text import duration
from tui.widgets.explaining import summary
from tui.widgets.frame import Frame
from tui.widgets.line import BLANK, Line, Span, cut, line, pad, text_of, wrap
from tui.widgets.words import HOP_LABELS, SEVERITY_MARKS, SEVERITY_STYLES, SEVERITY_WORDS, full_time

STOPS = {
    Stops.SYNC: "the whole synchronization of this hop",
    Stops.RISK: "nothing yet; the synchronization may stop if it stays",
    Stops.PASSWORDS: "password synchronization; objects go on",
    Stops.ATTRIBUTE: "this attribute of this object; the rest of the object goes on",
    Stops.OBJECT: "this object; all others go on",
    Stops.NOTHING: "nothing",
}
_LABEL = 11
_SIDE_BY_SIDE_FROM = 78


def failure_lines(failure: Failure, frame: Frame, width: int) -> list[Line]:
    """Everything known of a failure, on lines of at most `width` cells."""
    return [
        *_identity(failure, frame, width),
        BLANK,
        *_objects(failure, width, frame.look.glyphs.ellipsis),
        BLANK,
        *_history(failure, frame, width),
        BLANK,
        *_meaning(failure, width),
    ]


def brief_lines(failure: Failure, frame: Frame, width: int) -> list[Line]:
    """The same for the overview, the remedy first reached: what does not fit is on the failure's own screen."""
    told = explain(failure.code, failure.message)
    attribute = " = ".join(part for part in (failure.attribute, failure.value) if part)
    clash = failure.conflicts_with
    return [
        *_identity(failure, frame, width),
        *labelled("object", name_of(failure.object), width),
        *(labelled("attribute", attribute, width) if attribute else ()),
        *(labelled("clash", name_of(clash), width) if clash else ()),
        *_history(failure, frame, width),
        *labelled("meaning", told.meaning or failure.message, width),
        *labelled("remedy", told.remedy, width, "bold"),
        *(labelled("link", told.link, width, "link") if told.link else ()),
    ]


def labelled(label: str, text: str, width: int, style: str = "") -> Iterator[Line]:
    """`label    text`, the text wrapped beside its label."""
    for number, part in enumerate(wrap(text, width - _LABEL) or ["-"]):
        yield line(Span(pad("" if number else label, _LABEL), "label"), Span(part, style))


def name_of(ref: ObjectRef) -> str:
    return ref.dn or ref.upn or ref.name or ref.id or "(unnamed)"


def _identity(failure: Failure, frame: Frame, width: int) -> Iterator[Line]:
    told = explain(failure.code, failure.message)
    mark = f"{SEVERITY_MARKS[failure.severity]} {SEVERITY_WORDS[failure.severity]}"
    yield line(
        Span(mark, SEVERITY_STYLES[failure.severity]),
        Span(f"  {failure.code or '(no code)'}", "bold"),
        Span(f"  {HOP_LABELS[failure.hop]}"),
    )
    yield from (line(Span(part)) for part in wrap(summary(failure) or told.title, width))


def _objects(failure: Failure, width: int, ellipsis: str) -> Iterator[Line]:
    rows = list(_object_rows(failure))
    if failure.conflicts_with is None or width < _SIDE_BY_SIDE_FROM:
        yield from _stacked(failure, rows, width)
        return
    half = (width - _LABEL - 2) // 2
    yield line(Span(" " * _LABEL), Span(pad("THIS OBJECT", half), "label"), Span("  "), Span("CONFLICTS WITH", "label"))
    for label, one, other in rows:
        left, right = wrap(one, half) or ["-"], wrap(other, half) or ["-"]
        for number in range(max(len(left), len(right))):
            first = left[number] if number < len(left) else ""
            second = right[number] if number < len(right) else ""
            yield line(
                Span(pad("" if number else label, _LABEL), "label"),
                Span(pad(first, half, ellipsis=ellipsis)),
                Span("  "),
                Span(cut(second, half, ellipsis)),
            )


def _stacked(failure: Failure, rows: Sequence[tuple[str, str, str]], width: int) -> Iterator[Line]:
    yield line(Span("THIS OBJECT", "label"))
    for label, one, _ in rows:
        if one:
            yield from labelled(label, one, width)
    if failure.conflicts_with is not None:
        yield line(Span("CONFLICTS WITH", "label"))
        for label, _, other in rows:
            if other:
                yield from labelled(label, other, width)


def _object_rows(failure: Failure) -> Iterator[tuple[str, str, str]]:
    """(label, this object, the other), only where at least one is known."""
    one, other = failure.object, failure.conflicts_with or ObjectRef()
    for label, mine, theirs in (
        ("type", one.type, other.type),
        ("name", one.name, other.name),
        ("upn", one.upn, other.upn),
        ("dn", one.dn, other.dn),
        ("id", one.id, other.id),
        ("anchor", one.source_anchor, other.source_anchor),
    ):
        if mine or theirs:
            yield label, mine or "", theirs or ""
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


def _meaning(failure: Failure, width: int) -> Iterator[Line]:
    told = explain(failure.code, failure.message)
    if failure.message:
        yield from labelled("message", failure.message, width)
    yield from labelled("meaning", told.meaning, width)
    yield from labelled("stops", STOPS[told.stops], width)
    yield from labelled("remedy", told.remedy, width, "bold")
    for number, step in enumerate(told.steps, 1):
        yield from labelled(f"{number:>6}.", step, width)
    if told.link:
        yield from labelled("link", told.link, width, "link")


def plain_text(lines: Sequence[Line]) -> str:
    """Lines as text to copy."""
    return "\n".join(text_of(spans).rstrip() for spans in lines)
