"""The OpenAPI 3.1 document, made from the routes and the documents' types."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from trivet.platform.dialects.native import examples
from trivet.platform.dialects.native.context import PREFIX
from trivet.platform.dialects.native.routes import ROUTES, Access, Body, Route
from trivet.platform.wire.problems import PROBLEM_TYPE, STATUS, Problem

_REFERENCE = "#/components/schemas/{name}"
_WHO = {
    Access.PUBLIC: "Anybody may ask; no key is needed.",
    Access.KEY: "Any valid key will do.",
    Access.CALL: "The key needs the scope `call`.",
    Access.READ: "The key needs the scope `read`.",
    Access.DEPLOY: "The key needs the scope `deploy`.",
    Access.ADMIN: "For administrators, with a key of the scope `admin`.",
}
_PARTS = {
    "owner": "The account or organization that owns the endpoint.",
    "name": "The endpoint's name.",
    "endpoint_id": "The endpoint's opaque id, or its integer id.",
    "job": "The job's id.",
    "version": "A version: `1.2.0`, a range, a content hash, `latest`, or its id.",
    "deployment": "The deployment's id.",
    "account": "The account's name.",
    "organization": "The organization's name.",
    "key": "The key's id.",
    "secret": "The secret's name.",
}
_BYTES = {"type": "string", "contentMediaType": "application/octet-stream"}
_HEADERS = {
    "Trivet-Job-Id": ("The job's id.", "string"),
    "Trivet-Duration": ("Milliseconds in the handler.", "number"),
    "Trivet-Queued": ("Milliseconds that the job waited.", "number"),
    "Trivet-Attempts": ("How many attempts it took.", "integer"),
}
_CALL_ERRORS = (409, 413, 415, 422, 429, 500, 504, 507)
_WHY = {
    400: "The request can't be understood.",
    401: "No key, or one that does not count.",
    403: "One may see it, but not do this.",
    404: "It does not exist, or the key may not know that it does.",
    409: "It contradicts what is there, or the job was cancelled.",
    413: "Over the limit, which `limit` tells in bytes.",
    415: "A content type that is not taken here.",
    422: "It does not fit: `errors` names the fields, or `detail` the reason.",
    429: "Too much at once; `Retry-After` says when to come back.",
    500: "The job failed (`job_failed`, with `error`), or the platform did (`internal`).",
    503: "Not now; `Retry-After` says when to come back.",
    504: "The job ran out of its time.",
    507: "The platform's disk is full.",
}


def encoded(version: str) -> bytes:
    """The document as JSON, for a release."""
    return msgspec.json.encode(document(version))


@lru_cache(maxsize=4)
def document(version: str) -> dict[str, Any]:
    """The document, for a release. Not to be changed by who gets it."""
    kinds = {kind for route in ROUTES for kind in (route.request, route.response) if not isinstance(kind, Body | None)}
    ordered = sorted(kinds, key=str)
    references, components = msgspec.json.schema_components([*ordered, Problem], ref_template=_REFERENCE)
    schemas: dict[Any, Any] = dict(zip([*ordered, Problem], references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        for place, path in enumerate(route.paths):
            paths.setdefault(f"{PREFIX}{path}", {})[route.method.lower()] = _operation(route, path, place, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Trivet",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": (
                "Python functions and models behind one job API. Errors are problem details (RFC 9457) with a stable "
                "`code`, what happened (`detail`) and what to do next (`hint`). Times are RFC 3339 in UTC."
            ),
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in ROUTES)],
        "security": [{"bearer": []}, {"basic": []}, {"simple": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer trv_…`"},
                "basic": {"type": "http", "scheme": "basic", "description": "The key's id and its secret."},
                "simple": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Authorization: Simple trv_…`",
                },
            },
            "responses": {str(status): _problem(status) for status in sorted(_WHY)},
        },
    }


def example_of(kind: Any) -> Any:
    """The example of a document, as JSON has it; of a body, what its content would be."""
    if kind is Body.INPUT:
        return examples.INPUT
    if kind is Body.OUTPUT:
        return examples.OUTPUT
    return msgspec.to_builtins(examples.EXAMPLES[kind]) if kind is not schemas_job() else _job_example()


def _operation(route: Route, path: str, place: int, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name if place == 0 else f"{route.name}_by_id",
        "tags": [route.tag],
        "summary": route.summary,
        "description": " ".join(text for text in (route.detail, _WHO[route.access]) if text),
    }
    if route.access is Access.PUBLIC:
        operation["security"] = []
    parameters = [*_path_parameters(path), *_query_parameters(route)]
    if parameters:
        operation["parameters"] = parameters
    if route.request is not None:
        operation["requestBody"] = {"required": route.request is not Body.INPUT, "content": _content(route.request, schemas)}
    operation["responses"] = _responses(route, schemas)
    return operation
