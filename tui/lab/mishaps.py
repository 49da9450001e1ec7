"""What people do wrong in the on-premises directory, and how they set it right again."""

from __future__ import annotations

from collections.abc import Iterator

from tui.lab.connector_space import ConnectorSpace
from tui.lab.onprem import MAIL_DOMAIN, AdObject, Change, OnPremises
from tui.model.states import ObjectType

STRIDE = 104_729  # a large prime, so that every user has a turn before anyone has a second


class Mishaps:
    """Picks other objects every time. What is wrong now is remembered in `space`."""

    def __init__(self, directory: OnPremises, space: ConnectorSpace) -> None:
        self._directory = directory
        self._space = space
        self._duplicates: list[tuple[str, str, str]] = [tuple(item) for item in space.setting("duplicates", [])]

    def duplicate_addresses(self, count: int) -> None:
        """Each of `count` users gets an address that a colleague has."""
        for holder, other in self._pairs(count):
            address = f"smtp:team.mailbox{self._space.setting('mishap_serial', 0)}@{MAIL_DOMAIN}"
            self._directory.change(holder, _with_address(holder, address))
            self._directory.change(other, _with_address(other, address))
            self._duplicates.append((holder.anchor, "proxyAddresses", address))
        self._space.keep("duplicates", self._duplicates)

    def duplicate_names(self, count: int) -> None:
        """Each of `count` users gets the sign-in name of a colleague."""
        for holder, other in self._pairs(count):
            own = str(other.attributes["userPrincipalName"])
            self._directory.change(other, Change({"userPrincipalName": holder.attributes["userPrincipalName"]}))
            self._duplicates.append((other.anchor, "userPrincipalName", own))
        self._space.keep("duplicates", self._duplicates)

    def free_duplicates(self) -> None:
        """The colleagues give up the addresses; the users get their own sign-in names back."""
        for anchor, attribute, value in self._duplicates:
            found = self._directory.by_anchor(anchor)
            if found is None or found.deleted:
                continue
            if attribute == "proxyAddresses":
                addresses = [address for address in found.attributes[attribute] if address != value]
                self._directory.change(found, Change({attribute: addresses}))
            else:
                self._directory.change(found, Change({attribute: value}))
        self._duplicates.clear()
        self._space.keep("duplicates", self._duplicates)

    def spoil(self, code: str, count: int) -> None:
        """`count` users become such that Entra ID refuses them with `code`."""
        for _ in range(count):
            found = self._next()
            if found is not None:
                self._directory.set_defect(found, code)

    def mend(self) -> None:
        """Every object that Entra ID refuses is put right."""
        for found in self._directory.defective():
            self._directory.set_defect(found, None)

    def _pairs(self, count: int) -> Iterator[tuple[AdObject, AdObject]]:
        for _ in range(count):
            first, second = self._next(), self._next()
            if first and second and first.anchor != second.anchor:
                yield first, second

    def _next(self) -> AdObject | None:
        serial = int(self._space.setting("mishap_serial", 0)) + 1
        self._space.keep("mishap_serial", serial)
        return self._directory.nth(ObjectType.USERS, serial * STRIDE)


def _with_address(found: AdObject, address: str) -> Change:
    return Change({"proxyAddresses": [*found.attributes["proxyAddresses"], address]})
