"""One connection for all readers of a directory, and one refused sign-in at most."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.helpers import ManualClock, settle
from tests.sources.ldap_fake import OPENLDAP, SETTINGS, FakeDirectory, refused
from tui.ldap.endpoint import Security
from tui.ldap.errors import BadAnswer, Disconnected, LdapError, Refused, TimedOut, Unreachable, Untrusted
from tui.settings import DirectorySettings
from tui.sources import errors
from tui.sources.errors import Denied, SourceError
from tui.sources.ldap_session import DirectorySession, ServerKind, endpoint_of, source_error

WHERE = "dc1.example:636"


@pytest.fixture
def directory(clock: ManualClock) -> FakeDirectory:
    return FakeDirectory(clock)


async def denial(session: DirectorySession) -> str:
    with pytest.raises(Denied) as caught:
        await session.connection()
    return str(caught.value)


async def test_one_connection_serves_every_reader(directory: FakeDirectory) -> None:
    """Readers that ask at once share a connection and its one sign-in."""
    session = directory.session()
    first, second = await asyncio.gather(session.connection(), session.connection())
    assert first is second is await session.connection()
    assert directory.connects == 1
    assert directory.binds == [("monitor@example", "right")]
    assert session.address == "10.0.0.4:636"
    assert session.description == f"managed domain ({WHERE})"


async def test_a_refused_password_is_sent_once(directory: FakeDirectory) -> None:
    """However often it is asked, the account sees one bad password: five would lock it."""
    session = directory.session("wrong")
    messages = {await denial(session) for _ in range(20)}
    assert directory.binds == [("monitor@example", "wrong")]
    assert len(messages) == 1
    message = messages.pop()
    assert "dc1.example:636 refused the sign-in of monitor@example: wrong user name or password (49 52e)" in message
    assert "ask again (r) once the account is mended" in message
    assert "wrong" not in message.replace("wrong user name", "")
    assert session.is_refused


async def test_readers_that_come_together_send_one_bad_password(directory: FakeDirectory) -> None:
    """The second reader does not try what the first one is being refused."""
    session = directory.session("wrong")
    answers = await asyncio.gather(*(session.connection() for _ in range(5)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Denied] * 5
    assert len(directory.binds) == 1


async def test_the_operator_may_ask_once_more(directory: FakeDirectory) -> None:
    """`r` allows one more attempt, not more."""
    session = directory.session("wrong")
    await denial(session)
    session.resume()
    await denial(session)
    await denial(session)
    assert len(directory.binds) == 2


async def test_a_new_password_is_tried_by_itself(directory: FakeDirectory, tmp_path: Path) -> None:
    """Once the password's file holds another one, nobody needs to press a key."""
    file = tmp_path / "password"
    file.write_text("wrong\n")
    file.chmod(0o600)
    settings = DirectorySettings(url="ldaps://dc1.example", bind_user="m", password_file=file)
    session = directory.session(settings=settings)
    assert f"correct password_file {file}" in await denial(session)
    file.write_text("wrong\nbut a new comment\n")
    await denial(session)
    assert len(directory.binds) == 1
    file.write_text("right\n")
    await session.connection()
    assert directory.binds == [("m", "wrong"), ("m", "right")]
    assert not session.is_refused


async def test_a_refusal_outlives_an_impatient_reader(directory: FakeDirectory) -> None:
    """A poll that is cut off while it signs in must not make the next one send the bad password again."""
    session = directory.session("wrong")
    directory.answers_binds.clear()
    poll = asyncio.ensure_future(session.connection())
    await settle()
    assert len(directory.binds) == 1
    poll.cancel()
    await settle()
    directory.answers_binds.set()
    await denial(session)
    assert len(directory.binds) == 1


@pytest.mark.parametrize("password", ["", None])
async def test_an_empty_password_is_never_sent(directory: FakeDirectory, password: str | None) -> None:
    """An empty password would sign in as nobody, and succeed."""
    session = directory.session(password or "")
    if password is None:
        del directory.environ["PASSWORD"]
    assert "the environment variable PASSWORD, which must hold the password of monitor@example, is empty" in (
        await denial(session)
    )
    assert directory.connects == 0


async def test_a_password_that_is_no_text_is_not_shown(directory: FakeDirectory) -> None:
    """A password in another encoding is told as such, and no error carries it along."""
    session = directory.session("hunter2\udcfc")
    with pytest.raises(Denied, match="bytes that are no UTF-8") as caught:
        await session.connection()
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in repr(vars(error)) + repr(error)
        error = error.__context__
    assert directory.connects == 0


async def test_a_password_file_that_others_may_read_is_not_used(directory: FakeDirectory, tmp_path: Path) -> None:
    """The secret must be its owner's alone also after the start."""
    file = tmp_path / "password"
    file.write_text("right")
    file.chmod(0o644)
    settings = DirectorySettings(url="ldaps://dc1.example", bind_user="m", password_file=file)
    assert "may be read by others" in await denial(directory.session(settings=settings))
    assert directory.connects == 0


@pytest.mark.parametrize(
    ("subcode", "words"),
    [
        ("525", "there is no such user"),
        ("52e", "NTLM password hash synchronization is off"),
        ("530", "not sign in at this time"),
        ("531", "not sign in from this machine"),
        ("532", "password has expired"),
        ("533", "is disabled"),
        ("701", "account has expired"),
        ("773", "must be changed before"),
        ("775", "locked out"),
    ],
)
async def test_active_directory_says_why_it_refuses(directory: FakeDirectory, subcode: str, words: str) -> None:
    """The number behind "data" becomes words."""
    directory.refusal = refused(49, "invalidCredentials", subcode)
    message = await denial(directory.session("wrong"))
    assert words in message
    assert f"(49 {subcode})" in message


@pytest.mark.parametrize("code", [7, 8, 13, 34, 48, 49, 50, 53])
async def test_what_would_be_refused_again_is_not_tried_again(directory: FakeDirectory, code: int) -> None:
    """Any final refusal stops the source, whatever its code."""
    directory.refusal = refused(code)
    session = directory.session("wrong")
    first, second = await denial(session), await denial(session)
    assert first == second
    assert f"({code})" in first
    assert len(directory.binds) == 1


async def test_a_bind_over_plain_text_is_told_to_encrypt(directory: FakeDirectory) -> None:
    """A hardened server asks for TLS; the message says how."""
    directory.refusal = refused(8, "strongerAuthRequired")
    assert "use an ldaps:// url, or start_tls = true (8)" in await denial(directory.session("wrong"))


@pytest.mark.parametrize("code", [51, 52])
async def test_a_busy_server_is_asked_again(directory: FakeDirectory, code: int) -> None:
    """A server that cannot check the password now has not refused it."""
    session = directory.session()
    directory.errors = [None, refused(code, "busy")]
    with pytest.raises(errors.UpstreamFailed, match="is asked again later"):
        await session.connection()
    await session.connection()
    assert len(directory.binds) == 2


async def test_a_failed_connection_is_closed(directory: FakeDirectory) -> None:
    """Neither a refused nor a broken sign-in leaves a connection open."""
    await denial(directory.session("wrong"))
    session = directory.session()
    directory.errors = [None, Disconnected("dc1.example closed the connection")]
    with pytest.raises(errors.Unreachable):
        await session.connection()
    assert [connection.closed for connection in directory.open] == [True, True]


async def test_a_broken_connection_is_replaced(directory: FakeDirectory) -> None:
    """After a cut the next reader gets a new connection; the old one is closed."""
    session = directory.session()
    await session.connection()
    directory.errors = [Disconnected("cut")]
    with pytest.raises(errors.Unreachable, match=f"{WHERE}: cut"):
        await session.root()
    assert (await session.root()).host == "dc1.example"
    await settle()
    assert [connection.closed for connection in directory.open] == [True, False]
    await session.aclose()
    assert directory.open[-1].closed


async def test_a_late_error_does_not_take_the_new_connection(directory: FakeDirectory) -> None:
    """Two readers that fail on one connection drop that one, not its successor."""
    session = directory.session()
    old = await session.connection()
    session.drop(old)
    new = await session.connection()
    session.drop(old)
    assert await session.connection() is new


async def test_a_refused_question_leaves_the_connection(directory: FakeDirectory) -> None:
    """A server that answers "no" is still there."""
    session = directory.session()
    await session.connection()
    directory.errors = [refused(50, "insufficientAccessRights")]
    with pytest.raises(Denied, match="may not read this"):
        await session.root()
    await session.root()
    assert directory.connects == 1


@pytest.mark.parametrize(
    "words",
    [
        "000004DC: LdapErr: comment: In order to perform this operation a successful bind must be completed",
        "00002020: Operation unavailable without authentication",
    ],
)
async def test_a_server_that_answers_nobody_asks_for_an_account(directory: FakeDirectory, words: str) -> None:
    """Active Directory and Samba refuse anonymous searches in words of their own."""
    session = directory.session(settings=replace(SETTINGS, bind_user=None, password_env=None))
    directory.errors = [None, Refused(1, "operationsError", words)]
    with pytest.raises(Denied, match="set bind_user and its password"):
        await session.root()
    assert directory.binds == []


async def test_the_root_tells_who_answers(directory: FakeDirectory) -> None:
    """Names, numbers and clock of an Active Directory server."""
    directory.offset_s = -90.0
    root = await directory.session().root()
    assert (root.base, root.host, root.kind) == ("DC=example", "dc1.example", ServerKind.ACTIVE_DIRECTORY)
    assert root.highest_usn == directory.usn
    assert root.invocation == str(directory.invocation)
    assert root.clock_offset_s == -90.0
    assert root.is_synchronized is True


async def test_a_clock_less_than_a_second_off_is_right(directory: FakeDirectory) -> None:
    """The server tells whole seconds: what is less cannot be told from none."""
    directory.clock.jump(0.9)
    assert (await directory.session().root()).clock_offset_s == 0.0


async def test_the_config_says_where_to_search(directory: FakeDirectory) -> None:
    """base_dn wins over what the server names."""
    root = await directory.session(settings=replace(SETTINGS, base_dn="OU=x,DC=example")).root()
    assert root.base == "OU=x,DC=example"


async def test_openldap_is_known_by_its_root(clock: ManualClock) -> None:
    """A server without USNs and clock is read all the same; what it does not tell is unknown."""
    root = await FakeDirectory(clock, **OPENLDAP).session().root()
    assert root.kind is ServerKind.OPENLDAP
    assert (root.highest_usn, root.clock_offset_s, root.is_synchronized) == (None, None, None)
    assert root.host == "10.0.0.4:636"


async def test_a_server_without_a_base_is_told(clock: ManualClock) -> None:
    """Where neither the server nor the config says where to search, nothing is guessed."""
    directory = FakeDirectory(clock, namingContexts="")
    with pytest.raises(errors.BadAnswer, match="set base_dn"):
        await directory.session().root()


async def test_searches_of_openldap_take_turns(clock: ManualClock) -> None:
    """OpenLDAP keeps one paged search a connection: the second one waits for the first."""
    directory = FakeDirectory(clock, **OPENLDAP)
    for number in range(4):
        directory.user(f"u{number}")
    session = directory.session()
    await session.root()

    async def first() -> None:
        async with aclosing(session.pages(directory.base, "(cn=*)", page_size=2)) as pages:  # type: ignore[type-var]
            async for _ in pages:
                await settle()
                assert len(directory.searches) == 1

    async def second() -> None:
        async with aclosing(session.pages(directory.base, "(cn=u1)")) as pages:  # type: ignore[type-var]
            assert [len(page) async for page in pages] == [1]

    await asyncio.gather(first(), second())
    assert len(directory.searches) == 2


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (Unreachable("dc1.example:636 is not reachable"), errors.Unreachable, "^dc1.example:636 is not reachable$"),
        (Untrusted("The certificate of dc1.example:636 has expired"), errors.Unreachable, "has expired"),
        (Disconnected("closed"), errors.Unreachable, "^dc1.example:636: closed$"),
        (TimedOut("dc1.example did not answer within 10 s"), errors.TimedOut, "^dc1.example did not answer"),
        (BadAnswer("not LDAP"), errors.BadAnswer, "^dc1.example:636: not LDAP$"),
        (LdapError(""), errors.UpstreamFailed, "LdapError"),
        (refused(3, "timeLimitExceeded"), errors.TimedOut, "its own time limit"),
        (refused(4, "sizeLimitExceeded"), errors.UpstreamFailed, "limits the size of searches"),
        (refused(10, "referral"), errors.Refused, "refers to another server: name that server in url"),
        (Refused(10, "referral", referrals=("ldap://dc2",)), errors.Refused, "refers to ldap://dc2"),
        (refused(32, "noSuchObject"), errors.NotFound, "check base_dn"),
        (refused(48, "inappropriateAuthentication"), Denied, "set bind_user"),
        (refused(51, "busy"), errors.UpstreamFailed, "busy"),
        (Refused(80, "other", "internal error"), errors.UpstreamFailed, r"other \(80\): internal error"),
    ],
)
def test_every_fault_becomes_one_clear_error(error: LdapError, kind: type[SourceError], words: str) -> None:
    """Each names the server, what happened and what to do."""
    found = source_error(error, WHERE)
    assert type(found) is kind
    with pytest.raises(kind, match=words):
        raise found
    assert "dc1.example" in str(found)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (DirectorySettings(url="ldaps://dc1"), ("dc1", 636, Security.LDAPS)),
        (DirectorySettings(url="ldaps://[::1]:1636"), ("::1", 1636, Security.LDAPS)),
        (DirectorySettings(url="ldap://dc1", start_tls=True), ("dc1", 389, Security.START_TLS)),
        (DirectorySettings(url="ldap://127.0.0.1"), ("127.0.0.1", 389, Security.PLAIN)),
    ],
)
def test_the_url_says_how_to_connect(settings: DirectorySettings, expected: tuple[str, int, Security]) -> None:
    """Scheme, port and start_tls make the endpoint."""
    endpoint = endpoint_of(settings)
    assert (endpoint.host, endpoint.port, endpoint.security) == expected


async def test_no_secret_is_kept_or_shown(directory: FakeDirectory) -> None:
    """Neither the session nor what it raises carries the password."""
    session = directory.session("hunter2")
    with pytest.raises(Denied) as caught:
        await session.connection()
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in repr(error)
        error = error.__cause__
    assert "hunter2" not in repr({name: value for name, value in vars(session).items() if name != "_environ"})
