"""Predictive models: told by their description, and never run as code."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from trivet.models import bundle
from trivet.models.description import parse
from trivet.models.folders import load_document
from trivet.models.problems import MOST_NAMED, ModelInvalid
from trivet.platform.builders.archive import unpack
from trivet.platform.builders.descriptions import name_of
from trivet.platform.builders.members import Limits
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.errors import BuildFailed, DeploymentRefused

HOST = "model"
CONCURRENCY = 4
"""Predictions that one worker works on at a time, so that a short one need not wait for a long one."""
IDLE_TIMEOUT = 300.0
"""Seconds that a model is kept open which nobody asks; it costs little where it shares its process."""
NUMERIC = ("numpy>=1.26", "onnxruntime>=1.20")
"""What every model needs. The same words for all, so that all share an environment."""
_CHEMISTRY = "rdkit"
_RELEASE = re.compile(r"[0-9]+(?:\.[0-9]+){0,4}")


class Model:
    """The kind of bundle that has a ``model.json`` and its graph at the top."""

    host = HOST
    looked_for = f"{bundle.DESCRIPTION} beside {bundle.MODEL}"
    usual: tuple[str, ...] = ()

    def recognises(self, source: SourceTree) -> bool:
        """Whether there is a description, and a graph beside it or within."""
        folder = source.folder
        if not (folder / bundle.DESCRIPTION).is_file():
            return False
        if (folder / bundle.MODEL).is_file():
            return True
        try:
            document = load_document(folder)
        except ModelInvalid:
            return False
        return "independentFeatures" in document or "rawModel" in document

    def requirements(self, source: SourceTree) -> tuple[str, ...]:
        """What predicting needs. Nothing else that a model names is installed: a model is data, and brings no code.

        A model that was checked with a release of RDKit keeps it, as its numbers may be others with the next.

        Raises:
            DeploymentRefused: the description can't be read; says what is wrong with it.
        """
        try:
            description = parse(load_document(source.folder))
        except ModelInvalid as error:
            raise refusal(error) from error
        if not description.needs_chemistry:
            return NUMERIC
        release = description.versions.get(_CHEMISTRY, "")
        return (*NUMERIC, f"{_CHEMISTRY}=={release}" if _RELEASE.fullmatch(release) else _CHEMISTRY)

    def requirement_lines(self, source: SourceTree) -> tuple[str, ...]:
        """None."""
        return ()

    def warnings(self, source: SourceTree, given: Collection[str] = ()) -> tuple[str, ...]:
        """None."""
        return ()

    def manifest(self, source: SourceTree) -> None:
        """None: its models are its own business."""

    def program(self, source: SourceTree) -> str:
        """The file with the description."""
        return bundle.DESCRIPTION

    def name(self, source: SourceTree) -> str | None:
        """None: it is named after the upload, else by `title`."""
        return None


def title(folder: Path) -> str:
    """The model's own name as that of an endpoint, for an upload that has none."""
    return name_of(str(load_document(folder).get("name") or ""), HOST)


def settle(folder: Path, upload: Path, limits: Limits) -> None:
    """Brings an unpacked upload into the plain form of a model's folder, if it is a model.

    A bundle file that was packed as any file is, is unpacked; a bundle's parts are compared with its manifest; what is inline in
    the description becomes files.

    Args:
        folder: what was unpacked; it is changed.
        upload: what it was unpacked from.
        limits: what an archive may hold.

    Raises:
        DeploymentRefused: it is a model, and not whole, or not as its description says.
        StorageFull: the disk is full.
    """
    fresh = folder.with_name(f"{folder.name}.model")
    try:
        inner = _only_file(folder)
        if inner is not None:
            unpack(inner, inner.name, fresh, limits)  # as carefully as the upload itself
        content, packed = (folder, upload) if inner is None else (fresh, inner)
        if not Model().recognises(SourceTree(content, ())):
            return
        if zipfile.is_zipfile(packed) and (content / bundle.MANIFEST).is_file():
            bundle.unpack(packed, fresh)
        if fresh.is_dir():
            shutil.rmtree(folder)
            fresh.rename(folder)
        (folder / bundle.MANIFEST).unlink(missing_ok=True)  # it is of what came, and the check adds to that
        bundle.normalise(folder)
    except ModelInvalid as error:
        raise refusal(error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _only_file(folder: Path) -> Path | None:
    """The zip file that is all of an upload."""
    files = list(folder.iterdir())
    is_one = len(files) == 1 and files[0].suffix.lower() == ".zip" and files[0].is_file()
    return files[0] if is_one else None


def answer_of(outcome: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the check of a model says, in the form of a loader's answer.

    Args:
        outcome: what `trivet.models.check` printed, parsed.

    Raises:
        BuildFailed: the model can't be published, in the words of the check.
    """
    if outcome.get("ok") is not True:
        problems = outcome.get("problems")
        said = "; ".join(map(str, problems[:MOST_NAMED])) if isinstance(problems, list) else "it says nothing of why"
        raise BuildFailed(f"The model can't be taken: {said}.", hint="Correct it and deploy again.")
    document = outcome.get("document")
    endpoint = {
        "kind": "sync",
        "description": document.get("description") or document.get("name") if isinstance(document, dict) else None,
        "input_schema": _or_csv(outcome.get("input_schema")),
        "output_schema": outcome.get("output_schema"),
        "model": document,
        "settings": {
            "concurrency": CONCURRENCY,
            "workers": [0, os.cpu_count() or 1],
            "idle_timeout": IDLE_TIMEOUT,
        },
    }
    return {"endpoints": [endpoint], "warnings": outcome.get("warnings")}


def _or_csv(schema: Any) -> Any:
    """The schema of rows, and beside them a CSV file, which only the worker can look into."""
    if not isinstance(schema, dict) or not isinstance(schema.get("anyOf"), list):
        return schema
    return {**schema, "anyOf": [*schema["anyOf"], {"type": "string", "contentMediaType": "text/csv"}]}


def refusal(error: ModelInvalid) -> DeploymentRefused:
    """What is told of a model that can't be taken."""
    return DeploymentRefused(f"The model can't be taken: {error}.", hint="Correct it and deploy again.")
