"""What one poll of one source found out. Frozen; text in it is already clean; times are aware UTC.

Every facts type carries `as_of` (our clock when the answer came) and `clock_offset_s` (the upstream's clock minus
ours, from its `Date` header or rootDSE; None when it did not say).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from tui.model.reading import Reading
from tui.model.states import HopName, HopState, ObjectType


class Facts(Struct, frozen=True, kw_only=True):
    as_of: datetime
    clock_offset_s: float | None = None


class HopFacts(Struct, frozen=True, kw_only=True):
    """`reported` is what the upstream says before age is judged: OK means on, with a last success.

    One of OK, NEVER, DISABLED, OFF, NOT_PERMITTED, NOT_REPORTED, NOT_MONITORED, ERROR (never LATE or STALE).
    `note` explains an unusual state in one short sentence.
    """

    reported: HopState
    last_success: datetime | None = None
    note: str = ""


class DirectoryQuota(Struct, frozen=True, kw_only=True):
    used: int
    total: int


class OrganizationFacts(Facts, frozen=True, kw_only=True):
    """facts/domain.md 2.2, 2.3. `deletion_threshold` is None where it was not readable."""

    connect: HopFacts
    password: HopFacts
    display_name: str = ""
    quota: DirectoryQuota | None = None
    deletion_threshold: int | None = None
    provisioning_errors_in_plans: tuple[str, ...] = ()


class CountsFacts(Facts, frozen=True, kw_only=True):
    """facts/domain.md 2.4. A type that could not be counted holds a Reading with its absence."""

    entra: Mapping[ObjectType, Reading[int]]
    entra_synced: Mapping[ObjectType, Reading[int]]
    deleted: Reading[int] = field(default_factory=Reading)


class ObjectRef(Struct, frozen=True, kw_only=True, gc=False):
    """An object as some upstream names it; any part may be unknown. `type`: user, group, contact, device, domain."""

    type: str | None = None
    id: str | None = None
    name: str | None = None
    dn: str | None = None
    upn: str | None = None
    source_anchor: str | None = None


class FailureReport(Struct, frozen=True, kw_only=True, gc=False):
    """One failing object as one source tells it. `code` is the upstream's own word."""

    source: str
    hop: HopName
    code: str
    object: ObjectRef
    attribute: str | None = None
    value: str | None = None
    conflicts_with: ObjectRef | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    message: str = ""


class FailuresFacts(Facts, frozen=True, kw_only=True):
    """facts/domain.md 2.6. `truncated`: more exist than were read. `incomplete` names what could not be read."""

    reports: tuple[FailureReport, ...]
    truncated: bool = False
    incomplete: tuple[str, ...] = ()


class Alert(Struct, frozen=True, kw_only=True):
    """One active health alert. `code`: an AADDS id or a Connect Health name; `severity`: the upstream's word."""

    source: str
    code: str
    title: str
    severity: str = ""
    raised: datetime | None = None
    last_detected: datetime | None = None
    text: str = ""
    remedy: str = ""
    link: str = ""
    where: str = ""


class ReplicaSet(Struct, frozen=True, kw_only=True):
    """facts/domain.md 3.1. `owns_sync` marks the one whose time is the sync's."""

    id: str
    location: str = ""
    service_status: str = ""
    health_evaluated: datetime | None = None
    last_sync: datetime | None = None
    last_sync_text: str = ""
    last_backup: datetime | None = None
    domain_controllers: tuple[str, ...] = ()
    owns_sync: bool = False


class SyncProgress(Struct, frozen=True, kw_only=True):
    """A full pass under way, as a sync that publishes its progress tells it."""

    done: int
    total: int
    per_second: float | None = None


class DomainServicesFacts(Facts, frozen=True, kw_only=True):
    """facts/domain.md 3.1. `progress_percent` is migrationProgress where given.

    `progress` and `reports`: only a sync of our own tells them; `reports_truncated`: more fail than it lists.
    """

    hop: HopFacts
    domain_name: str = ""
    resource_id: str = ""
    replica_sets: tuple[ReplicaSet, ...] = ()
    alerts: tuple[Alert, ...] = ()
    sync_scope: str = ""
    filtered_sync: str = ""
    ntlm_password_sync: str = ""
    kerberos_password_sync: str = ""
    certificate_expires: datetime | None = None
    external_ldaps: str = ""
    provisioning_state: str = ""
    progress_percent: float | None = None
    progress: SyncProgress | None = None
    reports: tuple[FailureReport, ...] = ()
    reports_truncated: bool = False


class SyncServer(Struct, frozen=True, kw_only=True):
    name: str
    status: str = ""
    client_version: str = ""
    last_updated: datetime | None = None
    last_export: datetime | None = None
    data_freshness: datetime | None = None
    disabled: bool | None = None
    staging: bool | None = None


class ConnectHealthFacts(Facts, frozen=True, kw_only=True):
    """facts/domain.md 3.2. `error_counts`: bucket -> count; `errors_truncated` where any bucket says so."""

    services: tuple[str, ...] = ()
    health: str = ""
    servers: tuple[SyncServer, ...] = ()
    alerts: tuple[Alert, ...] = ()
    error_counts: Mapping[str, int] = field(default_factory=dict)
    errors_truncated: bool = False
    reports: tuple[FailureReport, ...] = ()
    data_as_of: datetime | None = None
    password_sync_enabled: bool | None = None
    incomplete: tuple[str, ...] = ()


class SyncExecution(Struct, frozen=True, kw_only=True):
    """One run of a Cloud Sync job. `state`: Succeeded, Failed, EntryLevelErrors or the upstream's own word."""

    state: str = ""
    began: datetime | None = None
    ended: datetime | None = None
    escrowed: int | None = None
    exported: int | None = None
    imported: int | None = None


class Quarantine(Struct, frozen=True, kw_only=True):
    reason: str = ""
    began: datetime | None = None
    next_attempt: datetime | None = None
    error_code: str = ""
    error_message: str = ""


class CloudSyncJob(Struct, frozen=True, kw_only=True):
    """facts/domain.md 2.11. `kind`: objects, password or writeback. `interval_s` None: not scheduled or unreadable."""

    id: str
    kind: str
    name: str = ""
    status: str = ""
    schedule_state: str = ""
    interval_s: float | None = None
    last_execution: SyncExecution | None = None
    last_success: datetime | None = None
    steady_state: datetime | None = None
    quarantine: Quarantine | None = None
    escrowed: int | None = None
    counts_by_type: Mapping[str, int] = field(default_factory=dict)
    progress_done: int | None = None
    progress_total: int | None = None
    successive_failures: int | None = None


class CloudSyncFacts(Facts, frozen=True, kw_only=True):
    """`configured` False: the tenant has no Cloud Sync. `reports` come from the provisioning log."""

    configured: bool
    jobs: tuple[CloudSyncJob, ...] = ()
    reports: tuple[FailureReport, ...] = ()
    incomplete: tuple[str, ...] = ()


class ObjectChange(Struct, frozen=True, kw_only=True, gc=False):
    """One user or group that is new or changed on one side.

    `kind`: user or group. `object_id`: its id in Entra, where this side knows it; `source_anchor`: base64, likewise.
    `at`: when it changed there by our clock (for Graph: when we saw it, unless it tells an earlier time itself);
    `created`: it is new. `values`: the compared attributes (`model/attributes.py`), by their Graph names; one that this
    side does not tell is not among them. `security_id`: the SID it has on premises, as S-1-5-...; the only thing by
    which Graph's groups can be told apart on premises. `synced_at`: when this side says a sync last wrote it.
    """

    kind: str
    at: datetime
    object_id: str | None = None
    source_anchor: str | None = None
    name: str | None = None
    created: bool = False
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    security_id: str | None = None
    synced_at: datetime | None = None


class ChangesFacts(Facts, frozen=True, kw_only=True):
    """What changed in Entra since the last poll. `truncated`: more changed than was read. `removed`: ids of users and
    groups that were deleted. `incomplete` names what could not be read."""

    changes: tuple[ObjectChange, ...] = ()
    removed: tuple[str, ...] = ()
    truncated: bool = False
    incomplete: tuple[str, ...] = ()


class DirectoryFacts(Facts, frozen=True, kw_only=True):
    """What a directory itself holds, by type: objects that the sync is in charge of, and local ones.

    `synced`: on premises what Connect should carry, without `excluded`; in the managed domain what carries an object
    id. `local`: made in the managed domain, without its built-in objects. `disabled`: synced accounts that are
    switched off. `excluded`: objects on premises that Connect leaves out on purpose, as built-in ones, service
    accounts, contacts and lists without mail, computers without a certificate. `changes`: what changed since the last
    poll; empty at the first. `server`: who answered.
    """

    synced: Mapping[ObjectType, Reading[int]]
    local: Mapping[ObjectType, Reading[int]] = field(default_factory=dict)
    disabled: Mapping[ObjectType, Reading[int]] = field(default_factory=dict)
    excluded: Mapping[ObjectType, Reading[int]] = field(default_factory=dict)
    last_change: datetime | None = None
    reports: tuple[FailureReport, ...] = ()
    changes: tuple[ObjectChange, ...] = ()
    changes_truncated: bool = False
    server: str = ""


AnyFacts = (
    OrganizationFacts
    | CountsFacts
    | FailuresFacts
    | DomainServicesFacts
    | ConnectHealthFacts
    | CloudSyncFacts
    | DirectoryFacts
    | ChangesFacts
)
