"""Model manifests: frozen by a build with the hashes that its deployer may learn, as the published kit checks them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.builders.folders import bundle_of
from trivet.platform.builders.manifests import FROZEN, Freeze, add_frozen, freeze, manifest_in
from trivet.platform.core.errors import BuildFailed, DeploymentRefused, NotFound

HASHES = {"data://x/models/net": "0" * 32, "data://x/models/words": "1" * 32}
NET = {"name": "net", "source_uri": "data://x/models/net", "fail_on_tamper": True, "metadata": {"ä": [1.50, None]}}
WORDS = {"name": "words", "source_uri": "data://x/models/words"}
GONE = {"name": "gone", "source_uri": "data://x/models/gone"}


async def checksum(path: str) -> str:
    if path not in HASHES:
        raise NotFound.of("file", path)
    return HASHES[path]


def frozen(*required: dict[str, Any], optional: tuple[dict[str, Any], ...] = (), now: float = 1.5) -> Freeze:
    manifest = {"required_files": list(required), "optional_files": list(optional)}
    return asyncio.run(freeze(manifest, checksum, now))


def test_every_file_gets_its_hash_and_the_whole_a_lock_that_the_kit_accepts() -> None:
    found = frozen(NET, optional=(WORDS,))
    read = json.loads(json.dumps(found.document))
    lock = read.pop("lock_checksum")
    assert lock == hashlib.md5(str(read).encode()).hexdigest()
    assert read == {
        "required_files": [{**NET, "md5_checksum": "0" * 32}],
        "optional_files": [{**WORDS, "md5_checksum": "1" * 32}],
        "timestamp": "1.5",
    }
    assert found.warnings == ()


def test_what_cannot_be_read_is_warned_of_and_the_rest_is_frozen() -> None:
    found = frozen(WORDS, GONE, optional=({**GONE, "fail_on_tamper": True},))
    assert [each.get("md5_checksum") for each in found.document["required_files"]] == ["1" * 32, None]
    assert len(found.warnings) == 2
    assert all("gone can't be read, so it is not frozen" in warning for warning in found.warnings)


def test_many_that_cannot_be_read_are_counted() -> None:
    assert len(frozen(*[{**GONE, "name": "x" * 5_000}] * 8).warnings) == 8
    found = frozen(*[{**GONE, "name": "x" * 5_000}] * 500)
    assert len(found.warnings) == 9
    assert "492 more" in found.warnings[-1]
    assert len("".join(found.warnings)) < 5_000


def test_one_that_is_too_long_is_refused_as_such(tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match="is longer than"):
        manifest_in(bundle_of(tmp_path, {"model_manifest.json": json.dumps({"x": "y" * (1 << 20)})}))


def test_what_is_guarded_and_cannot_be_read_fails_the_build() -> None:
    with pytest.raises(BuildFailed, match=r"gone can't be read.*fail_on_tamper") as failed:
        frozen(NET, {**GONE, "fail_on_tamper": True})
    assert "algo freeze" in failed.value.hint


def test_a_hash_that_the_manifest_claims_itself_is_not_believed() -> None:
    found = frozen({**GONE, "md5_checksum": "f" * 32})
    assert found.document["required_files"] == [GONE]
    assert not found.has_hashes


@pytest.mark.parametrize("text", ["", "{", "[]", '{"required_files": 1}', '{"required_files": ["x"]}'])
def test_what_is_no_manifest_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match=r"model_manifest\.json"):
        manifest_in(bundle_of(tmp_path, {"model_manifest.json": text}))


def test_one_that_its_author_has_frozen_stays_as_it_is(tmp_path: Path) -> None:
    assert manifest_in(tmp_path) is None
    bundle_of(tmp_path, {"model_manifest.json": "{}"})
    assert manifest_in(tmp_path) == {}
    bundle_of(tmp_path, {FROZEN: "{}"})
    assert manifest_in(tmp_path) is None


def test_the_frozen_bundle_is_another_one_for_other_hashes_and_the_uploaded_one_stays(tmp_path: Path) -> None:
    bundle_of(tmp_path / "uploaded", {"src/Hello.py": "code", "model_manifest.json": "{}"})
    first = add_frozen(tmp_path, "uploaded", frozen(NET))
    assert add_frozen(tmp_path, "uploaded", frozen(NET, now=7.0)) == first
    assert add_frozen(tmp_path, "uploaded", frozen(WORDS)) != first
    assert not (tmp_path / "uploaded" / FROZEN).exists()
    assert (tmp_path / first / "src" / "Hello.py").read_text() == "code"
    assert json.loads((tmp_path / first / FROZEN).read_text())["timestamp"] == "1.5"
    assert len(list(tmp_path.iterdir())) == 3
