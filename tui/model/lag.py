"""How long changes take from one side of a hop to the other: when two sightings are the same change, and figures."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from struct import Struct as Pack

from msgspec import Struct

from tui.model.attributes import COMPARED, Compared
from tui.model.snapshot import LagFigures

UNKNOWN = b"\0\0\0\0"
_WIDTH = len(UNKNOWN)
_LARGEST = 0xFFFFFFFF
_DISABLED = 0x2
_NOTHING = LagFigures()


class Sample(Struct, frozen=True):
    """One of the lags that are kept: `weight` is how many changes it stands for."""

    seconds: float
    weight: float = 1.0


def fingerprint(kind: str, values: Mapping[str, tuple[str, ...]]) -> bytes:
    """The compared attributes of an object in a few bytes, four for each; four zeros where the side does not tell it.

    Good within one process. Two values are taken for the same where their hashes are: one pair in four billion is not.
    """
    pack, table = _TABLES.get(kind, _NO_TABLE)
    return pack(*[_mark(values[name], plain) if name in values else 0 for name, plain in table])


def same_values(one: bytes, other: bytes) -> bool:
    """True where nothing that both fingerprints tell differs, and they tell something in common."""
    if one == other:
        return one.count(0) < len(one)
    if len(one) != len(other):
        return False
    pairs = [(one[at : at + _WIDTH], other[at : at + _WIDTH]) for at in range(0, len(one), _WIDTH)]
    told = [left == right for left, right in pairs if UNKNOWN not in (left, right)]
    return bool(told) and all(told)


def merged(before: bytes | None, mark: bytes) -> bytes:
    """What is known of an object after `mark` was told: of what it does not tell, what was known before."""
    if before is None or len(before) != len(mark) or UNKNOWN not in mark:
        return mark
    parts = ((mark[at : at + _WIDTH], before[at : at + _WIDTH]) for at in range(0, len(mark), _WIDTH))
    return b"".join(old if new == UNKNOWN else new for new, old in parts)


def lag_s(departed: datetime, arrived: datetime) -> float:
    """Seconds; clocks and polls are coarse, so that an arrival may seem to come first: then none."""
    return max(0.0, (arrived - departed).total_seconds())


def figures(samples: Iterable[Sample], number: int, longest: float) -> LagFigures:
    """`samples`: those kept of `number` in all, of which `longest` is the true maximum."""
    ordered = sorted(samples, key=lambda sample: sample.seconds)
    if not ordered or not number:
        return _NOTHING
    return LagFigures(
        samples=number,
        median_s=_quantile(ordered, 0.5),
        p95_s=_quantile(ordered, 0.95),
        max_s=longest,
    )


def _quantile(ordered: Sequence[Sample], share: float) -> float:
    """The least lag that `share` of the changes do not exceed."""
    wanted = share * sum(sample.weight for sample in ordered)
    passed = 0.0
    for sample in ordered:
        passed += sample.weight
        if passed >= wanted:
            return sample.seconds
    return ordered[-1].seconds


def _mark(values: tuple[str, ...], plain: Callable[[tuple[str, ...]], Hashable]) -> int:
    return hash(plain(values)) & _LARGEST or 1


def _as_told(values: tuple[str, ...]) -> Hashable:
    return values[0] if len(values) == 1 else "\0".join(values)


def _without_case(values: tuple[str, ...]) -> Hashable:
    return values[0].casefold() if len(values) == 1 else "\0".join(values).casefold()


def _as_set(values: tuple[str, ...]) -> Hashable:
    return frozenset(value.casefold() for value in values if value) or ""


def _enabled(values: tuple[str, ...]) -> Hashable:
    """`true` or `false`, also of a directory's userAccountControl (facts/domain.md 1.2)."""
    told = _without_case(values)
    if isinstance(told, str) and told.isascii() and told.isdigit():
        return "false" if int(told[:9]) & _DISABLED else "true"
    return told


def _plain_form(compared: Compared) -> Callable[[tuple[str, ...]], Hashable]:
    if compared.graph == "accountEnabled":
        return _enabled
    if compared.multiple:
        return _as_set
    return _without_case if compared.ignores_case else _as_told


_NO_TABLE: tuple[Callable[..., bytes], tuple[tuple[str, Callable[[tuple[str, ...]], Hashable]], ...]] = (
    Pack(">").pack,
    (),
)
_TABLES = {
    kind: (Pack(f">{len(table)}I").pack, tuple((compared.graph, _plain_form(compared)) for compared in table))
    for kind, table in COMPARED.items()
}
