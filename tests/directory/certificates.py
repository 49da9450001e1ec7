"""Private authorities and server certificates, sound ones and each kind of unsound one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

YEAR = timedelta(days=365)


class Authority:
    """A private authority. Without `key_usage` it is one that Python 3.13's default rules refuse (RFC 5280 4.2.1.3)."""

    def __init__(self, name: str = "Test authority", *, key_usage: bool = True) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_named(name), _named(name), self._key.public_key(), YEAR)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_subject_key(self._key), critical=False)
        if key_usage:
            builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    def write(self, path: Path) -> Path:
        path.write_bytes(_pem(self._certificate))
        return path

    def issue(self, folder: Path, names: Sequence[str], *, expired: bool = False) -> None:
        """Write cert.pem and key.pem for `names`, host names or addresses, and this authority's ca.pem."""
        key = ec.generate_private_key(ec.SECP256R1())
        life = -timedelta(days=1) if expired else YEAR
        builder = _builder(_named(names[0]), self._certificate.subject, key.public_key(), life)
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = _server_extensions(builder, key, names).add_extension(own, critical=False)
        _write(folder, builder.sign(self._key, hashes.SHA256()), key)
        self.write(folder / "ca.pem")


def self_signed(folder: Path, names: Sequence[str]) -> None:
    """A leaf that is its own authority, as the secure LDAP tutorial of Domain Services makes it: cert.pem is ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_named(names[0]), _named(names[0]), key.public_key(), YEAR)
    leaf = _server_extensions(builder, key, names).sign(key, hashes.SHA256())
    _write(folder, leaf, key)
    (folder / "ca.pem").write_bytes(_pem(leaf))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - YEAR)
        .not_valid_after(now + life)
    )


def _server_extensions(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, names: Sequence[str]
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(_subject_key(key), critical=False)
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _subject_key(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """A key that others may read is refused by Samba."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "key.pem"
    secret.touch(mode=0o600)
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "cert.pem").write_bytes(_pem(certificate))


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
