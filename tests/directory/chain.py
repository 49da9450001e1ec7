"""The whole chain on one machine: two Samba domains, the lab and its Connect between them, the sync, the monitor.

on-premises domain --(lab: Connect, LDAPS)--> tenant (lab: Graph) --(synctop sync)--> managed domain
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from tests.directory.chain_people import Person, directory_ldif, dn_of, people
from tests.directory.reservations import own_address, own_ports
from tests.directory.samba import Kind, SambaDomain, template
from tests.directory.server import Account, Failed, found
from tui.lab.identity import Identity, identity

PROGRAMS = ("samba", "samba-tool", "ldbmodify", "ldapmodify", "setpriv")
PACKAGES = "samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind ldb-tools ldap-utils"
CONFIG = "chain.toml"
SYNCTOP = (sys.executable, "-m", "tui")
READY_LIMIT_S, STOP_LIMIT_S = 30.0, 10.0

Tell = Callable[[str], object]


class Chain(Struct, frozen=True):
    """`config`: of the lab, the sync and the monitor alike. `people`: who was put into the on-premises domain."""

    folder: Path
    corp: SambaDomain
    aadds: SambaDomain
    config: Path
    people: list[Person]

    @property
    def by_hand(self) -> str:
        """A command that moves somebody to another department in the on-premises domain."""
        dn = dn_of(self.people[1], self.corp.people_dn)
        record = f"dn: {dn}\\nchangetype: modify\\nreplace: department\\ndepartment: Moved\\n"
        return (
            f"printf '{record}' | LDAPTLS_CACERT={self.corp.ca_file} "
            f"ldapmodify -x -H {self.corp.url} -D {self.corp.admin.user} -y {password_file(self.folder, 'corp-admin')}"
        )


def lacks() -> str | None:
    """What is needed and not there, for people."""
    missing = [program for program in PROGRAMS if found(program) is None]
    if missing:
        return (
            f"{', '.join(missing)} not found. On Debian, as root:\n"
            f"  apt-get install -y --no-install-recommends {PACKAGES}"
        )
    if os.geteuid() != 0:
        return "the domain controllers listen on ports 389 and 636 of loopback addresses: run this as root"
    return None


@contextmanager
def running_chain(folder: Path, count: int, tell: Tell) -> Iterator[Chain]:
    """Everything but the monitor, in `folder`; at the end all of it is stopped. Raises `Failed`."""
    with ExitStack() as stack:
        tell("Two Samba domains (the first time they are provisioned, which takes a while) ...")
        corp, aadds = _started("corp", stack), _started("aadds", stack)
        corp.wait_ready()
        aadds.wait_ready()
        found = people(count)
        tell(f"{count} people and their groups for {corp.domain} ...")
        corp.modify(directory_ldif(found, corp.people_dn, corp.domain))
        (lab_port, sync_port), _ = stack.enter_context(own_ports(2))
        config = _write_config(folder, corp, aadds, lab_port, sync_port)
        chain = Chain(folder, corp, aadds, config, found)
        tell("The lab, whose Connect reads them, and the sync ...")
        lab = ("lab", "--config", config, "--on-premises", "--listen", f"127.0.0.1:{lab_port}")
        stack.enter_context(_listening(lab_port, folder / "lab.log", *lab))
        stack.enter_context(_listening(sync_port, folder / "sync.log", "sync", "--config", config))
        yield chain


def run_chain(keep: Path | None, count: int) -> int:
    """The chain with the monitor in the foreground, until that is left; returns the exit code."""
    problem = lacks()
    if problem is None and not (sys.stdin.isatty() and sys.stderr.isatty()):
        problem = "the monitor needs a terminal"
    if problem is not None:
        _tell(problem)
        return 69
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        with _folder(keep) as folder, running_chain(folder, count, _tell) as chain:
            _tell(_introduction(chain))
            input()
            return _monitor(chain)
    except (Failed, OSError, RuntimeError) as error:
        _tell(f"The chain did not start: {error}")
        return 70
    except (KeyboardInterrupt, EOFError):
        return 130
    finally:
        _tell("Everything is stopped" + (f"; configuration, logs and state are in {keep}" if keep else " and removed"))


def password_file(folder: Path, account: str) -> Path:
    return folder / f"{account}.password"


def _introduction(chain: Chain) -> str:
    return f"""\

  {chain.corp.domain}  {chain.corp.url}, the on-premises domain
  {chain.aadds.domain} {chain.aadds.url}, the managed domain
  {chain.config}, the config file of all; lab.log and sync.log are beside it

Change somebody from another terminal and see it travel, within about half a minute:

{chain.by_hand}

The monitor comes with Enter; q leaves it, and ends everything."""


def _monitor(chain: Chain) -> int:
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run([*SYNCTOP, "--config", str(chain.config)], check=False).returncode
    finally:
        signal.signal(signal.SIGINT, ignored)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _started(kind: Kind, stack: ExitStack) -> SambaDomain:
    template(kind)
    address, folder = stack.enter_context(own_address())
    domain = SambaDomain.clone(kind, folder, address)
    stack.callback(domain.kill)
    domain.start()
    return domain


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="synctop-chain-") as folder:
            yield Path(folder)
        return
    keep.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(keep.iterdir()):
        raise Failed(f"{keep} is not empty")
    yield keep.resolve()


@contextmanager
def _running(log: Path, *arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """One of the program's commands in the background; it ends with us, whatever becomes of us."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *SYNCTOP, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _listening(port: int, log: Path, *arguments: str | Path) -> Iterator[None]:
    """The same once it listens."""
    with _running(log, *arguments) as process:
        end = time.monotonic() + READY_LIMIT_S
        while not _is_open(port):
            if process.poll() is not None or time.monotonic() > end:
                raise Failed(f"synctop {arguments[0]}: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _write_config(folder: Path, corp: SambaDomain, aadds: SambaDomain, lab_port: int, sync_port: int) -> Path:
    """The monitor and Connect only read; the sync writes into the managed domain."""
    for name, account in (("corp-reader", corp.reader), ("corp-admin", corp.admin)):
        _write_password(folder, name, account)
    for name, account in (("aadds-reader", aadds.reader), ("aadds-admin", aadds.admin)):
        _write_password(folder, name, account)
    config = folder / CONFIG
    config.write_text(_config(folder, corp, aadds, lab_port, sync_port, identity(1)))
    return config


def _write_password(folder: Path, name: str, account: Account) -> None:
    path = password_file(folder, name)
    path.touch(mode=0o600)
    path.write_text(account.password)


def _directory(domain: SambaDomain, account: Account, file: Path) -> str:
    return f"""\
url = "{domain.url}"
bind_user = "{account.user}"
password_file = "{file}"
ca_file = "{domain.ca_file}"
"""


def _config(folder: Path, corp: SambaDomain, aadds: SambaDomain, lab_port: int, sync_port: int, who: Identity) -> str:
    return f"""\
[poll]
organization = 2
counts = 3
failures = 3
domain_services = 2
ldap = 2

[thresholds]
connect_warning = "1m"
connect_critical = "10m"
password_warning = "1m"
password_critical = "10m"
domain_services_warning = "1m"
domain_services_critical = "10m"

[[tenant]]
name = "chain"
tenant_id = "{who.tenant_id}"
graph_url = "http://127.0.0.1:{lab_port}"
arm_url = "http://127.0.0.1:{sync_port}"

[tenant.auth]
method = "token-command"
command = ["echo", "any-token"]

[tenant.domain_services]
subscription_id = "{who.subscription_id}"

[tenant.cloud_sync]
enabled = false

[tenant.on_premises]
{_directory(corp, corp.reader, password_file(folder, "corp-reader"))}
[tenant.managed_domain]
{_directory(aadds, aadds.reader, password_file(folder, "aadds-reader"))}
[tenant.sync]
{_directory(aadds, aadds.admin, password_file(folder, "aadds-admin"))}\
container = "{aadds.people_dn}"
state_file = "sync.sqlite"
interval = 3
listen = "127.0.0.1:{sync_port}"
"""
