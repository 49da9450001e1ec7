"""Writes to a directory server: in turn where they must be, and each failure as what it means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Literal, Protocol

from tui.ldap.entries import PERMISSIVE_MODIFY, Change, Control, Value
from tui.ldap.errors import LdapError, Refused
from tui.sources.errors import SourceError
from tui.sync.targets.ldap_refusals import NO_SUCH_ATTRIBUTE, NO_SUCH_OBJECT, of_one_object, refusal
from tui.sync.targets.target import InvalidValue, Refusal
from tui.sync.targets.turns import Turn, Turns

VALUES_A_MODIFY = 1000
_GONE = (NO_SUCH_OBJECT, NO_SUCH_ATTRIBUTE)

Texts = Mapping[str, Sequence[str]]


class Writes(Protocol):
    """The writing half of a `Connection`."""

    async def add(
        self, dn: str, attributes: Mapping[str, Sequence[Value]], *, controls: Sequence[Control] = ()
    ) -> None: ...

    async def modify(self, dn: str, changes: Sequence[Change], *, controls: Sequence[Control] = ()) -> None: ...

    async def delete(self, dn: str, *, controls: Sequence[Control] = ()) -> None: ...

    async def rename(self, dn: str, rdn: str, *, superior: str | None = None) -> None: ...


class Writer:
    """Every write raises a `Refusal` of its object, or a `SourceError` that ends the step: `broken` makes it, and
    hears of it. Writes that have a key in common, the entry or a name, belong in one `turn` after another."""

    def __init__(self, writes: Writes, broken: Callable[[LdapError], SourceError]) -> None:
        self._writes = writes
        self._broken = broken
        self._turns = Turns()

    def turn(self, keys: Collection[str]) -> Turn:
        return self._turns.take(keys)

    async def add(self, dn: str, attributes: Mapping[str, Sequence[Value]], texts: Texts) -> None:
        await self._ask(self._writes.add(dn, attributes), texts)

    async def modify(self, dn: str, changes: Sequence[Change], texts: Texts) -> None:
        await self._ask(self._writes.modify(dn, changes), texts)

    async def rename(self, dn: str, rdn: str, texts: Texts) -> None:
        await self._ask(self._writes.rename(dn, rdn), texts)

    async def delete(self, dn: str) -> None:
        """What is not there is as good as deleted."""
        await self._gone(self._writes.delete(dn))

    async def correct(self, dn: str, changes: Sequence[Change]) -> None:
        """Change what refers to an entry, if it is there and does."""
        await self._gone(self._writes.modify(dn, changes, controls=(PERMISSIVE_MODIFY,)))

    async def refer(
        self, dn: str, kind: Literal["add", "delete", "replace"], relation: str, others: Mapping[str, str]
    ) -> dict[str, Refusal]:
        """Change references to `others`, their distinguished names by id; what is refused, by id."""
        refused: dict[str, Refusal] = {}
        ids = list(others)
        for at in range(0, len(ids), VALUES_A_MODIFY):
            refused |= await self._refer(dn, kind, relation, {id: others[id] for id in ids[at : at + VALUES_A_MODIFY]})
        return refused

    async def _refer(
        self, dn: str, kind: Literal["add", "delete", "replace"], relation: str, others: Mapping[str, str]
    ) -> dict[str, Refusal]:
        """A batch that is refused as a whole is halved until it is known for which of its values."""
        values = tuple(others.values())
        change = Change(kind, relation, values)
        try:
            await self._ask(self._writes.modify(dn, [change], controls=(PERMISSIVE_MODIFY,)), {relation: values})
        except Refusal as refused:
            if len(others) == 1:
                return dict.fromkeys(others, refused)
            ids, middle = list(others), len(others) // 2
            first = await self._refer(dn, kind, relation, {id: others[id] for id in ids[:middle]})
            return first | await self._refer(dn, kind, relation, {id: others[id] for id in ids[middle:]})
        return {}

    async def _gone(self, write: Awaitable[None]) -> None:
        try:
            await self._ask(write, {})
        except Refusal as refused:
            cause = refused.__cause__
            if not isinstance(cause, Refused) or cause.code not in _GONE:
                raise

    async def _ask(self, write: Awaitable[None], texts: Texts) -> None:
        try:
            await write
        except Refused as error:
            if not of_one_object(error):
                raise self._broken(error) from error
            raise refusal(error, texts) from error
        except LdapError as error:
            raise self._broken(error) from error
        except ValueError as error:
            raise InvalidValue(None, None, f"a value cannot be written: {error}") from error
