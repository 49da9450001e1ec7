"""Entra Domain Services as Azure Resource Manager sees it: health evaluated now and then, alerts raised and cleared.

Rules: facts/domain.md 1.1, 3.1 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LATE_AFTER = timedelta(hours=2)
BACKUP_EVERY = timedelta(days=1)
NETWORK_ERROR = "AADDS104"
SYNC_LATE = "AADDS500"


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    code: str
    raised: datetime
    last_detected: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was published at the last evaluation. `last_sync` None: the first synchronization is not through."""

    at: datetime
    last_sync: datetime | None = None
    last_backup: datetime
    alerts: Mapping[str, RaisedAlert] = field(default_factory=dict)


class ManagedDomain:
    """`last_sync` is the truth, kept by whoever replicates; the world sees `published`."""

    def __init__(self, domain_name: str, created: datetime, last_sync: datetime | None) -> None:
        self.domain_name = domain_name
        self.created = created
        self.last_sync = last_sync
        self.sync_scope = "All"
        self.blocked_since: datetime | None = None
        self._backup_base = created
        self.published = Evaluation(at=created, last_sync=last_sync, last_backup=created)

    def block_network(self, at: datetime) -> None:
        self.blocked_since = self.blocked_since or at

    def unblock_network(self) -> None:
        self.blocked_since = None

    def evaluate(self, at: datetime) -> None:
        """Publish how things stand; an alert that goes on keeps the time it was raised."""
        before = self.published.alerts
        found = {
            code: RaisedAlert(code, before[code].raised if code in before else at, at) for code in self._detected(at)
        }
        self.published = Evaluation(at=at, last_sync=self.last_sync, last_backup=self._backup(at), alerts=found)

    def _detected(self, at: datetime) -> list[str]:
        since = self.last_sync or self.created
        network = [NETWORK_ERROR] if self.blocked_since else []
        late = [SYNC_LATE] if at - since > LATE_AFTER and (self.blocked_since or self.last_sync) else []
        return network + late

    def _backup(self, at: datetime) -> datetime:
        """Backups run daily while Microsoft can reach the domain controllers."""
        reachable_until = min(at, self.blocked_since or at)
        return self._backup_base + (reachable_until - self._backup_base) // BACKUP_EVERY * BACKUP_EVERY
