"""What was done to the learned values is undone as scikit-learn would."""

import numpy as np
import pytest
from sklearn.preprocessing import LabelEncoder, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from trivet.models.transforms import Chain, TransformInvalid

VALUES = np.random.default_rng(0).normal(size=(40, 2)) * [3, 100] + [1, 50]
ATTRIBUTES = {
    StandardScaler: ("mean_", "scale_"),
    MinMaxScaler: ("min_", "scale_"),
    MaxAbsScaler: ("scale_",),
    RobustScaler: ("scale_", "center_"),
}


def stored(fitted):
    values = {name: getattr(fitted, name) for name in ATTRIBUTES[type(fitted)]}
    switches = {name: value for name, value in vars(fitted).items() if name.startswith("with_")}
    return type(fitted).__name__, {
        name: None if value is None else value.tolist() for name, value in values.items()
    } | switches


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        MinMaxScaler((-1, 3)),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_centering=False, with_scaling=False),
    ],
    ids=repr,
)
def test_a_scaler_is_undone_as_scikit_learn_does(scaler):
    scaled = scaler.fit_transform(VALUES)
    assert np.allclose(Chain.opened([stored(scaler)]).undo(scaled), VALUES, rtol=1e-12)


def test_the_last_transform_is_undone_first():
    first, second = StandardScaler(), MinMaxScaler()
    scaled = second.fit_transform(first.fit_transform(VALUES))
    assert np.allclose(Chain.opened([stored(first), stored(second)]).undo(scaled), VALUES, rtol=1e-12)


def test_a_logarithm_is_undone():
    assert Chain.opened([("LogTransformer", {"info": None})]).undo(np.log([[2.0], [3.0]])) == pytest.approx(
        np.array([[2], [3]])
    )


def test_labels_come_back_and_a_number_without_one_is_none():
    encoder = LabelEncoder().fit(["cat", "dog", "eel"])
    chain = Chain.opened([("LabelEncoder", {"classes_": encoder.classes_.tolist()})])
    assert chain.classes == ("cat", "dog", "eel")
    assert chain.undo(np.array([[2], [0], [3], [-1]])).tolist() == [["eel"], ["cat"], [None], [None]]


def test_single_precision_becomes_double_before_anything_is_computed():
    undone = Chain.opened([("StandardScaler", {"mean_": [0.1], "scale_": [0.3]})]).undo(
        np.array([[1]], dtype=np.float32)
    )
    assert undone.tolist() == [[0.3 + 0.1]]


@pytest.mark.parametrize(
    ("transforms", "words"),
    [
        ([("PowerTransformer", {})], "PowerTransformer can't be undone"),
        ([("StandardScaler", {"mean_": [1]})], "has no scale_"),
        ([("StandardScaler", {"mean_": [1, 2], "scale_": [1, 2, 3]})], "different numbers of columns"),
        ([("MinMaxScaler", {"min_": [1], "scale_": [0]})], "zero"),
        ([("MaxAbsScaler", {"scale_": ["a"]})], "can't be used"),
        ([("MaxAbsScaler", {"scale_": [float("nan")]})], "finite"),
        ([("MaxAbsScaler", {"scale_": [10**400]})], "can't be used"),
        ([("LabelEncoder", {"classes_": []})], "list of labels"),
        ([("LabelEncoder", {"classes_": {"a": 1}})], "list of labels"),
        ([("LabelEncoder", {"classes_": ["a", ["b"]]})], "texts or numbers"),
        ([("MaxAbsScaler", {"scale_": [1]}), ("LabelEncoder", {"classes_": ["a"]})], "must be the first"),
    ],
)
def test_what_cannot_be_undone_says_why(transforms, words):
    with pytest.raises(TransformInvalid, match=words):
        Chain.opened(transforms)


def test_values_that_do_not_fit_a_transform_are_refused():
    chain = Chain.opened([("StandardScaler", {"mean_": [1, 2], "scale_": [1, 2]})])
    with pytest.raises(TransformInvalid, match="2 values per row; the model gives 3"):
        chain.undo(np.zeros((1, 3)))
    with pytest.raises(TransformInvalid, match="about numbers"):
        chain.undo(np.array([["a", "b"]], dtype=object))
