"""One sync at a time: advisory locks, which fall with the process however it ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO

from tui.sync.errors import AlreadyRunning, StateUnusable


def hold(path: Path, what: str) -> IO[bytes]:
    """Lock the file at `path`, made if missing, until what is returned is closed. Raises a `SyncRefused`."""
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b")
    except OSError as error:
        raise StateUnusable(f"The lock {path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise AlreadyRunning(f"Another sync works on {what}: stop it first, or let it go on") from error
    return file


def container_lock(container: str) -> Path:
    """Where syncs of this user and machine meet that write the same container, whatever their state files are."""
    folder = Path(tempfile.gettempdir()) / f"synctop-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise StateUnusable(f"{folder} belongs to another user: remove it, or set TMPDIR")
    return folder / f"sync-{hashlib.sha256(container.casefold().encode()).hexdigest()[:24]}.lock"
