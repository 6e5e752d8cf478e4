"""The OpenAPI document of `/v1`, generated from routes and types."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from linerisk import __version__
from linerisk.model.tiers import TIERS
from linerisk.review.deadlines import DeadlineStatus
from linerisk.review.transitions import State
from linerisk.service.api import ROUTES
from linerisk.service.routes.bulk import BULK
from linerisk.service.routes.route import Route
from linerisk.service.routes.scoring import SCORING
from linerisk.web.errors import ErrorAnswer
from linerisk.web.query_params import LONGEST_ID

_REFUSALS = {
    "400": "malformed",
    "401": "no valid token",
    "403": "the role of the token does not allow this call",
    "404": "not found",
    "405": "method not allowed",
    "408": "the body did not arrive in time",
    "409": "the request_id was used with another body, or the case has changed meanwhile",
    "413": "the body is too large",
    "415": "the body is not JSON",
    "422": "a value is wrong: which field, what was expected, what was found",
    "429": "the token is over its rate limit; see Retry-After",
    "431": "the head is too large",
    "500": "internal error; give the operator of the service the number in x-request-number",
    "503": "overloaded, nothing is live, or the log cannot be written; see Retry-After",
}
_ONLY_WITH_BODY = frozenset({"408", "409", "413", "415"})
_ONLY_OF_SCORING = frozenset({"429"})
_SCORING = frozenset(route.path for route in (*SCORING, *BULK))
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_QUERIES: dict[str, dict[str, dict[str, Any]]] = {
    "/v1/score/arrow": {
        "request_id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": "^[!-~]+$"},
        "as_of": {"type": "string", "format": "date-time"},
        "dry_run": {"type": "string", "enum": ["true", "false"], "default": "false"},
        "reasons": {"type": "string", "enum": ["true", "false"], "default": "true"},
    },
    "/v1/decisions/{id}/notice": {
        "lang": {"type": "string", "enum": ["zh", "en"], "default": "zh"},
        "form": {"type": "string", "enum": ["json", "sms", "html"], "default": "json"},
        "sent_at": {"type": "string", "format": "date-time"},
    },
    "/v1/decisions/{id}/evidence": {"form": {"type": "string", "enum": ["json", "html"], "default": "json"}},
    "/v1/policy": {"on": {"type": "string", "format": "date"}},
    "/v1/lines/{line_id}/decisions": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        "before": {"type": "string"},
    },
    "/v1/disputes": {
        "state": {"type": "string", "enum": [state.value for state in State]},
        "clock": {"type": "string", "enum": [each.value for each in DeadlineStatus]},
        "tier": {"type": "string", "enum": [tier.value for tier in TIERS]},
        "assigned_to": {"type": "string"},
        "line_id": {"type": "string"},
        "decision_id": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        "after": {"type": "string"},
    },
    "/v1/lifts": {
        "after": {"type": "integer", "minimum": 0, "default": 0},
        "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    },
}


def merged(document: dict[str, Any]) -> dict[str, Any]:
    """Add the calls of `/v1` to BentoML's document."""
    components = dict(document.get("components") or {})
    _, schemas = msgspec.json.schema_components([*_bodies(), ErrorAnswer], ref_template="#/components/schemas/{name}")
    components["schemas"] = {**components.get("schemas", {}), **schemas}
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        **document,
        "openapi": "3.1.0",
        "info": {**document["info"], "title": "linerisk", "version": __version__, "contact": {}},
        "paths": {**paths, **_bentoml_paths(document["paths"])},
        "components": components,
    }


def _bentoml_paths(paths: dict[str, Any]) -> dict[str, Any]:
    """BentoML's paths, with the 503 of `/readyz` while nothing is live."""
    ready = paths["/readyz"]
    not_ready = {"description": "nothing is live yet", "content": {"text/plain": {"schema": {"type": "string"}}}}
    responses = {**ready["get"]["responses"], "503": not_ready}
    return {**paths, "/readyz": {**ready, "get": {**ready["get"], "responses": responses}}}


def _bodies() -> list[type]:
    """Types of request and answer bodies, each once, in the order of the calls."""
    named = (kind for route in ROUTES for kind in (route.body, route.answer) if kind is not None)
    return list(dict.fromkeys(named))


def _operation(route: Route) -> dict[str, Any]:
    takes_body = route.body is not None or route.stream is not None
    answer = {"type": "object"} if route.answer is None else _schema(route.answer.__name__)
    content = {route.stream: _BYTES} if route.stream else {"application/json": {"schema": answer}}
    if route.page:
        content["text/html"] = {"schema": {"type": "string"}}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": f"Role: {', '.join(sorted(route.roles))}.",
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', route.path[1:].lower()).strip('_')}",
        "tags": ["/v1"],
        "security": [{"token": []}],
        "parameters": [
            *(_parameter(name, "path", {"type": "string"}) for name in re.findall(r"{(\w+)}", route.path)),
            *(_parameter(name, "query", schema) for name, schema in _QUERIES.get(route.path, {}).items()),
        ],
        "responses": {
            "200": {"description": "answered", "content": content},
            **{
                status: {"description": meaning, "content": {"application/json": {"schema": _schema("ErrorAnswer")}}}
                for status, meaning in _REFUSALS.items()
                if (takes_body or status not in _ONLY_WITH_BODY)
                and (route.path in _SCORING or status not in _ONLY_OF_SCORING)
            },
        },
    }
    if takes_body:
        sent = {"application/json": {"schema": _schema(route.body.__name__)}} if route.body else content
        operation["requestBody"] = {"required": True, "content": sent}
    return operation


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path" or name == "request_id", "schema": schema}


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
