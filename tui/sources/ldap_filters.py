"""Which entries of a directory are users, groups, contacts and devices, and which of them the next hop leaves out.

Active Directory's own filters use indexed attributes. Elsewhere a comparison with an attribute or class that the schema
lacks is neither true nor false, and so is its negation (RFC 4511 section 4.5.1.7): nothing that may be unknown is
negated here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tui.model.states import ObjectType
from tui.sources.ldap_root import ServerKind

BITS_ALL, BITS_ANY = "1.2.840.113556.1.4.803", "1.2.840.113556.1.4.804"
BUILT_IN = "(isCriticalSystemObject=TRUE)"
DISABLED = f"(userAccountControl:{BITS_ALL}:=2)"

_ACTIVE_DIRECTORY: Mapping[ObjectType, str] = {
    ObjectType.USERS: "(objectCategory=person)(objectClass=user)",
    ObjectType.GROUPS: "(objectClass=group)",
    ObjectType.CONTACTS: "(objectCategory=person)(objectClass=contact)",
    ObjectType.DEVICES: "(objectCategory=computer)",
}
_ELSEWHERE: Mapping[ObjectType, str] = {
    ObjectType.USERS: "(|(objectClass=user)(objectClass=inetOrgPerson))",
    ObjectType.GROUPS: "(|(objectClass=group)(objectClass=groupOfNames))",
    ObjectType.CONTACTS: "(objectClass=contact)",
    ObjectType.DEVICES: "(objectClass=computer)",
}
# Mailboxes of Exchange itself, and its role groups.
_EXCHANGE_OWN = f"(msExchRecipientTypeDetails:{BITS_ANY}:={0x21C07000})"
_ROLE_GROUP = f"(msExchRecipientTypeDetails:{BITS_ALL}:={0x40000000})"
# groupType of distribution groups: global, domain local, universal, without the bit of security groups.
_DISTRIBUTION = "(|(groupType=2)(groupType=4)(groupType=8))"

# The default rules of Connect, as far as they can be asked of a directory ("Microsoft Entra Connect Sync: understanding
# the default configuration"); left are victims of replication conflicts and groups of over 250,000 members.
LEFT_OUT: Mapping[ObjectType, str] = {
    ObjectType.USERS: f"(|{BUILT_IN}(sAMAccountName=AAD_*)(sAMAccountName=MSOL_*)(sAMAccountName=SUPPORT_388945a0)"
    f"(sAMAccountName=CAS_*}}*)(mailNickname=CAS_*}}*)(mailNickname=SystemMailbox{{*){_EXCHANGE_OWN})",
    ObjectType.GROUPS: f"(|{BUILT_IN}(sAMAccountName=MSOL_AD_Sync_RichCoexistence){_ROLE_GROUP}"
    f"(&{_DISTRIBUTION}(!(proxyAddresses=*))))",
}
TAKEN: Mapping[ObjectType, str] = {
    ObjectType.CONTACTS: "(mail=*)(proxyAddresses=*)",
    ObjectType.DEVICES: "(userCertificate=*)",
}


def of_type(kind: ServerKind, type: ObjectType, *more: str) -> str:
    """The objects of one type to which all of `more` applies, each a filter in brackets."""
    return f"(&{_classes(kind)[type]}{''.join(more)})"


def users_and_groups(kind: ServerKind, *more: str) -> str:
    return f"(&(|{of_type(kind, ObjectType.USERS)}{of_type(kind, ObjectType.GROUPS)}){''.join(more)})"


def any_of(attributes: Iterable[str]) -> str:
    """Entries that have one of these attributes; none of them is no entry."""
    return f"(|{''.join(f'({name}=*)' for name in attributes)})"


def none_of(attributes: Iterable[str]) -> str:
    """Entries that have none of these attributes, all of which the schema must know."""
    return "".join(f"(!({name}=*))" for name in attributes)


def not_built_in(kind: ServerKind) -> str:
    """Only Active Directory has built-in objects, and an attribute that marks them."""
    return f"(!{BUILT_IN})" if kind is ServerKind.ACTIVE_DIRECTORY else ""


def _classes(kind: ServerKind) -> Mapping[ObjectType, str]:
    return _ACTIVE_DIRECTORY if kind is ServerKind.ACTIVE_DIRECTORY else _ELSEWHERE
