"""``trivet models``: predictive models, and the files that predict without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trivet.cli.errors import Failure
from trivet.cli.output import Column, emit, emit_json, json_option, listing, note
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk.models import EndpointInfo


@click.group()
def models() -> None:
    """Predictive models: endpoints that take rows of features.

    `trivet deploy` publishes a folder with model.json in it; from Python, client.models.publish(estimator, X, y).
    """


@models.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the models that you can see."""
    columns: list[Column[EndpointInfo]] = [
        Column("ID", lambda each: each.model_id, whole=True),
        Column("MODEL", lambda each: each.name, whole=True),
        Column("VERSION", lambda each: each.version),
        Column("TASK", lambda each: (each.model or {}).get("task")),
        Column("FEATURES", lambda each: _keys(each, "independentFeatures")),
        Column("OUTPUTS", lambda each: _keys(each, "dependentFeatures")),
        Column("VISIBLE TO", lambda each: each.visibility),
    ]
    with connect() as client:
        listing(client.models.list(), columns, as_json=as_json, empty="There is no model.")


@models.command("download", short_help="Download the model NAME as one file.")
@click.argument("name")
@click.argument("to", type=click.Path(path_type=Path), default=Path())
@click.option("--version", metavar="X.Y.Z", help="Which version; the one that serves if left out.")
@json_option
def download(name: str, to: Path, version: str | None, as_json: bool) -> None:
    """Download the model NAME (or its id) as one file, into the folder or file TO.

    The file predicts without a server: trivet.load(FILE).predict(rows), or `trivet models predict FILE rows.csv`.
    """
    with connect() as client:
        path = client.models.download(name, to, version=version)
    if as_json:
        emit_json({"path": str(path), "size": path.stat().st_size})
        return
    emit(str(path))
    note(f"Predict with it, where Trivet's extra `onnx` is installed: trivet models predict {path} ROWS.csv")
    note(f"From Python: trivet.load({str(path)!r}).predict(rows)")


@models.command("predict", short_help="Predict the ROWS of a file here, without a server.")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.argument("rows", type=click.Path(exists=True, path_type=Path))
def predict(path: Path, rows: Path) -> None:
    """Predict the ROWS of a CSV or JSON file with the model at PATH, here and without a server.

    PATH is a bundle from `trivet models download`, or a model folder. Prints a JSON list with a result per row.
    """
    from trivet.models.problems import ModelInvalid, RowsInvalid

    try:
        import trivet

        model = trivet.load(path)
        if rows.suffix.lower() == ".json":
            emit_json(model.predict(json.loads(rows.read_bytes())))
            return
        emit_json(model.predict_csv(rows))
    except ImportError as error:
        raise Failure(
            f"Predicting takes a package that is not installed here: {error}.",
            "Trivet's extra `onnx` brings what models need, and `chem` what reads molecules.",
        ) from error
    except (ModelInvalid, RowsInvalid, json.JSONDecodeError) as error:
        raise Failure(f"{rows} can't be predicted with {path}: {error}.") from error


def _keys(model: EndpointInfo, role: str) -> list[str]:
    """The keys of a model's features, or of what it predicts."""
    return [feature["key"] for feature in (model.model or {}).get(role) or ()]
