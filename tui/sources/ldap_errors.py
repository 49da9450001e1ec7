"""What a directory server or the way to it did wrong, as a `SourceError` whose message says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tui.ldap import errors as ldap
from tui.sources.errors import (
    BadAnswer,
    Denied,
    NotFound,
    Refused,
    SourceError,
    TimedOut,
    Unreachable,
    UpstreamFailed,
)

OPERATIONS_ERROR, TIME_LIMIT, SIZE_LIMIT, STRONGER_AUTH, REFERRAL, ADMIN_LIMIT = 1, 3, 4, 8, 10, 11
CONFIDENTIALITY, NO_SUCH_OBJECT, INVALID_DN, INAPPROPRIATE_AUTH, INVALID_CREDENTIALS, ACCESS = 13, 32, 34, 48, 49, 50
BUSY, UNAVAILABLE, UNWILLING, NO_METHOD = 51, 52, 53, 7

# Answers to a bind after which the same bind would be refused again (RFC 4511 appendix A.2).
FINAL_FOR_BIND = frozenset(
    (NO_METHOD, STRONGER_AUTH, CONFIDENTIALITY, INVALID_DN, INAPPROPRIATE_AUTH, INVALID_CREDENTIALS, ACCESS, UNWILLING)
)

_ENCRYPT = "it takes a password over TLS only: use an ldaps:// url, or start_tls = true"
_WRONG = "wrong user name or password"
# facts/domain.md 1.6, 6.1.
_WHY_ELSE = (
    " (A managed domain also refuses every simple bind while its NTLM password hash synchronization is off, "
    "and users whose password is older than the domain.)"
)
# The number behind "data" in Active Directory's answer to a refused bind, a Windows error in hexadecimal.
_SUBCODES: Mapping[str, str] = {
    "525": "there is no such user; check bind_user",
    "52e": _WRONG,
    "530": "the account may not sign in at this time",
    "531": "the account may not sign in from this machine",
    "532": "its password has expired; set a new one",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "its password must be changed before the first sign-in",
    "775": "the account is locked out; it is free again after the lockout time (30 minutes in a managed domain)",
}
_BIND_CODES: Mapping[int, str] = {
    NO_METHOD: "it knows no simple bind",
    STRONGER_AUTH: _ENCRYPT,
    CONFIDENTIALITY: _ENCRYPT,
    INVALID_DN: "it takes distinguished names only, such as cn=monitor,dc=contoso,dc=com; correct bind_user",
    INAPPROPRIATE_AUTH: "the account has no password that a simple bind could use",
    INVALID_CREDENTIALS: _WRONG,
    UNWILLING: "it is not willing to take this bind",
    ACCESS: "the account may not sign in here",
}
_REFUSALS: Mapping[int, tuple[type[SourceError], str]] = {
    TIME_LIMIT: (TimedOut, "its own time limit for a search ended before the search did"),
    SIZE_LIMIT: (UpstreamFailed, "it limits the size of searches, also of paged ones: allow this account more"),
    ADMIN_LIMIT: (UpstreamFailed, "its administrative limit ended the search: allow this account more"),
    STRONGER_AUTH: (Denied, _ENCRYPT),
    CONFIDENTIALITY: (Denied, _ENCRYPT),
    NO_SUCH_OBJECT: (NotFound, "check base_dn, and that the account may read it"),
    INVALID_DN: (Refused, "base_dn is no distinguished name; write it as dc=contoso,dc=com"),
    INAPPROPRIATE_AUTH: (Denied, "it needs a bind: set bind_user and its password"),
    INVALID_CREDENTIALS: (Denied, "check bind_user and its password"),
    ACCESS: (Denied, "the account may not read this; any user of the domain normally may"),
    BUSY: (UpstreamFailed, "it is busy and is asked again later"),
    UNAVAILABLE: (UpstreamFailed, "it is unavailable, as while it starts or shuts down, and is asked again later"),
}
# "a successful bind must be completed" by Active Directory, "unavailable without authentication" by Samba.
_UNNAMED = re.compile("bind|authentication", re.IGNORECASE)
_KINDS: Mapping[type[ldap.LdapError], type[SourceError]] = {
    ldap.Unreachable: Unreachable,
    ldap.Untrusted: Unreachable,
    ldap.Disconnected: Unreachable,
    ldap.TimedOut: TimedOut,
    ldap.BadAnswer: BadAnswer,
}


def source_error(error: ldap.LdapError, where: str) -> SourceError:
    """`error` in the family that pollers know; `where` is the server as host:port.

    A refused operation names the result code (RFC 4511 section 4.1.9) and what can be done about it.
    """
    if isinstance(error, ldap.Refused):
        return _refusal(error, where)
    text = str(error) or type(error).__name__
    host = where.rpartition(":")[0]
    kind = next((found for known, found in _KINDS.items() if isinstance(error, known)), UpstreamFailed)
    return kind(text if host and host in text else f"{where}: {text}")


def refused_bind(error: ldap.Refused, where: str, user: str, remedy: str) -> Denied:
    """The refusal after which nothing is tried again by itself: who, where, why, and the `remedy` that lifts it.

    facts/domain.md 1.6: five bad passwords lock an account of a managed domain for 30 minutes.
    """
    is_wrong = error.code == INVALID_CREDENTIALS
    said = _SUBCODES.get(error.subcode) if is_wrong else None
    reason = said or _BIND_CODES.get(error.code, error.name)
    numbers = f"{error.code} {error.subcode}".strip()
    stopped = f"Stopped, lest more attempts lock it: {remedy}." if is_wrong else "Stopped: ask again (r) once mended."
    return Denied(
        f"{where} refused the sign-in of {user}: {reason} ({numbers}). {stopped}"
        f"{_WHY_ELSE if reason == _WRONG else ''}",
        code=error.subcode or str(error.code),
    )


def is_fleeting(error: ldap.LdapError) -> bool:
    """Whether the connection is of no more use: everything but an answer, and answers that ask to come back."""
    return not isinstance(error, ldap.Refused) or error.code in (BUSY, UNAVAILABLE)


def _refusal(error: ldap.Refused, where: str) -> SourceError:
    code = str(error.code)
    if error.code == REFERRAL:
        return Refused(f"{where} refers to {_referred(error)}: name that server in url", code=code)
    if error.code == OPERATIONS_ERROR and _UNNAMED.search(error.diagnostic):
        return Denied(f"{where} answers signed-in users only: set bind_user and its password", code=code)
    kind, advice = _REFUSALS.get(error.code, (UpstreamFailed, error.diagnostic))
    return kind(f"{where} answered {_named(error)}{': ' if advice else ''}{advice}", code=code)


def _named(error: ldap.Refused) -> str:
    return f"{error.name} ({error.code}{' ' + error.subcode if error.subcode else ''})"


def _referred(error: ldap.Refused) -> str:
    return ", ".join(error.referrals[:3]) or "another server"
