"""Writing a model folder from a fitted estimator, and proving that it predicts what the estimator does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trivet.models import folders
from trivet.models.check import check_model
from trivet.models.description import Domain, Featurizer, ModelDescription, Task, to_document
from trivet.models.domain import DomainInvalid, fit
from trivet.models.features import Feature, FeatureType
from trivet.models.predictor import Predictor
from trivet.models.problems import ModelInvalid
from trivet.models.publishing.frames import (
    Frame,
    design_columns,
    design_table,
    read_frame,
    read_targets,
    resolve,
    target_feature,
)
from trivet.models.publishing.graphs import Taken, estimator_graph, preparation_graph, prepared, take_apart
from trivet.models.publishing.scores import scores

_COMPARED = 200
"""Training rows that are predicted by both, before anything is published."""
_TOLERANCE = 1e-4
"""How far a number of the published model may be from the estimator's, relative to it: 32-bit graphs are that coarse."""
_SAME_LABELS = 0.99
"""The share of rows whose class has to be the same: a value on the very edge of a split may fall to the other side."""
_LIBRARIES = ("scikit-learn", "skl2onnx", "onnx", "numpy", "rdkit")


@dataclass(frozen=True, slots=True)
class Written:
    """A model folder that was written and tried. ``warnings`` are sentences."""

    folder: Path
    description: ModelDescription
    warnings: tuple[str, ...]


def write_model(
    folder: Path,
    estimator: Any,
    X: Any,  # noqa: N803 - the word of the field
    y: Any,
    *,
    name: str,
    description: str | None = None,
    smiles: str | Sequence[str] = (),
    featurizers: Sequence[str | Featurizer] = ("RDKitDescriptors",),
    select: Sequence[str] = (),
    domain: Sequence[str] = ("LEVERAGE",),
    outputs: Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    visibility: str = "PRIVATE",
    tags: str = "",
    test: tuple[Any, Any] | None = None,
) -> Written:
    """Writes a fitted scikit-learn estimator as a model folder, and compares what the two predict.

    Args:
        folder: where to; it is made.
        estimator: a fitted regressor or classifier, or a `Pipeline` that ends in one. With ``smiles`` it was fitted on
            what `design_table` gives.
        X: what it was fitted on: a data frame, a mapping of columns, or a 2-dimensional array; one row per example.
        y: what it was to learn: one value per row, or a column per output.
        name: what people call the model.
        description: what it is for, for people.
        smiles: the columns of X that hold molecules.
        featurizers: what is computed of each molecule.
        select: the columns of the design matrix that the estimator sees, in order; empty for all.
        domain: methods of the domain of applicability that are fitted on the training data.
        outputs: what the outputs are called; None takes the names that y has.
        units: units of features and outputs, by name.
        visibility: ``PRIVATE``, ``ORG_SHARED`` or ``PUBLIC``.
        tags: words to find it by, with blanks between.
        test: X and y of rows that it was not fitted on, to measure it by.

    Returns:
        The folder, as it can be deployed or opened with `trivet.load`.

    Raises:
        ModelInvalid: it can't be converted, or what was converted predicts something else; says what to do.
    """
    molecules = (smiles,) if isinstance(smiles, str) else tuple(smiles)
    frame, targets = read_frame(X, smiles=molecules), read_targets(y, outputs)
    if any(len(values) != frame.size for values in targets.values()):
        raise ModelInvalid([f"X has {frame.size} rows, and y another number"])
    taken = take_apart(estimator)
    computed = resolve(featurizers) if molecules else ()
    table = design_table(X, smiles=molecules, featurizers=computed, select=select) if molecules else X
    seen = read_frame(design_columns(frame, molecules, computed, select)) if molecules else frame
    matrix = _matrix(taken, seen, table)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in (folders.PREPROCESSOR, folders.DOMAIN, folders.VECTORS):
        (folder / stale).unlink(missing_ok=True)
    if taken.head is not None:
        (folder / folders.PREPROCESSOR).write_bytes(preparation_graph(taken.head, seen, matrix))
    (folder / folders.MODEL).write_bytes(estimator_graph(taken.tail, matrix.shape[1]))
    task = _task(taken.tail)
    taught = _described(frame, targets, units or {}, molecules)
    measured = {"train": scores(task, targets, estimator.predict(table))}
    if test is not None:
        measured["test"] = _test_scores(task, estimator, test, molecules, computed, select, outputs)
    document = to_document(
        ModelDescription(
            name=name,
            description=description,
            type="SKLEARN_ONNX",
            task=task,
            visibility=visibility,
            independent=taught.inputs,
            dependent=taught.outputs,
            featurizers=computed,
            transforms=taken.transforms,
            selected=tuple(select),
            domains=tuple(_fitted(method, matrix) for method in domain),
            libraries=_libraries(),
            tags=tags,
            scores=measured,
        ),
        with_data=True,
    )
    (folder / folders.DESCRIPTION).write_text(json.dumps(document, ensure_ascii=False, indent=2), "utf-8")
    checked = check_model(folder)
    _compare(folder, frame, taught.outputs, estimator.predict(table))
    return Written(folder, checked.description, tuple(checked.warnings))


@dataclass(frozen=True, slots=True)
class _Taught:
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]


def _matrix(taken: Taken, frame: Frame, table: Any) -> npt.NDArray[np.float64]:
    """The matrix that the estimator at the end sees."""
    if taken.head is not None:
        return prepared(taken.head, table)
    if not frame.is_numeric:
        texts = ", ".join(feature.name for feature in frame.features if feature.type is FeatureType.CATEGORICAL)
        raise ModelInvalid(
            [f"the estimator takes numbers, and these columns hold texts: {texts}; publish the whole pipeline"]
        )
    return frame.matrix()


def _task(tail: Any) -> Task:
    from sklearn.base import is_classifier

    if not is_classifier(tail):
        return Task.REGRESSION
    return Task.BINARY_CLASSIFICATION if len(tail.classes_) == 2 else Task.MULTICLASS_CLASSIFICATION


def _described(frame: Frame, targets: Mapping[str, Any], units: Mapping[str, str], molecules: Sequence[str]) -> _Taught:
    """What rows and results hold. Molecules come first, as Jaqpot's own tools have it."""
    pairs = list(zip(frame.names, frame.features, strict=True))
    pairs.sort(key=lambda pair: pair[0] not in molecules)
    taken = {feature.key for feature in frame.features}
    outputs = [target_feature(name, values, taken) for name, values in targets.items()]
    return _Taught(
        tuple(replace(feature, units=units.get(feature.name)) for _, feature in pairs),
        tuple(replace(feature, units=units.get(feature.name)) for feature in outputs),
    )


def _fitted(method: str, matrix: npt.NDArray[np.float64]) -> Domain:
    try:
        return Domain(method, fit(method, matrix))
    except DomainInvalid as error:
        raise ModelInvalid([f"the domain of applicability {method} can't be fitted: {error}"]) from None


def _test_scores(  # noqa: PLR0917 - what the training rows went through, once more
    task: Task,
    estimator: Any,
    test: tuple[Any, Any],
    molecules: Sequence[str],
    computed: Sequence[Featurizer],
    select: Sequence[str],
    outputs: Sequence[str] | None,
) -> list[dict[str, Any]]:
    table, true = test
    if molecules:
        table = design_table(table, smiles=molecules, featurizers=computed, select=select)
    return scores(task, read_targets(true, outputs), estimator.predict(table))


def _libraries() -> tuple[tuple[str, str], ...]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def _compare(folder: Path, frame: Frame, outputs: Sequence[Feature], expected: Any) -> None:
    """Raises `ModelInvalid` where the folder predicts something else than the estimator."""
    rows = frame.rows(_COMPARED)
    said = Predictor.open(folder).predict_rows(rows)
    columns = np.asarray(expected).reshape(frame.size, -1)[: len(rows)]
    for place, feature in enumerate(outputs):
        wanted, found = columns[:, place], np.asarray([row[feature.key] for row in said])
        if not _is_same(wanted, found):
            problem = (
                f"as an ONNX graph the estimator predicts another {feature.name}: {found[0]!r} for the first row, "
                f"not {wanted[0]!r}; what it is made of has no exact converter"
            )
            raise ModelInvalid([problem])


def _is_same(wanted: npt.NDArray[Any], found: npt.NDArray[Any]) -> bool:
    if wanted.dtype.kind == "f":
        scale = float(np.abs(wanted).max()) or 1.0
        return bool(np.allclose(found.astype(np.float64), wanted, rtol=_TOLERANCE, atol=_TOLERANCE * scale))
    same = np.asarray([str(one) == str(other) for one, other in zip(wanted.tolist(), found.tolist(), strict=True)])
    return bool(same.mean() >= _SAME_LABELS)
