"""Snapshots as one line plus performance data, as the monitoring-plugin guidelines ask.

https://www.monitoring-plugins.org/doc/guidelines.html: `TEXT | 'label'=value[unit];warn;crit;min`, `U` for a value
that could not be determined; the text holds neither a newline nor `|`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime

from tui.model.headline import headline_first
from tui.model.snapshot import Hop, Reason, TenantSnapshot, Thresholds
from tui.model.states import HOP_LABELS, HopName, HopState, ReasonCode, Severity
from tui.model.text import clean, duration, limit, plural
from tui.reports.verdicts import failing, worst, worst_first

LONGEST_MESSAGE = 2000
LONGEST_REASON = 160
REASONS_SHOWN = 3
_AT_A_GLANCE = {
    ReasonCode.NO_RECENT_SYNCHRONIZATION: "no recent synchronization: ",
    ReasonCode.LAST_SYNCED_OVER_3_DAYS: "no recent synchronization, last synced more than 3 days ago: ",
}
_AGE_REASONS = frozenset(
    {
        ReasonCode.NO_RECENT_SYNCHRONIZATION,
        ReasonCode.LAST_SYNCED_OVER_3_DAYS,
        ReasonCode.CONNECT_LATE,
        ReasonCode.PASSWORD_SYNC_LATE,
        ReasonCode.DOMAIN_SERVICES_LATE,
    }
)


def text_line(snapshots: Sequence[TenantSnapshot], at: datetime, thresholds: Thresholds) -> str:
    """`SYNCTOP WARNING - contoso: ... | 'contoso connect_age'=2832s;3600;10800;0 ...`, without a line end."""
    verdict = worst(snapshot.verdict for snapshot in snapshots)
    message = ". ".join(_tenant(snapshot, at, thresholds) for snapshot in worst_first(snapshots)) or "no tenant"
    metrics = " ".join(metric for snapshot in snapshots for metric in _metrics(snapshot, at, thresholds))
    line = f"SYNCTOP {verdict.upper()} - {_message(message)}"
    return f"{line} | {metrics}" if metrics else line


def _tenant(snapshot: TenantSnapshot, at: datetime, thresholds: Thresholds) -> str:
    told = [_reason(reason, snapshot, at, thresholds) for reason in _said_once(headline_first(snapshot.reasons))]
    facts = list(dict.fromkeys(told)) or [_hop(hop, at) for hop in snapshot.hops] or ["nothing is known yet"]
    more = [f"{len(facts) - REASONS_SHOWN} more"] if len(facts) > REASONS_SHOWN else []
    return f"{snapshot.name}: {'; '.join((*facts[:REASONS_SHOWN], *more))}"


def _said_once(reasons: Sequence[Reason]) -> Sequence[Reason]:
    """Three days without a sync say that there was no recent one."""
    if any(reason.code is ReasonCode.LAST_SYNCED_OVER_3_DAYS for reason in reasons):
        return [reason for reason in reasons if reason.code is not ReasonCode.NO_RECENT_SYNCHRONIZATION]
    return reasons


def _reason(reason: Reason, snapshot: TenantSnapshot, at: datetime, thresholds: Thresholds) -> str:
    if reason.code in _AGE_REASONS and reason.hop:
        warning, critical = thresholds.of(reason.hop)
        exceeded = critical if reason.severity is Severity.CRITICAL else warning
        hop = next((hop for hop in snapshot.hops if hop.name is reason.hop), Hop(name=reason.hop))
        words = _AT_A_GLANCE.get(reason.code, "")
        return f"{words}{_hop(hop, at)} (limit {limit(exceeded)})"
    if reason.code is ReasonCode.OBJECT_FAILURES and (number := failing(snapshot)):
        return plural(number, "failing object")
    return clean(reason.text, LONGEST_REASON).rstrip(".") or reason.code.value


def _hop(hop: Hop, at: datetime) -> str:
    """`AD > Entra 47m12s old`, or its state where no success is known."""
    age = _age(hop, at)
    title = HOP_LABELS[hop.name]
    if age is None or hop.state in (HopState.OFF, HopState.NOT_MONITORED):
        return f"{title} {hop.state.replace('-', ' ')}"
    return f"{title} {duration(age)} old"


def _age(hop: Hop, at: datetime) -> float | None:
    age = hop.age_s(at)
    return age if age is not None and math.isfinite(age) else None


def _message(text: str) -> str:
    return clean(text.replace("|", "/"), LONGEST_MESSAGE)


def _metrics(snapshot: TenantSnapshot, at: datetime, thresholds: Thresholds) -> list[str]:
    hops = {hop.name: hop for hop in snapshot.hops}
    label = re.sub(r"['=|]", "_", clean(snapshot.name, 64)) or "tenant"
    metrics = []
    for name in HopName:
        age = _age(hops[name], at) if name in hops else None
        value = "U" if age is None else f"{int(age)}s"
        warning, critical = thresholds.of(name)
        metrics.append(f"'{label} {name.replace('-', '_')}_age'={value};{warning:.0f};{critical:.0f};0")
    number = failing(snapshot)
    return [*metrics, f"'{label} failures'={'U' if number is None else number};;;0"]
