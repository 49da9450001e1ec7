"""The words of the contract: states, severities, verdicts and reason codes. Their values are fixed."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    INFO = "info"


class HopName(StrEnum):
    CONNECT = "connect"
    PASSWORD = "password"  # noqa: S105 - a hop's name
    DOMAIN_SERVICES = "domain-services"


# As the screen, the reports and the events name them.
HOP_LABELS = {
    HopName.CONNECT: "AD > Entra",
    HopName.PASSWORD: "Password hash",
    HopName.DOMAIN_SERVICES: "Entra > DS",
}


class HopState(StrEnum):
    OK = "ok"
    LATE = "late"
    STALE = "stale"
    NEVER = "never"
    DISABLED = "disabled"
    OFF = "off"
    NOT_PERMITTED = "not-permitted"
    NOT_REPORTED = "not-reported"
    NOT_MONITORED = "not-monitored"
    ERROR = "error"


class SourceState(StrEnum):
    OK = "ok"
    ERROR = "error"
    DENIED = "denied"
    THROTTLED = "throttled"
    NOT_CONFIGURED = "not-configured"
    NEVER = "never"


class ReasonCode(StrEnum):
    NO_RECENT_SYNCHRONIZATION = "no-recent-synchronization"
    LAST_SYNCED_OVER_3_DAYS = "last-synced-over-3-days"
    NEVER_SYNCHRONIZED = "never-synchronized"
    CONNECT_LATE = "connect-late"
    SYNC_DISABLED = "sync-disabled"
    PASSWORD_SYNC_LATE = "password-sync-late"  # noqa: S105 - a reason code
    DOMAIN_SERVICES_LATE = "domain-services-late"
    DOMAIN_SERVICES_ALERT = "domain-services-alert"
    CONNECT_HEALTH_ALERT = "connect-health-alert"
    CLOUD_SYNC_QUARANTINED = "cloud-sync-quarantined"
    DELETION_THRESHOLD = "deletion-threshold"
    CLOUD_SYNC_ESCROWED = "cloud-sync-escrowed"
    OBJECT_FAILURES = "object-failures"
    UNEXPLAINED_DIFFERENCE = "unexplained-difference"
    NOT_PERMITTED = "not-permitted"
    NOT_REPORTED = "not-reported"
    SOURCE_ERROR = "source-error"
    THROTTLED = "throttled"


class ObjectType(StrEnum):
    """The rows of the counts, in the order of the screen."""

    USERS = "users"
    GROUPS = "groups"
    CONTACTS = "contacts"
    DEVICES = "devices"


class Side(StrEnum):
    """The three directories of the chain, in the order in which a change travels."""

    ON_PREMISES = "on-premises"
    ENTRA = "entra"
    MANAGED_DOMAIN = "managed-domain"


class SourceId(StrEnum):
    """Every upstream reading that is polled on its own."""

    ORGANIZATION = "graph.organization"
    COUNTS = "graph.counts"
    FAILURES = "graph.failures"
    CHANGES = "graph.changes"
    DOMAIN_SERVICES = "domain-services"
    CONNECT_HEALTH = "connect-health"
    CLOUD_SYNC = "cloud-sync"
    MANAGED_DOMAIN = "managed-domain"
    ON_PREMISES = "on-premises"


# The reading that tells how each hop stands.
HOP_SOURCE = {
    HopName.CONNECT: SourceId.ORGANIZATION,
    HopName.PASSWORD: SourceId.ORGANIZATION,
    HopName.DOMAIN_SERVICES: SourceId.DOMAIN_SERVICES,
}
