"""What is asked of a directory server, in the form it is sent in (RFC 4511 sections 4.2 to 4.12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from tui.ldap.ber import ENUMERATED, FALSE, SEQUENCE, SET, TRUE, integer, octets, sequence, tlv
from tui.ldap.entries import Change, Control, Value

ABANDON, UNBIND = 0x50, 0x42
START_TLS = "1.3.6.1.4.1.1466.20037"
PAGED = "1.2.840.113556.1.4.319"

_BIND, _SEARCH, _MODIFY, _ADD, _DELETE, _RENAME, _EXTENDED = 0x60, 0x63, 0x66, 0x68, 0x4A, 0x6C, 0x77
_SIMPLE, _REQUEST_NAME, _NEW_SUPERIOR, _CONTROLS = 0x80, 0x80, 0x80, 0xA0
_VERSION = 3
_SCOPES = {"base": 0, "one": 1, "sub": 2}
_KINDS = {"add": integer(0, ENUMERATED), "delete": integer(1, ENUMERATED), "replace": integer(2, ENUMERATED)}
_NEVER_DEREFERENCE = integer(0, ENUMERATED)
_NO_LIMITS = integer(0) * 2


def message(number: int, request: bytes, controls: bytes = b"") -> bytes:
    """A whole LDAPMessage around a request made below."""
    return tlv(SEQUENCE, integer(number) + request + controls)


def bind(user: str, password: str) -> bytes:
    return sequence((integer(_VERSION), octets(user), tlv(_SIMPLE, password.encode())), _BIND)


def start_tls() -> bytes:
    return tlv(_EXTENDED, tlv(_REQUEST_NAME, START_TLS.encode()))


def search(base: str, scope: str, encoded_filter: bytes, attributes: Sequence[str]) -> bytes:
    """No size and time limits: pages bound the size, and the caller's patience the time."""
    return sequence(
        (
            octets(base),
            integer(_SCOPES[scope], ENUMERATED),
            _NEVER_DEREFERENCE,
            _NO_LIMITS,
            FALSE,
            encoded_filter,
            sequence(map(_name, attributes)),
        ),
        _SEARCH,
    )


def add(dn: str, attributes: Mapping[str, Sequence[Value]]) -> bytes:
    return tlv(_ADD, octets(dn) + sequence([_partial(name, values) for name, values in attributes.items()]))


def modify(dn: str, changes: Sequence[Change]) -> bytes:
    return tlv(_MODIFY, octets(dn) + sequence(map(_change, changes)))


def delete(dn: str) -> bytes:
    return tlv(_DELETE, dn.encode())


def rename(dn: str, rdn: str, superior: str | None) -> bytes:
    parts = [octets(dn), octets(rdn), TRUE]
    parts += [tlv(_NEW_SUPERIOR, superior.encode())] if superior is not None else []
    return sequence(parts, _RENAME)


def abandon(number: int) -> bytes:
    return integer(number, ABANDON)


def unbind() -> bytes:
    return tlv(UNBIND, b"")


def controls(wanted: Sequence[Control]) -> bytes:
    """The controls of a message; nothing where there are none."""
    return sequence(map(_control, wanted), _CONTROLS) if wanted else b""


def page(size: int, cookie: bytes) -> Control:
    """The simple paged results control of RFC 2696, critical: a server without it must say so, not ignore it."""
    return Control(PAGED, sequence((integer(size), octets(cookie))))


def _control(control: Control) -> bytes:
    parts = [octets(control.oid)]
    parts += [TRUE] if control.critical else []
    parts += [octets(control.value)] if control.value is not None else []
    return sequence(parts)


def _change(change: Change) -> bytes:
    return tlv(SEQUENCE, _KINDS[change.kind] + _partial(change.attribute, change.values))


def _partial(attribute: str, values: Sequence[Value]) -> bytes:
    """An attribute and its values: most have one short value, and an object has a dozen such attributes."""
    if isinstance(values, str | bytes):
        raise TypeError(f"A list of values of {attribute} is wanted, not {type(values).__name__}")
    name = _name(attribute)
    content = octets(values[0]) if len(values) == 1 else b"".join(map(octets, values))
    size, whole = len(content), len(content) + len(name) + 2
    if whole < 128:
        return b"%c%c%b%c%c%b" % (SEQUENCE, whole, name, SET, size, content)
    return tlv(SEQUENCE, name + tlv(SET, content))


@lru_cache(maxsize=1024)
def _name(attribute: str) -> bytes:
    return octets(attribute)
