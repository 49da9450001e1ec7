"""JSON as the state file holds it: foreign values of any kind, back as they came."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def encode(value: Any) -> str:
    """Lone surrogates, which some tenants tell, have no place in UTF-8: such values are written in ASCII."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))


def decode(text: str) -> Any:
    """What `encode` made."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)
