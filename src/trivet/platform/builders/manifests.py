"""Model manifests: the files that an algorithm loads, frozen with their hashes when it is deployed.

An algorithm's kit looks for ``model_manifest.json.freeze`` and compares what it loads with the hashes in it. Authors make that
file by ``algo freeze``; where they have not, the build does, so that a version loads what was there when it was built, or says
so.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivet.platform.core.errors import BuildFailed, CoreError, DeploymentRefused
from trivet.platform.ports.builder import Checksum
from trivet.protocol.removal import remove_folder

FILE = "model_manifest.json"
FROZEN = f"{FILE}.freeze"
_LARGEST = 1024 * 1024
_MOST_WARNINGS = 8
_LONGEST_NAMED = 200
_HASH = "md5_checksum"
_LOCK = "lock_checksum"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A manifest that was frozen.

    Args:
        document: what stands in the frozen file.
        warnings: sentences on what could not be read.
    """

    document: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """What makes two of them the same: all but when they were made."""
        return json.dumps({name: value for name, value in self.document.items() if name not in {"timestamp", _LOCK}})

    @property
    def has_hashes(self) -> bool:
        """Whether there is anything in it that the manifest itself does not have."""
        return any(_HASH in each for each in _entries(self.document))


def manifest_in(folder: Path) -> dict[str, Any] | None:
    """The manifest of a bundle that is to be frozen; None where there is none, or its author has frozen it.

    Raises:
        DeploymentRefused: it is no manifest, or is too long.
    """
    if not (folder / FILE).is_file() or (folder / FROZEN).is_file():
        return None
    try:
        with (folder / FILE).open(encoding="utf-8") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise DeploymentRefused(f"{FILE} is longer than {_LARGEST:,} letters.")
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DeploymentRefused(f"{FILE} can't be read: {error}.", hint="It is JSON.") from error
    lists = [found.get(name, []) for name in ("required_files", "optional_files")] if isinstance(found, dict) else [0]
    if not all(isinstance(files, list) and all(isinstance(each, dict) for each in files) for files in lists):
        raise DeploymentRefused(
            f"{FILE} is no model manifest.",
            hint='It has two lists: {"required_files": [{"name": "…", "source_uri": "data://…"}], "optional_files": []}.',
        )
    return dict(found)


async def freeze(manifest: dict[str, Any], checksum: Checksum, now: float) -> Freeze:
    """Freezes a manifest.

    Args:
        manifest: from `manifest_in`.
        checksum: tells the hash of a hosted file.
        now: seconds since the epoch.

    Raises:
        BuildFailed: a required file can't be read that is guarded against tampering: it could never be loaded.
    """
    document = json.loads(json.dumps(manifest))
    document.pop(_LOCK, None)
    document["timestamp"] = str(now)
    required = len(document.get("required_files", []))
    warnings = []
    for place, each in enumerate(_entries(document)):
        each.pop(_HASH, None)
        name, source = str(each.get("name"))[:_LONGEST_NAMED], str(each.get("source_uri"))
        try:
            each[_HASH] = await checksum(source)
        except CoreError as error:
            told = f"{FILE}: {name} can't be read, so it is not frozen: {error.detail}"
            if each.get("fail_on_tamper") and place < required:
                raise BuildFailed(
                    f"{told} It is guarded by fail_on_tamper, and without its hash it could not be loaded.",
                    hint="Upload it first, where whoever deploys may read it, or run `algo freeze` and deploy "
                    f"{FROZEN} too.",
                ) from error
            warnings.append(told)
    if len(warnings) > _MOST_WARNINGS:
        more = len(warnings) - _MOST_WARNINGS
        warnings[_MOST_WARNINGS:] = [f"{FILE}: {more} more can't be read, and are not frozen either."]
    # What the kit compares: how Python writes what it reads from the file, before the lock is in it.
    document[_LOCK] = hashlib.md5(str(document).encode(), usedforsecurity=False).hexdigest()
    return Freeze(document, tuple(warnings))


def add_frozen(bundles: Path, bundle: str, found: Freeze) -> str:
    """Makes a bundle that is another one with a frozen manifest in it.

    Args:
        bundles: the folder with all bundles.
        bundle: the name of the one that was uploaded. It stays as it is: it may be deployed again, with other models.
        found: what is added.

    Returns:
        The name of the new bundle, the same for the same content and the same hashes.

    Raises:
        OSError: it can't be made.
    """
    name = hashlib.sha256(f"{bundle}\n{found.identity}".encode()).hexdigest()
    if (bundles / name).is_dir():
        os.utime(bundles / name)  # asked for again, as when it is unpacked
        return name
    new = bundles / f"{name}.new{os.urandom(4).hex()}"
    try:
        shutil.copytree(bundles / bundle, new, copy_function=_link)
        (new / FROZEN).write_text(json.dumps(found.document), encoding="utf-8")
        try:
            new.rename(bundles / name)
        except OSError:
            if not (bundles / name).is_dir():
                raise  # else another build has made it meanwhile
    finally:
        remove_folder(new)
    return name


def _entries(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [*document.get("required_files", []), *document.get("optional_files", [])]


def _link(source: str, target: str) -> str:
    """Nobody changes a bundle, so two can share their files."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)
    return target
