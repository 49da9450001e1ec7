"""What the sightings of one object come to: how they differ, what stops or delays it, cause before symptom. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from tui.model.absence import ATTRIBUTE_ONLY, SIDE_LABELS, SIDES, Circumstances, circumstances, missing
from tui.model.attributes import COMPARED, Compared
from tui.model.comparison import Listed
from tui.model.failures import explanation, label
from tui.model.lookup import SEARCHED_BY
from tui.model.marks import Mark
from tui.model.snapshot import Failure, TenantSnapshot, Thresholds
from tui.model.states import HOP_LABELS, HopName, Side
from tui.model.text import duration
from tui.model.trace import AttributeDifference, Outcome, Sighting, Trace

LONGEST_ACCOUNT_NAME = 20
HOPS = (HopName.CONNECT, HopName.DOMAIN_SERVICES)
# Entra adds addresses of the tenant's own domain to what comes from on-premises.
_TENANT_DOMAIN = ".onmicrosoft.com"


class Known(Struct, frozen=True, kw_only=True):
    """What a trace is judged by beside the sightings. `failures`: those of this object alone."""

    snapshot: TenantSnapshot
    thresholds: Thresholds
    now: datetime
    domain_made: datetime | None = None
    failures: Sequence[Failure] = ()

    def around(self, hop: HopName) -> Circumstances:
        return circumstances(self.snapshot, hop, self.thresholds, self.now, self.domain_made)


class Finding(Struct, frozen=True):
    """`harmless`: it is as it should be, and worth knowing."""

    text: str
    harmless: bool = False


class Sides(Struct, frozen=True):
    """The sightings by side."""

    by_side: Mapping[Side, Sighting] = field(default_factory=dict)

    def found(self, side: Side) -> Sighting | None:
        """The object there; None where it is not, or where that is not known."""
        seen = self.by_side.get(side)
        return seen if seen is not None and seen.found else None

    def lacks(self, side: Side) -> bool:
        """It is known not to be there."""
        seen = self.by_side.get(side)
        return seen is not None and seen.found is False

    @property
    def any_found(self) -> Sighting | None:
        return next((seen for seen in self.by_side.values() if seen.found), None)


def traced(name: str, sightings: Sequence[Sighting], known: Known, ambiguous: Sequence[str] = ()) -> Trace:
    """The trace of the object that `sightings`, one a side at most, are of."""
    sides = Sides({seen.side: seen for seen in sightings})
    differing = differences(sides)
    findings = [*_ambiguity(ambiguous), *_findings(sides, differing, known)]
    return Trace(
        name=name,
        at=known.now,
        sightings=tuple(sightings),
        differences=tuple(differing),
        findings=tuple(dict.fromkeys(finding.text for finding in findings)),
        ambiguous=tuple(ambiguous),
        outcome=_outcome(sides, differing, findings),
    )


def _outcome(sides: Sides, differing: Sequence[AttributeDifference], findings: Sequence[Finding]) -> Outcome:
    unasked = any(seen.found is None for seen in sides.by_side.values())
    if sides.any_found is None:
        return Outcome.UNKNOWN if unasked or not sides.by_side else Outcome.NOT_FOUND
    if differing or any(not finding.harmless for finding in findings):
        return Outcome.DIFFERS
    return Outcome.UNKNOWN if unasked else Outcome.CONSISTENT


# Attributes


def differences(sides: Sides) -> list[AttributeDifference]:
    """The compared attributes that are not the same on two neighbouring sides that have the object."""
    seen = sides.any_found
    compared = COMPARED.get((seen.object.type if seen else None) or "", ())
    return [found for one in compared if (found := _difference(one, sides)) is not None]


def _difference(compared: Compared, sides: Sides) -> AttributeDifference | None:
    differs = any(differs_over(hop, compared, sides) for hop in HOPS)
    if not differs:
        return None
    held = {side: seen.attributes.get(compared.graph, ()) for side in Side if (seen := sides.found(side))}
    return AttributeDifference(compared.graph, held)


def differs_over(hop: HopName, compared: Compared, sides: Sides) -> bool:
    """Whether both sides of `hop` have the object, with different values."""
    before, after = (sides.found(side) for side in SIDES[hop])
    if before is None or after is None:
        return False
    one, other = _values(before, compared), _values(after, compared)
    if hop is HopName.CONNECT and compared.graph == "proxyAddresses":
        other = {value for value in other if value in one or not value.endswith(_TENANT_DOMAIN)}
    return one != other


def _values(seen: Sighting, compared: Compared) -> set[str]:
    values = seen.attributes.get(compared.graph, ())
    return {value.casefold() for value in values} if compared.ignores_case else set(values)


# Findings


def _findings(sides: Sides, differing: Sequence[AttributeDifference], known: Known) -> Iterator[Finding]:
    seen = sides.any_found
    if seen is None:
        yield _not_found(sides)
        return
    yield from _failures(known)
    yield from _quarantined(sides, known)
    yield from _deleted(sides, known)
    for hop in HOPS:
        yield from _absence(hop, sides, known)
    for hop in HOPS:
        yield from _delay(hop, differing, sides, known)
    yield from _local(sides)
    yield from _passwords(sides, known)
    yield from _account_name(sides)


def _ambiguity(names: Sequence[str]) -> Iterator[Finding]:
    if names:
        yield Finding(
            f"{len(names)} objects answer to this name; this is the best match. Trace one by its id to see another.",
            harmless=True,
        )


def _not_found(sides: Sides) -> Finding:
    asked = [SIDE_LABELS[side] for side, seen in sides.by_side.items() if seen.found is False]
    if not asked:
        return Finding("No side could be asked: nothing is known of it.")
    return Finding(f"Nothing answers to this name. Searched {_listed(asked)}, users and groups, by {SEARCHED_BY}.")


def _failures(known: Known) -> Iterator[Finding]:
    for failure in known.failures:
        told = explanation(failure)
        value = " = ".join(part for part in (failure.attribute, failure.value) if part)
        other = f"It is also on {label(failure.conflicts_with)}" if failure.conflicts_with else ""
        head = f"{HOP_LABELS[failure.hop]}: {told.title}{f' ({value})' if value else ''}"
        yield Finding(" ".join(_sentence(part) for part in (head, other, told.meaning, told.remedy) if part))


def _quarantined(sides: Sides, known: Known) -> Iterator[Finding]:
    told = {(failure.attribute or "").casefold() for failure in known.failures if failure.code in ATTRIBUTE_ONLY}
    for seen in sides.by_side.values():
        for conflict in seen.quarantined:
            if conflict.partition(" = ")[0].casefold() not in told:
                yield Finding(
                    f"Entra set {conflict} aside, because another object holds it: change it on one of the two."
                )


def _deleted(sides: Sides, known: Known) -> Iterator[Finding]:
    seen = sides.by_side.get(Side.ENTRA)
    if seen is not None and Mark.DELETED in seen.marks:
        when = f" {duration((known.now - seen.deleted).total_seconds())} ago" if seen.deleted else ""
        yield Finding(f"It was deleted in Entra{when} and can be restored for 30 days; until then it does not travel.")


def _absence(hop: HopName, sides: Sides, known: Known) -> Iterator[Finding]:
    """Why one side of a hop lacks what the other has."""
    before, after = SIDES[hop]
    upstream, downstream = sides.found(before), sides.found(after)
    if upstream is not None and sides.lacks(after) and not _is_deleted(sides, after):
        yield _explained(upstream, after, hop, known)
    if downstream is not None and sides.lacks(before):
        if downstream.is_local:
            yield from _made_here(after)
        elif not _is_deleted(sides, before):
            yield _explained(downstream, before, hop, known)


def _is_deleted(sides: Sides, side: Side) -> bool:
    return Mark.DELETED in sides.by_side[side].marks


def _explained(seen: Sighting, missing_on: Side, hop: HopName, known: Known) -> Finding:
    failed = [failure for failure in known.failures if failure.hop is hop and failure.code not in ATTRIBUTE_ONLY]
    if failed:
        return Finding(f"So {_side(missing_on)} does not have it.")
    told = missing(listed_of(seen), missing_on, known.around(hop))
    return Finding(f"{_capital(_side(missing_on))} does not have it. {told.why}")


def _made_here(side: Side) -> Iterator[Finding]:
    if side is Side.ENTRA:
        yield Finding("It was made in the cloud: on-premises need not have it.", harmless=True)


def _delay(hop: HopName, differing: Sequence[AttributeDifference], sides: Sides, known: Known) -> Iterator[Finding]:
    """Which attributes have not come over a hop, and whether that is late."""
    before, after = SIDES[hop]
    upstream = sides.found(before)
    set_aside = _set_aside(sides, known)
    names = [
        one.name
        for one in differing
        if upstream and one.name.casefold() not in set_aside and differs_over(hop, _compared(upstream, one.name), sides)
    ]
    if upstream is None or not names:
        return
    around = known.around(hop)
    what = f"{_listed(names)} {'differs' if len(names) == 1 else 'differ'} between {_side(before)} and {_side(after)}"
    yield Finding(f"{what}. {_how_late(upstream, around)}")


def _set_aside(sides: Sides, known: Known) -> frozenset[str]:
    """The attributes whose difference a failure explains, which is told before."""
    failing = {(failure.attribute or "").casefold() for failure in known.failures}
    conflicts = (conflict for seen in sides.by_side.values() for conflict in seen.quarantined)
    return frozenset(failing | {conflict.partition(" = ")[0].casefold() for conflict in conflicts})


def _how_late(upstream: Sighting, around: Circumstances) -> str:
    if around.stopped:
        return f"{_capital(around.stopped)}: changes wait."
    if upstream.changed is None:
        return f"When it changed is not known; {around.usual}."
    age_s = (around.now - upstream.changed).total_seconds()
    if age_s <= around.limit_s:
        return f"Changed {duration(age_s)} ago, so it may be on its way; {around.usual}."
    return f"Last changed {duration(age_s)} ago, so it should have arrived; {around.usual}. Nothing explains it."


def _compared(seen: Sighting, name: str) -> Compared:
    return next(one for one in COMPARED[seen.object.type or ""] if one.graph == name)


def _local(sides: Sides) -> Iterator[Finding]:
    seen = sides.found(Side.MANAGED_DOMAIN)
    if seen is not None and seen.is_local:
        yield Finding(
            "It was made in the managed domain itself: it stays there, and Entra never hears of it.", harmless=True
        )


def _passwords(sides: Sides, known: Known) -> Iterator[Finding]:
    """Who is in the managed domain and cannot sign in there (facts/domain.md 1.3, 1.6)."""
    seen = sides.found(Side.ENTRA)
    if seen is None or not known.snapshot.managed_domain_name or seen.object.type != "user":
        return
    if Mark.GUEST in seen.marks:
        yield Finding(
            "A guest: synced to the managed domain without password hashes, so it cannot sign in there.", harmless=True
        )
    elif _waits_for_password(seen, known) and sides.found(Side.MANAGED_DOMAIN):
        yield Finding(
            "Its password was not changed since the managed domain was made: it cannot sign in there until the user "
            "changes it once."
        )


def _waits_for_password(seen: Sighting, known: Known) -> bool:
    changed, made = seen.password_changed, known.domain_made
    return bool(seen.is_local) and changed is not None and made is not None and changed < made


def _account_name(sides: Sides) -> Iterator[Finding]:
    """facts/domain.md 1.2: sAMAccountName is generated where the wished one is too long or taken."""
    here, entra = sides.found(Side.MANAGED_DOMAIN), sides.found(Side.ENTRA)
    if here is None or entra is None or not here.account_name:
        return
    wished = wished_account_name(entra)
    if wished and wished.casefold() != here.account_name.casefold():
        prefix = (entra.object.upn or "").partition("@")[0]
        is_long = entra.object.type == "user" and max(len(wished), len(prefix)) > LONGEST_ACCOUNT_NAME
        why = f"longer than {LONGEST_ACCOUNT_NAME} characters" if is_long else "taken by another object, or not allowed"
        yield Finding(
            f"Its sAMAccountName in the managed domain is {here.account_name}, not {wished}, which is {why}. Signing "
            "in with the user principal name always works.",
            harmless=True,
        )


def wished_account_name(entra: Sighting) -> str:
    """What the managed domain would call it: a user by mailNickname, a group by displayName."""
    if entra.object.type == "group":
        return next(iter(entra.attributes.get("displayName", ())), "")
    return entra.nickname or (entra.object.upn or "").partition("@")[0]


def listed_of(seen: Sighting) -> Listed:
    """A sighting as a comparison would list it."""
    return Listed(
        object=seen.object,
        created=seen.created,
        changed=seen.changed,
        marks=frozenset(seen.marks),
        sid=seen.sid,
        password_changed=seen.password_changed if seen.is_local else None,
    )


def _side(side: Side) -> str:
    return SIDE_LABELS[side]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
