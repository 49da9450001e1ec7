"""What a directory is told to hold, and when it is counted again."""

from __future__ import annotations

import asyncio
import base64
import uuid
from datetime import timedelta

import pytest

from tests.helpers import START, ManualClock
from tests.sources.ldap_fake import OPENLDAP, FakeDirectory, refused
from tui.ldap.errors import Disconnected
from tui.model.facts import DirectoryFacts, ObjectChange
from tui.model.reading import Absence
from tui.model.states import ObjectType, Side, SourceId
from tui.sources import errors, ldap_changes
from tui.sources.ldap import LdapSource
from tui.sources.source import Resumable

PEOPLE = "OU=AADDC Users"
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
USERS, GROUPS, CONTACTS, DEVICES = ObjectType


def domain(clock: ManualClock, **root: str) -> FakeDirectory:
    """A managed domain with one synced user and group, and local objects of each type."""
    directory = FakeDirectory(clock, **root)
    directory.put(PEOPLE, objectClass="organizationalUnit")
    directory.user("anna", PEOPLE, msDS_aadObjectId=uuid.UUID(ID).bytes_le)
    directory.group("staff", PEOPLE, msDS_AzureADObjectId=f"Group_{ID}")
    directory.user("service", "OU=Own")
    directory.group("helpers", "OU=Own")
    directory.user("Administrator", "CN=Users", isCriticalSystemObject="TRUE")
    directory.group("Domain Admins", "CN=Users", isCriticalSystemObject="TRUE")
    joined = ["top", "person", "organizationalPerson", "user", "computer"]
    directory.put("CN=PC1,OU=AADDC Computers", objectClass=joined, objectCategory="computer")
    return directory


def managed(directory: FakeDirectory, deadline_s: float = 60.0) -> LdapSource:
    return LdapSource(directory.session(), Side.MANAGED_DOMAIN, directory.clock, deadline_s=deadline_s)


def on_premises(directory: FakeDirectory) -> LdapSource:
    return LdapSource(directory.session(), Side.ON_PREMISES, directory.clock)


def synced(facts: DirectoryFacts) -> tuple[int | None, int | None]:
    return facts.synced[USERS].value, facts.synced[GROUPS].value


async def told(source: LdapSource) -> list[ObjectChange]:
    return list((await source.fetch()).changes)


async def test_a_managed_domain_is_counted_by_type(clock: ManualClock) -> None:
    """What the sync made is told apart from what is local; the domain's own objects are neither."""
    facts = await managed(domain(clock)).fetch()
    assert synced(facts) == (1, 1)
    assert {kind: reading.value for kind, reading in facts.local.items()} == {USERS: 1, GROUPS: 1, DEVICES: 1}
    assert CONTACTS not in facts.synced
    assert facts.disabled[USERS].value == 0
    assert facts.server == "dc1.example"
    assert facts.as_of == clock.now()


async def test_only_synced_accounts_count_as_switched_off(clock: ManualClock) -> None:
    """A local account that is disabled is nobody's fault."""
    directory = domain(clock)
    directory.user("off", PEOPLE, msDS_aadObjectId=str(uuid.UUID(int=1)), userAccountControl=514)
    directory.user("local off", "OU=Own", userAccountControl=514)
    facts = await managed(directory).fetch()
    assert facts.disabled[USERS].value == 1


async def test_a_domain_may_use_both_attributes_or_the_old_one(clock: ManualClock) -> None:
    """Whichever attribute holds the object id, and whichever the schema lacks, the count is right."""
    directory = domain(clock)
    directory.unknown |= {"msds-aadobjectid"}
    facts = await managed(directory).fetch()
    assert synced(facts) == (0, 1)
    assert facts.local[USERS].value == 2
    directory.unknown = frozenset()
    assert synced(await managed(directory).fetch()) == (1, 1)


async def test_a_domain_before_its_first_sync_holds_none(clock: ManualClock) -> None:
    """An empty container is a true zero."""
    directory = FakeDirectory(clock)
    directory.put(PEOPLE, objectClass="organizationalUnit")
    directory.user("service", "OU=Own")
    facts = await managed(directory).fetch()
    assert synced(facts) == (0, 0)
    assert facts.local[USERS].value == 1


async def test_ids_that_cannot_be_read_are_not_taken_for_none(clock: ManualClock) -> None:
    """Users in the sync's container that show no id mean that the account may not see it: unknown, not zero."""
    directory = FakeDirectory(clock)
    directory.put(PEOPLE, objectClass="organizationalUnit")
    directory.user("anna", PEOPLE)
    facts = await managed(directory).fetch()
    assert facts.synced[USERS].value is None
    assert facts.synced[USERS].absence is Absence.NOT_PERMITTED
    assert facts.local[GROUPS].absence is Absence.NOT_PERMITTED


async def test_an_empty_page_is_not_the_end(clock: ManualClock) -> None:
    """A server that searches for long may send pages with nothing in them: the domain is not empty for that."""
    directory = domain(clock)
    directory.empty_pages = 3
    facts = await managed(directory).fetch()
    assert synced(facts) == (1, 1)
    assert facts.local[USERS].value == 1


async def test_a_directory_without_the_container_is_counted_from_its_base(clock: ManualClock) -> None:
    """A domain of one's own may keep synced users anywhere."""
    directory = FakeDirectory(clock)
    directory.user("anna", "OU=Staff", msDS_aadObjectId=ID)
    assert synced(await managed(directory).fetch()) == (1, 0)


async def test_on_premises_what_connect_leaves_out_is_told_apart(clock: ManualClock) -> None:
    """What should be in Entra is counted as synced; built-in, service and unmailed objects are excluded."""
    directory = FakeDirectory(clock)
    directory.user("anna")
    directory.user("off", userAccountControl=514)
    directory.user("Guest", isCriticalSystemObject="TRUE", userAccountControl=514)
    directory.user("MSOL_1f2e3d", userAccountControl=514)
    directory.user("AAD_1f2e3d")
    directory.user("CAS_{1f}")
    directory.group("staff")
    directory.group("Domain Admins", isCriticalSystemObject="TRUE")
    directory.group("unmailed list", groupType=2)
    directory.group("list", groupType=2, proxyAddresses="SMTP:list@x", mail="list@x")
    for name, more in (("mailed", {"mail": "m@x", "proxyAddresses": "SMTP:m@x"}), ("unmailed", {})):
        directory.put(f"CN={name}", objectClass=["person", "contact"], objectCategory="person", **more)
    computer = {"objectClass": ["user", "computer"], "objectCategory": "computer"}
    directory.put("CN=PC1", **computer, userCertificate=b"\x30")
    directory.put("CN=PC2", **computer)
    directory.put("CN=DC1", **computer, userCertificate=b"\x30", isCriticalSystemObject="TRUE")
    facts = await on_premises(directory).fetch()
    assert {kind: reading.value for kind, reading in facts.synced.items()} == {
        USERS: 2, GROUPS: 2, CONTACTS: 1, DEVICES: 1,
    }  # fmt: skip
    assert {kind: reading.value for kind, reading in facts.excluded.items()} == {
        USERS: 4, GROUPS: 2, CONTACTS: 1, DEVICES: 2,
    }  # fmt: skip
    assert facts.disabled[USERS].value == 1


async def test_an_exchange_schema_excludes_its_mailboxes(clock: ManualClock) -> None:
    """Where the schema knows Exchange, its system mailboxes and role groups are left out too."""
    directory = FakeDirectory(clock)
    directory.unknown = frozenset()
    directory.user("anna", msExchRecipientTypeDetails=1)
    directory.user("system", msExchRecipientTypeDetails=0x800000)
    directory.user("box", mailNickname="SystemMailbox{1f}")
    directory.group("roles", msExchRecipientTypeDetails=0x40000000)
    facts = await on_premises(directory).fetch()
    assert synced(facts) == (1, 0)


async def test_more_than_one_page_is_counted(clock: ManualClock) -> None:
    """The number is that of all pages together."""
    directory = domain(clock)
    for number in range(2500):
        directory.user(f"u{number}", PEOPLE, msDS_aadObjectId=str(uuid.UUID(int=number + 1)))
    assert synced(await managed(directory).fetch()) == (2501, 1)


async def test_nothing_is_counted_again_while_nothing_is_written(clock: ManualClock) -> None:
    """An unchanged server costs one question a poll, for hours, and its counts stay fresh."""
    directory = domain(clock)
    source = managed(directory)
    await source.fetch()
    asked, requests = len(directory.searches), source.exchange().requests
    for _ in range(30):
        clock.jump(600)
        facts = await source.fetch()
    assert len(directory.searches) == asked
    assert source.exchange().requests == requests + 30
    assert facts.synced[USERS].as_of == clock.now()
    assert facts.changes == ()


async def test_new_objects_are_counted_at_once(clock: ManualClock) -> None:
    """A new user shows in the count of the poll that sees it."""
    directory = domain(clock)
    source = managed(directory)
    await source.fetch()
    clock.jump(60)
    directory.user("bert", PEOPLE, msDS_aadObjectId=str(uuid.UUID(int=7)))
    assert synced(await source.fetch()) == (2, 1)


async def test_deletions_are_noticed_within_minutes(clock: ManualClock) -> None:
    """Nobody may see deleted objects, so the directory is counted again now and then; until then the count is old."""
    directory = domain(clock)
    source = managed(directory)
    await source.fetch()
    clock.jump(60)
    directory.delete(f"CN=anna,{PEOPLE}")
    facts = await source.fetch()
    assert synced(facts) == (1, 1)
    assert facts.synced[USERS].as_of == START
    clock.jump(300)
    facts = await source.fetch()
    assert synced(facts) == (0, 1)
    assert facts.synced[USERS].as_of == clock.now()


async def test_a_slow_count_is_not_repeated_soon(clock: ManualClock) -> None:
    """Counting takes a twentieth of the time at most, whatever happens in the directory."""
    directory = domain(clock)
    directory.on_page = lambda: clock.jump(4)
    source = managed(directory, deadline_s=120)
    await source.fetch()
    directory.on_page = lambda: None
    directory.user("bert", PEOPLE, msDS_aadObjectId=str(uuid.UUID(int=7)))
    clock.jump(400)
    facts = await source.fetch()
    assert synced(facts) == (1, 1)
    assert facts.synced[USERS].as_of == START
    clock.jump(100)
    assert synced(await source.fetch()) == (2, 1)


async def test_a_count_that_takes_too_long_goes_on_in_the_next_poll(clock: ManualClock) -> None:
    """A huge directory is counted in parts; what is not counted yet is unknown."""
    directory = domain(clock)
    directory.on_page = lambda: clock.jump(4)
    source = managed(directory, deadline_s=40)
    facts = await source.fetch()
    assert facts.synced[USERS].value == 1
    assert facts.local[DEVICES].value is None
    directory.on_page = lambda: None
    facts = await source.fetch()
    assert facts.local[DEVICES].value == 1


async def test_a_search_that_never_ends_is_an_error(clock: ManualClock) -> None:
    """Where not even one number comes out of a poll, the source says so and how to give it time."""
    directory = domain(clock)
    for number in range(3000):
        directory.user(f"u{number}", PEOPLE, msDS_aadObjectId=ID)
    source = managed(directory)
    await source._session.root()
    directory.on_page = lambda: clock.jump(30)
    with pytest.raises(errors.TimedOut, match=r"timeout under \[poll\]"):
        await source.fetch()


async def test_another_server_means_starting_over(clock: ManualClock) -> None:
    """Behind one name a second controller answers: its numbers are its own, so all is counted and no change told."""
    directory = domain(clock)
    source = managed(directory)
    await source.fetch()
    clock.jump(60)
    directory.host, directory.invocation = "dc2.example", uuid.uuid4()
    directory.user("bert", PEOPLE, msDS_aadObjectId=str(uuid.UUID(int=7)))
    source._session.drop()
    facts = await source.fetch()
    assert facts.server == "dc2.example"
    assert synced(facts) == (2, 1)
    assert facts.changes == ()


async def test_numbers_of_two_servers_are_never_mixed(clock: ManualClock) -> None:
    """A connection that is lost between two searches may come back to another server behind the same name: nothing of
    such a poll is told, and the next one reads all of one server."""
    directory = domain(clock)
    source = managed(directory)
    searches = iter(range(100))

    def lost() -> None:
        if next(searches) == 5:
            directory.open[-1].closed = True
            directory.host, directory.invocation = "dc2.example", uuid.uuid4()
            directory.user("bert", PEOPLE, msDS_aadObjectId=ID)

    directory.on_page = lost
    with pytest.raises(errors.Unreachable, match="lost during the poll"):
        await source.fetch()
    assert directory.connects == 2
    facts = await source.fetch()
    assert (facts.server, synced(facts)) == ("dc2.example", (2, 1))
    assert facts.changes == ()


async def test_a_restored_server_means_starting_over(clock: ManualClock) -> None:
    """A highest number that went back is that of a restored database."""
    directory = domain(clock)
    source = managed(directory)
    await source.fetch()
    directory.delete(f"CN=anna,{PEOPLE}")
    directory.usn -= 50
    facts = await source.fetch()
    assert synced(facts) == (0, 1)
    assert facts.changes == ()


async def test_a_server_that_is_not_whole_is_not_believed(clock: ManualClock) -> None:
    """A controller that has not caught up since its start would show too little."""
    directory = domain(clock)
    directory.root = {**directory.root, "isSynchronized": "FALSE"}
    with pytest.raises(errors.UpstreamFailed, match="has not caught up"):
        await managed(directory).fetch()


async def test_changes_in_the_managed_domain_carry_the_object_id(clock: ManualClock) -> None:
    """Each new or changed synced object is told once, with its time by our clock and its compared values."""
    directory = domain(clock)
    directory.offset_s = 120.0
    source = managed(directory)
    await source.fetch()
    clock.jump(60)
    directory.user("anna", PEOPLE, department="Sales", userAccountControl=514, proxyAddresses=["SMTP:a@x", "smtp:b@x"])
    directory.user("bert", PEOPLE, msDS_aadObjectId=f"User_{uuid.UUID(int=7)}")
    directory.user("service", "OU=Own", department="Local")
    clock.jump(30)
    changed, made = await told(source)
    assert (changed.kind, changed.object_id, changed.created, changed.name) == ("user", ID, False, "Anna")
    assert changed.at == START + timedelta(seconds=60)
    assert changed.values["department"] == ("Sales",)
    assert changed.values["accountEnabled"] == ("false",)
    assert changed.values["proxyAddresses"] == ("SMTP:a@x", "smtp:b@x")
    assert changed.values["jobTitle"] == ()
    assert changed.source_anchor is None
    assert (made.object_id, made.created) == (str(uuid.UUID(int=7)), True)
    assert await told(source) == []


async def test_changes_on_premises_carry_the_source_anchor(clock: ManualClock) -> None:
    """The anchor is mS-DS-ConsistencyGuid, or else objectGUID; what Connect leaves out is not told."""
    directory = FakeDirectory(clock)
    source = on_premises(directory)
    await source.fetch()
    sid = bytes.fromhex("010500000000000515000000") + bytes(range(16))
    directory.user("anna", objectGUID=b"g" * 16, objectSid=sid)
    directory.user("bert", objectGUID=b"g" * 16, mS_DS_ConsistencyGuid=b"c" * 16)
    directory.group("staff", objectGUID=b"s" * 16)
    directory.user("krbtgt", isCriticalSystemObject="TRUE")
    directory.user("MSOL_1f2e")
    directory.put("CN=PC1", objectClass=["user", "computer"], objectCategory="computer")
    anchors = [base64.b64decode(change.source_anchor or "") for change in await told(source)]
    assert anchors == [b"g" * 16, b"c" * 16, b"s" * 16]


async def test_too_many_changes_are_cut_and_told_so(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mass change does not fill the memory; the facts say that more changed."""
    monkeypatch.setattr(ldap_changes, "MOST_CHANGES", 20)
    directory = domain(clock)
    source = managed(directory)
    await source.fetch()
    for number in range(21):
        directory.user(f"u{number}", PEOPLE, msDS_aadObjectId=str(uuid.UUID(int=number + 1)))
    facts = await source.fetch()
    assert len(facts.changes) == 20
    assert facts.changes_truncated
    assert synced(facts) == (22, 1)
    assert not (await source.fetch()).changes_truncated


async def test_many_changes_leave_turns_to_everything_else(clock: ManualClock) -> None:
    """A thousand changes in one poll are read in parts, between which keys are answered."""
    directory = domain(clock)
    source = managed(directory)
    await source.fetch()
    for number in range(1000):
        directory.user(f"u{number}", PEOPLE, msDS_aadObjectId=ID)
    fetching = asyncio.create_task(source.fetch())
    turns = 0
    while not fetching.done():
        await asyncio.sleep(0)
        turns += 1
    assert len((await fetching).changes) == 1000
    assert turns >= 10


async def test_no_change_is_lost_to_a_failed_poll(clock: ManualClock) -> None:
    """What was found before a poll broke off is told by the next one."""
    directory = domain(clock)
    source = managed(directory)
    await source.fetch()
    directory.user("bert", PEOPLE, msDS_aadObjectId=str(uuid.UUID(int=7)))
    directory.errors = [None, None, Disconnected("cut")]
    with pytest.raises(errors.Unreachable):
        await source.fetch()
    assert [change.name for change in await told(source)] == ["Bert"]


async def test_foreign_text_is_cleaned(clock: ManualClock) -> None:
    """Escape sequences in a display name end here; absurd times become the present."""
    directory = domain(clock)
    source = managed(directory)
    await source.fetch()
    directory.user("anna", PEOPLE, displayName="A\x1b[31mnna\u202e", title=b"\xff\xfe", whenChanged="99991231235959.0Z")
    (change,) = await told(source)
    assert change.name == "Anna"
    assert change.values["displayName"] == ("Anna",)
    assert change.at == clock.now()


async def test_the_last_change_is_known_from_the_first_poll(clock: ManualClock) -> None:
    """How fresh a directory is can be told at once, by our clock."""
    directory = domain(clock)
    directory.offset_s = 50.0
    clock.jump(100)
    directory.user("anna", PEOPLE, department="Sales")
    clock.jump(500)
    source = managed(directory)
    assert (await source.fetch()).last_change == START + timedelta(seconds=100)
    directory.user("anna", PEOPLE, department="Law")
    assert (await source.fetch()).last_change == START + timedelta(seconds=600)


async def test_openldap_is_counted_and_its_changes_are_read(clock: ManualClock) -> None:
    """Without numbers of writes the newest stamp is the mark; what cannot be compared there is not reported."""
    directory = domain(clock, **OPENLDAP)
    directory.unknown |= {"objectcategory", "iscriticalsystemobject", "msexchrecipienttypedetails"}
    source = managed(directory)
    facts = await source.fetch()
    assert synced(facts) == (1, 1)
    assert facts.disabled[USERS].absence is Absence.NOT_REPORTED
    assert facts.clock_offset_s is None
    assert facts.changes == ()
    assert facts.last_change == START
    clock.jump(60)
    directory.user("bert", PEOPLE, msDS_aadObjectId=str(uuid.UUID(int=7)))
    directory.user("anna", PEOPLE, department="Sales")
    changes = await told(source)
    assert {(change.name, change.created) for change in changes} == {("Bert", True), ("Anna", False)}
    assert {change.at for change in changes} == {clock.now()}
    assert await told(source) == []


async def test_openldap_says_by_its_context_that_nothing_was_written(clock: ManualClock) -> None:
    """Where the server keeps a contextCSN, an idle directory is not searched at all."""
    directory = domain(clock, **OPENLDAP)
    directory.put("", contextCSN="20261122030000.000000Z#000000#000#000000")
    source = managed(directory)
    await source.fetch()
    asked = len(directory.searches)
    clock.jump(3600)
    await source.fetch()
    assert len(directory.searches) == asked


async def test_a_wrong_base_is_told(clock: ManualClock) -> None:
    """A base that does not exist is no empty directory."""
    directory = domain(clock)
    source = managed(directory)
    directory.errors = [None] * 8 + [refused(32, "noSuchObject")]
    with pytest.raises(errors.NotFound, match="check base_dn"):
        await source.fetch()


async def test_a_poll_tells_how_it_went(clock: ManualClock) -> None:
    """Offset, latency and the number of requests are there, also for the screen of sources."""
    directory = domain(clock)
    directory.offset_s = -7.0
    source = managed(directory)
    await source.fetch()
    exchange = source.exchange()
    assert exchange.clock_offset_s == -7.0
    assert exchange.latency_ms == 0.0
    assert exchange.requests == source._session.requests > 8
    assert (source.id, on_premises(directory).id) == (SourceId.MANAGED_DOMAIN, SourceId.ON_PREMISES)


async def test_the_operator_lifts_a_refusal(clock: ManualClock) -> None:
    """The source can be told to try again, as key r does."""
    directory = domain(clock)
    source = LdapSource(directory.session("wrong"), Side.MANAGED_DOMAIN, clock)
    for _ in range(5):
        with pytest.raises(errors.Denied):
            await source.fetch()
    assert len(directory.binds) == 1
    directory.password = "wrong"
    assert isinstance(source, Resumable)
    source.resume()
    await source.fetch()
    assert len(directory.binds) == 2
