"""All that one or more reports tell of one object, as failures: one for each attribute and value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from msgspec.structs import fields, replace

from tui.model.catalogue import explain
from tui.model.facts import FailureReport, ObjectRef
from tui.model.same_object import nameless
from tui.model.snapshot import Failure

Seen = tuple[FailureReport, datetime]
Facet = tuple[str, str]

ID_BYTES = 8
_NO_VALUE = frozenset({"", "system.byte[]"})  # what .NET prints for a value it cannot print
REF_FIELDS = tuple(one.encode_name for one in fields(ObjectRef))


@lru_cache(maxsize=4096)
def _attribute_key(attribute: str | None) -> str:
    """ProxyAddress and ProxyAddresses are one attribute (facts/domain.md 2.6)."""
    return (attribute or "").casefold().removesuffix("es").removesuffix("s")


def _value_key(value: str | None) -> str:
    key = (value or "").casefold().removeprefix("smtp:")
    return "" if key in _NO_VALUE else key


def parts(group: Sequence[Seen]) -> Iterable[list[Seen]]:
    """An object's reports by attribute and value. One that lacks either goes with the least that does not contradict
    it, so that no order of the reports makes a difference."""
    keyed: dict[Facet, list[Seen]] = {}
    for seen in group:
        keyed.setdefault((_attribute_key(seen[0].attribute), _value_key(seen[0].value)), []).append(seen)
    found: dict[Facet, list[Seen]] = {}
    least: dict[Facet, Facet] = {}
    for key in sorted(keyed, key=lambda key: (key.count(""), key)):
        home = _home(key, least)
        found.setdefault(home, []).extend(keyed[key])
        for partial in ((home[0], ""), ("", home[1]), ("", "")):
            least.setdefault(partial, home)
    return found.values()


def _home(key: Facet, least: Mapping[Facet, Facet]) -> Facet:
    """The part that reports with `key` belong to. `least`: the first part that each partial key fits."""
    attribute, value = key
    if attribute and value:
        return key
    if value and key not in least:
        return next((home for home in sorted(set(least.values())) if not home[1]), key)
    return least.get(key, key)


def failure_of_one(report: FailureReport, as_of: datetime) -> Failure:
    return Failure(
        id=_hashed(_identity(report, report.object, report.attribute, report.value)),
        severity=explain(report.code).severity,
        hop=report.hop,
        sources=_alone(report.source),
        code=report.code,
        object=report.object,
        attribute=report.attribute or None,
        value=report.value or None,
        conflicts_with=report.conflicts_with,
        first_seen=report.first_seen,
        last_seen=_last_seen(report, as_of),
        message=report.message,
    )


def failure_of_many(seen: Sequence[Seen]) -> tuple[Failure, tuple[str, ...]]:
    """The failure that several reports tell of, and the ids that they would have alone."""
    reports = [report for report, _ in seen]
    first = reports[0]
    ref = _filled(first.object, [report.object for report in reports[1:]])
    attribute = _first(report.attribute for report in reports)
    value = _first(report.value for report in reports if _value_key(report.value)) or first.value or None
    identity = _identity(first, ref, attribute, value)
    failure = Failure(
        id=_hashed(identity),
        severity=explain(first.code).severity,
        hop=first.hop,
        sources=tuple(sorted({report.source for report in reports}, key=_source_order)),
        code=first.code,
        object=ref,
        attribute=attribute,
        value=value,
        conflicts_with=_other_party(reports),
        first_seen=min((report.first_seen for report in reports if report.first_seen), default=None),
        last_seen=max(_last_seen(report, as_of) for report, as_of in seen),
        message=_first(report.message for report in reports) or "",
    )
    alone = {_identity(report, report.object, report.attribute, report.value) for report in reports} - {identity}
    return failure, tuple(sorted(map(_hashed, alone)))


def _last_seen(report: FailureReport, as_of: datetime) -> datetime:
    """Never after the reading itself, whatever the upstream's clock says."""
    return min(report.last_seen, as_of) if report.last_seen else as_of


@lru_cache(maxsize=64)
def _alone(source: str) -> tuple[str, ...]:
    return (source,)


def _identity(report: FailureReport, ref: ObjectRef, attribute: str | None, value: str | None) -> str:
    """What makes a failure this one: hop, cause, attribute, value, and the object's most lasting name."""
    return "\x1f".join(
        (
            report.hop,
            explain(report.code).cause,
            _attribute_key(attribute),
            _value_key(value),
            _lasting_name(report, ref),
        )
    )


def _hashed(identity: str) -> str:
    return blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=ID_BYTES).hexdigest()


def _lasting_name(report: FailureReport, ref: ObjectRef) -> str:
    if ref.source_anchor:
        return f"a{ref.source_anchor}"
    for kind, name in (("d", ref.dn), ("i", ref.id), ("u", ref.upn)):
        if name:
            return kind + name.casefold()
    return f"n{nameless(report)}"


def preferred(seen: Sequence[Seen]) -> list[Seen]:
    """Graph's word first; a full order where one source speaks twice, so that the order of the input never tells."""
    sources = {report.source for report, _ in seen}
    return sorted(seen, key=_by_source if len(sources) == len(seen) else _by_everything)


def _source_order(source: str) -> tuple[bool, str]:
    return not source.startswith("graph"), source


def _by_source(seen: Seen) -> tuple[bool, str]:
    return _source_order(seen[0].source)


def _by_everything(seen: Seen) -> tuple[object, ...]:
    report, as_of = seen
    times = tuple(one.isoformat() if one else "" for one in (report.first_seen, report.last_seen, as_of))
    told = tuple(one or "" for one in (report.code, report.attribute, report.value, report.message))
    return _source_order(report.source), told, _ref_order(report.object), _ref_order(report.conflicts_with), times


def _ref_order(ref: ObjectRef | None) -> tuple[str, ...]:
    return tuple(getattr(ref, name) or "" for name in REF_FIELDS) if ref else ()


def _first(values: Iterator[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _filled(ref: ObjectRef, others: Sequence[ObjectRef]) -> ObjectRef:
    """`ref` with what it lacks taken from the others, first come first served."""
    missing = [name for name in REF_FIELDS if not getattr(ref, name)]
    found = {name: value for name in missing if (value := _first(getattr(one, name) for one in others))}
    return replace(ref, **found) if found else ref


def _other_party(reports: Sequence[FailureReport]) -> ObjectRef | None:
    """The first other party that is named, completed only by those that mean the same object."""
    named = [report.conflicts_with for report in reports if report.conflicts_with]
    if not named:
        return None
    return _filled(named[0], [one for one in named[1:] if _share_a_name(named[0], one)])


def _share_a_name(one: ObjectRef, other: ObjectRef) -> bool:
    return any(
        (name := getattr(one, kind)) and (getattr(other, kind) or "").casefold() == name.casefold()
        for kind in ("source_anchor", "dn", "id", "upn")
    )
