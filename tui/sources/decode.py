"""Looks into answers whose every field may be missing, null or of the wrong type, and never raises on a field.

Strings come out clean (`model.text.clean`), so nothing that left this module needs cleaning again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tui.model.text import clean
from tui.sources.errors import BadAnswer
from tui.sources.moments import moment

JsonObject = Mapping[str, Any]
LARGEST_COUNT = 10**12
_INTEGER = re.compile(r"\s*[+-]?\d{1,15}\s*\Z", re.ASCII)


def parse(body: bytes) -> Any:
    """The JSON value in `body`; raises `BadAnswer`. The standard library's parser is used because it lets lone
    surrogates through to be cleaned, where a stricter one would throw the whole page away for one bad name."""
    try:
        text = body.decode("utf-8-sig", errors="replace")
        return json.loads(text, parse_constant=lambda _: None, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"the answer is not JSON ({type(error).__name__})") from error


def parse_object(body: bytes) -> JsonObject:
    """The JSON object in `body`; raises `BadAnswer` for anything else."""
    value = parse(body)
    if not isinstance(value, dict):
        raise BadAnswer(f"the answer is {_kind(value)} where an object was expected")
    return value


def items(container: Any, key: str = "value") -> Iterator[JsonObject]:
    """The objects in the list at `key` (or in a bare list); whatever is not an object is passed over."""
    values = container.get(key) if isinstance(container, dict) else container
    if isinstance(values, list):
        yield from (value for value in values if isinstance(value, dict))


def child(obj: Any, key: str) -> JsonObject:
    """The object at `key`, or an empty one."""
    value = obj.get(key) if isinstance(obj, dict) else None
    return value if isinstance(value, dict) else {}


def text(obj: Any, key: str) -> str:
    """The cleaned string at `key`; numbers become text; anything else is empty."""
    value = obj.get(key) if isinstance(obj, dict) else None
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return clean(str(value)) if abs(value) < LARGEST_COUNT else ""
    return ""


def text_or_none(obj: Any, key: str) -> str | None:
    """The cleaned string at `key`; None where there is none or an empty one."""
    return text(obj, key) or None


def texts(obj: Any, key: str) -> tuple[str, ...]:
    """The cleaned strings of the list at `key`; whatever is not a string is passed over."""
    values = obj.get(key) if isinstance(obj, dict) else None
    if not isinstance(values, list):
        return ()
    return tuple(clean(value) for value in values if isinstance(value, str))


def boolean(obj: Any, key: str) -> bool | None:
    """True or false at `key`; None for anything else, even for 1 and "true"."""
    value = obj.get(key) if isinstance(obj, dict) else None
    return value if isinstance(value, bool) else None


def integer(obj: Any, key: str) -> int | None:
    """A whole number at `key`, also when written as text; None for anything else."""
    return as_integer(obj.get(key) if isinstance(obj, dict) else None)


def as_integer(value: Any) -> int | None:
    """`value` as a whole number from -10^12 to 10^12; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _INTEGER.match(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_COUNT:
        value = int(value)
    return value if isinstance(value, int) and abs(value) <= LARGEST_COUNT else None


def count(value: Any) -> int | None:
    """`value` as a count: a whole number that is not negative."""
    number = as_integer(value)
    return number if number is not None and number >= 0 else None


def time(obj: Any, key: str) -> datetime | None:
    """The time at `key`, aware, in UTC; None where there is none or where it means never."""
    return moment(obj.get(key)) if isinstance(obj, dict) else None


def _whole(digits: str) -> int | None:
    """A JSON integer; one of absurd length, which int() refuses, must not cost the page around it."""
    return int(digits) if len(digits) <= 100 else None


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    return "null" if value is None else f"a {type(value).__name__}"
