"""What is known of a container compared with what the server holds: before the first write, after each lost connection.

Either side may have been killed, so that the last writes may be there or not, whatever was noted. Read in pages; what
is not as it was noted is queued and done again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from msgspec.structs import replace

from tui.ldap.entries import DOMAIN_SCOPE, PERMISSIVE_MODIFY, Change, Entry
from tui.ldap.values import dn_key
from tui.model.text import clean
from tui.sync.checkpoint import Checkpoint
from tui.sync.errors import ForeignObjects, StateUnusable
from tui.sync.naming import RESERVED
from tui.sync.targets.ldap_mirror import Known, Mirror
from tui.sync.targets.ldap_place import Place
from tui.sync.targets.ldap_shape import OBJECT_IDS, object_id_of
from tui.sync.targets.ldap_writer import Writes
from tui.sync.targets.target import Kind

PAGE = 500
GROUP_PAGE = 20
NAMES_SHOWN = 5
_NAMES = ("sAMAccountName", "userPrincipalName", "objectClass")
_RANGED = "member;range="
_LONGEST_NAME = 80


class Reconciliation:
    """One comparison, in one transaction."""

    def __init__(self, place: Place, writes: Writes, mirror: Mirror, checkpoint: Checkpoint, *, adopt: bool) -> None:
        self._connection = place.connection
        self._place = place
        self._writes = writes
        self._mirror = mirror
        self._checkpoint = checkpoint
        self._adopt = adopt
        self._pass = 0
        self._local: list[str] = []
        self._local_count = 0

    async def run(self) -> None:
        """Raises an `LdapError`, and a `SyncRefused` where the container is not the sync's to write."""
        is_first = self._mirror.container is None
        if not is_first and self._mirror.container != self._place.key:
            raise StateUnusable(
                f"The state file belongs to another container than {clean(self._place.container)}: name another "
                "state_file for this one"
            )
        with self._checkpoint.transaction():
            self._pass = self._mirror.next_pass()
            is_there = await self._connection.read(self._place.container, ("1.1",)) is not None
            if is_there:
                await self._read_container()
            else:
                await self._make_container()
            await self._read_local_names()
            self._let_go()
            if is_first and not self._adopt:
                self._refuse_foreign()
            if is_there:
                await self._read_references()
            self._mirror.belong_to(self._place.key)

    async def _make_container(self) -> None:
        name = self._place.container.partition("=")[2].partition(",")[0]
        await self._writes.add(self._place.container, {"objectClass": ["organizationalUnit"], "ou": [name]})

    # Entries

    async def _read_container(self) -> None:
        asked = self._place.shape.read
        async for page in self._connection.search(self._place.container, "(objectClass=*)", asked, page_size=PAGE):
            for entry in page:
                if dn_key(entry.dn) != self._place.key:
                    self._meet(entry)

    def _meet(self, entry: Entry) -> None:
        id = object_id_of(entry)
        before = self._mirror.get(id) if id is not None else None
        owned = before.owned if before is not None else id is not None and self._mirror.intended(id)
        found = self._place.shape.known(entry, id, owned=owned) if id is not None else None
        if found is None or (before is not None and self._is_double(before, found)):
            self._meet_local(entry)
            return
        self._mirror.put(replace(found, credentials=before.credentials if before else ""), self._pass)
        if found.owned and (before is None or not _is_same(before, found)):
            self._checkpoint.queue(found.object_id)
            self._checkpoint.queue_references_of(found.object_id)

    def _is_double(self, before: Known, found: Known) -> bool:
        """Of two entries with one object id the first counts, the other is as good as local."""
        return self._mirror.is_met(before.object_id, self._pass) and dn_key(before.dn) != dn_key(found.dn)

    def _meet_local(self, entry: Entry) -> None:
        names = self._note_names(entry)
        name = entry.text("cn")
        if name:
            self._mirror.take("sAMAccountName", name, entry.dn, _kind(entry), self._pass)
        if not any(each.casefold() in RESERVED for each in names):
            self._local_count += 1
            if len(self._local) < NAMES_SHOWN:
                self._local.append(entry.dn)

    def _note_names(self, entry: Entry) -> Sequence[str]:
        names = entry.texts("sAMAccountName")
        for name in names:
            self._mirror.take("sAMAccountName", name, entry.dn, _kind(entry), self._pass)
        for upn in entry.texts("userPrincipalName"):
            self._mirror.take("userPrincipalName", upn, entry.dn, _kind(entry), self._pass)
        return names

    async def _read_local_names(self) -> None:
        """Account names are unique in the whole domain, not in the container alone."""
        filter = f"(&(|(sAMAccountName=*)(userPrincipalName=*)){''.join(f'(!({name}=*))' for name in OBJECT_IDS)})"
        end = f",{self._place.key}"
        pages = self._connection.search(self._place.base, filter, _NAMES, page_size=PAGE, controls=(DOMAIN_SCOPE,))
        async for page in pages:
            for entry in page:
                if not dn_key(entry.dn).endswith(end):
                    self._note_names(entry)

    def _let_go(self) -> None:
        """What was noted but is not there was lost, and is made again if it is still wanted."""
        for id, owned in self._mirror.unseen(self._pass):
            if owned:
                self._checkpoint.lost_entry(id)
                self._checkpoint.queue(id)

    def _refuse_foreign(self) -> None:
        with_id, names = self._mirror.foreign(NAMES_SHOWN)
        count = with_id + self._local_count
        if not count:
            return
        shown = tuple(clean(name, _LONGEST_NAME) for name in (*self._local, *names)[:NAMES_SHOWN])
        raise ForeignObjects(
            f"{clean(self._place.container)} holds {count:,} objects that this sync did not make "
            f"({', '.join(shown)}{' ...' if count > len(shown) else ''}): name an empty container, or set adopt = true "
            "to take over those that carry the object id of a tenant's object and leave the others alone",
            count=count,
            names=shown,
        )

    # References

    async def _read_references(self) -> None:
        self._checkpoint.begin_links()
        dangling: dict[str, list[str]] = {}
        async for page in self._connection.search(
            self._place.container, "(member=*)", (*OBJECT_IDS, "member", "objectClass"), page_size=GROUP_PAGE
        ):
            for entry in page:
                await self._links_of(entry, "member", dangling)
        async for page in self._connection.search(
            self._place.container, "(manager=*)", (*OBJECT_IDS, "manager", "objectClass"), page_size=PAGE
        ):
            for entry in page:
                await self._links_of(entry, "manager", dangling)
        self._checkpoint.compare_links()
        for dn, values in dangling.items():
            await self._writes.modify(dn, [Change("delete", "member", values)], controls=(PERMISSIVE_MODIFY,))

    async def _links_of(self, entry: Entry, relation: str, dangling: dict[str, list[str]]) -> None:
        owner = self._mirror.by_dn(dn_key(entry.dn))
        if owner is None or not owner[1]:
            return
        others: list[str] = []
        async for values in self._values(entry, relation):
            for value in values:
                other = self._mirror.by_dn(dn_key(value))
                if other is not None and other[1]:
                    others.append(other[0])
                elif other is None and relation == "member" and self._is_dangling(value):
                    dangling.setdefault(entry.dn, []).append(value)
        self._checkpoint.note_links(owner[0], relation, others)

    def _is_dangling(self, dn: str) -> bool:
        """A reference to what was below the container: only the sync can have made it. Active Directory has none."""
        key = dn_key(dn)
        is_local = self._mirror.is_local(key)
        return not self._place.shape.is_active_directory and key.endswith(f",{self._place.key}") and not is_local

    async def _values(self, entry: Entry, relation: str) -> AsyncIterator[Sequence[str]]:
        """All values, also of a server that gives them in ranges (MS-ADTS 3.1.1.3.1.3.3)."""
        yield entry.texts(relation)
        ranged = _range(entry)
        while ranged is not None:
            name, values = ranged
            yield values
            last = name.rpartition("-")[2]
            if last == "*" or not last.isdigit():
                return
            asked = f"{_RANGED}{int(last) + 1}-*"
            following = await self._connection.read(entry.dn, (asked,))
            ranged = _range(following) if following is not None else None


def _range(entry: Entry) -> tuple[str, Sequence[str]] | None:
    return next(((name, entry.texts(name)) for name in entry.attributes if name.startswith(_RANGED)), None)


def _is_same(before: Known, found: Known) -> bool:
    return dn_key(before.dn) == dn_key(found.dn) and _lists(before.attributes) == _lists(found.attributes)


def _lists(attributes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {name: list(values) for name, values in attributes.items()}


def _kind(entry: Entry) -> Kind:
    return "group" if "group" in {name.lower() for name in entry.texts("objectClass")} else "user"
