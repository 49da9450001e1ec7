"""Proof of a directory server's identity. There is no way to leave it out."""

from __future__ import annotations

import logging
import ssl
from functools import lru_cache

from tui.ldap.endpoint import Endpoint
from tui.ldap.errors import Untrusted
from tui.model.text import clean

log = logging.getLogger(__name__)

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_NOT_YET_VALID, _EXPIRED, _WRONG_NAME, _WRONG_ADDRESS = 9, 10, 62, 64
_UNKNOWN_ISSUER = frozenset((2, 18, 19, 20, 21, 27))
_STRICT_ONLY = range(79, 94)
_LONGEST_REASON = 200


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """TLS 1.2 or later, chain, dates and name verified. Raises `Untrusted` for a `ca_file` that cannot be used."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if endpoint.ca_file is not None:
        _trust(context, str(endpoint.ca_file))
    if not endpoint.strict:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        _tell_once(endpoint.host)
    return context


def tls_name(endpoint: Endpoint) -> str:
    """The name or address that the certificate must carry."""
    return (endpoint.server_name or endpoint.host).rstrip(".")


def distrust(endpoint: Endpoint, error: ssl.SSLError) -> Untrusted:
    """Why TLS failed, and what to do about it."""
    where = f"{endpoint.host}:{endpoint.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return Untrusted(f"The certificate of {where} {_fault(endpoint, error)}")
    reason = error.reason or ""
    if "UNSUPPORTED_PROTOCOL" in reason or "PROTOCOL_VERSION" in reason:
        return Untrusted(f"{where} offers only TLS older than 1.2: enable TLS 1.2 or 1.3 on the server")
    if reason in _NOT_TLS:
        return Untrusted(f"{where} does not speak TLS: check the port (LDAPS is 636; 389 takes start-tls)")
    return Untrusted(f"TLS with {where} failed ({clean(reason or str(error), _LONGEST_REASON)}): see its TLS set-up")


_NOT_TLS = frozenset(
    ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
)


def _fault(endpoint: Endpoint, error: ssl.SSLCertVerificationError) -> str:
    code, said = error.verify_code, clean(error.verify_message, _LONGEST_REASON)
    if code == _EXPIRED:
        return "has expired: renew it on the server (and check this machine's clock)"
    if code == _NOT_YET_VALID:
        return "is not valid yet: check the clocks of the server and of this machine"
    if code in (_WRONG_NAME, _WRONG_ADDRESS):
        return f"does not name {tls_name(endpoint)}: connect by the name it carries, or set tls_server_name to it"
    if code in _STRICT_ONLY:
        return f"breaks the stricter rules of RFC 5280 ({said}): issue it anew, or set tls_strict to false"
    if code in _UNKNOWN_ISSUER:
        what = "that authority" if endpoint.ca_file is None else f"the right authority, which {endpoint.ca_file} is not"
        return f"comes from an authority unknown here ({said}): set ca_file to the certificate of {what}"
    return f"is not accepted ({said}): look at the certificate and at ca_file"


def _trust(context: ssl.SSLContext, ca_file: str) -> None:
    try:
        context.load_verify_locations(ca_file)
    except FileNotFoundError:
        problem = "there is no such file"
    except ssl.SSLError:
        problem = "it holds no certificate in PEM form"
    except OSError as error:
        problem = error.strerror or "it cannot be read"
    else:
        return
    raise Untrusted(f"ca_file {ca_file}: {problem}")


@lru_cache(maxsize=256)
def _tell_once(host: str) -> None:
    log.warning("%s: the stricter rules for certificates (RFC 5280) are off", host)
