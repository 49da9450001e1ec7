"""What a directory server answers, read by offsets. Whatever the bytes are, only `BadAnswer` is raised."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from tui.ldap.ber import ENUMERATED, INTEGER, OCTETS, SEQUENCE, element, number, value
from tui.ldap.errors import BadAnswer, Refused
from tui.ldap.requests import PAGED
from tui.ldap.result_codes import SUCCESS, result_name
from tui.model.text import clean

BIND, ENTRY, DONE, MODIFY, ADD, DELETE, RENAME = 0x61, 0x64, 0x65, 0x67, 0x69, 0x6B, 0x6D
REFERENCE, EXTENDED, INTERMEDIATE = 0x73, 0x78, 0x79
RESULTS = frozenset((BIND, DONE, MODIFY, ADD, DELETE, RENAME, EXTENDED))
"""Every answer that ends an operation."""
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"

_REFERRAL, _NAME, _CONTROLS = 0xA3, 0x8A, 0xA0
_PLAIN_SUCCESS = b"\x0a\x01\x00\x04\x00\x04\x00"
_MOST_REFERRALS, _MOST_CONTROLS = 16, 16
_LONGEST_DIAGNOSTIC = 300
# In Active Directory's diagnostics: "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e".
_SUBCODE = re.compile(r"\bdata ([0-9A-Fa-f]{1,8})\b")


class Message(Struct, gc=False):
    """`start` and `stop` of the operation's content in `data`; `end` is the end of the whole message."""

    number: int
    tag: int
    data: bytes
    start: int
    stop: int
    end: int


class Result(Struct, frozen=True):
    """LDAPResult (RFC 4511 section 4.1.9). `controls`: value by object identifier. `oid`: of an extended answer."""

    code: int = SUCCESS
    matched_dn: str = ""
    diagnostic: str = ""
    referrals: tuple[str, ...] = ()
    oid: str = ""
    controls: Mapping[str, bytes] = field(default_factory=dict)


_SUCCEEDED = Result()


def message(data: bytes, at: int, end: int) -> Message:
    """The message whose content lies from `at` to `end`."""
    identity, at = number(data, at, end, INTEGER)
    tag, start, stop = element(data, at, end)
    return Message(identity, tag, data, start, stop, end)


def result(answer: Message) -> Result:
    """What an operation ended with."""
    data, start, stop = answer.data, answer.start, answer.stop
    if stop == answer.end and data[start:stop] == _PLAIN_SUCCESS:
        return _SUCCEEDED
    code, at = number(data, start, stop, ENUMERATED)
    matched, at = _text(data, at, stop)
    diagnostic, at = _text(data, at, stop)
    referrals, oid = _rest(data, at, stop)
    return Result(code, matched, diagnostic, referrals, oid, _controls(data, stop, answer.end))


def refusal(found: Result) -> Refused:
    """A result other than success as an error for people."""
    diagnostic = clean(found.diagnostic, _LONGEST_DIAGNOSTIC)
    referrals = tuple(clean(url, _LONGEST_DIAGNOSTIC) for url in found.referrals)
    refused = Refused(found.code, result_name(found.code), diagnostic, clean(found.matched_dn), referrals)
    subcode = _SUBCODE.search(found.diagnostic)
    refused.subcode = subcode.group(1).lower() if subcode else ""
    return refused


def page_cookie(found: Result) -> bytes | None:
    """The cookie of the paged results control (RFC 2696), empty on the last page; None without the control."""
    control = found.controls.get(PAGED)
    if control is None:
        return None
    start, end = value(control, 0, len(control), SEQUENCE)
    _, at = number(control, start, end)
    start, end = value(control, at, end, OCTETS)
    return control[start:end]


def _rest(data: bytes, at: int, stop: int) -> tuple[tuple[str, ...], str]:
    """What may follow the three fixed parts of a result: referrals, and the name of an extended answer."""
    referrals: tuple[str, ...] = ()
    oid = ""
    while at < stop:
        tag, start, end = element(data, at, stop)
        if tag == _REFERRAL:
            referrals = _texts(data, start, end)
        elif tag == _NAME:
            oid = _decoded(data[start:end])
        at = end
    return referrals, oid


def _controls(data: bytes, at: int, stop: int) -> Mapping[str, bytes]:
    if at >= stop:
        return {}
    tag, at, end = element(data, at, stop)
    if tag != _CONTROLS:
        raise BadAnswer("The server sent something other than controls behind an answer")
    found: dict[str, bytes] = {}
    while at < end and len(found) < _MOST_CONTROLS:
        start, at_next = value(data, at, end, SEQUENCE)
        oid, content = _control(data, start, at_next)
        found[oid] = content
        at = at_next
    return found


def _control(data: bytes, at: int, stop: int) -> tuple[str, bytes]:
    """Object identifier and value; whether the server calls it critical means nothing to a client."""
    oid, at = _text(data, at, stop)
    while at < stop:
        tag, start, end = element(data, at, stop)
        if tag == OCTETS:
            return oid, data[start:end]
        at = end
    return oid, b""


def _text(data: bytes, at: int, stop: int) -> tuple[str, int]:
    start, end = value(data, at, stop, OCTETS)
    return _decoded(data[start:end]), end


def _texts(data: bytes, at: int, stop: int) -> tuple[str, ...]:
    found: list[str] = []
    while at < stop and len(found) < _MOST_REFERRALS:
        text, at = _text(data, at, stop)
        found.append(text)
    return tuple(found)


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
