"""One model and everybody who calls it: our SDK, RunPod's, Algorithmia's and Jaqpot's packages, and a file without a server.

Then: what comes of an estimator that was fitted in a notebook.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.jaqpot_sdk import JaqpotSdk, Person
from tests.e2e.originals import (
    ALGORITHMIA_LATEST,
    original_python,
    pointing,
    pointing_algorithmia,
    run_original,
)
from trivet.examples import catalogue
from trivet.sdk.models import DeployedEndpoint

MOLECULES: list[dict[str, Any]] = [{"SMILES": "CCO"}, {"SMILES": "not a molecule"}, {"SMILES": "c1ccccc1O"}]
RUNPOD = """
import json, os, runpod
runpod.api_key = os.environ["RUNPOD_API_KEY"]
asked = json.loads(os.environ["ASKED"])
print(json.dumps([runpod.Endpoint(each["id"]).run_sync({"input": each["input"]}, timeout=60) for each in asked]))
"""
ALGORITHMIA = """
import Algorithmia, json, os
client = Algorithmia.client()
asked = json.loads(os.environ["ASKED"])
print(json.dumps([client.algo(each["name"]).pipe(each["input"]).result for each in asked]))
"""


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JaqpotSdk]:
    sdk = JaqpotSdk(tmp_path_factory.mktemp("sdk"))
    yield sdk
    sdk.close()


@pytest.fixture(scope="module")
def person(platform: RunningPlatform, sdk: JaqpotSdk) -> Person:
    return Person(sdk, platform.url, platform.key)


@pytest.fixture(scope="module")
def models(client: trivet.Client) -> Mapping[str, DeployedEndpoint]:
    """A model of a table, and one of molecules, by the names of the examples that they are."""
    known = {example.name: example for example in catalogue()}
    found = {}
    for name in ("wine", "lipophilicity"):
        (found[name],) = client.deploy(known[name].path, name=f"four-{name}")
    return found


def sample(example: str) -> Any:
    (path,) = (each.path for each in catalogue() if each.name == example)
    return json.loads((path / "sample.json").read_text())


def test_four_packages_and_a_file_get_the_same_of_one_model(
    platform: RunningPlatform,
    client: trivet.Client,
    person: Person,
    models: Mapping[str, DeployedEndpoint],
    tmp_path: Path,
) -> None:
    """Numbers, probabilities and domains, the row that failed, and the row that was alone."""
    (wine,) = sample("wine")
    lists = {"wine": [wine, {**wine, "alcohol": 99}], "lipophilicity": MOLECULES}
    cases = [(name, given) for name, rows in lists.items() for given in (rows, rows[0])]
    ours = [client.endpoint(models[name].name).run(given, timeout=60) for name, given in cases]
    assert [len(each) for each in (ours[0], ours[2])] == [2, 3]
    assert ours[0][0]["cultivar"] in {"cultivar_1", "cultivar_2", "cultivar_3"}
    assert sum(ours[0][0]["jaqpotMetadata"]["probabilities"].values()) == pytest.approx(1, abs=2e-3)
    assert "not a molecule" in ours[2][1]["jaqpotMetadata"]["error"]
    assert [ours[1], ours[3]] == [ours[0][0], ours[2][0]]

    asked = json.dumps([{"id": models[name].id, "name": models[name].name, "input": given} for name, given in cases])
    env = {**pointing(platform.url, platform.key), "ASKED": asked}
    runpod = run_original(original_python(), RUNPOD, env)
    assert runpod.returncode == 0, runpod.stderr
    assert json.loads(runpod.stdout.splitlines()[-1]) == ours

    env = {**pointing_algorithmia(platform.url, platform.key), "ASKED": asked}
    algorithmia = run_original(original_python(ALGORITHMIA_LATEST, "algorithmia"), ALGORITHMIA, env)
    assert algorithmia.returncode == 0, algorithmia.stderr
    assert json.loads(algorithmia.stdout.splitlines()[-1]) == ours

    for name, whole in (("wine", ours[0]), ("lipophilicity", ours[2])):
        model = models[name].model_id
        assert person.gets("predict_sync", model_id=model, dataset=lists[name]) == whole  # its rows are always a list
        bundle = client.models.download(models[name].name, tmp_path)
        loaded = trivet.load(bundle)
        assert loaded.predict(lists[name]) == whole
        assert loaded.predict(lists[name][0]) == whole[0]


def test_a_file_of_rows_gets_the_same_natively_and_by_jaqpots_way(
    client: trivet.Client, person: Person, models: Mapping[str, DeployedEndpoint], tmp_path: Path
) -> None:
    file = tmp_path / "molecules.csv"
    file.write_text("\n".join(["SMILES", *(row["SMILES"] for row in MOLECULES)]) + "\n")
    by_rows = client.endpoint(models["lipophilicity"].name).run(MOLECULES, timeout=60)
    model = models["lipophilicity"].model_id
    assert person.gets("predict_with_csv_sync", model_id=model, csv_path=str(file)) == by_rows
    bundle = client.models.download(models["lipophilicity"].name, tmp_path / "lipophilicity.trivet")
    assert trivet.load(bundle).predict_csv(file) == by_rows


def test_a_bad_row_is_told_alike_to_all(client: trivet.Client, person: Person, models: Mapping[str, Any]) -> None:
    (wine,) = sample("wine")
    rows = [wine, {**wine, "alcohol": "strong"}]
    told = person.tries("predict_sync", model_id=models["wine"].model_id, dataset=rows)
    assert (told.status, told.why) == (400, 'input[1].alcohol: "strong" is not a number.')
    with pytest.raises(trivet.TrivetError, match="alcohol"):
        client.endpoint(models["wine"].name).run(rows, timeout=60)


# -- from a notebook


def table(size: int = 200) -> tuple[pd.DataFrame, pd.Series]:
    chance = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "dose": chance.normal(10, 3, size),
            "count": chance.integers(0, 9, size),
            "salt": np.array(["NaCl", "KCl", "LiCl"])[np.arange(size) % 3],
        }
    )
    return frame, 0.5 * frame["dose"] - frame["count"] + (frame["salt"] == "KCl") * 4


def test_an_estimator_is_published_called_and_taken_home(client: trivet.Client, person: Person, tmp_path: Path) -> None:
    frame, y = table()
    prepared = ColumnTransformer(
        [("one hot", OneHotEncoder(), ["salt"]), ("scale", StandardScaler(), ["dose", "count"])]
    )
    estimator = make_pipeline(prepared, Ridge(1e-3)).fit(frame, y)
    deployed = client.models.publish(
        estimator, frame, y,
        name="from-a-notebook", title="Yield of salts", outputs=["yield"], units={"dose": "mg"}, test=table(50),
        domain=("LEVERAGE", "BOUNDING_BOX"),
    )  # fmt: skip
    assert deployed.name.rpartition("/")[2] in {each.name.rpartition("/")[2] for each in client.models.list()}
    rows = frame.head(20).to_dict("records")
    online = client.endpoint(deployed.name).run(rows, timeout=60)
    assert [row["yield"] for row in online] == pytest.approx(
        estimator.predict(frame.head(20)).tolist(), rel=1e-4, abs=1e-4
    )
    assert person.gets("predict_sync", model_id=deployed.model_id, dataset=rows) == online

    shown = person.gets("get_model_by_id", model_id=deployed.model_id)
    assert shown["name"] == "Yield of salts"
    assert {feature["key"]: feature["featureType"] for feature in shown["independentFeatures"]} == {
        "dose": "FLOAT",
        "count": "INTEGER",
        "salt": "CATEGORICAL",
    }
    assert [feature["units"] for feature in shown["independentFeatures"] if feature["key"] == "dose"] == ["mg"]
    assert shown["scores"]["test"][0]["regression"]["r2"] > 0.99

    loaded = trivet.load(client.models.download(deployed.name, tmp_path))
    assert loaded.predict(rows) == online
    assert loaded.predict(frame.head(20)) == online  # a frame as well


def test_a_new_version_of_a_model_keeps_its_integer(client: trivet.Client, person: Person) -> None:
    frame, y = table(60)
    numbers = frame[["dose", "count"]]
    first = client.models.publish(
        Ridge().fit(numbers, y), numbers, y, name="again-and-again", model_id=424_242, outputs=["y"]
    )
    second = client.models.publish(
        Ridge().fit(numbers, y + 100), numbers, y + 100, name="again-and-again", outputs=["y"]
    )
    assert (first.model_id, second.model_id) == (424_242, 424_242)
    row = {"dose": 10, "count": 0}
    (said,) = person.gets("predict_sync", model_id=424_242, dataset=[row])
    expected = Ridge().fit(numbers, y + 100).predict(pd.DataFrame([row]))[0]
    assert said["y"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("whose", ["the toolbox's", "another model's"])
def test_an_integer_that_is_not_free_is_not_given(
    whose: str, client: trivet.Client, models: Mapping[str, DeployedEndpoint]
) -> None:
    """The calculators of the QSAR Toolbox have theirs written into the package."""
    taken = models["wine"].model_id if whose == "another model's" else 6
    frame, y = table(60)
    numbers = frame[["dose", "count"]]
    with pytest.raises(trivet.TrivetError, match=str(taken)):
        client.models.publish(Ridge().fit(numbers, y), numbers, y, name="wants-it-all", model_id=taken)
    assert "wants-it-all" not in {each.name.rpartition("/")[2] for each in client.models.list()}


def test_a_classifier_of_a_notebook_has_probabilities_under_its_own_labels(client: trivet.Client) -> None:
    frame, y = table(90)
    labels = np.where(y > y.median(), "much", "little")
    forest = RandomForestClassifier(8, max_depth=4, random_state=0).fit(frame[["dose", "count"]], labels)
    deployed = client.models.publish(forest, frame[["dose", "count"]], labels, name="forest", outputs=["amount"])
    rows = frame[["dose", "count"]].head(10)
    online = client.endpoint(deployed.name).run(rows.to_dict("records"), timeout=60)
    assert [row["amount"] for row in online] == forest.predict(rows).tolist()
    for row, wanted in zip(online, forest.predict_proba(rows), strict=True):
        found = row["jaqpotMetadata"]["probabilities"]
        assert found == pytest.approx(dict(zip(forest.classes_.tolist(), wanted, strict=True)), abs=1e-3)
