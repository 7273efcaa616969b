"""Whatever a server answers, in whatever place: nothing but the documented errors comes out, and nothing goes on for ever."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.algorithmia_module.fakes import FakeServer
from tests.unit.sdk.mutations import answers
from trivet.algorithmia.acl import ReadAcl
from trivet.algorithmia.algorithm import OutputType
from trivet.algorithmia.client import Client
from trivet.algorithmia.errors import ApiError
from trivet.sdk._retry import Backoff

CALLED = {
    "result": "aGVsbG8=",
    "metadata": {"content_type": "binary", "duration": 0.1, "stdout": "x", "alerts": [], "request_id": "r1"},
}
FAILED = {
    "error": {"message": "no", "stack_trace": "at x", "error_type": "InputError"},
    "metadata": {"duration": 0.1, "request_id": "r1"},
}
BEGUN = {"async": "void", "request_id": "r1"}
LISTED = {
    "folders": [{"name": "f", "acl": {"read": ["user://*"]}}],
    "files": [{"filename": "x", "size": 3, "last_modified": "2026-01-05T10:00:00.000Z"}],
    "acl": {"read": ["algo://.my/*"]},
    "marker": "m1",
}
ALGORITHM = {"id": "a1", "name": "Hello", "details": {"label": "x"}, "version_info": {"semantic_version": "1.0.0"}}
PROVIDERS = [{"id": "p1", "name": "kms"}]
KINDS = [{"id": "t1", "name": "basic"}]

Ask = Callable[[Client], Any]
CALLS: dict[str, tuple[Any, Ask]] = {
    "pipe": (CALLED, lambda client: client.algo("demo/Hello").pipe("x")),
    "pipe, failed": (FAILED, lambda client: client.algo("demo/Hello").pipe("x")),
    "void": (BEGUN, lambda client: _with(client, "void").pipe("x")),
    "raw": ("text", lambda client: _with(client, "raw").pipe("x")),
    "list": (LISTED, lambda client: list(client.dir("data://me/c").list())),
    "files": (LISTED, lambda client: [file.last_modified for file in client.dir("data://me/c").files()]),
    "dirs": (LISTED, lambda client: list(client.dir("data://me/c").dirs())),
    "permissions": (LISTED, lambda client: client.dir("data://me/c").get_permissions()),
    "permit": ({}, lambda client: client.dir("data://me/c").update_permissions(ReadAcl.public)),
    "create": ({}, lambda client: client.dir("data://me/c").create(ReadAcl.private)),
    "delete": ({"result": {"deleted": 1}}, lambda client: client.file("data://me/c/x").delete()),
    "put": ({"result": "data://x"}, lambda client: client.file("data://me/c/x").put("x")),
    "exists": ({}, lambda client: client.file("data://me/c/x").exists()),
    "text": ("x", lambda client: client.file("data://me/c/x").getString()),
    "json": ({"a": 1}, lambda client: client.file("data://me/c/x").getJson()),
    "username": (LISTED, lambda client: client.username()),
    "info": (ALGORITHM, lambda client: client.algo("demo/Hello").info()),
    "known": (ALGORITHM, lambda client: client.algo("demo/Hello").exists()),
    "secrets": (ALGORITHM, lambda client: client.algo("demo/Hello").get_secrets()),
    "secret": (ALGORITHM, lambda client: client.algo("demo/Hello").set_secret("a", "B", "c")),
    "kinds": (KINDS, lambda client: client.convert_type_id("basic")),
    "organization": (KINDS, lambda client: client.create_org({"org_name": "x", "type_id": "basic"})),
    "environments": ({"environments": []}, lambda client: client.get_environment("python3")),
    "errors": ([], lambda client: client.get_algorithm_errors("a1")),
}


def _with(client: Client, output: str) -> Any:
    return client.algo("demo/Hello").set_options(output=OutputType[output])


HEADERS = {"x-error-message": "no", "retry-after": "0", "location": "/elsewhere"}
SERIES = {name: st.lists(answers(document, HEADERS), min_size=1, max_size=3) for name, (document, _) in CALLS.items()}


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
@settings(max_examples=400, suppress_health_check=list(HealthCheck), deadline=None)
def test_only_documented_errors_come_out_of_odd_answers(name: str, data: st.DataObject) -> None:
    _, ask = CALLS[name]
    client = Client("simKey", "https://api.example", transport=FakeServer(*data.draw(SERIES[name])))
    client._backoff = client._way()._backoff = Backoff(base=0.0, longest_asked=0.0)
    with suppress(ApiError):
        repr(ask(client))
