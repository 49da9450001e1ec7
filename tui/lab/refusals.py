"""Why Entra ID refuses an object: the types of export errors with what each complains of (facts/domain.md 5.2)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from tui.lab.connect_mapping import entra_id
from tui.lab.connector_space import ExportError
from tui.lab.onprem import AdObject, OnPremises
from tui.model.states import ObjectType


class Complaint(Struct, frozen=True):
    """`bucket`: where Connect Health files the type. `other`: the kind of object that stands in the way, if any."""

    bucket: str
    attribute: str
    value: Callable[[AdObject], str]
    other: ObjectType | None = None


def _mail(found: AdObject) -> str:
    return f"SMTP:{found.attributes.get('mail', '')}"


def _name(found: AdObject) -> str:
    return str(found.attributes.get("userPrincipalName", found.attributes.get("mail", "")))


COMPLAINTS: Mapping[str, Complaint] = {
    "InvalidSoftMatch": Complaint("DataMismatch", "ProxyAddresses", _mail, ObjectType.USERS),
    "ObjectTypeMismatch": Complaint("DataMismatch", "ProxyAddresses", _mail, ObjectType.GROUPS),
    "InvalidHardMatch": Complaint("DataMismatch", "SourceAnchor", lambda found: found.anchor, ObjectType.USERS),
    "AttributeValueMustBeUnique": Complaint("DuplicateAttributeError", "Mail", _mail, ObjectType.USERS),
    "IdentityDataValidationFailed": Complaint(
        "DataValidationError", "UserPrincipalName", lambda found: _name(found).replace("@", " #@")
    ),
    "FederatedDomainChangeError": Complaint("FederatedDomainChange", "UserPrincipalName", _name),
    "LargeObject": Complaint("LargeAttribute", "UserCertificate", lambda _: "16 certificates"),
    "ExceededAllowedLength": Complaint("LargeAttribute", "ProxyAddresses", lambda _: "412 values"),
    "ExistingAdminRoleConflict": Complaint("Others", "UserPrincipalName", _name, ObjectType.USERS),
}
BUCKETS = (
    "DuplicateAttributeError",
    "DataMismatch",
    "DataValidationError",
    "LargeAttribute",
    "FederatedDomainChange",
    "Others",
)


def bucket(code: str) -> str:
    """Connect Health's bucket of an error type."""
    return COMPLAINTS[code].bucket if code in COMPLAINTS else "Others"


def refusal(found: AdObject, directory: OnPremises, at: datetime) -> ExportError:
    """Entra ID's answer to `found`, which has a defect."""
    code = found.defect or "Other"
    complaint = COMPLAINTS.get(code, Complaint("Others", "", lambda _: ""))
    return ExportError(
        anchor=found.anchor,
        kind=found.kind,
        code=code,
        attribute=complaint.attribute,
        value=complaint.value(found),
        other=_in_the_way(found, complaint, directory),
        first_seen=at,
        last_seen=at,
    )


def _in_the_way(found: AdObject, complaint: Complaint, directory: OnPremises) -> str | None:
    """Some other object of the right kind, always the same one for an object."""
    if complaint.other is None:
        return None
    first = zlib.crc32(found.anchor.encode())
    others = (directory.nth(complaint.other, first + step) for step in range(2))
    return next((entra_id(other.anchor) for other in others if other and other.anchor != found.anchor), None)
