"""What a directory server answers, as what it means for one object or for the whole run."""

from __future__ import annotations

import pytest

from tui.ldap.errors import Refused
from tui.sync.targets.ldap_refusals import of_one_object, refusal
from tui.sync.targets.target import InvalidValue, NameTaken, TargetRefused

TEXTS = {
    "samaccountname": ("ada",),
    "userprincipalname": ("ada@contoso.com",),
    "employeeid": ("12345678901234567",),
    "department": ("R&D",),
}


@pytest.mark.parametrize(
    ("code", "diagnostic", "kind", "attribute", "value"),
    [
        (68, "00002071: samldb: samAccountName 'ada' already in use!", NameTaken, "sAMAccountName", "ada"),
        (68, "", NameTaken, "sAMAccountName", "ada"),
        (
            19,
            "0000202F: samldb: userPrincipalName 'ada@contoso.com' is already in use ",
            NameTaken,
            "userPrincipalName",
            "ada@contoso.com",
        ),
        (19, "000021C8: AtrErr: DSID-03200BBA, #1", NameTaken, "userPrincipalName", "ada@contoso.com"),
        (19, "some attributes not unique", NameTaken, "sAMAccountName", "ada"),
        (
            21,
            "0000200B: objectclass_attrs: attribute 'department' on entry 'CN=ada' contains an invalid value!",
            InvalidValue,
            "department",
            "R&D",
        ),
        (21, "employeeID: value #0 invalid per syntax", InvalidValue, "employeeid", "12345678901234567"),
        (65, "attribute 'employeeID' not allowed", InvalidValue, "employeeid", "12345678901234567"),
        (17, "", InvalidValue, None, None),
        (50, "", TargetRefused, None, None),
        (53, "operation restricted", TargetRefused, None, None),
        (32, "", TargetRefused, None, None),
        (80, "", TargetRefused, None, None),
    ],
)
def test_of_one_object(code: int, diagnostic: str, kind: type, attribute: str | None, value: str | None) -> None:
    """A refused object is told by kind, attribute and value; the rest goes on."""
    error = Refused(code, "name", diagnostic)
    assert of_one_object(error)
    found = refusal(error, TEXTS)
    assert (type(found), found.attribute, found.value) == (kind, attribute, value)


@pytest.mark.parametrize("code", [8, 10, 13, 49, 51, 52, 118, 9999])
def test_of_the_whole_run(code: int) -> None:
    """A server that is busy, unavailable, elsewhere or no longer trusts the account ends the step."""
    assert not of_one_object(Refused(code, "name"))


def test_insufficient_rights_say_what_to_do() -> None:
    """Who may not write is told what right is missing."""
    assert "let the sync's account write" in str(refusal(Refused(50, "insufficientAccessRights"), TEXTS))
