"""From an endpoint to a connection that is proved to lead there."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from tests.helpers import settle
from tests.ldap import wire_format as ber
from tui.ldap import dial
from tui.ldap.connection import connect
from tui.ldap.dial import AskForTls, Peer
from tui.ldap.endpoint import Endpoint, Security
from tui.ldap.errors import BadAnswer, Disconnected, LdapError, TimedOut, Unreachable, Untrusted
from tui.ldap.tls import distrust, tls_context, tls_name

ENDPOINT = Endpoint(host="dc1.test", port=389, security=Security.START_TLS)
CONSENT = ber.message(1, ber.result(0x78))


class Network(asyncio.Transport):
    """Remembers what was sent, and whether more would be read."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_reading_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def pause_reading(self) -> None:
        self.is_reading_paused = True


def asking() -> tuple[AskForTls, Network]:
    protocol, network = AskForTls(ENDPOINT), Network()
    protocol.connection_made(network)
    return protocol, network


async def test_tls_is_asked_for_before_anything_else() -> None:
    """Nothing else goes out in the clear, and nothing more is read in the clear after the consent."""
    protocol, network = asking()
    (request,) = ber.read(network.sent)
    assert request == (0x30, [(2, b"\1"), (0x77, [(0x80, b"1.3.6.1.4.1.1466.20037")])])
    protocol.data_received(CONSENT[:5])
    assert not protocol.granted.done()
    protocol.data_received(CONSENT[5:])
    assert network.is_reading_paused
    await protocol.granted


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (ber.message(1, ber.result(0x78, 2, "", "no TLS here")), Untrusted),
        (CONSENT + ber.message(2, ber.result(0x61)), Untrusted),
        (CONSENT + b"\x30", Untrusted),
        (ber.message(1, ber.result(0x61)), Untrusted),
        (b"220 mail.example ESMTP\r\n", BadAnswer),
        (b"\x30\x84\x00\xff\xff\xff", BadAnswer),
    ],
    ids=["refused", "an answer slipped in", "a byte slipped in", "another answer", "another protocol", "too large"],
)
async def test_anything_but_plain_consent_ends_the_attempt(answer: bytes, error: type[LdapError]) -> None:
    """There is no way on without TLS, and what somebody in between adds is never believed."""
    protocol, _ = asking()
    protocol.data_received(answer)
    protocol.data_received(CONSENT)
    with pytest.raises(error):
        await protocol.granted


async def test_a_server_that_hangs_up_instead_of_tls_is_told() -> None:
    """The error names the server."""
    protocol, _ = asking()
    protocol.connection_lost(None)
    with pytest.raises(Disconnected, match=r"dc1\.test:389"):
        await protocol.granted


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
async def test_plain_ldap_to_another_machine_is_refused_before_it_is_called(host: str) -> None:
    """A password never crosses a network in the clear."""
    with pytest.raises(Untrusted, match="not this machine"):
        await connect(Endpoint(host=host, port=389, security=Security.PLAIN))


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False)]
)
def test_loopback_is_told_by_the_address(host: str, expected: bool) -> None:
    """Not by the name, which DNS may point anywhere."""
    assert Peer(0, (host, 389)).is_loopback is expected


def test_an_address_is_shown_with_its_port() -> None:
    """An IPv6 address in brackets."""
    assert Peer(0, ("::1", 636, 0, 0)).text == "[::1]:636"


async def test_a_name_that_nobody_can_resolve_is_unreachable() -> None:
    """Also one that is no name at all."""
    with pytest.raises(Unreachable, match="DNS"):
        await connect(Endpoint(host="a" * 300, port=636, security=Security.PLAIN))


async def test_the_time_limit_covers_the_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that never answers costs no more than the limit."""

    async def never(*_: object, **__: object) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    with pytest.raises(TimedOut, match=r"dc1.test:389 did not answer within 0.02 s"):
        await connect(ENDPOINT, timeout_s=0.02)
    await settle()


async def test_each_of_many_servers_behind_a_name_has_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a domain with sixty controllers: those that refuse are passed over, and the rest is not hurried so
    much that none can answer."""
    found = [(socket.AF_INET, 0, 0, "", (f"127.0.0.{number}", 389)) for number in range(1, 61)]
    limits: list[float] = []

    async def resolved(*_: object, **__: object) -> object:
        return found

    async def refused(peer: Peer) -> None:
        raise ConnectionRefusedError(111, "refused")

    def noted(delay: float) -> asyncio.Timeout:
        limits.append(delay)
        return limit(delay)

    limit = asyncio.timeout
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    monkeypatch.setattr(dial, "_socket", refused)
    monkeypatch.setattr(asyncio, "timeout", noted)
    with pytest.raises(Unreachable, match=r"\(127.0.0.1:389: Connection refused; .*; and 57 more\)"):
        await connect(Endpoint(host="corp.test", port=389, security=Security.PLAIN), timeout_s=5.0)
    assert min(limits) >= 1.0


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no such file"), ("nonsense", "no certificate in PEM form")],
    ids=["missing", "nonsense"],
)
async def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, said: str) -> None:
    """The operator is not left with the TLS library's words."""
    ca_file = tmp_path / "ca.pem"
    if content:
        ca_file.write_text(content)
    with pytest.raises(Untrusted, match=f"ca.pem: .*{said}"):
        await connect(Endpoint(host="127.0.0.1", port=636, security=Security.LDAPS, ca_file=ca_file))


@pytest.mark.parametrize("strict", [True, False])
def test_verification_cannot_be_left_out(strict: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Chain, dates and name are verified also where the strict rules of Python 3.13 are off, which is logged."""
    endpoint = Endpoint(host=f"{strict}.test", port=636, security=Security.LDAPS, strict=strict)
    context = tls_context(endpoint)
    tls_context(endpoint)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert caplog.messages.count("False.test: the stricter rules for certificates (RFC 5280) are off") == (not strict)
    if not strict:
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_the_certificate_must_carry_the_configured_name() -> None:
    """`server_name` where there is one; a final dot is no part of it."""
    assert tls_name(Endpoint(host="dc1.test.", port=636, security=Security.LDAPS)) == "dc1.test"
    assert tls_name(Endpoint(host="10.0.0.1", port=636, security=Security.LDAPS, server_name="dc1")) == "dc1"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (9, "not valid yet"),
        (10, "has expired"),
        (18, "unknown here"),
        (20, "unknown here"),
        (62, "does not name dc1.test"),
        (64, "does not name dc1.test"),
        (85, "stricter rules"),
        (92, "stricter rules"),
        (23, "not accepted"),
    ],
)
def test_each_fault_of_a_certificate_has_its_own_sentence(code: int, said: str) -> None:
    """With what to do about it."""
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_code, error.verify_message = code, "the library's words"
    text = str(distrust(ENDPOINT, error))
    assert text.startswith("The certificate of dc1.test:389 ")
    assert said in text


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("WRONG_VERSION_NUMBER", "does not speak TLS"),
        ("UNSUPPORTED_PROTOCOL", "older than 1.2"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "older than 1.2"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_HANDSHAKE_FAILURE"),
    ],
)
def test_each_failure_of_tls_has_its_own_sentence(reason: str, said: str) -> None:
    """A wrong port is not taken for a wrong certificate."""
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    assert said in str(distrust(ENDPOINT, error))
