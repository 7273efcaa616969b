"""The notebook's model, asked every night about the day's substances; what is new goes to a report."""

import csv
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from jaqpot_python_sdk import JaqpotApiClient
from jaqpot_python_sdk.exceptions.exceptions import JaqpotApiException, JaqpotPredictionFailureException

MODEL = int(os.environ.get("MODEL", "1886"))
DAYS = Path(os.environ.get("DAYS", "days"))
LIMIT = float(os.environ.get("LIMIT", "0.8"))

log = logging.getLogger("nightly")


def client() -> JaqpotApiClient:
    return JaqpotApiClient(
        api_key=os.environ["JAQPOT_API_KEY"],
        api_secret=os.environ["JAQPOT_API_SECRET"],
        api_url=os.environ.get("JAQPOT_API_URL"),
    )


def ask(jaqpot: JaqpotApiClient, table: Path) -> list[dict]:
    """The predictions for a table, row by row."""
    try:
        return jaqpot.predict_with_csv_sync(MODEL, str(table))
    except JaqpotPredictionFailureException as error:
        log.warning("%s: %s", table.name, error)
        return []


def dangerous(rows: list[dict]) -> list[dict]:
    return [row for row in rows if float(row.get("toxicity", 0)) >= LIMIT]


def write(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["SMILES", "toxicity"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def main() -> int:
    logging.basicConfig(level=logging.INFO)
    jaqpot = client()
    summary = jaqpot.get_model_summary(MODEL)
    log.info("%s", summary["name"])
    table = DAYS / f"{datetime.now(UTC).date()}.csv"
    if not table.exists():
        log.info("nothing was made today")
        return 0
    try:
        found = dangerous(ask(jaqpot, table))
    except JaqpotApiException as error:
        log.warning("the service: %s", error)
        return 1
    write(table.with_suffix(".report.csv"), found)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
