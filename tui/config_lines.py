"""Which line of a TOML file a key stands on: tomllib does not say, and an error without a line is half an error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

from tui.config_values import KeyPath

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEY})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"[ \t]*({_KEY})[ \t]*=(.*)")


def line_of(source: str, path: KeyPath) -> int | None:
    """The 1-based line of `path`, or of the nearest table around it; None where neither is found.

    An index in `path` counts the tables of a `[[list]]` from 1.
    """
    lines = _lines(source)
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), None)


def _lines(source: str) -> Mapping[KeyPath, int]:
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    counted: dict[KeyPath, int] = {}
    for number, line in _statements(source):
        if header := _HEADER.match(line):
            table = _header_path(header[1] == "[[", _parts(header[2]), counted)
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            found.setdefault((*table, *_parts(assignment[1])), number)
    return found


def _header_path(listed: bool, parts: tuple[str, ...], counted: dict[KeyPath, int]) -> KeyPath:
    """The path that a header opens: every list on the way gets the index of its newest table."""
    path: KeyPath = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if listed and position == len(parts) - 1:
            counted[path] = counted.get(path, 0) + 1
        if path in counted:
            path = (*path, counted[path])
    return path


def _statements(source: str) -> Iterator[tuple[int, str]]:
    """(number, line) of every line that does not stand inside a multi-line string."""
    closing = ""
    for number, line in enumerate(source.split("\n"), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        yield number, line
        closing = _opened(line)


def _opened(line: str) -> str:
    """The quotes that must come before the multi-line string begun in `line` ends; empty where none is open."""
    assignment = _ASSIGNMENT.match(line)
    value = assignment[2].lstrip() if assignment else ""
    for quotes in ('"""', "'''"):
        if value.startswith(quotes) and value.count(quotes) == 1:
            return quotes
    return ""


def _parts(key: str) -> tuple[str, ...]:
    """A dotted key taken apart by the TOML parser itself, so that quoted parts come out right."""
    try:
        tree = tomllib.loads(f"{key} = 0")
    except ValueError:
        return ()
    parts: list[str] = []
    while isinstance(tree, dict):
        name, tree = next(iter(tree.items()))
        parts.append(name)
    return tuple(parts)
