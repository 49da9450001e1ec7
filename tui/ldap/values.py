"""Values of directory attributes as Python values and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2999
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d{1,12}))?(?:Z|([+-])(\d\d)(\d\d)?)", re.ASCII)
_IN_FILTER = re.compile(r"[\x00()*\\]")
_IN_RDN = re.compile(r'[\x00-\x1f\x7f"+,;<=>\\]|\A[ #]|(?<!\A) \Z')
_PLAIN_RDN = r'[A-Za-z0-9.-]+=(?! )[^\x00-\x1f\x7f"#+,;<=>\\]*(?<! )'
_PLAIN_DN = re.compile(f"{_PLAIN_RDN}(?:,{_PLAIN_RDN})*")
_SEPARATOR = re.compile(r'\\.|"(?:[^"\\]|\\.)*"|([,+])', re.DOTALL)
_PAIR = re.compile(rb"\\([0-9A-Fa-f]{2}|[^0-9A-Fa-f])", re.DOTALL)


def guid_text(value: bytes) -> str | None:
    """A GUID of 16 bytes in Active Directory's order (MS-DTYP 2.3.4.2) as lower-case text with hyphens."""
    return str(UUID(bytes_le=value)) if len(value) == 16 else None


def guid_bytes(text: str) -> bytes:
    """The 16 bytes of a GUID. Raises ValueError."""
    return UUID(text).bytes_le


def sid_text(value: bytes) -> str | None:
    """A security identifier (MS-DTYP 2.4.2.2) as S-1-5-..."""
    if len(value) < 8 or value[0] != 1 or value[1] > 15 or len(value) != 8 + 4 * value[1]:
        return None
    authority = int.from_bytes(value[2:8], "big")
    rest = (int.from_bytes(value[at : at + 4], "little") for at in range(8, len(value), 4))
    shown = f"0x{authority:012x}" if authority >= 2**32 else str(authority)
    return "-".join(("S-1", shown, *map(str, rest)))


def generalized_time(value: bytes | str | None) -> datetime | None:
    """GeneralizedTime (RFC 4517 3.3.13), e.g. 20261122073000.0Z, in UTC; None for what is absurd or missing.

    Absurd are years before 1900 and after 2999, among them Active Directory's "never" of 1601 and 9999.
    """
    text = value.decode("latin-1") if isinstance(value, bytes) else value or ""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour = (int(part) for part in found.groups()[:4])
    try:
        moment = datetime(year, month, day, hour, tzinfo=UTC) + _within_hour(found) - _offset(found)
    except (ValueError, OverflowError):
        return None
    return moment if _EARLIEST_YEAR <= moment.year <= _LATEST_YEAR else None


def _within_hour(found: re.Match[str]) -> timedelta:
    """Minutes, seconds and the fraction of whichever is the last; a leap second is the next minute's first."""
    minute, second = int(found[5] or 0), int(found[6] or 0)
    if minute > 59 or second > 60:
        raise ValueError("no such minute or second")
    unit = timedelta(seconds=1) if found[6] else timedelta(minutes=1) if found[5] else timedelta(hours=1)
    return timedelta(minutes=minute, seconds=second) + unit * float(f"0.{found[7] or 0}")


def _offset(found: re.Match[str]) -> timedelta:
    hours, minutes = int(found[9] or 0), int(found[10] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if found[8] == "-" else offset


def filter_escaped(value: bytes | str) -> str:
    """A value that may stand in a filter (RFC 4515 section 3)."""
    if isinstance(value, str):
        return _IN_FILTER.sub(lambda found: f"\\{ord(found[0]):02x}", value)
    return "".join(chr(byte) if _is_plain(byte) else f"\\{byte:02x}" for byte in value)


def _is_plain(byte: int) -> bool:
    return 0x20 <= byte < 0x7F and byte not in b"()*\\"


def rdn_escaped(value: str) -> str:
    """A value that may stand in a distinguished name (RFC 4514 section 2.4)."""
    return _IN_RDN.sub(lambda found: _escaped(found[0]), value)


def _escaped(char: str) -> str:
    return f"\\{char}" if char.isprintable() else f"\\{ord(char):02x}"


def dn_key(dn: str) -> str:
    """Equal for names that mean the same: case, spaces around separators and ways of escaping do not count.

    Nothing else is folded: where Samba sees two names, letters that merely look or sort alike must not make one.
    """
    if _PLAIN_DN.fullmatch(dn):
        return dn.lower()
    return ",".join("+".join(sorted(map(_part_key, parts))) for parts in _split(dn))


def parent(dn: str) -> str:
    """The name one level up; empty at the top. An escaped comma does not separate."""
    for found in _SEPARATOR.finditer(dn):
        if found[1] == ",":
            return dn[found.end() :].lstrip(" ")
    return ""


def _split(dn: str) -> list[list[str]]:
    """Relative names from the lowest up, each with its parts."""
    names: list[list[str]] = [[]]
    start = 0
    for found in _SEPARATOR.finditer(dn):
        if found[1]:
            names[-1].append(dn[start : found.start()])
            start = found.end()
        if found[1] == ",":
            names.append([])
    names[-1].append(dn[start:])
    return names


def _part_key(part: str) -> str:
    name, equals, value = part.partition("=")
    value = _stripped(value)
    if value.startswith("#"):
        return name.strip(" ").lower() + equals + value.lower()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return name.strip(" ").lower() + equals + rdn_escaped(_unescaped(value).lower())


def _stripped(value: str) -> str:
    """Without spaces around it, but with a last one that is escaped."""
    bare = value.strip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and value.rstrip(" ") != value else bare


def _unescaped(value: str) -> str:
    raw = value.encode("utf-8", "surrogatepass")
    return _PAIR.sub(_character, raw).decode("utf-8", "replace")


def _character(found: re.Match[bytes]) -> bytes:
    escaped = found[1]
    return bytes.fromhex(escaped.decode()) if len(escaped) == 2 else escaped
