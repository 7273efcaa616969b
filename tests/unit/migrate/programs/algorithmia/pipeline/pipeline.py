"""Chains of algorithms, put together from a file of settings."""

import importlib

import Algorithmia
from Algorithmia.algorithm import OutputType


def build(settings: dict):
    module = importlib.import_module("Algorithmia")
    return [module.algo(name) for name in settings["steps"]]


def run(settings: dict, value):
    client: Algorithmia.Client = Algorithmia.client(settings["key"])
    for name in settings["steps"]:
        value = client.algo(name).set_options(output=OutputType.default).pipe(value).result
    client.requestSession.close()
    return value
