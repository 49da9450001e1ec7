"""Servers of a test's own, for the fixtures and for tests that start several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.directory.needs import SAMBA_PROGRAMS, SLAPD_PROGRAMS, need
from tests.directory.reservations import own_address, own_ports
from tests.directory.samba import Kind, SambaDomain
from tests.directory.slapd import Slapd


@contextmanager
def running_domain(kind: Kind) -> Iterator[SambaDomain]:
    """A new domain on an address of its own; killed and removed at the end."""
    need(*SAMBA_PROGRAMS, root=True)
    with own_address() as (address, folder):
        domain = SambaDomain.clone(kind, folder, address)
        try:
            domain.launch()
            yield domain
        finally:
            domain.kill()


@contextmanager
def stopped_slapd() -> Iterator[Slapd]:
    """A new OpenLDAP server on ports of its own, to be loaded and launched; killed and removed at the end."""
    need(*SLAPD_PROGRAMS)
    with own_ports(2) as (ports, folder):
        server = Slapd.create(folder, ports)
        try:
            yield server
        finally:
            server.kill()
