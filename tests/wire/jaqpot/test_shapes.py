"""Documents as Jaqpot's generated client takes them: it refuses what is missing, null where it may not be, or of another type."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.wire.jaqpot.world import JaqpotWorld, document, fails, holds
from trivet.models.features import FeatureType

TYPES = {"SKLEARN_ONNX", "TORCH_ONNX", "DOCKER"}
TASKS = {"REGRESSION", "BINARY_CLASSIFICATION", "MULTICLASS_CLASSIFICATION"}
VISIBILITIES = {"PUBLIC", "ORG_SHARED", "PRIVATE"}
ROWS = [{"X1": 1, "Cat": "A"}]


def check_text(value: object, least: int = 0, most: int = 10**9) -> None:
    assert isinstance(value, str)
    assert least <= len(value) <= most


def check_moment(value: object) -> None:
    assert isinstance(value, str)
    assert datetime.fromisoformat(value).tzinfo is not None


def check_integer(value: object) -> None:
    assert type(value) is int


def check_feature(feature: dict[str, Any], dependency: str) -> None:
    check_integer(feature["id"])
    check_text(feature["key"], 1)
    check_text(feature["name"], 1, 255)
    assert feature["featureType"] in set(FeatureType)
    assert feature["featureDependency"] == dependency
    assert type(feature["visible"]) is bool
    for name, most in (("description", 2000), ("units", 255), ("range", 255)):
        if name in feature:
            check_text(feature[name], 1, most)
    for value in feature.get("possibleValues", []):
        check_text(value["value"])
        check_text(value["description"])
    check_moment(feature["createdAt"])


def check_organization(found: dict[str, Any]) -> None:
    check_integer(found["id"])
    check_text(found["name"], 3, 200)
    check_text(found["contactEmail"])
    assert found["visibility"] in {"PUBLIC", "PRIVATE"}


def check_model(found: dict[str, Any]) -> None:
    check_integer(found["id"])
    check_text(found["name"], 3, 255)
    assert (found["type"] in TYPES, found["task"] in TASKS, found["visibility"] in VISIBILITIES) == (True, True, True)
    if found["description"] is not None:
        check_text(found["description"], 3, 50_000)
    for each in found["libraries"]:
        check_text(each["name"])
        check_text(each["version"])
    for side in ("INDEPENDENT", "DEPENDENT"):
        for feature in found[f"{side.lower()}Features"]:
            check_feature(feature, side)
    for each in found["sharedWithOrganizations"]:
        check_organization(each)
    check_text(found["creator"]["id"], 1)
    for name in ("canEdit", "isAdmin", "archived"):
        assert type(found[name]) is bool
    for each in found["doas"]:
        assert each["data"] == {}
    for each in (*found["featurizers"], *found["preprocessors"]):
        assert isinstance(each["config"], dict)
    assert isinstance(found["selectedFeatures"], list)
    assert found["rawModel"] == ""
    assert isinstance(found.get("scores", {}), dict)
    check_text(found["tags"], 0, 1000)
    check_moment(found["createdAt"])
    check_moment(found["updatedAt"])


def check_summary(found: dict[str, Any]) -> None:
    check_integer(found["id"])
    check_text(found["name"], 3, 255)
    assert (found["type"] in TYPES, found["visibility"] in VISIBILITIES) == (True, True)
    for each in found["sharedWithOrganizations"]:
        check_integer(each["id"])
        check_text(each["name"], 3)
    if found["description"] is not None:
        check_text(found["description"], 3, 50_000)
    check_moment(found["createdAt"])


def check_dataset(found: dict[str, Any]) -> None:
    assert (found["type"], found["entryType"]) == ("PREDICTION", "ARRAY")
    assert isinstance(found["input"], list)
    assert len(found["input"]) <= 100
    assert found["status"] in {"CREATED", "EXECUTING", "SUCCESS", "FAILURE"}
    if found["status"] == "SUCCESS":
        assert isinstance(found["result"], list)
    if found["status"] == "FAILURE":
        check_text(found["failureReason"], 3, 15_000)
    for name in ("id", "modelId"):
        check_integer(found[name])
    check_text(found["userId"])
    for name in ("createdAt", "updatedAt", "executedAt", "executionFinishedAt"):
        if name in found:
            check_moment(found[name])


def check_page(found: dict[str, Any]) -> None:
    for name in ("totalElements", "totalPages", "pageSize", "pageNumber"):
        check_integer(found[name])
    assert isinstance(found["content"], list)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"description": "", "tags": "", "libraries": [], "doas": [], "scores": None},
        {
            "independentFeatures": [{"key": "S", "name": "Molecule", "featureType": "SMILES"}],
            "featurizers": [{"name": "TopologicalFingerprint", "config": {}}],
        },
        {"preprocessors": [{"name": "StandardScaler", "config": {"mean_": [0.0], "scale_": [1.0]}}]},
        {
            "independentFeatures": [
                {
                    "key": f"k{place}",
                    "name": "x" * 255,
                    "featureType": kind,
                    "description": "",
                    "units": "",
                    "range": "",
                }
                | ({"possibleValues": [{"value": "1", "description": "1"}]} if kind == "CATEGORICAL" else {})
                for place, kind in enumerate(FeatureType)
            ]
        },
    ],
)
def test_models_are_as_clients_read_them(world: JaqpotWorld, changes: dict[str, Any]) -> None:
    endpoint = world.model(described=document(**changes))
    world.ask("PATCH", "/endpoints/ann/fish", json_body={"visibility": "public"}, token=world.ann)
    check_model(world.call("GET", f"/models/{endpoint.model_id}").json)
    for path in ("/user/models", "/models/search?query="):
        page = world.call("GET", path).json
        check_page(page)
        assert len(page["content"]) == 1
        check_summary(page["content"][0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scores", {"train": [{"regression": {"r2": 0.9}}]}),
        ("scores", {"train": {"regression": {"yName": "y"}}}),
        ("scores", {"test": [{"regression": {"yName": "y", "r2": "0.9"}}]}),
        ("scores", {"test": [{"multiclassClassification": {"yName": "y", "confusionMatrix": [[1] * 101]}}]}),
        ("dockerConfig", {}),
        ("dockerConfig", {"appName": "a" * 64}),
        ("rPbpkConfig", {"odeSolver": 3}),
    ],
)
def test_what_no_client_could_read_is_not_shown(world: JaqpotWorld, name: str, value: dict[str, Any]) -> None:
    endpoint = world.model(described=document(**{name: value}))
    assert name not in world.call("GET", f"/models/{endpoint.model_id}").json


def test_scores_are_shown_as_they_came(world: JaqpotWorld) -> None:
    block = {
        "yName": "y",
        "labels": ["a", "b"],
        "accuracy": 1,
        "f1Score": [0.5, None],
        "confusionMatrix": [[1, 0], [0, 1]],
    }
    good = {**block, "f1Score": [0.5, 1]}
    scores = {
        "train": [{"binaryClassification": good}],
        "crossValidation": [{"regression": {"yName": "z", "folds": 5}}],
    }
    shown = world.model(described=document(scores=scores))
    assert world.call("GET", f"/models/{shown.model_id}").json["scores"] == scores
    hidden = world.model("ann/other", described=document(scores={"test": [{"binaryClassification": block}]}))
    assert "scores" not in world.call("GET", f"/models/{hidden.model_id}").json


def test_functions_are_as_clients_read_them(world: JaqpotWorld) -> None:
    world.function("ann/f", model_id=70)
    check_model(world.call("GET", "/models/70").json)
    check_summary(world.call("GET", "/user/models").json["content"][0])


def test_shared_models_are_as_clients_read_them(world: JaqpotWorld) -> None:
    endpoint = world.model()
    world.ask("POST", "/orgs", json_body={"name": "ab"}, token=world.ann)  # a name that is too short for clients
    world.ask("PATCH", "/endpoints/ann/fish", json_body={"shared_with": ["ab"]}, token=world.ann)
    check_model(world.call("GET", f"/models/{endpoint.model_id}").json)
    page = world.call("GET", "/user/shared-models").json
    check_page(page)
    check_summary(page["content"][0])


def test_datasets_are_as_clients_read_them(world: JaqpotWorld) -> None:
    endpoint = world.model()
    check_dataset(world.dataset(world.predict(endpoint, ROWS)))
    check_dataset(world.dataset(world.predict_csv(endpoint, b"X1,Cat\n" + b"1,A\n" * 500)))
    world.handler = lambda worker, order: fails(worker, order, "handler_error", "no")
    check_dataset(world.dataset(world.predict(endpoint, ROWS)))
    world.handler = lambda worker, order: fails(worker, order, "handler_error", "x" * 40_000)
    check_dataset(world.dataset(world.predict(endpoint, ROWS)))
    page = world.call("GET", "/user/datasets").json
    check_page(page)
    for each in page["content"]:
        check_dataset(each)


def test_an_unfinished_dataset_is_as_clients_read_it(tmp_path: Any) -> None:
    world = JaqpotWorld(tmp_path, wait=0.0, hold=0.01)
    endpoint, world.handler = world.model(), holds
    answer = world.predict(endpoint, ROWS)
    check_dataset(world.dataset(answer))
    check_dataset(json.loads(world.call("GET", "/user/datasets").body)["content"][0])
