"""The tenant's other facts below the sources."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace
from textual.theme import BUILTIN_THEMES

from tests import builders
from tests.helpers import START
from tui.model.facts import DirectoryQuota, ReplicaSet, SyncServer
from tui.model.reading import Reading
from tui.model.snapshot import TenantSnapshot, Thresholds
from tui.widgets.frame import Frame, Look
from tui.widgets.glyphs import ASCII
from tui.widgets.line import text_of
from tui.widgets.palette import palette_of
from tui.widgets.tenant_facts import tenant_facts


def told(snapshot: TenantSnapshot) -> str:
    look = Look(ASCII, palette_of(BUILTIN_THEMES["ansi-dark"]), Thresholds())
    frame = Frame(now=snapshot.at, tenants=(snapshot,), shown=snapshot, look=look)
    return "\n".join(text_of(spans) for spans in tenant_facts(frame, 100))


def test_servers_domain_and_limits_are_told() -> None:
    """Client version, staging mode, scope, replica sets, quota and deleted users stand in words."""
    snapshot = replace(
        builders.healthy(),
        at=START,
        quota=DirectoryQuota(used=1200, total=50000),
        deleted_items=Reading.of(7, START),
        servers=(SyncServer(name="SYNC01", client_version="2.5.79.0", staging=True),),
        managed_domain_name="aadds.contoso.com",
        sync_scope="CloudOnly",
        replica_sets=(ReplicaSet(id="r1", location="West Europe", last_sync=START - timedelta(minutes=5)),),
    )
    text = told(snapshot)
    for words in ("1,200 of 50,000", "7 can still", "Connect 2.5.79.0", "staging mode", "scope CloudOnly", "5m00s ago"):
        assert words in text


def test_an_expiring_certificate_stands_out() -> None:
    """A certificate about to expire is told with the time left, an expired one as expired."""
    soon = replace(builders.healthy(), at=START, certificate_expires=START + timedelta(days=9))
    assert "in 9 days" in told(soon)
    assert "expired on" in told(replace(soon, certificate_expires=START - timedelta(days=1)))


def test_nothing_known_takes_no_room() -> None:
    """Where none of it is known there is no empty heading."""
    assert told(TenantSnapshot(name="x", tenant_id="y", at=START)) == ""
