"""How a query comes in, and what an answer looks like whatever goes wrong."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from tests.wire.runpod_graph.world import GraphWorld, first_error
from trivet.platform.dialects.runpod.context import GRAPHQL
from trivet.platform.dialects.runpod.graph.app import MAX_BODY

ME = "query { myself { id } }"


def test_an_answer_that_succeeds_has_data_and_nothing_else(world: GraphWorld) -> None:
    answer = world.post({"query": ME})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == {"data": {"myself": {"id": world.admin.account_id}}}


@pytest.mark.parametrize("way", ["Bearer {}", "bearer {}", "{}", " {} "])
def test_the_key_is_taken_with_and_without_the_word_bearer(world: GraphWorld, way: str) -> None:
    asked = world.graph.ask(
        "POST", GRAPHQL, headers={"authorization": way.format(world.admin_token)}, json_body={"query": ME}
    )
    assert world.run(asked).status == 200


def test_the_key_is_taken_from_the_url(world: GraphWorld) -> None:
    asked = world.graph.ask("POST", f"{GRAPHQL}?api_key={world.admin_token}", json_body={"query": ME})
    assert world.run(asked).status == 200


@pytest.mark.parametrize(
    ("path", "authorization"),
    [
        (GRAPHQL, None),
        (GRAPHQL, ""),
        (GRAPHQL, "Bearer wrong"),
        (GRAPHQL, "trv_000000000000_wrong"),
        (GRAPHQL, "Bearer None"),
        (f"{GRAPHQL}?api_key=wrong", None),
        (f"{GRAPHQL}?api_key=", None),
        (f"{GRAPHQL}?api_key=%ff%00", None),
        (f"{GRAPHQL}?api_key={{key}}&api_key={{key}}", None),
        (f"{GRAPHQL}?api_key={{key}}", "Bearer wrong"),
        (f"{GRAPHQL}?{'x' * 5000}&api_key={{key}}", None),
    ],
)
def test_without_a_key_that_counts_the_answer_is_401_and_can_be_read(
    world: GraphWorld, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    path = path.format(key=world.admin_token)
    answer = world.run(world.graph.ask("POST", path, headers=headers, json_body={"query": ME}))
    assert answer.status == 401
    message, code = first_error(answer)
    assert code == "unauthenticated"
    assert "trivet keys create" in message
    assert "data" not in answer.json


def test_a_stranger_learns_nothing_from_the_query(world: GraphWorld) -> None:
    for body in (b"", b"{", b'{"query": "{ nonsense }"}', b'{"query": "}"}'):
        assert world.post(body, token="trv_000000000000_wrong").status == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_told_to_post(world: GraphWorld, method: str) -> None:
    answer = world.run(world.graph.ask(method, f"{GRAPHQL}?query={{myself{{id}}}}", token=world.admin_token))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert "POST" in first_error(answer)[0]


def test_a_head_has_no_body(world: GraphWorld) -> None:
    answer = world.run(world.graph.ask("HEAD", GRAPHQL, token=world.admin_token))
    assert (answer.status, answer.body) == (405, b"")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b"query { myself { id } }", "JSON"),
        (b'"query { myself { id } }"', "fit"),
        (b"{}", "query"),
        (b'{"query": null}', "query"),
        (b'{"query": {"a": 1}}', "query"),
        (b'{"query": "{ myself { id } }", "variables": "x"}', "variables"),
        (b'{"query": "{ myself { id } }", "operationName": 1}', "operationName"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 200, "Several"),
        (b'{"query": "", "variables": ' + b"[" * 200 + b"]" * 200 + b"}", "nested"),
        (b' [{"query": "{ myself { id } }"}]', "Several queries"),
    ],
)
def test_a_body_that_is_no_request_is_400(world: GraphWorld, body: bytes, word: str) -> None:
    answer = world.post(body)
    assert answer.status == 400
    assert word in first_error(answer)[0]


def test_a_body_over_its_limit_is_413(world: GraphWorld) -> None:
    answer = world.post({"query": ME, "padding": "x" * MAX_BODY})
    assert answer.status == 413
    assert "operator" not in answer.body.decode()  # it is not for an operator to set
    assert first_error(answer)[1] == "too_large"


def test_variables_and_the_name_of_the_operation_count(world: GraphWorld) -> None:
    query = "query A { myself { id } } query B($id: String) { gpuTypes(input: {id: $id}) { id } }"
    answer = world.post({"query": query, "variables": {"id": "NVIDIA L4"}, "operationName": "B"})
    assert answer.json == {"data": {"gpuTypes": [{"id": "NVIDIA L4"}]}}
    assert "operation" in world.refused(query)[0]
    assert "operation" in first_error(world.post({"query": query, "operationName": "C"}))[0]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "Syntax Error"),
        ("{", "Syntax Error"),
        ("{ myself { id } ", "Syntax Error"),
        ("mutation { saveTemplate(input: {name: \"say \"hi\"\", imageName: \"i\"}) { id } }", "Syntax Error"),
        ("mutation { saveTemplate(input: {name: \"C:\\dir\", imageName: \"i\"}) { id } }", "Syntax Error"),
        ("mutation { saveTemplate(input: {name: \"open, imageName: i}) { id } }", "Syntax Error: Unterminated string."),
        ("{ nonsense }", "Cannot query field 'nonsense' on type 'Query'."),
        ("{ myself { endpoints { id wages } } }", "Cannot query field 'wages'"),
        ("{ myself }", "selection of subfields"),
        ("{ gpuTypes(of: 1) { id } }", "Unknown argument 'of'"),
        ("mutation { saveEndpoint(input: {colour: 1}) { id } }", "colour"),
        ("mutation { saveEndpoint(input: {workersMax: \"three\"}) { id } }", "Int"),
        ("mutation { saveEndpoint(input: {workersMax: 99999999999}) { id } }", "Int"),
        ("mutation { saveEndpoint(input: {workersMax: NaN}) { id } }", "Int"),
        ("type Query { a: Int }", "not executable"),
        ("subscription { myself { id } }", "ubscription"),
        ("query ($a: Nonsense) { gpuTypes(input: $a) { id } }", "Unknown type 'Nonsense'"),
        ("query ($a: String!) { gpuTypes(input: {id: $a}) { id } }", "$a"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_query_is_said_in_the_grammars_own_words(
    world: GraphWorld, query: str, message: str
) -> None:
    found, code = world.refused(query)
    assert message in found
    assert code == "bad_request"
    assert "Traceback" not in found


def test_a_line_break_inside_a_text_is_what_was_meant(world: GraphWorld) -> None:
    query = 'mutation { saveTemplate(input: {name: "two\r\nlines", imageName: "repo/img:1", dockerArgs: "a\nb"}) { dockerArgs } }'
    found, _ = world.refused(query)
    assert "two" in found  # a name can't have them; it has been read, though
    query = query.replace("two\r\nlines", "one line")
    assert world.answer(query) == {"saveTemplate": {"dockerArgs": "a\nb"}}


def test_a_failure_that_nobody_foresaw_is_an_incident_without_a_traceback(
    world: GraphWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_principal: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(world.templates, "list", fails)
    answer = world.post({"query": "{ myself { id podTemplates { id } } }"})
    message, code = first_error(answer)
    assert answer.status == 200
    assert code == "internal"
    assert "the inside" not in answer.body.decode()
    assert answer.json["data"]["myself"]["id"] == world.admin.account_id
    assert answer.json["errors"][0]["path"] == ["myself", "podTemplates"]
    incident = message.partition("incident ")[2][:8]
    assert incident in caplog.text
    assert "the inside" in caplog.text


def test_the_log_holds_neither_keys_nor_queries(world: GraphWorld, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world.answer(ME, path=f"{GRAPHQL}?api_key={world.admin_token}")
    world.refused(
        'mutation { saveTemplate(input: {name: "a", imageName: "b", env: [{key: "K", value: "hush"}], x: 1}) { id } }'
    )
    assert str(world.admin_token) not in caplog.text
    assert "hush" not in caplog.text


def test_whoever_has_a_key_may_look_at_the_schema(world: GraphWorld) -> None:
    found = world.answer("{ __schema { queryType { fields { name } } mutationType { fields { name } } } }")["__schema"]
    assert {"myself", "gpuTypes", "pod"} <= {field["name"] for field in found["queryType"]["fields"]}
    assert {"saveTemplate", "saveEndpoint", "podStop"} <= {field["name"] for field in found["mutationType"]["fields"]}


def test_the_grammar_is_not_imported_before_the_first_query() -> None:
    code = (
        "import sys, trivet.platform.server.app, trivet.platform.dialects.runpod.graph\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'graphql'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []


def test_whatever_is_sent_is_answered_in_a_way_that_clients_can_read(world: GraphWorld) -> None:
    chance = random.Random(22)
    seeds = [
        'mutation { saveTemplate(input: {name: "a b", imageName: "i", env: [{ key: "K", value: "v" }]}) { id env { key } } }',
        "query ($id: String!) { gpuTypes(input: {id: $id}) { id lowestPrice(input: {gpuCount: 1}) { stockStatus } } }",
        "{ myself { ...a endpoints { id } } } fragment a on User { id pods { id } }",
    ]
    pieces = [
        '"',
        "\\",
        "\n",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "$",
        "@",
        "...",
        "null",
        "\0",
        "\ufeff",
        "ä",
        "1e999",
        "-",
        '"""',
        "#",
        ":",
    ]
    for _ in range(300):
        text = chance.choice(seeds)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice(pieces) + text[at + chance.randrange(3) :]
        answer = world.post(
            {"query": text, "variables": chance.choice([None, {}, {"id": 1}, {"id": "\0"}, {"id": [[]]}])}
        )
        assert answer.status == 200, text
        if "errors" in answer.json:
            assert first_error(answer)[1] != "internal", text
        else:
            assert list(answer.json) == ["data"]
