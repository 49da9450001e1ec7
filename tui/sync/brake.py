"""The deletion brake: deletions wait for the end of a round, and for the operator where they are too many.

As the accidental delete prevention of Entra Connect and Cloud Sync (facts/domain.md 2.3 and 2.11): either all of a
round's deletions are done or none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

_ALLOWED = "allowed-deletions"


class Brake:
    """Kept beside the checkpoint, in the same transactions. `threshold` None: deletions are done at once."""

    def __init__(self, db: sqlite3.Connection, threshold: int | None) -> None:
        self._db = db
        self._threshold = threshold

    @property
    def is_on(self) -> bool:
        return self._threshold is not None

    def wait(self, owner: str) -> None:
        """This entry is to be deleted at the end of the round."""
        self._db.execute("INSERT OR IGNORE INTO sync_deletion VALUES (?)", (owner,))

    def forget(self, owner: str) -> bool:
        """It is not to be deleted, or no longer there; True where it waited."""
        if not self.is_on:
            return False
        return self._db.execute("DELETE FROM sync_deletion WHERE owner = ?", (owner,)).rowcount > 0

    def allow(self, count: int) -> None:
        """Let up to `count` deletions through that wait now."""
        self._db.execute("INSERT OR REPLACE INTO sync_setting VALUES (?, ?)", (_ALLOWED, str(count)))

    def held(self) -> int | None:
        """How many wait for the operator; None: the brake does not hold."""
        count = self.count()
        return count if count > max(self._threshold or 0, self._allowed()) else None

    def waiting(self) -> Iterator[str]:
        """Every entry that is to be deleted."""
        return (owner for (owner,) in self._db.execute("SELECT owner FROM sync_deletion"))

    def count(self) -> int:
        number: int = self._db.execute("SELECT count(*) FROM sync_deletion").fetchone()[0]
        return number

    def released(self, limit: int) -> list[str]:
        """Some of those that may be deleted now, at the end of a round; once there are none, a leave has ended."""
        if not self.is_on or self.held() is not None:
            return []
        found = [owner for (owner,) in self._db.execute("SELECT owner FROM sync_deletion LIMIT ?", (limit,))]
        if not found:
            self._db.execute("DELETE FROM sync_setting WHERE name = ?", (_ALLOWED,))
        return found

    def _allowed(self) -> int:
        row = self._db.execute("SELECT value FROM sync_setting WHERE name = ?", (_ALLOWED,)).fetchone()
        return int(row[0]) if row else 0
