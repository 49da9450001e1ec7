"""Two sides of one hop compared object by object: what one side lacks or has too many, by why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from tui.model.facts import ObjectRef
from tui.model.states import HopName, ObjectType, Side

MOST_EXAMPLES = 200


class Part(StrEnum):
    """Why an object is on one side only."""

    UNEXPLAINED = "unexplained"
    FAILED = "failed"
    IN_FLIGHT = "in flight"
    EXCLUDED = "excluded"


class Listed(Struct, frozen=True, kw_only=True, gc=False):
    """One object of a side, as little of it as a comparison needs. `marks`: guest, built-in, local, synced and such.

    `sid`: the security identifier it has on-premises. `password_changed`: for users made in the cloud alone.
    """

    object: ObjectRef
    created: datetime | None = None
    changed: datetime | None = None
    marks: frozenset[str] = frozenset()
    sid: str | None = None
    password_changed: datetime | None = None


class Example(Struct, frozen=True, kw_only=True):
    """`missing_on`: the side that lacks it. `why`: one sentence."""

    part: Part
    object: ObjectRef
    missing_on: Side
    why: str
    since: datetime | None = None


class Comparison(Struct, frozen=True, kw_only=True):
    """`counts`: every object by part; `examples`: some of them by name, at most `MOST_EXAMPLES` a part.

    `read`: objects read on each side; `truncated`: a side holds more than was read. `problem`: why it could not be
    made; then the rest says nothing.
    """

    hop: HopName
    type: ObjectType
    at: datetime
    read: Mapping[Side, int] = field(default_factory=dict)
    counts: Mapping[Part, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    truncated: bool = False
    problem: str = ""
