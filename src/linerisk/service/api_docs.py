"""The page of calls at `/`: the OpenAPI document as one HTML page that fetches nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_PAGES = Environment(
    loader=PackageLoader("linerisk.service", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_REFERENCE = "#/components/schemas/"
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} long",
    "maxLength": "at most {} long",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
}
_MOST_DIGITS = 2**31
"""Bounds beyond it only say that a number has 64 bits."""

_OPEN = {
    "/": "this page",
    "/docs.json": "the same for machines",
    "/livez": "200 while the process runs",
    "/healthz": "the same, by its older name",
    "/readyz": "200 while there is a model to answer with",
    "/metrics": "figures in the Prometheus text format",
}

Part = dict[str, Any]


def calls_page(document: dict[str, Any]) -> tuple[bytes, str]:
    """The page, and what of its style a content policy has to allow.

    Args:
        document: OpenAPI 3.1, as `service.openapi.merged` makes it.

    Returns:
        The page in UTF-8, and the source expression of its style: `'sha256-...'`.
    """
    style = _PAGES.get_template("calls.css").render().strip()
    ours = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/v1/")
    ]
    refusals = {status: answer["description"] for *_, each in ours for status, answer in _refusals(each).items()}
    schemas = document["components"]["schemas"]
    page = _PAGES.get_template("calls.html.j2").render(
        about=document["info"]["description"],
        version=document["info"]["version"],
        style=Markup(style),  # noqa: S704  # our own file
        calls=[_call(*each) for each in ours],
        refusals=sorted(refusals.items()),
        open=_OPEN.items(),
        schemas=[_schema(name, schemas[name]) for name in _reached([each[2] for each in ours], schemas)],
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return page.encode(), f"'sha256-{digest}'"


def _call(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody")
    return {
        "anchor": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "roles": operation["description"],
        "parameters": [
            _row(each["name"], each["schema"], required=each["required"]) for each in operation["parameters"]
        ],
        "request": _content(body) if body else [],
        "answer": _content(operation["responses"]["200"]),
        "refusals": list(_refusals(operation)),
    }


def _refusals(operation: dict[str, Any]) -> dict[str, Any]:
    return {status: answer for status, answer in operation["responses"].items() if status != "200"}


def _content(body: dict[str, Any]) -> list[Part]:
    """What a body may be."""
    parts: list[Part] = []
    for media_type, content in body.get("content", {}).items():
        parts += [_text(" or ")] if parts else []
        parts += [_text(media_type)] if media_type != "application/json" else _kind(content["schema"])
    return parts


def _schema(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        "name": name,
        "meaning": schema.get("description", "").split("\n\n", maxsplit=1)[0],
        "rows": [_row(key, value, required=key in required) for key, value in schema.get("properties", {}).items()],
    }


def _row(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    said = [schema["description"]] if "description" in schema else []
    if schema.get("default") is not None:
        said.append(f"default {schema['default']}")
    return {"name": name, "kind": _kind(schema), "required": required, "meaning": "; ".join(said)}


def _kind(schema: dict[str, Any]) -> list[Part]:
    """The type of a value in words, with links to the bodies that it names."""
    if "$ref" in schema:
        return [{"text": schema["$ref"].removeprefix(_REFERENCE), "link": True}]
    if "anyOf" in schema:
        parts: list[Part] = []
        for each in schema["anyOf"]:
            parts += [*([_text(" or ")] if parts else []), *_kind(each)]
        return parts
    if "enum" in schema:
        return [_text(" or ".join(str(each) for each in schema["enum"]))]
    name = {"array": "list", "object": "object"}.get(schema.get("type", ""), schema.get("type", "any"))
    items = schema.get("items") or schema.get("additionalProperties")
    parts = [_text(name), *([_text(" of "), *_kind(items)] if isinstance(items, dict) else [])]
    limits = [
        say.format(schema[key]) for key, say in _BOUNDS.items() if abs(schema.get(key, _MOST_DIGITS)) < _MOST_DIGITS
    ]
    limits += [schema["format"]] if "format" in schema else []
    return [*parts, _text(f" ({', '.join(limits)})")] if limits else parts


def _reached(start: Any, schemas: dict[str, Any]) -> list[str]:
    """Bodies that calls name, and those that these name, in the order of being met."""
    found: dict[str, None] = {}
    waiting = [start]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix(_REFERENCE)
            if name in schemas and name not in found:
                found[name] = None
                waiting.append(schemas[name])
            part = list(part.values())
        if isinstance(part, list):
            waiting += part
    return list(found)


def _text(text: str) -> Part:
    return {"text": text, "link": False}
