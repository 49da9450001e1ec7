"""Active health alerts as rows of the feed: told and explained like a failure, never counted as a failing object."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from tui.model.facts import Alert, ObjectRef
from tui.model.finding import is_domain_services
from tui.model.judge_alerts import alert_hint, graded_alert
from tui.model.one_failure import ID_BYTES
from tui.model.snapshot import Failure

ALERT = "alert"


def feed_rows(failures: Sequence[Failure], alerts: tuple[Alert, ...]) -> Sequence[Failure]:
    """`failures`, newest first, with the alerts at their places among them; `failures` itself where there are none.

    An alert without a time comes first: it is active now.
    """
    if not alerts:
        return failures
    rows = list(failures)
    for row in alert_rows(alerts):
        if row.last_seen is None:
            rows.insert(0, row)
        else:
            insort(rows, row, key=_age)
    return tuple(rows)


@lru_cache(maxsize=64)
def alert_rows(alerts: tuple[Alert, ...]) -> tuple[Failure, ...]:
    """One row per alert."""
    return tuple({row.id: row for row in map(_row, alerts)}.values())


def _row(alert: Alert) -> Failure:
    about, severity, hop = graded_alert(alert)
    return Failure(
        id=_id(alert),
        severity=severity,
        hop=hop,
        sources=(alert.source,),
        code=alert.code if is_domain_services(alert) else about.title,
        object=ObjectRef(type=ALERT, name=_subject(alert)),
        first_seen=alert.raised,
        last_seen=alert.last_detected or alert.raised,
        message=alert.text or alert.title,
        hint=alert_hint(alert),
    )


def _subject(alert: Alert) -> str:
    kind = "managed domain" if is_domain_services(alert) else "sync server"
    return f"({kind} {alert.where})" if alert.where else f"({kind})"


def _id(alert: Alert) -> str:
    told = "\x1f".join((ALERT, alert.source, alert.code, alert.title, alert.where))
    return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=ID_BYTES).hexdigest()


def _age(row: Failure) -> float:
    """Sorts as the failures are sorted, by the time they were last seen."""
    return -row.last_seen.timestamp() if row.last_seen else 0.0
