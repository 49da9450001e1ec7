"""The servers under test do what the other tests rely on."""

from __future__ import annotations

import pytest

from tests.directory.bulk import object_id
from tests.directory.needs import need
from tests.directory.samba import SambaDomain
from tests.directory.server import Failed
from tests.directory.slapd import Slapd


def user(parent_dn: str, name: str) -> str:
    return f"dn: CN={name},{parent_dn}\nchangetype: add\nobjectClass: user\ncn: {name}\nsAMAccountName: {name}\n"


def test_missing_server_skips_with_the_remedy_but_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the packages these tests skip and tell how to install them; in CI nothing can be skipped unseen."""
    for ci, outcome in (("", pytest.skip.Exception), ("true", pytest.fail.Exception)):
        monkeypatch.setenv("CI", ci)
        with pytest.raises(outcome, match=r"no-such-server not found: apt-get install .*samba-ad-dc.* slapd"):
            need("no-such-server")


def test_managed_domain_holds_object_ids_and_on_premises_domain_does_not(
    shared_aadds: SambaDomain, shared_corp: SambaDomain
) -> None:
    """A managed domain stores Entra's object ids; an on-premises one has no such attribute."""
    record = user("{}", "one") + "msDS-aadObjectId: 00000000-0000-0000-0000-000000000001\n"
    shared_aadds.modify(record.format(shared_aadds.people_dn))
    try:
        assert "sAMAccountName: one" in shared_aadds.find("(msDS-aadObjectId=00000000-*)", "sAMAccountName")
    finally:
        shared_aadds.modify(f"dn: CN=one,{shared_aadds.people_dn}\nchangetype: delete\n")
    with pytest.raises(Failed, match="msDS-aadObjectId"):
        shared_corp.modify(record.format(shared_corp.people_dn))


def test_two_domains_of_one_kind_are_apart(samba_corp: SambaDomain, shared_corp: SambaDomain) -> None:
    """What is written into a test's own domain is in no other."""
    samba_corp.modify(user(samba_corp.people_dn, "mine"))
    assert "mine" in samba_corp.find("(sAMAccountName=mine)", "cn")
    assert "mine" not in shared_corp.find("(sAMAccountName=mine)", "cn")


def test_samba_keeps_what_was_written_before_it_was_killed(samba_aadds: SambaDomain) -> None:
    """A domain controller that was killed comes back on its address with its data."""
    samba_aadds.modify(user(samba_aadds.people_dn, "kept"))
    samba_aadds.kill()
    samba_aadds.launch()
    assert "kept" in samba_aadds.find("(sAMAccountName=kept)", "cn")


def test_slapd_keeps_what_was_written_before_it_was_killed(slapd: Slapd) -> None:
    """The same of OpenLDAP, and of a restart in order."""
    slapd.modify(user(slapd.people_dn, "kept"))
    slapd.kill()
    slapd.launch()
    slapd.restart()
    assert "kept" in slapd.find("(sAMAccountName=kept)", "cn")


def test_slapd_loads_users_and_groups(shared_slapd: Slapd) -> None:
    """The bulk loader fills a directory with users, and groups that hold them."""
    assert shared_slapd.find("(sAMAccountName=u*)", "1.1").count("dn:") == 5000
    assert shared_slapd.find("(cn=g00009)", "member").count("member:") == 100


def test_samba_loads_users_and_groups(samba_aadds: SambaDomain) -> None:
    """The bulk loader's users and memberships are found by every index that a reader asks."""
    samba_aadds.stop()
    samba_aadds.load(300, groups=2, members=200)
    samba_aadds.launch()
    assert samba_aadds.find("(&(objectCategory=person)(userAccountControl=512)(sn=*))", "1.1").count("dn:") == 300
    assert "u0000299" in samba_aadds.find(f"(msDS-aadObjectId={object_id('u0000299')})", "cn")
    assert samba_aadds.find("(cn=g00001)", "member").count("member:") == 200
