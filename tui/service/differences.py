"""Why counts on two sides disagree: in flight, failed, excluded on purpose, unexplained.

Failing objects are listed, and new objects on their way are known where changes are followed. Of the rest only counts
are known, so it is told apart by how long it lasts: a gap older than the hop's normal lag is unexplained, a younger
one is in flight (facts/peers.md B.13). With a group filter on, what the managed domain lacks is taken for excluded:
who is a member of the chosen groups is not counted anywhere (facts/domain.md 1.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from tui.model.snapshot import CountRow, Difference, TenantSnapshot, Unexplained
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
Place = tuple[HopName, ObjectType]


class Known(Struct, frozen=True, kw_only=True):
    """What is known besides the counts. `creations`: new objects in flight, where the hop's changes are followed.
    `left_out`: on-premises objects that no sync takes, which are in no count of synced ones."""

    failed: Mapping[Place, int]
    gaps: Mapping[Place, Samples]
    normal_lag: Mapping[HopName, timedelta]
    creations: Mapping[Place, int] = field(default_factory=dict)
    left_out: Mapping[ObjectType, int] = field(default_factory=dict)


class _Gap(Struct, frozen=True):
    """`size` below zero: the later side holds more."""

    hop: HopName
    size: int
    is_filtered: bool = False


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


def explained(row: CountRow, snapshot: TenantSnapshot, known: Known) -> CountRow:
    """`row` with its difference by why, all None while fewer than two sides are known, and what alarms of it."""
    parts = {gap.hop: _split(gap, row.type, known) for gap in _gaps(row, snapshot)}
    if not parts:
        return replace(row, difference=Difference(), unexplained=())
    difference = Difference(
        in_flight=_sum(part.in_flight for part in parts.values()),
        failed=_sum(part.failed for part in parts.values()),
        excluded=_sum((_held_back(row, snapshot, known), *(part.excluded for part in parts.values()))),
        unexplained=_sum(part.unexplained for part in parts.values()),
    )
    alarming = (_lasting(gap, parts[gap.hop], row.type, known) for gap in _gaps(row, snapshot))
    return replace(row, difference=difference, unexplained=tuple(one for one in alarming if one is not None))


def _gaps(row: CountRow, snapshot: TenantSnapshot) -> Iterator[_Gap]:
    if (gap := connect_gap(row)) is not None:
        yield _Gap(HopName.CONNECT, gap)
    if (gap := domain_gap(row, snapshot.sync_scope)) is not None:
        yield _Gap(HopName.DOMAIN_SERVICES, gap, snapshot.filtered_sync.casefold() == "enabled")


def _held_back(row: CountRow, snapshot: TenantSnapshot, known: Known) -> int | None:
    """What the counts that are compared do not hold, on purpose."""
    left_out = known.left_out.get(row.type, 0)
    if row.type not in SYNCED_TO_DOMAIN:
        return left_out
    out_of_scope = _minus(row.entra.value, in_scope(row, snapshot.sync_scope))
    return None if out_of_scope is None else out_of_scope + left_out


def _split(gap: _Gap, kind: ObjectType, known: Known) -> Difference:
    place = gap.hop, kind
    size = abs(gap.size)
    failing = min(size, known.failed.get(place, 0)) if gap.size > 0 else 0
    rest = size - failing
    if gap.is_filtered and gap.size > 0:
        return Difference(in_flight=0, failed=failing, excluded=rest, unexplained=0)
    travelling = min(rest, known.creations.get(place, 0)) if gap.size > 0 else 0
    lasting = known.gaps[place].least(known.normal_lag[gap.hop])
    if lasting is None and travelling < rest:
        return Difference(failed=failing, excluded=0)
    unexplained = min(rest - travelling, max(0, (lasting or 0) - failing))
    return Difference(in_flight=rest - unexplained, failed=failing, excluded=0, unexplained=unexplained)


def _lasting(gap: _Gap, part: Difference, kind: ObjectType, known: Known) -> Unexplained | None:
    if not part.unexplained:
        return None
    since = known.gaps[gap.hop, kind].since(part.unexplained + (part.failed or 0))
    return Unexplained(hop=gap.hop, number=part.unexplained, since=since, is_surplus=gap.size < 0)


def _minus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left - right


def _sum(values: Iterator[int | None] | tuple[int | None, ...]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
