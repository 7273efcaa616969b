"""Models without a platform: a bundle or a folder is opened, and predicts in this process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from json import loads
from pathlib import Path
from typing import Any

from trivet.models import bundle, folders, vectors
from trivet.models.description import ModelDescription
from trivet.models.features import Feature
from trivet.models.predictor import Predictor
from trivet.models.problems import ModelInvalid

__all__ = ["Model", "load"]


def load(path: str | os.PathLike[str], *, threads: int | None = None) -> Model:
    """Opens a model from a bundle file, or from a folder with `model.json`.

    A bundle is verified as a whole before anything of it is used. Then the rows that were kept with the model are predicted
    again, so that other releases of what it is computed with can't change its numbers unnoticed.

    Args:
        path: The bundle file, or the folder.
        threads: How many threads one prediction may use; None is as many as there are processors, up to 4.

    Raises:
        ModelInvalid: It is no model, is damaged or incomplete, or computes other numbers here than where it was published.
        MissingPackage: NumPy, ONNX Runtime or RDKit isn't installed; the message says how to get it.
        FileNotFoundError: There is nothing at this path.
    """
    path = Path(path)
    threads = threads or min(4, os.cpu_count() or 1)
    if path.is_dir() and _is_plain(path):
        return _opened(path, threads)
    with tempfile.TemporaryDirectory(prefix="trivet-model-") as name:
        folder = Path(name)
        if path.is_dir():
            _copy(path, folder)
        else:
            bundle.unpack(path, folder)
        return _opened(folder, threads)


class Model:
    """An opened model. May be used from several threads at once.

    Attributes:
        name: What it is called.
        description: All that is known about it.
        features: What a row of its input has.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.description: ModelDescription = predictor.description
        self.name: str = predictor.description.name
        self.features: tuple[Feature, ...] = predictor.description.independent

    def __repr__(self) -> str:
        return f"<Model {self.name!r}: {', '.join(feature.key for feature in self.features)}>"

    def predict(self, rows: Mapping[str, Any] | Sequence[Mapping[str, Any]] | Any) -> Any:
        """Predicts rows.

        Args:
            rows: Objects of feature keys, or one such object; or a pandas data frame with a column per feature.

        Returns:
            One result row per row, in order; one result row for one object.

        Raises:
            RowsInvalid: Names rows, keys and values that the model can't read.
            AllRowsFailed: No row could be predicted.
        """
        to_dict = getattr(rows, "to_dict", None)
        if to_dict is not None and not isinstance(rows, Mapping):
            rows = to_dict("records")
        return self._predictor.predict_rows(rows)

    def predict_csv(self, source: str | os.PathLike[str] | bytes) -> list[dict[str, Any]]:
        """Predicts a CSV file.

        Args:
            source: The file's path, or its bytes.

        Returns:
            One result row per line, in order.

        Raises:
            RowsInvalid: The file can't be read; names lines, columns and values.
            AllRowsFailed: No row could be predicted.
        """
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        results: list[dict[str, Any]] = loads(b"".join(self._predictor.predict_csv(data)))
        return results


def _opened(folder: Path, threads: int) -> Model:
    predictor = Predictor.open(folder, threads=threads)
    changed = vectors.differences(predictor, bundle.vectors(folder))
    if changed:
        known = ", ".join(f"{name} {version}" for name, version in predictor.description.versions.items())
        changed.append(
            f"the model computes other numbers here than where it was published, which was with {known or 'unknown releases'}; "
            "install those releases"
        )
        raise ModelInvalid(changed)
    return Model(predictor)


def _is_plain(folder: Path) -> bool:
    """Whether the graphs of a folder are files of their own."""
    document = folders.load_document(folder)
    return not document.get("rawModel") and not document.get("rawPreprocessor")


def _copy(source: Path, folder: Path) -> None:
    """Brings a folder with graphs inside its document into its plain form, elsewhere: what is only opened isn't written to."""
    for name in bundle.FILES:
        if (source / name).is_file():
            (folder / name).write_bytes((source / name).read_bytes())
    bundle.normalise(folder)
