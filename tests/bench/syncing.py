"""The sync as its users run it, `synctop sync`, from a tenant of any size into a directory server."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from msgspec import Struct

from tests.bench.processes import Cost, measured, running
from tests.bench.tenant import RunningTenant
from tests.directory.server import DirectoryServer
from tests.directory.sync_bench import directory_settings
from tui.clock import SystemClock
from tui.settings import SyncSettings
from tui.sync.opening import open_sync
from tui.sync.replicator import Step

INTERVAL_S = 1
PER_SECOND = 100
STATE = "sync.db"
LIMIT_S = 180.0
_NUMBER = re.compile(r"^dn: CN=u(\d+),", re.MULTILINE | re.IGNORECASE)
_STAMP = re.compile(r"^(?:entryCSN|whenChanged): (\d{14})(?:\.(\d+))?", re.MULTILINE)


class Setting(Struct, frozen=True):
    """`folder`: where config file, state and log of the sync are."""

    tenant: RunningTenant
    server: DirectoryServer
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "sync.log"

    def command(self, *options: str) -> tuple[str | Path, ...]:
        return (sys.executable, "-m", "tui", "sync", "--config", self._config(), *options)

    def _config(self) -> Path:
        password, config = self.folder / "password", self.folder / "synctop.toml"
        password.touch(mode=0o600)
        password.write_text(self.server.admin.password)
        config.write_text(f"""\
[[tenant]]
name = "bench"
tenant_id = "00000000-0000-0000-0000-000000000001"
graph_url = "{self.tenant.url}"

[tenant.auth]
method = "token-command"
command = ["echo", "any-token"]

[tenant.sync]
url = "{self.server.url}"
bind_user = "{self.server.admin.user}"
password_file = "{password}"
ca_file = "{self.server.ca_file}"
container = "{self.server.people_dn}"
state_file = "{STATE}"
interval = {INTERVAL_S}
""")
        return config


def sync_once(setting: Setting) -> Cost:
    """One round to its end: the first is a full sync."""
    return measured(*setting.command("--once"), log=setting.log)


class Lags(Struct, frozen=True):
    """Seconds from the change in the tenant to its entry in the directory."""

    median: float
    p95: float
    largest: float


def lags(setting: Setting, seconds: int) -> Lags:
    """While `PER_SECOND` users change each second, with rounds at an interval of `INTERVAL_S`."""
    count, title = seconds * PER_SECOND, "Steady"
    with _syncing(setting):
        left = setting.tenant.change(0, count, title=title, per_second=PER_SECOND)
        came = _arrivals(setting.server, title, count)
    found = [came[number] - at for number, at in enumerate(left)]
    return Lags(median(found), quantiles(found, n=20)[-1], max(found))


async def one_delta(setting: Setting, count: int) -> tuple[float, float]:
    """Seconds of the first round after a start, without a change, and of one with `count` changes."""
    clock, upstream = SystemClock(), setting.tenant.upstream()
    settings = SyncSettings(
        directory=directory_settings(setting.server),
        state_file=setting.folder / STATE,
        container=setting.server.people_dn,
    )
    sync = await open_sync(settings, upstream, clock, label="directory")
    try:
        seconds = []
        for change in (0, count):
            await asyncio.to_thread(setting.tenant.change, 0, change, title="Delta")
            began = time.monotonic()
            assert await sync.run_once() is Step.DONE, sync.state().error
            seconds.append(time.monotonic() - began)
    finally:
        await sync.aclose()
        await upstream.aclose()
    return seconds[0], seconds[1]


@contextmanager
def _syncing(setting: Setting) -> Iterator[None]:
    """Rounds, from the end of the first one on."""
    setting.log.unlink(missing_ok=True)
    with running(*setting.command(), log=setting.log) as process:
        end = time.monotonic() + LIMIT_S
        while " continuous" not in setting.log.read_text():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the sync did not get ready: {setting.log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield


def _arrivals(server: DirectoryServer, title: str, count: int) -> dict[int, float]:
    """When each of `count` users was given this title, by the server's clock; waits for the last one."""
    end = time.monotonic() + LIMIT_S
    while title not in server.find(f"(cn=u{count - 1:07d})", "title") and time.monotonic() < end:
        time.sleep(0.5)
    while len(came := _stamped(server, title)) < count and time.monotonic() < end:
        time.sleep(0.5)
    return came


def _stamped(server: DirectoryServer, title: str) -> dict[int, float]:
    """Samba and Active Directory count whole seconds, which are rounded up."""
    came: dict[int, float] = {}
    for record in server.find(f"(title={title})", "entryCSN", "whenChanged").split("\n\n"):
        number, stamp = _NUMBER.search(record), _STAMP.search(record)
        if number and stamp:
            second = datetime.strptime(stamp[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
            came[int(number[1])] = second + (float(f"0.{stamp[2]}") if len(stamp[2] or "") > 1 else 1.0)
    return came
