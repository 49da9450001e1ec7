"""Objects that one side lacks without a known reason, for longer than a change normally takes."""

from __future__ import annotations

from collections.abc import Iterator

from tui.model.catalogue import explain
from tui.model.finding import Finding, finding
from tui.model.judge_hops import is_failing
from tui.model.snapshot import CountRow, TenantSnapshot, Unexplained
from tui.model.states import HopName, HopState, ReasonCode, Severity, SourceId
from tui.model.text import minute, plural

# While a hop stands still, what has not arrived is its backlog and no riddle.
NOT_MOVING = frozenset({HopState.LATE, HopState.STALE, HopState.NEVER, HopState.DISABLED, HopState.OFF})
SIDES = {
    HopName.CONNECT: (SourceId.ON_PREMISES, SourceId.COUNTS),
    HopName.DOMAIN_SERVICES: (SourceId.COUNTS, SourceId.MANAGED_DOMAIN),
}
NAMES = {
    SourceId.ON_PREMISES: "on-premises",
    SourceId.COUNTS: "in Entra ID",
    SourceId.MANAGED_DOMAIN: "in the managed domain",
}


def difference_findings(snapshot: TenantSnapshot) -> Iterator[Finding]:
    """One finding per type and hop, where both sides answer and the hop works."""
    for row in snapshot.counts:
        for part in row.unexplained:
            sides = SIDES.get(part.hop, ())
            moves = not any(hop.name is part.hop and hop.state in NOT_MOVING for hop in snapshot.hops)
            if sides and moves and not any(is_failing(snapshot.source(side)) for side in sides):
                yield _finding(row, part)


def _finding(row: CountRow, part: Unexplained) -> Finding:
    about = explain(ReasonCode.UNEXPLAINED_DIFFERENCE)
    here, there = (NAMES[side] for side in SIDES[part.hop])
    if part.is_surplus:
        here, there = there, here
    what = plural(part.number, row.type.value.removesuffix("s"))
    verb = "is" if part.number == 1 else "are"
    since = f", since {minute(part.since)} or longer" if part.since else ""
    text = f"{what} {verb} {here} but not {there}{since}, and no failure or rule explains it. {about.remedy}"
    return finding(ReasonCode.UNEXPLAINED_DIFFERENCE, Severity.WARNING, part.hop, text, about)
