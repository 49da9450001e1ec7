"""From what is staged to the managed domain: what pieces of work mean there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence, Set
from datetime import datetime
from typing import Any, TypeVar, cast

from msgspec import Struct, field

from tui.sync import naming
from tui.sync.brake import Brake
from tui.sync.checkpoint import Checkpoint, Staged, Work
from tui.sync.mapping import group_attributes, is_guest, user_attributes
from tui.sync.scope import Scope
from tui.sync.setbacks import Setbacks
from tui.sync.targets.target import Entry, Holder, NameTaken, Refusal, Relation, Target

T = TypeVar("T")


class Projection:
    """Brings `target` up to date with the checkpoint. `scope` may be changed between steps."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        setbacks: Setbacks,
        brake: Brake,
        target: Target,
        scope: Scope,
        now: Callable[[], datetime],
    ) -> None:
        self.scope = scope
        self._checkpoint = checkpoint
        self._setbacks = setbacks
        self._brake = brake
        self._target = target
        self._now = now

    async def do(self, work: Sequence[Work]) -> bool:
        """True where the target changed. What it refuses is set aside. Objects come before what refers to them."""
        changed = await each(self._bring, [item.owner for item in work if not item.relation], self._target.window)
        return await self._refer([item for item in work if item.relation]) or changed

    async def delete(self, owners: Sequence[str]) -> bool:
        """Do deletions that waited."""
        return await each(self._delete, owners, self._target.window)

    # Objects

    async def _bring(self, id: str) -> bool:
        return await self._attempt(Work(id), self._put_or_remove(id))

    async def _attempt(self, work: Work, attempt: Coroutine[Any, Any, bool]) -> bool:
        try:
            changed = await attempt
        except Refusal as refusal:
            self._setbacks.add(work, refusal, self._now())
            return False
        self._setbacks.clear(work)
        return changed

    async def _put_or_remove(self, id: str) -> bool:
        staged = self._wanted(id)
        is_new = await self._target.name_of(id) is None
        if staged is None and self._brake.is_on and not is_new:
            self._brake.wait(id)
            return False
        if staged is None:
            return await self._remove(id)
        changed = await self._target.put(await self._entry(staged))
        if is_new and self._checkpoint.has_references(id):
            self._checkpoint.lost_entry(id)
            self._checkpoint.queue_references_of(id)
        if not is_new and self._brake.forget(id):
            self._checkpoint.queue_unequal_references_of(id)
        if changed:
            self._setbacks.queue_waiting_for(id)
        return changed

    async def _delete(self, id: str) -> bool:
        self._brake.forget(id)
        if self._wanted(id) is not None:
            self._checkpoint.queue(id)
            return False
        return await self._attempt(Work(id), self._remove(id))

    async def _remove(self, id: str) -> bool:
        removed = await self._target.delete(id)
        self._checkpoint.lost_entry(id)
        self._checkpoint.forget_references_of(id)
        self._brake.forget(id)
        self._setbacks.queue_waiting_for(id)
        return removed

    def _wanted(self, id: str) -> Staged | None:
        """What belongs in the domain under this id."""
        staged = self._checkpoint.object(id)
        return staged if staged is not None and self._in_scope(staged) else None

    def _in_scope(self, staged: Staged) -> bool:
        """facts/domain.md 1.3."""
        if staged.kind == "user" and self.scope.cloud_only and staged.properties.get("onPremisesSyncEnabled") is True:
            return False
        if self.scope.groups is None:
            return True
        holders = [staged.id] if staged.kind == "group" else self._checkpoint.groups_of(staged.id)
        return not self.scope.groups.isdisjoint(holders)

    async def _entry(self, staged: Staged) -> Entry:
        if staged.kind == "group":
            attributes = group_attributes(staged.properties)
            return Entry(staged.id, "group", await self._name(staged, naming.group_wish(staged.properties)), attributes)
        attributes = user_attributes(staged.properties)
        await self._claim_upn(staged.id, attributes["userPrincipalName"][0])
        name = await self._name(staged, naming.user_wish(staged.properties))
        credentials = {} if is_guest(staged.properties) else staged.credentials
        return Entry(staged.id, "user", name, attributes, credentials)

    # Unique names

    async def _name(self, staged: Staged, wish: naming.Wish) -> str:
        """The name once given for the same wish, or the best one that is free. One that is as wished is not kept: it is
        the first to be tried every time."""
        wished = f"{wish.name}\0{wish.usable}"
        if staged.name is not None and staged.wish == wished and await self._is_free(staged.name, staged.id):
            return staged.name
        for name in naming.candidates(wish, staged.id):
            if await self._is_free(name, staged.id):
                if name != wish.name or staged.name is not None:
                    self._checkpoint.keep_name(staged.id, wished, name)
                return name
        raise NameTaken("sAMAccountName", wish.name, "is taken, and so is every name made from it")

    async def _is_free(self, name: str, id: str) -> bool:
        """Raises `NameTaken` for a name that will be free once a deletion that waits is done."""
        holder = await self._target.holder("sAMAccountName", name)
        if holder is None or holder.object_id == id:
            return True
        if self._brake.is_on and holder.object_id is not None and self._wanted(holder.object_id) is None:
            raise NameTaken("sAMAccountName", name, "belongs to an entry that is about to be deleted", holder)
        return False

    async def _claim_upn(self, id: str, upn: str) -> None:
        """Make sure that `upn` can be written. An entry that has it only because its own change is still to come
        gives it up: without that, two users who swap names would wait for each other forever."""
        holder = await self._target.holder("userPrincipalName", upn)
        if holder is None or holder.object_id == id:
            return
        if holder.object_id is None or self._still_wants(holder.object_id, upn):
            raise NameTaken("userPrincipalName", upn, _taken_by(holder), holder)
        await self._target.release(holder.object_id, "userPrincipalName")

    def _still_wants(self, id: str, upn: str) -> bool:
        staged = self._wanted(id)
        if staged is None:
            return False
        wanted = staged.properties.get("userPrincipalName")
        return isinstance(wanted, str) and wanted.casefold() == upn.casefold()

    # References

    async def _refer(self, work: Sequence[Work]) -> bool:
        """A reference is written once both its ends have entries, and those of one owner together."""
        by_owner: dict[tuple[str, str], References] = {}
        ends = {id for item in work for id in (item.owner, item.other)}
        present = {id for id in ends if await self._target.name_of(id) is not None}
        for item in work:
            await self._sort(item, present, by_owner)
        return await each(self._write, list(by_owner.values()), self._target.window)

    async def _sort(self, work: Work, present: Set[str], by_owner: dict[tuple[str, str], References]) -> None:
        state = self._checkpoint.reference(work)
        if state is None:
            self._setbacks.clear(work)
            return
        held, applied = state
        key = work.owner, work.relation
        if held and not applied and present >= {work.owner, work.other}:
            by_owner.setdefault(key, References(*key)).add.append(work.other)
        elif not held and applied and not await self._awaits_deletion(work):
            by_owner.setdefault(key, References(*key)).remove.append(work.other)
        else:
            self._settled(work, held, applied)

    def _settled(self, work: Work, held: bool, applied: bool) -> None:
        """There is nothing to write, for now."""
        if not held and not applied:
            self._checkpoint.forget_reference(work)
        self._setbacks.clear(work)

    async def _write(self, references: References) -> bool:
        owner, relation = references.owner, cast(Relation, references.relation)
        done = await self._target.refer(owner, relation, references.add, references.remove)
        for others, settle in (
            (references.add, self._checkpoint.set_applied),
            (references.remove, self._checkpoint.forget_reference),
        ):
            for other in others:
                work = Work(owner, relation, other)
                refusal = done.refused.get(other)
                if refusal is None:
                    settle(work)
                    self._setbacks.clear(work)
                else:
                    self._setbacks.add(work, refusal, self._now())
        return done.changed

    async def _awaits_deletion(self, work: Work) -> bool:
        """An entry that is to be deleted keeps its members, managers and memberships until the brake lets go."""
        for id in (work.owner, work.other) if self._brake.is_on else ():
            if self._wanted(id) is None and await self._target.name_of(id) is not None:
                return True
        return False


class References(Struct):
    """What one entry shall refer to, and what no longer, by object ids."""

    owner: str
    relation: str
    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)


async def each(do: Callable[[T], Awaitable[bool]], items: Sequence[T], window: int) -> bool:
    """Do all, at most `window` at a time; True where any said so. The first error ends the others."""
    left = iter(items)
    if window == 1:
        return await _in_turn(do, left)
    workers = [asyncio.ensure_future(_in_turn(do, left)) for _ in range(min(window, len(items)))]
    try:
        return any(await asyncio.gather(*workers))
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _in_turn(do: Callable[[T], Awaitable[bool]], items: Iterator[T]) -> bool:
    changed = False
    for item in items:
        changed = await do(item) or changed
    return changed


def _taken_by(holder: Holder) -> str:
    return (
        "belongs to an object made in the domain" if holder.object_id is None else f"belongs to another {holder.kind}"
    )
