"""Groups that a server tells in ranges are read whole (MS-ADTS 3.1.1.3.1.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from tui.ldap.entries import Entry
from tui.sync.targets.ldap_reconcile import Reconciliation

SIZE = 1500


class Ranging:
    """Gives at most `SIZE` values of a group's members at a time, as Active Directory does."""

    def __init__(self, members: int) -> None:
        self.members = [f"CN=u{n}".encode() for n in range(members)]

    def entry(self, first: int = 0) -> Entry:
        values = tuple(self.members[first : first + SIZE])
        end = first + SIZE
        last = "*" if end >= len(self.members) else str(end - 1)
        return Entry("CN=g", {"member": (), f"member;range={first}-{last}": values})

    async def read(self, dn: str, attributes: Sequence[str]) -> Entry:
        (asked,) = attributes
        return self.entry(int(asked.removeprefix("member;range=").removesuffix("-*")))


async def test_all_ranges_are_read() -> None:
    """Every member arrives once, however many answers it takes."""
    for count in (1, SIZE, SIZE + 1, 4000):
        server = Ranging(count)
        place = SimpleNamespace(connection=server)
        reading = Reconciliation(cast(Any, place), cast(Any, None), cast(Any, None), cast(Any, None), adopt=False)
        found = [each async for values in reading._values(server.entry(), "member") for each in values]
        assert found == [each.decode() for each in server.members]
