"""Users by the ten thousand, and groups, into the files of a stopped Samba domain. Run by the system's own Python:

    /usr/bin/python3 -m tests.directory.samba_bulk --configuration SMB.CONF --parent DN --count N ...

One user is added in the regular way; what was stored is then copied straight into the domain partition, past the
modules that check each entry: about 4,000 users a second instead of 500 (facts/ldap.md 2). `samba-tool dbcheck` finds
no fault. For test data only: it writes Samba 4.17's private format. Groups are added in the regular way, as their
members carry links back.
"""

from __future__ import annotations

import argparse
import struct
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ldb  # type: ignore[import-not-found]
from samba import Ldb  # type: ignore[import-not-found]
from samba.auth import system_session  # type: ignore[import-not-found]
from samba.param import LoadParm  # type: ignore[import-not-found]
from samba.samdb import SamDB  # type: ignore[import-not-found]

from tests.directory.bulk import group_members, object_id

BATCH = 20_000
MODEL = "model of users"
_FAST = ["transaction_index_cache_size:200000", "batch_mode:1"]
_FIRST_RID = 1_000_000
"""Far from the pool that Samba hands out."""
_OWN = ("cn", "name", "sAMAccountName", "userPrincipalName", "displayName", "sn", "mail", "employeeID", "department")
_STORED_OWN = ("objectGUID", "objectSid", "uSNCreated", "uSNChanged", "replPropertyMetaData", "distinguishedName", "dn")
_ENTRIES_AT, _ENTRY_SIZE, _USNS_AT = 16, 48, 32
"""Places in replPropertyMetaData: MS-DRSR 4.1.10.2.21 and the version and padding before it."""
_MISINDEXED = ("sAMAccountType", "primaryGroupID", "userAccountControl")


class Domain:
    """The database of a stopped domain, through all of Samba's modules."""

    def __init__(self, configuration: Path, parent: str, identity: str) -> None:
        self.private = configuration.parents[1] / "private"
        self.parent = parent
        self.identity = identity
        self._parameters = LoadParm()
        self._parameters.load(str(configuration))
        self.modules = self.opened()

    def opened(self) -> Any:
        url = str(self.private / "sam.ldb")
        return SamDB(url=url, lp=self._parameters, session_info=system_session(self._parameters), options=_FAST)

    def partition(self) -> Any:
        """The file of the domain partition alone, without modules."""
        found = self.modules.search(base="@PARTITION", scope=ldb.SCOPE_BASE, attrs=["backendStore"])[0]
        store = str(found.get("backendStore", ["tdb"])[0])
        base = str(self.modules.domain_dn()).upper()
        url = f"{store}://{self.private}/sam.ldb.d/{base}.ldb"
        return Ldb(url=url, lp=self._parameters, options=["modules:", *_FAST])

    def attributes(self, name: str, number: int) -> dict[str, str | bytes]:
        """What differs between users."""
        domain = self.modules.domain_dns_name()
        identity = object_id(name)
        return {
            "cn": name,
            "name": name,
            "sAMAccountName": name,
            "userPrincipalName": f"{name}@{domain}",
            "displayName": f"User {number}",
            "sn": str(number),
            "mail": f"{name}@contoso.example",
            "employeeID": str(number),
            "department": f"D{number % 50}",
            self.identity: identity.bytes_le if self.identity == "mS-DS-ConsistencyGuid" else str(identity),
        }


class Mould:
    """A stored record, from which others are cast."""

    def __init__(self, record: Any, identity: str) -> None:
        own = {name.lower() for name in (*_OWN, *_STORED_OWN, identity)}
        self.record = record
        self._same = [(key, _element(key, *record[key])) for key in record if key.lower() not in own]
        self._sid = bytes(record["objectSid"][0])[:-4]
        self._meta = bytearray(bytes(record["replPropertyMetaData"][0]))
        version, count = struct.unpack_from("<I4xI", self._meta)
        if version != 1 or len(self._meta) != _ENTRIES_AT + _ENTRY_SIZE * count:
            raise SystemExit("this Samba stores replPropertyMetaData in another form")
        self._usns = [_ENTRIES_AT + _ENTRY_SIZE * entry + _USNS_AT for entry in range(count)]

    def cast(self, dn: Any, attributes: dict[str, str | bytes], number: int, usn: int, guid: bytes) -> Any:
        message = ldb.Message(dn)
        for key, element in self._same:
            message[key] = element
        stored: dict[str, str | bytes] = {
            "uSNCreated": str(usn),
            "uSNChanged": str(usn),
            "objectGUID": guid,
            "objectSid": self._sid + struct.pack("<I", _FIRST_RID + number),
            "replPropertyMetaData": self._metadata(usn),
        }
        for key, value in {**attributes, **stored}.items():
            message[key] = _element(key, value)
        return message

    def _metadata(self, usn: int) -> bytes:
        both = struct.pack("<QQ", usn, usn)
        for at in self._usns:
            self._meta[at : at + len(both)] = both
        return bytes(self._meta)


def load_users(domain: Domain, count: int) -> None:
    """Ascending GUIDs: an index is a sorted list of them, and each new one goes to its end."""
    dn = _add_model(domain)
    raw = domain.partition()
    mould = Mould(raw.search(base=dn, scope=ldb.SCOPE_BASE)[0], domain.identity)
    guids = sorted(uuid.uuid4().bytes_le for _ in range(count))
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        usns = _next_usns(domain.modules, len(numbers))
        raw.transaction_start()
        for number, usn in zip(numbers, usns, strict=True):
            name = f"u{number:07d}"
            attributes = domain.attributes(name, number)
            raw.add(mould.cast(ldb.Dn(raw, f"CN={name},{domain.parent}"), attributes, number, usn, guids[number]))
        raw.transaction_commit()
    _mend_indexes(raw, mould.record)
    del raw
    domain.modules = domain.opened()
    domain.modules.delete(dn)


def load_groups(domain: Domain, groups: int, members: int, users: int) -> None:
    domain.modules.transaction_start()
    for number in range(groups):
        name = f"g{number:05d}"
        names = group_members(number, members, users)
        domain.modules.add(
            {
                "dn": f"CN={name},{domain.parent}",
                "objectClass": "group",
                "sAMAccountName": name,
                **({"msDS-AzureADObjectId": str(object_id(name))} if "aad" in domain.identity else {}),
                **({"member": [f"CN={member},{domain.parent}" for member in names]} if names else {}),
            }
        )
    domain.modules.transaction_commit()


def _add_model(domain: Domain) -> str:
    dn = f"CN={MODEL},{domain.parent}"
    attributes = domain.attributes("model", 0) | {"cn": MODEL, "name": MODEL}
    del attributes["name"]
    domain.modules.add(
        {"dn": dn, "objectClass": "user", "userAccountControl": "512", "givenName": "User", **attributes}
    )
    return dn


def _next_usns(modules: Any, count: int) -> Sequence[int]:
    """From Samba's own counter, so that highestCommittedUSN stays true."""
    modules.transaction_start()
    usns = [modules.sequence_number(ldb.SEQ_NEXT) for _ in range(count)]
    modules.transaction_commit()
    return usns


def _element(key: str, *values: str | bytes) -> Any:
    return ldb.MessageElement(
        [value if isinstance(value, str) else bytes(value) for value in values], ldb.FLAG_MOD_ADD, key
    )


def _mend_indexes(raw: Any, record: Any) -> None:
    """Without the schema, integers and objectCategory were indexed under their text: move them to Samba's own keys."""
    raw.transaction_start()
    for attribute, wrong, right in _index_keys(record):
        _move_index(raw, f"@INDEX:{attribute.upper()}:{wrong}", f"@INDEX:{attribute.upper()}:{right}")
    raw.transaction_commit()


def _index_keys(record: Any) -> Iterator[tuple[str, str, str]]:
    for attribute in _MISINDEXED:
        value = int(str(record[attribute][0]))
        yield attribute, str(value), f"{'p' if value >= 0 else 'n'}{value:010d}"
    category = str(record["objectCategory"][0])
    yield "objectCategory", category, category.rpartition(";")[2].upper()


def _move_index(raw: Any, wrong: str, right: str) -> None:
    source, target = ldb.Dn(raw, wrong), ldb.Dn(raw, right)
    there = raw.search(base=target, scope=ldb.SCOPE_BASE)
    guids = _indexed(raw.search(base=source, scope=ldb.SCOPE_BASE)) | _indexed(there)
    message = ldb.Message(target)
    message["@IDX"] = ldb.MessageElement([b"".join(sorted(guids))], ldb.FLAG_MOD_REPLACE, "@IDX")
    if there:
        raw.modify(message)
    else:
        message["@IDXVERSION"] = ldb.MessageElement(["3"], ldb.FLAG_MOD_ADD, "@IDXVERSION")
        raw.add(message)
    raw.delete(source)


def _indexed(found: Any) -> set[bytes]:
    """The GUIDs, of 16 bytes each, that an index entry lists."""
    if not found or "@IDX" not in found[0]:
        return set()
    joined = b"".join(bytes(part) for part in found[0]["@IDX"])
    return {joined[at : at + 16] for at in range(0, len(joined), 16)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--configuration", type=Path, required=True)
    parser.add_argument("--parent", required=True)
    parser.add_argument("--identity", choices=("mS-DS-ConsistencyGuid", "msDS-aadObjectId"), required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--groups", type=int, default=0)
    parser.add_argument("--members", type=int, default=0)
    chosen = parser.parse_args()
    domain = Domain(chosen.configuration, chosen.parent, chosen.identity)
    load_users(domain, chosen.count)
    load_groups(domain, chosen.groups, chosen.members, chosen.count)


if __name__ == "__main__":
    main()
