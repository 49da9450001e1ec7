"""The first two lines: which tenant, live or not, the time; the worst reason in words, the age of the data."""

from __future__ import annotations

from collections.abc import Sequence

from tui import __version__
from tui.model.headline import headline_first
from tui.model.snapshot import Progress, TenantSnapshot
from tui.model.states import HopState, Severity, Verdict
from tui.model.text import duration, plural
from tui.widgets.frame import Frame, Look
from tui.widgets.freshness import Freshness, failing, freshness, last_asked, next_poll
from tui.widgets.line import Line, Span, fit, spread, width_of
from tui.widgets.words import MARKS, STYLES, clock_time, coarse, full_time, verdict_badge

CLOCK_WIDTH = 20
WIDE_CLOCK_WIDTH = 34
LOCAL_CLOCK_WIDTH = 25
FRESHNESS_WIDTH = 28
STALE_WIDTH = 18
WIDE_FRESHNESS_WIDTH = 46
WIDE_FROM = 140


def title_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    name = Span(frame.shown.name, "bold")
    left: Line = (Span("synctop", "title"), Span("  "), name)
    if width > WIDE_FROM - WIDE_CLOCK_WIDTH:
        left = (Span(f"synctop {__version__}", "title"), Span("   "), *(tenant_strip(frame) or (name,)))
    mode = mode_of(frame, width)
    return [spread(left, (*mode, Span("  ")), width, frame.look.glyphs.ellipsis)]


def mode_of(frame: Frame, width: int) -> Line:
    """LIVE, PAUSED, STALE or POLLER DEAD."""
    fresh = freshness(frame.shown, frame.now)
    if frame.dead:
        return (Span(" X POLLER DEAD ", "crit-badge"),)
    if frame.frozen_since is not None:
        return (Span(f"PAUSED {duration((frame.now - frame.frozen_since).total_seconds())}", "warn"),)
    if fresh.overdue:
        return (Span(" X POLLER LATE ", "crit-badge"),)
    if fresh.all_old:
        return (Span("STALE", "unknown"),)
    if fresh.old:
        return (Span(f"STALE {len(fresh.old)} of {fresh.asked}", "unknown"),)
    return (Span("LIVE", "bold"), Span(f" {cadence(frame.shown)}" if width > 40 else ""))


def cadence(snapshot: TenantSnapshot) -> str:
    """How often the most often asked source is asked."""
    intervals = [status.interval_s for status in snapshot.sources if status.interval_s]
    return f"every {duration(min(intervals))}" if intervals else ""


def clock_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    look = frame.look
    text = full_time(frame.now, look)
    if width >= WIDE_CLOCK_WIDTH and not look.local:
        text += f" ({frame.now.astimezone():%H:%M} local)"
    return [spread((), (Span(text),), width, look.glyphs.ellipsis)]


def verdict_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    fresh = freshness(frame.shown, frame.now)
    if frame.dead:
        return [(verdict_badge(Verdict.UNKNOWN), Span(f"  {frame.dead}"))]
    if fresh.all_old:
        return [_stale(frame, fresh)]
    badge = verdict_badge(frame.shown.verdict)
    room = width - len(badge.text) - 2
    return [(badge, Span("  "), *_why(frame.shown, room, frame.look.glyphs.ellipsis))]


def _stale(frame: Frame, fresh: Freshness) -> Line:
    age = (frame.now - fresh.newest).total_seconds() if fresh.newest else None
    when = clock_time(fresh.newest, frame.look)
    return (
        Span(f" ~ STALE {coarse(duration(age))} ", "unknown-badge"),
        Span(f" last good data {when} (values below are old)"),
    )


def _why(snapshot: TenantSnapshot, width: int, ellipsis: str) -> Line:
    reasons = [reason for reason in headline_first(snapshot.reasons) if reason.severity is not Severity.INFO]
    if not reasons:
        return (Span(calm_words(snapshot)),)
    more = f"  +{len(reasons) - 1} (w)" if len(reasons) > 1 else "  (w)"
    room = max(12, width - len(more))
    return (*fit((Span(reasons[0].text),), room, ellipsis), Span(more, "dim"))


def calm_words(snapshot: TenantSnapshot) -> str:
    """What to say where no reason speaks against it."""
    if not any(status.as_of for status in snapshot.sources):
        return "waiting for the first answers"
    syncing = [hop for hop in snapshot.hops if hop.progress is not None and hop.state is HopState.NEVER]
    if syncing and syncing[0].progress is not None:
        return _first_sync(syncing[0].progress)
    if snapshot.verdict is not Verdict.OK:
        return "not known yet"
    on_time = sum(hop.state is HopState.OK for hop in snapshot.hops)
    total = failing(snapshot)
    told = "failures not read yet" if total is None else plural(total, "failing object") if total else "no object fails"
    return f"in sync: {plural(on_time, 'hop')} on time, {told}"


def _first_sync(progress: Progress) -> str:
    done = f"first synchronization {'under way' if progress.moving else 'stopped'}: {progress.fraction:.0%} done"
    left = progress.eta_s if progress.moving else None
    return done if left is None else f"{done}, {duration(left)} left"


def freshness_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """`data 4s old  poll ok 38ms`; where stale, when the next try comes."""
    snapshot, fresh = frame.shown, freshness(frame.shown, frame.now)
    right: Line
    if fresh.all_old:
        right = _retry(frame, fresh)
    else:
        age = Span(_data_age(frame, fresh))
        right = (age, *_next(frame, width), Span("  "), *_last_poll(snapshot))
        if width_of(right) > width:
            right = (age, Span("  "), *_last_poll(snapshot, briefly=True))
    return [spread((), right, width, frame.look.glyphs.ellipsis)]


def _next(frame: Frame, width: int) -> Line:
    upcoming = next_poll(frame.shown)
    if width < WIDE_FRESHNESS_WIDTH or upcoming is None:
        return ()
    return (Span(f"  next in {duration((upcoming - frame.now).total_seconds())}"),)


def _data_age(frame: Frame, fresh: Freshness) -> str:
    if fresh.newest is None:
        return "no data yet"
    return f"data {duration((frame.now - fresh.newest).total_seconds())} old"


def _last_poll(snapshot: TenantSnapshot, *, briefly: bool = False) -> Line:
    last = last_asked(snapshot)
    if last is None:
        return (Span("not polled", "dim"),)
    if last.failed_in_a_row or last.error:
        return (Span("poll failed", "warn"),)
    took = "" if last.latency_ms is None or briefly else f" {last.latency_ms:.0f}ms"
    return (Span(f"poll ok{took}"),)


def _retry(frame: Frame, fresh: Freshness) -> Line:
    tries = max((status.failed_in_a_row for status in fresh.old), default=0)
    if fresh.retry is None:
        return (Span("no retry planned", "warn"),)
    return (Span(f"retry {tries + 1} in {duration((fresh.retry - frame.now).total_seconds())}"),)


def tenant_strip(frame: Frame) -> Line:
    """`[1] contoso ! CRIT   [2] fabrikam + OK`, worst first; nothing for a single tenant."""
    if len(frame.tenants) < 2:
        return ()
    spans: list[Span] = []
    for number, tenant in enumerate(frame.tenants, 1):
        shown = tenant.name == frame.shown.name
        key = f"[{number}]" if number <= 9 else "   "
        spans += [
            Span(f"{key} ", "key" if number <= 9 else "dim"),
            Span(tenant.name, "focus" if shown else ""),
            Span(f" {MARKS[tenant.verdict]}", STYLES[tenant.verdict]),
            Span("   "),
        ]
    return tuple(spans)


def tenants_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    return [tenant_strip(frame)]


def banner_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """How the program was started, and what the lab does now; that alone where there is one line only."""
    parts = [part for part in (frame.banner, frame.activity) if part]
    return [(Span(part, "banner"),) for part in parts[-height:]]


def clock_width(width: int, look: Look) -> int:
    if look.local:
        return LOCAL_CLOCK_WIDTH
    return WIDE_CLOCK_WIDTH if width >= WIDE_FROM else CLOCK_WIDTH


def freshness_width(frame: Frame, width: int) -> int:
    if freshness(frame.shown, frame.now).all_old:
        return STALE_WIDTH
    return WIDE_FRESHNESS_WIDTH if width >= WIDE_FROM else FRESHNESS_WIDTH
