"""A program that calls with Jaqpot's own SDK, as its users write them. The demo runs it against the platform.

It is told where the platform is by ``JAQPOT_API_URL``, ``JAQPOT_API_KEY`` and ``JAQPOT_API_SECRET``, and calls the model that
Jaqpot's own guide calls. Each step is a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from jaqpot_api_client.exceptions import ApiException
from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient

MODEL = 1886
ROW = {"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}


def tell(what: str, result: object, began: float) -> None:
    """Writes one step: what was done, what came of it, and how many seconds it took."""
    step = {"what": what, "result": result, "seconds": time.perf_counter() - began}
    sys.stdout.write(f"{json.dumps(step)}\n")
    sys.stdout.flush()


def main() -> None:
    """Looks at a model and predicts with it in the SDK's ways."""
    client = JaqpotApiClient(api_url=os.environ["JAQPOT_API_URL"])

    began = time.perf_counter()
    model = client.get_model_by_id(model_id=MODEL)
    tell(f"jaqpot-python-sdk {version('jaqpot-python-sdk')}, model {MODEL}", model.name, began)

    began = time.perf_counter()
    rows = client.predict_sync(model_id=MODEL, dataset=[ROW])
    tell("predict_sync", rows[0], began)

    began = time.perf_counter()
    dataset = client.get_dataset_by_id(dataset_id=client.predict_async(model_id=MODEL, dataset=[ROW]))
    tell("predict_async, and its dataset", str(dataset.status), began)

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rows.csv"
        table.write_text("SMILES,X1,X2,Cat_col\nCC,1,2,CAT_1\nCCO,3,4,CAT_2\nC(,5,6,CAT_3\n")
        rows = client.predict_with_csv_sync(model_id=MODEL, csv_path=str(table))
    tell("a CSV file with a molecule that is none", rows[2]["jaqpotMetadata"]["error"], began)

    began = time.perf_counter()
    try:
        client.predict_sync(model_id=MODEL, dataset=[{**ROW, "Cat_col": "CAT_9"}])
    except ApiException as error:
        tell(f"a category that is none: {error.status}", json.loads(error.body)["message"], began)


if __name__ == "__main__":
    main()
