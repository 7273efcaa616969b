"""The OpenAPI 3.1 document, made from the routes and the documents' types."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from trivet.platform.dialects.native import examples
from trivet.platform.dialects.native.context import PREFIX
from trivet.platform.dialects.native.routes.route import Access, Body, Route
from trivet.platform.dialects.native.routes.table import ROUTES
from trivet.platform.dialects.native.schemas import files, jobs
from trivet.platform.dialects.native.schemas.document import Page
from trivet.platform.wire.problems import PROBLEM_TYPE, STATUS, Problem

_REFERENCE = "#/components/schemas/{name}"
_WHO = {
    Access.PUBLIC: "Anybody may ask; no key is needed.",
    Access.KEY: "Any valid key will do.",
    Access.CALL: "The key needs the scope `call`.",
    Access.READ: "The key needs the scope `read`.",
    Access.DEPLOY: "The key needs the scope `deploy`.",
    Access.DATA: "The key needs the scope `data`.",
    Access.ADMIN: "For administrators, with a key of the scope `admin`.",
}
_PARTS = {
    "owner": "The account or organization that owns it.",
    "name": "The endpoint's name.",
    "endpoint_id": "The endpoint's opaque id, or its integer id.",
    "job": "The job's id.",
    "version": "A version: `1.2.0`, a range, a content hash, an alias of one version, `latest`, or its id.",
    "alias": "The alias's name.",
    "deployment": "The deployment's id.",
    "image": "The image's id.",
    "account": "The account's name.",
    "organization": "The organization's name.",
    "key": "The key's id.",
    "secret": "The secret's name.",
    "path": "A path to hosted data, without `data://`, each name percent-encoded.",
    "collection": "The collection's name.",
}
_MODULE = re.compile(r"\b(?:\w+\.)+")
_BYTES = {"type": "string", "contentMediaType": "application/octet-stream"}
_HEADERS = {
    "Trivet-Job-Id": ("The job's id.", "string"),
    "Trivet-Duration": ("Milliseconds in the handler.", "number"),
    "Trivet-Queued": ("Milliseconds that the job waited.", "number"),
    "Trivet-Attempts": ("How many attempts it took.", "integer"),
}
_FILE_HEADERS = {
    "X-Data-Type": ("What it is: `file` or `directory`.", "string"),
    "ETag": ("The file's MD5 in hex.", "string"),
    "Last-Modified": ("When the file was written.", "string"),
}
_LIMIT_HEADERS = {
    "RateLimit-Policy": ("The limits of the key and its account, where they have some.", "string"),
    "RateLimit": ("What is left of them.", "string"),
}
_CALL_HEADERS = {
    "Idempotency-Key": "A name for this call: a second one with the same name gets the same job.",
    "Trivet-Affinity": "Any text: calls with the same one get the same version while they are split between several.",
}
_WHY = {
    400: "The request can't be understood.",
    401: "No key, or one that does not count.",
    403: "One may see it, but not do this.",
    404: "It does not exist, or the key may not know that it does.",
    412: "A condition does not hold: it is not the version that was demanded.",
    409: "It contradicts what is there, or the job was cancelled.",
    413: "Over the limit, which `limit` tells in bytes.",
    415: "A content type that is not taken here.",
    416: "The file has no such range, or several were asked for at once.",
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
    ordered = sorted(kinds, key=_name)
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


def _name(kind: Any) -> str:
    """A document's name without its module, so that the order of the document is none of the code's."""
    return _MODULE.sub("", str(kind))


def example_of(kind: Any) -> Any:
    """The example of a document, as JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(examples.EXAMPLES[kind]))


def _operation(route: Route, path: str, place: int, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name if place == 0 else f"{route.name}_by_id",
        "tags": [route.tag],
        "summary": route.summary,
        "description": " ".join(text for text in (route.detail, _WHO[route.access]) if text),
    }
    if route.access is Access.PUBLIC:
        operation["security"] = []
    parameters = [*_path_parameters(path), *_query_parameters(route), *_header_parameters(route)]
    if parameters:
        operation["parameters"] = parameters
    if route.request is not None:
        required = route.request is not Body.INPUT
        operation["requestBody"] = {"required": required, "content": _content(route.request, schemas)}
    operation["responses"] = _responses(route, schemas)
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "description": _PARTS[name], "schema": {"type": "string"}}
        for name in names
    ]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    said = _CALL_HEADERS if route.tag == "Calling" else {}
    return [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in said.items()
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": query.name,
            "in": "query",
            "required": route.request is Body.ARCHIVE and query.name == "filename",
            "description": query.text,
            "schema": {"type": query.type},
        }
        for query in route.queries
    ]


def _responses(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    if route.response is None:
        responses[str(route.status)] = {"description": "Done."}
    else:
        responses[str(route.status)] = {"description": "As asked.", "content": _content(route.response, schemas)}
    if route.response is Body.OUTPUT and route.name != "get_job_input":
        responses["200"]["headers"] = _headers(_HEADERS)
        responses["202"] = {
            "description": "The job is not final yet; `Location` is where it goes on.",
            "content": _content(jobs.Job, schemas),
        }
    if route.response in (Body.DATA, Body.BUNDLE):
        responses["200"]["headers"] = _headers(_FILE_HEADERS)
        responses["206"] = {"description": "The part that `Range` asks for.", "content": {"*/*": {"schema": _BYTES}}}
        responses["304"] = {"description": "The asker has this very version."}
    if route.request is Body.INPUT:
        responses[str(route.status)].setdefault("headers", {}).update(_headers(_LIMIT_HEADERS))
    for status in _errors(route):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return responses


def _headers(told: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {name: {"description": text, "schema": {"type": kind}} for name, (text, kind) in told.items()}


def _errors(route: Route) -> list[int]:
    if route.access is Access.PUBLIC:
        return [500]
    found = {401, 500, 503}
    if route.access is not Access.KEY:
        found.add(403)
    if "{" in route.path:
        found.add(404)
    if route.queries or route.request is not None:
        found.add(400)
    if route.request is not None:
        found |= {413, 507}
        found |= {422} if route.request is Body.ARCHIVE else {412} if route.request is Body.FILE else {415}
    if isinstance(route.request, type) or route.method == "DELETE":
        found.add(409)
    if route.request is Body.INPUT:
        found |= {415, 422, 429}
    if route.response is Body.OUTPUT:
        found |= {409, 504}
    if route.response is Body.DATA:
        found |= {412, 416}
    if route.response is Body.BUNDLE:
        found.add(412)
    return sorted(found)


def _content(kind: Any, schemas: dict[Any, Any]) -> dict[str, Any]:
    if not isinstance(kind, Body):
        return {"application/json": {"schema": schemas[kind], "example": example_of(kind)}}
    if kind is Body.INPUT or kind is Body.OUTPUT:
        example = examples.INPUT if kind is Body.INPUT else examples.OUTPUT
        return {
            "application/json": {"schema": {}, "example": example},
            "text/plain": {"schema": {"type": "string"}, "example": "Bond"},
            "*/*": {"schema": _BYTES},
        }
    if kind is Body.ARCHIVE:
        return {"application/gzip": {"schema": _BYTES, "example": "(the bytes of hello.tar.gz)"}}
    if kind is Body.FILE:
        return {"*/*": {"schema": _BYTES}}
    if kind is Body.DATA:
        return {"*/*": {"schema": _BYTES}, **_content(Page[files.DataEntry], schemas)}
    if kind is Body.BUNDLE:
        return {"application/zip": {"schema": _BYTES, "example": "(the bytes of fish-1.0.0.zip)"}}
    if kind is Body.EVENTS:
        return {"text/event-stream": {"schema": {"type": "string"}, "example": examples.EVENTS}}
    if kind is Body.OPENAPI:
        return {"application/json": {"schema": {"type": "object"}, "example": {"openapi": "3.1.0"}}}
    return {"text/plain": {"schema": {"type": "string"}, "example": "Resolved 1 package in 12 ms\n"}}


def _problem(status: int) -> dict[str, Any]:
    codes = [code for code, number in STATUS.items() if number == status]
    retry = {"Retry-After": ("Whole seconds.", "integer")}
    headers = {429: retry | _LIMIT_HEADERS, 503: retry}.get(status)
    return {
        "description": _WHY[status],
        **({} if headers is None else {"headers": _headers(headers)}),
        "content": {
            PROBLEM_TYPE.decode(): {
                "schema": {"$ref": _REFERENCE.format(name="Problem")},
                "example": example_of(Problem) if status == 422 else _plain_problem(codes[0], status),
            }
        },
    }


def _plain_problem(code: str, status: int) -> dict[str, Any]:
    title = _WHY[status].rstrip(".")
    return {"type": f"urn:trivet:error:{code}", "title": title, "status": status, "code": code, "detail": _WHY[status]}
