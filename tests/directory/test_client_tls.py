"""No server is spoken to whose identity is not proved."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.directory.certificates import Authority, self_signed
from tests.directory.clients import IMPATIENCE_S, connection, ldaps, never_blocking, start_tls
from tests.directory.peer import Peer
from tests.directory.slapd import Slapd
from tui.ldap.endpoint import Endpoint, Security
from tui.ldap.errors import Disconnected, TimedOut, Untrusted

NAMES = ("localhost", "127.0.0.1")


def of_another_authority(tls: Path) -> None:
    Authority().issue(tls, NAMES)
    Authority().write(tls / "ca.pem")


def expired(tls: Path) -> None:
    Authority().issue(tls, NAMES, expired=True)


def of_another_name(tls: Path) -> None:
    Authority().issue(tls, ("dc1.corp.example", "10.0.0.1"))


def self_signed_unknown(tls: Path) -> None:
    self_signed(tls, NAMES)
    Authority().write(tls / "ca.pem")


UNSOUND: dict[Callable[[Path], None], str] = {
    of_another_authority: "authority",
    expired: "expired",
    of_another_name: "does not name 127.0.0.1",
    self_signed_unknown: "authority",
}


@pytest.fixture
def with_certificate(slapd: Slapd) -> Callable[[Callable[[Path], None]], Slapd]:
    def restarted(issue: Callable[[Path], None]) -> Slapd:
        slapd.kill()
        issue(slapd.tls)
        slapd.start()
        slapd.wait_open()
        return slapd

    return restarted


@pytest.fixture
def python_313_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default context of Python 3.13, on every version."""
    default = ssl.create_default_context

    def create(*arguments: object, **options: object) -> ssl.SSLContext:
        context = default(*arguments, **options)  # type: ignore[arg-type]
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    monkeypatch.setattr(ssl, "create_default_context", create)


@pytest.mark.parametrize("secured", [ldaps, start_tls])
@pytest.mark.parametrize("issue", UNSOUND, ids=lambda issue: issue.__name__)
async def test_unsound_certificate_is_refused(
    with_certificate: Callable[..., Slapd],
    issue: Callable[[Path], None],
    secured: Callable[[Slapd], Endpoint],
) -> None:
    """A certificate that proves nothing ends the attempt, and the message tells what is wrong with it."""
    server = with_certificate(issue)
    with pytest.raises(Untrusted, match=UNSOUND[issue]):
        async with never_blocking(), connection(secured(server)):
            pass


async def test_name_that_the_configuration_gives_is_the_one_that_counts(with_certificate: Callable[..., Slapd]) -> None:
    """A server reached by its address is accepted by the name that the configuration tells, and only by that."""
    server = with_certificate(of_another_name)
    async with connection(ldaps(server, server_name="dc1.corp.example")) as opened:
        await opened.root()
    with pytest.raises(Untrusted):
        async with connection(ldaps(server, server_name="dc2.corp.example")):
            pass


@pytest.mark.usefixtures("python_313_rules")
async def test_authority_without_key_usage_needs_leave(with_certificate: Callable[..., Slapd]) -> None:
    """Python 3.13 refuses sloppy private authorities; the configuration may bear that, and nothing else."""
    server = with_certificate(lambda tls: Authority(key_usage=False).issue(tls, NAMES))
    with pytest.raises(Untrusted, match="strict"):
        async with connection(ldaps(server)):
            pass
    async with connection(ldaps(server, strict=False)) as opened:
        await opened.root()
    with pytest.raises(Untrusted, match="name"):
        async with connection(ldaps(server, strict=False, server_name="dc1.corp.example")):
            pass


@pytest.mark.usefixtures("python_313_rules")
async def test_authority_in_good_order_passes_the_strict_rules(with_certificate: Callable[..., Slapd]) -> None:
    """A private authority made by the book is accepted by every version of Python."""
    server = with_certificate(lambda tls: Authority().issue(tls, NAMES))
    async with connection(ldaps(server)) as opened:
        await opened.root()


@pytest.mark.parametrize("rules", ["own", "python_313_rules"])
async def test_self_signed_certificate_is_trusted_when_it_is_the_ca_file(
    with_certificate: Callable[..., Slapd], rules: str, request: pytest.FixtureRequest
) -> None:
    """The self-signed certificate of the secure LDAP tutorial works when it is named itself."""
    if rules != "own":
        request.getfixturevalue(rules)
    server = with_certificate(lambda tls: self_signed(tls, NAMES))
    async with connection(ldaps(server)) as opened:
        await opened.root()


async def test_missing_ca_file(slapd: Slapd) -> None:
    """A ca_file that is not there is named in the message."""
    with pytest.raises(Untrusted, match=r"no-such\.pem"):
        async with connection(ldaps(slapd, ca_file=Path("/no-such.pem"))):
            pass


class Talker(Peer):
    """Says `greeting` to whoever connects, then listens."""

    def __init__(self, greeting: bytes) -> None:
        super().__init__()
        self._greeting = greeting

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._greeting)
        await reader.read()


@pytest.fixture
def talker(request: pytest.FixtureRequest) -> Iterator[Talker]:
    with Talker(request.param) as peer:
        yield peer


@pytest.mark.parametrize("talker", [b"220 mail.example ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"], indirect=True)
async def test_not_tls(talker: Talker) -> None:
    """A server of another kind on the port is told as such."""
    endpoint = Endpoint(host=talker.address, port=talker.port, security=Security.LDAPS)
    with pytest.raises(Untrusted, match="TLS"):
        async with never_blocking(), connection(endpoint):
            pass


@pytest.mark.parametrize("talker", [b""], indirect=True)
@pytest.mark.parametrize("security", [Security.LDAPS, Security.START_TLS])
async def test_silence_instead_of_tls(talker: Talker, security: Security) -> None:
    """A peer that accepts the connection and then says nothing costs the time limit and no more."""
    endpoint = Endpoint(host=talker.address, port=talker.port, security=security)
    with pytest.raises(TimedOut):
        async with never_blocking(IMPATIENCE_S * 2), connection(endpoint, timeout_s=IMPATIENCE_S):
            pass


async def test_ldap_port_taken_for_ldaps(slapd: Slapd) -> None:
    """TLS spoken to a plain LDAP port ends in an error that speaks of the port."""
    with pytest.raises((Untrusted, Disconnected), match="port"):
        async with never_blocking(), connection(ldaps(slapd, port=slapd.plain_port)):
            pass
