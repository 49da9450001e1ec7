"""A little Active Directory in memory behind the LDAP client's interface: USNs, tombstones, ranged retrieval."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Callable, Sequence

from tui.ldap.entries import SHOW_DELETED, Control, Entry
from tui.ldap.errors import LdapError, Refused

BASE = "DC=corp,DC=example"
PEOPLE = f"OU=People,{BASE}"
CLASSES = {
    "user": (b"top", b"person", b"user"),
    "group": (b"top", b"group"),
    "contact": (b"top", b"person", b"contact"),
    "computer": (b"top", b"person", b"user", b"computer"),
}
Attribute = bytes | str | Sequence[bytes | str]


class ActiveDirectory:
    """`problem`: what each operation raises. `most_values`: larger groups are told in ranges of so many.

    `on_search` is told of each filter and what is asked of the entries.
    """

    def __init__(self) -> None:
        self.usn = 100
        self.invocation = uuid.uuid4()
        self.shows_deleted = True
        self.problem: LdapError | None = None
        self.most_values = 1500
        self.binds = 0
        self.searches: list[tuple[str, Sequence[str]]] = []
        self.on_search: Callable[[str, Sequence[str]], object] = lambda *asked: self.searches.append(asked)
        self._entries: dict[str, dict[str, tuple[bytes, ...]]] = {}

    def put(self, name: str, kind: str = "user", /, **attributes: Attribute) -> None:
        """A new object, or other values for one; none at all remove an attribute. `member` takes names."""
        default = {"userAccountControl": "512"} if kind == "user" else {"groupType": "-2147483646"}
        found = self._entries.get(name) or _encoded({**default, "cn": name, "sAMAccountName": name, **_born(kind)})
        found.update(_encoded(attributes))
        self._entries[name] = {key: values for key, values in found.items() if values}
        self._touch(name)

    def delete(self, name: str) -> None:
        """As in a real one little is left of it, and its memberships end without a trace at the groups."""
        found = self._entries[name]
        self._entries[name] = {key: found[key] for key in ("objectGUID", "objectClass")} | {"isDeleted": (b"TRUE",)}
        for entry in self._entries.values():
            if "member" in entry:
                entry["member"] = tuple(member for member in entry["member"] if member != name.encode())
        self._touch(name)

    def guid(self, name: str) -> bytes:
        return self._entries[name]["objectGUID"][0]

    def _touch(self, name: str) -> None:
        self.usn += 1
        self._entries[name]["uSNChanged"] = (str(self.usn).encode(),)

    def matching(self, filter: str, *, deleted: bool) -> list[str]:
        first = re.search(r"uSNChanged>=(\d+)", filter)
        return [
            name
            for name, entry in self._entries.items()
            if ("isDeleted" in entry) == deleted and (first is None or int(entry["uSNChanged"][0]) >= int(first[1]))
        ]

    def shown(self, name: str, attributes: Sequence[str]) -> Entry:
        entry = self._entries[name]
        chosen = {key.lower(): entry[key] for key in attributes if key in entry and key != "member"}
        dn = f"{self._reference(name)};CN={name},{PEOPLE}"
        return Entry(dn, chosen | self._members(entry, attributes))

    def _members(self, entry: dict[str, tuple[bytes, ...]], attributes: Sequence[str]) -> dict[str, tuple[bytes, ...]]:
        asked = next((found for key in attributes if (found := re.match(r"member(?:;range=(\d+)-\*)?\Z", key))), None)
        if asked is None or "member" not in entry:
            return {}
        members = [f"{self._reference(name.decode())};CN=x".encode() for name in entry["member"]]
        if len(members) <= self.most_values:
            return {"member": tuple(members)}
        start = int(asked[1] or 0)
        end = start + self.most_values
        last = "*" if end >= len(members) else str(end - 1)
        return {"member": (), f"member;range={start}-{last}": tuple(members[start:end])}

    def _reference(self, name: str) -> str:
        return f"<GUID={uuid.UUID(bytes_le=self.guid(name))}>;<SID=S-1-5-21-1>"


class Connected:
    """A connection to it."""

    address = "127.0.0.1:636"
    is_closed = False

    def __init__(self, directory: ActiveDirectory) -> None:
        self._directory = directory

    def _check(self) -> None:
        if self._directory.problem is not None:
            raise self._directory.problem

    async def bind(self, user: str, password: str) -> None:
        self._directory.binds += 1
        self._check()

    async def root(self, *attributes: str) -> Entry:
        self._check()
        told = {"defaultnamingcontext": BASE, "dnshostname": "dc1", "dsservicename": "CN=NTDS"}
        told["highestcommittedusn"] = str(self._directory.usn)
        return Entry("", {name: (value.encode(),) for name, value in told.items()})

    async def read(
        self, dn: str, attributes: Sequence[str] = ("*",), *, controls: Sequence[Control] = ()
    ) -> Entry | None:
        self._check()
        if dn == "CN=NTDS":
            return Entry(dn, {"invocationid": (self._directory.invocation.bytes_le,)})
        return self._directory.shown(dn.partition(",")[0].removeprefix("CN="), attributes)

    async def search(
        self,
        base: str,
        filter: str,
        attributes: Sequence[str] = ("1.1",),
        *,
        page_size: int = 1000,
        controls: Sequence[Control] = (),
        **_: object,
    ) -> AsyncIterator[Sequence[Entry]]:
        self._check()
        self._directory.on_search(filter, attributes)
        if base.startswith("<WKGUID=") and not self._directory.shows_deleted:
            raise Refused(32, "noSuchObject")
        found = self._directory.matching(filter, deleted=SHOW_DELETED in controls)
        for start in range(0, len(found), page_size):
            yield [self._directory.shown(name, attributes) for name in found[start : start + page_size]]

    async def aclose(self) -> None:
        return None


def _born(kind: str) -> dict[str, Attribute]:
    return {"objectClass": CLASSES[kind], "objectGUID": uuid.uuid4().bytes_le}


def _encoded(attributes: dict[str, Attribute]) -> dict[str, tuple[bytes, ...]]:
    return {
        name.replace("_", "-"): tuple(
            value.encode() if isinstance(value, str) else value
            for value in ((values,) if isinstance(values, str | bytes) else values)
        )
        for name, values in attributes.items()
    }
