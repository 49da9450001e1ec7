"""What two sides of a hop differ by: both counts, the parts by why, and examples by name."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from tui.model.absence import SIDE_LABELS, SIDES
from tui.model.comparison import Comparison, Example, Part
from tui.model.facts import ObjectRef
from tui.model.failures import label
from tui.model.snapshot import CountRow, TenantSnapshot
from tui.model.states import HOP_LABELS, HopName, ObjectType, Side
from tui.model.text import count, duration
from tui.widgets.detail import labelled
from tui.widgets.frame import Frame
from tui.widgets.heading import heading
from tui.widgets.line import BLANK, Line, Span, fit, line, spread, width_of, wrap
from tui.widgets.table import Column, choose, header, row
from tui.widgets.words import HOP_SHORT, SIDE_WORDS, full_time

HOPS = (HopName.CONNECT, HopName.DOMAIN_SERVICES)
COLUMNS = (
    Column("mark", "", 2, 1),
    Column("part", "PART", 11, 2, gap=0),
    Column("object", "OBJECT", 14, 1, grows=True, widest=40),
    Column("missing", "NOT IN", 8, 3),
    Column("since", "FOR", 7, 4, right=True),
    Column("why", "WHY", 24, 5, grows=True),
)
# With room a name is told apart from its likes by what is its own.
WIDE_COLUMNS = (*COLUMNS[:3], Column("also", "SIGN-IN OR ID", 36, 6), *COLUMNS[3:])
WIDE_FROM = 160
PART_STYLES = {Part.UNEXPLAINED: "warn", Part.FAILED: "warn", Part.IN_FLIGHT: "", Part.EXCLUDED: "dim"}
_PARTS_BRIEFLY = {Part.UNEXPLAINED: "unexpl", Part.FAILED: "failed", Part.IN_FLIGHT: "moving", Part.EXCLUDED: "excl"}
_SIDES_BRIEFLY = {Side.ON_PREMISES: "AD", Side.ENTRA: "Entra", Side.MANAGED_DOMAIN: "DS"}


class Compared(Struct, frozen=True, kw_only=True):
    """What the screen knows by now. `told`: what is being read, while it is."""

    hop: HopName
    kind: ObjectType
    comparison: Comparison | None = None
    told: str = ""

    @property
    def problem(self) -> str:
        return self.comparison.problem if self.comparison else ""

    @property
    def examples(self) -> tuple[Example, ...]:
        return self.comparison.examples if self.comparison else ()


def count_row(snapshot: TenantSnapshot, kind: ObjectType) -> CountRow:
    return next((found for found in snapshot.counts if found.type == kind), CountRow(type=kind))


def head_lines(compared: Compared, frame: Frame, width: int, height: int) -> Sequence[Line]:
    """Which hop, what each side holds, and how many objects differ for which reason; all in one line where low."""
    if height == 1:
        return [_briefly(compared, frame, width)]
    other = HOPS[1 - HOPS.index(compared.hop)]
    top = heading(
        (Span("DIFFERENCE", "title"), Span(f"  {compared.kind}  {HOP_LABELS[compared.hop]}")),
        width,
        frame.look.glyphs,
        (Span("tab ", "key"), Span(HOP_LABELS[other], "dim"), Span("  esc ", "key"), Span("back", "dim")),
    )
    return [top, _sides(compared, frame, width), _parts(compared)]


def _sides(compared: Compared, frame: Frame, width: int) -> Line:
    """`on-premises 48,120   Entra 48,097`, as read for this comparison, and how long ago."""
    comparison = compared.comparison
    if comparison is None or comparison.problem:
        return (Span("nothing compared yet" if comparison is None else "not compared", "dim"),)
    spans = tuple(Span(f"{SIDE_WORDS[side]} {count(read)}   ") for side, read in comparison.read.items())
    ago = duration((frame.now - comparison.at).total_seconds())
    more = Span("more than was read  ", "warn") if comparison.truncated else Span("")
    return spread(spans, (more, Span(f"compared {ago} ago", "dim")), width, frame.look.glyphs.ellipsis)


def _parts(compared: Compared) -> Line:
    comparison = compared.comparison
    if comparison is None or comparison.problem:
        return BLANK
    spans: list[Span] = []
    for part in Part:
        number = comparison.counts.get(part, 0)
        spans += [Span(f"{part} ", "label"), Span(count(number), PART_STYLES[part] if number else "dim"), Span("   ")]
    return tuple(spans)


def _briefly(compared: Compared, frame: Frame, width: int) -> Line:
    """`users AD>Entra  5 unexpl  2 failed`, what matters most first."""
    lead = Span(f"{compared.kind} {HOP_SHORT[compared.hop]}", "bold")
    comparison = compared.comparison
    if comparison is None or comparison.problem:
        return (lead,)
    told = [f"{number} {_PARTS_BRIEFLY[part]}" for part in Part if (number := comparison.counts.get(part, 0))]
    while told and width_of((lead,)) + len("  ".join(told)) + 2 > width:
        told.pop()
    return (lead, Span("  "), Span("  ".join(told) or ("" if comparison.examples else "no difference")))


def list_title(shown: int, compared: Compared, query: str, frame: Frame, width: int, *, typing: bool) -> Line:
    """`BY NAME  23 of 412 ──── filter: none`."""
    glyphs = frame.look.glyphs
    total = sum(compared.comparison.counts.values()) if compared.comparison else 0
    told = f"  {count(shown)} of {count(total)}" if shown != total else f"  {count(total)}"
    words = (
        (Span(query, "bold"), Span(glyphs.caret, "bold"))
        if typing
        else (Span(query or "none", "warn" if query else ""),)
    )
    left = (Span("BY NAME", "title"), Span(told if compared.examples else ""))
    return heading(left, width, glyphs, (Span("filter: ", "label"), *words))


def example_lines(examples: Sequence[Example], frame: Frame, width: int) -> list[Line]:
    """A line for each, after the column titles."""
    columns = choose(WIDE_COLUMNS if width >= WIDE_FROM else COLUMNS, width)
    rows = [row(columns, _cells(example, frame), frame.look.glyphs) for example in examples]
    return [header(columns, frame.look.glyphs), *rows]


def _cells(example: Example, frame: Frame) -> dict[str, Span]:
    return {
        "part": Span(example.part, PART_STYLES[example.part]),
        "object": Span(label(example.object)),
        "also": Span(_also(example.object), "dim"),
        "missing": Span(_SIDES_BRIEFLY[example.missing_on]),
        "since": Span(_age(example, frame)),
        "why": Span(example.why, "dim"),
    }


def _also(ref: ObjectRef) -> str:
    """What this object is called besides its name."""
    return next((other for other in (ref.upn, ref.id, ref.source_anchor) if other and other != label(ref)), "")


def _age(example: Example, frame: Frame) -> str:
    return duration((frame.now - example.since).total_seconds()) if example.since else "-"


def empty_lines(compared: Compared, query: str, frame: Frame, width: int) -> Sequence[Line]:
    """What it means that no example is listed."""
    if compared.problem:
        return [line(Span(part, "warn")) for part in wrap(f"Cannot compare: {compared.problem}.", width)]
    if compared.comparison is None:
        told = compared.told or f"asking {' and '.join(SIDE_LABELS[side] for side in SIDES[compared.hop])}"
        return [fit((Span(told), Span("  (esc cancels)", "dim")), width, frame.look.glyphs.ellipsis)]
    if query:
        return [(Span("nothing matches; Esc clears the filter", "dim"),)]
    return [(Span("both sides hold the same objects", "ok"),)]


def example_detail(example: Example | None, frame: Frame, width: int) -> Sequence[Line]:
    """The example under the cursor in full."""
    if example is None:
        return []
    glyphs = frame.look.glyphs
    top = heading((Span("DETAIL", "title"),), width, glyphs, (Span("enter = trace it over every side", "dim"),))
    ref = example.object
    name = f"{ref.type} {label(ref)}" if ref.type else label(ref)
    since = f"{full_time(example.since, frame.look)} ({_age(example, frame)} ago)" if example.since else "not known"
    return [
        top,
        *labelled("object", ", ".join(part for part in (name, _also(ref)) if part), width),
        *labelled("lacks it", SIDE_LABELS[example.missing_on], width),
        *labelled("since", since, width),
        *labelled("why", example.why, width, "bold"),
    ]
