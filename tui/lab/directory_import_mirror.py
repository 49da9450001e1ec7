"""The lab's on-premises store kept as a copy of a real directory: what differs is written, nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tui.lab.directory_import_entries import Imported
from tui.lab.onprem import AdObject, Change, OnPremises, anchor_of
from tui.ldap.values import guid_bytes
from tui.model.states import ObjectType

PASSWORD_SET = "pwdLastSet"  # noqa: S105 - an attribute's name


class Mirror:
    """Objects are known by their objectGUID and keep the source anchor they first had, as Connect demands.

    Members that have not come yet are remembered; `settle` gives them to their groups once they have.
    """

    def __init__(self, directory: OnPremises) -> None:
        self._directory = directory
        self._anchors = {guid: found.anchor for found in _living(directory) if (guid := _guid(found))}
        self._members: dict[str, tuple[str, ...]] = {}
        self._awaited: defaultdict[str, set[str]] = defaultdict(set)
        self._unsettled: set[str] = set()

    def __len__(self) -> int:
        return len(self._anchors)

    @property
    def guids(self) -> frozenset[str]:
        return frozenset(self._anchors)

    def take(self, item: Imported) -> bool:
        """Write a new or changed object; a group's members are written by `settle`.

        False: an object with the same source anchor is there already, and this one cannot be told from it.
        """
        anchor = self._anchor(item)
        if anchor is None:
            return False
        found = self._directory.by_anchor(anchor)
        if found is None:
            self._directory.add([_new(item, anchor)])
        else:
            self._bring_up_to_date(found, item)
        self._anchors[item.guid] = anchor
        self._unsettled |= self._awaited.pop(item.guid, set())
        if item.kind is ObjectType.GROUPS:
            self._members[item.guid] = item.members
            self._unsettled.add(item.guid)
        return True

    def leave(self, guid: str) -> bool:
        """The object is gone, or Connect's rules leave it out now; True where it was there."""
        anchor = self._anchors.pop(guid, None)
        found = self._directory.by_anchor(anchor) if anchor else None
        if found is None or found.deleted:
            return False
        self._members.pop(guid, None)
        self._directory.delete(found)
        return True

    def settle(self) -> Iterator[None]:
        """Give every group that changed, or whose awaited members came, the members that are known; a group a piece."""
        while self._unsettled:
            guid = self._unsettled.pop()
            if guid in self._anchors and guid in self._members:
                self._write_members(guid, self._members[guid])
                yield

    def _anchor(self, item: Imported) -> str | None:
        """The anchor it has, or may have: its own, else one made of its GUID; a dead object's is free."""
        known = self._anchors.get(item.guid)
        free = (anchor for anchor in (item.anchor, anchor_of(guid_bytes(item.guid))) if self._is_free(anchor, item))
        return known or next(free, None)

    def _is_free(self, anchor: str, item: Imported) -> bool:
        holder = self._directory.by_anchor(anchor)
        return holder is None or (holder.kind is item.kind and (holder.deleted or _guid(holder) == item.guid))

    def _bring_up_to_date(self, found: AdObject, item: Imported) -> None:
        change = Change(_differences(found.attributes, item.attributes), ou=item.ou)
        if found.deleted:
            self._directory.restore(found, change)
        elif change.attributes or item.ou != found.ou:
            self._directory.change(found, change)
        if PASSWORD_SET in change.attributes and item.kind is ObjectType.USERS:
            self._directory.change_password(found)

    def _write_members(self, guid: str, members: Iterable[str]) -> None:
        found = self._directory.by_anchor(self._anchors[guid])
        if found is None:
            return
        anchors = []
        for member in members:
            anchor = self._anchors.get(member)
            if anchor is None:
                self._awaited[member].add(guid)
            else:
                anchors.append(anchor)
        if set(anchors) != set(found.members):
            self._directory.change(found, Change(members=anchors))


def _living(directory: OnPremises) -> Iterator[AdObject]:
    for kind in ObjectType:
        yield from directory.all(kind)


def _guid(found: AdObject) -> str | None:
    return found.attributes.get("objectGUID")


def _new(item: Imported, anchor: str) -> AdObject:
    return AdObject(kind=item.kind, anchor=anchor, ou=item.ou, attributes=item.attributes)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What to write over `before`; None clears an attribute that is no longer there."""
    gone = {name: None for name, value in before.items() if name not in after and value is not None}
    return {**gone, **{name: value for name, value in after.items() if before.get(name) != value}}
