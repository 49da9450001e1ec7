"""Why a tenant is not ok: in short for the overview, in full with causes and remedies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tui.model.headline import headline_first
from tui.model.snapshot import Reason
from tui.model.states import HOP_LABELS, Severity
from tui.widgets.frame import Frame
from tui.widgets.heading import heading
from tui.widgets.headline import calm_words
from tui.widgets.line import BLANK, Line, Span, cut, fit, line, pad, wrap
from tui.widgets.words import SEVERITY_MARKS, SEVERITY_STYLES, SEVERITY_WORDS

_BADGE = 8
_INDENT = "        "


def why_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """The headline with what to try, in order; then the other reasons, one line each."""
    glyphs, reasons = frame.look.glyphs, headline_first(frame.shown.reasons)
    top = heading((Span("WHY", "title"),), width, glyphs, (Span("w all causes and remedies", "dim"),))
    if not reasons:
        return [top, line(Span(calm_words(frame.shown), "dim"))]
    room = max(1, height - 1)
    others = reasons[1 : 1 + room // 3]
    first = _first(reasons[0], width, room - len(others), glyphs.ellipsis)
    return [top, *first, *(_brief(reason, width, glyphs.ellipsis) for reason in others)]


def _first(reason: Reason, width: int, room: int, ellipsis: str) -> Iterator[Line]:
    """Its text in at most two lines, then as many remedies as there is room for."""
    told = wrap(reason.text, width - _BADGE)
    text = told[: max(1, min(2, room - 1))]
    if len(text) < len(told):
        text[-1] = cut(f"{text[-1]} {told[len(text)]}", width - _BADGE, ellipsis)
    for number, part in enumerate(text):
        yield line(_badge(reason) if number == 0 else Span(_INDENT), Span(part))
    remedies = () if reason.severity is Severity.INFO else reason.remedies
    for number, remedy in enumerate(remedies[: room - len(text)], 1):
        yield fit((Span(f"  try {number} ", "label"), Span(remedy, "bold" if number == 1 else "")), width, ellipsis)


def _brief(reason: Reason, width: int, ellipsis: str) -> Line:
    return fit((_badge(reason), Span(reason.text)), width, ellipsis)


def _badge(reason: Reason) -> Span:
    text = f"{SEVERITY_MARKS[reason.severity]} {SEVERITY_WORDS[reason.severity]}"
    return Span(pad(text, _BADGE), SEVERITY_STYLES[reason.severity])


def reasons_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """All reasons in the judge's order, each with its causes and what to do."""
    if not frame.shown.reasons:
        return [BLANK, line(Span(calm_words(frame.shown).capitalize() + "."))]
    return [spans for reason in frame.shown.reasons for spans in (BLANK, *_full(reason, width))]


def _full(reason: Reason, width: int) -> Iterator[Line]:
    where = f"  {HOP_LABELS[reason.hop]}" if reason.hop else ""
    yield line(_badge(reason), Span(str(reason.code), "bold"), Span(where, "dim"))
    room = width - len(_INDENT)
    for part in wrap(reason.text, room):
        yield line(Span(_INDENT), Span(part))
    yield from _listed("likely causes", reason.causes, room, numbered=False)
    todo = "if it does not go on" if reason.severity is Severity.INFO else "what to do, in this order"
    yield from _listed(todo, reason.remedies, room, numbered=True)
    if reason.docs:
        for row, part in enumerate(wrap(reason.docs, room - 6)):
            yield line(Span(_INDENT), Span("      " if row else "read  ", "label"), Span(part, "link"))


def _listed(title: str, items: Sequence[str], room: int, *, numbered: bool) -> Iterator[Line]:
    if items:
        yield line(Span(_INDENT), Span(title, "label"))
    for number, item in enumerate(items, 1):
        lead = f"{number:>3}. " if numbered else "  -  "
        for row, part in enumerate(wrap(item, room - len(lead))):
            yield line(Span(_INDENT), Span(" " * len(lead) if row else lead, "label"), Span(part))
