"""The config file: what loads, and what each mistake is told."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.config import LARGEST_FILE, ConfigError, chosen_path, default_path, load
from tui.config_lines import line_of
from tui.settings import AuthMethod, Cloud, DirectorySettings, PollSettings, Settings, SyncSettings

GUID = "00000000-0000-0000-0000-000000000001"
TENANT = f'[[tenant]]\nname = "contoso"\ntenant_id = "{GUID}"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def loaded(folder: Path, text: str) -> Settings:
    return load(written(folder, text))


def refused(folder: Path, text: str | bytes) -> str:
    """The message of the refusal, without the file's name in front."""
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message.removeprefix(str(path)).lstrip(",: ")


def secret(folder: Path, name: str, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text("s3cret")
    path.chmod(mode)
    return path


def test_a_file_with_one_tenant_is_enough(folder: Path) -> None:
    """Name and tenant id suffice; everything else has a default."""
    found = loaded(folder, TENANT)
    assert found.poll == PollSettings()
    assert found.tenants[0].name == "contoso"
    assert found.tenants[0].graph_base == "https://graph.microsoft.com"
    assert found.tenants[0].cloud_sync is None
    assert found.tenants[0].connect_health is False


def test_every_documented_key_is_read(folder: Path) -> None:
    """The whole example of the contract loads, and each value lands where it belongs."""
    secret(folder, "app.secret")
    secret(folder, "app.pem")
    found = loaded(
        folder,
        f"""
[poll]
organization = 15
counts = 120
failures = 60
domain_services = 200
connect_health = 250
cloud_sync = 45
ldap = 50
timeout = 7.5
[thresholds]
connect_warning = "90m"
connect_critical = "3d"
password_warning = 60
password_critical = "90s"
domain_services_warning = "1.5h"
domain_services_critical = 86400
{TENANT}
cloud = "usgov"
graph_url = "http://127.0.0.1:8001/"
arm_url = "http://[::1]:8001"
[tenant.auth]
method = "client-secret"
client_id = "app"
client_secret_file = "app.secret"
certificate_file = "app.pem"
certificate_password_env = "PEM_PASSWORD"
command = ["az", "account", "get-access-token", "--resource", "{{resource}}"]
[tenant.domain_services]
subscription_id = "{GUID}"
[tenant.connect_health]
enabled = true
[tenant.cloud_sync]
enabled = false
[tenant.managed_domain]
url = "ldaps://ldaps.aadds.contoso.com:636"
bind_user = "monitor@aadds.contoso.com"
password_env = "SYNCTOP_LDAP_PASSWORD"
base_dn = "DC=aadds,DC=contoso,DC=com"
tls_server_name = "ldaps.aadds.contoso.com"
tls_strict = false
[tenant.on_premises]
url = "ldap://dc1.corp.contoso.com"
start_tls = true
[tenant.sync]
url = "ldaps://10.0.0.4"
bind_user = "sync@aadds.contoso.com"
password_file = "app.secret"
tls_server_name = "dc1.aadds.contoso.com"
state_file = "sync.db"
container = "OU=People,DC=aadds,DC=contoso,DC=com"
adopt = true
credentials = true
cloud_only = true
groups = ["{GUID}", "{GUID.upper()}"]
interval = "1m"
deletion_threshold = 20
listen = "127.0.0.1:8002"
""",
    )
    tenant = found.tenants[0]
    assert (found.poll.organization, found.poll.timeout) == (15.0, 7.5)
    assert found.thresholds.connect_warning == 5400.0
    assert found.thresholds.connect_critical == 259_200.0
    assert found.thresholds.password_critical == 90.0
    assert (tenant.cloud, tenant.graph_base, tenant.arm_base) == (
        Cloud.USGOV,
        "http://127.0.0.1:8001",
        "http://[::1]:8001",
    )
    assert tenant.auth.method is AuthMethod.CLIENT_SECRET
    assert tenant.auth.client_secret_file == folder / "app.secret"
    assert tenant.auth.command[-1] == "{resource}"
    assert tenant.domain_services is not None
    assert tenant.domain_services.subscription_id == GUID
    assert tenant.connect_health is True
    assert tenant.cloud_sync is False
    assert tenant.managed_domain is not None
    assert tenant.managed_domain.password_env == "SYNCTOP_LDAP_PASSWORD"
    assert (tenant.managed_domain.tls_server_name, tenant.managed_domain.tls_strict) == (
        "ldaps.aadds.contoso.com",
        False,
    )
    assert tenant.on_premises is not None
    assert tenant.on_premises.bind_user is None
    assert tenant.on_premises.start_tls is True
    assert tenant.sync == SyncSettings(
        directory=DirectorySettings(
            url="ldaps://10.0.0.4",
            bind_user="sync@aadds.contoso.com",
            password_file=folder / "app.secret",
            tls_server_name="dc1.aadds.contoso.com",
        ),
        state_file=folder / "sync.db",
        container="OU=People,DC=aadds,DC=contoso,DC=com",
        adopt=True,
        credentials=True,
        cloud_only=True,
        groups=(GUID,),
        interval_s=60.0,
        deletion_threshold=20,
        listen=("127.0.0.1", 8002),
    )


def test_tenants_keep_the_order_of_the_file(folder: Path) -> None:
    """Several tenants load, each with its own tables."""
    second = f'[[tenant]]\nname = "fabrikam"\ntenant_id = "fabrikam.onmicrosoft.com"\n[tenant.connect_health]\n{TENANT}'
    found = loaded(folder, second)
    assert [tenant.name for tenant in found.tenants] == ["fabrikam", "contoso"]
    assert [tenant.connect_health for tenant in found.tenants] == [True, False]


def test_a_byte_order_mark_is_no_error(folder: Path) -> None:
    """Editors on Windows write one."""
    assert load(written(folder, b"\xef\xbb\xbf" + TENANT.encode())).tenants


AUTH = TENANT + "[tenant.auth]\n"
LDAP = TENANT + '[tenant.managed_domain]\nurl = "ldaps://dc.contoso.com"\n'
SYNC = (
    f'{TENANT}[tenant.sync]\nurl = "ldaps://dc.contoso.com"\nbind_user = "s"\npassword_env = "P"\nstate_file = "s.db"\n'
)

MISTAKES = [
    # what is wrong in the file, the words its message must hold
    ("", "no tenant"),
    ("tenant = 3", "tenant: must be a list of tables: write [[tenant]]"),
    ('[tenant]\nname = "x"', "line 1: tenant: must be a list of tables: write [[tenant]]"),
    ("tenant = []", "names no tenant"),
    (f'{TENANT}clout = "global"', 'line 4: tenant[1].clout: is not a known key; did you mean "cloud"?'),
    ("[pol]\n", 'line 1: pol: is not a known key; did you mean "poll"?'),
    ("zzzz = 1", "zzzz: is not a known key; known tables: poll, thresholds, tenant"),
    ("[poll]\norganisation = 3", 'poll.organisation: is not a known key; did you mean "organization"?'),
    (f'{AUTH}graph_url = "https://x"', "does not belong here but under [[tenant]]"),
    (f"{AUTH}timeout = 3", "does not belong here but under [poll]"),
    ('[[tenant]]\ntenant_id = "x.com"', "line 1: tenant[1]: name is missing"),
    ('[[tenant]]\nname = "x"', "tenant[1]: tenant_id is missing"),
    ('[[tenant]]\nname = " "\ntenant_id = "x.com"', "tenant[1].name: must not be empty"),
    ('[[tenant]]\nname = "a\\u001b[31m"\ntenant_id = "x.com"', "tenant[1].name: holds characters that cannot be"),
    ('[[tenant]]\nname = 3\ntenant_id = "x.com"', "tenant[1].name: must be a text in quotes, not a number"),
    (f'[[tenant]]\nname = "{"x" * 65}"\ntenant_id = "x.com"', "65 characters long; at most 64"),
    ('[[tenant]]\nname = "x"\ntenant_id = "0000"', "neither a GUID (8-4-4-4-12 hex digits) nor a domain"),
    (TENANT + "\n" + TENANT, 'line 6: tenant[2].name: "contoso" is taken'),
    (f'{TENANT}cloud = "usgv"', '"usgv" is not one of: global, usgov, usgov-dod, china; did you mean "usgov"?'),
    (f'{TENANT}cloud = "germany"', "is not one of: global, usgov, usgov-dod, china"),
    (f'{TENANT}graph_url = "http://graph.contoso.com"', "plain http:// is allowed only to this machine"),
    (f'{TENANT}graph_url = "http://127.0.0.1.evil.com"', "plain http:// is allowed only to this machine"),
    (f'{TENANT}graph_url = "graph.microsoft.com"', "must begin with https://"),
    (f'{TENANT}graph_url = "ftp://x"', "must begin with https://"),
    (f'{TENANT}graph_url = "https://me:pw@x.com"', "must not hold a user name or password"),
    (f'{TENANT}graph_url = "https://x.com/?a=b"', "no ? or #"),
    (f'{TENANT}graph_url = "https://x.com/#"', "no ? or #"),
    (f'{TENANT}graph_url = "https://"', "names no host"),
    (f'{TENANT}graph_url = "https://x.com:99999"', "is not a URL"),
    (f'{TENANT}graph_url = "https://[::1"', "is not a URL"),
    (f'{TENANT}graph_url = "https://a b.com"', "names no host"),
    (f'{TENANT}ca_file = "missing.pem"', "missing.pem\" does not exist"),
    (f'{TENANT}ca_file = "."', "is not a file"),
    (f'{TENANT}ca_file = "config.toml"', "holds no certificates in PEM form"),
    (f"{TENANT}auth = 3", "tenant[1].auth: must be a table, not a number: write [tenant.auth]"),
    (f'{AUTH}method = "client_secret"', 'did you mean "client-secret"?'),
    (f'{AUTH}method = "client-secret"', 'line 4: tenant[1].auth: client_id is missing: it is required with method'),
    (f'{AUTH}method = "client-secret"\nclient_id = "a"', "client_secret_env or client_secret_file is missing"),
    (f'{AUTH}method = "certificate"\nclient_id = "a"', "certificate_file is missing"),
    (f'{AUTH}method = "token-command"', "command is missing"),
    (f"{AUTH}command = []", "must be a list that is not empty"),
    (f'{AUTH}command = "az login"', "must be a list with one text per argument"),
    (f'{AUTH}command = ["az", 3]', "must hold texts only"),
    (f'{AUTH}client_secret = "hunter2"', "use client_secret_env or client_secret_file"),
    (f'{AUTH}certificate_password = "hunter2"', "use certificate_password_env"),
    (f'{TENANT}client_secret = "hunter2"', "client_secret_env or client_secret_file under [tenant.auth]"),
    (f'{AUTH}client_secret_env = "hunter2!"', "must be the name of an environment variable"),
    (f'{LDAP}password = "hunter2"', "use password_env or password_file"),
    (f'{LDAP}bind_user = "m"', "password_env or password_file is missing: one of them is required with bind_user"),
    (f'{LDAP}password_env = "X"', "bind_user is missing"),
    (f"{TENANT}[tenant.managed_domain]\n", "tenant[1].managed_domain: url is missing"),
    (f'{TENANT}[tenant.on_premises]\nurl = "ldap://dc.contoso.com"', "use ldaps://"),
    (f'{TENANT}[tenant.on_premises]\nurl = "ldap://dc.contoso.com"\nstart_tls = false', "or set start_tls = true"),
    (f'{TENANT}[tenant.on_premises]\nurl = "dc.contoso.com"', "url: must begin with ldaps://"),
    (f'{TENANT}[tenant.on_premises]\nurl = "ldaps://dc.contoso.com/DC=contoso"', "where to search is base_dn"),
    (f'{TENANT}[tenant.on_premises]\nurl = "ldaps://dc.contoso.com:3269"', "is the global catalog, which holds a part"),
    (f"{LDAP}start_tls = true", "line 6: tenant[1].managed_domain.start_tls: is for ldap:// only"),
    (f"{LDAP}start_tsl = true", 'start_tsl: is not a known key; did you mean "start_tls"?'),
    (f'{LDAP}tls_strict = "no"', "tls_strict: must be true or false, without quotes, not a text"),
    (f'{LDAP}tls_server_name = "a b"', 'tls_server_name: "a b" is not a host name'),
    (f'{LDAP}state_file = "s.db"', "does not belong here but under [tenant.sync]"),
    (f"{TENANT}[tenant.sync]\n", "line 4: tenant[1].sync: url is missing"),
    (f'{TENANT}[tenant.sync]\nurl = "ldaps://x"\n', "tenant[1].sync: bind_user is missing"),
    (SYNC.replace('state_file = "s.db"\n', ""), "tenant[1].sync: state_file is missing"),
    (SYNC.replace('password_env = "P"\n', ""), "password_env or password_file is missing"),
    (SYNC.replace("s.db", "no/s.db"), 'state_file: the folder "'),
    (SYNC.replace("s.db", "."), "is a folder; name a file"),
    (f'{SYNC}password = "hunter2"', "use password_env or password_file"),
    (f'{SYNC}secret = "hunter2"', "use password_env or password_file"),
    (f"{SYNC}start_tls = true", "sync.start_tls: is for ldap:// only"),
    (f"{SYNC}groups = []", "groups: must be a list of object ids that is not empty"),
    (f'{SYNC}groups = ["staff"]', 'groups: "staff" is not an object id (8-4-4-4-12 hex digits)'),
    (f"{SYNC}groups = [3]", "groups: 3 is not an object id"),
    (f"{SYNC}interval = 0", "interval: 0 is out of range: from 1s to 1d"),
    (f"{SYNC}deletion_threshold = -1", "deletion_threshold: -1 is out of range: from 0 to 10,000,000"),
    (f"{SYNC}deletion_threshold = true", "must be a whole number, not true or false"),
    (f"{SYNC}deletion_treshold = 5", 'did you mean "deletion_threshold"?'),
    (f'{SYNC}listen = "0.0.0.0:8002"', "listen: must be an address of this machine alone"),
    (f'{SYNC}listen = "8002"', 'listen: "8002" is not host:port, as in "127.0.0.1:8002"'),
    (f'{SYNC}listen = "127.0.0.1:99999"', "is not host:port"),
    (f'{SYNC}listen = "127.0.0.1:٣"', "is not host:port"),
    (f"{TENANT}[tenant.domain_services]\n", "subscription_id or resource_id is missing"),
    (f'{TENANT}[tenant.domain_services]\nsubscription_id = "a/../b"', "is not a subscription id"),
    (f'{TENANT}[tenant.domain_services]\nresource_id = "/subscriptions/x"', "is not the ARM id of a managed domain"),
    (f'{TENANT}connect_health = true', "must be a table, not true or false: write [tenant.connect_health]"),
    (f"{TENANT}[tenant.cloud_sync]\nenabled = 1", "must be true or false, without quotes, not a number"),
    ("[poll]\ntimeout = true", "poll.timeout: True is not a duration"),
    ("[poll]\ncounts = 0.5", "poll.counts: 0.5 is out of range: from 1s to 7d"),
    ("[poll]\ncounts = 99999999999999999999999999999999999999", "is out of range"),
    ("[poll]\ncounts = nan", "is not a duration"),
    ("[poll]\ncounts = -inf", "is not a duration"),
    ("[poll]\ntimeout = 301", "is out of range: from 0.1s to 5m"),
    ('[thresholds]\nconnect_warning = "90"', 'write "90s", "45m", "3h", "3d", or seconds'),
    ('[thresholds]\nconnect_warning = "5 parsecs"', "is not a duration"),
    ("[thresholds]\nconnect_warning = 0", "is out of range"),
    ('[thresholds]\nconnect_warning = "4h"', "connect_critical (3h) must not be under connect_warning (4h)"),
    (
        '[thresholds]\npassword_critical = "1h"',
        "line 2: thresholds.password_critical: password_critical (1h) must not be under password_warning (2h)",
    ),
    ("[thresholds]\nconnect_warning = 2026-01-01", "is not a duration"),
    ("poll = 2026-01-01", "must be a table, not a date or time"),
    ("[poll\n", "line 1, column 6:"),
    ("a = 1\na = 2", "end of document: not TOML: Cannot overwrite a value"),
    (b"\n\xff\xfe = 1", "line 2: not UTF-8"),
    (b"a = \"\0\"", "line 1"),
    ("a = " + "[" * 100_000, "not TOML that can be read"),
    ("a = " + "9" * 5_000, "not TOML that can be read"),
    ("x" * (LARGEST_FILE + 1), "over 1 MiB"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_each_mistake_is_told_in_one_line(folder: Path, text: str | bytes, words: str) -> None:
    """The message names what is wrong and what is allowed, and never repeats a secret."""
    message = refused(folder, text)
    assert words in message
    assert "hunter2" not in message


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_secret_that_others_may_read_is_refused(folder: Path, mode: int) -> None:
    """A secret file must be its owner's alone, and the message says how to mend it."""
    secret(folder, "app.secret", mode)
    message = refused(folder, f'{AUTH}client_secret_file = "app.secret"')
    assert f"has mode {mode:04o}" in message
    assert "chmod 600" in message


def test_only_one_place_of_the_secret_may_be_given(folder: Path) -> None:
    """Two places would leave open which one counts."""
    secret(folder, "app.secret")
    both = 'method = "client-secret"\nclient_id = "a"\nclient_secret_env = "A"\nclient_secret_file = "app.secret"'
    assert "give either client_secret_env or client_secret_file, not both" in refused(folder, AUTH + both)


def test_paths_start_at_the_folder_of_the_config_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A relative path means the same wherever synctop is started."""
    secret(folder, "app.secret")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    path = written(folder, f'{AUTH}client_secret_file = "app.secret"')
    assert load(path).tenants[0].auth.client_secret_file == folder / "app.secret"


def test_a_home_relative_path_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home folder, as in a shell."""
    monkeypatch.setenv("HOME", str(folder))
    secret(folder, "app.secret")
    found = loaded(folder, f'{AUTH}client_secret_file = "~/app.secret"')
    assert found.tenants[0].auth.client_secret_file == folder / "app.secret"


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "localhost", "[::1]:80", "127.9.9.9"])
def test_plain_http_to_this_machine_is_allowed(folder: Path, host: str) -> None:
    """The lab listens on loopback without TLS."""
    assert loaded(folder, f'{TENANT}graph_url = "http://{host}"').tenants[0].graph_url == f"http://{host}"


@pytest.mark.parametrize("host", ["127.0.0.1:1389", "localhost", "[::1]"])
def test_plain_ldap_to_this_machine_is_allowed(folder: Path, host: str) -> None:
    """A directory on loopback needs no encryption."""
    found = loaded(folder, f'{TENANT}[tenant.on_premises]\nurl = "ldap://{host}/"').tenants[0].on_premises
    assert found == DirectorySettings(url=f"ldap://{host}")


def test_a_sync_listens_on_loopback_in_either_family(folder: Path) -> None:
    """IPv6 addresses stand in brackets, as in a URL."""
    sync = loaded(folder, f'{SYNC}listen = "[::1]:8002"').tenants[0].sync
    assert sync is not None
    assert sync.listen == ("::1", 8002)


def test_a_sync_needs_no_more_than_its_directory_and_a_state_file(folder: Path) -> None:
    """What is left out is careful: nothing adopted, no hashes asked for, 500 deletions at most, published nowhere."""
    sync = loaded(folder, SYNC).tenants[0].sync
    assert sync is not None
    assert (sync.adopt, sync.credentials, sync.groups, sync.listen) == (False, False, None, None)
    assert (sync.interval_s, sync.deletion_threshold) == (30.0, 500)


def test_a_managed_domain_may_be_named_by_its_resource_id(folder: Path) -> None:
    """The ARM id is taken as it stands."""
    path = f"/subscriptions/{GUID}/resourceGroups/rg-1_(x)/providers/Microsoft.AAD/domainServices/aadds.contoso.com"
    found = loaded(folder, f'{TENANT}[tenant.domain_services]\nresource_id = "{path}"')
    assert found.tenants[0].domain_services is not None
    assert found.tenants[0].domain_services.resource_id == path


def test_files_that_cannot_be_read_are_told_so(folder: Path) -> None:
    """A missing file, a folder and an impossible path all end in one clear line."""
    for path, words in (
        (folder / "none.toml", "No such file"),
        (folder, "Is a directory"),
        (Path("a\0b"), "not a usable path"),
    ):
        with pytest.raises(ConfigError, match=words):
            load(path)


def test_the_flag_wins_over_the_environment_and_that_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Precedence of the three places where a config file may be named."""
    assert chosen_path(None) == (default_path(), False)
    assert default_path().parts[-2:] == ("synctop", "config.toml")
    monkeypatch.setenv("SYNCTOP_CONFIG", "/etc/synctop.toml")
    assert chosen_path(None) == (Path("/etc/synctop.toml"), True)
    assert chosen_path(Path("mine.toml")) == (Path("mine.toml"), True)
    monkeypatch.setenv("SYNCTOP_CONFIG", "")
    assert chosen_path(None) == (default_path(), False)


@pytest.mark.parametrize(
    ("source", "path", "line"),
    [
        ("[poll]\ncounts = 1", ("poll", "counts"), 2),
        ("poll.counts = 1", ("poll", "counts"), 1),
        ("poll = { counts = 1 }", ("poll", "counts"), 1),
        ("[[tenant]]\n[[tenant]]\n[tenant.auth]\nmethod = 1", ("tenant", 2, "auth", "method"), 4),
        ("[[tenant]]\n[[tenant]]\n[tenant.auth]\nmethod = 1", ("tenant", 1, "auth"), 1),
        ('[ "poll" ]\n "counts" = 1', ("poll", "counts"), 2),
        ('[poll]\na = """\ncounts = 3\n"""\ncounts = 1', ("poll", "counts"), 5),
        ("# [poll]\n[poll]\n#counts = 1", ("poll", "counts"), 2),
        ("a = 1", ("zz",), None),
        ("", (), None),
    ],
)
def test_the_line_of_a_key_is_found(source: str, path: tuple[str | int, ...], line: int | None) -> None:
    """Headers, dotted keys, inline tables, quoted keys and multi-line texts do not mislead the search."""
    assert line_of(source, path) == line


KEYS = st.sampled_from(
    [
        "poll",
        "tenant",
        "thresholds",
        "name",
        "tenant_id",
        "auth",
        "method",
        "graph_url",
        "ca_file",
        "command",
        "enabled",
    ]
)
VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(lambda number: f"{number:.3f}" if abs(number) < 1e300 else "inf"),
    st.sampled_from(["true", "[]", "{}", "[[1]]", "2026-01-01", '"90s"', '"https://x"', f'"{GUID}"', '"~root/x"']),
    st.text(string.printable + "é\u202e\x1b", max_size=30).map(lambda text: '"' + text.replace('"', "") + '"'),
)
LINES = st.one_of(
    KEYS.map(lambda key: f"[{key}]"),
    st.tuples(KEYS, KEYS).map(lambda keys: f"[{keys[0]}.{keys[1]}]"),
    st.just("[[tenant]]"),
    st.tuples(KEYS, VALUES).map(" = ".join),
    st.text(max_size=20),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(
    body=st.one_of(st.lists(LINES, max_size=12).map(lambda lines: "\n".join(lines).encode()), st.binary(max_size=200))
)
def test_any_file_loads_or_is_refused_in_one_line(folder: Path, body: bytes) -> None:
    """Whatever stands in the file, the answer is settings or one clean line, never a traceback."""
    path = written(folder, body.replace(b"\r", b""))
    try:
        assert load(path).tenants
    except ConfigError as error:
        message = str(error)
        assert message.isprintable()
        assert message.startswith(str(path))
        assert len(message) < 1500


@given(source=st.text(), path=st.lists(st.one_of(st.text(max_size=5), st.integers(1, 3)), max_size=4).map(tuple))
def test_the_search_for_a_line_survives_any_text(source: str, path: tuple[str | int, ...]) -> None:
    """The line is one of the file's, or none."""
    line = line_of(source, path)
    assert line is None or 1 <= line <= source.count("\n") + 1
