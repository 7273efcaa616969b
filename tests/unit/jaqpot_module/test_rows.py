"""Rows from what programs have, and results as data frames."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.jaqpot_module.fakes import begun, client, finished
from trivet.jaqpot import _rows
from trivet.jaqpot._frames import flattened
from trivet.jaqpot.exceptions import ApiValueError


def sent(dataset: Any) -> Any:
    jaqpot, server = client(begun(), finished())
    jaqpot.predict_sync(1886, dataset)
    return server.sent()["input"]


def test_a_frame_of_pandas_is_sent_row_by_row() -> None:
    frame = pd.DataFrame({"X": [1, 2], "S": ["a", None], "F": [0.5, float("nan")]})
    assert sent(frame) == [{"X": 1, "S": "a", "F": 0.5}, {"X": 2, "S": None, "F": None}]


def test_a_frame_of_polars_is_known_by_what_it_can_do() -> None:
    class Frame:
        columns = ("X",)

        def to_dicts(self) -> list[dict[str, int]]:
            return [{"X": 1}]

    assert sent(Frame()) == [{"X": 1}]


def test_values_that_json_knows_nothing_of_are_sent_in_their_plain_form() -> None:
    row = {
        "a": np.float64(1.5), "b": np.int32(2), "c": np.array([1.0, 2.0]), "d": decimal.Decimal("1.25"),
        "e": dt.date(2026, 1, 2), "f": (1, 2), "g": np.bool_(True), "h": range(2),
    }  # fmt: skip
    plain = {"a": 1.5, "b": 2, "c": [1.0, 2.0], "d": "1.25", "e": "2026-01-02", "f": [1, 2], "g": True, "h": [0, 1]}
    assert sent([row]) == [plain]
    assert sent([{**row, "nan": np.float32("nan"), "when": pd.NaT, "list": [1.0, float("nan")]}]) == [
        {**plain, "nan": None, "when": None, "list": [1.0, None]}
    ]


def test_a_generator_of_rows_is_taken() -> None:
    assert sent({"X": number} for number in range(2)) == [{"X": 0}, {"X": 1}]


@pytest.mark.parametrize("dataset", ["CC", b"CC", 5, None])
def test_what_is_no_dataset_is_refused(dataset: Any) -> None:
    with pytest.raises(ApiValueError, match="list of rows"):
        _rows.read(dataset)


def test_what_has_no_form_is_refused_with_its_place() -> None:
    with pytest.raises(ApiValueError, match=r"input\[1\]\.X is infinite"):
        _rows.encoded([{"X": 1.0}, {"X": float("inf")}])
    with pytest.raises(ApiValueError, match="object has no form"):
        _rows.encoded([{"X": object()}])
    with pytest.raises(ApiValueError, match="object has no form"):
        _rows.encoded([{"N": float("nan"), "X": object()}])
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ApiValueError, match="can't be sent"):
        _rows.encoded(circle)


def test_only_dictionaries_become_csv() -> None:
    with pytest.raises(ApiValueError, match=r"input\[0\] is list"):
        _rows.as_csv([[1, 2]])


def test_csv_has_a_column_for_each_key_in_the_order_in_which_they_come() -> None:
    text = _rows.as_csv([{"a": 1, "b": "x\ny"}, {"c": 0.5, "a": None}]).decode()
    assert text == 'a,b,c\n1,"x\ny",\n,,0.5\n'


def test_numbers_of_rows_count_on_whatever_they_are() -> None:
    part = _rows.Slice(100, [])
    rows = [{"jaqpotMetadata": {"jaqpotRowId": 1}}, {"jaqpotMetadata": {"jaqpotRowId": "2"}}, {"y": 1}, 5]
    assert json.dumps(part.counted_on(rows)) == json.dumps(
        [{"jaqpotMetadata": {"jaqpotRowId": 101}}, {"jaqpotMetadata": {"jaqpotRowId": "102"}}, {"y": 1}, 5]
    )


# -- frames


RESULT = [
    {"act": 0, "jaqpotMetadata": {"jaqpotRowId": 0, "jaqpotRowLabel": "first", "probabilities": {"0": 0.6, "1": 0.4},
                                  "doa": {"Leverage": {}, "majorityVoting": True}}},
    {"act": None, "jaqpotMetadata": {"jaqpotRowId": 1, "error": "SMILES cannot be parsed", "doa": None}},
]  # fmt: skip


def test_a_result_comes_as_a_frame_with_the_index_of_what_was_sent() -> None:
    jaqpot, _ = client(begun(), finished(RESULT))
    frame = jaqpot.predict_sync(1886, pd.DataFrame({"X": [1, 2]}, index=["a", "b"]), as_frame=True)
    assert list(frame.index) == ["a", "b"]
    assert list(frame.columns) == ["act", "probability.0", "probability.1", "in_domain", "label", "error"]
    assert frame["probability.1"]["a"] == 0.4
    assert bool(frame["in_domain"]["a"])
    assert frame["error"]["b"] == "SMILES cannot be parsed"


def test_a_result_of_a_list_comes_as_a_frame_with_an_index_of_its_own() -> None:
    jaqpot, _ = client(begun(), finished(RESULT))
    assert list(jaqpot.predict_sync(1886, [{}, {}], as_frame=True).index) == [0, 1]


def test_rows_without_metadata_and_values_without_names_have_their_place() -> None:
    assert flattened({"y": 1}) == {"y": 1}
    assert flattened(5) == {"value": 5}


def test_without_pandas_there_is_no_frame_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    jaqpot, _ = client(begun(), finished(RESULT))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ValueError, match="takes pandas"):
        jaqpot.predict_sync(1886, [{}], as_frame=True)
