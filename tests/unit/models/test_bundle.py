"""Model folders and bundles: brought into shape, packed, unpacked, and refused where anything was changed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.models.samples import document
from trivet.models import bundle
from trivet.models.folders import load_document
from trivet.models.problems import ModelInvalid

GRAPH = b"\x08\x0a graph" * 50
DOMAIN = {"method": "LEVERAGE", "data": {"hStar": 0.94, "doaMatrix": [[1.0]]}}
VECTORS = [{"rows": [{"X1": 1}], "results": [{"y": 2.0}]}]


def write(folder: Path, /, graph: bytes | None = GRAPH, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_text(json.dumps(document(**changes)))
    if graph is not None:
        (folder / "model.onnx").write_bytes(graph)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder with all parts, in its plain form."""
    made = write(tmp_path / "model", doas=[DOMAIN], versions={"rdkit": "2026.9.1"})
    (made / "preprocessor.onnx").write_bytes(b"first")
    bundle.normalise(made)
    bundle.write_vectors(made, VECTORS)
    return made


@pytest.fixture
def packed(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "model.zip"
    with path.open("wb") as file:
        bundle.pack(folder, file)
    return path


def refused(call: Callable[..., object], *arguments: Any) -> str:
    with pytest.raises(ModelInvalid) as caught:
        call(*arguments)
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def base(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_what_is_inline_becomes_files_beside_the_document(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", None, rawModel=base(GRAPH), rawPreprocessor=base(b"first"), doas=[DOMAIN])
    model = bundle.normalise(folder)
    assert model.domains[0].data == DOMAIN["data"]
    assert sorted(contents(folder)) == ["domain.json", "model.json", "model.onnx", "preprocessor.onnx"]
    assert (folder / "model.onnx").read_bytes() == GRAPH
    stored = json.loads((folder / "model.json").read_text())
    assert "rawModel" not in stored
    assert stored["doas"] == [{"method": "LEVERAGE", "data": {}}]
    assert json.loads((folder / "domain.json").read_text()) == [DOMAIN]
    before = contents(folder)
    assert bundle.normalise(folder) == model
    assert bundle.read(folder) == model
    assert contents(folder) == before


def test_a_folder_in_its_plain_form_is_not_written_to(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", rawModel="")
    (folder / "README.md").write_text("about")
    plain = write(tmp_path / "n")
    before = contents(plain)
    assert bundle.normalise(folder) == bundle.normalise(plain)
    assert contents(plain) == before


@pytest.mark.parametrize(
    ("changes", "graph", "sentence"),
    [
        ({}, None, "model.onnx: is missing; put the ONNX graph beside model.json"),
        ({"rawModel": "###"}, None, "rawModel: is not base64"),
        ({"rawModel": base(b"other")}, GRAPH, "rawModel: differs from the model.onnx beside model.json"),
        ({"name": "a"}, GRAPH, "name: must have 3 to 255 characters"),
        (
            {"doas": [{"method": "LEVERAGE", "data": {}}]},
            GRAPH,
            "doas: LEVERAGE has no data, and there is no domain.json",
        ),
    ],
)
def test_a_folder_that_is_no_model_is_refused_in_words(
    tmp_path: Path, changes: dict[str, Any], graph: bytes | None, sentence: str
) -> None:
    assert refused(bundle.normalise, write(tmp_path / "m", graph, **changes)).startswith(sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "model.json: is not JSON"),
        (b"\xff", "model.json: is not JSON"),
        (b"[]", "model.json: must be an object"),
        (b"[" * 100_000, "model.json: is nested too deep"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_in_words(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "model.json").write_bytes(content)
    assert refused(bundle.normalise, tmp_path).startswith(sentence)


def test_a_folder_without_a_document_is_refused(tmp_path: Path) -> None:
    assert refused(bundle.read, tmp_path).startswith("model.json: is missing in ")


@pytest.mark.parametrize(
    "content", ["{}", "[1]", '[{"method": "BOUNDING_BOX", "data": {}}]', '[{"method": "LEVERAGE", "data": 1}]']
)
def test_domain_data_of_another_form_or_method_is_refused(folder: Path, content: str) -> None:
    (folder / "domain.json").write_text(content)
    assert refused(bundle.read, folder).startswith("domain.json: ")


def test_weights_outside_of_the_graph_are_refused(folder: Path) -> None:
    (folder / "model.onnx.data").write_bytes(b"weights")
    assert "model.onnx.data: weights outside of the graph's file are not read" in refused(bundle.normalise, folder)


def test_vectors_are_kept_and_checked(folder: Path, tmp_path: Path) -> None:
    assert bundle.vectors(folder) == VECTORS
    assert bundle.vectors(tmp_path) == []
    bundle.write_vectors(folder, [{"rows": [1], "results": []}])
    assert refused(bundle.vectors, folder).startswith("vectors.json: ")


def test_a_bundle_holds_every_part_and_says_its_sum(packed: Path, folder: Path) -> None:
    with zipfile.ZipFile(packed) as file:
        assert file.namelist() == [
            "manifest.json",
            "domain.json",
            "model.json",
            "model.onnx",
            "preprocessor.onnx",
            "vectors.json",
        ]
        manifest = json.loads(file.read("manifest.json"))
    assert (manifest["format"], manifest["name"], manifest["versions"]) == (1, "Solubility", {"rdkit": "2026.9.1"})
    assert manifest["parts"]["model.onnx"] == {"size": len(GRAPH), "sha256": hashlib.sha256(GRAPH).hexdigest()}


def test_a_bundle_comes_out_as_it_went_in(packed: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "deep"
    assert bundle.unpack(packed, out) == bundle.read(folder)
    assert contents(out) == contents(folder)


def test_parts_of_another_model_are_gone_after_unpacking(packed: Path, tmp_path: Path) -> None:
    small = write(tmp_path / "small")
    path = tmp_path / "small.zip"
    with path.open("wb") as file:
        bundle.pack(small, file)
    out = tmp_path / "out"
    bundle.unpack(packed, out)
    bundle.unpack(path, out)
    assert contents(out) == contents(small)


def test_the_same_parts_make_the_same_bytes(folder: Path, packed: Path) -> None:
    os.utime(folder / "model.onnx", (10**9, 10**9))
    again = io.BytesIO()
    bundle.pack(folder, again)
    assert again.getvalue() == packed.read_bytes()


def test_facts_for_people_go_into_the_manifest(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "about.zip"
    with path.open("wb") as file:
        bundle.pack(folder, file, about={"from": "https://models.example/42"})
    with zipfile.ZipFile(path) as file:
        assert json.loads(file.read("manifest.json"))["about"] == {"from": "https://models.example/42"}
    bundle.unpack(path, tmp_path / "out")


def test_what_is_not_in_its_plain_form_is_not_packed(tmp_path: Path) -> None:
    assert refused(bundle.pack, write(tmp_path / "m", rawModel=base(GRAPH)), io.BytesIO()).startswith(
        "model.json: has graphs inside"
    )
    assert refused(bundle.pack, write(tmp_path / "n", None), io.BytesIO()) == "model.onnx: is missing"


Parts = dict[str, bytes]


def rewritten(packed: Path, change: Callable[[Parts], None], *, links: frozenset[str] = frozenset()) -> Path:
    """A bundle with its entries changed."""
    with zipfile.ZipFile(packed) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    change(parts)
    path = packed.with_name("changed.zip")
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK if name in links else stat.S_IFREG) << 16
            file.writestr(info, content)
    return path


def manifest(**changes: Any) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        parts["manifest.json"] = json.dumps(json.loads(parts["manifest.json"]) | changes).encode()

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda parts: parts.pop("manifest.json"), "manifest.json: is missing, so this is not a model bundle"),
        (lambda parts: parts.pop("model.onnx"), "model.onnx: is missing from the bundle"),
        (lambda parts: parts.pop("domain.json"), "domain.json: is missing from the bundle"),
        (lambda parts: parts.update({"model.onnx": GRAPH[:-1] + b"!"}), "model.onnx: is not what the manifest says"),
        (lambda parts: parts.update({"model.onnx": GRAPH + b"!"}), "model.onnx: is not what the manifest says"),
        (lambda parts: parts.update({"../escaped": b""}), "../escaped: is not a part of a model bundle"),
        (lambda parts: parts.update({"/etc/passwd": b""}), "/etc/passwd: is not a part of a model bundle"),
        (lambda parts: parts.update({"code.py": b""}), "code.py: is not a part of a model bundle"),
        (lambda parts: parts.update({f"x{number}": b"" for number in range(99)}), "the bundle has 105 entries"),
        (lambda parts: parts.update({"manifest.json": b"{"}), "manifest.json: is not JSON"),
        (lambda parts: parts.update({"manifest.json": b"[]"}), "manifest.json: does not say which format"),
        (
            lambda parts: parts.update({"manifest.json": b" " * (2**20 + 1)}),
            "manifest.json: has 1,048,577 bytes, the limit is",
        ),
        (manifest(format=2), "the bundle has format 2, and this release of Trivet reads up to 1; upgrade"),
        (manifest(format=True), "manifest.json: does not say which format"),
        (manifest(parts=[]), "manifest.json: does not list the parts"),
        (manifest(parts={}), "model.onnx: is missing from the manifest"),
        (manifest(parts={"../x": {}}), "../x: is in the manifest, and is not a part"),
    ],
)
def test_a_bundle_that_was_changed_is_refused_and_nothing_is_written(
    packed: Path, tmp_path: Path, change: Callable[[Parts], None], sentence: str
) -> None:
    out = tmp_path / "out"
    message = refused(bundle.unpack, rewritten(packed, change), out)
    assert sentence in message
    assert list(out.iterdir()) == []
    assert not (tmp_path / "escaped").exists()


def test_a_part_that_the_manifest_does_not_know_is_refused(packed: Path, tmp_path: Path) -> None:
    def change(parts: Parts) -> None:
        listed = json.loads(parts["manifest.json"])
        del listed["parts"]["vectors.json"]
        parts["manifest.json"] = json.dumps(listed).encode()

    assert refused(bundle.unpack, rewritten(packed, change), tmp_path / "out") == "vectors.json: is not in the manifest"


def test_links_in_a_bundle_are_refused(packed: Path, tmp_path: Path) -> None:
    path = rewritten(packed, lambda parts: None, links=frozenset({"model.onnx"}))
    assert "model.onnx: is a link" in refused(bundle.unpack, path, tmp_path / "out")


def test_an_entry_that_is_there_twice_is_refused(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("model.onnx", b"other")
    assert "model.onnx: is in the bundle twice" in refused(bundle.unpack, packed, tmp_path / "out")


def test_an_entry_is_cut_off_at_its_limit_whatever_it_says_of_itself(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "_MOST_BYTES", {"model.onnx": 100})
    assert "model.onnx: has" in refused(bundle.unpack, packed, tmp_path / "out")
    monkeypatch.setattr(zipfile.ZipFile, "infolist", _humble(zipfile.ZipFile.infolist))
    assert "model.onnx" in refused(bundle.unpack, packed, tmp_path / "out")


def _humble(
    infolist: Callable[[zipfile.ZipFile], list[zipfile.ZipInfo]],
) -> Callable[[zipfile.ZipFile], list[zipfile.ZipInfo]]:
    def humble(file: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
        infos = infolist(file)
        for info in infos:
            if info.filename == "model.onnx":
                info.file_size = 7
        return infos

    return humble


@given(st.data())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60, deadline=None
)
def test_a_damaged_bundle_is_refused_or_is_whole(
    packed: Path, folder: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(packed.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    out = tmp_path / "out"
    try:
        bundle.unpack(damaged, out)
    except ModelInvalid:
        return
    assert contents(out) == contents(folder)


def test_a_part_with_more_values_than_memory_has_room_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet.models.folders.MOST_VALUES", 100)
    (tmp_path / "model.json").write_text('{"scores": [' + "[]," * 60 + "[]]}")
    with pytest.raises(ModelInvalid, match=r"^model.json: has more than 100 values"):
        load_document(tmp_path)
