"""Whatever a directory server does, its source ends in a clear state, soon, and reads again once it can."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.directory.clients import IMPATIENCE_S, never_blocking
from tests.directory.ldap_proxy import BUSY, LOCKED_OUT, SIZE_LIMIT, UNAVAILABLE, Answer, LdapProxy, Rules
from tests.directory.proxy import NONE, Fault, FaultProxy
from tests.directory.samba import SambaDomain
from tests.directory.server import Account, DirectoryServer
from tests.directory.slapd import Slapd
from tests.directory.sources import all_closed, numbers, session, source
from tui.model.states import Side
from tui.sources import errors
from tui.sources.errors import Denied, SourceError
from tui.sources.ldap import LdapSource

__all__ = ["all_closed"]

MakeFaultProxy = Callable[[DirectoryServer], FaultProxy]
MakeLdapProxy = Callable[[DirectoryServer], LdapProxy]


async def failure(reader: LdapSource) -> SourceError:
    async with never_blocking():
        with pytest.raises(SourceError) as caught:
            await reader.fetch()
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return caught.value


def wrong_passwords(domain: SambaDomain, account: str) -> int:
    found = re.search(r"badPwdCount: (\d+)", domain.find(f"(sAMAccountName={account})", "badPwdCount"))
    return int(found[1]) if found else 0


async def test_a_wrong_password_is_sent_once(samba_aadds: SambaDomain, ldap_proxy: MakeLdapProxy) -> None:
    """After many polls the domain has counted one bad password, and the account is not locked."""
    proxy = ldap_proxy(samba_aadds)
    bad = Account(samba_aadds.reader.user, "not the password")
    reader = source(session(samba_aadds, account=bad, through=proxy), Side.MANAGED_DOMAIN)
    messages = {str(await failure(reader)) for _ in range(30)}
    assert len(messages) == 1
    assert "wrong user name or password (49 52e). Stopped" in messages.pop()
    assert proxy.binds == 1
    assert wrong_passwords(samba_aadds, "monitor") == 1
    reader.resume()
    await failure(reader)
    await failure(reader)
    assert wrong_passwords(samba_aadds, "monitor") == 2
    assert numbers(await source(session(samba_aadds), Side.MANAGED_DOMAIN).fetch()) is not None


async def test_a_locked_account_is_told(shared_aadds: SambaDomain, ldap_proxy: MakeLdapProxy) -> None:
    """Active Directory's number for it becomes words, and the account is left in peace."""
    proxy = ldap_proxy(shared_aadds)
    proxy.rules = Rules(bind=LOCKED_OUT)
    reader = source(session(shared_aadds, through=proxy), Side.MANAGED_DOMAIN)
    assert "the account is locked out; it is free again" in str(await failure(reader))
    proxy.rules = Rules()
    await failure(reader)
    assert proxy.binds == 1
    reader.resume()
    await reader.fetch()


async def test_a_password_in_plain_text_is_refused_and_told(shared_aadds: SambaDomain) -> None:
    """A hardened server asks for TLS; the message says which keys give it."""
    reader = source(session(shared_aadds, url=shared_aadds.plain_url), Side.MANAGED_DOMAIN)
    error = await failure(reader)
    assert isinstance(error, Denied)
    assert "use an ldaps:// url, or start_tls = true" in str(error)


async def test_an_unknown_authority_is_refused(shared_aadds: SambaDomain, shared_corp: SambaDomain) -> None:
    """A certificate of another authority, or for another name, ends the poll before the password is sent."""
    wrong_ca = source(session(shared_aadds, ca_file=shared_corp.ca_file), Side.MANAGED_DOMAIN)
    assert "ca_file" in str(await failure(wrong_ca))
    wrong_name = source(session(shared_aadds, tls_server_name="dc9.aadds.example"), Side.MANAGED_DOMAIN)
    assert "does not name dc9.aadds.example" in str(await failure(wrong_name))


async def test_nobody_reads_active_directory_unnamed(shared_corp: SambaDomain) -> None:
    """Without bind_user the server refuses, and the message asks for one."""
    reader = source(session(shared_corp, bind_user=None, password_env=None), Side.ON_PREMISES)
    assert "set bind_user and its password" in str(await failure(reader))


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        (Fault(refuse=True), (errors.Unreachable,)),
        (Fault(mute=True), (errors.TimedOut, errors.Unreachable)),
        (Fault(stall_after=20_000), (errors.TimedOut,)),
        (Fault(cut_after=20_000), (errors.Unreachable,)),
        (Fault(reset_after=20_000), (errors.Unreachable,)),
        (Fault(flip_at=20_000), (errors.Unreachable, errors.BadAnswer)),
    ],
)
async def test_a_fault_on_the_way_ends_in_a_clear_state(
    shared_slapd: Slapd, fault_proxy: MakeFaultProxy, fault: Fault, kinds: tuple[type[SourceError], ...]
) -> None:
    """Refused, silent, stalled, cut and garbled connections end the poll in time; the next one reads all again."""
    proxy = fault_proxy(shared_slapd)
    proxy.fault = fault
    reader = source(session(shared_slapd, through=proxy, timeout_s=IMPATIENCE_S), Side.MANAGED_DOMAIN)
    assert isinstance(await failure(reader), kinds)
    proxy.fault = NONE
    proxy.drop()
    assert numbers(await source(session(shared_slapd, through=proxy), Side.MANAGED_DOMAIN).fetch()) == (5000, 10)


async def test_slow_small_pieces_are_read_all_the_same(shared_slapd: Slapd, fault_proxy: MakeFaultProxy) -> None:
    """A bad line is no reason for a wrong number."""
    proxy = fault_proxy(shared_slapd)
    proxy.fault = Fault(piece=700)
    reader = source(session(shared_slapd, through=proxy), Side.MANAGED_DOMAIN)
    assert numbers(await reader.fetch()) == (5000, 10)


@pytest.mark.parametrize(
    ("rules", "kind", "words"),
    [
        (Rules(search=BUSY), errors.UpstreamFailed, "busy"),
        (Rules(search=UNAVAILABLE), errors.UpstreamFailed, "unavailable"),
        (Rules(bind=UNAVAILABLE), errors.UpstreamFailed, "unavailable"),
        (Rules(search=Answer(50)), errors.Denied, "may not read this"),
        (Rules(search=Answer(10, referrals=("ldap://dc2.example",))), errors.Refused, "refers to ldap://dc2.example"),
        (Rules(after_entries=500, then=SIZE_LIMIT), errors.UpstreamFailed, "limits the size of searches"),
        (Rules(after_entries=500, then=Answer(3)), errors.TimedOut, "its own time limit"),
        (Rules(after_entries=500, goodbye=True), errors.Unreachable, ""),
        (Rules(after_entries=500, then_raw=b"\x30\x84\x7f\xff\xff\xff\x02"), errors.BadAnswer, ""),
        (Rules(after_entries=500, then_raw=b"HTTP/1.1 400 Bad Request\r\n\r\n"), errors.BadAnswer, ""),
        (Rules(strip_controls=True), errors.BadAnswer, ""),
    ],
)
async def test_an_answer_that_is_none_ends_in_a_clear_state(
    shared_slapd: Slapd, ldap_proxy: MakeLdapProxy, rules: Rules, kind: type[SourceError], words: str
) -> None:
    """A search that the server limits, ends, refers or garbles never becomes a smaller count."""
    proxy = ldap_proxy(shared_slapd)
    reader = source(session(shared_slapd, through=proxy, timeout_s=2.0), Side.MANAGED_DOMAIN)
    proxy.rules = rules
    error = await failure(reader)
    assert type(error) is kind, repr(error)
    assert words in str(error)
    proxy.rules = Rules()
    reader.resume()
    assert numbers(await reader.fetch()) == (5000, 10)


async def test_a_server_that_allows_small_pages_is_counted_in_full(
    shared_slapd: Slapd, ldap_proxy: MakeLdapProxy
) -> None:
    """MaxPageSize of the server wins; the sum is the same."""
    proxy = ldap_proxy(shared_slapd)
    proxy.rules = Rules(max_page=300)
    reader = source(session(shared_slapd, through=proxy), Side.MANAGED_DOMAIN)
    assert numbers(await reader.fetch()) == (5000, 10)


async def test_a_controller_that_stands_still_is_told_and_read_again(samba_aadds: SambaDomain) -> None:
    """A frozen server is a time-out, not a frozen monitor; when it goes on, so does the reading."""
    reader = source(session(samba_aadds, timeout_s=3 * IMPATIENCE_S), Side.MANAGED_DOMAIN)
    known = numbers(await reader.fetch())
    samba_aadds.pause()
    assert isinstance(await failure(reader), errors.TimedOut)
    samba_aadds.resume()
    assert numbers(await reader.fetch()) == known


async def test_a_killed_controller_is_told_and_read_again(samba_aadds: SambaDomain) -> None:
    """After a crash the source says that nobody answers, and comes back by itself."""
    reader = source(session(samba_aadds), Side.MANAGED_DOMAIN)
    known = numbers(await reader.fetch())
    samba_aadds.kill()
    assert isinstance(await failure(reader), errors.Unreachable)
    samba_aadds.launch()
    assert numbers(await reader.fetch()) == known
