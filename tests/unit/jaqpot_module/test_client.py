"""The client: what it asks, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

import trivet
from tests.unit.jaqpot_module.fakes import (
    MODEL,
    PREDICTED,
    AsyncFakeTransport,
    begun,
    client,
    dataset,
    finished,
    said,
)
from trivet.jaqpot import AsyncJaqpotApiClient, JaqpotApiClient, exceptions, models
from trivet.sdk._http import Request, Response, TransportError

ROW = {"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody sleeps here; how long they would have is remembered."""
    slept: list[float] = []
    monkeypatch.setattr("trivet.jaqpot._sync.client.sleep", slept.append)
    monkeypatch.setattr("trivet.sdk._sync.channel.sleep", slept.append)
    return slept


# -- models


def test_a_model_has_the_attributes_of_the_generated_class() -> None:
    jaqpot, server = client(said(MODEL))
    model = jaqpot.get_model_by_id(model_id=1886)
    assert server.asked == ["GET /v1/models/1886"]
    assert isinstance(model, models.Model)
    assert (model.id, model.name, model.type, model.type.value) == (1886, "abc", "SKLEARN_ONNX", "SKLEARN_ONNX")
    assert [feature.key for feature in model.independent_features] == ["SMILES", "Cat_col"]
    assert model.independent_features[0].feature_type is models.FeatureType.SMILES
    assert model.independent_features[1].possible_values is not None
    assert model.independent_features[1].possible_values[0].value == "CAT_1"
    assert model.created_at is not None
    assert model.created_at.year == 2026
    assert model.description is None


def test_a_model_turns_into_dictionaries_and_json_as_the_generated_class() -> None:
    model = client(said(MODEL))[0].get_model_by_id(1886)
    assert model.to_dict()["independentFeatures"][0] == {
        "key": "SMILES",
        "name": "Structure",
        "featureType": models.FeatureType.SMILES,
    }
    assert "description" not in model.to_dict()
    assert model.model_dump()["independent_features"][0]["feature_type"] is models.FeatureType.SMILES
    assert model.model_dump()["description"] is None
    assert "description" not in model.model_dump(exclude_none=True)
    assert model.model_dump(mode="json")["created_at"] == "2026-01-05T10:00:00.123456Z"
    assert json.loads(model.to_json())["createdAt"] == "2026-01-05T10:00:00.123456Z"
    assert json.loads(model.model_dump_json(by_alias=True))["independentFeatures"][1]["key"] == "Cat_col"
    assert models.Model.from_json(model.to_json()) == model
    assert models.Model.from_dict(None) is None
    assert str(model).startswith("id=1886 name='abc' description=None type=<ModelType.SKLEARN_ONNX: 'SKLEARN_ONNX'>")
    assert repr(model.libraries[0]).startswith("Library(id=None, name='scikit-learn', version='1.7.0'")
    assert "'SMILES'" in model.to_str()


def test_a_word_that_is_new_stays_a_text() -> None:
    model = client(said({**MODEL, "type": "QUANTUM"}))[0].get_model_by_id(1886)
    assert model.type == "QUANTUM"


def test_a_document_that_misses_something_is_refused_with_its_name() -> None:
    jaqpot, _ = client(said({**MODEL, "libraries": None}))
    with pytest.raises(exceptions.JaqpotAnswerException, match="libraries is missing") as caught:
        jaqpot.get_model_by_id(1886)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(exceptions.JaqpotAnswerException, match="a list of Feature was expected"):
        client(said({**MODEL, "dependentFeatures": {}}))[0].get_model_by_id(1886)


def test_a_summary_is_a_dictionary_with_the_six_names() -> None:
    summary = client(said(MODEL))[0].get_model_summary(1886)
    assert list(summary) == ["name", "modelId", "description", "type", "independentFeatures", "dependentFeatures"]
    assert summary["modelId"] == 1886


@pytest.mark.parametrize("sort", ["createdAt|desc", ["createdAt|desc"]])
def test_shared_models_are_asked_for_with_one_order_or_several(sort: Any) -> None:
    jaqpot, server = client(said({"content": [], "totalElements": 0}))
    page = jaqpot.get_shared_models(page=0, size=10, sort=sort, organization_id=3)
    assert page.content == []
    assert server.asked == ["GET /v1/user/shared-models?page=0&size=10&sort=createdAt%7Cdesc&organizationId=3"]


def test_a_search_returns_a_dictionary_in_the_names_of_the_wire() -> None:
    found = {
        "id": 1, "name": "abc", "visibility": "PUBLIC", "type": "DOCKER", "sharedWithOrganizations": [],
        "createdAt": "2026-01-05",
    }  # fmt: skip
    jaqpot, server = client(said({"content": [found], "totalElements": 1, "pageNumber": 0}))
    result = jaqpot.search_models("lc50 fish", size=5)
    assert server.asked == ["GET /v1/models/search?query=lc50%20fish&size=5"]
    assert result["totalElements"] == 1
    assert result["content"] is not None
    assert result["content"][0]["sharedWithOrganizations"] == []


# -- predictions


def test_a_prediction_is_a_list_of_dictionaries() -> None:
    jaqpot, server = client(begun(), finished())
    assert jaqpot.predict_sync(model_id=1886, dataset=[ROW]) == PREDICTED
    assert server.asked == ["POST /v1/models/1886/predict", "GET /v1/datasets/77"]
    assert server.sent() == {"type": "PREDICTION", "entryType": "ARRAY", "input": [ROW]}


def test_one_row_may_be_given_as_a_dictionary() -> None:
    jaqpot, server = client(begun(), finished())
    jaqpot.predict_sync(1886, ROW)
    assert server.sent()["input"] == [ROW]


def test_a_server_that_does_not_hold_is_asked_quickly_at_first(no_pauses: list[float]) -> None:
    waiting = [dataset("EXECUTING")] * 8
    jaqpot, _ = client(begun(), *waiting, finished())
    assert jaqpot.predict_sync(1886, [ROW]) == PREDICTED
    assert no_pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 3.0]


def test_a_trivet_is_asked_to_hold_the_question_and_no_interval_is_slept(
    no_pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(step=30.0)
    monkeypatch.setattr("trivet.jaqpot._sync.client.time.monotonic", lambda: next(clock))
    mark = {"trivet-version": "1.0"}
    jaqpot, server = client(begun(**mark), dataset("EXECUTING"), finished())
    assert jaqpot.predict_sync(1886, [ROW], timeout=None) == PREDICTED
    assert server.asked[1:] == ["GET /v1/datasets/77?wait=30.000"] * 2
    assert server.seen[1].held == 30.0
    assert no_pauses == []


def test_a_prediction_that_failed_says_why() -> None:
    jaqpot, _ = client(begun(), dataset("FAILURE", failureReason="SMILES cannot be parsed: C1CC"))
    with pytest.raises(exceptions.JaqpotPredictionFailureException, match="SMILES cannot be parsed") as caught:
        jaqpot.predict_sync(1886, [ROW])
    assert caught.value.message == "SMILES cannot be parsed: C1CC"
    assert caught.value.dataset_id == 77
    assert isinstance(caught.value, trivet.JobFailedError)
    assert isinstance(caught.value, exceptions.JaqpotApiException)


def test_a_prediction_that_takes_too_long_names_its_dataset() -> None:
    jaqpot, _ = client(begun(), dataset("EXECUTING"))
    with pytest.raises(exceptions.JaqpotPredictionTimeoutException, match=r"get_dataset_by_id\(77\)") as caught:
        jaqpot.predict_sync(1886, [ROW], timeout=0)
    assert isinstance(caught.value, TimeoutError)
    assert not isinstance(caught.value, exceptions.JaqpotApiException)


def test_a_trivet_is_not_left_to_hold_the_question_longer_than_the_caller_waits() -> None:
    jaqpot, server = client(begun(**{"trivet-version": "1.0"}), dataset("EXECUTING"))
    with pytest.raises(exceptions.JaqpotPredictionTimeoutException):
        jaqpot.predict_sync(1886, [ROW], timeout=0)
    assert server.asked[1:] == ["GET /v1/datasets/77?wait=0.000"]


def test_no_slice_is_begun_after_the_callers_time() -> None:
    jaqpot, server = client(begun(), finished())
    with pytest.raises(exceptions.JaqpotPredictionTimeoutException, match="has passed"):
        jaqpot.predict_sync(1886, [ROW] * 2000, timeout=0)
    assert len([asked for asked in server.asked if asked.startswith("POST")]) == 1


def test_a_silence_at_the_end_of_the_wait_is_the_end_of_the_wait() -> None:
    jaqpot, _ = client(begun(), TransportError("no answer", sent=True, timed_out=True))
    with pytest.raises(exceptions.JaqpotPredictionTimeoutException):
        jaqpot.predict_sync(1886, [ROW], timeout=0)


def test_a_result_that_is_not_there_is_no_silent_none() -> None:
    jaqpot, _ = client(begun(), dataset("SUCCESS"))
    with pytest.raises(exceptions.JaqpotAnswerException, match="has no result"):
        jaqpot.predict_sync(1886, [ROW])


@pytest.mark.parametrize("place", ["/v1/datasets/12", "https://a/datasets/12/", "/datasets/12?x=1"])
def test_an_asynchronous_prediction_returns_the_number_of_its_dataset(place: str) -> None:
    jaqpot, _ = client(Response(201, {"location": place}))
    assert jaqpot.predict_async(1886, [ROW]) == 12


def test_an_answer_without_a_dataset_is_no_prediction() -> None:
    jaqpot, _ = client(Response(201, {}))
    with pytest.raises(exceptions.JaqpotAnswerException, match="Location"):
        jaqpot.predict_async(1886, [ROW])


def test_more_than_a_hundred_rows_go_in_slices_and_come_back_as_one_list() -> None:
    sizes = {}

    def answer(request: Request) -> Response:
        if request.method == "POST":
            assert request.body is not None
            rows = json.loads(request.body)["input"]
            sizes[rows[0]["X"]] = len(rows)
            return begun(rows[0]["X"] + 1)
        number = int(request.path.rpartition("/")[2]) - 1
        rows = [
            {"y": number + position, "jaqpotMetadata": {"jaqpotRowId": position}} for position in range(sizes[number])
        ]
        return finished(rows)

    jaqpot, _ = client(answer)
    result = jaqpot.predict_sync(1886, [{"X": number} for number in range(250)])
    assert sizes == {0: 100, 100: 100, 200: 50}
    assert [row["y"] for row in result] == list(range(250))
    assert [row["jaqpotMetadata"]["jaqpotRowId"] for row in result] == list(range(250))


def test_a_slice_that_fails_says_which_rows_it_had() -> None:
    def answer(request: Request) -> Response:
        if request.method == "POST":
            assert request.body is not None
            return begun(1 + json.loads(request.body)["input"][0]["X"])
        return dataset("FAILURE", failureReason="no") if request.path.endswith("/101") else finished([{"y": 1}] * 100)

    jaqpot, _ = client(answer)
    with pytest.raises(exceptions.JaqpotPredictionFailureException) as caught:
        jaqpot.predict_sync(1886, [{"X": number} for number in range(200)])
    assert caught.value.__notes__ == ["In the rows 100 to 199."]


def test_a_long_list_is_begun_as_one_file_of_csv() -> None:
    jaqpot, server = client(begun())
    rows = [{"S": "a,b", "X": number, "flag": True, "list": [1, 2], "none": None} for number in range(101)]
    assert jaqpot.predict_async(1886, rows) == 77
    assert server.asked == ["POST /v1/models/1886/predict/csv"]
    text = base64.b64decode(server.sent()["inputFile"]).decode()
    assert text.splitlines()[:2] == ["S,X,flag,list,none", '"a,b",0,true,"[1, 2]",']
    assert len(text.splitlines()) == 102


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"SMILES\nCC\n")
    jaqpot, server = client(begun(), finished())
    assert jaqpot.predict_with_csv_sync(model_id=1886, csv_path=str(file)) == PREDICTED
    assert server.sent() == {"type": "PREDICTION", "inputFile": base64.b64encode(b"SMILES\nCC\n").decode()}
    jaqpot, server = client(begun(5))
    assert jaqpot.predict_with_csv_async(1886, file) == 5
    with pytest.raises(FileNotFoundError):
        jaqpot.predict_with_csv_sync(1886, tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("method", "arguments", "model", "row"),
    [
        ("qsartoolbox_calculator_predict_sync", ("CC", "g"), 6, {"smiles": "CC", "calculatorGuid": "g"}),
        ("qsartoolbox_qsar_model_predict_sync", ("CC", "g"), 1837, {"smiles": "CC", "qsarGuid": "g"}),
        ("qsartoolbox_profiler_predict_sync", ("CC", "g"), 1842, {"smiles": "CC", "profilerGuid": "g"}),
    ],
)
def test_the_helpers_of_qsar_toolbox_predict_with_their_models(
    method: str, arguments: tuple[str, str], model: int, row: dict[str, str]
) -> None:
    jaqpot, server = client(begun(), finished())
    assert getattr(jaqpot, method)(*arguments) == PREDICTED
    assert server.asked[0] == f"POST /v1/models/{model}/predict"
    assert server.sent()["input"] == [row]


def test_a_dataset_has_its_rows_its_status_and_its_result() -> None:
    jaqpot, server = client(finished())
    found = jaqpot.get_dataset_by_id(dataset_id=77)
    assert server.asked == ["GET /v1/datasets/77"]
    assert (found.id, found.status, found.result, found.entry_type) == (77, "SUCCESS", PREDICTED, "ARRAY")


# -- what is refused


@pytest.mark.parametrize(
    ("status", "kind", "also"),
    [
        (400, exceptions.BadRequestException, trivet.InvalidRequestError),
        (401, exceptions.UnauthorizedException, trivet.AuthenticationError),
        (403, exceptions.ForbiddenException, trivet.PermissionDeniedError),
        (404, exceptions.NotFoundException, trivet.NotFoundError),
        (409, exceptions.ApiException, trivet.TrivetError),
        (429, exceptions.TooManyRequestsException, trivet.RateLimitedError),
        (500, exceptions.ServiceException, trivet.ServerError),
        (503, exceptions.ServiceException, trivet.ServerError),
    ],
)
def test_a_refusal_is_what_the_generated_client_raises_and_what_the_sdk_promises(
    status: int, kind: type[exceptions.ApiException], also: type[trivet.TrivetError]
) -> None:
    jaqpot, _ = client(said({"status": status, "message": "Because of the moon.", "code": None}, status))
    with pytest.raises(kind, match="Because of the moon") as caught:
        jaqpot.get_model_by_id(1886)
    error = caught.value
    assert isinstance(error, also)
    assert isinstance(error, exceptions.JaqpotApiException)
    assert isinstance(error, exceptions.OpenApiException)
    assert (error.status, error.status_code, error.message, error.data) == (
        status,
        status,
        "Because of the moon.",
        None,
    )
    assert error.body is not None
    assert json.loads(error.body)["message"] == "Because of the moon."
    assert error.headers == {"content-type": "application/json"}
    assert error.reason
    assert str(error).startswith(f"({status}) Because of the moon.")


def test_a_status_without_a_name_has_no_reason() -> None:
    assert exceptions.ApiException("odd", 299).reason == ""


def test_a_refusal_without_words_still_says_something() -> None:
    with pytest.raises(exceptions.NotFoundException, match="gives no reason"):
        client(Response(404, {}))[0].get_model_by_id(1)


def test_a_trivet_names_its_code() -> None:
    jaqpot, _ = client(said({"status": 404, "message": "No.", "code": "not_found"}, 404, **{"trivet-version": "1"}))
    with pytest.raises(exceptions.NotFoundException) as caught:
        jaqpot.get_dataset_by_id(1)
    assert (caught.value.code, caught.value.hint) == ("not_found", "")


def test_too_many_requests_say_when_to_come_again() -> None:
    jaqpot, _ = client(said({"message": "slow down"}, 429, **{"retry-after": "3600"}))
    with pytest.raises(exceptions.TooManyRequestsException, match="Try again in 3600 s") as caught:
        jaqpot.predict_async(1886, [ROW])
    assert caught.value.retry_after == 3600


def test_a_redirect_is_told_and_not_followed() -> None:
    jaqpot, server = client(Response(308, {"location": "https://elsewhere.example/v1/models/1"}))
    with pytest.raises(exceptions.ApiException, match=r"elsewhere\.example") as caught:
        jaqpot.get_model_by_id(1)
    assert caught.value.code == "redirected"
    assert len(server.seen) == 1


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"", b'{"half": ', b"[1]", b"[" * 100_000])
def test_an_answer_that_is_none_of_this_api_is_told_as_such(body: bytes) -> None:
    jaqpot, _ = client(Response(200, {"content-type": "text/html; charset=utf-8"}, body))
    with pytest.raises(exceptions.JaqpotAnswerException, match="none of this API"):
        jaqpot.get_model_by_id(1)


def test_no_answer_is_a_connection_error_and_says_what_is_unsure() -> None:
    jaqpot, server = client(TransportError("connection reset", sent=True))
    with pytest.raises(exceptions.JaqpotConnectionException, match="not known") as caught:
        jaqpot.predict_async(1886, [ROW])
    assert isinstance(caught.value, ConnectionError)
    assert len(server.seen) == 1, "a prediction that may have begun is not begun again"


def test_an_answer_that_takes_too_long_is_a_timeout() -> None:
    jaqpot, _ = client(TransportError("timed out", sent=True, timed_out=True))
    with pytest.raises(exceptions.JaqpotTimeoutException) as caught:
        jaqpot.get_model_by_id(1)
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("number", [True, 1.5, "abc", "", None, -1])
def test_a_number_that_is_none_is_refused_before_anything_is_sent(number: Any) -> None:
    jaqpot, server = client(said(MODEL))
    with pytest.raises(exceptions.ApiValueError, match="no whole number") as caught:
        jaqpot.get_model_by_id(number)
    assert isinstance(caught.value, ValueError)
    assert server.seen == []


def test_a_number_may_be_a_text_of_digits() -> None:
    jaqpot, server = client(said(MODEL))
    jaqpot.get_model_by_id("1886")  # type: ignore[arg-type] — what programs read from files
    assert server.asked == ["GET /v1/models/1886"]


def test_words_to_search_for_are_a_text() -> None:
    with pytest.raises(exceptions.ApiValueError, match="query is a text"):
        client(said({}))[0].search_models(5)  # type: ignore[arg-type] — the mistake


# -- models offline


def test_only_a_trivet_hands_out_bundles() -> None:
    jaqpot, _ = client(said(MODEL))
    with pytest.raises(exceptions.JaqpotApiException, match="no models as bundles"):
        jaqpot.download_model(1886)


def test_a_model_that_is_not_there_is_no_download() -> None:
    jaqpot, _ = client(said({"message": "There is no model 5."}, 404))
    with pytest.raises(exceptions.NotFoundException, match="no model 5"):
        jaqpot.download_model(5)


# -- the client itself


def test_the_asynchronous_client_does_the_same() -> None:
    async def main() -> None:
        transport = AsyncFakeTransport(said(MODEL), begun(), finished())
        async with AsyncJaqpotApiClient(
            api_url="https://api.example", api_key="k", api_secret="s", transport=transport
        ) as jaqpot:
            assert (await jaqpot.get_model_by_id(1886)).name == "abc"
            assert await jaqpot.predict_sync(1886, [ROW]) == PREDICTED

    asyncio.run(main())


def test_a_client_shows_its_address_and_no_secret() -> None:
    with client(said(MODEL))[0] as jaqpot:
        assert repr(jaqpot) == "JaqpotApiClient('https://api.example')"
        assert "secret" not in repr(vars(jaqpot))
    assert isinstance(jaqpot, JaqpotApiClient)


def test_logs_go_to_files_where_that_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jaqpot, _ = client(said(MODEL), create_logs=True)
    log = jaqpot.log
    try:
        assert jaqpot.log is log
        log.warning("the moon is full")
        assert "WARNING - the moon is full" in (tmp_path / "app.log").read_text()
        assert "the moon is full" in (tmp_path / "app.warning.log").read_text()
        assert not (tmp_path / "app.error.log").exists()
        assert len(log.handlers) == 3
    finally:
        for handler in list(log.handlers):
            log.removeHandler(handler)
            handler.close()


def test_a_dataset_tells_of_its_result_types_also_where_it_has_none() -> None:
    jaqpot, _ = client(finished())
    assert jaqpot.get_dataset_by_id(77).to_dict()["resultTypes"] is None
    jaqpot, _ = client(dataset("SUCCESS", resultTypes={"y": "FLOAT"}))
    assert jaqpot.get_dataset_by_id(77).to_dict()["resultTypes"] == {"y": "FLOAT"}


@pytest.mark.parametrize("place", ["9" * 5000, "\u00b2", "", "77a", "-1"])
def test_a_number_that_is_none_is_said(place: str) -> None:
    jaqpot, _ = client(Response(201, {"location": f"https://api.example/datasets/{place}"}))
    with pytest.raises(exceptions.JaqpotAnswerException, match="names no dataset"):
        jaqpot.predict_async(1886, [{}])


@pytest.mark.parametrize("document", [{}, {"status": None}, {"status": 5}])
def test_a_dataset_that_does_not_say_how_it_stands_is_not_waited_for(document: Any) -> None:
    jaqpot, server = client(begun(), said(document))
    with pytest.raises(exceptions.JaqpotAnswerException, match="how it stands"):
        jaqpot.predict_sync(1886, [{}], timeout=None)
    assert len(server.seen) == 2


@pytest.mark.parametrize("row", ["\u00b2", "9" * 5000, True])
def test_rows_whose_numbers_are_none_stay_as_they_are(row: Any) -> None:
    found = [{"y": 1, "jaqpotMetadata": {"jaqpotRowId": row}}]
    jaqpot, _ = client(lambda request: begun() if request.method == "POST" else finished(found))
    assert jaqpot.predict_sync(1886, [{}] * 101)[-1]["jaqpotMetadata"]["jaqpotRowId"] == row


@pytest.mark.parametrize("code", ["client_closed", "forked"])
def test_a_client_that_can_ask_no_more_says_so_by_this_module_s_exception(code: str) -> None:
    def refuse(_: Request) -> Response:
        raise trivet.TrivetError("It can ask no more.", code=code, hint="Make a new one.")

    jaqpot, server = client(refuse)
    with pytest.raises(exceptions.JaqpotApiException, match="no more") as caught:
        jaqpot.get_model_by_id(1886)
    assert (caught.value.code, caught.value.hint, len(server.seen)) == (code, "Make a new one.", 1)
