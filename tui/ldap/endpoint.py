"""Where a directory server is and how its identity is proved."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from msgspec import Struct


class Security(StrEnum):
    LDAPS = "ldaps"
    START_TLS = "start-tls"
    PLAIN = "plain"


class Endpoint(Struct, frozen=True, kw_only=True):
    """`server_name`: the name the certificate must carry, where that is not `host`. `ca_file`: trusted beside the
    system's authorities. `strict` False: Python 3.13's stricter rules for private CAs are not applied; the chain, the
    dates and the name are verified all the same. `PLAIN` is refused for any host but loopback.
    """

    host: str
    port: int
    security: Security
    server_name: str | None = None
    ca_file: Path | None = None
    strict: bool = True
