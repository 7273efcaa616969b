"""Rows against features: what is taken, what is refused and in which words."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.models.samples import CATEGORIES, GUIDE, feature, reading
from trivet.models.rows import RowsInvalid, check

ROW = {"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}


def column(kind: str, *values: Any, **more: Any) -> list[Any]:
    """What a feature of this type makes of values."""
    model = reading(feature("x", kind, **more))
    return list(check(model, [{"x": value} for value in values]).columns["x"])


def refused(rows: Any, *, limit: int | None = None) -> tuple[str, ...]:
    with pytest.raises(RowsInvalid) as caught:
        check(GUIDE, rows, limit=limit)
    return caught.value.problems


def test_rows_become_columns() -> None:
    table = check(GUIDE, [ROW, ROW | {"SMILES": " CCO ", "X1": "3", "X2": "0.5", "extra": object()}])
    assert table.columns == {"SMILES": ["CC", "CCO"], "X1": [1, 3], "X2": [2.0, 0.5], "Cat_col": ["CAT_1", "CAT_1"]}
    assert (table.size, table.start, table.labels, table.problems) == (2, 0, None, {})


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "input has 0 rows"),
        ([ROW] * 101, "input has 101 rows, the limit is 100"),
        ([ROW, ROW, ROW, 7], "input[3] must be an object of feature keys"),
        ([{"SMILES": "CC", "X1": 1, "Cat_col": "CAT_1"}], "input[0]: missing X2 (FLOAT)"),
        ([ROW | {"X2": None}], "input[0]: missing X2 (FLOAT)"),
        ([ROW | {"SMILES": None}], "input[0]: missing SMILES (SMILES)"),
        ([ROW | {"X1": "abc"}], 'input[0].X1: "abc" is not a number'),
        ([ROW | {"X1": 2.5}], "input[0].X1: 2.5 is not a whole number"),
        ([ROW | {"X1": 2**63}], "input[0].X1: 9223372036854775808 is too large a number"),
        ([ROW | {"X2": 10**400}], f"input[0].X2: 1{'0' * 58}… is too large a number"),
        ([ROW, ROW | {"X2": math.nan}], "input[1].X2: NaN is not a finite number"),
        ([ROW | {"X2": math.inf}], "input[0].X2: Infinity is not a finite number"),
        ([ROW | {"X2": "nan"}], 'input[0].X2: "nan" is not a finite number'),
        ([ROW | {"X2": "1_000"}], 'input[0].X2: "1_000" is not a number'),
        ([ROW | {"X2": True}], "input[0].X2: true is not a number"),
        ([ROW | {"X2": [1]}], "input[0].X2: [1] is not a number"),
        ([ROW | {"SMILES": 7}], "input[0].SMILES: 7 is not text"),
        ([ROW | {"Cat_col": "CAT_9"}], 'input[0].Cat_col: "CAT_9" is not one of CAT_1, CAT_2, CAT_3'),
        ([ROW | {"Cat_col": ["CAT_1"]}], 'input[0].Cat_col: ["CAT_1"] is not one of CAT_1, CAT_2, CAT_3'),
        ([ROW | {"jaqpotRowLabel": []}], "input[0].jaqpotRowLabel: [] is not text"),
        ({"SMILES": "CC"}, 'input must be a list of rows, not {"SMILES": "CC"}'),
        ("CC", 'input must be a list of rows, not "CC"'),
        (None, "input must be a list of rows, not null"),
    ],
)
def test_a_problem_is_named_with_row_key_and_value(rows: Any, sentence: str) -> None:
    assert refused(rows, limit=100) == (sentence,)


def test_problems_come_in_the_order_of_the_rows_and_twenty_are_told() -> None:
    found = refused([ROW | {"X1": "one", "X2": "two"}] * 30)
    assert found[:3] == (
        'input[0].X1: "one" is not a number',
        'input[0].X2: "two" is not a number',
        'input[1].X1: "one" is not a number',
    )
    with pytest.raises(RowsInvalid) as caught:
        check(GUIDE, [ROW | {"X1": "one"}] * 30)
    assert str(caught.value).count("input[") == 20
    assert str(caught.value).endswith("; and more")


@pytest.mark.parametrize(
    ("kind", "given", "made"),
    [
        ("INTEGER", [2, 2.0, "2", "2.0", " 2 ", 2e3, -(2**63)], [2, 2, 2, 2, 2, 2000, -(2**63)]),
        ("FLOAT", [1, "1e-3", " .5 ", "-2", 1e308], [1.0, 0.001, 0.5, -2.0, 1e308]),
        ("FLOAT", [1e308, 1e308], [1e308, 1e308]),
        (
            "BOOLEAN",
            [True, False, "true", "False", 0, 1, "1", "0"],
            [True, False, True, False, False, True, True, False],
        ),
        ("STRING", ["", " a "], ["", " a "]),
        ("TEXT", ["a"], ["a"]),
        ("FLOAT_ARRAY", [[1, "2.5"], "[1, 2]", "1;2", "", []], [[1.0, 2.5], [1.0, 2.0], [1.0, 2.0], [], []]),
        ("STRING_ARRAY", [["a"], '["a", "b"]', "a; b"], [["a"], ["a", "b"], ["a", "b"]]),
        ("IMAGE", ["iVBORw0KGgo=", "data:image/png;base64,iVBORw0KGgo="], [b"\x89PNG\r\n\x1a\n"] * 2),
    ],
)
def test_values_of_each_type_are_taken_in_their_forms(kind: str, given: list[Any], made: list[Any]) -> None:
    found = column(kind, *given)
    assert found == made
    assert list(map(type, found)) == list(map(type, made))


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        ("BOOLEAN", "yes", '"yes" is not true or false'),
        ("BOOLEAN", 2, "2 is not true or false"),
        ("INTEGER", True, "true is not a number"),
        ("INTEGER", "1" * 5000, " is not a finite number"),
        ("INTEGER", "9007199254740993.0", "is too large to be read exactly"),
        ("STRING", 5, "5 is not text"),
        ("FLOAT_ARRAY", 5, "5 is not a list of numbers"),
        ("FLOAT_ARRAY", ["a"], '["a"] is not a number'),
        ("FLOAT_ARRAY", "[1", '"[1" is not a list of numbers'),
        ("STRING_ARRAY", [1], "[1] is not text"),
        ("IMAGE", "###", '"###" is not base64'),
        ("IMAGE", "aGVsbG8=", "is not a PNG, JPEG or TIFF picture in base64"),
    ],
)
def test_values_of_each_type_are_refused_in_words(kind: str, value: Any, sentence: str) -> None:
    with pytest.raises(RowsInvalid) as caught:
        column(kind, value)
    assert sentence in str(caught.value)


def test_a_category_may_be_called_by_its_description_or_be_a_number() -> None:
    numbers = [{"value": "1", "description": "Same"}, {"value": "2.5", "description": "Same"}]
    assert column("CATEGORICAL", "Category 2", "CAT_3", " CAT_1 ", possibleValues=CATEGORIES) == [
        "CAT_2",
        "CAT_3",
        "CAT_1",
    ]
    assert column("CATEGORICAL", 1, 2.5, possibleValues=numbers) == ["1", "2.5"]
    with pytest.raises(RowsInvalid, match="is not one of"):
        column("CATEGORICAL", "Same", possibleValues=numbers)


def test_a_category_with_blanks_around_it_may_be_called_without_them() -> None:
    values = [{"value": " low"}, {"value": "low "}, {"value": "high "}, {"value": "mid", "description": "high"}]
    assert column("CATEGORICAL", "high ", " low", possibleValues=values) == ["high ", " low"]
    assert column("CATEGORICAL", "high", possibleValues=values) == ["mid"]
    assert column("CATEGORICAL", "high", possibleValues=values[:3]) == ["high "]
    with pytest.raises(RowsInvalid, match="is not one of"):  # it could be either
        column("CATEGORICAL", "low", possibleValues=values)


def test_a_whole_number_without_end_is_no_category() -> None:
    with pytest.raises(RowsInvalid, match="is not one of CAT_1"):
        column("CATEGORICAL", 10**5000, possibleValues=CATEGORIES)


def test_a_description_never_hides_a_value() -> None:
    swapped = [{"value": "a", "description": "b"}, {"value": "b", "description": "a"}]
    assert column("CATEGORICAL", "a", "b", possibleValues=swapped) == ["a", "b"]


def test_keys_in_another_case_and_display_names_will_do() -> None:
    rows = [
        {"smiles": "CC", "x1": 1, "Time": 2, "KIND": "CAT_1"},
        {"SMILES": "CC", " dose ": 1, "X2": 2, "cat_col": "CAT_1"},
    ]
    table = check(GUIDE, rows)
    assert table.columns == {"SMILES": ["CC", "CC"], "X1": [1, 1], "X2": [2.0, 2.0], "Cat_col": ["CAT_1", "CAT_1"]}


def test_the_exact_key_wins_also_where_it_says_null() -> None:
    assert check(GUIDE, [ROW | {"x1": 5, "Dose": 6}]).columns["X1"] == [1]
    assert refused([ROW | {"X1": None, "Dose": 6}]) == ("input[0]: missing X1 (INTEGER)",)


def test_a_key_is_not_taken_for_the_display_name_of_another_feature() -> None:
    model = reading(feature("a", "FLOAT", "b"), feature("b", "FLOAT", "a"))
    assert check(model, [{"a": 1, "b": 2}]).columns == {"a": [1.0], "b": [2.0]}
    with pytest.raises(RowsInvalid, match=r"input\[0\]: missing a"):
        check(model, [{"b": 2}])


def test_an_empty_molecule_costs_its_own_row_alone() -> None:
    table = check(GUIDE, [ROW, ROW | {"SMILES": "  "}, ROW])
    assert table.columns["SMILES"] == ["CC", "", "CC"]
    assert table.problems == {1: "SMILES is empty: SMILES needs at least one atom"}


def test_labels_are_kept_as_text() -> None:
    rows = [ROW | {"jaqpotRowLabel": "a"}, ROW, ROW | {"jaqpotRowLabel": 7}]
    assert check(GUIDE, rows).labels == ["a", None, "7"]


MIXED = reading(
    feature("i", "INTEGER"),
    feature("f", "FLOAT"),
    feature("b", "BOOLEAN"),
    feature("c", "CATEGORICAL", possibleValues=CATEGORIES),
    feature("s", "STRING"),
    feature("a", "FLOAT_ARRAY"),
)
REAL = st.floats(allow_nan=False, allow_infinity=False)
GOOD = st.fixed_dictionaries(
    {
        "i": st.integers(-(2**63), 2**63 - 1),
        "f": REAL,
        "b": st.booleans(),
        "c": st.sampled_from(["CAT_1", "CAT_2", "CAT_3"]),
        "s": st.text(),
        "a": st.lists(REAL, max_size=3),
    }
)


@settings(deadline=None)
@given(st.lists(GOOD, min_size=1, max_size=5))
def test_good_rows_come_through_unchanged_and_so_do_their_texts(rows: list[dict[str, Any]]) -> None:
    table = check(MIXED, rows)
    assert [dict(zip(table.columns, row, strict=True)) for row in zip(*table.columns.values(), strict=True)] == rows
    texts = [row | {"i": str(row["i"]), "f": repr(row["f"]), "b": str(row["b"])} for row in rows]
    assert check(MIXED, texts).columns == table.columns


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["i", "f", "b", "c", "s", "a", "I", "jaqpotRowLabel"]), JSON) | JSON))
def test_nothing_but_the_one_error_comes_of_any_rows(rows: list[Any]) -> None:
    with suppress(RowsInvalid):
        assert check(MIXED, rows).size == len(rows)
