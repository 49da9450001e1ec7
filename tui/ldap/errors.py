"""What may go wrong between us and a directory server. Each message is for people.

LdapError
├── Unreachable   no connection: DNS, TCP
├── Untrusted     TLS failed: the certificate, its name or its dates, or the peer speaks no TLS
├── Disconnected  the server closed or reset the connection
├── TimedOut
├── BadAnswer     not LDAP, too large, nested too deep, endless pages, a paged search that lost its cookie
└── Refused       the server answered with a result code other than success
"""

from __future__ import annotations


class LdapError(Exception):
    """`str()` is one sentence for people, already clean of control characters."""


class Unreachable(LdapError):
    pass


class Untrusted(LdapError):
    pass


class Disconnected(LdapError):
    pass


class TimedOut(LdapError):
    pass


class BadAnswer(LdapError):
    pass


class Refused(LdapError):
    """`code`: the result code of RFC 4511 section 4.1.9, `name` its name, e.g. (49, invalidCredentials).

    `diagnostic`: the server's own text, cleaned. `matched_dn`: how far a name was found. `referrals`: where else to
    ask. `subcode`: Active Directory's number behind "data" in the diagnostic (facts/ldap.md 1), e.g. "52e", or empty.
    """

    def __init__(
        self, code: int, name: str, diagnostic: str = "", matched_dn: str = "", referrals: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{name} ({code})" + (f": {diagnostic}" if diagnostic else ""))
        self.code = code
        self.name = name
        self.diagnostic = diagnostic
        self.matched_dn = matched_dn
        self.referrals = referrals
        self.subcode = ""
