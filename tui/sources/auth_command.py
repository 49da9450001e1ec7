"""Tokens from a command such as `az account get-access-token`: bare on its output, or in JSON."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import signal
from collections.abc import Sequence
from datetime import UTC, datetime

from tui.model.text import clean
from tui.sources import decode
from tui.sources.auth import Token
from tui.sources.decode import JsonObject
from tui.sources.errors import BadAnswer, Denied, TimedOut
from tui.sources.http_errors import without_secrets

COMMAND_TIMEOUT_S = 30.0
LARGEST_OUTPUT = 1024 * 1024
LONGEST_COMPLAINT = 4096
SHORTEST_SECRET = 8
# RFC 6750, section 2.1, and the colon that a command may put before `{resource}`.
_BEARER = re.compile(r"[A-Za-z0-9._~+/:-]+=*\Z")
# A word that no person wrote: long, or of some length with digits among its letters. Codes of Entra ID are not secret.
_OPAQUE = re.compile(r"(?<![\w/.~+=-])(?!AADSTS\d+\b)(?=[\w.~+=-]*(?:[A-Za-z]\d|\d[A-Za-z])|\S{24})[\w.~+=-]{12,}")


class TokenCommand:
    """`argv` is run as it stands, without a shell; `{resource}` in an argument becomes the audience."""

    def __init__(self, argv: Sequence[str], timeout_s: float = COMMAND_TIMEOUT_S) -> None:
        self._argv = tuple(argv)
        self._timeout_s = timeout_s

    async def fetch(self, audience: str, refresh: bool) -> Token:
        """Raises `Denied` when the command is missing, fails or prints no token; `TimedOut` when it hangs."""
        if not self._argv:
            raise Denied('auth.method "token-command" needs auth.command')
        argv = [part.replace("{resource}", audience) for part in self._argv]
        code, output, complaint = await self._run(argv)
        if code != 0:
            said = complaint_in(complaint, output)
            raise Denied(f"{self._name} ended with code {code}{': ' + said if said else ''}. Run it by hand to see why")
        return token_in(output, self._name)

    @property
    def _name(self) -> str:
        return f"the token command {clean(self._argv[0], 80)}"

    async def _run(self, argv: Sequence[str]) -> tuple[int, bytes, bytes]:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no valid command"
            raise Denied(f"{self._name} cannot be run: {why}") from None
        try:
            async with asyncio.timeout(self._timeout_s):
                output, complaint = await asyncio.gather(_read(process.stdout), _read(process.stderr))
                return await process.wait(), output, complaint
        except TimeoutError:
            raise TimedOut(f"{self._name} was not done within {self._timeout_s:.0f} s") from None
        finally:
            await _end(process)


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    """All of a stream's bytes, the first `LARGEST_OUTPUT` of them kept."""
    kept = bytearray()
    while stream is not None and (piece := await stream.read(65_536)):
        kept += piece[: LARGEST_OUTPUT - len(kept)]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing that the command started is left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def complaint_in(complaint: bytes, output: bytes) -> str:
    """What a failed command said, cleaned and shortened, without anything that may be its token."""
    said = without_secrets(complaint[:LONGEST_COMPLAINT].decode("utf-8", "replace"))
    for word in output[:LONGEST_COMPLAINT].decode("utf-8", "replace").split():
        if len(word) >= SHORTEST_SECRET:
            said = said.replace(word, "[secret]")
    return clean(_OPAQUE.sub("[secret]", said), 200)


def token_in(output: bytes, name: str = "the token command") -> Token:
    """The token on a command's output. Raises `Denied`, which never repeats the output."""
    text = output.decode("utf-8-sig", errors="replace").strip()
    if text.startswith("{"):
        return _token_of(text, name)
    if not _is_token(text):
        raise Denied(f"{name} printed no token: it must print a bare token, or JSON with accessToken")
    return Token(text, _expiry_in_jwt(text))


def _token_of(text: str, name: str) -> Token:
    try:
        answer = decode.parse_object(text.encode("utf-8", "replace"))
    except BadAnswer:
        answer = {}
    secret = next((answer[key] for key in ("accessToken", "access_token", "token") if answer.get(key)), None)
    if not isinstance(secret, str) or not _is_token(secret):
        raise Denied(f"{name} printed JSON without a usable accessToken")
    return Token(secret, _expiry_of(answer) or _expiry_in_jwt(secret))


def _expiry_of(answer: JsonObject) -> datetime | None:
    """`expires_on` is Unix time; `expiresOn` without a zone is local time, as the Azure CLI writes it."""
    for key in ("expires_on", "expiresOn"):
        found = _unix(decode.integer(answer, key)) or _local(answer.get(key))
        if found is not None:
            return found
    return None


def _unix(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and 0 < seconds < 2**33 else None


def _local(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def _expiry_in_jwt(secret: str) -> datetime | None:
    """The `exp` claim, where the token happens to be a readable JWT."""
    parts = secret.split(".")
    try:
        claims = decode.parse_object(base64.urlsafe_b64decode(parts[1] + "==")) if len(parts) == 3 else {}
    except (ValueError, BadAnswer):
        return None
    return _unix(decode.integer(claims, "exp"))


def _is_token(text: str) -> bool:
    return _BEARER.match(text) is not None
