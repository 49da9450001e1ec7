"""Why the sync does not start, or cannot go on before somebody has decided something. Each message is for people.

SyncRefused
├── StateUnusable    the state file cannot be opened, written or understood, or belongs to another container
├── AlreadyRunning   another sync works on the same state file or container
├── ForeignObjects   the container holds objects that this sync did not make
└── SchemaLacks      the directory cannot hold what the sync must store
"""

from __future__ import annotations

from tui.sources.errors import SourceError


class SyncRefused(Exception):
    """`str()` says what is wrong, where, and what to do; it is clean of control characters."""


class StateUnusable(SyncRefused):
    pass


class AlreadyRunning(SyncRefused):
    pass


class ForeignObjects(SyncRefused):
    """`count` of them; `names`: some, for people."""

    def __init__(self, message: str, *, count: int, names: tuple[str, ...]) -> None:
        super().__init__(message)
        self.count = count
        self.names = names


class SchemaLacks(SyncRefused):
    pass


class StateFailed(SourceError):
    """The state file could not be written: a step was undone, and is tried again."""
