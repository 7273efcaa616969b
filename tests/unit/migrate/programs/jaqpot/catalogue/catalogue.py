"""Keeps our models on Jaqpot in order: trains and uploads one, lists what is there, and compares two."""

import argparse
import sys

import pandas as pd
from jaqpot_api_client import DatasetApi, Model, ModelApi
from jaqpot_api_client.models.model_task import ModelTask
from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient
from jaqpotpy import Jaqpot
from jaqpotpy.datasets import JaqpotTabularDataset
from jaqpotpy.descriptors import MordredDescriptors, RDKitDescriptors
from jaqpotpy.models import SklearnModel
from sklearn.ensemble import RandomForestRegressor

COLUMNS = ["id", "name", "task", "owner"]


def train(path: str, target: str) -> SklearnModel:
    table = pd.read_csv(path)
    dataset = JaqpotTabularDataset(
        df=table,
        x_cols=[name for name in table.columns if name not in (target, "smiles")],
        y_cols=[target],
        smiles_cols=["smiles"],
        task="regression",
        featurizer=[RDKitDescriptors(), MordredDescriptors()],
    )
    model = SklearnModel(dataset=dataset, model=RandomForestRegressor(n_estimators=300, random_state=0))
    model.fit()
    model.cross_validate(dataset, n_splits=5)
    return model


def upload(model: SklearnModel, name: str, description: str) -> None:
    jaqpot = Jaqpot()
    jaqpot.login()
    model.deploy_on_jaqpot(jaqpot, name=name, description=description, visibility="PRIVATE")


def mine(client: JaqpotApiClient) -> list[Model]:
    models = ModelApi(client.http_client)
    found, page = [], 0
    while True:
        answer = models.get_models(page=page, size=100)
        found += answer.content
        page += 1
        if page >= answer.total_pages:
            return found


def shared(client: JaqpotApiClient) -> list[dict]:
    answer = client.get_shared_models(page=0, size=50, sort=["createdAt|desc"])
    return [{"id": each.id, "name": each.name, "task": "shared", "owner": "?"} for each in answer.content]


def forget(client: JaqpotApiClient, model: Model) -> None:
    datasets = DatasetApi(client.http_client)
    for dataset in datasets.get_datasets(page=0, size=100).content:
        if dataset.model_id == model.id:
            print(f"the predictions of {dataset.created_at} go with it")
    ModelApi(client.http_client).delete_model_by_id(model.id)


def compare(client: JaqpotApiClient, first: int, second: int, path: str) -> pd.DataFrame:
    """Asks two models about the same table."""
    table = pd.read_csv(path)
    found = {}
    for model_id in (first, second):
        model = client.get_model_by_id(model_id)
        keys = [feature.key for feature in model.independent_features]
        rows = client.predict_sync(model_id, table[keys].to_dict("records"))
        found[model.name] = [row[model.dependent_features[0].key] for row in rows]
    return table.assign(**found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", nargs=2, metavar=("TABLE", "TARGET"))
    parser.add_argument("--compare", nargs=3, metavar=("FIRST", "SECOND", "TABLE"))
    options = parser.parse_args()
    client = JaqpotApiClient()
    if options.train:
        upload(train(*options.train), f"{options.train[1]} of our substances", "trained every month")
    elif options.compare:
        first, second, table = options.compare
        print(compare(client, int(first), int(second), table).to_csv(index=False))
    else:
        rows = [
            {"id": each.id, "name": each.name, "task": each.task.value, "owner": "we"}
            for each in mine(client)
            if each.task == ModelTask.REGRESSION
        ]
        print(pd.DataFrame([*rows, *shared(client)], columns=COLUMNS).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
