"""What a directory server's result codes mean for one object (RFC 4511 appendix A.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tui.ldap.errors import Refused
from tui.sync.targets.target import InvalidValue, NameTaken, Refusal, TargetRefused, Unique

NO_SUCH_ATTRIBUTE, VALUE_EXISTS, NO_SUCH_OBJECT, ALREADY_EXISTS = 16, 20, 32, 68
_CONSTRAINT, _ACCESS = 19, 50
_INVALID = frozenset((NO_SUCH_ATTRIBUTE, 17, _CONSTRAINT, VALUE_EXISTS, 21, 34, 64, 65))
# Of one object: everything else says that the server, the account or the way to it is no good for any object now.
_OF_ONE_OBJECT = _INVALID | {1, 2, 3, 11, 18, NO_SUCH_OBJECT, 36, _ACCESS, 53, 54, 66, 67, ALREADY_EXISTS, 69, 71, 80}
# Samba says so in words, Active Directory by ERROR_DS_UPN_VALUE_NOT_UNIQUE_IN_FOREST and its like for SPNs (0x21c8),
# OpenLDAP's slapo-unique(5) in words.
_NOT_UNIQUE = re.compile(r"already in use|not unique|000021C8", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]*")

Texts = Mapping[str, Sequence[str]]


def of_one_object(error: Refused) -> bool:
    """False where the whole step must end, as when the server is busy or unavailable."""
    return error.code in _OF_ONE_OBJECT


def is_gone(refusal: Refusal) -> bool:
    """The server has no entry of the name that was written to."""
    cause = refusal.__cause__
    return isinstance(cause, Refused) and cause.code == NO_SUCH_OBJECT


def refusal(error: Refused, texts: Texts) -> Refusal:
    """Why an object was not written; `texts`: what was to be, by lower-case attribute name."""
    attribute = _named(error.diagnostic, texts)
    value = next(iter(texts.get(attribute or "", ())), None)
    if error.code == ALREADY_EXISTS or (error.code == _CONSTRAINT and _NOT_UNIQUE.search(error.diagnostic)):
        return _taken(error, texts)
    if error.code in _INVALID:
        return InvalidValue(attribute, value, f"is not allowed by the directory: {error}")
    if error.code == _ACCESS:
        return TargetRefused(
            None, None, f"insufficient rights: let the sync's account write all of its container ({error})"
        )
    if error.code == NO_SUCH_OBJECT:
        return TargetRefused(None, None, f"the entry, or one that it refers to, is not there ({error})")
    return TargetRefused(attribute, value, str(error))


def _taken(error: Refused, texts: Texts) -> NameTaken:
    is_upn = "principal" in error.diagnostic.lower() or "000021C8" in error.diagnostic.upper()
    attribute: Unique = "userPrincipalName" if is_upn else "sAMAccountName"
    value = next(iter(texts.get(attribute.lower(), ())), None)
    return NameTaken(attribute, value, f"belongs to another object of the domain ({error})")


def _named(diagnostic: str, texts: Texts) -> str | None:
    """The attribute that the server's text speaks of."""
    return next((word.lower() for word in _WORD.findall(diagnostic) if word.lower() in texts), None)
