"""Traces and comparisons as the status service would give them. All names and figures are invented."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from tests.helpers import START
from tests.screens import scenes
from tests.screens.scenes import ago
from tests.screens.stage import Stage
from tui.model.comparison import Comparison, Example, Part
from tui.model.facts import ObjectRef
from tui.model.snapshot import Lag, LagFigures, TenantSnapshot
from tui.model.states import HopName, ObjectType, Side
from tui.model.trace import AttributeDifference, Outcome, Sighting, Trace

ID, ANCHOR = "6814ae60-e834-477d-ada5-00f892c469c1", "8P4oK9S0koDHkBg6+19p+w=="
NAME = "jane@contoso.com"


def figures(samples: int, median_s: float, p95_s: float, max_s: float) -> LagFigures:
    return LagFigures(samples=samples, median_s=median_s, p95_s=p95_s, max_s=max_s)


def measured() -> TenantSnapshot:
    """Both hops' lag is measured; the second one was idle for the last hour."""
    calm = scenes.healthy()
    connect = Lag(hour=figures(118, 372, 1900, 2465), day=figures(1204, 401, 2011, 7300), in_flight=3, oldest_s=240)
    domain = Lag(day=figures(866, 700, 2900, 7300))
    lags = {HopName.CONNECT: connect, HopName.DOMAIN_SERVICES: domain}
    return replace(calm, hops=tuple(replace(hop, lag=lags.get(hop.name)) for hop in calm.hops))


def attributes(department: str, *addresses: str) -> dict[str, tuple[str, ...]]:
    return {
        "displayName": ("Jane Doe",),
        "mail": (NAME,),
        "givenName": ("Jane",),
        "surname": ("Doe",),
        "department": (department,),
        "jobTitle": ("Head of Sales, Northern Region",),
        "proxyAddresses": addresses,
    }


def jane() -> Trace:
    """One user whose department has not reached the managed domain, and whose address is quarantined."""
    held = ObjectRef(
        type="user", name="Jane Doe", upn=NAME, dn="CN=Jane Doe,OU=Sales,OU=Staff,DC=corp,DC=contoso,DC=com"
    )
    return Trace(
        name=NAME,
        at=START,
        outcome=Outcome.DIFFERS,
        findings=(
            "AD > Entra: Duplicate address or sign-in name, quarantined (ProxyAddresses = smtp:sales@contoso.com). It "
            "is also on Jane Dough. Remove the value from the object that should not have it; the quarantine lifts "
            "within about an hour.",
            "department differs between Entra and the managed domain. Changed 4m00s ago, so it may be on its way; half "
            "of the changes arrive within 6m12s, 95 % within 31m40s.",
        ),
        differences=(
            AttributeDifference(
                "department",
                {Side.ON_PREMISES: ("Sales",), Side.ENTRA: ("Sales",), Side.MANAGED_DOMAIN: ("Marketing",)},
            ),
            AttributeDifference(
                "proxyAddresses",
                {
                    Side.ON_PREMISES: ("SMTP:jane@contoso.com", "smtp:sales@contoso.com"),
                    Side.ENTRA: ("SMTP:jane@contoso.com",),
                    Side.MANAGED_DOMAIN: ("SMTP:jane@contoso.com",),
                },
            ),
        ),
        sightings=(
            Sighting(
                side=Side.ON_PREMISES,
                found=True,
                object=replace(held, source_anchor=ANCHOR),
                attributes=attributes("Sales", "SMTP:jane@contoso.com", "smtp:sales@contoso.com"),
                enabled=True,
                account_name="jane",
                created=ago(90 * 86400),
                changed=ago(240),
            ),
            Sighting(
                side=Side.ENTRA,
                found=True,
                object=replace(held, id=ID, source_anchor=ANCHOR),
                attributes=attributes("Sales", "SMTP:jane@contoso.com"),
                enabled=True,
                account_name="jane",
                created=ago(89 * 86400),
                last_synced=ago(412),
            ),
            Sighting(
                side=Side.MANAGED_DOMAIN,
                found=True,
                object=replace(held, id=ID, dn="CN=Jane Doe,OU=AADDC Users,DC=aadds,DC=contoso,DC=com"),
                attributes=attributes("Marketing", "SMTP:jane@contoso.com"),
                enabled=True,
                account_name="jane",
                created=ago(80 * 86400),
                changed=ago(9000),
            ),
        ),
    )


def lost() -> Trace:
    """A user that Entra lacks, while the managed domain cannot be asked."""
    sightings = (
        jane().sightings[0],
        Sighting(side=Side.ENTRA, found=False),
        Sighting(
            side=Side.MANAGED_DOMAIN,
            found=None,
            problem="ldaps.aadds.contoso.com:636 refused the sign-in of monitor@aadds.contoso.com: wrong password",
        ),
    )
    return replace(
        jane(),
        sightings=sightings,
        differences=(),
        findings=("Entra does not have it. On its way for 4m00s; changes should arrive within 1h00m.",),
    )


def nobody() -> Trace:
    """A name that no side knows."""
    return Trace(
        name="jnae",
        at=START,
        outcome=Outcome.NOT_FOUND,
        findings=(
            "Nothing answers to this name. Searched on-premises, Entra and the managed domain, users and groups, by "
            "sign-in name, account name, mail, proxy address, display name, distinguished name, id and source anchor.",
        ),
        sightings=tuple(Sighting(side=side, found=False) for side in Side),
    )


def guest() -> Trace:
    """A guest, whom the managed domain is not given, under a name that two more answer to."""
    ref = ObjectRef(type="user", name="Ann Partner", upn="ann_partner.com#EXT#@contoso.onmicrosoft.com", id=ID)
    return Trace(
        name="ann",
        at=START,
        outcome=Outcome.CONSISTENT,
        findings=("A guest: guests are not synchronized to the managed domain.",),
        ambiguous=("user ann.lee@contoso.com", "group Ann's team"),
        sightings=(
            Sighting(side=Side.ON_PREMISES, found=False),
            Sighting(
                side=Side.ENTRA,
                found=True,
                object=ref,
                attributes={"mail": ("ann@partner.com",), "companyName": ("Partner Ltd",)},
                enabled=True,
                created=ago(30 * 86400),
                notes=("guest",),
            ),
            Sighting(side=Side.MANAGED_DOMAIN, found=False),
        ),
    )


_WHY = {
    Part.UNEXPLAINED: "Nothing explains it. Check that Connect's scope (its organizational units, its group filter, "
    "its rules) holds it.",
    Part.FAILED: "Soft match not possible. Another object has this address and may not be taken over: change one.",
    Part.IN_FLIGHT: "On its way for 4m00s; half of the changes arrive within 6m12s, 95 % within 31m40s.",
    Part.EXCLUDED: "A service account by its name: Connect leaves it out.",
}
_NAMES = (
    ("Ada Lovelace", Part.UNEXPLAINED, 4 * 86400),
    ("Grace Hopper", Part.UNEXPLAINED, 9 * 3600),
    ("Jane Doe", Part.FAILED, 13_600),
    ("Lin Wei 林偉", Part.IN_FLIGHT, 240),
    ("MSOL_1a2b3c4d5e6f", Part.EXCLUDED, 300 * 86400),
    ("Sales Mailbox of the Northern Region", Part.UNEXPLAINED, 86400 * 2),
)


def example(number: int) -> Example:
    name, part, age = _NAMES[number % len(_NAMES)]
    lap = f" {number // len(_NAMES)}" if number >= len(_NAMES) else ""
    ref = ObjectRef(type="user", name=name + lap, upn=f"user{number}@contoso.com", source_anchor=f"{number:022d}==")
    return Example(part=part, object=ref, missing_on=Side.ENTRA, why=_WHY[part], since=ago(age))


def compared(number: int = 11) -> Comparison:
    """Users that on-premises has and Entra lacks."""
    examples = tuple(sorted((example(each) for each in range(number)), key=lambda one: [*Part].index(one.part)))
    return Comparison(
        hop=HopName.CONNECT,
        type=ObjectType.USERS,
        at=ago(12),
        read={Side.ON_PREMISES: 48_120, Side.ENTRA: 48_097},
        counts={part: sum(one.part is part for one in examples) for part in Part},
        examples=examples,
    )


def agreeing() -> Comparison:
    return replace(compared(0), hop=HopName.DOMAIN_SERVICES, read={Side.ENTRA: 48_597, Side.MANAGED_DOMAIN: 48_597})


KEYS = {
    "difference": ("c", "enter"),
    "difference-none": ("c", "enter", "tab"),
    "difference-filtered": ("c", "enter", "slash", *"hopper"),
    "reading-difference": ("c", "enter"),
    "trace": ("T", *NAME, "enter"),
    "trace-lost": ("T", *"lost", "enter"),
    "trace-nobody": ("T", *"jnae", "enter"),
    "trace-guest": ("T", *"ann", "enter"),
    "reading-trace": ("T", *NAME, "enter"),
    "trace-prompt": ("T", *"jane"),
    "trace-palette": ("colon", *"trace jane"),
}


def answer(stage: Stage, *, held: bool = False) -> None:
    """The sides answer with the scenes of this module; `held`: not before they are let."""
    stage.feed.traces = {NAME: jane(), "lost": lost(), "jnae": nobody(), "ann": guest()}
    stage.feed.comparisons = {HopName.CONNECT: compared(), HopName.DOMAIN_SERVICES: agreeing()}
    stage.feed.held = asyncio.Event() if held else None
