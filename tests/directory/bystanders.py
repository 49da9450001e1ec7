"""What the sync must never touch: every entry of a domain that carries no object id, as the server tells it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.directory.compare import IDS
from tests.directory.server import DirectoryServer

_OF_THE_SERVER = (
    "badpwdcount", "badpasswordtime", "lastlogon", "lastlogontimestamp", "logoncount", "msds-revealedlist",
    "contextcsn",
)  # fmt: skip
"""A sign-in changes these of the account, and any write the last one."""
_OWN_ENTRIES = ("cn=rid set,", "cn=rid manager$,", "cn=infrastructure,")
"""Where a domain controller counts the SIDs that it gives."""


def bystanders(server: DirectoryServer) -> dict[str, list[str]]:
    """Everything that is told of each, operational attributes included, by distinguished name."""
    return {dn: lines for dn, lines in _records(server.find("(objectClass=*)", "*", "+")) if not _is_excepted(dn)}


def _records(ldif: str) -> Iterator[tuple[str, list[str]]]:
    for record in ldif.split("\n\n"):
        lines = [line for line in record.splitlines() if line and not line.startswith("#")]
        names = {line.partition(":")[0].lower() for line in lines}
        if lines and lines[0].startswith("dn:") and names.isdisjoint(IDS):
            kept = [line for line in lines if line.partition(":")[0].lower() not in _OF_THE_SERVER]
            yield lines[0], sorted(kept)


def _is_excepted(dn: str) -> bool:
    return dn.removeprefix("dn: ").lower().startswith(_OWN_ENTRIES)


def add_bystanders(server: DirectoryServer) -> dict[str, list[str]]:
    """Objects made in the domain, beside the container and in it; returns all there are."""
    ou = f"OU=Local,{server.base_dn}"
    server.modify(
        f"dn: {ou}\nchangetype: add\nobjectClass: organizationalUnit\nou: Local\n\n"
        + "".join(_user(name, ou) for name in ("svc-sql", "ada"))
        + _user("svc-web", server.people_dn)
        + f"dn: CN=Locals,{server.people_dn}\nchangetype: add\nobjectClass: group\ncn: Locals\n"
        f"sAMAccountName: Locals\nmember: CN=svc-sql,{ou}\n"
    )
    return bystanders(server)


def _user(name: str, parent: str) -> str:
    return (
        f"dn: CN={name},{parent}\nchangetype: add\nobjectClass: user\ncn: {name}\nsAMAccountName: {name}\n"
        f"description: made by hand\n\n"
    )
