"""The password of a directory's account: looked up for each bind, never kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from tui.settings import DirectorySettings
from tui.sources.auth_azure import secret_file
from tui.sources.errors import Denied


def password(settings: DirectorySettings, environ: Mapping[str, str]) -> str:
    """The password from the environment, or from the first line of a file that only its owner may read.

    Raises `Denied` where there is none, because an empty one would be an anonymous bind (RFC 4513 section 5.1.2), and
    where it cannot be sent as UTF-8.
    """
    found = _looked_up(settings, environ)
    if not found:
        raise Denied(f"{password_source(settings)}, which must hold the password of {settings.bind_user}, is empty")
    if not _is_text(found):
        raise Denied(f"{password_source(settings)} holds bytes that are no UTF-8: set the password in a UTF-8 locale")
    return found


def password_source(settings: DirectorySettings) -> str:
    """Where the password comes from, for people."""
    if settings.password_env:
        return f"the environment variable {settings.password_env}"
    return f"password_file {settings.password_file}" if settings.password_file else "password_env or password_file"


def remedy(settings: DirectorySettings) -> str:
    """What makes a refused bind be tried again: nobody can change the environment of a running program."""
    if settings.password_file:
        return f"correct password_file {settings.password_file}, or ask again (r) once the account is mended"
    return f"ask again (r) once the account is mended, or restart with the right password in {settings.password_env}"


def fingerprint(secret: str) -> bytes:
    """Tells whether a password is still the one that was refused, without keeping it."""
    return hashlib.blake2b(secret.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _is_text(found: str) -> bool:
    """Encoding it to find out would raise an error that carries the password along."""
    return not any("\ud800" <= char <= "\udfff" for char in found)


def _looked_up(settings: DirectorySettings, environ: Mapping[str, str]) -> str:
    if settings.password_env:
        return environ.get(settings.password_env, "")
    if settings.password_file:
        return secret_file(settings.password_file, "password_file").partition("\n")[0].rstrip("\r")
    return ""
