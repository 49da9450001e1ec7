"""Entra Domain Services as Azure Resource Manager sees it: health evaluated now and then, alerts raised and cleared.

Rules: facts/domain.md 1.1, 3.1 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field

from tui.sync.health import LATE_AFTER, NETWORK_ERROR, SYNC_LATE, RaisedAlert, raised

BACKUP_EVERY = timedelta(days=1)


class Evaluation(Struct, frozen=True, kw_only=True):
    """What was published at the last evaluation. `last_sync` None: the first synchronization is not through."""

    at: datetime
    last_sync: datetime | None = None
    last_backup: datetime
    alerts: Mapping[str, RaisedAlert] = field(default_factory=dict)


class ManagedDomain:
    """`last_sync` is the truth, kept by whoever replicates; the world sees `published`.

    `created` is when it was deployed: no synchronization can be older.
    """

    def __init__(self, domain_name: str, created: datetime, *, cloud_only: bool = False) -> None:
        self.domain_name = domain_name
        self.created = created
        self.last_sync: datetime | None = None
        self.sync_scope = "CloudOnly" if cloud_only else "All"
        self.blocked_since: datetime | None = None
        self.published = Evaluation(at=created, last_backup=created)

    def block_network(self, at: datetime) -> None:
        self.blocked_since = self.blocked_since or at

    def unblock_network(self) -> None:
        self.blocked_since = None

    def evaluate(self, at: datetime) -> None:
        """Publish how things stand; an alert that goes on keeps the time it was raised."""
        found = raised(self.published.alerts, self._detected(at), at)
        self.published = Evaluation(at=at, last_sync=self.last_sync, last_backup=self._backup(at), alerts=found)

    def saved(self) -> dict[str, Any]:
        """What must outlive the process, as JSON."""
        return {
            "created": self.created.isoformat(),
            "last_sync": _text(self.last_sync),
            "blocked_since": _text(self.blocked_since),
            "raised": {code: alert.raised.isoformat() for code, alert in self.published.alerts.items()},
        }

    def restore(self, saved: Mapping[str, Any], at: datetime) -> None:
        """Go on from what was saved."""
        self.created = datetime.fromisoformat(saved["created"])
        self.last_sync = _moment(saved["last_sync"])
        self.blocked_since = _moment(saved["blocked_since"])
        alerts = {code: RaisedAlert(code, datetime.fromisoformat(text), at) for code, text in saved["raised"].items()}
        self.published = Evaluation(at=at, last_backup=self._backup(at), alerts=alerts)
        self.evaluate(at)

    def _detected(self, at: datetime) -> list[str]:
        network = [NETWORK_ERROR] if self.blocked_since else []
        first_sync_under_way = self.last_sync is None and self.blocked_since is None
        late = at - (self.last_sync or self.created) > LATE_AFTER and not first_sync_under_way
        return [*network, SYNC_LATE] if late else network

    def _backup(self, at: datetime) -> datetime:
        """Backups run daily while Microsoft can reach the domain controllers."""
        reachable_until = min(at, self.blocked_since or at)
        return self.created + (reachable_until - self.created) // BACKUP_EVERY * BACKUP_EVERY


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
