"""The alerts that Connect Health raises about the sync server (facts/domain.md 3.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from tui.lab.connect import TOO_MANY_DELETES, Connect
from tui.lab.scenario import ConnectFault

HEARTBEAT_LIMIT = timedelta(minutes=120)


class HealthAlert(Struct, frozen=True, kw_only=True):
    """`short`: the alert's own name; `level`: Warning, Error or PreWarning."""

    short: str
    level: str
    title: str
    description: str
    remediation: str
    since: datetime


class _Kind(Struct, frozen=True):
    short: str
    title: str
    description: str
    remediation: str


_BY_RESULT = {
    "access-denied": _Kind(
        "ImportFromActiveDirectoryFailed",
        "Import from Active Directory failed",
        "The import operation from Active Directory has failed: access is denied.",
        "Give the AD DS connector account its permissions back: Replicate Directory Changes and Replicate Directory "
        "Changes All.",
    ),
    "no-start-credentials": _Kind(
        "ImportFromActiveDirectoryFailed",
        "Import from Active Directory failed",
        "The import operation from Active Directory has failed: the credentials of the connector account were refused.",
        "Set the connector account's present password in the Synchronization Service.",
    ),
    "no-start-connection": _Kind(
        "ImportFromActiveDirectoryFailed",
        "Import from Active Directory failed",
        "The import operation from Active Directory has failed: the domain controller cannot be reached.",
        "See that the domain controller runs and that the server reaches it by its name on the LDAP ports.",
    ),
    "stopped-server": _Kind(
        "ImportFromActiveDirectoryFailed",
        "Import from Active Directory failed",
        "The import operation from Active Directory has failed: the domain controller did not answer to the end.",
        "Look at the domain controller's state and its event log.",
    ),
    "stopped-extension-dll-exception": _Kind(
        "ConnectionToEntraIdFailed",
        "Connection to Microsoft Entra ID failed due to authentication failure",
        "The connection to Microsoft Entra ID failed: the sync account could not sign in.",
        "Reset the credentials of the Microsoft Entra connector account.",
    ),
    TOO_MANY_DELETES: _Kind(
        "ExportStoppedDeletionThreshold",
        "Export to Microsoft Entra ID was stopped. Accidental delete threshold was reached",
        "The export was stopped because it would have deleted more objects than the threshold allows.",
        "Look for a wrong OU filter or a moved OU; when the deletions are meant, raise or disable the threshold.",
    ),
}
_SERVICE_STOPPED = _Kind(
    "SyncServiceNotRunning",
    "Microsoft Entra Connect Sync Service is not running",
    "The Windows service ADSync is stopped or cannot start.",
    "Start the service Microsoft Azure AD Sync on the server.",
)
_HEARTBEAT = _Kind(
    "PasswordHashSyncHeartbeatSkipped",
    "Password Hash Synchronization heartbeat was skipped in last 120 minutes",
    "Password hashes have not been synchronized for 120 minutes.",
    "Restart the synchronization service; then run the password hash sync diagnostics.",
)


def active_alerts(connect: Connect, now: datetime) -> list[HealthAlert]:
    """What is wrong with the server now."""
    return [*_service(connect), *_last_run(connect), *_heartbeat(connect, now)]


def _service(connect: Connect) -> list[HealthAlert]:
    if connect.fault is not ConnectFault.SERVICE_STOPPED or connect.fault_since is None:
        return []
    return [_alert(_SERVICE_STOPPED, "Error", connect.fault_since)]


def _last_run(connect: Connect) -> list[HealthAlert]:
    kind, since = _BY_RESULT.get(connect.last_result), connect.failing_since
    return [_alert(kind, "Error", since)] if kind is not None and since is not None else []


def _heartbeat(connect: Connect, now: datetime) -> list[HealthAlert]:
    last = connect.last_password_success
    if last is None or now - last <= HEARTBEAT_LIMIT:
        return []
    return [_alert(_HEARTBEAT, "Warning", last + HEARTBEAT_LIMIT)]


def _alert(kind: _Kind, level: str, since: datetime) -> HealthAlert:
    return HealthAlert(
        short=kind.short,
        level=level,
        title=kind.title,
        description=kind.description,
        remediation=kind.remediation,
        since=since,
    )
