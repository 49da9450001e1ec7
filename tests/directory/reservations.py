"""Folders, loopback addresses and ports that no two test processes of one machine use at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

LOWEST_PORT, HIGHEST_PORT = 20_000, 30_000
"""Below the range that systems give to outgoing connections, so that a restarted server gets its port again."""


def cache_root() -> Path:
    """A folder of this user for what is made once per machine. Short: paths of sockets end at 107 bytes."""
    root = Path(tempfile.gettempdir()) / f"synctop-test-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.stat().st_uid != os.getuid():
        raise RuntimeError(f"{root} belongs to another user: remove it, or set TMPDIR")
    return root


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock; it falls with the process, so that a killed run blocks nobody."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def own_address() -> Iterator[tuple[str, Path]]:
    """A loopback address with free LDAP ports, of 127.17.0.0/16, and an empty folder for its server."""
    for number in range(256, 65_000):
        address = f"127.17.{number // 256}.{number % 256}"
        if number % 256 not in (0, 255):
            with _taken(address) as taken:
                if taken and _is_free(address, 389) and _is_free(address, 636):
                    with _empty_folder(address) as folder:
                        yield address, folder
                    return
    raise RuntimeError("every loopback address of 127.17.0.0/16 is taken")


@contextlib.contextmanager
def own_ports(count: int) -> Iterator[tuple[list[int], Path]]:
    """Free high ports of 127.0.0.1 and an empty folder for their server."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for port in range(LOWEST_PORT, HIGHEST_PORT):
            if held.enter_context(_taken(f"port-{port}")) and _is_free("127.0.0.1", port):
                ports.append(port)
            if len(ports) == count:
                break
        yield ports, held.enter_context(_empty_folder(f"port-{ports[0]}"))


@contextlib.contextmanager
def _taken(name: str) -> Iterator[bool]:
    path = cache_root() / "taken" / name
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _is_free(address: str, port: int) -> bool:
    """Whether nothing listens there; what a killed run left behind may."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _empty_folder(name: str) -> Iterator[Path]:
    folder = cache_root() / "run" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
