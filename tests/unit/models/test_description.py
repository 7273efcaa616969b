"""The document of a model: what is read, what is refused and where, and the way back."""

from __future__ import annotations

import json
import math
import pickle
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.models.samples import document, feature
from trivet.models.description import ModelDescription, ModelInvalid, Task, parse, to_document
from trivet.models.features import FeatureType, PossibleValue

AMES = document(
    name="Ames toy",
    task="BINARY_CLASSIFICATION",
    visibility="ORG_SHARED",
    tags="toxicity mutagen",
    libraries=[{"name": "scikit-learn", "version": "1.5.0"}],
    independentFeatures=[
        feature("SMILES", "SMILES"),
        feature("X1", "FLOAT", "Dose", units="mg", range="0-10", description="Given at once", visible=False),
        feature("Cat_col", "CATEGORICAL", possibleValues=[{"value": "A", "description": "Often"}, "B"]),
    ],
    dependentFeatures=[feature("active", "INTEGER", "Active")],
    featurizers=[{"name": "RDKitDescriptors", "config": {"use_fragment": True, "ipc_avg": True}, "columns": ["MolWt"]}],
    preprocessors=[{"name": "LabelEncoder", "config": {"classes_": ["no", "yes"]}}],
    selectedFeatures=["X1", "MolWt"],
    doas=[{"method": "LEVERAGE", "data": {"hStar": 0.94, "doaMatrix": [[1, 0], [0, 1]]}}],
    scores={"train": [{"binaryClassification": {"yName": "active", "accuracy": 0.9}}]},
    torchConfig=None,
    jaqpotpyVersion="7.1.0",
    requirements=["onnxruntime>=1.20"],
    versions={"rdkit": "2026.9.1"},
)


def problems(**changes: Any) -> tuple[str, ...]:
    with pytest.raises(ModelInvalid) as caught:
        parse(document(**changes))
    return caught.value.problems


def test_a_document_becomes_a_description() -> None:
    model = parse(AMES)
    assert (model.name, model.task, model.visibility) == ("Ames toy", Task.BINARY_CLASSIFICATION, "ORG_SHARED")
    assert [item.key for item in model.independent] == ["SMILES", "X1", "Cat_col"]
    dose, kind = model.independent[1:]
    assert (dose.name, dose.type, dose.units, dose.visible) == ("Dose", FeatureType.FLOAT, "mg", False)
    assert kind.possible_values == (PossibleValue("A", "Often"), PossibleValue("B", "B"))
    assert model.featurizers[0].columns == ("MolWt",)
    assert model.domains[0].data["hStar"] == 0.94
    assert model.libraries == (("scikit-learn", "1.5.0"),)
    assert model.extra == {"jaqpotpyVersion": "7.1.0"}
    assert model.needs_chemistry
    least = {"active": 0, "jaqpotMetadata": {"jaqpotRowId": 0, "probabilities": None, "doa": None}}
    assert model.least_result == len(json.dumps(least, separators=(",", ":")) + ",")


def test_a_description_goes_to_a_document_and_comes_back_the_same() -> None:
    model = parse(AMES)
    again = json.loads(json.dumps(to_document(model, with_data=True)))
    assert parse(again) == model


def test_a_document_for_others_keeps_the_matrices_of_domains_to_itself() -> None:
    assert to_document(parse(AMES))["doas"] == [{"method": "LEVERAGE", "data": {}}]


def test_a_small_document_has_the_usual_for_all_the_rest() -> None:
    model = parse(
        {key: value for key, value in document(description="").items() if key not in {"visibility", "libraries"}}
    )
    assert (model.visibility, model.description, model.libraries, model.tags) == ("PRIVATE", None, (), "")
    assert not model.needs_chemistry
    assert isinstance(model, ModelDescription)


def test_a_feature_without_a_name_is_called_by_its_key() -> None:
    assert parse(document(dependentFeatures=[{"key": "y", "featureType": "FLOAT"}])).dependent[0].name == "y"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": None}, "name: is missing"),
        ({"name": "ab"}, "name: must have 3 to 255 characters, and has 2"),
        ({"name": "a" * 256}, "name: must have 3 to 255 characters, and has 256"),
        ({"name": 7}, "name: must be text, not 7"),
        ({"name": "red \x1b[31m"}, r'name: holds a control character: "red \u001b[31m"'),
        ({"description": "ab"}, "description: must have 3 to 50,000 characters, and has 2"),
        ({"task": "regression"}, 'task: "regression" is not known; it is one of REGRESSION, '),
        ({"visibility": "EVERYONE"}, 'visibility: "EVERYONE" is not known; it is one of PUBLIC, ORG_SHARED, PRIVATE'),
        ({"type": None}, "type: is missing; it is one of SKLEARN_ONNX, TORCH_ONNX"),
        ({"type": "TORCH_SEQUENCE_ONNX"}, 'type: "TORCH_SEQUENCE_ONNX" is not known'),
        ({"type": "TORCHSCRIPT"}, "type: TORCHSCRIPT is never loaded, as it runs code that came with the file"),
        (
            {"type": "R_PBPK"},
            "type: R_PBPK models do not run here; export the model to ONNX (SKLEARN_ONNX or TORCH_ONNX)",
        ),
        ({"type": "DOCKER"}, "type: DOCKER models do not run here"),
        ({"type": "TORCH_GEOMETRIC_ONNX"}, "type: TORCH_GEOMETRIC_ONNX models do not run here"),
        ({"type": "OPENAI_LLM"}, "type: OPENAI_LLM models do not run here"),
        ({"independentFeatures": []}, "independentFeatures: is missing"),
        ({"independentFeatures": {"key": "x"}}, 'independentFeatures: must be a list, not {"key": "x"}'),
        (
            {"independentFeatures": [feature(f"x{n}", "FLOAT") for n in range(1001)]},
            "independentFeatures: has 1,001 items",
        ),
        ({"independentFeatures": ["X1"]}, "independentFeatures[0]: must be an object with key, name and featureType"),
        ({"independentFeatures": [feature("1x", "FLOAT")]}, 'independentFeatures[0].key: "1x" must be a letter, then'),
        (
            {"independentFeatures": [feature("X 1", "FLOAT")]},
            'independentFeatures[0].key: "X 1" must be a letter, then',
        ),
        ({"independentFeatures": [feature("größe", "FLOAT")]}, 'independentFeatures[0].key: "größe" must be a letter'),
        ({"independentFeatures": [feature("x\n", "FLOAT")]}, "independentFeatures[0].key"),
        (
            {"dependentFeatures": [feature("jaqpotMetadata", "FLOAT")]},
            "dependentFeatures[0].key: jaqpotMetadata has a meaning",
        ),
        (
            {"independentFeatures": [feature("x", "FLOAT"), feature("x", "FLOAT")]},
            "independentFeatures[1].key: x is the key of",
        ),
        (
            {"independentFeatures": [feature("x", "DOUBLE")]},
            'independentFeatures[0].featureType: "DOUBLE" is not known',
        ),
        ({"independentFeatures": [feature("x", "FLOAT", units=["m"])]}, "independentFeatures[0].units: must be text"),
        (
            {"independentFeatures": [feature("x", "FLOAT", "n" * 256)]},
            "independentFeatures[0].name: must have at most 255",
        ),
        ({"independentFeatures": [feature("x", "CATEGORICAL")]}, "independentFeatures[0].possibleValues: is missing"),
        (
            {"independentFeatures": [feature("x", "CATEGORICAL", possibleValues=[1])]},
            "independentFeatures[0].possibleValues[0]: must be an object with value and description, not 1",
        ),
        (
            {"featurizers": [{"name": "RDKitDescriptors", "config": {}}]},
            "featurizers: need an independent feature of type SMILES",
        ),
        ({"featurizers": [{"name": "MordredDescriptors"}]}, "featurizers[0].name: MordredDescriptors is not supported"),
        (
            {"featurizers": [{"name": "Coulomb"}]},
            'featurizers[0].name: "Coulomb" is not supported; there are RDKitDescriptors',
        ),
        (
            {"preprocessors": [{"name": "PowerTransformer"}]},
            'preprocessors[0].name: "PowerTransformer" cannot be undone here',
        ),
        (
            {"preprocessors": [{"name": "StandardScaler"}, {"name": "LabelEncoder"}]},
            "preprocessors[1].name: LabelEncoder must be the first of the list",
        ),
        ({"doas": [{"method": "KNN", "data": {}}]}, 'doas[0].method: "KNN" is not known'),
        ({"doas": [{"method": "LEVERAGE", "data": [1]}]}, "doas[0].data: must be an object, not [1]"),
        ({"doas": [{"method": "MEAN_VAR"}] * 2}, "doas[1].method: MEAN_VAR is there already"),
        ({"doas": [{"method": "MEAN_VAR"}] * 51}, "doas: has 51 items, the limit is 50"),
        ({"selectedFeatures": [3]}, "selectedFeatures[0]: must be text, not 3"),
        ({"libraries": [{"name": "numpy"}]}, "libraries[0].version: is missing"),
        ({"tags": "t" * 1001}, "tags: must have at most 1,000 characters, and has 1,001"),
        ({"scores": []}, "scores: must be an object, not []"),
        ({"torchConfig": []}, "torchConfig: must be an object, not []"),
        ({"rawModel": 7}, "rawModel: must be text, not 7"),
        ({"versions": {"rdkit": 2026}}, "versions.rdkit: must be text, not 2026"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(changes: dict[str, Any], sentence: str) -> None:
    found = problems(**changes)
    assert any(problem.startswith(sentence) for problem in found), found


def test_every_problem_is_named_at_once_and_twenty_are_told() -> None:
    found = problems(name="a", independentFeatures=[feature(f"{n}", "DOUBLE") for n in range(30)])
    assert len(found) == 61
    with pytest.raises(ModelInvalid) as caught:
        parse(document(independentFeatures=[feature(f"{n}", "FLOAT") for n in range(30)]))
    assert str(caught.value).count("independentFeatures[") == 20
    assert str(caught.value).endswith("; and more")


@pytest.mark.parametrize("value", [None, [], "model", 3])
def test_a_document_that_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(ModelInvalid, match="the document of a model is an object"):
        parse(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["x", "FLOAT", "LEVERAGE", "LabelEncoder"]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["key", "name", "method", "data", "value", "featureType"]), inner)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(AMES)), JSON, max_size=4))
def test_nothing_but_the_one_error_comes_of_any_document(changes: dict[str, Any]) -> None:
    with suppress(ModelInvalid):
        json.dumps(to_document(parse(AMES | changes), with_data=True))


def test_a_document_without_end_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"deeper": deep}
    assert problems(scores=deep) == ("the document of the model is nested too deep",)


def test_numbers_that_are_none_become_null_in_scores() -> None:
    model = parse(document(scores={"train": [{"regression": {"yName": "y", "r2": math.nan, "mae": 1.5}}]}))
    assert model.scores == {"train": [{"regression": {"yName": "y", "r2": None, "mae": 1.5}}]}


def test_a_result_may_leave_open_which_values_it_has() -> None:
    model = parse(document(dependentFeatures=[feature("y", "CATEGORICAL")]))
    assert model.dependent[0].possible_values == ()


def test_possible_values_of_a_number_are_dropped() -> None:
    model = parse(document(independentFeatures=[feature("x", "FLOAT", possibleValues=["1"])]))
    assert model.independent[0].possible_values == ()


def test_an_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ModelInvalid(["name: is missing"])))
    assert (str(error), error.problems) == ("name: is missing", ("name: is missing",))
