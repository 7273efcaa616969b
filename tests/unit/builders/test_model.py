"""Models as uploads: told by their description, brought into one form, and given nothing but what predicting needs."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.builders.folders import HELLO, bundle_of
from tests.unit.worker.small_models import document, graph, write_model
from trivet.models import bundle
from trivet.platform.builders.descriptions import Program, endpoints_in, warnings_in
from trivet.platform.builders.loading import load
from trivet.platform.builders.local import LocalBuilder
from trivet.platform.builders.model import NUMERIC, Model, title
from trivet.platform.builders.recognise import recognise
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.endpoints import HandlerKind
from trivet.platform.core.errors import BuildFailed, DeploymentRefused, InvalidInput
from trivet.platform.core.payloads import Payload
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.wire.schemas import compile_schema

SMILES = [{"key": "s", "name": "Molecule", "featureType": "SMILES"}]


def source_of(folder: Path, **changes: Any) -> SourceTree:
    return SourceTree.read(write_model(folder, **changes))


def unpacked(tmp_path: Path, upload: bytes, filename: str) -> Path:
    """Where an upload lies once it was unpacked."""
    archive = tmp_path / "upload"
    archive.write_bytes(upload)
    name = asyncio.run(LocalBuilder(tmp_path / "data").unpack(archive, filename, "a" * 64))
    return tmp_path / "data" / "bundles" / name


def tar_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def bundle_file(tmp_path: Path) -> bytes:
    buffer = io.BytesIO()
    bundle.pack(write_model(tmp_path / "made"), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("inline", [False, True], ids=["beside", "inside"])
def test_a_model_is_told_by_its_description_and_a_graph_beside_or_inside(tmp_path: Path, inline: bool) -> None:
    source = source_of(tmp_path, inline=inline)
    kind = recognise(source)
    assert (kind.host, kind.program(source), kind.name(source)) == ("model", "model.json", None)


@pytest.mark.parametrize(
    ("files", "host"),
    [
        ({"main.py": HELLO}, "decorated"),
        ({"handler.py": "import runpod\nrunpod.serverless.start({})"}, "runpod"),
        ({"train.py": "import sklearn"}, "model"),
    ],
)
def test_a_program_that_brings_a_model_along_is_that_program(tmp_path: Path, files: dict[str, str], host: str) -> None:
    write_model(tmp_path)
    assert recognise(SourceTree.read(bundle_of(tmp_path, files))).host == host


@pytest.mark.parametrize("text", ["[]", "not JSON", '{"layers": []}'])
def test_a_file_of_that_name_alone_makes_no_model(tmp_path: Path, text: str) -> None:
    with pytest.raises(DeploymentRefused, match=r"model\.json beside model\.onnx"):
        recognise(SourceTree.read(bundle_of(tmp_path, {"model.json": text})))


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, NUMERIC),
        ({"name": "Another", "requirements": ["evil @ https://example.com/evil.zip"]}, NUMERIC),
        ({"independentFeatures": SMILES}, (*NUMERIC, "rdkit")),
        ({"independentFeatures": SMILES, "versions": {"rdkit": "2024.9.5"}}, (*NUMERIC, "rdkit==2024.9.5")),
        ({"independentFeatures": SMILES, "versions": {"rdkit": "1; --index-url x"}}, (*NUMERIC, "rdkit")),
    ],
    ids=["numbers", "what it names itself", "molecules", "a release", "no release"],
)
def test_all_that_is_installed_is_what_predicting_needs(
    tmp_path: Path, changes: dict[str, Any], wanted: tuple[str, ...]
) -> None:
    assert Model().requirements(source_of(tmp_path, **changes)) == wanted


def test_a_description_with_a_fault_is_refused_by_its_place(tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match=r"The model can't be taken: .*task"):
        Model().requirements(source_of(tmp_path, task="GUESSING"))


def test_a_model_has_a_name_of_its_own_where_its_upload_has_none(tmp_path: Path) -> None:
    assert title(write_model(tmp_path, name="log S (aqueous), v2")) == "log-S-aqueous-v2"
    assert title(write_model(tmp_path, name="溶解度")) == "model"


def test_what_is_inside_the_description_becomes_files(tmp_path: Path) -> None:
    made = write_model(tmp_path / "made", inline=True)
    folder = unpacked(tmp_path, tar_of({"model.json": (made / "model.json").read_bytes()}), "small")
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.onnx"]
    assert (folder / "model.onnx").read_bytes() == graph().SerializeToString()
    assert "rawModel" not in json.loads((folder / "model.json").read_text())


@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "packed as any file"])
def test_a_bundle_is_unpacked_and_compared_with_its_manifest(tmp_path: Path, packed: bool) -> None:
    upload = bundle_file(tmp_path)
    folder = unpacked(tmp_path, tar_of({"small.zip": upload}) if packed else upload, "small.zip")
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.onnx"]


@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "packed as any file"])
def test_a_bundle_that_was_changed_is_refused_and_nothing_is_kept(tmp_path: Path, packed: bool) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle_file(tmp_path))) as whole:
        files = {name: whole.read(name) for name in whole.namelist()}
    changed = zip_of({**files, "model.onnx": graph(3.0).SerializeToString()})
    with pytest.raises(DeploymentRefused, match=r"model\.onnx"):
        unpacked(tmp_path, tar_of({"small.zip": changed}) if packed else changed, "small.zip")
    assert list((tmp_path / "data" / "bundles").iterdir()) == []


def test_a_zip_in_an_upload_can_not_reach_outside_of_it(tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match=r"\.\./evil"):
        unpacked(tmp_path, tar_of({"small.zip": zip_of({"../evil": b"", "model.json": b"{}"})}), "small.zip")
    assert not list(tmp_path.rglob("evil"))


def test_a_list_of_packages_beside_a_model_is_not_read(tmp_path: Path) -> None:
    write_model(tmp_path / "made")
    files = {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    unpacked(tmp_path, tar_of({**files, "requirements.txt": b"-e /etc\n"}), "small")


def test_a_model_is_no_image(tmp_path: Path) -> None:
    write_model(tmp_path / "made")
    archive = tmp_path / "upload"
    archive.write_bytes(tar_of({path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}))

    async def build() -> None:
        builder = LocalBuilder(tmp_path / "data")
        bundle_name = await builder.unpack(archive, "small", "b" * 64)
        await builder.build(bundle_name, lambda _: None, lambda _: None, is_image=True)

    with pytest.raises(BuildFailed, match="A model is no image"):
        asyncio.run(build())


# -- the check, in the environment ------------------------------------------------------------------------------------


def checked(folder: Path) -> Mapping[str, Any]:
    return asyncio.run(
        load(Path(sys.executable), folder, "model.json", "model", timeout=60.0, on_output=lambda _: None)
    )


def test_the_check_says_what_is_published(tmp_path: Path) -> None:
    answer = checked(write_model(tmp_path, description="Twice the dose."))
    (built,) = endpoints_in(answer, "model", Program("model.json", "twice"))
    assert (built.name, built.host, built.handler, built.kind) == ("twice", "model", "model.json", HandlerKind.SYNC)
    assert built.description == "Twice the dose."
    assert built.settings.concurrency > 1
    assert isinstance(built.scaling, ScalingPolicy)
    assert (built.scaling.minimum, built.scaling.idle_timeout) == (0, 300.0)
    assert built.model is not None
    assert built.model["independentFeatures"][0]["key"] == "x"
    assert "onnxruntime" in built.model["versions"]
    assert built.output_schema is not None
    check = compile_schema(built.input_schema)
    check(Payload.inline(b'{"x": 1}', "application/json"))
    check(Payload.inline(b"x\n1\n", "text/csv"))
    with pytest.raises(InvalidInput):
        check(Payload.inline(b'{"z": 1}', "application/json"))
    assert warnings_in(answer) == tuple(answer["warnings"])


def test_what_the_check_finds_is_told_in_its_own_words(tmp_path: Path) -> None:
    write_model(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(BuildFailed, match=r"^The model can't be taken: .*model\.onnx") as told:
        checked(tmp_path)
    assert "Traceback" not in told.value.detail


def test_a_description_that_does_not_fit_its_graph_is_found_before_it_is_published(tmp_path: Path) -> None:
    features = [{"key": f"x{n}", "name": f"x{n}", "featureType": "FLOAT"} for n in range(3)]
    with pytest.raises(BuildFailed, match="The model can't be taken"):
        checked(write_model(tmp_path, **document(independentFeatures=features)))
