"""The published API descriptions as JSON Schema, by path."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

FORMATS = jsonschema.FormatChecker(("uuid",))
DATES = {
    "date-time": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)$",
    "date-time-rfc1123": r"^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$",
}
Document = Mapping[str, Any]


def graph(shared: Path) -> Document:
    loaded: Document = yaml.safe_load((shared / "openapi" / "graph-subset.yaml").read_text())
    return loaded


def arm(shared: Path, name: str) -> Document:
    loaded: Document = json.loads((shared / "openapi" / f"{name}.json").read_text())
    return loaded


def check(document: Document, path: str, body: Any) -> None:
    """Raises `ValidationError` where the description of a GET of `path` does not allow `body` as a success."""
    schema = _schema(document, _answer(document, path), nullable=False)
    jsonschema.validate(body, schema, jsonschema.Draft202012Validator, format_checker=FORMATS)


def _answer(document: Document, path: str) -> Any:
    responses = document["paths"][path]["get"]["responses"]
    response = _found(document, responses.get("200") or responses["2XX"])
    return response["schema"] if "schema" in response else response["content"]["application/json"]["schema"]


def _found(document: Document, node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _schema(document: Document, node: Any, *, nullable: bool, depth: int = 0) -> Any:
    """Null is allowed where the description says so, and where it cannot say so: Swagger 2 and properties by
    reference. Properties beside the described ones are allowed, as the services send them."""
    if depth > 20:
        return {}
    node = _found(document, node)
    made: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            made[key] = {name: _property(document, item, depth) for name, item in value.items()}
        elif key == "items":
            made[key] = _schema(document, value, nullable=False, depth=depth + 1)
        elif key in ("allOf", "anyOf", "oneOf"):
            made[key] = [_schema(document, item, nullable=False, depth=depth + 1) for item in value]
        elif key in ("type", "enum", "pattern", "format", "required", "minimum", "maximum"):
            made[key] = value
    if made.get("format") in DATES:
        made.setdefault("pattern", DATES[made["format"]])
    return {"anyOf": [made, {"type": "null"}]} if nullable else made


def _property(document: Document, node: Any, depth: int) -> Any:
    can_say_so = "swagger" not in document and "$ref" not in node
    nullable = bool(node.get("nullable")) if can_say_so else True
    return _schema(document, node, nullable=nullable, depth=depth + 1)
