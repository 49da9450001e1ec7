"""Entries as a directory server sends them, and changes to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

Value = bytes | str


class Entry(Struct, frozen=True, gc=False):
    """`attributes`: names in lower case -> values as bytes, exactly as sent; `dn` as sent, not cleaned for a screen."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)

    def values(self, name: str) -> tuple[bytes, ...]:
        """All values of an attribute, compared without regard to case; empty where there is none."""
        return self.attributes.get(name.lower(), ())

    def value(self, name: str) -> bytes | None:
        """The first value."""
        return next(iter(self.values(name)), None)

    def text(self, name: str) -> str | None:
        """The first value as text; what is not UTF-8 is replaced. Not cleaned."""
        value = self.value(name)
        return None if value is None else value.decode("utf-8", "replace")

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(value.decode("utf-8", "replace") for value in self.values(name))

    def integer(self, name: str) -> int | None:
        """The first value as a number; None where it is missing or not one."""
        try:
            return int(self.value(name) or b"")
        except ValueError:
            return None


class Change(Struct, frozen=True):
    """One part of a modify operation (RFC 4511 section 4.6). A `replace` without values removes the attribute."""

    kind: Literal["add", "delete", "replace"]
    attribute: str
    values: Sequence[Value] = ()


class Control(Struct, frozen=True):
    """RFC 4511 section 4.1.11. `value`: its BER, where it has one."""

    oid: str
    value: bytes | None = None
    critical: bool = True


SHOW_DELETED = Control("1.2.840.113556.1.4.417")
PERMISSIVE_MODIFY = Control("1.2.840.113556.1.4.1413", critical=False)
"""Adding what is there and deleting what is not succeed (Active Directory, Samba, OpenLDAP)."""
DOMAIN_SCOPE = Control("1.2.840.113556.1.4.1339", critical=False)
"""No referrals to other naming contexts (Active Directory, Samba)."""
