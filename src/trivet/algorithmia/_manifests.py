"""Manifests of models: which files an algorithm needs, and what they must be."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trivet.algorithmia.errors import InputError
from trivet.algorithmia.util import md5_for_str
from trivet.sdk._json import JsonObject, JsonValue, parse

NAME = "model_manifest.json"
FROZEN = f"{NAME}.freeze"


def read(path: Path) -> JsonObject:
    """A manifest.

    Raises:
        InputError: it is none.
    """
    try:
        found = parse(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}.") from None
    if not isinstance(found, dict) or not all(_are_files(found.get(part, [])) for part in _PARTS):
        raise InputError(f"{path} is no manifest.", hint="It has `required_files`, each with `name` and `source_uri`.")
    return found


_PARTS = ("required_files", "optional_files")


def sources(manifest: Mapping[str, Any]) -> list[str]:
    """The addresses of all its files."""
    return [str(each["source_uri"]) for each in _files(manifest)]


def frozen(manifest: Mapping[str, Any], sums: Mapping[str, str], now: float | None = None) -> dict[str, Any]:
    """A manifest with the checksum of each file and one of its own.

    Args:
        manifest: as it was written.
        sums: the checksums, by address.
        now: seconds since 1970; None for the clock's.
    """
    copy: dict[str, Any] = json.loads(json.dumps(manifest))
    copy["timestamp"] = str(time.time() if now is None else now)
    for each in _files(copy):
        each["md5_checksum"] = sums[each["source_uri"]]
    # Its own checksum is of Python's text for it; so the order of its keys counts.
    copy["lock_checksum"] = md5_for_str(str(copy))
    return copy


def write(manifest: Mapping[str, Any], folder: Path) -> None:
    """Writes a frozen manifest to a folder."""
    (folder / FROZEN).write_text(json.dumps(manifest), "utf-8")


def is_untouched(manifest: Mapping[str, Any]) -> bool:
    """Whether a frozen manifest is as it was written."""
    without = {name: value for name, value in manifest.items() if name != "lock_checksum"}
    return manifest.get("lock_checksum") == md5_for_str(str(without))


def _files(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for part in _PARTS:
        yield from manifest.get(part, [])


def _are_files(found: JsonValue) -> bool:
    return isinstance(found, list) and all(isinstance(each, dict) and "source_uri" in each for each in found)
