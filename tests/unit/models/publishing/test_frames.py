"""Training data: what becomes a feature, what its key is, and what is refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trivet.models.features import FeatureType
from trivet.models.problems import ModelInvalid
from trivet.models.publishing.frames import design_table, read_frame, read_targets


def test_types_come_from_the_columns_whatever_table_they_are_in() -> None:
    columns = {"a": [1, 2], "b": [0.5, 1.5], "c": [True, False], "d": ["x", "y"]}
    for table in (columns, pd.DataFrame(columns)):
        frame = read_frame(table)
        assert [feature.type for feature in frame.features] == [
            FeatureType.INTEGER,
            FeatureType.FLOAT,
            FeatureType.BOOLEAN,
            FeatureType.CATEGORICAL,
        ]
        assert [each.value for each in frame.features[3].possible_values] == ["x", "y"]
        assert frame.features[1].range == "0.5 to 1.5"


def test_an_array_has_columns_that_are_counted() -> None:
    frame = read_frame(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert [feature.key for feature in frame.features] == ["X1", "X2"]
    assert frame.matrix().tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_keys_are_what_rows_can_have_and_no_two_are_the_same() -> None:
    table = {"sepal length (cm)": [1.0], "sepal length [cm]": [2.0], "3rd": [1], "jaqpotMetadata": [1], "ok_1": [1]}
    frame = read_frame(table)
    keys = [feature.key for feature in frame.features]
    assert keys == ["sepal_length_cm", "sepal_length_cm_2", "x_3rd", "x_jaqpotMetadata", "ok_1"]
    assert [feature.name for feature in frame.features] == list(table)
    assert frame.rows(1)[0]["x_3rd"] == 1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"a": [1.0, float("nan")]}, "a lacks values"),
        ({"a": ["x", 1]}, "a holds int, str"),
        ({"a": [1], "b": [1, 2]}, "different lengths"),
        ({}, "no rows"),
        ({"a": [f"{n}" for n in range(1001)]}, "1001 different values"),
        (np.zeros(3), "shape"),
    ],
)
def test_what_can_be_no_training_data_is_refused_by_name(table: object, said: str) -> None:
    with pytest.raises(ModelInvalid, match=said):
        read_frame(table)


def test_targets_have_the_names_of_their_table_or_those_that_are_given() -> None:
    assert list(read_targets([1, 2])) == ["y"]
    assert list(read_targets(pd.Series([1, 2], name="logS"))) == ["logS"]
    assert list(read_targets(np.zeros((3, 2)))) == ["y1", "y2"]
    assert list(read_targets(np.zeros((3, 2)), ["a", "b"])) == ["a", "b"]
    with pytest.raises(ModelInvalid, match="2 outputs, and 1 names"):
        read_targets(np.zeros((3, 2)), ["a"])


def test_a_design_table_has_measured_columns_and_then_what_is_computed_of_molecules() -> None:
    table = pd.DataFrame({"dose": [1.0, 2.0], "SMILES": ["CCO", "CC"]})
    seen = design_table(table, smiles="SMILES", select=("dose", "MolWt", "TPSA"))
    assert isinstance(seen, pd.DataFrame)
    assert list(seen) == ["dose", "MolWt", "TPSA"]
    assert seen["MolWt"].round(3).tolist() == [46.069, 30.07]
    whole = design_table({"SMILES": ["CCO"]}, smiles="SMILES", featurizers=("MACCSKeysFingerprint",))
    assert whole.shape == (1, 167)
    assert np.flatnonzero(whole[0]).tolist() == [82, 109, 114, 139, 153, 155, 157, 160, 164]


@pytest.mark.parametrize(
    ("smiles", "select", "said"),
    [
        (["CCO", "no molecule"], (), "row 1 of SMILES"),
        (["CCO", ""], (), "row 1 of SMILES"),
        (["CCO"], ("Weight",), "'Weight', which is no column"),
    ],
)
def test_a_molecule_that_is_none_or_a_column_that_is_none_is_refused_by_name(
    smiles: list[str], select: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ModelInvalid, match=said):
        design_table({"SMILES": smiles}, smiles="SMILES", featurizers=("MACCSKeysFingerprint",), select=select)
