"""Situations of a sync, made by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from tests.helpers import START
from tui.model.facts import FailureReport, ObjectRef
from tui.model.states import HopName
from tui.settings import DirectorySettings, SyncSettings, TenantSettings
from tui.sync.replicator import Phase, SyncState
from tui.sync.running import Problem, Round, Situation, Trouble

TENANT = TenantSettings(name="contoso", tenant_id="00000000-0000-0000-0000-000000000001")


def sync_settings(**changed: Any) -> SyncSettings:
    directory = DirectorySettings(url="ldaps://dc1.aadds.example", base_dn="DC=aadds,DC=example")
    return replace(SyncSettings(directory=directory, state_file="/nonexistent/state.sqlite"), **changed)


def state(**changed: Any) -> SyncState:
    """In step for a minute, with nothing wrong."""
    plain = SyncState(
        phase=Phase.CONTINUOUS,
        done=120,
        total=120,
        per_second=None,
        pending=0,
        last_success=START - timedelta(minutes=1),
        last_change=START - timedelta(minutes=5),
        objects_failed=0,
    )
    return replace(plain, **changed)


def full_pass(**changed: Any) -> SyncState:
    """The first sync, a third of it done."""
    return state(
        **{"phase": Phase.FIRST_SYNC, "done": 40, "per_second": 8.0, "last_success": None, "pending": 7, **changed}
    )


def situation(told: SyncState | None = None, **changed: Any) -> Situation:
    return replace(Situation(started=START - timedelta(hours=1), state=told or state()), **changed)


def problem(trouble: Trouble, text: str = "dc1:636: no answer", since: datetime = START) -> Problem:
    return Problem(trouble=trouble, text=text, since=since, retry_at=START + timedelta(seconds=12))


def one_round(*, changed: bool = True, lag_s: float | None = 31.0) -> Round:
    return Round(began=START - timedelta(seconds=3), ended=START - timedelta(seconds=1), changed=changed, lag_s=lag_s)


def report(number: int = 0, **changed: Any) -> FailureReport:
    """A user whose name is taken by a local object."""
    plain = FailureReport(
        source="domain-services",
        hop=HopName.DOMAIN_SERVICES,
        code="NameTaken",
        object=ObjectRef(type="user", id=f"id-{number}", name=f"User {number}", upn=f"user{number}@contoso.com"),
        attribute="sAMAccountName",
        value=f"user{number}",
        conflicts_with=ObjectRef(type="user", dn=f"CN=user{number},OU=Local,DC=aadds,DC=example"),
        first_seen=START - timedelta(hours=2),
        last_seen=START - timedelta(minutes=1),
        message="sAMAccountName belongs to an object made in the domain",
    )
    return replace(plain, **changed)
