"""Fitted estimators as model folders: whatever is published predicts what the estimator does, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PowerTransformer, RobustScaler, StandardScaler
from sklearn.svm import SVC

import trivet
from trivet.models.problems import ModelInvalid
from trivet.models.publishing import design_table, write_model

CHANCE = np.random.default_rng(3)
NUMBERS = pd.DataFrame({"a": CHANCE.normal(size=80), "b": CHANCE.integers(0, 9, 80), "c": CHANCE.random(80) > 0.5})
MIXED = NUMBERS.assign(kind=CHANCE.choice(["red", "green"], 80))
VALUE = pd.Series(3 * NUMBERS["a"] - NUMBERS["b"] + NUMBERS["c"] + 20.0, name="value")
LABEL = pd.Series(np.where(VALUE > 16, "high", "low"), name="level")
THREE = pd.Series(NUMBERS["b"] % 3, name="rest")
ENCODED = ColumnTransformer(
    [("numbers", StandardScaler(), ["a", "b"]), ("kinds", OneHotEncoder(sparse_output=False), ["kind"])]
)


def written(folder: Path, estimator: Any, X: Any, y: Any, **more: Any) -> trivet.models.Model:  # noqa: N803 - the field's word
    write_model(folder, estimator.fit(X, y), X, y, name="A model", **more)
    return trivet.load(folder)


def asked(model: trivet.models.Model, table: pd.DataFrame) -> list[dict[str, Any]]:
    said = model.predict(table.to_dict("records"))
    assert isinstance(said, list)
    return said


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        RandomForestRegressor(10, random_state=1),
        GradientBoostingRegressor(n_estimators=10, random_state=1),
        make_pipeline(StandardScaler(), Ridge()),
        TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
        TransformedTargetRegressor(make_pipeline(RobustScaler(), Ridge()), transformer=MinMaxScaler()),
        TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_regressor_predicts_what_it_did(estimator: Any, tmp_path: Path) -> None:
    rows = asked(written(tmp_path, estimator, NUMBERS, VALUE), NUMBERS)
    assert np.allclose([row["value"] for row in rows], estimator.predict(NUMBERS), rtol=1e-4)
    assert {row["jaqpotMetadata"]["probabilities"] for row in rows} == {None}


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (LogisticRegression(), LABEL),
        (RandomForestClassifier(10, random_state=1), LABEL),
        (RandomForestClassifier(10, random_state=1), THREE),
        pytest.param(
            make_pipeline(StandardScaler(), SVC(probability=True, random_state=1)),
            LABEL,
            marks=pytest.mark.filterwarnings("ignore:.*probability.*:FutureWarning"),
        ),
        (KNeighborsClassifier(), THREE),
    ],
    ids=["logistic", "forest", "three classes", "svc", "neighbours"],
)
def test_a_classifier_says_the_same_classes_with_their_probabilities(
    estimator: Any, target: pd.Series[Any], tmp_path: Path
) -> None:
    rows = asked(written(tmp_path, estimator, NUMBERS, target), NUMBERS)
    expected = estimator.predict(NUMBERS).tolist()
    same = [row[target.name] == wanted for row, wanted in zip(rows, expected, strict=True)]
    assert sum(same) >= 79
    first = rows[0]["jaqpotMetadata"]["probabilities"]
    assert sorted(first) == sorted(str(label) for label in set(target))
    assert sum(first.values()) == pytest.approx(1.0, abs=0.01)


def test_a_pipeline_over_texts_and_numbers_becomes_two_graphs(tmp_path: Path) -> None:
    estimator = make_pipeline(ENCODED, Ridge())
    rows = asked(written(tmp_path, estimator, MIXED, VALUE, domain=("LEVERAGE", "BOUNDING_BOX")), MIXED)
    assert np.allclose([row["value"] for row in rows], estimator.predict(MIXED), rtol=1e-6)
    assert sorted(path.name for path in tmp_path.glob("*.onnx")) == ["model.onnx", "preprocessor.onnx"]
    assert set(rows[0]["jaqpotMetadata"]["doa"]) == {"Leverage", "BoundingBox", "majorityVoting"}


def test_an_estimator_over_molecules_takes_smiles(tmp_path: Path) -> None:
    molecules = pd.DataFrame({"SMILES": ["C" * n + end for n in range(1, 15) for end in ("O", "N", "F", "=O")]})
    molecules["dose"] = CHANCE.random(len(molecules))
    select = ("dose", "MolWt", "TPSA", "MolLogP")
    seen = design_table(molecules, smiles="SMILES", select=select)
    target = (seen["MolWt"] + 10 * seen["dose"]).rename("effect")
    estimator = make_pipeline(StandardScaler(), Ridge()).fit(seen, target)
    write_model(tmp_path, estimator, molecules, target, name="Effect", smiles="SMILES", select=select)
    rows = asked(trivet.load(tmp_path), molecules)
    assert np.allclose([row["effect"] for row in rows], estimator.predict(seen), rtol=1e-6)
    said = trivet.load(tmp_path).predict([{"SMILES": "CCO", "dose": 1}, {"SMILES": "C(", "dose": 1}])
    assert said[1]["effect"] is None
    assert "SMILES" in said[1]["jaqpotMetadata"]["error"]


def test_several_outputs_keep_their_names(tmp_path: Path) -> None:
    both = pd.DataFrame({"one": VALUE, "two": -VALUE})
    rows = asked(written(tmp_path, LinearRegression(), NUMBERS, both), NUMBERS)
    assert rows[0]["one"] == pytest.approx(-rows[0]["two"])


def test_the_description_says_how_good_it_is_and_what_its_columns_are(tmp_path: Path) -> None:
    model = RandomForestClassifier(10, random_state=1).fit(NUMBERS[:60], LABEL[:60])
    write_model(
        tmp_path,
        model,
        NUMBERS[:60],
        LABEL[:60],
        name="Level",
        units={"a": "mg"},
        test=(NUMBERS[60:], LABEL[60:]),
    )
    document = json.loads((tmp_path / "model.json").read_text())
    measured = document["scores"]["test"][0]["binaryClassification"]
    assert (measured["yName"], measured["labels"]) == ("level", ["high", "low"])
    assert measured["accuracy"] == pytest.approx(model.score(NUMBERS[60:], LABEL[60:]))
    assert document["independentFeatures"][0]["units"] == "mg"
    assert document["task"] == "BINARY_CLASSIFICATION"


@pytest.mark.parametrize(
    ("estimator", "table", "said"),
    [
        (LinearRegression(), MIXED, "kind; publish the whole pipeline"),
        (TransformedTargetRegressor(Ridge(), transformer=PowerTransformer()), NUMBERS, "PowerTransformer"),
    ],
)
def test_what_can_t_be_published_is_refused_with_what_to_do(
    estimator: Any, table: pd.DataFrame, said: str, tmp_path: Path
) -> None:
    estimator.fit(NUMBERS, VALUE)
    with pytest.raises(ModelInvalid, match=said):
        write_model(tmp_path, estimator, table, VALUE, name="A model")


def test_an_estimator_that_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="not fitted"):
        write_model(tmp_path, Ridge(), NUMBERS, VALUE, name="A model")
    with pytest.raises(ModelInvalid, match="another number"):
        write_model(tmp_path, Ridge().fit(NUMBERS, VALUE), NUMBERS, VALUE[:10], name="A model")
