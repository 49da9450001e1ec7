"""Scenarios: what goes on in the lab, as TOML files turned into frozen values.

Durations are lab time, written `90s`, `45m`, `3d4h`. A mistake in a file is one sentence that names file and key.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import typing
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import fields

FOLDER = Path(__file__).parent / "scenarios"
CHAIN = Path(__file__).with_name("chain.toml")
DEFAULT = "story"
_DURATION = re.compile(r"(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+(?:\.\d+)?)s)?\Z")

S = TypeVar("S")


class ScenarioError(ValueError):
    """A scenario that does not exist or is not well written; the message is for people."""


class ConnectFault(StrEnum):
    """What can be wrong with Entra Connect (facts/domain.md 5.3 to 5.5)."""

    PERMISSIONS = "permissions"
    CREDENTIALS = "credentials"
    ENTRA_AUTHENTICATION = "entra-authentication"
    SCHEDULER_SUSPENDED = "scheduler-suspended"
    STAGING_MODE = "staging-mode"
    SERVICE_STOPPED = "service-stopped"
    OU_FILTER = "ou-filter"


class Action(StrEnum):
    """What someone does in the lab, or what befalls it."""

    SAY = "say"
    BREAK_CONNECT = "break-connect"
    REPAIR_CONNECT = "repair-connect"
    RUN_CYCLE = "run-cycle"
    CHANGE = "change"
    DUPLICATE_ADDRESSES = "duplicate-addresses"
    DUPLICATE_NAMES = "duplicate-names"
    FREE_DUPLICATES = "free-duplicates"
    SPOIL_OBJECTS = "spoil-objects"
    MEND_OBJECTS = "mend-objects"
    BLOCK_NETWORK = "block-network"
    UNBLOCK_NETWORK = "unblock-network"
    QUARANTINE = "quarantine"
    RELEASE = "release"


class FaultKind(StrEnum):
    """How the lab's HTTP face misbehaves."""

    THROTTLED = "throttled"
    DENIED = "denied"
    BLANKED = "blanked"
    UNAVAILABLE = "unavailable"
    DROPPED = "dropped"
    MALFORMED = "malformed"
    SLOW = "slow"


class Duration(float):
    """Seconds of lab time."""


_MINUTE = Duration(60)
_TWO_MINUTES = Duration(120)
_FOUR_MINUTES = Duration(240)
_FIVE_MINUTES = Duration(300)
_SIX_MINUTES = Duration(360)
_TWENTY_MINUTES = Duration(1200)
_FIVE_SECONDS = Duration(5)
_HALF_AN_HOUR = Duration(1800)
_AT_ONCE = Duration(0)


class Start(Struct, frozen=True, kw_only=True):
    """How things stand when the lab opens: how long ago each hop last succeeded, and what is wrong.

    `backlog`: on-premises changes since the last Connect cycle. `duplicates`, `duplicate_names`: quarantined
    attributes. `spoiled`: export error type -> objects. `domain_age` None (`never`): the managed domain is new.
    `mass`: a scenario of very many failing objects, `duplicates` of them, made without an everyday population.
    """

    connect_age: Duration = _FOUR_MINUTES
    password_age: Duration = _MINUTE
    domain_age: Duration | None = _SIX_MINUTES
    backlog: int = 0
    duplicates: int = 0
    duplicate_names: int = 0
    spoiled: Mapping[str, int] = field(default_factory=dict)
    connect_fault: ConnectFault | None = None
    network_blocked: bool = False
    cloud_sync: bool = False
    cloud_sync_quarantined: bool = False
    mass: bool = False


class Step(Struct, frozen=True, kw_only=True):
    """One thing that happens `at` lab time after the start; `say` tells it in plain words."""

    at: Duration
    do: Action = Action.SAY
    say: str = ""
    fault: ConnectFault | None = None
    code: str = ""
    count: int = 1


class Fault(Struct, frozen=True, kw_only=True):
    """Requests whose path begins with one of `paths` fail with chance `share` in the window [`begin`, `end`).

    `retry_after`: what a throttled answer says, fractions allowed; absent: it says nothing. `delay`: wall seconds.
    """

    kind: FaultKind
    paths: tuple[str, ...] = ("/",)
    share: float = 1.0
    begin: Duration = _AT_ONCE
    end: Duration | None = None
    retry_after: str | None = None
    delay: float = 0.0


class Scenario(Struct, frozen=True, kw_only=True):
    """`speed`: lab seconds in a wall second. `repeat`: the steps begin again after so long, with other objects.

    Intervals: of Connect's cycles, of password hash cycles, of the replicator's rounds, of the health evaluation of
    Domain Services (hourly in real life), of looks at a real on-premises directory, all lab time. `replicate_every`
    None (`never`): the lab has no managed domain. `first_sync_for`: wall seconds a first replication takes.
    """

    name: str = ""
    title: str
    says: str
    objects: int = 1200
    cloud_users: int = 48
    speed: float = 20.0
    repeat: Duration | None = None
    changes_per_hour: float = 12.0
    connect_every: Duration = _HALF_AN_HOUR
    password_every: Duration = _TWO_MINUTES
    replicate_every: Duration | None = _TWENTY_MINUTES
    evaluate_every: Duration = _FIVE_MINUTES
    import_every: Duration = _FIVE_SECONDS
    deletion_threshold: int = 500
    first_sync_for: float = 120.0
    start: Start = Start()
    steps: tuple[Step, ...] = ()
    faults: tuple[Fault, ...] = ()


def names() -> list[str]:
    """Every scenario that comes with the program, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Scenario:
    """The scenario called `name`. Raises `ScenarioError`."""
    path = FOLDER / f"{name}.toml"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not path.is_file():
        near = difflib.get_close_matches(name, names(), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ScenarioError(f"there is no scenario {name!r}{hint} (there are: {', '.join(names())})")
    return parse(path.read_text(encoding="utf-8"), name)


def chain() -> Scenario:
    """The lab between two real directories, of which it reads the on-premises one: nothing in it is made up."""
    return parse(CHAIN.read_text(encoding="utf-8"), CHAIN.stem)


def parse(text: str, name: str) -> Scenario:
    """A scenario from TOML. Raises `ScenarioError`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"scenario {name}: {error}") from error
    scenario = _build(Scenario, {**table, "name": name}, f"scenario {name}")
    _check(scenario)
    return scenario


def seconds(text: str) -> Duration:
    """`3d4h` as 273600. Raises `ValueError`."""
    match = _DURATION.match(text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"{text!r} is not a duration; write one like 90s, 45m or 3d4h")
    parts = (float(part or 0) for part in match.groups())
    return Duration(sum(part * size for part, size in zip(parts, (86400, 3600, 60, 1), strict=True)))


def _check(scenario: Scenario) -> None:
    where = f"scenario {scenario.name}"
    if scenario.speed <= 0 or scenario.objects < 1:
        raise ScenarioError(f"{where}: speed and objects must be above zero")
    if any(step.do is Action.BREAK_CONNECT and step.fault is None for step in scenario.steps):
        raise ScenarioError(f'{where}: a step with do = "break-connect" needs a fault ({_words(ConnectFault)})')
    if scenario.repeat is not None and any(step.at >= scenario.repeat for step in scenario.steps):
        raise ScenarioError(f"{where}: a step comes after repeat = {scenario.repeat:g}s and would never happen")
    if any(not 0 < fault.share <= 1 for fault in scenario.faults):
        raise ScenarioError(f"{where}: a fault's share must be above 0 and at most 1")


def _build(kind: type[S], table: Mapping[str, Any], where: str) -> S:
    """`table` as a value of the struct `kind`; every key known, none missing, each of its type."""
    types = typing.get_type_hints(kind)
    for key in table:
        if key not in types:
            raise ScenarioError(f"{where}: unknown key {key!r}{_nearest(key, types)}")
    for item in fields(kind):  # type: ignore[arg-type]
        if item.required and item.name not in table:
            raise ScenarioError(f"{where}: the key {item.name!r} is missing")
    return kind(**{key: _value(types[key], value, f"{where}: {key}") for key, value in table.items()})


def _value(kind: Any, value: Any, where: str) -> Any:
    if type(None) in typing.get_args(kind):
        return None if value == "never" else _value(_without_none(kind), value, where)
    if kind is Duration:
        return _duration(value, where)
    if typing.get_origin(kind) is tuple:
        return _tuple(typing.get_args(kind)[0], value, where)
    if kind is Start:
        return _build(Start, _typed(value, dict, where), where)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _word(kind, value, where)
    if typing.get_origin(kind) is not None:
        return {str(key): _typed(number, int, f"{where}.{key}") for key, number in _typed(value, dict, where).items()}
    return _typed(float(value) if kind is float and type(value) is int else value, kind, where)


def _without_none(kind: Any) -> Any:
    return next(part for part in typing.get_args(kind) if part is not NoneType)


def _tuple(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    values = _typed(value, list, where)
    if kind in (Step, Fault):
        return tuple(
            _build(kind, _typed(item, dict, where), f"{where} {number}") for number, item in enumerate(values, 1)
        )
    return tuple(_typed(item, kind, where) for item in values)


def _duration(value: Any, where: str) -> Duration:
    try:
        return seconds(_typed(value, str, where))
    except ValueError as error:
        raise ScenarioError(f"{where}: {error}") from error


def _word(kind: type[StrEnum], value: Any, where: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise ScenarioError(f"{where}: {value!r} is not one of {_words(kind)}{_nearest(str(value), kind)}") from None


def _typed(value: Any, kind: type[S], where: str) -> S:
    if type(value) is not kind:
        raise ScenarioError(f"{where}: {value!r} is not {_KIND_WORDS.get(kind, kind.__name__)}")
    return value


_KIND_WORDS: Mapping[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    dict: "a table",
    list: "a list",
}


def _words(kind: type[StrEnum]) -> str:
    return ", ".join(kind)


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, [str(item) for item in known], 1)
    return f"; did you mean {near[0]!r}?" if near else ""
