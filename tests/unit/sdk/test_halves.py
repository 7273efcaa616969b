"""The two halves of the client, and the shop window before them."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import trivet
from trivet.sdk import models
from trivet.sdk._async import client as written
from trivet.sdk._async import transport as written_transport
from trivet.sdk._sync import client as generated
from trivet.sdk._sync import transport as generated_transport

ROOT = Path(__file__).parents[3]


def surface(kind: type[Any]) -> dict[str, str]:
    """Public names with their signatures, in the words of the synchronous half."""
    names = {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}
    return {
        name: _plain(str(inspect.signature(value))) if callable(value) else type(value).__name__
        for name, value in names.items()
    }


def _plain(text: str) -> str:
    return re.sub(r"\bAsync(?=[A-Z])", "", text)


def pairs() -> list[tuple[type[Any], type[Any]]]:
    client, twin = written.AsyncClient("http://x", "k"), generated.Client("http://x", "k")
    kinds: list[tuple[type[Any], type[Any]]] = [
        (type(client), type(twin)),
        (type(client.endpoint("a/b")), type(twin.endpoint("a/b"))),
        (type(client.job("j")), type(twin.job("j"))),
        (type(client.job("j").stream()), type(twin.job("j").stream())),
        (written_transport.AsyncHttpTransport, generated_transport.HttpTransport),
    ]
    parts = ("endpoints", "jobs", "deployments", "files", "accounts", "keys", "orgs", "secrets")
    return kinds + [(type(getattr(client, part)), type(getattr(twin, part))) for part in parts]


@pytest.mark.parametrize(("one", "other"), pairs(), ids=lambda kind: kind.__name__)
def test_both_halves_have_the_same_shape(one: type[Any], other: type[Any]) -> None:
    assert one.__name__ == f"Async{other.__name__}"
    assert surface(one) == surface(other)
    assert surface(one)


def test_what_waits_is_awaited_in_the_one_half_and_blocks_in_the_other() -> None:
    for one, other in pairs():
        awaited = {name for name, value in inspect.getmembers(one, inspect.iscoroutinefunction)}
        assert not {name for name in awaited - {"__aenter__", "__aexit__", "__anext__"} if not hasattr(other, name)}
        assert not [name for name, value in inspect.getmembers(other, inspect.iscoroutinefunction)]
        assert not [name for name, value in inspect.getmembers(other, inspect.isasyncgenfunction)]


def test_the_generated_half_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/unasync.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_generated_half_awaits_nothing() -> None:
    for path in (ROOT / "src/trivet/sdk/_sync").glob("*.py"):
        assert not re.search(r"^\s*(async|await)\b|\bawait\b\s+\w|\basyncio\b", path.read_text(), re.MULTILINE), path


def in_a_fresh_interpreter(code: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys, json; before = set(sys.modules); {code}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return json.loads(done.stdout)


NEW = "print(json.dumps(sorted(set(sys.modules) - before)))"


def test_importing_trivet_imports_nothing_else() -> None:
    assert in_a_fresh_interpreter(f"import trivet; {NEW}") == ["__future__", "trivet"]


def test_an_error_class_costs_no_client() -> None:
    modules = in_a_fresh_interpreter(f"import trivet; trivet.TrivetError; {NEW}")
    assert {name for name in modules if "." not in name} <= {
        "__future__",
        "trivet",
        "typing",
        "collections",
        "re",
        *sys.stdlib_module_names,
    }
    assert not {"pyreqwest", "rich", "asyncio", "dataclasses", "trivet.sdk.models"} & set(modules)


def test_a_client_costs_no_event_loop_no_http_library_and_no_rich_until_they_are_used() -> None:
    modules = in_a_fresh_interpreter(f"import trivet; trivet.Client('http://x', 'k').endpoint('a/b'); {NEW}")
    assert not {"pyreqwest", "rich", "asyncio", "ssl", "tarfile", "trivet.platform", "trivet.authoring"} & set(modules)


def test_what_a_client_groups_by_noun_is_imported_when_it_is_asked_for() -> None:
    client = "import trivet; client = trivet.Client('http://x', 'k')"
    lazy = {
        "trivet.sdk._sync.files",
        "trivet.sdk._sync.keys",
        "trivet.sdk._requests.people",
        "trivet.sdk.models.people",
    }
    assert not lazy & set(in_a_fresh_interpreter(f"{client}; client.endpoint('a/b'); client.job('j'); {NEW}"))
    assert lazy <= set(in_a_fresh_interpreter(f"{client}; client.files; client.keys; {NEW}"))


def test_a_noun_of_a_client_is_made_once() -> None:
    client = trivet.Client("http://x", "k")
    assert client.files is client.files


def test_every_value_is_found_where_its_module_is_said_to_be() -> None:
    for name in models.__all__:
        assert getattr(models, name) is not None
        assert name in dir(models)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        models.Nothing  # noqa: B018 - to look is the test


def test_every_name_in_the_window_is_there() -> None:
    for name in trivet.__all__:
        assert getattr(trivet, name) is not None
        assert name in dir(trivet)


def test_a_name_that_is_not_there_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        trivet.nothing  # noqa: B018 - to look is the test
    assert not hasattr(trivet, "UnknownError")
    assert not hasattr(trivet.Client("http://x", "k"), "nothing")


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert trivet.__version__ == project["version"]
