from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import Server
from trivet.cli.samples import sample

READY = {
    "id": "ep1",
    "name": "admin/hello",
    "version": "1.0.0",
    "model_id": None,
    "state": "ready",
    "url": "http://there/api/v1/endpoints/admin/hello/run",
}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "times": {"type": "integer", "default": 1}},
    "required": ["name"],
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "hello.py"
    path.write_text("import trivet\n")
    return path


def builds(server: Server, state: str = "ready", **more: object) -> None:
    server.on("POST", "/deployments", lambda it: it.json({"id": "d1", "state": "building", "detail": "Building."}, 202))
    document = {
        "id": "d1",
        "state": state,
        "steps": [{"at": "2026-11-21T08:00:00.000Z", "text": "Installing numpy"}],
        "log": "",
        "error": None,
        "endpoints": [READY] if state == "ready" else [],
        **more,
    }
    server.on("GET", "/deployments/d1", lambda it: it.json(document))
    server.on("GET", "/endpoints/ep1", lambda it: it.json({"id": "ep1", "name": "admin/hello", "input_schema": SCHEMA}))


def test_people_get_progress_beside_and_calls_to_paste(trivet: Trivet, logged_in: Server, source: Path) -> None:
    builds(logged_in)
    result = trivet("deploy", str(source))
    assert result.exit_code == 0
    assert "Installing numpy" in result.stderr
    assert "admin/hello 1.0.0 is ready." in result.stdout
    assert f"{logged_in.url}/api/v1/endpoints/admin/hello/run" in result.stdout
    line = next(line for line in result.stdout.splitlines() if "trivet call" in line)
    assert json.loads(shlex.split(line)[-1]) == {"name": "name"}
    assert ".endpoint(\"admin/hello\").run({'name': 'name'})" in result.stdout


@pytest.mark.parametrize(
    ("beside", "given"),
    [
        ('{"input": {"prompt": "a cat"}}', {"prompt": "a cat"}),
        ('{"input": null}', {}),
        ("[1]", {}),
        ("{", {}),
        (json.dumps({"input": "x" * 3000}), {}),
        (None, {}),
    ],
)
def test_what_has_no_schema_is_tried_with_what_its_author_keeps_beside_it(
    trivet: Trivet, logged_in: Server, tmp_path: Path, beside: str | None, given: object
) -> None:
    (tmp_path / "handler.py").write_text("import runpod\n")
    if beside is not None:
        (tmp_path / "test_input.json").write_text(beside)
    builds(logged_in)
    logged_in.on("GET", "/endpoints/ep1", lambda it: it.json({"id": "ep1", "name": "admin/hello"}))
    result = trivet("deploy", str(tmp_path))
    line = next(line for line in result.stdout.splitlines() if "trivet call" in line)
    assert json.loads(shlex.split(line)[-1]) == given


def test_scripts_get_one_object_a_line_with_exactly_these_fields(
    trivet: Trivet, logged_in: Server, source: Path
) -> None:
    builds(logged_in, endpoints=[READY, {**READY, "id": "ep2", "name": "admin/other", "model_id": 7}])
    result = trivet("deploy", str(source), "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [set(line) for line in lines] == [{"id", "name", "version", "model_id", "state"}] * 2
    assert lines[1]["model_id"] == 7


def test_what_existing_code_has_written_into_it_is_passed_on(trivet: Trivet, logged_in: Server, source: Path) -> None:
    builds(logged_in)
    options = ("--name", "ada/hi", "--version", "2.0.0", "--id", "abc", "--model-id", "5", "--workers", "1,4")
    assert trivet("deploy", str(source), *options).exit_code == 0
    query = logged_in.seen[0].query
    assert query == {
        "filename": "hello.py",
        "name": "ada/hi",
        "version": "2.0.0",
        "id": "abc",
        "model_id": "5",
        "workers": "1,4",
    }


def test_a_refused_deployment_shows_the_builds_own_words(trivet: Trivet, logged_in: Server, source: Path) -> None:
    error = {"code": "build_failed", "message": "The handler can't be loaded.", "hint": "Mend line 3."}
    builds(logged_in, "failed", log="NameError: name 'x' is not defined\n", error=error)
    result = trivet("deploy", str(source), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "NameError: name 'x' is not defined" in result.stderr
    assert "The handler can't be loaded." in result.stderr


def test_why_a_build_failed_is_told_once(trivet: Trivet, logged_in: Server, source: Path) -> None:
    error = {"code": "build_failed", "message": "The handler can't be loaded.", "hint": "Mend line 3."}
    steps = [{"text": "Loading the handlers", "at": None}, {"text": f"Failed: {error['message']}", "at": None}]
    builds(logged_in, "failed", error=error, steps=steps)
    told = trivet("deploy", str(source)).stderr
    assert told.count("The handler can't be loaded.") == 1
    assert "  Loading the handlers\n  Failed.\nError: The handler" in told


@pytest.mark.parametrize("workers", ["a,b", "3,1", "1,2,3", "-1,2"])
def test_numbers_of_workers_that_make_no_sense_are_wrong_usage(trivet: Trivet, source: Path, workers: str) -> None:
    assert trivet("deploy", str(source), f"--workers={workers}").exit_code == 2


def test_a_path_that_is_not_there_is_wrong_usage(trivet: Trivet, tmp_path: Path) -> None:
    assert trivet("deploy", str(tmp_path / "none")).exit_code == 2


def test_the_examples_are_listed_with_their_folders(trivet: Trivet) -> None:
    found = json.loads(trivet("examples", "ls", "--json").stdout)
    assert "greeting" in [example["name"] for example in found]
    assert all(Path(example["path"]).is_dir() for example in found)


def test_an_example_is_deployed_by_its_name(trivet: Trivet, logged_in: Server) -> None:
    builds(logged_in)
    result = trivet("examples", "deploy", "greeting")
    assert (result.exit_code, result.stdout.split("{")[0]) == (0, "trivet call admin/hello '")
    assert [it.query["filename"] for it in logged_in.seen if it.method == "POST"] == ["greeting"]


def test_an_unknown_example_is_wrong_usage_and_nothing_is_sent(trivet: Trivet, logged_in: Server) -> None:
    result = trivet("examples", "deploy", "greeting", "none")
    assert result.exit_code == 2
    assert "greeting" in result.stderr
    assert logged_in.seen == []


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (SCHEMA, {"name": "name"}),
        ({"anyOf": [SCHEMA, {"type": "string"}]}, {"name": "name"}),
        ({"type": "array", "items": {"type": "number"}}, [1.5]),
        ({"$ref": "#/$defs/Row", "$defs": {"Row": {"enum": ["a", "b"]}}}, "a"),
        ({"type": ["boolean", "null"]}, True),
        ({}, None),
        (None, None),
    ],
)
def test_a_sample_fits_its_schema(schema: object, value: object) -> None:
    assert sample(schema) == value


def test_a_schema_that_contains_itself_has_a_sample_with_an_end() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}
    assert "next" in sample({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
