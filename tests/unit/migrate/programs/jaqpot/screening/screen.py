"""Screens a table of substances with a model, and keeps what is in the model's domain."""

import argparse
import csv
import sys
from dataclasses import dataclass

from jaqpot_api_client.exceptions import ApiException, BadRequestException, NotFoundException
from jaqpot_api_client.models.feature_type import FeatureType
from jaqpot_python_sdk.exceptions.exceptions import (
    JaqpotApiException,
    JaqpotPredictionFailureException,
    JaqpotPredictionTimeoutException,
)
from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient

AT_ONCE = 100


@dataclass
class Column:
    key: str
    kind: FeatureType
    possible: list

    def read(self, text):
        """The value that a cell stands for.

        :raises ValueError: the model would not take it
        """
        if self.kind in (FeatureType.FLOAT, FeatureType.INTEGER):
            return float(text) if self.kind == FeatureType.FLOAT else int(text)
        if self.kind == FeatureType.CATEGORICAL and self.possible and text not in self.possible:
            raise ValueError(f"{self.key} is one of {', '.join(self.possible)}, and not {text}")
        return text


class Screening:
    def __init__(self, model_id: int):
        self.client = JaqpotApiClient()
        self.model = self.client.get_model_by_id(model_id)
        self.columns = [
            Column(feature.key, feature.feature_type, [each.value for each in feature.possible_values or []])
            for feature in self.model.independent_features
        ]
        self.targets = [feature.key for feature in self.model.dependent_features]

    def rows(self, path):
        with open(path, newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                try:
                    yield row, {column.key: column.read(row[column.key]) for column in self.columns}
                except (KeyError, ValueError) as error:
                    print(f"line {number}: {error}", file=sys.stderr)

    def predict(self, rows):
        try:
            return self.client.predict_sync(model_id=self.model.id, dataset=rows)
        except JaqpotPredictionFailureException as error:
            print(f"these rows failed: {error.message}", file=sys.stderr)
        except JaqpotPredictionTimeoutException:
            print("these rows take too long", file=sys.stderr)
        return [None] * len(rows)

    def run(self, path):
        rows = list(self.rows(path))
        for first in range(0, len(rows), AT_ONCE):
            part = rows[first : first + AT_ONCE]
            found = self.predict([values for _, values in part])
            for (row, _), prediction in zip(part, found, strict=True):
                if prediction and self.is_in_domain(prediction):
                    yield row | {target: prediction[target] for target in self.targets}

    @staticmethod
    def is_in_domain(prediction):
        doa = (prediction.get("jaqpotMetadata") or {}).get("doa") or {}
        return doa.get("majorityVoting", True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=int)
    parser.add_argument("table")
    options = parser.parse_args()
    try:
        screening = Screening(options.model)
        print(f"{screening.model.name}: {screening.model.type}", file=sys.stderr)
        found = list(screening.run(options.table))
    except NotFoundException:
        sys.exit("there is no such model")
    except BadRequestException as error:
        sys.exit(error.body)
    except (ApiException, JaqpotApiException) as error:
        sys.exit(f"the service says: {error}")
    if found:
        writer = csv.DictWriter(sys.stdout, found[0].keys())
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main()
