"""Settings as values. `config.py` reads them from the file; the demo makes its own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from msgspec import Struct, field

from tui.model.snapshot import Thresholds
from tui.model.states import SourceId


class AuthMethod(StrEnum):
    DEFAULT = "default"
    DEVICE_CODE = "device-code"
    CLIENT_SECRET = "client-secret"  # noqa: S105 - a method's name
    CERTIFICATE = "certificate"
    MANAGED_IDENTITY = "managed-identity"
    TOKEN_COMMAND = "token-command"  # noqa: S105 - a method's name


class Cloud(StrEnum):
    GLOBAL = "global"
    USGOV = "usgov"
    USGOV_DOD = "usgov-dod"
    CHINA = "china"


class CloudHosts(Struct, frozen=True):
    """facts/domain.md 2.1."""

    graph: str
    login: str
    arm: str


CLOUD_HOSTS = {
    Cloud.GLOBAL: CloudHosts(
        "https://graph.microsoft.com", "https://login.microsoftonline.com", "https://management.azure.com"
    ),
    Cloud.USGOV: CloudHosts(
        "https://graph.microsoft.us", "https://login.microsoftonline.us", "https://management.usgovcloudapi.net"
    ),
    Cloud.USGOV_DOD: CloudHosts(
        "https://dod-graph.microsoft.us", "https://login.microsoftonline.us", "https://management.usgovcloudapi.net"
    ),
    Cloud.CHINA: CloudHosts(
        "https://microsoftgraph.chinacloudapi.cn",
        "https://login.chinacloudapi.cn",
        "https://management.chinacloudapi.cn",
    ),
}


class AuthSettings(Struct, frozen=True, kw_only=True):
    """How to sign in. Secrets are named, never held: `*_env`, `*_file` and `command` say where they are."""

    method: AuthMethod = AuthMethod.DEFAULT
    client_id: str | None = None
    client_secret_env: str | None = None
    client_secret_file: Path | None = None
    certificate_file: Path | None = None
    certificate_password_env: str | None = None
    command: tuple[str, ...] = ()


class DomainServicesSettings(Struct, frozen=True, kw_only=True):
    """One of the two; `resource_id` is the ARM id of the managed domain."""

    subscription_id: str | None = None
    resource_id: str | None = None


class DirectorySettings(Struct, frozen=True, kw_only=True):
    """One directory server over LDAP.

    `tls_server_name`: the name its certificate must carry, where the url has another or an address. `tls_strict`
    False: Python 3.13's stricter rules for private CAs are not applied. `start_tls`: encrypt an ldap:// connection.
    """

    url: str
    bind_user: str | None = None
    password_env: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    base_dn: str | None = None
    start_tls: bool = False
    tls_server_name: str | None = None
    tls_strict: bool = True


class SyncSettings(Struct, frozen=True, kw_only=True):
    """What `synctop sync` writes: `directory`, below `container` (None: OU=AADDC Users of its base).

    `credentials`: ask the tenant for password hashes, which Microsoft's Graph refuses. `groups`: only these groups, by
    object id, and their direct members. `interval_s`: between rounds. `deletion_threshold`: more deletions than this
    hold the run. `listen`: where its state is published, host and port; None: nowhere.
    """

    directory: DirectorySettings
    state_file: Path
    container: str | None = None
    adopt: bool = False
    credentials: bool = False
    cloud_only: bool = False
    groups: tuple[str, ...] | None = None
    interval_s: float = 30.0
    deletion_threshold: int = 500
    listen: tuple[str, int] | None = None


class TenantSettings(Struct, frozen=True, kw_only=True):
    """`cloud_sync` None: not named in the config, so asked once and optional. False: not asked."""

    name: str
    tenant_id: str
    cloud: Cloud = Cloud.GLOBAL
    graph_url: str | None = None
    arm_url: str | None = None
    ca_file: Path | None = None
    auth: AuthSettings = AuthSettings()
    domain_services: DomainServicesSettings | None = None
    connect_health: bool = False
    cloud_sync: bool | None = None
    managed_domain: DirectorySettings | None = None
    on_premises: DirectorySettings | None = None
    sync: SyncSettings | None = None

    @property
    def graph_base(self) -> str:
        return (self.graph_url or CLOUD_HOSTS[self.cloud].graph).rstrip("/")

    @property
    def arm_base(self) -> str:
        return (self.arm_url or CLOUD_HOSTS[self.cloud].arm).rstrip("/")

    @property
    def login_base(self) -> str:
        return CLOUD_HOSTS[self.cloud].login


class PollSettings(Struct, frozen=True, kw_only=True):
    """Seconds between polls of each source, and the limit of one request."""

    organization: float = 30.0
    counts: float = 300.0
    failures: float = 120.0
    domain_services: float = 300.0
    connect_health: float = 300.0
    cloud_sync: float = 60.0
    ldap: float = 60.0
    timeout: float = 10.0

    def interval(self, source: SourceId) -> float:
        return {
            SourceId.ORGANIZATION: self.organization,
            SourceId.COUNTS: self.counts,
            SourceId.FAILURES: self.failures,
            SourceId.DOMAIN_SERVICES: self.domain_services,
            SourceId.CONNECT_HEALTH: self.connect_health,
            SourceId.CHANGES: self.ldap,
            SourceId.CLOUD_SYNC: self.cloud_sync,
            SourceId.MANAGED_DOMAIN: self.ldap,
            SourceId.ON_PREMISES: self.ldap,
        }[source]


class Settings(Struct, frozen=True, kw_only=True):
    poll: PollSettings = field(default_factory=PollSettings)
    thresholds: Thresholds = field(default_factory=Thresholds)
    tenants: tuple[TenantSettings, ...] = ()
