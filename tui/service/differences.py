"""Why counts on two sides disagree: in flight, failed, excluded on purpose, unexplained.

Only counts are known here, so what is neither failed nor excluded is told apart by how long it lasts: a gap older
than the hop's normal lag is unexplained, a younger one is in flight (facts/peers.md B.13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from tui.model.snapshot import CountRow, Difference
from tui.model.states import HopName, ObjectType
from tui.service.history import Samples

SYNCED_TO_DOMAIN = (ObjectType.USERS, ObjectType.GROUPS)
ROW_OF_OBJECT = {
    "user": ObjectType.USERS,
    "group": ObjectType.GROUPS,
    "contact": ObjectType.CONTACTS,
    "orgcontact": ObjectType.CONTACTS,
    "device": ObjectType.DEVICES,
}


def connect_gap(row: CountRow) -> int | None:
    """Objects on-premises that Entra does not hold as synced."""
    return _minus(row.on_premises.value, row.entra_synced.value)


def domain_gap(row: CountRow, sync_scope: str) -> int | None:
    """Objects in the sync's scope that the managed domain does not hold; None where the sync does not copy the type."""
    if row.type not in SYNCED_TO_DOMAIN:
        return None
    return _minus(in_scope(row, sync_scope), row.managed_domain.value)


def in_scope(row: CountRow, sync_scope: str) -> int | None:
    """How many of Entra's objects the managed domain should hold; the scope filters users (facts/domain.md 1.3)."""
    if sync_scope.casefold() == "cloudonly" and row.type == ObjectType.USERS:
        return _minus(row.entra.value, row.entra_synced.value)
    return row.entra.value


def explained(gaps: Iterable[tuple[int, int, int | None]], excluded: int | None) -> Difference:
    """The sum over the hops of (gap, failed on that hop, least gap that has lasted)."""
    parts = [_split(gap, failed, lasting) for gap, failed, lasting in gaps]
    if not parts:
        return Difference()
    return Difference(
        in_flight=_sum(part.in_flight for part in parts),
        failed=_sum(part.failed for part in parts),
        excluded=excluded,
        unexplained=_sum(part.unexplained for part in parts),
    )


def _split(gap: int, failed: int, lasting: int | None) -> Difference:
    size = abs(gap)
    failing = min(size, failed) if gap > 0 else 0
    rest = size - failing
    if rest == 0:
        return Difference(in_flight=0, failed=failing, unexplained=0)
    if lasting is None:
        return Difference(failed=failing)
    unexplained = min(rest, max(0, lasting - failing))
    return Difference(in_flight=rest - unexplained, failed=failing, unexplained=unexplained)


def row_difference(
    row: CountRow,
    sync_scope: str,
    failed: Mapping[tuple[HopName, ObjectType], int],
    lasting: Mapping[tuple[HopName, ObjectType], Samples],
    normal_lag: Mapping[HopName, timedelta],
) -> Difference:
    """The explained difference of one row; all None while fewer than two sides are known."""
    by_hop = {HopName.CONNECT: connect_gap(row), HopName.DOMAIN_SERVICES: domain_gap(row, sync_scope)}
    gaps = [
        (gap, failed.get((hop, row.type), 0), lasting[hop, row.type].least(normal_lag[hop]))
        for hop, gap in by_hop.items()
        if gap is not None
    ]
    scope = in_scope(row, sync_scope)
    held_back = _minus(row.entra.value, scope) if row.type in SYNCED_TO_DOMAIN else 0
    return explained(gaps, held_back)


def _minus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left - right


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
