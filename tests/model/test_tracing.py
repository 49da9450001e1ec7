"""What the sightings of one object come to, in plain sentences, cause before symptom."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from tests.builders import ago, conflict, healthy, hop
from tests.helpers import START
from tui.model.facts import ObjectRef
from tui.model.marks import Mark
from tui.model.snapshot import Failure, TenantSnapshot, Thresholds
from tui.model.states import HopName, HopState, Side, Verdict
from tui.model.trace import Outcome, Sighting, Trace
from tui.model.tracing import Known, traced

ID, ANCHOR = "6814ae60-e834-477d-ada5-00f892c469c1", "8P4oK9S0koDHkBg6+19p+w=="
VALUES = {"displayName": ("Jane Doe",), "userPrincipalName": ("jane@contoso.com",), "department": ("Sales",)}


def on_premises(**changes: object) -> Sighting:
    seen = Sighting(
        side=Side.ON_PREMISES,
        found=True,
        object=ObjectRef(type="user", name="Jane Doe", upn="jane@contoso.com", source_anchor=ANCHOR),
        attributes=VALUES,
        created=ago(90 * 86400),
        changed=ago(86400),
    )
    return replace(seen, **changes)


def entra(**changes: object) -> Sighting:
    seen = Sighting(
        side=Side.ENTRA,
        found=True,
        object=ObjectRef(type="user", id=ID, name="Jane Doe", upn="jane@contoso.com", source_anchor=ANCHOR),
        attributes=VALUES,
        created=ago(89 * 86400),
        is_local=False,
        marks=frozenset({Mark.SYNCED}),
        nickname="jane",
    )
    return replace(seen, **changes)


def domain(**changes: object) -> Sighting:
    seen = Sighting(
        side=Side.MANAGED_DOMAIN,
        found=True,
        object=ObjectRef(type="user", id=ID, name="Jane Doe", upn="jane@contoso.com"),
        attributes=VALUES,
        created=ago(80 * 86400),
        is_local=False,
        marks=frozenset({Mark.SYNCED}),
        account_name="jane",
    )
    return replace(seen, **changes)


def cloud_user(**changes: object) -> Sighting:
    return entra(is_local=True, marks=frozenset({Mark.LOCAL}), **changes)


def nowhere(side: Side, problem: str = "") -> Sighting:
    return Sighting(side=side, found=None if problem else False, problem=problem)


def trace(
    *sightings: Sighting,
    snapshot: TenantSnapshot | None = None,
    failures: tuple[Failure, ...] = (),
    made: datetime | None = None,
    ambiguous: tuple[str, ...] = (),
) -> Trace:
    known = Known(
        snapshot=snapshot or healthy(), thresholds=Thresholds(), now=START, domain_made=made, failures=failures
    )
    return traced("jane", sightings, known, ambiguous)


def test_the_same_everywhere() -> None:
    """An object that is the same on all sides is consistent, and nothing is found about it."""
    told = trace(on_premises(), entra(), domain())
    assert (told.outcome, told.findings, told.differences) == (Outcome.CONSISTENT, (), ())


def test_a_side_that_cannot_be_asked_leaves_it_open() -> None:
    """Agreement of the sides that answered does not speak for the one that did not."""
    told = trace(on_premises(), entra(), nowhere(Side.MANAGED_DOMAIN, "refused"))
    assert told.outcome is Outcome.UNKNOWN


def test_found_nowhere() -> None:
    """What nothing answers to is not found, and it is said where and by what was searched."""
    told = trace(nowhere(Side.ON_PREMISES), nowhere(Side.ENTRA), nowhere(Side.MANAGED_DOMAIN))
    assert told.outcome is Outcome.NOT_FOUND
    assert "on-premises, Entra and the managed domain" in told.findings[0]
    assert "proxy address" in told.findings[0]


def test_not_found_where_a_side_is_silent_is_unknown() -> None:
    """An object is not called missing while a side that may have it was not asked."""
    told = trace(nowhere(Side.ON_PREMISES, "timed out"), nowhere(Side.ENTRA))
    assert told.outcome is Outcome.UNKNOWN


def test_case_and_order_are_no_difference() -> None:
    """Names and addresses that differ in case only, and addresses in another order, are the same."""
    one = {
        "userPrincipalName": ("Jane@Contoso.com",),
        "proxyAddresses": ("SMTP:jane@contoso.com", "smtp:j@contoso.com"),
    }
    other = {
        "userPrincipalName": ("jane@contoso.com",),
        "proxyAddresses": ("smtp:j@contoso.com", "smtp:JANE@contoso.com"),
    }
    assert trace(on_premises(attributes=one), entra(attributes=other)).differences == ()


def test_case_of_a_display_name_is_a_difference() -> None:
    """A display name in another case is another name."""
    told = trace(on_premises(), entra(attributes={**VALUES, "displayName": ("jane doe",)}))
    assert [one.name for one in told.differences] == ["displayName"]


def test_addresses_of_the_tenant_itself_are_no_difference() -> None:
    """Entra adds addresses of its own domain to synced users: that is not a difference."""
    more = {**VALUES, "proxyAddresses": ("smtp:jane@contosolab.onmicrosoft.com",)}
    assert trace(on_premises(), entra(attributes=more)).differences == ()


def test_a_fresh_change_may_be_on_its_way() -> None:
    """An attribute that was changed a moment ago is in flight, with the normal lag beside it."""
    told = trace(on_premises(changed=ago(240)), entra(attributes={**VALUES, "department": ("HR",)}))
    assert told.outcome is Outcome.DIFFERS
    assert told.findings == (
        "department differs between on-premises and Entra. Changed 4m00s ago, so it may be on its way; changes should "
        "arrive within 1h00m.",
    )


def test_an_old_change_should_have_arrived() -> None:
    """An attribute that differs for longer than the hop's limit is called unexplained."""
    told = trace(on_premises(), entra(attributes={**VALUES, "department": ("HR",)}))
    assert "should have arrived" in told.findings[0]


def test_differences_of_each_hop_are_told_apart() -> None:
    """What has reached Entra and not the managed domain is told of that hop, with every side's value."""
    old = {**VALUES, "department": ("HR",)}
    told = trace(on_premises(), entra(), domain(attributes=old))
    assert told.findings[0].startswith("department differs between Entra and the managed domain")
    assert told.differences[0].values[Side.MANAGED_DOMAIN] == ("HR",)


def test_a_failure_is_told_first_and_explains_its_attribute() -> None:
    """A conflict comes first, with the other object and the remedy, and its attribute is not wondered at again."""
    told = trace(
        on_premises(attributes={**VALUES, "proxyAddresses": ("smtp:x@contoso.com",)}), entra(), failures=(conflict(),)
    )
    assert len(told.findings) == 1
    assert "also on Jane Dough" in told.findings[0]
    assert told.findings[0].startswith("AD > Entra: ")


def test_a_quarantined_attribute_without_a_failure() -> None:
    """A quarantine that Graph shows on the object is told even where the feed does not hold it."""
    told = trace(on_premises(), entra(quarantined=("ProxyAddresses = smtp:x@contoso.com",)))
    assert "set ProxyAddresses = smtp:x@contoso.com aside" in told.findings[0]
    assert told.outcome is Outcome.DIFFERS


def test_an_object_that_fails_to_arrive() -> None:
    """A failure that keeps the object back is told before its absence."""
    failure = replace(conflict(), code="InvalidSoftMatch", conflicts_with=None)
    told = trace(on_premises(), nowhere(Side.ENTRA), failures=(failure,))
    assert told.findings[1] == "So Entra does not have it."


def test_a_built_in_account_is_left_out() -> None:
    """Why Administrator is not in Entra is said in words."""
    told = trace(on_premises(marks=frozenset({Mark.BUILT_IN})), nowhere(Side.ENTRA))
    assert told.findings == ("Entra does not have it. Built-in: Connect leaves the domain's own objects out.",)
    assert told.outcome is Outcome.DIFFERS


def test_a_cloud_object_need_not_be_on_premises() -> None:
    """An object made in the cloud is consistent without an on-premises side, and that is said."""
    told = trace(nowhere(Side.ON_PREMISES), cloud_user(), domain())
    assert told.outcome is Outcome.CONSISTENT
    assert told.findings == ("It was made in the cloud: on-premises need not have it.",)


def test_an_object_of_the_domains_own() -> None:
    """A local object of the managed domain stays there, and that is as it should be."""
    told = trace(nowhere(Side.ENTRA), domain(is_local=True, marks=frozenset({Mark.LOCAL})))
    assert told.outcome is Outcome.CONSISTENT
    assert "made in the managed domain itself" in told.findings[0]


def test_a_soft_deleted_object() -> None:
    """An object in Entra's recycle bin is told with its age and that it can be restored."""
    bin_ = entra(found=False, marks=frozenset({Mark.DELETED, Mark.SYNCED}), deleted=ago(7200))
    told = trace(on_premises(), bin_)
    assert told.findings == (
        "It was deleted in Entra 2h00m ago and can be restored for 30 days; until then it does not travel.",
    )


def test_a_guest_cannot_sign_in() -> None:
    """A guest is consistent, and it is said that it has no password in the managed domain."""
    told = trace(nowhere(Side.ON_PREMISES), entra(is_local=True, marks=frozenset({Mark.LOCAL, Mark.GUEST})), domain())
    assert told.outcome is Outcome.CONSISTENT
    assert "cannot sign in" in told.findings[1]


@pytest.mark.parametrize(("changed", "told"), [(ago(90 * 86400), True), (ago(60), False), (None, False)])
def test_a_cloud_user_without_a_new_password(changed: datetime | None, told: bool) -> None:
    """A cloud user must change the password once after the managed domain was made; it is not said of others."""
    findings = trace(cloud_user(password_changed=changed), domain(), made=ago(30 * 86400)).findings
    assert any("until the user changes it once" in finding for finding in findings) is told


@pytest.mark.parametrize(
    ("nickname", "account", "why"),
    [
        ("a.name.longer.than.twenty", "a.name.long-1a2b3c4d", "longer than 20 characters"),
        ("jane", "jane-1a2b3c4d", "taken by another object"),
    ],
)
def test_a_generated_account_name_is_explained(nickname: str, account: str, why: str) -> None:
    """Where the managed domain's account name is a generated one, it is said why."""
    told = trace(entra(nickname=nickname), domain(account_name=account))
    assert told.outcome is Outcome.CONSISTENT
    assert account in told.findings[0]
    assert why in told.findings[0]


def test_a_stopped_hop_is_the_cause() -> None:
    """While a hop stands still its state explains what did not arrive."""
    stopped = hop(HopName.CONNECT, 3 * 86400, state=HopState.STALE, verdict=Verdict.CRITICAL)
    snapshot = replace(healthy(), hops=(stopped, *healthy().hops[1:]))
    told = trace(on_premises(), entra(attributes={**VALUES, "department": ("HR",)}), snapshot=snapshot)
    assert "last succeeded 3 days ago: changes wait" in told.findings[0]


def test_several_answer() -> None:
    """Where several objects answer to the name, all are named."""
    told = trace(entra(), ambiguous=("user Jane Doe (a)", "group Jane Doe (b)"))
    assert told.ambiguous == ("user Jane Doe (a)", "group Jane Doe (b)")
    assert told.findings[0].startswith("2 objects answer to this name")


def test_an_unknown_kind_of_object() -> None:
    """An object without a kind is traced without comparing attributes, and nothing fails."""
    assert trace(on_premises(object=ObjectRef(name="?"))).outcome is Outcome.CONSISTENT
