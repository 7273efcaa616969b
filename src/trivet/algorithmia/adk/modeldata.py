"""What an algorithm keeps between requests: its models, and whatever its load function puts there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivet.algorithmia import _manifests
from trivet.algorithmia.adk.classes import FileData
from trivet.algorithmia.errors import ApiError
from trivet.algorithmia.util import md5_for_file

if TYPE_CHECKING:
    from trivet.algorithmia.client import Client

__all__ = ["ModelData"]


class ModelData:
    """The state of an algorithm, as its load function is given it.

    Args:
        client: by which models are downloaded.
        model_manifest_path: the manifest; one of the same name with ``.freeze`` behind it wins.

    Raises:
        ApiError: the frozen manifest was changed.
    """

    def __init__(self, client: Client | None, model_manifest_path: str) -> None:
        self.client = client
        self.manifest_reg_path = model_manifest_path
        self.manifest_frozen_path = f"{model_manifest_path}.freeze"
        self.using_frozen = True
        self.models: dict[str, FileData] = {}
        self._kept: dict[str, Any] = {}
        self.manifest_data = self.get_manifest()

    def __getitem__(self, key: str) -> Any:
        return self._kept[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._kept[key] = value

    def data(self) -> dict[str, Any]:
        """All that was put here."""
        return dict(self._kept)

    def available(self) -> bool:
        """Whether there is a manifest."""
        return bool(self.manifest_data)

    def get_manifest(self) -> dict[str, Any] | None:
        """The manifest, frozen if there is such a one; None where there is none.

        Raises:
            ApiError: the frozen one was changed.
        """
        frozen, plain = Path(self.manifest_frozen_path), Path(self.manifest_reg_path)
        if frozen.exists():
            found = _manifests.read(frozen)
            if not _manifests.is_untouched(found):
                raise ApiError(
                    "Manifest FreezeFile Tamper Detected; please use the CLI and 'algo freeze' to rebuild your "
                    "algorithm's freeze file."
                )
            return found
        self.using_frozen = False
        return _manifests.read(plain) if plain.exists() else None

    def initialize(self) -> None:
        """Downloads the models that are required.

        Raises:
            ApiError: one can't be had, or is not what it was.
        """
        for wanted in (self.manifest_data or {}).get("required_files", []):
            name = wanted["name"]
            if name in self.models:
                raise ApiError(
                    f"Duplicate 'name' detected. \n{name} was found to be used by more than one data file, please rename."
                )
            self.models[name] = self._fetched(wanted)

    def get_model(self, model_name: str) -> str:
        """Where a model lies here; an optional one is downloaded when it is first asked for.

        Raises:
            ApiError: there is none by this name, or it is not what it was.
        """
        if not self.available():
            raise ApiError(f"unable to get model {model_name}, model_manifest.json not found.")
        if model_name not in self.models:
            self.find_optional_model(model_name)
        return self.models[model_name].file_path

    def find_optional_model(self, file_name: str) -> None:
        """Downloads an optional model.

        Raises:
            ApiError: there is none by this name, or it is not what it was.
        """
        for wanted in (self.manifest_data or {}).get("optional_files", []):
            if wanted.get("name") == file_name:
                self.models[file_name] = self._fetched(wanted)
                return
        raise ApiError(f"model name {file_name} not found in manifest")

    def _fetched(self, wanted: Mapping[str, Any]) -> FileData:
        if self.client is None:
            raise ApiError("Client was not defined, please define a Client when using Model Manifests.")
        path = self.client.file(wanted["source_uri"]).getFile(as_path=True)
        found, expected = md5_for_file(path), wanted.get("md5_checksum")
        if wanted.get("fail_on_tamper") and found != expected:
            why = f"expected hash:  {expected}\nreal hash: {found}"
            raise ApiError(
                f"Model File Mismatch for {wanted['name']}\n{why}",
                hint="" if expected else "The manifest is not frozen: run `client.freeze('model_manifest.json')`.",
            )
        return FileData(found, path)
