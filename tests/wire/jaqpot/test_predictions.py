"""Predicting: what is refused before anything is queued, what is answered, and datasets as they are looked up."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path

import pytest

from tests.wire.fakes import Worker
from tests.wire.jaqpot.world import (
    JaqpotWorld,
    document,
    fails,
    holds,
    number_in,
    predicts,
    refusal,
    result_row,
)
from trivet.platform.ports.runtime import AttemptOrder

ROW = {"X1": 1.5, "Cat": "A"}


def test_a_prediction_is_done_when_its_answer_goes_out(world: JaqpotWorld) -> None:
    endpoint = world.model()
    answer = world.predict(endpoint, [ROW, ROW])
    assert answer.status == 201
    assert answer.body == b""
    assert answer.headers["Location"] == f"http://trivet.test/jaqpot/v1/datasets/{number_in(answer)}"
    found = world.dataset(answer)
    assert found["status"] == "SUCCESS"
    assert found["type"] == "PREDICTION"
    assert found["entryType"] == "ARRAY"
    assert found["input"] == [ROW, ROW]
    assert found["result"] == [result_row(0), result_row(1)]
    assert found["id"] == number_in(answer)
    assert found["modelId"] == endpoint.model_id
    assert found["modelName"] == "Fish toxicity"
    assert isinstance(found["userId"], str)
    assert found["executionFinishedAt"].endswith("Z")
    assert "failureReason" not in found


def test_the_worker_gets_the_rows_as_they_were_sent_and_their_result_is_not_touched(world: JaqpotWorld) -> None:
    endpoint, seen = world.model(), []
    odd = b'[ {"y": 1.0000000000000001, "jaqpotMetadata": {"jaqpotRowId": 0} } ]'

    def gives(worker: Worker, order: AttemptOrder) -> None:
        seen.append((order.content_type, order.body))
        worker.give(order, odd)

    world.handler = gives
    body = b'{"type":"PREDICTION","entryType":"ARRAY","input":[ {"X1": "1.50", "Cat": "alpha", "more": null} ]}'
    answer = world.call("POST", f"/models/{endpoint.model_id}/predict", body=body)
    assert answer.status == 201, answer.body
    assert seen == [("application/json", b'[ {"X1": "1.50", "Cat": "alpha", "more": null} ]')]
    found = world.call("GET", f"/datasets/{number_in(answer)}")
    assert odd in found.body


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ["0 rows"]),
        ([ROW] * 101, ["101 rows", "limit is 100"]),
        ([ROW, 3], ["input[1]", "object"]),
        ({"X1": 1}, ["list"]),
        ("abc", ["list"]),
        ([ROW, {"Cat": "A"}], ["input[1]", "X1", "FLOAT"]),
        ([{"X1": None, "Cat": "A"}], ["input[0]", "X1"]),
        ([{"X1": "abc", "Cat": "A"}], ["input[0]", "X1", "abc"]),
        ([{"X1": 1, "Cat": "C"}], ["input[0]", "Cat", "C", "A, B"]),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name_before_anything_is_queued(
    world: JaqpotWorld, rows: object, words: list[str]
) -> None:
    endpoint = world.model()
    message = refusal(world.predict(endpoint, rows), 400)
    for word in words:
        assert word in message
    assert world.call("GET", "/user/datasets").json["totalElements"] == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", ["empty"]),
        (b"{", ["JSON"]),
        (b"[]", ["object"]),
        (b'{"type":"PREDICTION"}', ["rows are missing"]),
        (b'{"input":[{"X1":1,"Cat":"A"}]}', ["type"]),
        (b'{"type":"CHAT","input":[]}', ["language models"]),
        (b'{"type":"GUESS","input":[]}', ["GUESS"]),
        (b'{"type":"PREDICTION","input":[{"X1":1,"Cat":"A"},{"X1":NaN,"Cat":"A"}]}', ["input[1].X1", "NaN"]),
        (b'{"type":"PREDICTION","input":[{"X1":-Infinity,"Cat":"A"}]}', ["input[0].X1", "Infinity"]),
        (b'{"type":"PREDICTION","input":[{"X1":1,"Cat":"A","more":NaN}]}', ["NaN and Infinity are not JSON"]),
        (b'{"type":"PREDICTION","input":[NaN', ["JSON"]),
        (b'{"type":"PREDICTION","input":NaN}', ["list"]),
        (b'{"type":"PREDICTION","input":null}', ["list"]),
        (b'{"type":"PREDICTION","input":' + b"[" * 2000 + b"]" * 2000 + b"}", ["nested"]),
        (b'{"type":"PREDICTION","input":[{"X1":1,"Cat":"\xff"}]}', ["UTF-8"]),
    ],
)
def test_a_body_that_is_none_is_refused_with_the_reason(world: JaqpotWorld, body: bytes, words: list[str]) -> None:
    endpoint = world.model()
    for path in ("predict", "predict/csv") if b"input" not in body else ("predict",):
        message = refusal(world.call("POST", f"/models/{endpoint.model_id}/{path}", body=body), 400)
        if path == "predict":
            for word in words:
                assert word in message, message


def test_a_prediction_that_takes_longer_is_answered_and_goes_on(tmp_path: Path) -> None:
    world = JaqpotWorld(tmp_path, wait=0.01, hold=0.01)
    endpoint, world.handler = world.model(), holds
    answer = world.predict(endpoint, [ROW])
    found = world.dataset(answer)
    assert found["status"] == "EXECUTING"
    assert found["executedAt"]
    assert found["explanation"]
    assert "result" not in found
    assert "executionFinishedAt" not in found
    assert world.dataset(answer, headers={})["input"] == [ROW]


def test_one_that_waits_for_a_worker_is_created(tmp_path: Path) -> None:
    world = JaqpotWorld(tmp_path, wait=0.01)
    answer = world.predict(world.model(slots=0), [ROW])
    assert world.call("GET", f"/datasets/{number_in(answer)}?wait=0").json["status"] == "CREATED"


def test_a_question_for_an_open_one_is_held_until_it_ends(tmp_path: Path) -> None:
    world = JaqpotWorld(tmp_path, wait=0.0, hold=8.0)
    endpoint = world.model()
    answer = world.predict(endpoint, [ROW])
    assert world.dataset(answer)["status"] == "SUCCESS"


@pytest.mark.parametrize("wait", ["-1", "31", "x", "nan"])
def test_a_hold_that_can_not_be_is_refused(world: JaqpotWorld, wait: str) -> None:
    answer = world.predict(world.model(), [ROW])
    assert "wait" in refusal(world.call("GET", f"/datasets/{number_in(answer)}?wait={wait}"), 400)


def test_one_that_failed_says_why(world: JaqpotWorld) -> None:
    endpoint = world.model()
    world.handler = lambda worker, order: fails(
        worker, order, "invalid_input", "no row has a molecule", "AllRowsFailed"
    )
    found = world.dataset(world.predict(endpoint, [ROW]))
    assert found["status"] == "FAILURE"
    assert "no row has a molecule" in found["failureReason"]
    assert "result" not in found
    world.handler = lambda worker, order: fails(worker, order, "handler_error", "")
    assert len(world.dataset(world.predict(endpoint, [ROW]))["failureReason"]) >= 3


def test_one_that_was_cancelled_is_a_failure(tmp_path: Path) -> None:
    world = JaqpotWorld(tmp_path, wait=0.0)
    answer = world.predict(world.model(slots=0), [ROW])
    job_id = world.dataset(answer)["jobId"]
    assert world.ask("POST", f"/jobs/{job_id}/cancel", token=world.ann).status == 200
    found = world.dataset(answer)
    assert (found["status"], "cancelled" in found["failureReason"]) == ("FAILURE", True)


# -- CSV ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"X1,Cat\n1,A\n2,B\n",
        b"Cat,X1\nA,1\nB,2\n",
        b"\xef\xbb\xbfX1;Cat\r\n1;A\r\n2;B\r\n",
        b"first\tKIND\n1\tA\n\n2\tbeta\n",
        b"whatever,else\n1,A\n2,B\n",
        "X1,Cat,n\u00e4me\n1,A,\u00e4\n2,B,\u00e4\n".encode("latin-1"),
        "X1\tCat\n\n1\tA\n2\tB\n".encode("utf-16"),
    ],
)
def test_a_file_goes_to_the_worker_as_it_came(world: JaqpotWorld, data: bytes) -> None:
    endpoint, seen = world.model(), []

    def gives(worker: Worker, order: AttemptOrder) -> None:
        seen.append((order.content_type, order.body))
        worker.give(order, json.dumps([result_row(0), result_row(1)]).encode())

    world.handler = gives
    found = world.dataset(world.predict_csv(endpoint, data))
    assert found["status"] == "SUCCESS"
    assert len(found["result"]) == len(found["input"]) == 2
    assert set(found["input"][0].values()) >= {"1", "A"}
    ((content_type, body),) = seen
    assert body == data
    media_type, _, charset = content_type.partition("; charset=")
    assert media_type == "text/csv"
    assert "A" in body.decode(charset)  # as the worker reads it


def test_a_long_file_shows_a_hundred_rows_of_it_and_all_of_its_result(world: JaqpotWorld) -> None:
    endpoint = world.model()
    world.handler = lambda worker, order: worker.give(
        order, json.dumps([result_row(place) for place in range(900)]).encode()
    )
    answer = world.predict_csv(endpoint, b"X1,Cat\n" + b"1,A\n" * 900)
    found = world.dataset(answer)
    assert (len(found["input"]), len(found["result"])) == (100, 900)
    assert found["input"][0] == {"X1": "1", "Cat": "A"}
    (listed,) = world.call("GET", "/user/datasets").json["content"]
    assert (len(listed["input"]), len(listed["result"])) == (100, 900)


def test_a_file_whose_results_can_not_fit_is_refused_before_anything_is_predicted(tmp_path: Path) -> None:
    world = JaqpotWorld(tmp_path, max_output=10_000)
    endpoint = world.model()
    message = refusal(world.predict_csv(endpoint, b"X1,Cat\n" + b"1,A\n" * 200), 400)
    assert "200 rows, the limit is 133. Their results would have more than 10,000 bytes." in message
    assert "TRIVET_MAX_OUTPUT" in message
    assert world.call("GET", "/user/datasets").json["content"] == []
    assert world.predict_csv(endpoint, b"X1,Cat\n" + b"1,A\n" * 133).status == 201


def test_a_file_of_too_many_rows_is_to_be_sent_in_parts(world: JaqpotWorld) -> None:
    message = refusal(world.predict_csv(world.model(), b"X1,Cat\n" + b"1,A\n" * 1001), 400)
    assert "1001 rows, the limit is 1000. Send the file in parts." in message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["empty", "X1, Cat"]),
        (b"X1\n1\n", ["Cat"]),
        (b"X1,X1,Cat\n1,2,A\n", ["X1"]),
        (b"X1,Cat\n" + b"1,A\n" * 1001, ["1001", "1000"]),
    ],
)
def test_a_header_that_does_not_fit_is_refused_at_once(world: JaqpotWorld, data: bytes, words: list[str]) -> None:
    endpoint, world.handler = world.model(), holds
    message = refusal(world.predict_csv(endpoint, data), 400)
    for word in words:
        assert word in message, message
    assert world.call("GET", "/user/datasets").json["totalElements"] == 0


def test_cells_that_the_worker_finds_wrong_in_time_are_a_refusal(world: JaqpotWorld) -> None:
    endpoint = world.model()
    world.handler = lambda worker, order: fails(worker, order, "invalid_input", 'line 2, X1: "x" is not a number')
    assert refusal(world.predict_csv(endpoint, b"X1,Cat\nx,A\n"), 400).startswith("line 2, X1")


def test_what_is_no_base64_or_too_long_is_refused(world: JaqpotWorld) -> None:
    path = f"/models/{world.model().model_id}/predict/csv"
    body = {"type": "PREDICTION", "inputFile": "%%%"}
    assert "base64" in refusal(world.call("POST", path, json_body=body), 400)
    body["inputFile"] = base64.b64encode(b"x" * 20_000).decode()
    assert "20,000" in refusal(world.call("POST", path, json_body=body), 413)
    assert refusal(world.call("POST", path, body=b"x" * 200_000), 413)


# -- which model --------------------------------------------------------------------------------------------------------


def test_an_archived_model_predicts_nothing(world: JaqpotWorld) -> None:
    endpoint = world.model()
    assert world.call("POST", f"/models/{endpoint.model_id}/archive").status == 200
    assert "archived" in refusal(world.predict(endpoint, [ROW]), 400)
    assert "archived" in refusal(world.predict_csv(endpoint, b"X1,Cat\n1,A\n"), 400)


@pytest.mark.parametrize("number", ["6", "1837", "1842"])
def test_ids_of_the_toolbox_say_what_is_missing(world: JaqpotWorld, number: str) -> None:
    body = {"type": "PREDICTION", "input": [{"smiles": "CC"}]}
    assert "QSAR Toolbox" in refusal(world.call("POST", f"/models/{number}/predict", json_body=body), 404)


def test_a_function_with_an_integer_takes_rows_and_gives_an_array(world: JaqpotWorld) -> None:
    every = world.function(model_id=6)
    world.handler = lambda worker, order: worker.give(order, order.body)
    assert world.dataset(world.predict(every, [{"a": 1}, {"a": 2}]))["result"] == [{"a": 1}, {"a": 2}]
    one = world.function("ann/one", model_id=70, schema={"type": "object", "required": ["a"]})
    assert world.dataset(world.predict(one, [{"a": 1}]))["result"] == [{"a": 1}]
    assert "one input at a time" in refusal(world.predict(one, [{"a": 1}, {"a": 2}]), 400)
    assert "a" in refusal(world.predict(one, [{"b": 1}]), 400)
    assert "function" in refusal(world.predict_csv(one, b"a\n1\n"), 400)
    world.handler = lambda worker, order: worker.give(order, b"Hello", "text/plain")
    assert world.dataset(world.predict(one, [{"a": 1}]))["result"] == ["Hello"]


def test_a_split_endpoint_checks_rows_by_the_version_that_gets_them(world: JaqpotWorld) -> None:
    endpoint = world.model()
    world.will_build(document(independentFeatures=[{"key": "Z", "name": "Z", "featureType": "FLOAT"}]))
    owner = world.principal(world.ann)
    _, version = world.publish(owner, "ann/fish", digest="b" * 64, canary=50)
    world.seat(version, 8)
    seen: set[tuple[str, str]] = set()

    def notes(worker: Worker, order: AttemptOrder) -> None:
        seen.add((worker.version.number, "Z" if b"Z" in order.body else "X1"))
        predicts(worker, order)

    world.handler = notes
    statuses = {world.predict(endpoint, rows).status for rows in ([ROW], [{"Z": 1}]) for _ in range(20)}
    assert statuses == {201, 400}
    assert seen == {("1.0.0", "X1"), ("1.1.0", "Z")}


# -- looking them up ----------------------------------------------------------------------------------------------------


def test_datasets_are_paged_newest_first(world: JaqpotWorld) -> None:
    fish, bird = world.model(), world.model("ann/bird", described=document("Bird"))
    numbers = [number_in(world.predict(each, [ROW])) for each in (fish, bird, fish)]
    page = world.call("GET", "/user/datasets?page=0&size=2&sort=createdAt%7Cdesc").json
    assert [each["id"] for each in page["content"]] == numbers[:0:-1]
    assert (page["totalElements"], page["totalPages"], page["pageSize"], page["pageNumber"]) == (3, 2, 2, 0)
    assert page["content"][0]["result"] == [result_row(0)]
    oldest = world.call("GET", "/user/datasets?size=1&sort=createdAt%7Casc").json["content"]
    assert [each["id"] for each in oldest] == numbers[:1]
    page = world.call("GET", f"/user/models/{fish.model_id}/datasets").json
    assert [each["id"] for each in page["content"]] == [numbers[2], numbers[0]]
    assert all(each["input"] == each["result"] == [] for each in page["content"])
    assert world.call("GET", "/user/datasets", token=world.ben).json["content"] == []


def test_a_dataset_can_be_made_and_given_at_once(world: JaqpotWorld) -> None:
    endpoint = world.model()
    body = {"type": "PREDICTION", "entryType": "ARRAY", "input": [ROW], "name": "mine"}
    made = world.call("POST", f"/user/models/{endpoint.model_id}/datasets", json_body=body)
    assert made.status == 201
    assert made.json["result"] == [result_row(0)]
    body["type"] = "CHAT"
    assert "chat" in refusal(world.call("POST", f"/user/models/{endpoint.model_id}/datasets", json_body=body), 400)


def test_a_dataset_outlives_its_model(world: JaqpotWorld) -> None:
    endpoint = world.model()
    answer = world.predict(endpoint, [ROW])
    assert world.call("DELETE", f"/models/{endpoint.model_id}").status == 204
    found = world.dataset(answer)
    assert "modelId" not in found
    assert found["result"] == [result_row(0)]
    assert refusal(world.predict(endpoint, [ROW]), 404)


@pytest.mark.parametrize("number", ["999", "0", "abc", "-1", "1.0", "9" * 30])
def test_what_is_no_dataset_is_not_found(world: JaqpotWorld, number: str) -> None:
    assert refusal(world.call("GET", f"/datasets/{number}"), 404)


def test_results_come_as_a_table(world: JaqpotWorld) -> None:
    endpoint = world.model()

    def gives(worker: Worker, order: AttemptOrder) -> None:
        rows = [result_row(0), result_row(1)]
        rows[0]["jaqpotMetadata"] |= {"probabilities": {"0": 0.6, "1": 0.4}, "jaqpotRowLabel": "=cmd()"}
        rows[1] = {"y": None, "jaqpotMetadata": {"jaqpotRowId": 1, "error": "SMILES cannot be parsed", "doa": None}}
        worker.give(order, json.dumps(rows).encode())

    world.handler = gives
    answer = world.predict(endpoint, [ROW, ROW])
    found = world.call("GET", f"/datasets/{number_in(answer)}/results.csv")
    assert found.status == 200
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert found.headers["content-disposition"].endswith('.csv"')
    head, *lines = found.body.decode().splitlines()
    assert head.split(",") == [
        *("row", "label", "input.X1", "input.Cat", "y", "probability.0", "probability.1"),
        *("domain.Leverage", "domain.Leverage.h", "domain.Leverage.hStar", "domain", "error"),
    ]
    assert lines == [
        "0,'=cmd(),1.5,A,0.5,0.6,0.4,true,0.1,1.5,true,",
        "1,,1.5,A,,,,,,,,SMILES cannot be parsed",
    ]
    assert world.call("HEAD", f"/datasets/{number_in(answer)}/results.csv").body == b""


def test_there_is_no_table_of_what_has_failed(world: JaqpotWorld) -> None:
    endpoint = world.model()
    world.handler = lambda worker, order: fails(worker, order, "handler_error", "it broke")
    answer = world.predict(endpoint, [ROW])
    assert "it broke" in refusal(world.call("GET", f"/datasets/{number_in(answer)}/results.csv"), 409)


# -- much at once ---------------------------------------------------------------------------------------------------------


def test_rows_of_any_size_are_taken_as_they_came(world: JaqpotWorld) -> None:
    endpoint = world.model()
    rows = [{**ROW, "more": "x" * 10_000}] * 100
    found = world.dataset(world.predict(endpoint, rows))
    assert (found["status"], found["input"] == rows) == ("SUCCESS", True)
    message = refusal(world.predict(endpoint, [*rows[:99], {"Cat": "A", "more": "x" * 10_000}]), 400)
    assert "input[99]: missing X1" in message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}," * 1_200_000 + b"{}", ["1,000,000 values"]),
        (b"{}," * 900_000 + b"{}", ["900001 rows", "limit is 100"]),
        (b'{"X1":1,"Cat":"A","more":[' + b"0," * 1_200_000 + b"0]}", ["1,000,000 values"]),
        (b"[" * 2_000_000 + b"]" * 2_000_000, ["nested"]),
    ],
)
def test_too_much_is_refused_before_anything_is_made_of_it(world: JaqpotWorld, body: bytes, words: list[str]) -> None:
    endpoint = world.model()
    request = b'{"type":"PREDICTION","input":[' + body + b"]}"
    message = refusal(world.call("POST", f"/models/{endpoint.model_id}/predict", body=request), 400)
    for word in words:
        assert word in message


def test_a_dataset_tells_nothing_of_a_model_that_is_gone(world: JaqpotWorld) -> None:
    endpoint = world.model()
    answer = world.predict(endpoint, [ROW])
    assert world.call("DELETE", f"/models/{endpoint.model_id}").status == 204
    found = world.dataset(answer)
    assert (found["status"], len(found["result"])) == ("SUCCESS", 1)
    assert not {"modelId", "modelName"} & found.keys()
    assert "no model" in refusal(world.call("DELETE", f"/models/{endpoint.model_id}"), 404)


@pytest.mark.parametrize("number", ["7777", "-1", "x", "9" * 30])
def test_a_dataset_that_there_is_not_is_told_in_one_sentence(world: JaqpotWorld, number: str) -> None:
    for path in (f"/datasets/{number}", f"/datasets/{number}/results.csv"):
        message = refusal(world.call("GET", path), 404)
        assert "no dataset" in message
        assert "30 days" in message


def test_a_table_tells_outputs_from_what_it_says_itself_and_leaves_numbers_alone(world: JaqpotWorld) -> None:
    endpoint = world.model()
    outputs = {"row": 7, "label": "-1", "domain": "=2+3", "error": "+1.5e3"}
    metadata = {"jaqpotRowId": 0, "jaqpotRowLabel": "first", "doa": {"majorityVoting": False}}
    row = {**outputs, "jaqpotMetadata": metadata}
    world.handler = lambda worker, order: worker.give(order, json.dumps([row]).encode())
    answer = world.predict(endpoint, [{"X1": "-1.5", "Cat": "A"}])
    table = world.call("GET", f"/datasets/{number_in(answer)}/results.csv").body.decode()
    (found,) = csv.DictReader(io.StringIO(table))
    assert found == {
        "row": "0",
        "label": "first",
        "input.X1": "-1.5",
        "input.Cat": "A",
        "output.row": "7",
        "output.label": "-1",
        "output.domain": "'=2+3",
        "output.error": "+1.5e3",
        "domain": "false",
    }
