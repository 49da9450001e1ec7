"""What every directory server under test has in common: a group of processes, a folder, and how a client reaches it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
TOOL_LIMIT_S = 300.0
POLL_S = 0.02
MAX_PAGE_SIZE = 1000
"""As Active Directory's limit of that name: so many entries an answer, any number by paging."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ROOT_DSE = bytes.fromhex("30250201016320 04000a01000a0100020100020100010100 870b6f626a656374436c617373 3000")
"""A search for the rootDSE, as RFC 4511 encodes it."""


class Account(Struct, frozen=True):
    user: str
    password: str


class Failed(RuntimeError):
    """A server or tool did not do what was asked; the end of its output is in the message."""


def system_environment(**extra: str) -> dict[str, str]:
    """Nothing of a virtual environment: the tools are programs of the system's own Python."""
    return {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", **extra}


def found(program: str) -> str | None:
    return shutil.which(program, path=SYSTEM_PATH)


def run_tool(*command: str | Path, text: str = "", **environment: str) -> str:
    """The standard output of a system program. Raises `Failed`, also for one that does not end."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            input=text,
            capture_output=True,
            text=True,
            env=system_environment(**environment),
            check=False,
            timeout=TOOL_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{command[0]} did not end within {TOOL_LIMIT_S:g} s") from None
    if done.returncode:
        raise Failed(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


class DirectoryServer(ABC):
    """`folder` holds all of it. `port` speaks TLS from the first byte, `plain_port` offers StartTLS.

    `admin` may write everything, `reader` only read. Both bind over TLS alone where the server demands it.
    """

    folder: Path
    address: str
    port: int
    plain_port: int
    base_dn: str
    people_dn: str
    admin: Account
    reader: Account

    _process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """The program, in the foreground."""

    @property
    def url(self) -> str:
        return f"ldaps://{self.address}:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"ldap://{self.address}:{self.plain_port}"

    @property
    def tls(self) -> Path:
        """The folder of ca.pem, cert.pem and key.pem."""
        return self.folder / "tls"

    @property
    def ca_file(self) -> Path:
        return self.tls / "ca.pem"

    @property
    def log(self) -> Path:
        return self.folder / "log" / "server.log"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """In a session of its own; it dies with the thread that started it, whatever becomes of the tests."""
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *map(str, self.command())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=system_environment(),
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Until the rootDSE is answered over TLS. Raises `Failed`."""
        self._wait(self._answers)

    def wait_open(self) -> None:
        """Until the port is open, whatever the certificate there is worth. Raises `Failed`."""
        self._wait(self._is_open)

    def launch(self) -> None:
        self.start()
        self.wait_ready()

    def stop(self) -> None:
        """Ask the group to end; kill it if it does not."""
        self.resume()
        self._signal(signal.SIGTERM)
        if not _within(STOP_LIMIT_S, self._has_ended):
            self.kill()
        self._reap()

    def kill(self) -> None:
        """As `kill -9`, or a cut of the power but for what the system had yet to write."""
        self._signal(signal.SIGKILL)
        self._reap()

    def restart(self) -> None:
        self.stop()
        self.launch()

    def pause(self) -> None:
        """Every thread of the server stands still; the system goes on accepting connections for it."""
        self._signal(signal.SIGSTOP)
        if not _within(STOP_LIMIT_S, self._stands_still):
            raise Failed(f"{self.url} does not stand still")

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def modify(self, ldif: str) -> None:
        """Apply LDIF change records over LDAP, as the administrator. Raises `Failed`."""
        self._client_tool("ldapmodify", text=ldif)

    def find(self, filter: str, *attributes: str) -> str:
        """The entries below the base as unwrapped LDIF, read as the administrator. Raises `Failed`."""
        paged = ("-E", f"pr={MAX_PAGE_SIZE}/noprompt")
        return self._client_tool(
            "ldapsearch", "-LLL", "-o", "ldif-wrap=no", *paged, "-b", self.base_dn, filter, *attributes
        )

    def _client_tool(self, program: str, *arguments: str, text: str = "") -> str:
        who = ("-x", "-H", self.url, "-D", self.admin.user, "-w", self.admin.password)
        return run_tool(program, *who, *arguments, text=text, LDAPTLS_CACERT=str(self.ca_file))

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _has_ended(self) -> bool:
        assert self._process is not None
        self._process.poll()
        return not self._living()

    def _stands_still(self) -> bool:
        return all(_thread_states(member) <= {"T"} for member in self._living())

    def _living(self) -> list[Path]:
        """The group's processes under /proc, but for those that only wait to be buried."""
        assert self._process is not None
        return [path for path, group in _living_processes() if group == self._process.pid]

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            _within(STOP_LIMIT_S, self._has_ended)
            self._process = None

    def _wait(self, condition: Callable[[], bool]) -> None:
        if not _within(START_LIMIT_S, lambda: condition() or not self.is_running) or not self.is_running:
            raise Failed(f"{self.url} does not answer: {self.log.read_text(errors='replace')[-2000:]}")

    def _is_open(self) -> bool:
        try:
            socket.create_connection((self.address, self.port), timeout=2).close()
        except OSError:
            return False
        return True

    def _answers(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        try:
            with (
                socket.create_connection((self.address, self.port), timeout=2) as plain,
                context.wrap_socket(plain, server_hostname=self.address) as peer,
            ):
                peer.sendall(_ROOT_DSE)
                return bool(peer.recv(1))
        except OSError:
            return False


def _within(limit_s: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def _living_processes() -> Iterator[tuple[Path, int]]:
    """(folder, process group) of each."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = _stat(path)[:3]
            if state not in "ZX":
                yield path.parent, int(group)


def _thread_states(process: Path) -> set[str]:
    with contextlib.suppress(OSError):
        return {_stat(path)[0] for path in process.glob("task/*/stat")}
    return set()


def _stat(path: Path) -> list[str]:
    """The fields of proc(5)'s stat from the state on; the name before it may hold anything."""
    return path.read_text().rpartition(")")[2].split()
