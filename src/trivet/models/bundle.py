"""A model on disk: the folder that is deployed and predicted from, and the one-file bundle that travels.

A bundle is a zip file of a folder's parts and of `manifest.json`, which has a checksum of each.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from trivet.models.description import ModelDescription, parse
from trivet.models.folders import (
    DESCRIPTION,
    DOMAIN,
    FILES,
    MODEL,
    MOST_JSON,
    PREPROCESSOR,
    VECTORS,
    load_document,
    normalise,
    read,
    to_json,
    vectors,
    write,
    write_vectors,
)
from trivet.models.problems import ModelInvalid

__all__ = [
    "DESCRIPTION",
    "DOMAIN",
    "FILES",
    "FORMAT",
    "MANIFEST",
    "MODEL",
    "PREPROCESSOR",
    "VECTORS",
    "normalise",
    "pack",
    "read",
    "unpack",
    "vectors",
    "write",
    "write_vectors",
]

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
"""The format of bundles that are written here, and the newest that can be read."""

_MOST_BYTES: Final = {MANIFEST: 2**20, MODEL: 2**31, PREPROCESSOR: 2**31}  # protobuf ends at 2 GiB
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the same parts make the same file
_PIECE: Final = 2**20
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
)
"""What reading a damaged zip file comes to, or one of a kind that is never written here."""


def pack(folder: Path, target: BinaryIO, *, about: Mapping[str, Any] | None = None) -> None:
    """Writes a model folder as one bundle file. The same parts make the same bytes.

    Args:
        folder: A model folder in its plain form (`normalise`).
        target: A binary file open for writing.
        about: Further facts for the manifest, such as where the model came from. They are information, and nothing reads them.

    Raises:
        ModelInvalid: The folder is not a model's, or has inline parts.
    """
    document = load_document(folder)
    description = parse(document)
    if document.get("rawModel") or document.get("rawPreprocessor"):
        raise ModelInvalid(
            [f"{DESCRIPTION}: has graphs inside; bring the folder into its plain form before it is packed"]
        )
    parts = [name for name in sorted(FILES) if (folder / name).is_file()]
    if MODEL not in parts:
        raise ModelInvalid([f"{MODEL}: is missing"])
    manifest = {
        "format": FORMAT,
        "name": description.name,
        "versions": dict(sorted(description.versions.items())),
        "requirements": list(description.requirements),
        "parts": {name: {"size": (folder / name).stat().st_size, "sha256": _sum(folder / name)} for name in parts},
        "about": dict(about or {}),
    }
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
        with bundle.open(_entry(MANIFEST), "w") as part:
            part.write(to_json(manifest))
        for name in parts:
            with bundle.open(_entry(name), "w", force_zip64=True) as part, (folder / name).open("rb") as source:
                shutil.copyfileobj(source, part, _PIECE)


def unpack(path: Path, folder: Path) -> ModelDescription:
    """Verifies a bundle and writes its parts into a folder.

    Nothing is written where the bundle is not whole: every part is compared with the manifest first.

    Args:
        path: The bundle file.
        folder: Where the parts go; made where it isn't there. Parts of another model in it are replaced or removed.

    Returns:
        The description, with the data of its domains.

    Raises:
        ModelInvalid: The file is no bundle, is of a newer format, or has a part that is missing, changed, unknown or too large.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as name:
        fresh = Path(name)
        try:
            with zipfile.ZipFile(path) as bundle:
                parts = _extract(bundle, fresh)
        except ModelInvalid:
            raise
        except _DAMAGE as error:
            raise ModelInvalid(
                [f"{path.name}: is not a model bundle, or a damaged one ({error}); fetch it once more"]
            ) from None
        description = read(fresh)
        vectors(fresh)
        for part in FILES:
            if part in parts:
                (fresh / part).replace(folder / part)
            else:
                (folder / part).unlink(missing_ok=True)
    return description


def _extract(bundle: zipfile.ZipFile, folder: Path) -> frozenset[str]:
    entries = _entries(bundle)
    manifest = _manifest(bundle, entries)
    problems = []
    for name, said in manifest.items():
        if name not in entries:
            problems.append(f"{name}: is missing from the bundle")
            continue
        size, digest = _copy(bundle, entries[name], folder / name)
        if size != said.get("size") or digest != said.get("sha256"):
            problems.append(
                f"{name}: is not what the manifest says; the bundle was changed or damaged, so fetch it once more"
            )
    problems += [f"{name}: is not in the manifest" for name in entries if name not in manifest and name != MANIFEST]
    problems += [f"{name}: is missing from the manifest" for name in (DESCRIPTION, MODEL) if name not in manifest]
    if problems:
        raise ModelInvalid(problems)
    return frozenset(manifest)


def _entries(bundle: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries of a bundle by name: known names alone, so that none leads out of the folder."""
    infos = bundle.infolist()
    if len(infos) > 2 * len(FILES):
        raise ModelInvalid([f"the bundle has {len(infos)} entries, and no model has as many"])
    problems = []
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename
        if name not in FILES and name != MANIFEST:
            problems.append(f"{name}: is not a part of a model bundle")
        elif name in entries:
            problems.append(f"{name}: is in the bundle twice")
        elif stat.S_ISLNK(info.external_attr >> 16):
            problems.append(f"{name}: is a link; a bundle has files alone")
        elif info.flag_bits & 1:
            problems.append(f"{name}: is encrypted; a bundle is not")
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            problems.append(f"{name}: is compressed in a way that bundles are not")
        elif info.file_size > _most(name):
            problems.append(f"{name}: has {info.file_size:,} bytes, the limit is {_most(name):,}")
        entries[name] = info
    if problems:
        raise ModelInvalid(problems)
    return entries


def _manifest(bundle: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo]) -> dict[str, dict[str, Any]]:
    if MANIFEST not in entries:
        raise ModelInvalid(
            [f"{MANIFEST}: is missing, so this is not a model bundle; `trivet.load` also takes a model folder"]
        )
    try:
        manifest = json.loads(bundle.read(entries[MANIFEST]))
    except (ValueError, RecursionError):
        raise ModelInvalid([f"{MANIFEST}: is not JSON; the bundle is damaged, so fetch it once more"]) from None
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ModelInvalid([f"{MANIFEST}: does not say which format the bundle has"])
    if found > FORMAT:
        raise ModelInvalid(
            [
                f"the bundle has format {found}, and this release of Trivet reads up to {FORMAT}; upgrade: pip install -U trivet"
            ]
        )
    parts = manifest.get("parts")
    if not isinstance(parts, dict) or not all(isinstance(part, dict) for part in parts.values()):
        raise ModelInvalid([f"{MANIFEST}: does not list the parts of the bundle"])
    strange = [
        f"{name}: is in the manifest, and is not a part of a model bundle" for name in parts if name not in FILES
    ]
    if strange:
        raise ModelInvalid(strange)
    return parts


def _copy(bundle: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> tuple[int, str]:
    """Copies one entry and counts on the way: what an entry says of its own size is not believed."""
    digest = hashlib.sha256()
    size = 0
    with bundle.open(info) as source, target.open("wb") as file:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > _most(info.filename):
                raise ModelInvalid([f"{info.filename}: is larger than {_most(info.filename):,} bytes"])
            digest.update(piece)
            file.write(piece)
    return size, digest.hexdigest()


def _most(name: str) -> int:
    return _MOST_BYTES.get(name, MOST_JSON)


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _LONG_AGO)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, wherever it is written
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
