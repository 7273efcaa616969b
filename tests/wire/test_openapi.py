"""The OpenAPI document and the pages made from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from tests.wire.fakes import World
from trivet.platform.dialects.native import docs_page, openapi
from trivet.platform.dialects.native.examples import EXAMPLES
from trivet.platform.dialects.native.routes.route import Access
from trivet.platform.dialects.native.routes.table import ROUTES

DOCUMENT: dict[str, Any] = json.loads(openapi.encoded("1.2.3"))
OPERATIONS = [
    (method, path, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]
IDS = [f"{method} {path}" for method, path, _ in OPERATIONS]


def every(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from every(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from every(inner, key)


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def media_of(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for response in operation["responses"].values():
        whole = resolve(response["$ref"]) if "$ref" in response else response
        yield from whole.get("content", {}).items()


def test_the_document_is_served_to_anybody() -> None:
    answer = World().ask("GET", "/openapi.json", token=None)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == DOCUMENT
    assert (DOCUMENT["openapi"], DOCUMENT["info"]["version"]) == ("3.1.0", "1.2.3")


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    references = list(every(DOCUMENT, "$ref"))
    assert references
    for reference in references:
        assert resolve(reference) is not None
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_route_stands_in_the_document_under_each_of_its_paths() -> None:
    found = {(method.upper(), path) for method, path, _ in OPERATIONS}
    assert found == {(route.method, f"/api/v1{path}") for route in ROUTES for path in route.paths}
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=IDS)
def test_every_operation_is_whole(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert {tag["name"] for tag in DOCUMENT["tags"]} >= set(operation["tags"])
    placed = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
    assert placed == {part[1:-1] for part in path.split("/") if part.startswith("{")}
    assert any(status.startswith("2") for status in operation["responses"])
    public = operation.get("security") == []
    assert {"500"} <= operation["responses"].keys()
    assert public or {"401"} <= operation["responses"].keys()
    assert ("404" in operation["responses"]) == bool(placed)
    for media_type, media in media_of(operation):
        assert "example" in media or media_type == "*/*"


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=IDS)
def test_every_example_fits_its_schema(method: str, path: str, operation: dict[str, Any]) -> None:
    for media_type, media in media_of(operation):
        if media_type.endswith("json"):
            schema = {**media["schema"], "components": DOCUMENT["components"]}
            assert jsonschema_rs.Draft202012Validator(schema, offline=True).is_valid(media["example"])


def test_only_what_is_public_needs_no_key() -> None:
    public = {path for _, path, operation in OPERATIONS if operation.get("security") == []}
    assert public == {f"/api/v1{route.path}" for route in ROUTES if route.access is Access.PUBLIC}
    assert DOCUMENT["security"] == [{"bearer": []}, {"basic": []}, {"simple": []}]
    assert DOCUMENT["components"]["securitySchemes"].keys() == {"bearer", "basic", "simple"}


@pytest.mark.parametrize("kind", EXAMPLES, ids=str)
def test_every_example_is_read_back_as_what_it_is(kind: Any) -> None:
    example = EXAMPLES[kind]
    again = msgspec.json.decode(msgspec.json.encode(example), type=kind)
    assert msgspec.json.encode(again) == msgspec.json.encode(example)


class Page(HTMLParser):
    """Notes what a browser would do with the page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.anchors.add(value or "")


def test_the_page_fetches_nothing_and_its_links_lead_somewhere() -> None:
    page = Page()
    page.feed(docs_page.render(openapi.document("1.2.3")))
    assert not page.tags & {"script", "link", "img", "iframe", "object", "form"}
    for link in page.links:
        assert link == "/api/v1/openapi.json" or (link.startswith("#") and link[1:] in page.anchors)
    assert {route.name for route in ROUTES} <= page.anchors


def test_whatever_the_document_holds_is_text_on_the_page() -> None:
    evil = "<script>alert(1)</script>\"'&"
    document = json.loads(openapi.encoded(evil))
    operation = document["paths"]["/api/v1/jobs"]["get"]
    operation["summary"] = operation["description"] = operation["operationId"] = evil
    operation["parameters"][0]["name"] = operation["parameters"][0]["description"] = evil
    document["components"]["schemas"][evil] = {"description": evil}
    page = Page()
    page.feed(docs_page.render(document))
    assert "script" not in page.tags
