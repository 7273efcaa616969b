"""The schemas of a model's rows and results: right ones, and never stricter than the check in words."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.models.samples import CATEGORIES, GUIDE, document, feature, reading
from trivet.models.description import parse
from trivet.models.rows import RowsInvalid, check
from trivet.models.schema import input_schema, output_schema

ROW = {"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}
GUIDE_INPUT = jsonschema_rs.validator_for(input_schema(GUIDE))


@pytest.mark.parametrize(
    "value",
    [
        ROW,
        [ROW, ROW],
        [ROW | {"X1": "2.0", "X2": " 1e5 ", "Cat_col": "Category 2", "more": [1]}],
        [{"smiles": "CC", "DOSE": 1, " x2 ": 2, "kind": "CAT_1", "jaqpotRowLabel": None}],
    ],
)
def test_rows_that_a_model_reads_fit_its_schema(value: Any) -> None:
    assert GUIDE_INPUT.is_valid(value)


@pytest.mark.parametrize(
    "value",
    [
        [],
        "CC",
        7,
        [7],
        [{}],
        [ROW | {"X1": "one"}],
        [ROW | {"X1": 2.5}],
        [ROW | {"SMILES": None}],
        [ROW | {"Cat_col": None}],
    ]
    + [[{key: value for key, value in ROW.items() if key != left_out}] for left_out in ROW],
)
def test_rows_that_it_cannot_read_do_not(value: Any) -> None:
    assert not GUIDE_INPUT.is_valid(value)


ALL = reading(
    feature("i", "INTEGER", "Count [1/s]"),
    feature("f", "FLOAT", "f (x)"),
    feature("b", "BOOLEAN", "Größe"),
    feature("c", "CATEGORICAL", possibleValues=CATEGORIES),
    feature("s", "SMILES"),
    feature("fa", "FLOAT_ARRAY"),
    feature("sa", "STRING_ARRAY"),
)
ALL_INPUT = jsonschema_rs.validator_for(input_schema(ALL))
NUMBER = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUE = (
    NUMBER
    | NUMBER.map(str)
    | st.booleans()
    | st.sampled_from(["true", " False", "CAT_1", "Category 2", "1;2", "[1]", ""])
)
NAMES = ("i", "I", "count [1/s]", "f", "F (X)", "b", "GRÖßE", "c", " C ", "s", "fa", "sa", "SA ", "jaqpotRowLabel")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), VALUE | st.none() | st.lists(VALUE, max_size=2)))
def test_no_schema_is_stricter_than_the_check(row: dict[str, Any]) -> None:
    full = {"i": 1, "f": 2, "b": 0, "c": "CAT_1", "s": "C", "fa": [], "sa": []} | row
    for candidate in (row, full):
        try:
            check(ALL, [candidate])
        except RowsInvalid:
            continue
        assert ALL_INPUT.is_valid(candidate)
        assert ALL_INPUT.is_valid([candidate])


def test_a_schema_tells_what_people_want_to_know() -> None:
    model = reading(feature("X1", "FLOAT", "Dose", units="mg", description="Given at once"), feature("X2", "FLOAT"))
    row = input_schema(model)["$defs"]["row"]
    assert (row["properties"]["X1"]["title"], row["properties"]["X1"]["description"]) == ("Dose", "Given at once, mg")
    assert row["anyOf"][0] == {"required": ["X1", "X2"]}
    assert json.loads(json.dumps(input_schema(GUIDE))) == input_schema(GUIDE)


def test_results_fit_the_schema_of_results() -> None:
    made = {"y": 0.5, "jaqpotMetadata": {"jaqpotRowId": 0, "probabilities": None, "doa": None}}
    bad = {
        "y": None,
        "jaqpotMetadata": {"jaqpotRowId": 1, "probabilities": None, "doa": None, "error": "no"},
        "jaqpotRowLabel": "a",
    }
    validator = jsonschema_rs.validator_for(output_schema(parse(document())))
    assert validator.is_valid(made)
    assert validator.is_valid([made, bad])
    assert not validator.is_valid(made | {"y": "text"})
    assert not validator.is_valid({"y": 0.5})
    classes = jsonschema_rs.validator_for(output_schema(parse(document(task="BINARY_CLASSIFICATION"))))
    assert classes.is_valid(made | {"y": "toxic"})
    assert classes.is_valid(made | {"y": 1})
