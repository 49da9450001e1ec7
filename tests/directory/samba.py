"""A Samba AD domain controller as a peer: an on-premises domain ("corp") or a managed domain ("aadds").

A template of each kind is provisioned once per machine, in about 7 s; a domain is a copy of it (facts/ldap.md 1).
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from tests.directory.certificates import Authority
from tests.directory.reservations import cache_root, locked
from tests.directory.server import Account, DirectoryServer, run_tool

Kind = Literal["corp", "aadds"]
PASSWORD = "Passw0rd!"
READER_PASSWORD = "Read-only-1"
SCHEMA = Path(__file__).with_name("schema")
_PER_RUN = ("run", "cache", "log", "ncalrpc", "ntp", "winbind")
_LARGEST_DATABASE = "4Gb"


class Template(Struct, frozen=True):
    """`people`: the container of users and groups. `identity`: the attribute that joins them with Entra.

    `ldif`: files of schema/, one transaction each.
    """

    kind: Kind
    realm: str
    netbios: str
    people: str
    identity: str
    ldif: tuple[str, ...]

    @property
    def domain(self) -> str:
        return self.realm.lower()

    @property
    def base_dn(self) -> str:
        return ",".join(f"DC={label}" for label in self.domain.split("."))


CORP = Template(
    "corp",
    "CORP.EXAMPLE",
    "CORP",
    "OU=People",
    "mS-DS-ConsistencyGuid",
    ("on-premises-attributes", "on-premises-classes", "on-premises-objects", "accounts"),
)
AADDS = Template(
    "aadds",
    "AADDS.EXAMPLE",
    "AADDS",
    "OU=AADDC Users",
    "msDS-aadObjectId",
    ("managed-attributes", "managed-classes", "managed-objects", "accounts"),
)
TEMPLATES: dict[Kind, Template] = {"corp": CORP, "aadds": AADDS}


class SambaDomain(DirectoryServer):
    """`authority` signs its certificate, of names dc1.<domain>, <domain>, ldaps.<domain> and its address."""

    port = 636
    plain_port = 389

    def __init__(self, template: Template, folder: Path, address: str) -> None:
        self.template = template
        self.folder = folder
        self.address = address
        self.realm = template.realm
        self.domain = template.domain
        self.base_dn = template.base_dn
        self.people_dn = f"{template.people},{template.base_dn}"
        self.admin = Account(f"administrator@{template.domain}", PASSWORD)
        self.reader = Account(f"monitor@{template.domain}", READER_PASSWORD)
        self.authority = Authority(f"Test authority of {template.domain}")

    @classmethod
    def clone(cls, kind: Kind, folder: Path, address: str) -> SambaDomain:
        """A copy of the template, stopped, in `folder`, to listen on `address`. Raises `Failed`."""
        domain = cls(TEMPLATES[kind], folder, address)
        shutil.copytree(template(kind), folder, dirs_exist_ok=True, copy_function=_copy)
        domain.configure()
        return domain

    @property
    def names(self) -> tuple[str, ...]:
        return (f"dc1.{self.domain}", self.domain, f"ldaps.{self.domain}", self.address)

    @property
    def configuration(self) -> Path:
        return self.folder / "etc" / "smb.conf"

    @property
    def database(self) -> Path:
        return self.folder / "private" / "sam.ldb"

    def configure(self) -> None:
        for name in (*_PER_RUN, "etc"):
            (self.folder / name).mkdir(exist_ok=True, mode=0o755)
        for name in ("ntp", "winbind"):
            (self.folder / name).chmod(0o750)
        self.configuration.write_text(_smb_conf(self.template, self.folder, self.address))
        self.authority.issue(self.tls, self.names)

    def command(self) -> Sequence[str | Path]:
        return ("samba", "--foreground", "-l", self.log.parent, "-s", self.configuration, "-M", "prefork")

    def modify_offline(self, ldif: str) -> None:
        """Apply LDIF change records to the files of the stopped server, in one transaction. Raises `Failed`."""
        run_tool("ldbmodify", "-H", self.database, f"--configfile={self.configuration}", text=ldif)

    def load(self, count: int, *, groups: int = 0, members: int = 100) -> None:
        """Users, and groups of `members` each, into the files of the stopped server. Raises `Failed`.

        About 3,500 users a second and, with 100 members, 40 groups a second.
        """
        run_tool(
            "/usr/bin/python3", "-m", "tests.directory.samba_bulk", "--configuration", self.configuration,
            "--parent", self.people_dn, "--identity", self.template.identity,
            "--count", str(count), "--groups", str(groups), "--members", str(members),
            PYTHONPATH=str(Path(__file__).parents[2]), PYTHONDONTWRITEBYTECODE="1",
        )  # fmt: skip


def template(kind: Kind) -> Path:
    """The folder of a provisioned, stopped domain, made by the first who asks on this machine. Raises `Failed`."""
    home = cache_root() / f"samba-{_version()}-{_recipe()}"
    with locked(home / f"{kind}.lock"):
        if not (home / kind).exists():
            _provision(TEMPLATES[kind], home / f"{kind}.new")
            (home / f"{kind}.new").rename(home / kind)
    return home / kind


def _provision(template: Template, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "run").mkdir(parents=True)
    seed = folder / "seed.conf"
    seed.write_text("[global]\n" + _identity(template, "127.0.0.1"))
    run_tool(
        "samba-tool", "domain", "provision", "-s", seed, f"--targetdir={folder}",
        f"--realm={template.realm}", f"--domain={template.netbios}", "--host-name=dc1", "--host-ip=127.0.0.1",
        "--server-role=dc", "--dns-backend=NONE", f"--adminpass={PASSWORD}", "--base-schema=2012_R2",
        "--backend-store=mdb", f"--backend-store-size={_LARGEST_DATABASE}", "--quiet",
    )  # fmt: skip
    # No files are served: without them and their extended attributes the template is a plain tree.
    shutil.rmtree(folder / "state" / "sysvol", ignore_errors=True)
    domain = SambaDomain(template, folder, "127.0.0.1")
    domain.configure()
    for name in template.ldif:
        domain.modify_offline(_filled(template, (SCHEMA / f"{name}.ldif").read_text()))
    for name in (*_PER_RUN, "tls"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _filled(template: Template, ldif: str) -> str:
    password = base64.b64encode(f'"{READER_PASSWORD}"'.encode("utf-16-le")).decode()
    values = {
        "@SCHEMA@": f"CN=Schema,CN=Configuration,{template.base_dn}",
        "@BASE@": template.base_dn,
        "@REALM@": template.domain,
        "@PASSWORD@": password,
    }
    for mark, value in values.items():
        ldif = ldif.replace(mark, value)
    return ldif


@cache
def _version() -> str:
    return run_tool("samba", "--version").split()[-1]


@cache
def _recipe() -> str:
    """Changes with whatever a template is made by."""
    sources = [Path(__file__), *sorted(SCHEMA.glob("*.ldif"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def _copy(source: str, target: str) -> str:
    """Without the lock files of mdb, which are made anew; they are sparse and half of the size."""
    return target if source.endswith("-lock") else shutil.copy2(source, target)


def _identity(template: Template, address: str) -> str:
    return f"""\
  netbios name = DC1
  realm = {template.realm}
  workgroup = {template.netbios}
  server role = active directory domain controller
  interfaces = {address}/8
  bind interfaces only = yes
"""


def _smb_conf(template: Template, folder: Path, address: str) -> str:
    """Every folder is below `folder`: nothing of the system's Samba is touched.

    A simple bind in plain text is refused with strongerAuthRequired, as by a hardened Active Directory.
    """
    return f"""\
[global]
{_identity(template, address)}
  server services = ldap
  private dir = {folder}/private
  state directory = {folder}/state
  cache directory = {folder}/cache
  lock directory = {folder}/cache
  pid directory = {folder}/run
  ncalrpc dir = {folder}/ncalrpc
  binddns dir = {folder}/state
  ntp signd socket directory = {folder}/ntp
  winbindd socket directory = {folder}/winbind
  log file = {folder}/log/samba.log
  logging = file
  log level = 1
  max log size = 0
  tls enabled = yes
  tls keyfile = {folder}/tls/key.pem
  tls certfile = {folder}/tls/cert.pem
  tls cafile = {folder}/tls/ca.pem
  tls priority = NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3
  ldap server require strong auth = yes
  dsdb:schema update allowed = yes
  load printers = no
  printcap name = /dev/null
  disable spoolss = yes
"""
