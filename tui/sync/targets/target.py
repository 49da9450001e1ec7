"""What the sync asks of a managed domain, and how a domain refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct, field
from msgspec.structs import asdict

from tui.model.text import clean

Kind = Literal["user", "group"]
Relation = Literal["member", "manager"]
Unique = Literal["sAMAccountName", "userPrincipalName"]
_LONGEST_SHOWN = 200


class Refusal(Exception):
    """One object cannot be written as it is. The rest goes on; this one is tried again later."""

    code = "TargetRefused"

    def __init__(self, attribute: str | None, value: Any, problem: str, holder: Holder | None = None) -> None:
        self.attribute = attribute
        self.value = None if value is None else clean(str(value), _LONGEST_SHOWN)
        self.holder = holder
        super().__init__(clean(f"{attribute} {problem}" if attribute else problem, _LONGEST_SHOWN))


class InvalidValue(Refusal):
    """A property that the directory's schema does not allow."""

    code = "InvalidValue"


class NameTaken(Refusal):
    """A name that must be unique belongs to `holder`."""

    code = "NameTaken"


class TargetRefused(Refusal):
    """The directory said no for reasons of its own."""


class Secretive(Struct, frozen=True):
    """`credentials`, hashes by name, never show in a repr."""

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in asdict(self).items() if name != "credentials")
        return f"{type(self).__name__}({', '.join(shown)})"


class Holder(Struct, frozen=True):
    """The entry that has a unique name. `object_id` None: it was made in the domain itself."""

    kind: str
    dn: str
    object_id: str | None


class Entry(Secretive, frozen=True):
    """A synced object as it shall be."""

    object_id: str
    kind: Kind
    name: str
    attributes: Mapping[str, tuple[str, ...]]
    credentials: Mapping[str, str] = field(default_factory=dict)


class Referral(Struct, frozen=True):
    """What became of references: whether anything `changed`, and those `refused`, by the object id they lead to."""

    changed: bool = False
    refused: Mapping[str, Refusal] = field(default_factory=dict)


class Target(Protocol):
    """A managed domain. Entries are known by the object id of their source; local ones are never touched.

    Every write may be repeated: what is so already is left alone. Writes raise a `Refusal`; a `SourceError` or
    anything else ends the step, whose work is then done again. `window`: how many objects it takes at once; with 1 it
    never waits for anything, so that no event loop is needed.
    """

    window: int

    @property
    def notes(self) -> Sequence[str]:
        """What it cannot hold of any object, for people."""
        ...

    async def ready(self) -> None:
        """Before a step, outside of any transaction: make sure that what is known of the domain is so."""
        ...

    async def announce(self, object_ids: Sequence[str]) -> None:
        """What may be created by the writes that follow, outside of any transaction."""
        ...

    async def settle(self) -> None:
        """After the writes of a step, in the transaction that keeps them."""
        ...

    def forget(self) -> None:
        """The transaction was undone: what is known of the domain may no longer be so."""
        ...

    async def name_of(self, object_id: str) -> str | None:
        """The sAMAccountName of a synced entry; None: there is none."""
        ...

    async def holder(self, attribute: Unique, value: str) -> Holder | None:
        """Who has this value, compared without regard to case."""
        ...

    async def put(self, entry: Entry) -> bool:
        """Create or bring up to date; True where anything changed."""
        ...

    async def release(self, object_id: str, attribute: Unique) -> None:
        """Take a unique value off a synced entry, which is about to get another."""
        ...

    async def delete(self, object_id: str) -> bool:
        """Remove a synced entry with its references; True where there was one."""
        ...

    async def refer(self, owner: str, relation: Relation, add: Sequence[str], remove: Sequence[str]) -> Referral:
        """Make one synced entry refer to others, and no longer to yet others."""
        ...
