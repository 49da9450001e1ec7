"""From what is staged to the managed domain: what one piece of work means there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import cast

from tui.sync import naming
from tui.sync.checkpoint import Checkpoint, Staged, Work
from tui.sync.mapping import group_attributes, is_guest, user_attributes
from tui.sync.scope import Scope
from tui.sync.setbacks import Setbacks
from tui.sync.targets.target import Entry, Holder, NameTaken, Refusal, Relation, Target


class Projection:
    """Brings `target` up to date with the checkpoint, one piece at a time. `scope` may be changed between steps."""

    def __init__(
        self, checkpoint: Checkpoint, setbacks: Setbacks, target: Target, scope: Scope, now: Callable[[], datetime]
    ) -> None:
        self.scope = scope
        self._checkpoint = checkpoint
        self._setbacks = setbacks
        self._target = target
        self._now = now

    async def do(self, work: Work) -> bool:
        """True where the target changed. What it refuses is set aside."""
        try:
            changed = await (self._refer(work) if work.relation else self._bring(work.owner))
        except Refusal as refusal:
            self._setbacks.add(work, refusal, self._now())
            return False
        self._setbacks.clear(work)
        return changed

    # Objects

    async def _bring(self, id: str) -> bool:
        staged = self._checkpoint.object(id)
        if staged is None or not self._in_scope(staged):
            return await self._remove(id)
        is_new = await self._target.name_of(id) is None
        changed = await self._target.put(await self._entry(staged))
        if is_new:
            self._checkpoint.lost_entry(id)
            self._checkpoint.queue_references_of(id)
        if changed:
            self._setbacks.queue_waiting_for(id)
        return changed

    async def _remove(self, id: str) -> bool:
        removed = await self._target.delete(id)
        self._checkpoint.lost_entry(id)
        self._setbacks.queue_waiting_for(id)
        return removed

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
        """The name once given for the same wish, or the best one that is free."""
        wished = f"{wish.name}\0{wish.usable}"
        if staged.name is not None and staged.wish == wished and await self._is_free(staged.name, staged.id):
            return staged.name
        for name in naming.candidates(wish, staged.id):
            if await self._is_free(name, staged.id):
                self._checkpoint.keep_name(staged.id, wished, name)
                return name
        raise NameTaken("sAMAccountName", wish.name, "is taken, and so is every name made from it")

    async def _is_free(self, name: str, id: str) -> bool:
        holder = await self._target.holder("sAMAccountName", name)
        return holder is None or holder.object_id == id

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
        staged = self._checkpoint.object(id)
        if staged is None or not self._in_scope(staged):
            return False
        wanted = staged.properties.get("userPrincipalName")
        return isinstance(wanted, str) and wanted.casefold() == upn.casefold()

    # References

    async def _refer(self, work: Work) -> bool:
        """A reference is written once both its ends have entries."""
        state = self._checkpoint.reference(work)
        if state is None:
            return False
        held, applied = state
        relation = cast(Relation, work.relation)
        if not held:
            changed = applied and await self._target.unlink(work.owner, relation, work.other)
            self._checkpoint.forget_reference(work)
            return changed
        if applied or not await self._has_both(work):
            return False
        changed = await self._target.link(work.owner, relation, work.other)
        self._checkpoint.set_applied(work)
        return changed

    async def _has_both(self, work: Work) -> bool:
        ends = [await self._target.name_of(id) for id in (work.owner, work.other)]
        return None not in ends


def _taken_by(holder: Holder) -> str:
    return (
        "belongs to an object made in the domain" if holder.object_id is None else f"belongs to another {holder.kind}"
    )
