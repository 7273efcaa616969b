"""Keeps our models on Jaqpot in order: trains and uploads one, and tidies up what is old."""

from jaqpot_api_client import Model, ModelApi
from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient
from jaqpotpy import Jaqpot
from jaqpotpy.models import SklearnModel


def upload(dataset, estimator) -> None:
    jaqpot = Jaqpot()
    jaqpot.login()
    SklearnModel(dataset=dataset, model=estimator).deploy_on_jaqpot(jaqpot, name="lc50", visibility="PRIVATE")


def tidy(client: JaqpotApiClient) -> list[Model]:
    models = ModelApi(client.http_client)
    return models.get_models(page=0, size=100).content
