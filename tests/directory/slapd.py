"""An OpenLDAP server as a peer: many entries and fast writes, with Active Directory's names (facts/ldap.md 2).

What a directory of Microsoft's makes by itself is plain data here: objectGUID, uSNChanged, whenChanged, isDeleted.
There are no tombstones and no DirSync.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.directory.bulk import people
from tests.directory.certificates import Authority
from tests.directory.server import MAX_PAGE_SIZE, Account, DirectoryServer, found, run_tool

BASE_DN = "dc=aadds,dc=example"
PASSWORD = "secret"
_SYSTEM_SCHEMA = Path("/etc/ldap/schema")
_OWN_SCHEMA = Path(__file__).with_name("schema") / "active-directory.schema"
_ACCOUNTS = """\
dn: {base}
objectClass: dcObject
objectClass: organization
o: Test
dc: aadds

dn: OU=AADDC Users,{base}
objectClass: organizationalUnit
ou: AADDC Users

dn: cn=admin,{base}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: admin
userPassword: {password}

dn: cn=reader,{base}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {password}
"""


class Slapd(DirectoryServer):
    """`durable` False trades the safety of what is written against speed, for benchmarks that kill nothing."""

    base_dn = BASE_DN
    people_dn = f"OU=AADDC Users,{BASE_DN}"
    admin = Account(f"cn=admin,{BASE_DN}", PASSWORD)
    reader = Account(f"cn=reader,{BASE_DN}", PASSWORD)

    def __init__(self, folder: Path, ports: Sequence[int], address: str = "127.0.0.1", *, durable: bool = True) -> None:
        self.folder = folder
        self.address = address
        self.port, self.plain_port = ports
        self.authority = Authority("Test authority of slapd")
        self._durable = durable

    @classmethod
    def create(cls, folder: Path, ports: Sequence[int], address: str = "127.0.0.1", *, durable: bool = True) -> Slapd:
        """A server with its two accounts and an empty container, stopped. Raises `Failed`."""
        server = cls(folder, ports, address, durable=durable)
        for name in ("db", "run", "log"):
            (folder / name).mkdir()
        server.authority.issue(server.tls, server.names)
        (folder / "core.schema").write_text(_lenient_core())
        server.configuration.write_text(server._conf())
        server.load_ldif(_ACCOUNTS.format(base=BASE_DN, password=PASSWORD))
        return server

    @property
    def names(self) -> tuple[str, ...]:
        return ("localhost", self.address)

    @property
    def configuration(self) -> Path:
        return self.folder / "slapd.conf"

    def command(self) -> Sequence[str | Path]:
        listen = f"{self.plain_url} {self.url}"
        return (found("slapd") or "slapd", "-h", listen, "-f", self.configuration, "-d", "0")

    def load(self, count: int, *, groups: int = 0, members: int = 100) -> None:
        """Users, and groups of `members` each, into the stopped server: about 25,000 a second. Raises `Failed`."""
        self.load_ldif("".join(people(self.people_dn, count, groups=groups, members=members)))

    def load_ldif(self, ldif: str) -> None:
        """Entries into the stopped server. Raises `Failed`."""
        run_tool("slapadd", "-q", "-f", self.configuration, "-b", BASE_DN, text=ldif)

    def _conf(self) -> str:
        """Nobody but the administrator reads password hashes; limits hold for the administrator too."""
        safety = "" if self._durable else "envflags writemap nometasync\ndbnosync\n"
        return f"""\
include {self.folder}/core.schema
include {_SYSTEM_SCHEMA}/cosine.schema
include {_SYSTEM_SCHEMA}/inetorgperson.schema
include {_OWN_SCHEMA}
pidfile {self.folder}/run/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {self.tls}/ca.pem
TLSCertificateFile {self.tls}/cert.pem
TLSCertificateKeyFile {self.tls}/key.pem
threads 4
database mdb
suffix "{BASE_DN}"
limits * size={MAX_PAGE_SIZE} size.pr={MAX_PAGE_SIZE} size.prtotal=unlimited time=unlimited
directory {self.folder}/db
maxsize 17179869184
{safety}index objectClass,cn,sAMAccountName,userPrincipalName,uSNChanged,member eq
index msDS-aadObjectId,msDS-AzureADObjectId,mS-DS-ConsistencyGuid eq
access to attrs=userPassword,sambaNTPassword by dn.exact="{self.admin.user}" manage by anonymous auth by * none
access to * by dn.exact="{self.admin.user}" manage by dn.exact="{self.reader.user}" read by anonymous auth by * none
"""


def _lenient_core() -> str:
    """OpenLDAP's core schema, where a person needs no surname: Active Directory asks for none."""
    return (_SYSTEM_SCHEMA / "core.schema").read_text().replace("MUST ( sn $ cn )", "MUST cn", 1)
