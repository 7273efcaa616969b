"""Screens a table of substances with a model, and keeps what is in its domain."""

import csv
import sys

from jaqpot_api_client.exceptions import BadRequestException, NotFoundException
from jaqpot_python_sdk.exceptions.exceptions import JaqpotPredictionFailureException
from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient

MODEL = 1886


def screen(path: str) -> list[dict]:
    client = JaqpotApiClient()
    model = client.get_model_by_id(MODEL)
    keys = [feature.key for feature in model.independent_features]
    with open(path, newline="") as file:
        rows = [{key: row[key] for key in keys} for row in csv.DictReader(file)]
    found = []
    for first in range(0, len(rows), 100):
        try:
            found += client.predict_sync(model_id=MODEL, dataset=rows[first : first + 100])
        except JaqpotPredictionFailureException as error:
            print(f"rows from {first}: {error.message}", file=sys.stderr)
    return [row for row in found if row["jaqpotMetadata"]["doa"]["majorityVoting"]]


if __name__ == "__main__":
    try:
        print(screen(sys.argv[1]))
    except NotFoundException:
        sys.exit("there is no such model")
    except BadRequestException as error:
        sys.exit(error.body)
