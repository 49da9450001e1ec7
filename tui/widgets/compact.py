"""The whole tenant in a few short lines, for a small pane."""

from __future__ import annotations

from collections.abc import Sequence

from tui.model.snapshot import CountRow, Hop
from tui.model.states import HopState
from tui.model.text import count, duration, limit
from tui.widgets.counts import connect_difference, domain_difference
from tui.widgets.frame import Frame
from tui.widgets.freshness import failing, freshness
from tui.widgets.hops import hop_is_old, ordered, queue
from tui.widgets.line import Line, Span, cut, pad, spread
from tui.widgets.trend import progress_bar
from tui.widgets.words import HOP_NOTES, HOP_SHORT, STYLES, hop_mark, verdict_badge

AGE_WIDTH = 12
TIGHT_AGE_WIDTH = 8
_TIGHT_BELOW = 22


def compact_title(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """Tenant, verdict or what is wrong with the data itself, and which of how many tenants."""
    fresh = freshness(frame.shown, frame.now)
    badge = verdict_badge(frame.shown.verdict)
    if frame.dead or fresh.overdue:
        badge = Span("X POLLER DEAD" if frame.dead else "X POLLER LATE", "crit")
    elif frame.frozen_since is not None:
        badge = Span("PAUSED", "warn")
    elif fresh.all_old:
        badge = Span("~ STALE", "unknown-badge")
    tight = width < _TIGHT_BELOW
    if tight:
        badge = Span(badge.text.strip()[:1], badge.style)
    place = "" if tight else _place(frame)
    room = width - len(badge.text) - len(place) - 2
    name = cut(frame.shown.name, max(4, room), frame.look.glyphs.ellipsis)
    return [(Span(name, "bold"), Span(place, "dim"), Span(" " if tight else "  "), badge)]


def _place(frame: Frame) -> str:
    if len(frame.tenants) < 2:
        return ""
    names = [tenant.name for tenant in frame.tenants]
    return f" {names.index(frame.shown.name) + 1}/{len(names)}" if frame.shown.name in names else ""


def compact_age(frame: Frame, width: int, height: int) -> Sequence[Line]:
    fresh = freshness(frame.shown, frame.now)
    age = None if fresh.newest is None else (frame.now - fresh.newest).total_seconds()
    text = "no data" if age is None else duration(age) + (" old" if width >= AGE_WIDTH else "")
    return [spread((), (Span(text, "unknown" if fresh.all_old else ""),), width, frame.look.glyphs.ellipsis)]


def compact_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """A line per hop, then what differs and how much fails; the last is kept when only some lines fit."""
    hops = [_hop_line(hop, frame, width) for hop in ordered(frame.shown)]
    summary = _summary(frame, width)
    if len(hops) + 1 > height:
        hops = sorted(hops, key=lambda spans: spans[0].style == "")[: max(0, height - 1)] if height > 1 else []
    return [*hops, summary][:height]


def age_width(width: int) -> int:
    return AGE_WIDTH if width >= 30 else TIGHT_AGE_WIDTH


def _hop_line(hop: Hop, frame: Frame, width: int) -> Line:
    glyphs = frame.look.glyphs
    old = hop_is_old(frame.shown, hop, frame.now)
    mark = Span("~", "unknown") if old else Span(hop_mark(hop), "off" if hop_mark(hop) == "=" else STYLES[hop.verdict])
    name = (Span(pad(HOP_SHORT[hop.name], 9)), mark, Span(" "))
    if hop.progress is not None and hop.state is HopState.NEVER:
        return (*name, *progress_bar(hop.progress, width - 11, glyphs))
    if hop.last_success is None:
        return (*name, Span(hop.note or HOP_NOTES.get(hop.state, "-"), "dim"))
    warning, _ = frame.look.thresholds.of(hop.name)
    waiting = queue(frame.shown, hop)
    age = Span(f"{duration(hop.age_s(frame.now)):>7}", "dim" if old else "")
    right = (Span(f"Q {count(waiting)}", "dim" if old else ""),) if waiting is not None else ()
    if hop.lag is not None and hop.lag.hour.median_s is not None:
        right = (Span(f"lag {duration(hop.lag.hour.median_s)}", "dim" if old else ""),)
    return spread((*name, age, Span(f" /{limit(warning)}", "dim")), right, width, glyphs.ellipsis)


def _summary(frame: Frame, width: int) -> Line:
    parts: list[Span] = []
    for counts in frame.shown.counts:
        text, style = widest_gap(counts, frame.shown.sync_scope)
        if text not in ("0", "n/a", "-"):
            parts += [Span(f"{counts.type} "), Span(text.replace("! ", "-"), style), Span("  ")]
    left = tuple(parts) or (Span(_sides(frame), "dim"),)
    total = failing(frame.shown)
    right = (Span(f"fail {count(total)}", "warn" if total else ""),)
    return spread(left, right, width, frame.look.glyphs.ellipsis)


def widest_gap(counts: CountRow, sync_scope: str) -> Span:
    """The difference that matters most in one place: to the managed domain, else to on-premises."""
    domain = domain_difference(counts, sync_scope)
    return connect_difference(counts) if domain.text in ("0", "n/a", "-") else domain


def _sides(frame: Frame) -> str:
    """No difference is only said where both sides were counted."""
    known = [counts for counts in frame.shown.counts if widest_gap(counts, frame.shown.sync_scope).text == "0"]
    return "sides agree" if known else "sides not compared"
