"""`trivet.jaqpot` in place of Jaqpot's own package: the guide with nothing but the import changed, and both side by side."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.jaqpot_sdk import JAQPOT_LATEST, PACKAGE, pair
from tests.e2e.originals import original_python
from tests.e2e.test_jaqpot_guide import BLOCKS, COLAB, DOTENV, INTERPRETER, NOTEBOOK, filled
from trivet.jaqpot import AsyncJaqpotApiClient, JaqpotApiClient, exceptions

ROW = {"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}
CSV = "SMILES,X1,X2,Cat_col\nCC,1,2,CAT_1\nCCO,3,4,CAT_2\n"
THEIRS = "from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient"
OURS = "from trivet.jaqpot import JaqpotApiClient"


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    folder = Path(tempfile.mkdtemp(prefix="trivet-dropin-"))
    running = RunningPlatform(folder)
    try:
        running.start()
        deployed = running.trivet("examples", "deploy", "guide_model", timeout=300)
        assert deployed.returncode == 0, f"{deployed.stdout}{deployed.stderr}"
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def jaqpot(platform: RunningPlatform) -> Iterator[JaqpotApiClient]:
    key, secret = pair(platform.key)
    with JaqpotApiClient(api_url=f"{platform.url}/jaqpot", api_key=key, api_secret=secret) as client:
        yield client


def run(python: Path | str, program: str, platform: RunningPlatform, folder: Path, **environ: str) -> list[Any]:
    """What a program prints, each line as JSON; with the variables that ``trivet env jaqpot`` prints."""
    key, secret = pair(platform.key)
    (folder / "ADD_A_CSV_PATH.csv").write_text(CSV)
    done = subprocess.run(
        [str(python), "-c", program],
        env={
            "PATH": os.environ["PATH"], "HOME": str(folder), "JAQPOT_API_KEY": key, "JAQPOT_API_SECRET": secret,
            "JAQPOT_API_URL": f"{platform.url}/jaqpot", **environ,
        },
        cwd=folder, stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def typed(blocks: list[Any]) -> str:
    """Blocks of the guide as a reader types them who has changed the import."""
    return json.dumps([[name, textwrap.dedent(code).replace(THEIRS, OURS), look] for name, code, look in blocks])


# -- every code block of the guide, with nothing but the import changed


@pytest.fixture(scope="module")
def reader(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Who has typed all blocks of the guide: what came of each."""
    folder = tmp_path_factory.mktemp("reader")
    told = run(sys.executable, INTERPRETER, platform, folder, BLOCKS=typed(list(BLOCKS)))
    return {each["block"]: each for each in told}


def test_every_block_of_the_guide_runs(reader: Mapping[str, Any]) -> None:
    assert list(reader) == [name for name, _, _ in BLOCKS]
    assert [each["raised"] for each in reader.values() if "raised" in each] == []


def test_the_model_of_the_guide_is_shown(reader: Mapping[str, Any]) -> None:
    assert [key for key, _ in reader["model"]["seen"]] == list(ROW)
    assert reader["model"]["printed"].startswith("id=1886 name='The model of the guide'")
    assert reader["shared models"]["printed"].startswith("content=[] total_elements=0")


def test_the_predictions_of_the_guide_agree(reader: Mapping[str, Any]) -> None:
    (row,) = reader["sync"]["seen"]
    number, status, rows, result = reader["dataset"]["seen"]
    assert (number, status, rows, result) == (reader["async"]["seen"], "SUCCESS", [ROW], [row])
    first, second = reader["csv"]["seen"]
    assert first["activity"] == row["activity"] != second["activity"]


def test_the_keys_may_stand_in_a_file_or_in_a_notebook(platform: RunningPlatform, tmp_path: Path) -> None:
    key, secret = pair(platform.key)
    (tmp_path / ".env").write_text(f"JAQPOT_API_KEY='{key}'\nJAQPOT_API_SECRET='{secret}'\n")
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "colab.py").write_text(filled(COLAB, platform))
    (site,) = original_python("1.1.1", "python-dotenv").parents[1].glob("lib/python*/site-packages")
    told = run(
        sys.executable, INTERPRETER, platform, tmp_path,
        BLOCKS=typed([DOTENV, *BLOCKS[:2], NOTEBOOK]), JAQPOT_API_KEY="", JAQPOT_API_SECRET="",
        PYTHONPATH=os.pathsep.join([str(site), str(tmp_path)]),
    )  # fmt: skip
    assert [each["seen"] for each in told[:1]] == [[True, False]]
    assert told[-1]["seen"] == "The model of the guide"


# -- the same program with both packages


SIDE_BY_SIDE = """
import json, os
{IMPORT}
try:
    from jaqpot_api_client.exceptions import ApiException
except ImportError:
    from trivet.jaqpot.exceptions import ApiException

client = JaqpotApiClient(api_url=os.environ["JAQPOT_API_URL"])
row = {"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}

def show(call):
    try:
        print(json.dumps(call(), default=str))
    except ApiException as error:
        print(json.dumps([type(error).__name__, error.status, error.reason, json.loads(error.body)]))

show(lambda: str(client.get_model_by_id(1886)))
show(lambda: client.get_model_by_id(model_id=1886).to_dict())
show(lambda: client.get_model_by_id(1886).model_dump(mode="json"))
show(lambda: {name: str(value) for name, value in client.get_model_summary(1886).items()})
show(lambda: client.get_shared_models(page=0, size=5, sort=["createdAt|desc"]).to_dict())
show(lambda: client.search_models("guide", page=0, size=5))
show(lambda: client.predict_sync(1886, [row, {**row, "SMILES": "CCO"}, {**row, "SMILES": "C1CC"}]))
show(lambda: client.predict_with_csv_sync(1886, "ADD_A_CSV_PATH.csv"))
number = client.predict_async(1886, [row] * 100)
show(lambda: client.get_dataset_by_id(number).result)
show(lambda: str(client.get_dataset_by_id(number)))
show(lambda: client.predict_sync(1886, [{"SMILES": "CC"}]))
show(lambda: client.predict_sync(1886, []))
show(lambda: client.get_model_by_id(99999))
show(lambda: client.get_dataset_by_id(99999))
show(lambda: client.qsartoolbox_calculator_predict_sync("CC", "guid"))
for missing in ({"api_key": "jq_no", "api_secret": "no"},):
    client = JaqpotApiClient(api_url=os.environ["JAQPOT_API_URL"], **missing)
    show(lambda: client.get_model_by_id(1886))
"""
_VARIES = re.compile(
    r"datetime\.datetime\((?:[^()]|\([^()]*\))*\)|\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|\+00:00)?|(?<=^\"id=)\d+(?= name=None)"
)
"""Points in time, whose zones are written differently; and the number of a dataset, which is counted up."""


def test_the_same_program_prints_the_same_with_both_packages(platform: RunningPlatform, tmp_path: Path) -> None:
    def lines(python: Path | str, line: str) -> list[str]:
        told = run(python, SIDE_BY_SIDE.replace("{IMPORT}", line), platform, tmp_path)
        return [_VARIES.sub("…", json.dumps(each)) for each in told]

    theirs = lines(original_python(JAQPOT_LATEST, PACKAGE), THEIRS)
    ours = lines(sys.executable, OURS)
    assert len(ours) == 16
    for position, (expected, found) in enumerate(zip(theirs, ours, strict=True)):
        assert found == expected, position


# -- every public name with a compatible signature


LISTED = """
import importlib, inspect, json
found = {}
for module in ("jaqpot_python_sdk", "jaqpot_python_sdk.jaqpot_api_client", "jaqpot_python_sdk.exceptions.exceptions"):
    for name, value in vars(importlib.import_module(module)).items():
        if name.startswith("_") or not inspect.isclass(value) or not value.__module__.startswith("jaqpot_python_sdk"):
            continue
        members = {} if "__annotations__" in vars(value) else {
            key: [
                [each.name, each.kind.name, each.default is not each.empty]
                for each in inspect.signature(member).parameters.values()
            ]
            for key, member in vars(value).items()
            if inspect.isfunction(member) and (not key.startswith("_") or key == "__init__")
        }
        found[name] = [sorted(getattr(value, "__annotations__", {})), members]
print(json.dumps(found))
"""
DIFFERENT = {
    "JaqpotApiHttpClientBuilder": "inner: builds the generated HTTP client",
    "PatchedDataset": "inner: here it is called Dataset",
}
"""Public names that are not here, and why; the same list stands in the guide."""


def test_every_public_name_is_here_with_a_compatible_signature(platform: RunningPlatform, tmp_path: Path) -> None:
    (listed,) = run(original_python(JAQPOT_LATEST, PACKAGE), LISTED, platform, tmp_path)
    assert {"JaqpotApiClient", "ModelSummary", "JaqpotApiException"} <= set(listed)
    ours = importlib.import_module("trivet.jaqpot")
    for name, (keys, methods) in listed.items():
        if name in DIFFERENT:
            continue
        kind = getattr(ours, name)
        assert set(keys) <= set(getattr(kind, "__annotations__", {})), name
        for method, parameters in methods.items():
            known = inspect.signature(getattr(kind, method)).parameters
            for position, (parameter, sort, optional) in enumerate(parameters):
                where = f"{name}.{method}({parameter})"
                assert parameter in known, where
                assert known[parameter].kind.name == sort, where
                assert list(known)[position] == parameter, where
                assert not optional or known[parameter].default is not inspect.Parameter.empty, where


def test_the_models_have_the_attributes_of_the_generated_ones(platform: RunningPlatform, tmp_path: Path) -> None:
    from dataclasses import fields, is_dataclass
    from enum import Enum

    models = importlib.import_module("trivet.jaqpot.models")
    names = [name for name in models.__all__ if not issubclass(getattr(models, name), Exception)]
    program = f"""
import enum, json, jaqpot_api_client
for name in {names!r}:
    kind = getattr(jaqpot_api_client, name)
    print(json.dumps([each.value for each in kind] if issubclass(kind, enum.Enum) else list(kind.model_fields)))
"""
    for name, theirs in zip(
        names, run(original_python(JAQPOT_LATEST, PACKAGE), program, platform, tmp_path), strict=True
    ):
        kind = getattr(models, name)
        if issubclass(kind, Enum):
            assert [each.value for each in kind] == theirs, name
        else:
            assert is_dataclass(kind)
            assert [each.name for each in fields(kind)] == theirs, name


# -- what the original can't


def test_more_than_a_hundred_rows_come_back_in_order(jaqpot: JaqpotApiClient) -> None:
    rows = [{**ROW, "X1": number} for number in range(250)]
    result = jaqpot.predict_sync(1886, rows)
    assert [row["jaqpotMetadata"]["jaqpotRowId"] for row in result] == list(range(250))
    number = jaqpot.predict_async(1886, rows)
    found = jaqpot.get_dataset_by_id(number)
    assert found.result is not None
    assert [row["activity"] for row in found.result] == [row["activity"] for row in result]


def test_a_frame_goes_in_and_a_frame_comes_out(jaqpot: JaqpotApiClient) -> None:
    frame = pd.DataFrame([ROW, {**ROW, "SMILES": "C1CC"}], index=["good", "bad"])
    result = jaqpot.predict_sync(1886, frame, as_frame=True)
    assert list(result.index) == ["good", "bad"]
    assert result["activity"].notna().tolist() == [True, False]
    assert "SMILES" in result["error"]["bad"]
    assert set(result.columns) >= {"activity", "in_domain", "error"}


def test_a_model_goes_home_and_predicts_the_same(jaqpot: JaqpotApiClient, tmp_path: Path) -> None:
    model = jaqpot.download_model(1886, tmp_path / "guide.trivet")
    (here,) = model.predict([ROW])
    (there,) = jaqpot.predict_sync(1886, [ROW])
    assert here["activity"] == pytest.approx(there["activity"])
    assert (tmp_path / "guide.trivet").stat().st_size > 1000
    with pytest.raises(exceptions.NotFoundException):
        jaqpot.download_model(99999)


def test_an_error_is_of_both_families(jaqpot: JaqpotApiClient) -> None:
    with pytest.raises(trivet.InvalidRequestError, match="missing X1") as caught:
        jaqpot.predict_sync(1886, [{"SMILES": "CC"}])
    assert isinstance(caught.value, exceptions.BadRequestException)


def test_the_asynchronous_client_predicts_the_same(jaqpot: JaqpotApiClient, platform: RunningPlatform) -> None:
    key, secret = pair(platform.key)

    async def main() -> Any:
        async with AsyncJaqpotApiClient(api_url=f"{platform.url}/jaqpot", api_key=key, api_secret=secret) as client:
            return await asyncio.gather(*(client.predict_sync(1886, [ROW]) for _ in range(5)))

    assert asyncio.run(main()) == [jaqpot.predict_sync(1886, [ROW])] * 5
