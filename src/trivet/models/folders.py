"""A model as a folder: what is deployed, and what a worker predicts from.

There are `model.json` and `model.onnx`, and there may be `preprocessor.onnx`, `domain.json` (a list of method and data, the
fitted domains of applicability) and `vectors.json` (rows with the results they gave when the model was checked).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from trivet.models.description import Domain, ModelDescription, parse, to_document
from trivet.models.problems import ModelInvalid

DESCRIPTION: Final = "model.json"
MODEL: Final = "model.onnx"
PREPROCESSOR: Final = "preprocessor.onnx"
DOMAIN: Final = "domain.json"
VECTORS: Final = "vectors.json"
FILES: Final = (DESCRIPTION, MODEL, PREPROCESSOR, DOMAIN, VECTORS)
"""All that a model folder may hold; the first two are always there."""

MOST_JSON: Final = 2**28
"""The largest JSON part, in bytes."""

MOST_VALUES: Final = 10_000_000
"""Values in a JSON part, brackets counted too. Python takes up to a hundred bytes for each, where JSON has two."""


def read(folder: Path) -> ModelDescription:
    """Reads the description of a model folder, with the data of its domains. Writes nothing.

    Args:
        folder: Where `model.json` is.

    Returns:
        The description. `doas[].data` comes from `domain.json` where it isn't in `model.json` itself.

    Raises:
        ModelInvalid: The folder has no usable `model.json`, or a `domain.json` that doesn't fit to it.
    """
    return _with_domains(parse(load_document(folder)), folder)


def normalise(folder: Path) -> ModelDescription:
    """Brings a model folder into its plain form: whatever is inline in `model.json` becomes a file beside it.

    `rawModel` becomes `model.onnx`, `rawPreprocessor` becomes `preprocessor.onnx`, and the data of `doas` becomes
    `domain.json`. A folder that is in this form already is not written to.

    Args:
        folder: Where `model.json` is.

    Returns:
        The description, with the data of its domains.

    Raises:
        ModelInvalid: Names what is wrong with the description, with an inline part, or with the files beside it.
    """
    document = load_document(folder)
    description = parse(document)
    _refuse_external_data(folder)
    inline = any(document.get(raw) is not None for raw in ("rawModel", "rawPreprocessor"))
    _unfold(folder, MODEL, "rawModel", document.get("rawModel"))
    _unfold(folder, PREPROCESSOR, "rawPreprocessor", document.get("rawPreprocessor"))
    if not (folder / MODEL).is_file():
        raise ModelInvalid(
            [f"{MODEL}: is missing; put the ONNX graph beside {DESCRIPTION}, or into it as rawModel (base64)"]
        )
    description = _with_domains(description, folder)
    if inline or any(domain.get("data") for domain in document.get("doas") or ()):
        write(folder, description)
    return description


def write(folder: Path, description: ModelDescription) -> None:
    """Writes a description into its folder: `model.json`, and `domain.json` where it has domains with data.

    Args:
        folder: An existing folder.
        description: The model.
    """
    data = [{"method": domain.method, "data": dict(domain.data)} for domain in description.domains]
    if any(item["data"] for item in data):
        _replace(folder / DOMAIN, to_json(data))
    _replace(folder / DESCRIPTION, to_json(to_document(description)))


def write_vectors(folder: Path, vectors: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows with the results they gave, for whoever opens the model later to compare with.

    Args:
        folder: A model folder.
        vectors: Objects of `rows` and `results`, two lists of the same length.
    """
    _replace(folder / VECTORS, to_json(list(vectors)))


def vectors(folder: Path) -> list[dict[str, Any]]:
    """Reads the rows with known results of a model folder.

    Returns:
        Objects of `rows` and `results`; none where the folder has no `vectors.json`.

    Raises:
        ModelInvalid: The file is not what `write_vectors` writes.
    """
    if not (folder / VECTORS).is_file():
        return []
    found = _load(folder / VECTORS)
    if not isinstance(found, list) or not all(_is_vector(item) for item in found):
        raise ModelInvalid(
            [f"{VECTORS}: must be a list of objects with rows and results, as many of the one as of the other"]
        )
    return found


def load_document(folder: Path) -> dict[str, Any]:
    """Reads `model.json` of a folder as it is, without looking at what it says.

    Raises:
        ModelInvalid: There is none, or it is not a JSON object.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise ModelInvalid([f"{DESCRIPTION}: is missing in {folder}; a model folder has {DESCRIPTION} and {MODEL}"])
    document = _load(path)
    if not isinstance(document, dict):
        raise ModelInvalid([f"{DESCRIPTION}: must be an object with name, type, task and features"])
    return document


def _load(path: Path) -> Any:
    if path.stat().st_size > MOST_JSON:
        raise ModelInvalid([f"{path.name}: has {path.stat().st_size:,} bytes, the limit is {MOST_JSON:,}"])
    data = path.read_bytes()
    check_amount(data, path.name)
    try:
        return json.loads(data)
    except RecursionError:
        raise ModelInvalid([f"{path.name}: is nested too deep"]) from None
    except ValueError as error:
        raise ModelInvalid([f"{path.name}: is not JSON: {error}"]) from None


def check_amount(data: bytes, name: str) -> None:
    """Refuses JSON that would take gigabytes once it is decoded. What is inside of texts is counted as well.

    Args:
        data: The JSON text.
        name: What to call it.

    Raises:
        ModelInvalid: It has more than `MOST_VALUES` values.
    """
    if sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ModelInvalid(
            [f"{name}: has more than {MOST_VALUES:,} values; are the domains fitted on as few rows as will do?"]
        )


def _with_domains(description: ModelDescription, folder: Path) -> ModelDescription:
    """The description with the data of its domains, from the file where the document has none."""
    if not description.domains or all(domain.data for domain in description.domains):
        return description
    if not (folder / DOMAIN).is_file():
        without = [domain.method for domain in description.domains if not domain.data]
        raise ModelInvalid(
            [f"doas: {method} has no data, and there is no {DOMAIN} beside {DESCRIPTION}" for method in without]
        )
    stored = _load(folder / DOMAIN)
    if not isinstance(stored, list) or not all(isinstance(item, dict) for item in stored):
        raise ModelInvalid([f"{DOMAIN}: must be a list of objects with method and data"])
    data = {item.get("method"): item.get("data") for item in stored}
    problems = [
        f"{DOMAIN}: has no data for {domain.method}"
        for domain in description.domains
        if not domain.data and not isinstance(data.get(domain.method), dict)
    ]
    if problems:
        raise ModelInvalid(problems)
    return replace(
        description,
        domains=tuple(
            domain if domain.data else Domain(domain.method, data[domain.method]) for domain in description.domains
        ),
    )


def _unfold(folder: Path, name: str, field: str, text: str | None) -> None:
    """Writes a graph that stands in the document as base64 into a file of its own."""
    if not text:  # servers answer an empty text where they keep the graph elsewhere
        return
    try:
        graph = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ModelInvalid([f"{field}: is not base64"]) from None
    path = folder / name
    if path.is_file() and path.read_bytes() != graph:
        raise ModelInvalid([f"{field}: differs from the {name} beside {DESCRIPTION}; keep one of the two"])
    _replace(path, graph)


def _refuse_external_data(folder: Path) -> None:
    outside = [
        path.name
        for path in sorted(folder.iterdir())
        if path.name.startswith((f"{MODEL}.data", f"{MODEL}_data", f"{PREPROCESSOR}.data", f"{PREPROCESSOR}_data"))
    ]
    if outside:
        raise ModelInvalid(
            f"{name}: weights outside of the graph's file are not read; save the graph in one file "
            "(onnx.save_model(model, path, save_as_external_data=False))"
            for name in outside
        )


def _is_vector(item: object) -> bool:
    if not isinstance(item, dict):
        return False
    rows, results = item.get("rows"), item.get("results")
    return isinstance(rows, list) and isinstance(results, list) and len(rows) == len(results)


def to_json(value: Any) -> bytes:
    """Writes a document as the JSON parts have it."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _replace(path: Path, content: bytes) -> None:
    """Writes a file as a whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
