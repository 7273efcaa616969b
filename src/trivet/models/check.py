"""Whether a model can be published: everything that needs its graphs to be opened and run.

The checks run where the model will run, in its own environment and in a process of its own, as a file that somebody uploads
may take any amount of time and memory: ``python -m trivet.models.check FOLDER`` prints one line of JSON and ends with 0,
whatever it found.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from threading import Timer
from typing import Any

from trivet.models import folders, vectors
from trivet.models.description import ModelDescription, Task, to_document
from trivet.models.features import FeatureType
from trivet.models.predictor import MissingPackage, Predictor
from trivet.models.problems import ModelInvalid, RowsInvalid
from trivet.models.rows import check
from trivet.models.schema import input_schema, output_schema

__all__ = ["Checked", "check_model", "main"]

_LEAST = {"numpy": "1.26", "onnxruntime": "1.20"}
"""The oldest releases that predict."""

_SECONDS = 120
"""How long the check of a model may take in all."""

_BYTES = 4 << 30
"""Address space that a check may take beside what the graphs themselves need: the libraries alone map some of it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A model that can be published.

    Attributes:
        description: What it is, with columns, versions and requirements resolved.
        input_schema: What its rows must be, as JSON Schema.
        output_schema: What its results are.
        warnings: What its author should know, and what is no reason to refuse it.
    """

    description: ModelDescription
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def check_model(folder: Path, *, packages: bool = True) -> Checked:
    """Checks a model folder, and completes it: columns of featurizers, versions, and rows with known results.

    Args:
        folder: Where `model.json` is. It is brought into its plain form and written to.
        packages: Whether the releases of the installed packages are written into the description as what the model needs.

    Raises:
        ModelInvalid: The model can't be published; names every problem that could be found.
        MissingPackage: What the model needs isn't installed.
    """
    folders.normalise(folder)
    predictor = Predictor.open(folder)
    warnings = _warnings(predictor)
    warnings += _dry_run(predictor)
    _try_categories(predictor)
    kept = folders.vectors(folder)
    changed = vectors.differences(predictor, kept)
    if changed:
        raise ModelInvalid([f"{folders.VECTORS}: {sentence}, when the model was published" for sentence in changed])
    description = _resolved(predictor, packages=packages)
    folders.write(folder, description)
    if not kept:
        folders.write_vectors(folder, vectors.recorded(predictor))
    return Checked(description, input_schema(description), output_schema(description), tuple(warnings))


def _resolved(predictor: Predictor, *, packages: bool) -> ModelDescription:
    description = predictor.description
    featurizers = tuple(
        replace(item, columns=columns)
        for item, columns in zip(description.featurizers, predictor.pipeline.design.resolved, strict=True)
    )
    description = replace(description, featurizers=featurizers)
    if not packages:
        return description
    names = ["numpy", "onnxruntime", *(["rdkit"] if description.needs_chemistry else [])]
    versions = {name: _installed(name) for name in names}
    requirements = tuple(f"{name}>={least}" for name, least in _LEAST.items())
    if description.needs_chemistry:
        requirements += (f"rdkit=={versions['rdkit']}",)
    return replace(description, versions=versions, requirements=requirements)


def _installed(package: str) -> str:
    if package == "rdkit":
        from trivet.models.featurizers import version

        return version()
    return metadata.version(package)


def _warnings(predictor: Predictor) -> list[str]:
    description, pipeline = predictor.description, predictor.pipeline
    warnings = []
    for name, graph in ((folders.PREPROCESSOR, pipeline.preprocessor), (folders.MODEL, pipeline.graph)):
        if graph is not None and graph.single:
            warnings.append(
                f"{name} takes one row at a time, so that many rows take long; export it with an open batch dimension"
            )
    if (
        description.task is not Task.REGRESSION
        and description.type == "SKLEARN_ONNX"
        and len(pipeline.graph.outputs) < 2
    ):
        warnings.append(f"{folders.MODEL} has one output, so results have no probabilities")
    if description.needs_chemistry:
        trained = dict(description.libraries).get("rdkit") or description.versions.get("rdkit")
        if trained is not None and trained != _installed("rdkit"):
            warnings.append(
                f"the model was made with RDKit {trained}, and is published with {_installed('rdkit')}: descriptors may differ"
            )
    return warnings


def _dry_run(predictor: Predictor) -> list[str]:
    """Predicts two neutral rows. A model that can't be run is refused; one that has no number for them may be right."""
    rows = [_fed(predictor, vectors.neutral_row(predictor.description, shift)) for shift in (0.0, 0.1)]
    errors = _predicted(predictor, rows)
    row = json.dumps(rows[0], ensure_ascii=False)[:300]
    if 0 not in errors:
        return []
    if "no finite" in errors[0]:
        return [f"a dry run gave no prediction: {errors[0]} ({row})"]
    raise ModelInvalid([f"a dry run failed: {errors[0]} ({row})"])


def _try_categories(predictor: Predictor) -> None:
    """Predicts a row with each possible value: a graph that doesn't know one would refuse whole batches later."""
    description = predictor.description
    problems: list[str] = []
    for feature in description.independent:
        if feature.type is not FeatureType.CATEGORICAL:
            continue
        rows = [
            {**_fed(predictor, vectors.neutral_row(description)), feature.key: possible.value}
            for possible in feature.possible_values
        ]
        problems += [
            f"independentFeatures: {feature.key}: {rows[place][feature.key]} can't be predicted: {error}"
            for place, error in _predicted(predictor, rows).items()
            if "no finite" not in error
        ]
    if problems:
        raise ModelInvalid(problems)


def _fed(predictor: Predictor, row: dict[str, Any]) -> dict[str, Any]:
    """A row whose arrays have the length that the first graph reads."""
    port = (predictor.pipeline.preprocessor or predictor.pipeline.graph).inputs[0]
    return {key: [0.0] * (port.width or 1) if value == [] else value for key, value in row.items()}


def _predicted(predictor: Predictor, rows: Sequence[Mapping[str, Any]]) -> Mapping[int, str]:
    try:
        return predictor.results(check(predictor.description, rows)).errors
    except RowsInvalid as error:
        raise ModelInvalid([f"a dry run failed: {error}"]) from None


# -- as a program -------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Checks a folder within bounds, and prints what came of it as one line of JSON.

    Args:
        arguments: The folder.

    Returns:
        The exit status: 0 if a line was printed, 2 for wrong usage.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m trivet.models.check FOLDER\n")
        return 2
    folder = Path(arguments[0])
    with _own_output() as answer, _bounded(folder, answer):
        _say(answer, _outcome(folder))
    return 0


def _outcome(folder: Path) -> Mapping[str, Any]:
    try:
        checked = check_model(folder)
    except ModelInvalid as error:
        return {"ok": False, "problems": list(error.problems)}
    except (MissingPackage, OSError) as error:
        return {"ok": False, "problems": [str(error)]}
    except MemoryError:
        return {
            "ok": False,
            "problems": ["the model takes more memory than a check may; is it as large as it should be?"],
        }
    return {
        "ok": True,
        "document": to_document(checked.description),
        "input_schema": checked.input_schema,
        "output_schema": checked.output_schema,
        "warnings": list(checked.warnings),
    }


@contextmanager
def _own_output() -> Iterator[int]:
    """Keeps the standard output for the answer: libraries print where they like."""
    sys.stdout.flush()
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        yield answer
    finally:
        sys.stdout.flush()
        os.dup2(answer, 1)
        os.close(answer)


@contextmanager
def _bounded(folder: Path, answer: int) -> Iterator[None]:
    """Bounds the memory and the time of this process while a model is checked."""
    sizes = sum((folder / name).stat().st_size for name in folders.FILES if (folder / name).is_file())
    with suppress(ImportError, OSError, ValueError):  # where there is no such limit, the time is bounded nevertheless
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = _BYTES + 8 * sizes
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    timer = Timer(_SECONDS, _give_up, (answer,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _give_up(answer: int) -> None:
    _say(answer, {"ok": False, "problems": [f"the model could not be opened and run within {_SECONDS} seconds"]})
    os._exit(0)  # a graph that is being loaded can't be interrupted


def _say(answer: int, outcome: Mapping[str, Any]) -> None:
    text = json.dumps(outcome).encode() + b"\n"
    while text:
        text = text[os.write(answer, text) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
