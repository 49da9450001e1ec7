"""From a Graph object that carries errors to one report for each. facts/domain.md 2.6.

Two kinds: `onPremisesProvisioningErrors` (an address or UPN quarantined because another object holds it) and
`serviceProvisioningErrors` (a service such as Exchange could not take the object on).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec import Struct

from tui.model.facts import FailureReport, ObjectRef
from tui.model.states import HopName
from tui.model.text import clean
from tui.sources.decode import JsonObject, items, text, text_or_none, time

SOURCE = "graph"
UNNAMED_ERROR = "ProvisioningError"
SERVICE_ERROR = "ServiceProvisioningError"
CONFLICT = "PropertyConflict"
MOST_PER_OBJECT = 50
_LONGEST_DETAIL = 20_000
_LONGEST_MESSAGE = 300
_DESCRIPTION = re.compile(r"<(?:\w{1,20}:)?ErrorDescription\b[^<>]*>([^<]*)", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")

ReportKey = tuple[str | None, str | None, str, str | None, str | None]


class FailingType(Struct, frozen=True):
    """A collection of objects that may fail; `noun` is `ObjectRef.type`. `fields` are those the type has in v1.0."""

    path: str
    noun: str
    fields: str
    needs: str

    @property
    def plural(self) -> str:
        return f"{self.noun}s"


_ERRORS = "onPremisesProvisioningErrors,serviceProvisioningErrors"
USERS = FailingType(
    "/v1.0/users",
    "user",
    f"id,displayName,userPrincipalName,onPremisesDistinguishedName,onPremisesImmutableId,{_ERRORS}",
    "User.Read.All",
)
GROUPS = FailingType("/v1.0/groups", "group", f"id,displayName,mail,{_ERRORS}", "GroupMember.Read.All")
CONTACTS = FailingType("/v1.0/contacts", "contact", f"id,displayName,mail,{_ERRORS}", "OrgContact.Read.All")
FAILING_TYPES = (USERS, GROUPS, CONTACTS)


def reports_of(obj: JsonObject, kind: FailingType) -> Iterator[FailureReport]:
    """A report for each unresolved error of `obj`, the first `MOST_PER_OBJECT` of each kind."""
    ref: ObjectRef | None = None
    for error in _errors(obj, "onPremisesProvisioningErrors"):
        ref = ref or reference(obj, kind.noun)
        yield FailureReport(
            source=SOURCE,
            hop=HopName.CONNECT,
            code=text(error, "category") or UNNAMED_ERROR,
            object=ref,
            attribute=text_or_none(error, "propertyCausingError"),
            value=text_or_none(error, "value"),
            first_seen=time(error, "occurredDateTime"),
        )
    for error in _errors(obj, "serviceProvisioningErrors"):
        if error.get("isResolved") is not True:
            ref = ref or reference(obj, kind.noun)
            yield _service_report(error, ref)


def _errors(obj: JsonObject, key: str) -> Iterable[JsonObject]:
    return islice(items(obj, key), MOST_PER_OBJECT) if obj.get(key) else ()


def reference(obj: JsonObject, noun: str) -> ObjectRef:
    """The object as Graph names it."""
    return ObjectRef(
        type=noun,
        id=text_or_none(obj, "id"),
        name=text_or_none(obj, "displayName") or text_or_none(obj, "mail"),
        dn=text_or_none(obj, "onPremisesDistinguishedName"),
        upn=text_or_none(obj, "userPrincipalName"),
        source_anchor=text_or_none(obj, "onPremisesImmutableId"),
    )


def key_of(report: FailureReport) -> ReportKey:
    """What two reports of the same error share, whichever query found them."""
    ref = report.object
    return ref.type, ref.id or ref.upn or ref.name, report.code, report.attribute, report.value


def detail_text(detail: object) -> str:
    """The readable part of an error's XML. Read as text, so that no entity or nesting in it can do harm."""
    if not isinstance(detail, str):
        return ""
    detail = detail[:_LONGEST_DETAIL]
    found = [html.unescape(words).strip() for words in _DESCRIPTION.findall(detail)]
    words = "; ".join(filter(None, found)) or html.unescape(_TAG.sub(" ", detail))
    return clean(words, _LONGEST_MESSAGE)


def _service_report(error: JsonObject, ref: ObjectRef) -> FailureReport:
    """Its attribute is the service: two services may refuse one object."""
    return FailureReport(
        source=SOURCE,
        hop=HopName.CONNECT,
        code=SERVICE_ERROR,
        object=ref,
        attribute=text_or_none(error, "serviceInstance"),
        first_seen=time(error, "createdDateTime"),
        message=detail_text(error.get("errorDetail")),
    )
