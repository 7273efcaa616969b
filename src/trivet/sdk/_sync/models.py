# Generated from ../_async/models.py by scripts/unasync.py: change that file, then run the script.
"""Predictive models: published from an estimator, and taken home as a file that predicts without a server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trivet.sdk._http import Request
from trivet.sdk._requests import endpoints as _requests
from trivet.sdk._requests.parts import Reference
from trivet.sdk._sync.concurrency import offload
from trivet.sdk._sync.deployments import Deployments
from trivet.sdk._sync.downloads import Told, pieces, save
from trivet.sdk._sync.session import Session
from trivet.sdk.errors import InvalidRequestError
from trivet.sdk.models import BuildStep, DeployedEndpoint, EndpointInfo

_NAME = "model.trivet"
"""What a bundle is called in a folder, where the reference gives no better name."""


class Models:
    """Endpoints that are predictive models: they take rows of features, and say what is predicted of each.

    A model is called like any other endpoint, with one row or a list of rows.
    """

    def __init__(self, session: Session, deployments: Deployments) -> None:
        self._session = session
        self._deployments = deployments

    def list(self) -> list[EndpointInfo]:
        """The models that the key can see."""
        return self._session.everything(EndpointInfo, lambda cursor: _requests.endpoints(models=True, cursor=cursor))

    def publish(
        self,
        estimator: Any,
        X: Any,  # noqa: N803 - the word of the field
        y: Any,
        *,
        name: str,
        title: str | None = None,
        description: str | None = None,
        smiles: str | Sequence[str] = (),
        featurizers: Sequence[Any] = ("RDKitDescriptors",),
        select: Sequence[str] = (),
        domain: Sequence[str] = ("LEVERAGE",),
        outputs: Sequence[str] | None = None,
        units: Mapping[str, str] | None = None,
        tags: str = "",
        test: tuple[Any, Any] | None = None,
        version: str | None = None,
        id: str | None = None,
        model_id: int | None = None,
        on_event: Callable[[BuildStep], object] | None = None,
        timeout: float | None = None,
    ) -> DeployedEndpoint:
        """Publish a fitted scikit-learn estimator as a model, and wait until it can be called.

        It is converted to ONNX, described by the columns that it was fitted on, measured, and compared with the estimator
        row by row, here; nothing is published where the two disagree. No code of yours goes to the server. Takes
        ``pip install "trivet[sklearn]"``, and ``"trivet[chem]"`` with ``smiles``.

        Args:
            estimator: a fitted regressor or classifier, or a ``Pipeline`` that ends in one. With ``smiles`` it was fitted
                on what ``trivet.models.publishing.design_table`` gives.
            X: what it was fitted on, one row per example: a data frame, a mapping of columns, or a 2-dimensional array.
            y: what it was to learn: one value per row, or a column per output.
            name: ``owner/name`` or ``name``, by which it is called.
            title: what people call it; None takes ``name``.
            description: what it is for, for people.
            smiles: the columns of X that hold molecules.
            featurizers: what is computed of each molecule: ``RDKitDescriptors``, ``MACCSKeysFingerprint``,
                ``TopologicalFingerprint``.
            select: the columns that the estimator sees, in order; empty for all.
            domain: how the domain of applicability is told: ``LEVERAGE``, ``BOUNDING_BOX``, ``MEAN_VAR``, ``MAHALANOBIS``,
                ``KERNEL_BASED``, ``CITY_BLOCK``.
            outputs: what the outputs are called; None takes the names that y has.
            units: units of features and outputs, by name.
            tags: words to find it by, with blanks between.
            test: X and y of rows that it was not fitted on, to measure it by.
            version: a semantic version; None counts on from the last.
            id: the opaque id that existing code has written into it.
            model_id: the integer id that existing code has written into it; None takes the next one.
            on_event: called with each step of the build.
            timeout: seconds to wait at most; None waits as long as it takes.

        Raises:
            InvalidRequestError: it can't be converted, or predicts something else afterwards; says why.
            DeploymentError: it was refused; ``log`` has the build's own words.
            TimedOutError: the wait ended first; the build goes on.
        """
        with tempfile.TemporaryDirectory(prefix="trivet-model-") as folder:
            offload(
                _write,
                Path(folder),
                (estimator, X, y),
                {
                    "name": title or name.rpartition("/")[2],
                    "description": description,
                    "smiles": smiles,
                    "featurizers": featurizers,
                    "select": select,
                    "domain": domain,
                    "outputs": outputs,
                    "units": units,
                    "tags": tags,
                    "test": test,
                },
            )
            (deployed,) = self._deployments.create(
                folder, name=name, version=version, id=id, model_id=model_id, on_event=on_event, timeout=timeout
            )
        return deployed

    def download(
        self,
        reference: Reference,
        local: str | os.PathLike[str],
        *,
        version: str | None = None,
        on_progress: Told | None = None,
    ) -> Path:
        """Download a model as one file that predicts without a server: ``trivet.load(path).predict(rows)``.

        Args:
            reference: ``owner/name``, the opaque id, or the integer id.
            local: where it goes; a folder takes it under the model's own name. It is there once it is whole, and not before.
            version: which version; None takes the one that serves.
            on_progress: called with the bytes that have come and the size.

        Returns:
            The local file.

        Raises:
            OSError: the local file can't be written.
            NotFoundError: there is no such model.
            InvalidRequestError: the endpoint is no model.
        """
        path = Path(local)
        if offload(path.is_dir):
            path /= f"{str(reference).rpartition('/')[2].partition('@')[0]}.trivet" if reference else _NAME

        def build(place: int, etag: str | None) -> Request:
            return _requests.bundle(reference, version, start=place, if_match=etag)

        save(pieces(self._session, build, on_progress=on_progress), path)
        return path


def _write(folder: Path, fitted: tuple[Any, Any, Any], settings: Mapping[str, Any]) -> None:
    """Writes the folder of a model.

    Raises:
        InvalidRequestError: a package is missing, or the estimator can't be published.
    """
    from trivet.models.problems import ModelInvalid

    try:
        from trivet.models.publishing import write_model

        write_model(folder, *fitted, **settings)
    except ImportError as error:
        raise InvalidRequestError(
            f"Publishing an estimator takes a package that is not installed here: {error.name}.",
            hint='pip install "trivet[sklearn]", and "trivet[chem]" for molecules.',
        ) from error
    except ModelInvalid as error:
        raise InvalidRequestError(
            f"The estimator can't be published: {error}.", hint="Nothing was uploaded."
        ) from error
