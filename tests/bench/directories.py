"""The rows of the table about real directory servers: each figure beside a yardstick of the same run."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from tests.bench.monitoring import CHANGES, METERED, monitored
from tests.bench.plain import Entries, add_all, entries_of, replace_all
from tests.bench.syncing import PER_SECOND, Setting, lags, one_delta, sync_once
from tests.bench.tenant import RunningTenant, read_all, running_tenant
from tests.directory.reservations import own_ports
from tests.directory.running import running_domain
from tests.directory.server import DirectoryServer
from tests.directory.slapd import Slapd
from tests.directory.sync_bench import PASSWORD

Row = tuple[str, str, str]
SMALLER = (1_000, 10_000)
DELTA_SHARE = 0.01


class Kind(Struct, frozen=True):
    """`opened`: a new, empty, running server."""

    name: str
    opened: Callable[[], AbstractContextManager[DirectoryServer]]


class Plain(Struct, frozen=True):
    """The yardsticks: seconds to read the tenant, and to add what was read."""

    entries: Entries
    reading_s: float
    adding_s: float


def rows(samba: int, slapd: int, steady_s: int) -> Iterator[Row]:
    """`samba`, `slapd`: users; 0 leaves the server out. `steady_s`: how long changes go on."""
    if samba:
        yield from _of_samba(Kind("Samba AD", lambda: running_domain("aadds")), samba, steady_s)
    if slapd:
        yield from _of_slapd(Kind("slapd", _fast_slapd), slapd, steady_s)


def _of_samba(kind: Kind, users: int, steady_s: int) -> Iterator[Row]:
    with running_tenant(users) as tenant:
        plain = _plain(kind, tenant)
        with _setting(kind, tenant) as setting:
            yield _full(setting, kind, plain)[0]
            yield _steady(setting, kind, steady_s)


def _of_slapd(kind: Kind, users: int, steady_s: int) -> Iterator[Row]:
    memory = [(number, _memory_mib(kind, number)) for number in SMALLER if number < users]
    with running_tenant(users) as tenant:
        plain = _plain(kind, tenant)
        with _setting(kind, tenant) as setting:
            row, rss_mib = _full(setting, kind, plain)
            yield row
            yield _memory([*memory, (users, rss_mib)])
            yield _steady(setting, kind, steady_s)
            yield from _delta(setting, kind, plain)
            yield from _monitor(setting.server, kind)


def _plain(kind: Kind, tenant: RunningTenant) -> Plain:
    began = time.monotonic()
    asyncio.run(read_all(tenant))
    reading_s = time.monotonic() - began
    with kind.opened() as empty:
        os.environ[PASSWORD] = empty.admin.password
        entries = asyncio.run(entries_of(tenant, empty))
        return Plain(entries, reading_s, add_all(empty, entries))


def _full(setting: Setting, kind: Kind, plain: Plain) -> tuple[Row, float]:
    """The row, and the largest memory of the sync in MiB."""
    cost, objects = sync_once(setting), setting.tenant.objects
    told = (
        f"{cost.seconds:.1f} s, {objects / cost.seconds:,.0f}/s; {cost.cpu_s:.1f} s of CPU; "
        f"reading the tenant alone {plain.reading_s:.1f} s"
    )
    beside = f"{plain.adding_s / cost.seconds:.2f} x its rate ({objects / plain.adding_s:,.0f}/s)"
    return (f"full sync of {objects:,} users and groups into {kind.name}", told, beside), cost.rss_mib


def _memory(known: list[tuple[int, float]]) -> Row:
    told = ", ".join(f"{users:,} users {rss_mib:.0f} MiB" for users, rss_mib in known)
    return "memory of the full sync", told, f"{known[-1][1] / known[0][1]:.2f} x for {known[-1][0] / known[0][0]:.0f} x"


def _memory_mib(kind: Kind, users: int) -> float:
    with running_tenant(users) as tenant, _setting(kind, tenant) as setting:
        return sync_once(setting).rss_mib


def _steady(setting: Setting, kind: Kind, seconds: int) -> Row:
    found = lags(setting, seconds)
    what = f"{PER_SECOND} changes a second for {seconds} s, {setting.tenant.users:,} users in {kind.name}"
    return what, f"lag median {found.median:.1f} s, p95 {found.p95:.1f} s, largest {found.largest:.1f} s", ""


def _delta(setting: Setting, kind: Kind, plain: Plain) -> Iterator[Row]:
    count = int(setting.tenant.users * DELTA_SHARE)
    comparing_s, delta_s = asyncio.run(one_delta(setting, count))
    dns = [dn for dn in plain.entries if dn.startswith("CN=u")][:count]
    raw_s = replace_all(setting.server, dns, "title", "Raw")
    where = f"{setting.tenant.users:,} users in {kind.name}"
    yield f"{count:,} changes at once, {where}", f"{delta_s:.2f} s", f"{raw_s / delta_s:.2f} x its rate ({raw_s:.2f} s)"
    yield f"start again: compare with all {where}", f"{comparing_s:.1f} s", ""


def _monitor(server: DirectoryServer, kind: Kind) -> Iterator[Row]:
    told = monitored(server)
    times = told["count_s"] / told["ldapsearch_s"]
    where = f"{told['entries']:,.0f} users in {kind.name}"
    yield (
        f"the monitor counts {where}",
        f"{told['count_s']:.1f} s, longest hold of the event loop {told['hold_ms']:.0f} ms, {told['rss_mib']:.0f} MiB",
        f"{times:.2f} x the time of `ldapsearch` ({told['ldapsearch_s']:.1f} s)",
    )
    polls = f"{told['idle_s'] * 1e3:.0f} ms without a change, {told['changed_s'] * 1e3:.0f} ms with {CHANGES}"
    yield f"the monitor polls {where}", polls, ""
    yield f"lag meter, {METERED:,} changes a poll", f"{told['metered_ms']:.0f} ms of CPU", ""


@contextmanager
def _setting(kind: Kind, tenant: RunningTenant) -> Iterator[Setting]:
    with kind.opened() as server, TemporaryDirectory(prefix="synctop-bench-") as folder:
        os.environ[PASSWORD] = server.admin.password
        yield Setting(tenant, server, Path(folder))


@contextmanager
def _fast_slapd() -> Iterator[DirectoryServer]:
    """It does not wait for the disk: the harder yardstick."""
    with own_ports(2) as (ports, folder):
        server = Slapd.create(folder, ports, durable=False)
        try:
            server.launch()
            yield server
        finally:
            server.kill()
