"""Real directory servers on loopback. Where their packages are missing these tests skip, but never in CI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.directory.ldap_proxy import LdapProxy
from tests.directory.proxy import FaultProxy
from tests.directory.running import running_domain, stopped_slapd
from tests.directory.samba import SambaDomain
from tests.directory.server import DirectoryServer
from tests.directory.slapd import Slapd

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.directory)


@pytest.fixture
def samba_corp() -> Iterator[SambaDomain]:
    """An on-premises domain of this test's own."""
    with running_domain("corp") as domain:
        yield domain


@pytest.fixture
def samba_aadds() -> Iterator[SambaDomain]:
    """A managed domain of this test's own."""
    with running_domain("aadds") as domain:
        yield domain


@pytest.fixture(scope="session")
def shared_corp() -> Iterator[SambaDomain]:
    """An on-premises domain for tests that leave it as it was."""
    with running_domain("corp") as domain:
        yield domain


@pytest.fixture(scope="session")
def shared_aadds() -> Iterator[SambaDomain]:
    """A managed domain for tests that leave it as it was."""
    with running_domain("aadds") as domain:
        yield domain


@pytest.fixture
def slapd() -> Iterator[Slapd]:
    """An OpenLDAP server of this test's own, running; stop it to `load` many entries."""
    with stopped_slapd() as server:
        server.launch()
        yield server


@pytest.fixture(scope="session")
def shared_slapd() -> Iterator[Slapd]:
    """An OpenLDAP server with 5,000 users and 10 groups of 100, for tests that leave it as it was."""
    with stopped_slapd() as server:
        server.load(5_000, groups=10, members=100)
        server.launch()
        yield server


@pytest.fixture
def fault_proxy() -> Iterator[Callable[[DirectoryServer], FaultProxy]]:
    """Makes a proxy before a server's TLS port."""
    proxies: list[FaultProxy] = []

    def before(server: DirectoryServer) -> FaultProxy:
        proxies.append(FaultProxy(server.address, server.port).start())
        return proxies[-1]

    yield before
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def ldap_proxy() -> Iterator[Callable[[DirectoryServer], LdapProxy]]:
    """Makes a man in the middle before a server's TLS port."""
    proxies: list[LdapProxy] = []

    def before(server: DirectoryServer) -> LdapProxy:
        proxies.append(LdapProxy(server).start())
        return proxies[-1]

    yield before
    for proxy in proxies:
        proxy.stop()
