"""The log: a file when `--log-file` names one, else nowhere; never the terminal, and never a token in it."""

from __future__ import annotations

import logging
import os
import re
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

LARGEST_LOG = 1 << 20
KEPT_LOGS = 3
LEVELS = ("debug", "info", "warning", "error")

_SECRETS = (
    re.compile(r"(\b(?:Bearer|Basic)\s+)[^\s'\",;]+", re.IGNORECASE),
    re.compile(r"()\beyJ[A-Za-z0-9_=-]{4,}(?:\.[A-Za-z0-9_=-]*)*"),
    re.compile(
        r"(\b(?:(?:access|refresh|id)_?token|client_secret|client_assertion|assertion|password|passwd|sig|code)"
        r"[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]+",
        re.IGNORECASE,
    ),
)


def start(file: Path | None, level: str = "info") -> None:
    """Log to `file`, rotating at 1 MiB; None: log nowhere. Raises `OSError` where the file cannot be written.

    Libraries that log to nobody would otherwise reach stderr, which is the live screen.
    """
    logging.raiseExceptions = False  # a full disk must not print tracebacks over the screen
    root = logging.getLogger()
    stop()
    root.addHandler(_to_file(file) if file else logging.NullHandler())
    root.setLevel(level.upper() if file else logging.CRITICAL)


def stop() -> None:
    """Take down what `start` put up."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, PrivateFileHandler | logging.NullHandler)]:
        root.removeHandler(handler)
        handler.close()


def current_file() -> Path | None:
    """The file being logged to, if any."""
    handlers = (each for each in logging.getLogger().handlers if isinstance(each, PrivateFileHandler))
    return next((Path(each.baseFilename) for each in handlers), None)


def redacted(text: str) -> str:
    """`text` with tokens, passwords and signatures replaced by `***`."""
    for secret in _SECRETS:
        text = secret.sub(r"\1***", text)
    return text


class RedactingFormatter(logging.Formatter):
    """Redacts the finished record, so that tracebacks and arguments are covered as well as the message."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class PrivateFileHandler(RotatingFileHandler):
    """A rotating file that its owner alone may read: it holds names of people."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding=self.encoding, errors=self.errors)


def _to_file(file: Path) -> logging.Handler:
    handler = PrivateFileHandler(
        file, maxBytes=LARGEST_LOG, backupCount=KEPT_LOGS, encoding="utf-8", errors="backslashreplace"
    )
    formatter = RedactingFormatter("%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")
    handler.setFormatter(formatter)
    return handler
