"""Everything that the one-way sync into a real directory needs, opened together and closed together."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from tui.clock import Clock
from tui.settings import SyncSettings
from tui.sources.http import Upstream
from tui.sources.ldap_session import DirectorySession
from tui.sync.checkpoint import Checkpoint
from tui.sync.delta import DeltaReader
from tui.sync.errors import StateUnusable
from tui.sync.locks import container_lock, hold
from tui.sync.replicator import Replicator, Step, SyncState
from tui.sync.scope import Scope
from tui.sync.targets.ldap import LdapDomain
from tui.sync.targets.ldap_writer import Writes

WORK_PER_STEP = 4000
CACHE_KIB = 16 * 1024
BUSY_MS = 5_000


class Sync:
    """The sync of one tenant into one container. Made by `open_sync`; one task works it at a time.

    `step` and `run_once` as of `Replicator`: what goes wrong at either end is told by `state`. They raise a
    `SyncRefused` where nothing can go on before somebody decides: foreign objects, another owner of the state.
    """

    def __init__(self, replicator: Replicator, domain: LdapDomain, session: DirectorySession, held: ExitStack) -> None:
        self.replicator = replicator
        self.domain = domain
        self._session = session
        self._held = held

    @property
    def where(self) -> str:
        """The directory server as the config names it: host:port."""
        return self._session.where

    async def step(self) -> Step:
        return await self.replicator.step()

    async def run_once(self) -> Step:
        return await self.replicator.run_once()

    def state(self) -> SyncState:
        return self.replicator.state()

    def allow_deletions(self, count: int) -> None:
        """Release a held run, if no more than `count` deletions wait."""
        self.replicator.allow_deletions(count)

    async def aclose(self) -> None:
        """Let go of the server and of the state file; what was done so far is kept."""
        try:
            await self._session.aclose()
        finally:
            self._held.close()


async def open_sync(settings: SyncSettings, upstream: Upstream, clock: Clock, *, label: str) -> Sync:
    """Open the state file and get ready; neither tenant nor directory is asked before the first step.

    `upstream` must send `delta_headers`. `label`: what the directory is called in messages. Raises a `SyncRefused`.
    """
    with ExitStack() as held:
        held.enter_context(hold(Path(f"{settings.state_file}.lock"), f"the state file {settings.state_file}"))
        place = f"{settings.directory.url} {settings.container or settings.directory.base_dn or ''}"
        held.enter_context(hold(container_lock(place), f"this container of {settings.directory.url}"))
        db = held.enter_context(closing(open_state(settings.state_file)))
        session = DirectorySession(settings.directory, clock, label=label)
        kept = ExitStack()
        try:
            sync = assemble(settings, upstream, clock, session, db, kept)
        except sqlite3.Error as error:
            raise _unusable(settings.state_file, error) from error
        kept.push(held.pop_all())
        return sync


def assemble(
    settings: SyncSettings,
    upstream: Upstream,
    clock: Clock,
    session: DirectorySession,
    db: sqlite3.Connection,
    held: ExitStack,
    writes: Writes | None = None,
) -> Sync:
    """The parts of a sync over a state that is already open. `writes`: what to write to instead of the server."""
    checkpoint = Checkpoint(db)
    domain = LdapDomain(session, checkpoint, container=settings.container, adopt=settings.adopt, writes=writes)
    replicator = Replicator(
        DeltaReader(upstream, credentials=settings.credentials),
        domain,
        checkpoint,
        clock=clock,
        scope=scope_of(settings),
        work_per_step=WORK_PER_STEP,
        deletion_threshold=settings.deletion_threshold,
    )
    return Sync(replicator, domain, session, held)


def scope_of(settings: SyncSettings) -> Scope:
    groups = None if settings.groups is None else frozenset(settings.groups)
    return Scope(cloud_only=settings.cloud_only, groups=groups)


def open_state(path: Path) -> sqlite3.Connection:
    """The state file, made with mode 0600 where it is missing. Raises `StateUnusable`."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        if path.stat().st_mode & 0o077:
            raise StateUnusable(f"The state file {path} may be read by others, and holds hashes: chmod 600 it")
        return _connected(path)
    except OSError as error:
        raise StateUnusable(f"The state file {path} cannot be opened for writing: {error.strerror}") from error
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: sqlite3.Error) -> StateUnusable:
    return StateUnusable(f"The state file {path} cannot be used ({error}): restore or remove it")


def _connected(path: Path) -> sqlite3.Connection:
    """In autocommit mode, its journal on disk before a write to the directory follows. Raises `sqlite3.Error`."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute("PRAGMA journal_mode = WAL")
        # NORMAL would leave the last transactions to the system: after a power cut the sync took its own for foreign.
        db.execute("PRAGMA synchronous = FULL")
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError("it is damaged")
    except BaseException:
        db.close()
        raise
    return db
