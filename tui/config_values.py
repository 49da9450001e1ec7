"""One reader per kind of config value: it returns the checked value or raises `Problem`, never anything else.

A message never repeats a value that might be a secret, and what it does repeat is cleaned and short.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from tui.model.text import clean, limit

KeyPath = tuple[str | int, ...]
E = TypeVar("E", bound=StrEnum)

LONGEST_DURATION_S = 366 * 86400.0
LONGEST_LABEL = 64
LONGEST_TEXT = 1024
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhd])")
_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SUBSCRIPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_RESOURCE = re.compile(
    r"/subscriptions/[\w-]{1,64}/resourceGroups/[\w.()-]{1,90}/providers/Microsoft\.AAD/domainServices/[\w.-]{1,255}",
    re.IGNORECASE | re.ASCII,
)
_GLOBAL_CATALOG = (3268, 3269)
_HOST = re.compile(r"[^\s/\\@%<>\"'`^{}|\[\]]{1,253}")


class Problem(Exception):
    """What is wrong with the value at `path`, and what is allowed there."""

    def __init__(self, path: KeyPath, text: str) -> None:
        super().__init__(text)
        self.path = path
        self.text = text


class Place(Struct, frozen=True):
    """Where a value stands: its keys from the root of the file, and the folder that relative paths start from."""

    path: KeyPath
    folder: Path

    def at(self, key: str | int) -> Place:
        return Place((*self.path, key), self.folder)

    def problem(self, text: str) -> Problem:
        return Problem(self.path, text)


Reader = Callable[[object, Place], Any]


def shown(value: object, longest: int = 60) -> str:
    """`value` as an error message may repeat it: one clean, short line, text and paths in quotes."""
    return clean(f'"{value}"' if isinstance(value, str | Path) else str(value), longest)


def kind(value: object) -> str:
    """The TOML name of the type of `value`, with its article."""
    return _KINDS.get(type(value), "a date or time")


def nearest(word: str, known: tuple[str, ...]) -> str:
    """`; did you mean "x"?` where something known is close to `word`, else nothing."""
    found = get_close_matches(word.casefold(), known, n=1, cutoff=0.6)
    return f'; did you mean "{found[0]}"?' if found else ""


def table(value: object, place: Place, example: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise place.problem(f"must be a table, not {kind(value)}: write {example}")
    return value


def text(value: object, place: Place, longest: int = LONGEST_TEXT) -> str:
    """A non-empty line without control characters."""
    if not isinstance(value, str):
        raise place.problem(f"must be a text in quotes, not {kind(value)}")
    if not value.strip():
        raise place.problem("must not be empty")
    if len(value) > longest:
        raise place.problem(f"is {len(value)} characters long; at most {longest} are allowed")
    if clean(value, longest) != value.strip():
        raise place.problem("holds characters that cannot be printed on one line")
    return value.strip()


def label(value: object, place: Place) -> str:
    return text(value, place, LONGEST_LABEL)


def boolean(value: object, place: Place) -> bool:
    if not isinstance(value, bool):
        raise place.problem(f"must be true or false, without quotes, not {kind(value)}")
    return value


def choice(options: type[E]) -> Reader:
    """A reader for one of the words of `options`."""
    words = tuple(option.value for option in options)

    def read(value: object, place: Place) -> E:
        word = text(value, place)
        if word in words:
            return options(word)
        raise place.problem(f"{shown(word)} is not one of: {', '.join(words)}{nearest(word, words)}")

    return read


def duration(least: float, most: float = LONGEST_DURATION_S) -> Reader:
    """A reader for seconds from `least` to `most`: a number, or "90s" "45m" "3h" "3d"."""

    def read(value: object, place: Place) -> float:
        seconds = _seconds(value)
        if seconds is None:
            raise place.problem(f'{shown(value)} is not a duration; write "90s", "45m", "3h", "3d", or seconds')
        if not least <= seconds <= most:
            raise place.problem(f"{shown(value)} is out of range: from {_limit(least)} to {_limit(most)}")
        return seconds

    return read


def tenant_id(value: object, place: Place) -> str:
    word = text(value, place)
    if _GUID.fullmatch(word) or _DOMAIN.fullmatch(word):
        return word
    raise place.problem(f"{shown(word)} is neither a GUID (8-4-4-4-12 hex digits) nor a domain such as contoso.com")


def subscription_id(value: object, place: Place) -> str:
    word = text(value, place)
    if _SUBSCRIPTION.fullmatch(word):
        return word
    raise place.problem(f"{shown(word)} is not a subscription id (8-4-4-4-12 hex digits)")


def resource_id(value: object, place: Place) -> str:
    word = text(value, place).rstrip("/")
    if _RESOURCE.fullmatch(word) and not re.search(r"/\.{1,2}(?:/|\Z)", word):
        return word
    raise place.problem(
        f"{shown(word)} is not the ARM id of a managed domain: "
        "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.AAD/domainServices/DOMAIN"
    )


def variable(value: object, place: Place) -> str:
    """The name of an environment variable. The value is not repeated: it may be the secret itself."""
    if isinstance(value, str) and _VARIABLE.fullmatch(value):
        return value
    raise place.problem("must be the name of an environment variable that holds the secret, not the secret itself")


def command(value: object, place: Place) -> tuple[str, ...]:
    if isinstance(value, str):
        raise place.problem('must be a list with one text per argument: ["program", "argument"]')
    if not isinstance(value, list) or not value:
        raise place.problem('must be a list that is not empty: ["program", "argument"]')
    words = [word for word in value if isinstance(word, str) and "\0" not in word]
    if len(words) != len(value) or not words[0].strip():
        raise place.problem("must hold texts only, the program first")
    return tuple(words)


def existing_file(value: object, place: Place) -> Path:
    """The path of a file that exists; relative ones start at the folder of the config file."""
    given = text(value, place)
    try:
        path = place.folder / Path(given).expanduser()
        if path.is_file():
            return path
        found = path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise place.problem(f"{shown(given, LONGEST_TEXT)} cannot be looked up ({type(error).__name__})") from error
    raise place.problem(f"{shown(path, LONGEST_TEXT)} {'is not a file' if found else 'does not exist'}")


def secret_file(value: object, place: Place) -> Path:
    """A file that its owner alone may read, as ssh asks it of a key."""
    path = existing_file(value, place)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise place.problem(
            f"{shown(path, LONGEST_TEXT)} has mode {mode:04o}, so others may read the secret: chmod 600 it"
        )
    return path


def authorities_file(value: object, place: Place) -> Path:
    """A PEM file of trusted certificates."""
    import ssl  # slow to import, and few config files name one

    path = existing_file(value, place)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError) as error:
        raise place.problem(
            f"{shown(path, LONGEST_TEXT)} holds no certificates in PEM form that can be read"
        ) from error
    return path


def http_url(value: object, place: Place) -> str:
    return _url(value, place, secure="https", plain="http")


def ldap_url(value: object, place: Place) -> str:
    """Where ldap:// may lead is up to the section, which knows of StartTLS."""
    written = _url(value, place, secure="ldaps", plain="ldap", plain_anywhere=True)
    parts = urlsplit(written)
    if parts.path:
        raise place.problem("must end after host and port: where to search is base_dn")
    if parts.port in _GLOBAL_CATALOG:
        raise place.problem(
            f"port {parts.port} is the global catalog, which holds a part of each object only: "
            f"use {636 if parts.scheme == 'ldaps' else 389}"
        )
    return written


def server_name(value: object, place: Place) -> str:
    """A host name or address as a certificate carries it."""
    name = text(value, place)
    if _HOST.fullmatch(name):
        return name
    raise place.problem(f"{shown(name)} is not a host name")


def guids(value: object, place: Place) -> tuple[str, ...]:
    """A list of object ids, in lower case, none twice."""
    if not isinstance(value, list) or not value:
        raise place.problem("must be a list of object ids that is not empty; without the key there is no such limit")
    wrong = next((entry for entry in value if not isinstance(entry, str) or not _GUID.fullmatch(entry)), None)
    if wrong is not None:
        raise place.problem(f"{shown(wrong)} is not an object id (8-4-4-4-12 hex digits)")
    return tuple(dict.fromkeys(entry.lower() for entry in value))


def whole(least: int, most: int) -> Reader:
    """A reader for a whole number."""

    def read(value: object, place: Place) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise place.problem(f"must be a whole number, not {kind(value)}")
        if not least <= value <= most:
            raise place.problem(f"{shown(value)} is out of range: from {least:,} to {most:,}")
        return value

    return read


def own_address(value: object, place: Place) -> tuple[str, int]:
    """host:port of this machine, to listen on."""
    written = text(value, place)
    host, colon, port = written.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise place.problem(f'{shown(written)} is not host:port, as in "127.0.0.1:8002"')
    if not is_loopback(host):
        raise place.problem("must be an address of this machine alone: 127.0.0.1, ::1 or localhost")
    return host, int(port)


def new_file(value: object, place: Place) -> Path:
    """The path of a file that may not exist yet, in a folder that does; relative ones start at the config's folder."""
    given = text(value, place)
    try:
        path = place.folder / Path(given).expanduser()
        if path.is_dir():
            raise place.problem(f"{shown(path, LONGEST_TEXT)} is a folder; name a file")
        if path.parent.is_dir():
            return path
    except (OSError, RuntimeError, ValueError) as error:
        raise place.problem(f"{shown(given, LONGEST_TEXT)} cannot be looked up ({type(error).__name__})") from error
    raise place.problem(f"the folder {shown(path.parent, LONGEST_TEXT)} does not exist")


def is_loopback(host: str) -> bool:
    """Whether `host` (without brackets) can only mean this machine."""
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _url(value: object, place: Place, secure: str, plain: str, *, plain_anywhere: bool = False) -> str:
    written = text(value, place)
    parts = _split(written, place)
    if parts.scheme not in (secure, plain):
        raise place.problem(f"must begin with {secure}://")
    if parts.username is not None or parts.password is not None:
        raise place.problem("must not hold a user name or password")
    if parts.query or parts.fragment or "?" in written or "#" in written:
        raise place.problem("must end before the query: no ? or #")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise place.problem(f"{shown(written)} names no host")
    if parts.scheme == plain and not plain_anywhere and not is_loopback(parts.hostname):
        raise place.problem(
            f"plain {plain}:// is allowed only to this machine (127.0.0.1, ::1, localhost): use {secure}://"
        )
    return written.rstrip("/")


def _split(written: str, place: Place) -> SplitResult:
    """The parts of a URL. The message repeats nothing: there may be a password in it."""
    try:
        parts = urlsplit(written)
        if parts.port == 0:
            raise ValueError("port 0")
    except ValueError as error:
        raise place.problem("is not a URL (look at the host and the port)") from error
    return parts


def _seconds(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        return float(match[1]) * _UNITS[match[2]] if match else None
    if isinstance(value, int) and abs(value) > 10**12:
        return math.copysign(10.0**12, value)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _limit(seconds: float) -> str:
    return limit(seconds) if seconds >= 1 else f"{seconds:g}s"
