"""Hypothesis strategies for the answers that the official API descriptions allow, and for ones that nobody allows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

_KEPT = ("type", "enum", "format", "pattern", "minimum", "maximum")
_DEEPEST = 12
LONGEST_LIST = 3


@cache
def description(path: Path) -> dict[str, Any]:
    """An API description; its schemas stand under `definitions` (Swagger 2) or `components.schemas` (OpenAPI 3)."""
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def answers(path: Path, name: str, *, whole: bool) -> st.SearchStrategy[Any]:
    """Answers of the schema `name`. `whole`: every documented field is present, else any may be missing."""
    document = description(path)
    schemas = document.get("definitions") or document["components"]["schemas"]
    return _answers(schemas[name], schemas, whole, 0)


def hostile() -> st.SearchStrategy[Any]:
    """JSON of any shape: absurd numbers, times and lengths, escape sequences, lone surrogates, deep nests."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([10**400, -(10**400), 2**63, -1, 1.5, 1e308, float("inf"), float("nan")]),
        st.text(st.characters(exclude_categories=()), max_size=20),
        moments(),
        durations(),
        st.sampled_from(["\x1b]0;x\x07\x1b[2J", "\u202eevil", "[red]x[/red]", "\ud800", "x" * 5000, "/", "..", "%2e"]),
    )
    trees = st.recursive(leaves, _containers, max_leaves=8)
    return st.one_of(leaves, trees, st.builds(_nested, st.sampled_from([30, 300])))


def moments() -> st.SearchStrategy[str]:
    """Times, likely and absurd, in every style that an upstream has been seen to use."""
    years, days = st.integers(0, 12000), st.integers(0, 40)
    iso = st.builds("{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}.{}Z".format, years, days, days, days, days, days, years)
    prose = st.builds("Synchronized on Tue, {:02d} Sep {:04d} {:02d}:47:57 {}.".format, days, years, days, _ZONES)
    dotnet = st.builds("/Date({}{})/".format, st.integers(-(10**20), 10**20), _ZONES)
    return st.one_of(iso, prose, dotnet, st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", ""]))


def durations() -> st.SearchStrategy[str]:
    """Lengths of time: ISO 8601, .NET's, and neither."""
    return st.one_of(
        st.from_regex(r"-?P(\d{0,12}D)?(T(\d{0,12}H)?(\d{0,12}M)?(\d{0,12}(\.\d{0,9})?S)?)?", fullmatch=True),
        st.from_regex(r"-?(\d{0,12}\.)?\d{1,3}:\d\d:\d\d(\.\d{1,9})?", fullmatch=True),
        st.just("P10675199DT2H48M5.4775807S"),
    )


@st.composite
def spoiled(draw: Callable[..., Any], whole: st.SearchStrategy[Any]) -> Any:
    """A documented answer in which some fields, anywhere, hold something else."""
    answer = deepcopy(draw(whole))
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(answer))
        if not places:
            return draw(hostile())
        holder, key = draw(st.sampled_from(places))
        holder[key] = draw(hostile())
    return answer


_ZONES = st.sampled_from(["GMT", "UTC", "+0000", "-2359", "+99:99", "", "PST"])


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(["id", "value", "details", "name", "key", "count", "nextLink", "@odata.nextLink"])
    return st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)


def _nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"value": value}
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (holder, key) in a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _answers(schema: dict[str, Any], schemas: dict[str, Any], whole: bool, depth: int) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _answers(_named(schema, schemas), schemas, whole, depth)
    if depth > _DEEPEST:
        return st.none()
    properties = _properties(schema, schemas)
    if properties:
        fields = {key: _answers(one, schemas, whole, depth + 1) for key, one in properties.items()}
        found = st.fixed_dictionaries(fields if whole else {}, optional={} if whole else fields)
    elif schema.get("type") == "array":
        inner = _answers(schema["items"], schemas, whole, depth + 1)
        found = st.lists(inner, min_size=int(whole), max_size=LONGEST_LIST)
    else:
        found = _leaf(schema)
    return st.none() | found if schema.get("nullable") and not whole else found


def _leaf(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if schema.get("type", "object") == "object":
        return st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)
    kept = {key: value for key, value in schema.items() if key in _KEPT}
    # A format and a pattern together are slow to satisfy: the one that says more is kept.
    kept.pop("pattern" if kept.get("format") == "date-time" else "format", None)
    return from_schema(kept)


def _properties(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The properties of a schema and of all it is made of."""
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        found |= _properties(_named(part, schemas) if "$ref" in part else part, schemas)
    return found


def _named(reference: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = schemas[reference["$ref"].rsplit("/", 1)[-1]]
    return named
