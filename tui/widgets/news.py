"""Whether a snapshot brings news, or only the same facts read again a moment later."""

from __future__ import annotations

from tui.model.snapshot import CountRow, Hop, TenantSnapshot


def news(snapshot: TenantSnapshot) -> tuple[object, ...]:
    """What is worth a repaint at once. Ages, latencies and samples are not: they wait for the next slow tick."""
    return (
        snapshot.verdict,
        tuple(reason.code for reason in snapshot.reasons),
        tuple(_hop_news(hop) for hop in snapshot.hops),
        tuple(_count_news(row) for row in snapshot.counts),
        id(snapshot.failures),
        snapshot.failures_total,
        snapshot.events[:1],
        snapshot.runs[:1],
        tuple((status.state, status.late, status.error) for status in snapshot.sources),
    )


def _count_news(row: CountRow) -> tuple[object, ...]:
    sides = (row.on_premises, row.entra, row.entra_synced, row.managed_domain)
    return (*(side.value for side in sides), row.difference, row.change_1h)


def _hop_news(hop: Hop) -> tuple[object, ...]:
    return hop.state, hop.verdict, hop.progress
