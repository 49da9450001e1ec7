"""States as a mark and a word, hops and times as short text."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from tui.model.snapshot import Hop, Run
from tui.model.states import HopName, HopState, Severity, Side, SourceState, Verdict
from tui.widgets.frame import Look
from tui.widgets.line import Span

MARKS = {Verdict.OK: "+", Verdict.WARNING: "!", Verdict.CRITICAL: "X", Verdict.UNKNOWN: "~"}
STYLES = {Verdict.OK: "ok", Verdict.WARNING: "warn", Verdict.CRITICAL: "crit", Verdict.UNKNOWN: "unknown"}
WORDS = {Verdict.OK: "OK", Verdict.WARNING: "WARN", Verdict.CRITICAL: "CRIT", Verdict.UNKNOWN: "UNKNOWN"}
WORST_FIRST = (Verdict.CRITICAL, Verdict.WARNING, Verdict.UNKNOWN, Verdict.OK)

SIDE_WORDS = {Side.ON_PREMISES: "on-premises", Side.ENTRA: "Entra", Side.MANAGED_DOMAIN: "managed domain"}
HOP_SHORT = {HopName.CONNECT: "AD>Entra", HopName.PASSWORD: "Pwd hash", HopName.DOMAIN_SERVICES: "Entra>DS"}
HOP_ORDER = (HopName.CONNECT, HopName.DOMAIN_SERVICES, HopName.PASSWORD)

_HOP_WORDS = {
    HopState.OK: "OK",
    HopState.LATE: "WARN",
    HopState.STALE: "CRIT",
    HopState.NEVER: "NEVER",
    HopState.DISABLED: "DISABLED",
    HopState.OFF: "OFF",
    HopState.NOT_PERMITTED: "DENIED",
    HopState.NOT_REPORTED: "NO REPORT",
    HopState.NOT_MONITORED: "N/A",
    HopState.ERROR: "ERROR",
}
HOP_NOTES = {
    HopState.NEVER: "switched on, no success yet",
    HopState.DISABLED: "was synced, now switched off",
    HopState.OFF: "not in use here",
    HopState.NOT_PERMITTED: "the account may not read this",
    HopState.NOT_REPORTED: "the service did not report it",
    HopState.NOT_MONITORED: "not monitored",
    HopState.ERROR: "could not be read yet",
}

SEVERITY_WORDS = {Severity.CRITICAL: "CRIT", Severity.WARNING: "WARN", Severity.UNKNOWN: "UNKN", Severity.INFO: "INFO"}
SEVERITY_MARKS = {Severity.CRITICAL: "X", Severity.WARNING: "!", Severity.UNKNOWN: "~", Severity.INFO: "="}
SEVERITY_STYLES = {
    Severity.CRITICAL: "crit",
    Severity.WARNING: "warn",
    Severity.UNKNOWN: "unknown",
    Severity.INFO: "",
}

SOURCE_WORDS = {
    SourceState.OK: Span("+ OK", "ok"),
    SourceState.ERROR: Span("X ERROR", "crit"),
    SourceState.DENIED: Span("X DENIED", "crit"),
    SourceState.THROTTLED: Span("! THROTTLED", "warn"),
    SourceState.NOT_CONFIGURED: Span("= OFF", "off"),
    SourceState.NEVER: Span("~ WAITING", "unknown"),
}


def verdict_badge(verdict: Verdict) -> Span:
    """`! WARN`: calm where all is well, reversed where it is not."""
    style = STYLES[verdict] if verdict is Verdict.OK else STYLES[verdict] + "-badge"
    text = f"{MARKS[verdict]} {WORDS[verdict]}"
    return Span(text if verdict is Verdict.OK else f" {text} ", style)


def hop_mark(hop: Hop) -> str:
    if hop.state in (HopState.OFF, HopState.NOT_MONITORED):
        return "="
    return MARKS[hop.verdict]


def hop_state(hop: Hop) -> Span:
    """Mark and word of a hop; a first sync under way is `SYNCING`."""
    if hop.state in (HopState.OFF, HopState.NOT_MONITORED):
        return Span(f"= {_HOP_WORDS[hop.state]}", "off")
    moving = hop.progress is not None and hop.progress.moving and hop.state is HopState.NEVER
    word = "SYNCING" if moving else _HOP_WORDS[hop.state]
    return Span(f"{MARKS[hop.verdict]} {word}", STYLES[hop.verdict])


def worst_first(verdict: Verdict) -> int:
    return WORST_FIRST.index(verdict)


def coarse(told: str) -> str:
    """A duration's largest unit alone: `17m` for `17m20s`."""
    return re.sub(r"(?<=[a-z]).*", "", told) if told[:1].isdigit() else told


def clock_time(moment: datetime | None, look: Look) -> str:
    """`02:14:07Z`, or `03:14:07` in local time; `-` for None."""
    if moment is None:
        return "-"
    return f"{moment.astimezone():%H:%M:%S}" if look.local else f"{moment:%H:%M:%S}Z"


def recent_time(moment: datetime | None, now: datetime, look: Look) -> str:
    """In nine cells: the time of day within the last day, else the date; `-` for None."""
    if moment is None:
        return "-"
    if abs(now - moment) < timedelta(hours=24):
        return clock_time(moment, look)
    return f"{moment.astimezone() if look.local else moment:%y-%m-%d}"


def full_time(moment: datetime | None, look: Look) -> str:
    """`2026-11-22 02:14:07Z`, or local with its zone's name; `-` for None."""
    if moment is None:
        return "-"
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}" if look.local else f"{moment:%Y-%m-%d %H:%M:%S}Z"


def run_result(run: Run) -> Span:
    """Bad results stand out; the upstream's own word otherwise."""
    text = run.result or ("running" if run.ended is None else "-")
    lowered = text.casefold()
    if any(word in lowered for word in ("fail", "stopped", "quarantine", "no-start", "denied")):
        return Span(text, "crit")
    return Span(text, "warn" if "error" in lowered or "warning" in lowered else "")
