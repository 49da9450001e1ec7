"""A reason with its place in the order of causes and symptoms, and the words that all reasons share."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from tui.model.catalogue import Explanation
from tui.model.facts import Alert
from tui.model.snapshot import Reason
from tui.model.states import HopName, ReasonCode, Severity, SourceId
from tui.model.text import duration

LONGEST_QUOTE = 240
SEVERITIES = (Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN, Severity.INFO)
_HOPS = (*HopName, None)


class Finding(Struct, frozen=True):
    """`rank`: root cause first, as in the catalogue."""

    reason: Reason
    rank: int


def finding(
    code: ReasonCode, severity: Severity, hop: HopName | None, text: str, about: Explanation, rank: int | None = None
) -> Finding:
    """A finding with the causes, remedies and link of a catalogue entry."""
    reason = Reason(
        code=code, severity=severity, hop=hop, text=text, causes=about.causes, remedies=about.steps, docs=about.link
    )
    return Finding(reason, about.rank if rank is None else rank)


def in_order(findings: Iterable[Finding]) -> tuple[Reason, ...]:
    """The reasons by severity, then cause before symptom."""
    return tuple(found.reason for found in sorted(findings, key=_place))


def ago(seconds: float) -> str:
    """An age for a sentence, to the minute: `47m`, `1h11m`, `3d04h`. Seconds would change the text all the time."""
    if seconds < 60:
        return "under 1m"
    return f"{int(seconds // 60)}m" if seconds < 3600 else duration(seconds)


def quote(text: str, longest: int = LONGEST_QUOTE) -> str:
    """An upstream's words, cut where they would bury the rest, without the final stop."""
    return (text if len(text) <= longest else text[: longest - 1] + "…").rstrip(". ")


def is_domain_services(alert: Alert) -> bool:
    return alert.source == SourceId.DOMAIN_SERVICES or alert.code.casefold().startswith("aadds")


def _place(found: Finding) -> tuple[int, int, int, str, str]:
    reason = found.reason
    return SEVERITIES.index(reason.severity), found.rank, _HOPS.index(reason.hop), reason.code, reason.text
