"""A real directory as the sync's target: Samba AD, Active Directory, OpenLDAP, below one container.

Entries carry the sAMAccountName as their relative name: it is unique in the domain and stable, and a rename moves the
entry, so that its GUID, SID and memberships stay. Password hashes go where the schema has a place for them; Active
Directory and Samba refuse them over LDAP, with whatever control.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from tui.ldap.connection import Connection
from tui.ldap.entries import Change, Value
from tui.ldap.errors import LdapError
from tui.ldap.values import dn_key, filter_escaped, parent, rdn_escaped
from tui.sources.errors import SourceError
from tui.sources.ldap_session import DirectorySession, source_error
from tui.sync.checkpoint import Checkpoint
from tui.sync.targets.ldap_mirror import Known, Mirror
from tui.sync.targets.ldap_place import Place, find_place
from tui.sync.targets.ldap_reconcile import Reconciliation
from tui.sync.targets.ldap_refusals import is_gone
from tui.sync.targets.ldap_shape import NT_PASSWORD, Shape, Texts, digest
from tui.sync.targets.ldap_writer import Writer, Writes
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

log = logging.getLogger(__name__)

WINDOW = 96
# Samba works the requests of a connection one after another: more under way would only be more to undo.
WINDOW_OF_SAMBA = 24
NO_HASHES = "Password hashes are not taken by this directory: users sign in once a password is set there"


class LdapDomain:
    """Writes below `container` (None: OU=AADDC Users of the base) of the server that `session` leads to.

    What is known of it lies in the checkpoint's database and is compared with the server before the first write and
    after each lost connection. `adopt`: entries that carry the object id of a tenant's object are taken over.
    `writes`: what to write to instead of the server, for a dry run.
    """

    def __init__(
        self,
        session: DirectorySession,
        checkpoint: Checkpoint,
        *,
        container: str | None = None,
        adopt: bool = False,
        writes: Writes | None = None,
    ) -> None:
        self.window = WINDOW
        self._session = session
        self._checkpoint = checkpoint
        self._mirror = Mirror(checkpoint.db)
        self._container = container
        self._adopt = adopt
        self._writes = writes
        self._place: Place | None = None
        self._connection: Connection | None = None
        self._refuses_hashes = False
        self._looking = asyncio.Lock()

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
            writes = self._writes or connection
            await Reconciliation(place, writes, self._mirror, self._checkpoint, adopt=self._adopt).run()
        except LdapError as error:
            self._session.drop(connection)
            raise source_error(error, self._session.where) from error
        self._tell(place)
        self._writer = Writer(writes, self._broken)
        self.window = WINDOW_OF_SAMBA if place.shape.is_active_directory else WINDOW
        self._place, self._connection = place, connection

    async def announce(self, object_ids: Sequence[str]) -> None:
        if object_ids:
            with self._checkpoint.transaction():
                self._mirror.intend(object_ids)

    async def settle(self) -> None:
        self._mirror.settle()

    def forget(self) -> None:
        """Also the connection, so that nothing that is still under way on it comes after the comparison."""
        if self._connection is not None:
            self._session.drop(self._connection)
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
        try:
            return await self._change(known, entry, texts)
        except Refusal as refusal:
            if not is_gone(refusal):
                raise
        return await self._put_elsewhere(known, entry, texts)

    async def _put_elsewhere(self, known: Known, entry: Entry, texts: Texts) -> bool:
        """Somebody renamed or deleted the entry since the last comparison, or a write cut off by a kill did."""
        found = await self._found(entry)
        if found is not None:
            self._mirror.put(found)
            await self._point_to(known, found)
            return await self._change(found, entry, texts)
        self._mirror.remove(entry.object_id)
        await self._point_to(known, None)
        self._checkpoint.lost_entry(entry.object_id)
        self._checkpoint.queue_references_of(entry.object_id)
        return await self._add(entry, texts)

    async def _add(self, entry: Entry, texts: Texts) -> bool:
        known = _known(entry, f"CN={rdn_escaped(entry.name)},{self._there.container}", texts)
        attributes = self._attributes(entry, texts)
        self._reserve(known)
        try:
            async with self._writer.turn(_keys(known)):
                await self._writer.add(known.dn, attributes, texts)
        except Refusal as refusal:
            self._mirror.remove(entry.object_id)
            found = await self._found(entry) if isinstance(refusal, NameTaken) else None
            if found is not None:
                return await self._change(found, entry, texts)
            self._learn(refusal, entry)
            raise
        return True

    async def _found(self, entry: Entry) -> Known | None:
        """An entry of this object that a write cut off by a kill made after all, later than the last comparison."""
        place = self._there
        filter = f"({place.shape.id_attribute(entry.kind)}={filter_escaped(place.shape.id_value(entry))})"
        try:
            async with self._looking:
                pages = place.connection.search(place.container, filter, place.shape.read, page_size=2)
                found = [each async for page in pages for each in page]
        except LdapError as error:
            raise self._broken(error) from error
        return place.shape.known(found[0], entry.object_id, owned=True) if found else None

    async def _change(self, known: Known, entry: Entry, texts: Texts) -> bool:
        wanted = _known(entry, _renamed(known, entry.name), texts)
        changes = self._changes(known, wanted, entry)
        if not known.owned:
            self._adopted(known)
        self._reserve(wanted)
        reached = replace(known, owned=True)
        refused: Refusal | None = None
        try:
            async with self._writer.turn(_keys(known, wanted)):
                reached = await self._move(reached, wanted)
                if changes:
                    await self._writer.modify(reached.dn, changes, texts)
        except Refusal as refusal:
            self._mirror.put(reached)
            self._learn(refusal, entry)
            refused = refusal
        if reached.dn != known.dn:
            await self._point_to(known, reached)
        if refused is not None:
            raise refused
        return bool(changes) or reached.dn != known.dn

    async def _move(self, known: Known, wanted: Known) -> Known:
        """The entry under the name that it has afterwards."""
        if wanted.dn == known.dn:
            return known
        await self._writer.rename(known.dn, wanted.dn[: -len(parent(wanted.dn)) - 1], wanted.attributes)
        return replace(known, dn=wanted.dn)

    async def _point_to(self, known: Known, renamed: Known | None) -> None:
        """Elsewhere than in Active Directory, what refers to an entry by its old name must be told the new one, or that
        there is none."""
        if not self._shape.is_active_directory:
            for owner, relation in self._checkpoint.referring(known.object_id):
                changes = [Change("delete", relation, (known.dn,))]
                changes += [Change("add", relation, (renamed.dn,))] if renamed is not None else []
                await self._correct(owner, changes)

    def _adopted(self, known: Known) -> None:
        log.info("%s: took over %s", self._session.where, known.dn)

    async def release(self, object_id: str, attribute: Unique) -> None:
        known = self._mirror.get(object_id)
        if known is None:
            return
        if attribute != "userPrincipalName" or not known.owned:
            raise NameTaken(attribute, None, "belongs to another object", Holder(known.kind, known.dn, None))
        kept = {name: values for name, values in known.attributes.items() if name != attribute.lower()}
        self._mirror.put(replace(known, attributes=kept, upn_key=None))
        try:
            async with self._writer.turn(_keys(known)):
                # Samba refuses to replace a sign-in name by nothing, but not to delete it.
                await self._writer.correct(known.dn, [Change("delete", attribute)])
        except Refusal:
            self._mirror.put(known)
            raise

    async def delete(self, object_id: str) -> bool:
        known = self._mirror.get(object_id)
        if known is None or not known.owned:
            return False
        self._mirror.remove(object_id)
        try:
            await self._point_to(known, None)
            async with self._writer.turn(_keys(known)):
                await self._writer.delete(known.dn)
        except Refusal:
            self._mirror.put(known)
            raise
        return True

    async def _correct(self, owner: str, changes: Sequence[Change]) -> None:
        """Write to an entry that refers to another."""
        known = self._mirror.get(owner)
        if known is not None:
            async with self._writer.turn((owner,)):
                await self._writer.correct(known.dn, changes)

    # References

    async def refer(self, owner: str, relation: Relation, add: Sequence[str], remove: Sequence[str]) -> Referral:
        known = self._mirror.get(owner)
        dns = self._mirror.dns_of([*add, *remove]) if known is not None else {}
        refused: dict[str, Refusal] = {
            id: TargetRefused(relation, id, "refers to an entry that is not there") for id in add if id not in dns
        }
        if known is None or not dns:
            return Referral(False, refused)
        added = {id: dns[id] for id in add if id in dns}
        removed = {id: dns[id] for id in remove if id in dns}
        if relation == "manager" and added:
            refused |= await self._writer.refer(known.dn, "replace", relation, added)
        else:
            refused |= await self._writer.refer(known.dn, "delete", relation, removed)
            refused |= await self._writer.refer(known.dn, "add", relation, added)
        return Referral(any(id not in refused for id in dns), refused)

    # What is written

    def _attributes(self, entry: Entry, texts: Texts) -> dict[str, Sequence[Value]]:
        try:
            attributes = self._shape.created(entry.kind, entry.name, texts)
        except ValueError as error:
            raise InvalidValue(None, None, f"a value cannot be written: {error}") from error
        hashes = self._hashes(entry.credentials)
        return {**attributes, NT_PASSWORD: hashes} if hashes else attributes

    def _hashes(self, credentials: Mapping[str, str]) -> Sequence[Value]:
        if credentials and not self._shape.takes_hashes and not self._refuses_hashes:
            self._refuses_hashes = True
            log.warning("%s: %s", self._session.where, NO_HASHES)
        return self._shape.hashes(credentials)

    def _changes(self, known: Known, wanted: Known, entry: Entry) -> list[Change]:
        kind, shape = entry.kind, self._shape
        names = [name for name in {**known.attributes, **wanted.attributes} if name in shape.attributes[kind]]
        unequal = {name: wanted.attributes.get(name, ()) for name in names if _differ(known, wanted, name)}
        try:
            changes = [
                Change("replace", shape.name_of(kind, name), shape.encoded(kind, name, values))
                for name, values in unequal.items()
            ]
        except ValueError as error:
            raise InvalidValue(None, None, f"a value cannot be written: {error}") from error
        hashes = self._hashes(entry.credentials)
        if shape.takes_hashes and kind == "user" and wanted.credentials != known.credentials:
            changes.append(Change("replace", NT_PASSWORD, hashes))
        return changes

    # Names that are being taken

    def _reserve(self, known: Known) -> None:
        """Note what is about to be, unless a name of it belongs to another. Raises `NameTaken`."""
        if not self._mirror.conflicts(known):
            self._mirror.put(known)
            return
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

    # The server

    def _broken(self, error: LdapError) -> SourceError:
        """The connection is of no more use, nor is what was last known."""
        self.forget()
        return source_error(error, self._session.where)

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


def _renamed(known: Known, name: str) -> str:
    """The distinguished name under another account name, in the same place."""
    if known.name.casefold() == name.casefold():
        return known.dn
    return f"CN={rdn_escaped(name)},{parent(known.dn)}"


def _differ(known: Known, wanted: Known, name: str) -> bool:
    return tuple(known.attributes.get(name, ())) != tuple(wanted.attributes.get(name, ()))


def _keys(*known: Known) -> Collection[str]:
    """What a write touches: the entry, and the names that it gives up or takes."""
    keys = {known[0].object_id}
    if len(known) == 1 or known[0].name != known[1].name or known[0].upn_key != known[1].upn_key:
        for each in known:
            keys |= {f"dn:{dn_key(each.dn)}", f"name:{each.name.casefold()}", f"upn:{each.upn_key}"}
    return keys - {"upn:None"}
