"""Whatever a server answers, in whatever place: nothing but the documented errors comes out, and nothing goes on for ever."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.jaqpot_module.fakes import MODEL, PREDICTED, client
from tests.unit.sdk.mutations import answers
from trivet.jaqpot import JaqpotApiClient
from trivet.jaqpot.exceptions import JaqpotApiException, JaqpotPredictionTimeoutException
from trivet.sdk._retry import Backoff

HEADERS = {"location": "/datasets/77", "retry-after": "0"}
DATASET = {
    "id": 77, "type": "PREDICTION", "entryType": "ARRAY", "input": [], "status": "SUCCESS", "result": PREDICTED,
    "failureReason": "no", "createdAt": "2026-01-05T10:00:00.123456789Z",
}  # fmt: skip
PAGE = {
    "content": [MODEL | {"averageScores": None}],
    "totalElements": 1,
    "totalPages": 1,
    "pageSize": 10,
    "pageNumber": 0,
}
ROWS = [{"X1": number} for number in range(150)]
CALLS: dict[str, tuple[Any, Callable[[JaqpotApiClient], Any]]] = {
    "model": (MODEL, lambda jaqpot: jaqpot.get_model_by_id(1).to_json()),
    "summary": (MODEL, lambda jaqpot: jaqpot.get_model_summary(1)),
    "shared": (PAGE, lambda jaqpot: jaqpot.get_shared_models()),
    "search": (PAGE, lambda jaqpot: jaqpot.search_models("fish")),
    "dataset": (DATASET, lambda jaqpot: str(jaqpot.get_dataset_by_id(77))),
    "begin": ({}, lambda jaqpot: jaqpot.predict_async(1, [{}])),
    "predict": (DATASET, lambda jaqpot: jaqpot.predict_sync(1, [{}], timeout=0.0)),
    "predict in slices": (DATASET, lambda jaqpot: jaqpot.predict_sync(1, ROWS, timeout=0.0)),
    "frame": (DATASET, lambda jaqpot: jaqpot.predict_sync(1, [{}], timeout=0.0, as_frame=True)),
}
SERIES = {name: st.lists(answers(document, HEADERS), min_size=1, max_size=3) for name, (document, _) in CALLS.items()}


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
def test_only_documented_errors_come_out_of_odd_answers(name: str, data: st.DataObject) -> None:
    _, ask = CALLS[name]
    jaqpot, _ = client(*data.draw(SERIES[name]))
    jaqpot._channel._backoff = Backoff(base=0.0, outage=0.0, longest_asked=0.0)
    with suppress(JaqpotApiException, JaqpotPredictionTimeoutException):
        repr(ask(jaqpot))
