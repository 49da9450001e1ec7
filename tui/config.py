"""The config file: TOML in, `Settings` out. Every error is one line that names the file, the line and the key.

The keys and their meaning: README, Configuration.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tui import config_values as values
from tui.config_lines import line_of
from tui.config_values import KeyPath, Place, Problem, Reader, nearest, shown, table
from tui.model.snapshot import Thresholds
from tui.model.text import clean, limit
from tui.settings import (
    AuthMethod,
    AuthSettings,
    Cloud,
    DirectorySettings,
    DomainServicesSettings,
    PollSettings,
    Settings,
    SyncSettings,
    TenantSettings,
)

LARGEST_FILE = 1 << 20
VARIABLE = "SYNCTOP_CONFIG"

_interval = values.duration(least=1.0, most=7 * 86400.0)
_threshold = values.duration(least=1.0)

POLL: Mapping[str, Reader] = {
    "organization": _interval,
    "counts": _interval,
    "failures": _interval,
    "domain_services": _interval,
    "connect_health": _interval,
    "cloud_sync": _interval,
    "ldap": _interval,
    "timeout": values.duration(least=0.1, most=300.0),
}
THRESHOLDS: Mapping[str, Reader] = {
    "connect_warning": _threshold,
    "connect_critical": _threshold,
    "password_warning": _threshold,
    "password_critical": _threshold,
    "domain_services_warning": _threshold,
    "domain_services_critical": _threshold,
}
AUTH: Mapping[str, Reader] = {
    "method": values.choice(AuthMethod),
    "client_id": values.text,
    "client_secret_env": values.variable,
    "client_secret_file": values.secret_file,
    "certificate_file": values.secret_file,
    "certificate_password_env": values.variable,
    "command": values.command,
}
DOMAIN_SERVICES: Mapping[str, Reader] = {
    "subscription_id": values.subscription_id,
    "resource_id": values.resource_id,
}
SWITCH: Mapping[str, Reader] = {"enabled": values.boolean}
DIRECTORY: Mapping[str, Reader] = {
    "url": values.ldap_url,
    "bind_user": values.text,
    "password_env": values.variable,
    "password_file": values.secret_file,
    "ca_file": values.authorities_file,
    "base_dn": values.text,
    "start_tls": values.boolean,
    "tls_server_name": values.server_name,
    "tls_strict": values.boolean,
}
SYNC: Mapping[str, Reader] = {
    **DIRECTORY,
    "state_file": values.new_file,
    "container": values.text,
    "adopt": values.boolean,
    "credentials": values.boolean,
    "cloud_only": values.boolean,
    "groups": values.guids,
    "interval": values.duration(least=1.0, most=86400.0),
    "deletion_threshold": values.whole(0, 10_000_000),
    "listen": values.own_address,
}


class ConfigError(Exception):
    """The config file cannot be used. The message is one line for the person who wrote the file."""


def default_path() -> Path:
    """`<user config dir>/synctop/config.toml`."""
    from platformdirs import user_config_path

    return user_config_path("synctop", appauthor=False) / "config.toml"


def chosen_path(option: Path | None) -> tuple[Path, bool]:
    """The config file to read, and whether it was asked for by name: `--config`, else the environment, else default."""
    if option is not None:
        return option, True
    named = os.environ.get(VARIABLE)
    return (Path(named), True) if named else (default_path(), False)


def load(path: Path) -> Settings:
    """The settings in the file at `path`; raises `ConfigError` and nothing else."""
    source = _source(path)
    try:
        return settings_of(_parsed(source), path.parent)
    except Problem as problem:
        raise ConfigError(_message(path, source, problem)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{shown_path(path)}: {_syntax(error)}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{shown_path(path)}: not TOML that can be read ({type(error).__name__})") from None


def settings_of(document: Mapping[str, Any], folder: Path) -> Settings:
    """The settings of a parsed file whose relative paths start at `folder`; raises `Problem`."""
    read = fields(document, Place((), folder), ROOT)
    tenants = read.get("tenant", ())
    if not tenants:
        raise Problem((), "names no tenant: add a [[tenant]] table with name and tenant_id")
    return Settings(
        poll=read.get("poll", PollSettings()), thresholds=read.get("thresholds", Thresholds()), tenants=tenants
    )


def fields(source: Mapping[str, Any], place: Place, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Every key of `source` read by its reader; an unknown key is a `Problem` that names the nearest known one."""
    for key in source:
        if key not in readers:
            raise place.at(key).problem(_unknown(key, place.path, readers))
    return {key: readers[key](value, place.at(key)) for key, value in source.items()}


def shown_path(path: Path) -> str:
    return clean(str(path), 500)


def _poll(value: object, place: Place) -> PollSettings:
    return PollSettings(**fields(table(value, place, "[poll]"), place, POLL))


def _thresholds(value: object, place: Place) -> Thresholds:
    given = fields(table(value, place, "[thresholds]"), place, THRESHOLDS)
    found = Thresholds(**given)
    for hop in ("connect", "password", "domain_services"):
        warning, critical = getattr(found, f"{hop}_warning"), getattr(found, f"{hop}_critical")
        if critical < warning:
            key = f"{hop}_critical" if f"{hop}_critical" in given else f"{hop}_warning"
            raise place.at(key).problem(
                f"{hop}_critical ({limit(critical)}) must not be under {hop}_warning ({limit(warning)})"
            )
    return found


def _tenants(value: object, place: Place) -> tuple[TenantSettings, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise place.problem("must be a list of tables: write [[tenant]] with double brackets")
    found: dict[str, TenantSettings] = {}
    for number, entry in enumerate(value, 1):
        tenant = _tenant(entry, place.at(number))
        if tenant.name in found:
            raise place.at(number).at("name").problem(f"{shown(tenant.name)} is taken by another tenant")
        found[tenant.name] = tenant
    return tuple(found.values())


def _tenant(entry: Mapping[str, Any], place: Place) -> TenantSettings:
    given = fields(entry, place, TENANT)
    _require(given, place, "name", "tenant_id")
    return TenantSettings(**given)


def _auth(value: object, place: Place) -> AuthSettings:
    given = fields(table(value, place, "[tenant.auth]"), place, AUTH)
    found = AuthSettings(**given)
    _require_for(found, given, place)
    return found


def _require_for(auth: AuthSettings, given: Mapping[str, Any], place: Place) -> None:
    why = f' with method = "{auth.method}"'
    if auth.method is AuthMethod.CLIENT_SECRET:
        _require(given, place, "client_id", why=why)
        _require_one(given, place, "client_secret_env", "client_secret_file", why=why)
    elif auth.method is AuthMethod.CERTIFICATE:
        _require(given, place, "client_id", "certificate_file", why=why)
    elif auth.method is AuthMethod.TOKEN_COMMAND:
        _require(given, place, "command", why=why)


def _domain_services(value: object, place: Place) -> DomainServicesSettings:
    given = fields(table(value, place, "[tenant.domain_services]"), place, DOMAIN_SERVICES)
    _require_one(given, place, "subscription_id", "resource_id")
    return DomainServicesSettings(**given)


def _switch(value: object, place: Place) -> bool:
    """A table that is there switches its source on, unless it says `enabled = false`."""
    given = fields(table(value, place, f"[tenant.{place.path[-1]}] with enabled = true"), place, SWITCH)
    return bool(given.get("enabled", True))


def _directory(value: object, place: Place) -> DirectorySettings:
    return _directory_of(fields(table(value, place, f"[tenant.{place.path[-1]}]"), place, DIRECTORY), place)


def _sync(value: object, place: Place) -> SyncSettings:
    given = fields(table(value, place, "[tenant.sync]"), place, SYNC)
    _require(given, place, "url", "bind_user", "state_file")
    directory = _directory_of({key: given[key] for key in given if key in DIRECTORY}, place)
    own = {_SYNC_NAMES.get(key, key): given[key] for key in given if key not in DIRECTORY}
    return SyncSettings(directory=directory, **own)


_SYNC_NAMES = {"interval": "interval_s"}


def _directory_of(given: Mapping[str, Any], place: Place) -> DirectorySettings:
    _require(given, place, "url")
    _require_encryption(given, place)
    if "bind_user" in given:
        _require_one(given, place, "password_env", "password_file", why=" with bind_user")
    elif given.keys() & {"password_env", "password_file"}:
        _require(given, place, "bind_user", why=" with a password")
    return DirectorySettings(**given)


def _require_encryption(given: Mapping[str, Any], place: Place) -> None:
    parts = urlsplit(given["url"])
    start_tls = given.get("start_tls", False)
    if parts.scheme == "ldaps" and start_tls:
        raise place.at("start_tls").problem("is for ldap:// only: ldaps:// is encrypted from its first byte")
    if parts.scheme == "ldap" and not start_tls and not values.is_loopback(parts.hostname or ""):
        raise place.at("url").problem(
            "plain ldap:// is allowed only to this machine (127.0.0.1, ::1, localhost): "
            "use ldaps://, or set start_tls = true"
        )


TENANT: Mapping[str, Reader] = {
    "name": values.label,
    "tenant_id": values.tenant_id,
    "cloud": values.choice(Cloud),
    "graph_url": values.http_url,
    "arm_url": values.http_url,
    "ca_file": values.authorities_file,
    "auth": _auth,
    "domain_services": _domain_services,
    "connect_health": _switch,
    "cloud_sync": _switch,
    "managed_domain": _directory,
    "on_premises": _directory,
    "sync": _sync,
}
ROOT: Mapping[str, Reader] = {"poll": _poll, "thresholds": _thresholds, "tenant": _tenants}

# Under which header each set of keys belongs, to advise on a key that strayed. A key below a [tenant.x] header is
# part of x, which surprises people who add one to the tenant later.
_HOMES: tuple[tuple[str, Mapping[str, Reader]], ...] = (
    ("[[tenant]], before its first [tenant.…] header", TENANT),
    ("[tenant.auth]", AUTH),
    ("[tenant.domain_services]", DOMAIN_SERVICES),
    ("[tenant.managed_domain] or [tenant.on_premises]", DIRECTORY),
    ("[tenant.sync]", SYNC),
    ("[poll]", POLL),
    ("[thresholds]", THRESHOLDS),
    ("the top of the file", ROOT),
)
_SECRET = re.compile(r"(?:secret|password|passwd|passphrase|pwd|token|credential|api_?key)s?\Z", re.IGNORECASE)


def _unknown(key: str, path: KeyPath, readers: Mapping[str, Reader]) -> str:
    if _SECRET.search(key):
        return f"a secret does not belong in this file: use {_instead(key, readers)}"
    known = tuple(readers)
    home = next((where for where, keys in _HOMES if key in keys and keys is not readers), None)
    if home is not None:
        return f"does not belong here but under {home}"
    if close := nearest(key, known):
        return f"is not a known key{close}"
    return f"is not a known key; known {'here' if path else 'tables'}: {', '.join(known)}"


def _instead(key: str, readers: Mapping[str, Reader]) -> str:
    """The keys that say where a secret is, those that begin like `key` first."""
    named = [known for known in readers if known.endswith(("_env", "_file")) and known not in ("ca_file", "state_file")]
    alike = [known for known in named if known.startswith(key.casefold())]
    return " or ".join(alike or named) or "client_secret_env or client_secret_file under [tenant.auth]"


def _require(given: Mapping[str, Any], place: Place, *keys: str, why: str = "") -> None:
    for key in keys:
        if key not in given:
            raise place.problem(f"{key} is missing: it is required{why}")


def _require_one(given: Mapping[str, Any], place: Place, one: str, other: str, why: str = "") -> None:
    if one in given and other in given:
        raise place.at(other).problem(f"give either {one} or {other}, not both")
    if one not in given and other not in given:
        raise place.problem(f"{one} or {other} is missing: one of them is required{why}")


def _source(path: Path) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ConfigError(f"{shown_path(path)}: cannot be read: {reason or 'not a usable path'}") from None
    if len(body) > LARGEST_FILE:
        raise ConfigError(f"{shown_path(path)}: over {LARGEST_FILE >> 20} MiB: this is not a config file")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown_path(path)}, line {line}: not UTF-8 text") from None


def _parsed(source: str) -> Mapping[str, Any]:
    return tomllib.loads(source)


def _syntax(error: tomllib.TOMLDecodeError) -> str:
    """`Expected '=' (at line 3, column 5)` with the place in front."""
    match = re.fullmatch(r"(.*) \(at (.*)\)", str(error), re.DOTALL)
    return clean(f"{match[2]}: not TOML: {match[1]}" if match else f"not TOML: {error}", 300)


def _message(path: Path, source: str, problem: Problem) -> str:
    line = line_of(source, problem.path)
    where = f"{shown_path(path)}, line {line}" if line else shown_path(path)
    key = _dotted(problem.path)
    return f"{where}: {key}: {problem.text}" if key else f"{where}: {problem.text}"


def _dotted(path: KeyPath) -> str:
    """`tenant[2].auth.method`; tables of a list are counted from 1."""
    words = (f"[{part}]" if isinstance(part, int) else f".{clean(part, 60)}" for part in path)
    return "".join(words).lstrip(".")
