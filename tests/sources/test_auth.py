"""Signing in: every method, tokens kept and shared, refusals in plain words, and no secret where it does not belong."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.identity
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START, ManualClock, settle
from tui.settings import AuthMethod, AuthSettings, Cloud, TenantSettings
from tui.sources.auth import CachedTokens, StaticTokens, Token, provider_for
from tui.sources.auth_azure import client_secret, in_daemon_thread, refusal
from tui.sources.auth_command import TokenCommand, complaint_in, token_in
from tui.sources.errors import Denied, SourceError, TimedOut, Unreachable

GRAPH = "https://graph.microsoft.com"
ARM = "https://management.azure.com"
SECRET = "s3cr3t-token-value"


class Issuer:
    """Issues `token-1`, `token-2` ...; waits for `gate` where there is one; fails with `error` where there is one."""

    def __init__(self, lifetime_s: float | None = 3600.0, clock: ManualClock | None = None) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.gate: asyncio.Event | None = None
        self.error: SourceError | None = None
        self._lifetime_s = lifetime_s
        self._clock = clock

    async def fetch(self, audience: str, refresh: bool) -> Token:
        self.asked.append((audience, refresh))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        now = self._clock.now() if self._clock else START
        return Token(f"token-{len(self.asked)}", self._expiry(now))

    def _expiry(self, now: datetime) -> datetime | None:
        return None if self._lifetime_s is None else now + timedelta(seconds=self._lifetime_s)


async def test_a_token_is_asked_for_once_and_kept(clock: ManualClock) -> None:
    """Polling every 30 seconds does not sign in every 30 seconds."""
    issuer = Issuer()
    tokens = CachedTokens(issuer.fetch, clock)
    assert [await tokens.token(GRAPH), await tokens.token(GRAPH)] == ["token-1", "token-1"]
    assert issuer.asked == [(GRAPH, False)]


async def test_each_audience_has_its_own_token(clock: ManualClock) -> None:
    """A token for Graph is never sent to Resource Manager."""
    tokens = CachedTokens(Issuer().fetch, clock)
    assert await tokens.token(GRAPH) != await tokens.token(ARM)


async def test_a_token_is_renewed_five_minutes_before_it_expires(clock: ManualClock) -> None:
    """No poll meets an expired token."""
    tokens = CachedTokens(Issuer(3600, clock).fetch, clock)
    await tokens.token(GRAPH)
    clock.jump(3299)
    assert await tokens.token(GRAPH) == "token-1"
    clock.jump(2)
    assert await tokens.token(GRAPH) == "token-2"


async def test_a_token_that_cannot_be_renewed_early_is_used_to_its_end(clock: ManualClock) -> None:
    """A sign-in service that is down for a minute does not show while the old token is good."""
    issuer = Issuer(3600, clock)
    tokens = CachedTokens(issuer.fetch, clock)
    await tokens.token(GRAPH)
    issuer.error = Unreachable("no connection")
    clock.jump(3400)
    assert await tokens.token(GRAPH) == "token-1"
    clock.jump(300)
    with pytest.raises(Unreachable):
        await tokens.token(GRAPH)


@pytest.mark.parametrize("lifetime_s", [-100.0, 0.0, 1.0])
async def test_a_token_that_claims_to_be_stale_does_not_cause_a_storm(clock: ManualClock, lifetime_s: float) -> None:
    """A clock that is wrong by an hour does not run `az` for every request."""
    issuer = Issuer(lifetime_s, clock)
    tokens = CachedTokens(issuer.fetch, clock)
    for _ in range(5):
        await tokens.token(GRAPH)
    assert len(issuer.asked) == 1


async def test_a_refresh_gets_a_new_token(clock: ManualClock) -> None:
    """After a 401 the kept token is not offered again."""
    issuer = Issuer()
    tokens = CachedTokens(issuer.fetch, clock)
    await tokens.token(GRAPH)
    assert await tokens.token(GRAPH, refresh=True) == "token-2"
    assert await tokens.token(GRAPH) == "token-2"
    assert issuer.asked == [(GRAPH, False), (GRAPH, True)]


async def test_concurrent_callers_share_one_sign_in(clock: ManualClock) -> None:
    """Six sources that start together ask for one token."""
    issuer = Issuer()
    issuer.gate = asyncio.Event()
    tokens = CachedTokens(issuer.fetch, clock)
    callers = [asyncio.ensure_future(tokens.token(GRAPH)) for _ in range(6)]
    await settle()
    issuer.gate.set()
    assert await asyncio.gather(*callers) == ["token-1"] * 6
    assert len(issuer.asked) == 1


async def test_a_sign_in_outlives_the_poll_that_began_it(clock: ManualClock) -> None:
    """A poll that runs out of time does not throw away the code the user is typing."""
    issuer = Issuer()
    issuer.gate = asyncio.Event()
    tokens = CachedTokens(issuer.fetch, clock)
    impatient = asyncio.ensure_future(tokens.token(GRAPH))
    await settle()
    impatient.cancel()
    await settle()
    issuer.gate.set()
    assert await tokens.token(GRAPH) == "token-1"
    assert len(issuer.asked) == 1


async def test_a_refusal_is_not_asked_for_by_every_source(clock: ManualClock) -> None:
    """A vain sign-in is not repeated at once by each source, but soon enough for who mends it."""
    issuer = Issuer()
    issuer.error = Denied("the sign-in was refused", code="AADSTS1")
    tokens = CachedTokens(issuer.fetch, clock)
    for _ in range(4):
        with pytest.raises(Denied, match="refused"):
            await tokens.token(GRAPH)
    assert len(issuer.asked) == 1
    issuer.error = None
    clock.jump(16)
    assert await tokens.token(GRAPH) == "token-2"


async def test_a_refusal_that_nobody_waited_for_is_quiet(clock: ManualClock) -> None:
    """An abandoned sign-in that fails later leaves no noise behind."""
    issuer = Issuer()
    issuer.gate, issuer.error = asyncio.Event(), Denied("no")
    tokens = CachedTokens(issuer.fetch, clock)
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    caller = asyncio.ensure_future(tokens.token(GRAPH))
    await settle()
    caller.cancel()
    issuer.gate.set()
    await settle()
    assert complaints == []


async def test_the_static_token_is_the_same_for_all() -> None:
    """The lab needs no sign-in."""
    tokens = StaticTokens("x")
    assert await tokens.token(GRAPH) == await tokens.token(ARM, refresh=True) == "x"


# --- token-command -------------------------------------------------------------------------------------------------


def _python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


async def _command_token(code: str, timeout_s: float = 20.0) -> Token:
    return await TokenCommand(_python(code), timeout_s).fetch(GRAPH, False)


async def test_a_command_may_print_a_bare_token() -> None:
    """Any script that prints a token will do."""
    assert (await _command_token(f"print('{SECRET}')")).secret == SECRET


async def test_the_audience_takes_the_place_of_resource() -> None:
    """`{resource}` in an argument becomes Graph or Resource Manager."""
    argv = (*_python("import sys; print(sys.argv[1])"), "for/{resource}")
    assert (await TokenCommand(argv).fetch("https://arm", False)).secret == "for/https://arm"


async def test_a_failing_command_is_denied_with_its_own_words() -> None:
    """`az` says "Please run az login": so does the monitor, cleaned and shortened."""
    code = (
        "import sys; print('SECRETOUT'); "
        "sys.stderr.write('\\x1b[31mPlease run az login eyJhbGciOiJIUzI1NiJ9.abc.def' + 'x' * 5000); sys.exit(3)"
    )
    with pytest.raises(Denied) as caught:
        await _command_token(code)
    words = str(caught.value)
    assert "ended with code 3: Please run az login [secret]" in words
    assert len(words) < 400
    assert "\x1b" not in words
    assert "SECRETOUT" not in words


@pytest.mark.parametrize(
    ("complaint", "output", "told"),
    [
        ("cannot use SECRETTOKEN123 here", "", "cannot use [secret] here"),
        ("cannot use SECRET-token-of-the-test", "", "cannot use [secret]"),
        ("cannot use hushhush", "hushhush", "cannot use [secret]"),
        ("AADSTS700082: run az login", "", "AADSTS700082: run az login"),
        ("no https://login.microsoftonline.com/x", "", "no https://login.microsoftonline.com/x"),
        ("/opt/monitoring/get-the-token.sh: not found", "a b", "/opt/monitoring/get-the-token.sh: not found"),
    ],
)
def test_a_failed_commands_words_hold_no_secret(complaint: str, output: str, told: str) -> None:
    """Words that may be the token are blotted out; the command's reason can still be read."""
    assert complaint_in(complaint.encode(), output.encode()) == told


@pytest.mark.parametrize("argv", [(), ("/no/such/program",), ("/",), ("\0",)])
async def test_a_command_that_cannot_run_is_denied(argv: tuple[str, ...]) -> None:
    """A typo in the config is told, not crashed on."""
    with pytest.raises(Denied, match="command"):
        await TokenCommand(argv).fetch(GRAPH, False)


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """A command that waits for a password does not wait for ever, and leaves no process behind."""
    mark = tmp_path / "mark"
    script = f"exec 3>{mark}; sleep 600 & echo started >&3; wait"
    with pytest.raises(TimedOut, match="not done within"):
        asyncio.run(TokenCommand(("/bin/sh", "-c", script), 1.0).fetch(GRAPH, False))
    assert mark.read_text() == "started\n"
    assert not [one for one in Path("/proc").glob("[0-9]*/fd/3") if _links_to(one, mark)]


def _links_to(link: Path, target: Path) -> bool:
    try:
        return link.readlink() == target
    except OSError:
        return False


async def test_a_command_that_floods_is_bounded() -> None:
    """Gigabytes on the output neither fill the memory nor are taken for a token."""
    with pytest.raises(Denied):
        await _command_token("import sys; sys.stdout.write('x ' * 3_000_000)")


@pytest.mark.parametrize(
    ("answer", "expires"),
    [
        ({"accessToken": SECRET, "expires_on": 1795320000}, datetime.fromtimestamp(1795320000, UTC)),
        ({"accessToken": SECRET, "expires_on": "1795320000"}, datetime.fromtimestamp(1795320000, UTC)),
        ({"access_token": SECRET, "expiresOn": "2026-11-22T05:00:00Z"}, datetime(2026, 11, 22, 5, tzinfo=UTC)),
        ({"token": SECRET, "expiresOn": "soon"}, None),
        ({"accessToken": SECRET}, None),
    ],
)
def test_json_output_is_understood(answer: dict[str, Any], expires: datetime | None) -> None:
    """`az account get-access-token` and its kin."""
    assert token_in(json.dumps(answer).encode()) == Token(SECRET, expires)


def test_a_time_without_a_zone_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Azure CLI writes `expiresOn` in local time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        token = token_in(json.dumps({"accessToken": SECRET, "expiresOn": "2026-11-22 05:00:00.000000"}).encode())
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert token.expires == datetime(2026, 11, 22, 4, tzinfo=UTC)


def test_the_expiry_of_a_bare_jwt_is_read() -> None:
    """A bare token that tells when it ends is renewed in time."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1795320000}).encode()).decode().rstrip("=")
    assert token_in(f"a.{claims}.c".encode()).expires == datetime.fromtimestamp(1795320000, UTC)


@pytest.mark.parametrize(
    "output", [b"", b"\n", b"ERROR: log in", b"{", b"{}", b'{"accessToken": 7}', b"<html>", b"[1]"]
)
def test_output_that_is_no_token_is_denied(output: bytes) -> None:
    """A warning on the output is not sent to Microsoft as a token, nor shown."""
    with pytest.raises(Denied):
        token_in(output)


@given(st.binary(max_size=80))
def test_any_output_is_a_token_or_denied(output: bytes) -> None:
    """No output of a command crashes the sign-in, and what passes fits into a header."""
    try:
        token = token_in(output)
    except Denied:
        return
    assert token.secret.isascii()
    assert token.secret.isprintable()
    assert " " not in token.secret


# --- azure-identity ------------------------------------------------------------------------------------------------


class Credential:
    """Stands in for an azure-identity class: keeps how it was made, answers or fails as told."""

    made: list[tuple[tuple[Any, ...], dict[str, Any]]]
    answer: Any
    scopes: list[tuple[str, str]]

    def __init__(self, *args: Any, **options: Any) -> None:
        self.made.append((args, options))

    def get_token(self, scope: str, *, tenant_id: str) -> AccessToken:
        self.scopes.append((scope, tenant_id))
        if isinstance(self.answer, Exception):
            raise self.answer
        if callable(self.answer):
            self.answer()
        return AccessToken(SECRET, int(START.timestamp()) + 3600)


@pytest.fixture
def credential(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], type[Credential]]:
    def replace(name: str, answer: Any = None) -> type[Credential]:
        fake = type("Fake", (Credential,), {"made": [], "scopes": [], "answer": answer})
        monkeypatch.setattr(azure.identity, name, fake)
        return fake

    return replace


def _tenant(method: AuthMethod, **auth: Any) -> TenantSettings:
    return TenantSettings(name="contoso", tenant_id="tid", cloud=Cloud.CHINA, auth=AuthSettings(method=method, **auth))


Replace = Callable[..., type[Credential]]
CHINA = "https://login.chinacloudapi.cn"


async def test_the_default_chain_signs_in_without_a_browser(clock: ManualClock, credential: Replace) -> None:
    """`az login` is enough, in the tenant's own cloud, and no window opens."""
    fake = credential("DefaultAzureCredential")
    assert await provider_for(_tenant(AuthMethod.DEFAULT), clock).token(GRAPH) == SECRET
    assert fake.scopes == [(f"{GRAPH}/.default", "tid")]
    options = fake.made[0][1]
    assert options["authority"] == CHINA
    assert options["exclude_interactive_browser_credential"] is True


async def test_a_client_secret_comes_from_the_environment(
    clock: ManualClock, credential: Replace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The config names the variable; the secret itself is nowhere else."""
    monkeypatch.setenv("MY_SECRET", "pw")
    fake = credential("ClientSecretCredential")
    tenant = _tenant(AuthMethod.CLIENT_SECRET, client_id="cid", client_secret_env="MY_SECRET")
    await provider_for(tenant, clock).token(GRAPH)
    assert fake.made == [(("tid", "cid", "pw"), {"authority": CHINA})]


async def test_a_certificate_needs_a_private_file(clock: ManualClock, credential: Replace, tmp_path: Path) -> None:
    """A key that others may read is refused with the command that mends it."""
    fake = credential("CertificateCredential")
    pem = tmp_path / "key.pem"
    pem.write_text("key")
    pem.chmod(0o644)
    tenant = _tenant(AuthMethod.CERTIFICATE, client_id="cid", certificate_file=pem)
    with pytest.raises(Denied, match="chmod 600"):
        await provider_for(tenant, clock).token(GRAPH)
    pem.chmod(0o600)
    await provider_for(tenant, clock).token(GRAPH)
    assert fake.made[0][1]["certificate_path"] == str(pem)


async def test_a_certificate_that_is_none_is_named(clock: ManualClock, tmp_path: Path) -> None:
    """The real library's complaint about a bad file becomes one plain sentence."""
    pem = tmp_path / "key.pem"
    pem.write_text("not a key")
    pem.chmod(0o600)
    tenant = _tenant(AuthMethod.CERTIFICATE, client_id="cid", certificate_file=pem)
    with pytest.raises(Denied, match=r"key\.pem cannot be used"):
        await provider_for(tenant, clock).token(GRAPH)


async def test_a_managed_identity_may_be_named(clock: ManualClock, credential: Replace) -> None:
    """A user-assigned identity is chosen by its client id."""
    fake = credential("ManagedIdentityCredential")
    await provider_for(_tenant(AuthMethod.MANAGED_IDENTITY, client_id="cid"), clock).token(GRAPH)
    assert fake.made == [((), {"client_id": "cid"})]


async def test_a_device_code_is_shown_on_the_event_loop(clock: ManualClock, credential: Replace) -> None:
    """Over SSH the user is told what to open and what to enter."""

    def prompting(self: Credential) -> None:
        self.made[0][1]["prompt_callback"]("https://microsoft.com/devicelogin", "ABC\x1b[2J123", START)

    fake = credential("DeviceCodeCredential", prompting)
    shown: list[tuple[str, bool]] = []
    main = threading.current_thread()
    provider = provider_for(
        _tenant(AuthMethod.DEVICE_CODE), clock, lambda text: shown.append((text, threading.current_thread() is main))
    )
    assert await provider.token(GRAPH) == SECRET
    assert shown == [
        (
            "to sign in to contoso, open https://microsoft.com/devicelogin on any device "
            "and enter the code ABC123 before 03:00 UTC",
            True,
        )
    ]
    await provider.token(GRAPH, refresh=True)
    assert len(fake.made) == 1, "a refresh must not ask the user again"


async def test_a_refused_token_starts_the_credential_over(clock: ManualClock, credential: Replace) -> None:
    """After a 401 the library's own cache does not hand out the same token."""
    fake = credential("DefaultAzureCredential")
    provider = provider_for(_tenant(AuthMethod.DEFAULT), clock)
    await provider.token(GRAPH)
    await provider.token(GRAPH, refresh=True)
    assert len(fake.made) == 2


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"method": AuthMethod.CLIENT_SECRET, "client_secret_env": "X"}, "needs client_id"),
        ({"method": AuthMethod.CLIENT_SECRET, "client_id": "c"}, "needs client_secret_env or client_secret_file"),
        (
            {"method": AuthMethod.CLIENT_SECRET, "client_id": "c", "client_secret_env": "UNSET_X"},
            "UNSET_X.* is not set",
        ),
        ({"method": AuthMethod.CERTIFICATE, "client_id": "c"}, "needs certificate_file"),
        ({"method": AuthMethod.CERTIFICATE, "client_id": "c", "certificate_file": Path("/no/key")}, "cannot be read"),
        ({"method": AuthMethod.TOKEN_COMMAND}, "needs auth.command"),
    ],
)
async def test_missing_settings_are_named(clock: ManualClock, auth: dict[str, Any], words: str) -> None:
    """The error names the key to fill in."""
    tenant = TenantSettings(name="t", tenant_id="tid", auth=AuthSettings(**auth))
    with pytest.raises(Denied, match=words):
        await provider_for(tenant, clock).token(GRAPH)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_secret_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A secret left open is not used, and its text not shown."""
    path = tmp_path / "secret"
    path.write_text("pw\n")
    path.chmod(mode)
    with pytest.raises(Denied, match="chmod 600") as caught:
        client_secret(AuthSettings(client_secret_file=path))
    assert "pw" not in str(caught.value).replace(str(path), "")


def test_a_private_secret_file_is_read(tmp_path: Path) -> None:
    """Mode 0600 and 0400 will do; the line's end is not part of the secret."""
    path = tmp_path / "secret"
    path.write_text("pw\n")
    for mode in (0o600, 0o400):
        path.chmod(mode)
        assert client_secret(AuthSettings(client_secret_file=path)) == "pw"
    with pytest.raises(Denied, match="not a file"):
        client_secret(AuthSettings(client_secret_file=tmp_path))


@pytest.mark.parametrize(
    ("said", "method", "words"),
    [
        (
            "AADSTS7000222: The provided client secret keys are expired.\r\nTrace",
            AuthMethod.CLIENT_SECRET,
            "has expired",
        ),
        ("Authentication failed: AADSTS90002: Tenant 'x' not found", AuthMethod.CLIENT_SECRET, "no tenant"),
        ("DefaultAzureCredential failed to retrieve\nmany\nlines", AuthMethod.DEFAULT, "az login"),
        ("AADSTS99999: new kind\nmore", AuthMethod.CERTIFICATE, "AADSTS99999: new kind$"),
        ("", AuthMethod.MANAGED_IDENTITY, "refused"),
    ],
)
def test_refusals_have_plain_words(said: str, method: AuthMethod, words: str) -> None:
    """One line that says what to do, not the library's twenty."""
    error = refusal(said, method)
    with pytest.raises(Denied, match=words):
        raise error
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (ClientAuthenticationError("AADSTS7000215: Invalid client secret"), Denied),
        (ServiceRequestError("getaddrinfo failed"), Unreachable),
        (ValueError(f"odd {SECRET}"), Denied),
    ],
)
async def test_every_fault_of_the_library_is_a_source_error(
    clock: ManualClock, credential: Replace, fault: Exception, kind: type[SourceError]
) -> None:
    """A sign-in that fails is a state of the source, never a crash, and tells no secret."""
    credential("DefaultAzureCredential", fault)
    with pytest.raises(kind) as caught:
        await provider_for(_tenant(AuthMethod.DEFAULT), clock).token(GRAPH)
    assert type(caught.value) is kind
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_a_sign_in_does_not_block_the_event_loop() -> None:
    """While the sign-in waits for a human, the screen lives."""
    release = threading.Event()
    waiting = asyncio.ensure_future(in_daemon_thread(lambda: release.wait(10)))
    await settle()
    assert not waiting.done()
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "sign-in")
    release.set()
    assert await waiting is True


def test_a_token_never_shows_in_a_repr() -> None:
    """Nor in what a debugger or a log prints of it."""
    assert SECRET not in repr(Token(SECRET, START))
