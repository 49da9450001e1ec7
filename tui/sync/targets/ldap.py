"""A real directory as the sync's target: Samba AD, Active Directory, OpenLDAP, below one container.

Entries carry the sAMAccountName as their relative name: it is unique in the domain and stable, and a rename moves the
entry, so that its GUID, SID and memberships stay. Passwords hashes go where the schema has a place for them;
Active Directory takes none over LDAP (facts/ldap.md).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from tui.ldap.connection import Connection
from tui.ldap.entries import PERMISSIVE_MODIFY, Change
from tui.ldap.errors import LdapError, Refused
from tui.ldap.values import dn_key, parent, rdn_escaped
from tui.sources.ldap_session import DirectorySession
from tui.sync.checkpoint import Checkpoint
from tui.sync.targets import ldap_refusals
from tui.sync.targets.ldap_mirror import Known, Mirror
from tui.sync.targets.ldap_place import Place, find_place
from tui.sync.targets.ldap_reconcile import Reconciliation
from tui.sync.targets.ldap_shape import NT_PASSWORD, Shape, Texts, digest
from tui.sync.targets.target import (
    Entry,
    Holder,
    InvalidValue,
    NameTaken,
    Referral,
    Refusal,
    Relation,
    TargetRefused,
    Unique,
)
from tui.sync.targets.turns import Turns

log = logging.getLogger(__name__)

WINDOW = 96
VALUES_A_MODIFY = 1000
NO_HASHES = "Password hashes are not taken by this directory: users sign in once a password is set there"


class LdapDomain:
    """Writes below `container` (None: OU=AADDC Users of the base) of the server that `session` leads to.

    What is known of it lies in the checkpoint's database and is compared with the server before the first write and
    after each lost connection. `adopt`: entries that carry the object id of a tenant's object are taken over.
    """

    window = WINDOW

    def __init__(
        self, session: DirectorySession, checkpoint: Checkpoint, *, container: str | None = None, adopt: bool = False
    ) -> None:
        self._session = session
        self._checkpoint = checkpoint
        self._mirror = Mirror(checkpoint.db)
        self._container = container
        self._adopt = adopt
        self._turns = Turns()
        self._place: Place | None = None
        self._connection: Connection | None = None
        self._refuses_hashes = False

    @property
    def notes(self) -> Sequence[str]:
        shown = () if self._place is None else self._place.shape.notes
        return (*shown, NO_HASHES) if self._refuses_hashes else shown

    # Between the steps

    async def ready(self) -> None:
        """Raises a `SourceError`, and a `SyncRefused` where the container is not the sync's to write."""
        connection = await self._session.connection()
        if connection is self._connection:
            return
        try:
            place = await find_place(self._session, connection, self._container)
            await Reconciliation(connection, place, self._mirror, self._checkpoint, adopt=self._adopt).run()
        except LdapError as error:
            raise self._failed(error) from error
        self._tell(place)
        self._place, self._connection = place, connection

    async def announce(self, object_ids: Sequence[str]) -> None:
        if object_ids:
            with self._checkpoint.transaction():
                self._mirror.intend(object_ids)

    async def settle(self) -> None:
        self._mirror.settle()

    def forget(self) -> None:
        self._connection = None

    # Names

    async def name_of(self, object_id: str) -> str | None:
        return self._mirror.name_of(object_id)

    async def holder(self, attribute: Unique, value: str) -> Holder | None:
        return self._mirror.holder(attribute, value)

    # Objects

    async def put(self, entry: Entry) -> bool:
        known = self._mirror.get(entry.object_id)
        texts = self._shape.wanted(entry)
        if known is None:
            return await self._add(entry, texts)
        if not known.owned and not self._adopt:
            raise TargetRefused(
                None,
                None,
                f"{known.dn} has its object id, and was not made by this sync: remove it, or set adopt = true",
            )
        return await self._change(known, entry, texts)

    async def _add(self, entry: Entry, texts: Texts) -> bool:
        dn = f"CN={rdn_escaped(entry.name)},{self._there.container}"
        known = _known(entry, dn, texts)
        attributes = self._attributes(entry, texts)
        self._reserve(known)
        try:
            async with self._turns.take(self._keys(known)):
                await self._ask(self._there.connection.add(dn, attributes), texts)
        except Refusal as refusal:
            self._mirror.remove(entry.object_id)
            self._learn(refusal, entry)
            raise
        return True

    async def _change(self, known: Known, entry: Entry, texts: Texts) -> bool:
        wanted = _known(entry, self._renamed(known, entry.name), texts)
        changes = self._changes(known, wanted, entry)
        is_renamed = wanted.dn != known.dn
        if not changes and not is_renamed:
            if not known.owned:
                self._mirror.put(wanted)
            return False
        self._reserve(wanted)
        reached = known
        try:
            async with self._turns.take(self._keys(known, wanted)):
                if is_renamed:
                    await self._rename(known, wanted)
                    reached = replace(known, dn=wanted.dn)
                if changes:
                    await self._ask(self._there.connection.modify(wanted.dn, changes), texts)
        except Refusal as refusal:
            self._mirror.put(reached)
            self._learn(refusal, entry)
            raise
        return True

    async def _rename(self, known: Known, wanted: Known) -> None:
        """Elsewhere than in Active Directory, what refers to an entry by its old name must be told."""
        rdn = wanted.dn[: -len(parent(wanted.dn)) - 1]
        await self._ask(self._there.connection.rename(known.dn, rdn), wanted.attributes)
        if not self._shape.is_active_directory:
            for owner, relation in self._checkpoint.referring(known.object_id):
                changes = [Change("delete", relation, (known.dn,)), Change("add", relation, (wanted.dn,))]
                await self._correct(owner, known.object_id, changes)

    async def release(self, object_id: str, attribute: Unique) -> None:
        known = self._mirror.get(object_id)
        if known is None:
            return
        if attribute != "userPrincipalName" or not known.owned:
            raise NameTaken(attribute, None, "belongs to another object", Holder(known.kind, known.dn, None))
        kept = {name: values for name, values in known.attributes.items() if name != attribute.lower()}
        self._mirror.put(replace(known, attributes=kept, upn_key=None))
        async with self._turns.take(self._keys(known)):
            await self._ask(self._there.connection.modify(known.dn, [Change("replace", attribute)]), known.attributes)

    async def delete(self, object_id: str) -> bool:
        known = self._mirror.get(object_id)
        if known is None or not known.owned:
            return False
        self._mirror.remove(object_id)
        try:
            async with self._turns.take(self._keys(known)):
                await self._unrefer(known)
                await self._gone(self._there.connection.delete(known.dn))
        except Refusal:
            self._mirror.put(known)
            raise
        return True

    async def _unrefer(self, known: Known) -> None:
        """Active Directory lets go of references to an entry by itself."""
        if not self._shape.is_active_directory:
            for owner, relation in self._checkpoint.referring(known.object_id):
                await self._correct(owner, known.object_id, [Change("delete", relation, (known.dn,))])

    async def _correct(self, owner: str, object_id: str, changes: Sequence[Change]) -> None:
        """Write to an entry that refers to another; one that is being removed itself needs it no more."""
        known = self._mirror.get(owner)
        if known is None or owner == object_id:
            return
        async with self._turns.take((owner,)):
            await self._gone(self._there.connection.modify(known.dn, changes, controls=(PERMISSIVE_MODIFY,)))

    # References

    async def refer(self, owner: str, relation: Relation, add: Sequence[str], remove: Sequence[str]) -> Referral:
        known = self._mirror.get(owner)
        if known is None:
            missing = TargetRefused(relation, None, "belongs to an entry that is not there")
            return Referral(refused=dict.fromkeys(add, missing))
        dns = self._mirror.dns_of([*add, *remove])
        refused: dict[str, Refusal] = {
            id: TargetRefused(relation, id, "refers to an entry that is not there") for id in add if id not in dns
        }
        replaced = relation == "manager" and any(id in dns for id in add)
        for kind, ids in (("delete", () if replaced else remove), ("replace" if replaced else "add", add)):
            there = [id for id in ids if id in dns]
            for at in range(0, len(there), VALUES_A_MODIFY):
                batch = there[at : at + VALUES_A_MODIFY]
                refused |= await self._refer(known.dn, kind, relation, {id: dns[id] for id in batch})
        return Referral(any(id in dns and id not in refused for id in (*add, *remove)), refused)

    async def _refer(self, dn: str, kind: Any, relation: Relation, others: Mapping[str, str]) -> dict[str, Refusal]:
        """What is refused of a batch; a batch that is refused as a whole is halved until it is known for which."""
        change = Change(kind, relation, tuple(others.values()))
        try:
            await self._ask(
                self._there.connection.modify(dn, [change], controls=(PERMISSIVE_MODIFY,)),
                {relation: tuple(others.values())},
            )
        except Refusal as refusal:
            if len(others) == 1:
                return dict.fromkeys(others, refusal)
            ids = list(others)
            halves = ids[: len(ids) // 2], ids[len(ids) // 2 :]
            first, second = [await self._refer(dn, kind, relation, {id: others[id] for id in half}) for half in halves]
            return first | second
        return {}

    # What is written

    def _attributes(self, entry: Entry, texts: Texts) -> dict[str, Any]:
        try:
            attributes = self._shape.created(entry.kind, entry.name, texts)
        except ValueError as error:
            raise InvalidValue(None, None, f"a value cannot be written: {error}") from error
        hashes = self._hashes(entry)
        return {**attributes, NT_PASSWORD: hashes} if hashes else attributes

    def _hashes(self, entry: Entry) -> Sequence[Any]:
        hashes = self._shape.hashes(entry.credentials)
        if entry.credentials and not hashes and not self._refuses_hashes:
            self._refuses_hashes = True
            log.warning("%s: %s", self._session.where, NO_HASHES)
        return hashes

    def _changes(self, known: Known, wanted: Known, entry: Entry) -> list[Change]:
        kind, shape = entry.kind, self._shape
        names = [name for name in {**known.attributes, **wanted.attributes} if name in shape.attributes[kind]]
        unequal = [name for name in names if _unequal(known, wanted, name)]
        try:
            changes = [
                Change("replace", shape.name_of(kind, name), shape.encoded(kind, name, wanted.attributes.get(name, ())))
                for name in unequal
            ]
        except ValueError as error:
            raise InvalidValue(None, None, f"a value cannot be written: {error}") from error
        if shape.takes_hashes and kind == "user" and wanted.credentials != known.credentials:
            changes.append(Change("replace", NT_PASSWORD, self._hashes(entry)))
        elif entry.credentials:
            self._hashes(entry)
        return changes

    def _renamed(self, known: Known, name: str) -> str:
        """The distinguished name under another account name, in the same place."""
        if known.name.casefold() == name.casefold():
            return known.dn
        return f"CN={rdn_escaped(name)},{parent(known.dn)}"

    # One write

    def _reserve(self, known: Known) -> None:
        """Note what is about to be, unless a name of it belongs to another. Raises `NameTaken`."""
        wanted: list[tuple[Unique, str]] = [("sAMAccountName", known.name)]
        wanted += [("userPrincipalName", known.upn)] if known.upn else []
        for attribute, value in wanted:
            holder = self._mirror.holder(attribute, value)
            if holder is not None and holder.object_id != known.object_id:
                raise NameTaken(attribute, value, "belongs to another object", holder)
        self._mirror.put(known)

    def _learn(self, refusal: Refusal, entry: Entry) -> None:
        """An account name that the server knows to be taken is not tried again before the next comparison."""
        is_name = isinstance(refusal, NameTaken) and refusal.attribute == "sAMAccountName"
        if is_name and self._mirror.holder("sAMAccountName", entry.name) is None:
            self._mirror.take("sAMAccountName", entry.name, "", entry.kind)

    def _keys(self, *known: Known) -> Collection[str]:
        keys = {known[0].object_id}
        if len(known) == 1 or known[0].name != known[1].name or known[0].upn_key != known[1].upn_key:
            for each in known:
                keys |= {f"dn:{dn_key(each.dn)}", f"name:{each.name.casefold()}", f"upn:{each.upn_key}"}
        return keys - {"upn:None"}

    async def _gone(self, write: Awaitable[None]) -> None:
        """A write to what may not be there any more, which is as good."""
        try:
            await self._ask(write, {})
        except TargetRefused as refusal:
            cause = refusal.__cause__
            if not isinstance(cause, Refused) or cause.code not in (
                ldap_refusals.NO_SUCH_OBJECT,
                ldap_refusals.NO_SUCH_ATTRIBUTE,
            ):
                raise

    async def _ask(self, write: Awaitable[None], texts: Mapping[str, Sequence[str]]) -> None:
        """Raises a `Refusal` of this object, or a `SourceError` that ends the step."""
        try:
            await write
        except Refused as error:
            if not ldap_refusals.of_one_object(error):
                raise self._failed(error) from error
            raise ldap_refusals.refusal(error, texts) from error
        except LdapError as error:
            raise self._failed(error) from error
        except ValueError as error:
            raise InvalidValue(None, None, f"a value cannot be written: {error}") from error

    def _failed(self, error: LdapError) -> Exception:
        """The connection is of no more use, nor is what was last known."""
        if self._place is not None:
            self._session.drop(self._place.connection)
        else:
            self._session.drop()
        self.forget()
        return ldap_refusals.failed(error, self._session.where)

    @property
    def _there(self) -> Place:
        assert self._place is not None
        return self._place

    @property
    def _shape(self) -> Shape:
        return self._there.shape

    def _tell(self, place: Place) -> None:
        if self._place is None or self._place.shape.notes != place.shape.notes:
            for note in place.shape.notes:
                log.warning("%s: %s", self._session.where, note)


def _known(entry: Entry, dn: str, texts: Texts) -> Known:
    upn = next(iter(texts.get("userprincipalname", ())), None)
    return Known(
        object_id=entry.object_id,
        kind=entry.kind,
        dn=dn,
        name=entry.name,
        upn_key=None if upn is None else upn.casefold(),
        owned=True,
        attributes=texts,
        credentials=digest(entry.credentials),
    )


def _unequal(known: Known, wanted: Known, name: str) -> bool:
    return tuple(known.attributes.get(name, ())) != tuple(wanted.attributes.get(name, ()))
