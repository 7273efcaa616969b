"""The tables of ``trivet migrate`` know every public name that the installed originals have, and what they say is true."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.jaqpot_sdk import JAQPOT_LATEST, pointing_jaqpot
from tests.e2e.originals import ALGORITHMIA_LATEST, LATEST, original_python, pointing, pointing_algorithmia
from trivet.migrate import reading
from trivet.migrate.support import Support, Verdict, supports
from trivet.migrate.writing import changed

LISTED = """
import importlib, inspect, json, sys
found = {}
for module in json.loads(sys.argv[1]):
    whole = importlib.import_module(module)
    names = list(getattr(whole, "__all__", ()))
    for name, value in vars(whole).items():
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == module and name[0] != "_":
            names.append(name)
    found[module] = {}
    for name in dict.fromkeys(names):
        value = getattr(whole, name, None)
        is_plain = inspect.isclass(value) and not issubclass(value, BaseException)
        found[module][name] = [each for each in vars(value) if each[0] != "_"] if is_plain else []
print(json.dumps(found))
"""
PUBLISHED = {
    "runpod": (LATEST, "runpod"),
    "algorithmia": (ALGORITHMIA_LATEST, "algorithmia"),
    "jaqpot": (JAQPOT_LATEST, "jaqpot-python-sdk"),
}


@pytest.mark.parametrize("support", supports(), ids=lambda support: support.package)
def test_every_public_name_of_the_original_is_in_the_table(support: Support) -> None:
    python = original_python(*PUBLISHED[support.package])
    done = subprocess.run(
        [str(python), "-c", LISTED, json.dumps(list(support.modules))],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    unknown = []
    for module, names in json.loads(done.stdout.splitlines()[-1]).items():
        for name, members in names.items():
            lines = [f"from {module} import {name}", f"it: {name}", *(f"it.{member}" for member in members)]
            uses = reading.read("\n".join(lines), "program.py", [support])
            unknown += [use.name for use in uses if use.verdict is Verdict.UNCLEAR]
    assert unknown == []


# -- what the tables call supported is: programs in the originals' words, changed, on a fresh platform

PLAYED = """
import trivet

@trivet.endpoint(workers=(1, 1), concurrency=4)
def letters(prompt: str = ""):
    yield from prompt

@trivet.endpoint(workers=(1, 1), concurrency=4)
def talk(prompt: str = "") -> dict:
    return {"said": prompt}
"""
CALLS = """
import asyncio, os
import runpod as rp
from runpod.api.graphql import run_graphql_query
from runpod.error import QueryError
from runpod.serverless.utils.rp_validator import validate

rp.api_key = os.environ["RUNPOD_API_KEY"]
ids = {each["name"]: each["id"] for each in rp.get_endpoints()}
talk = rp.Endpoint(ids["talk"])
assert talk.run_sync({"input": {"prompt": "a"}}, timeout=60) == {"said": "a"}
jobs = [talk.run({"input": {"prompt": word}}) for word in "bc"]
assert [job.output(timeout=60)["said"] for job in jobs] == ["b", "c"]
assert {job.status() for job in jobs} == {"COMPLETED"}
assert jobs[0].cancel()["status"] == "COMPLETED"
assert "completed" in talk.health()["jobs"]
assert talk.purge_queue()["status"] == "completed"
assert list(rp.Endpoint(ids["letters"]).run({"input": {"prompt": "xyz"}}).stream()) == ["x", "y", "z"]

async def later():
    job = await rp.AsyncioEndpoint(ids["talk"], None).run({"prompt": "d"})
    return await job.output(timeout=60), await job.status()

assert asyncio.run(later()) == ({"said": "d"}, "COMPLETED")
template = rp.create_template(name="t", image_name="registry.example/x:1", is_serverless=True)
assert template["imageName"] == "registry.example/x:1"
try:
    rp.create_endpoint(name="e", template_id=template["id"])
except QueryError as error:
    assert "trivet deploy" in str(error), "what it needs is said"
assert run_graphql_query("query { myself { id } }")["data"]["myself"]["id"] == rp.get_user()["id"]
assert rp.get_pods() == []
assert isinstance(rp.get_gpus(), list)
assert "errors" in validate({}, {"a": {"type": int, "required": True}})
"""
FILES = """
import tempfile
import Algorithmia
from Algorithmia.acl import AclType, ReadAcl
from Algorithmia.errors import AlgorithmException, DataApiError

client = Algorithmia.client()
folder = client.dir("data://.my/moved")
folder.create(ReadAcl.private)
assert folder.get_permissions().read_acl == AclType.private
assert folder.update_permissions(ReadAcl.my_algos)
file = folder.file("a.txt").put("hi")
assert (file.getString(), file.getBytes(), file.exists(), file.getName()) == ("hi", b"hi", True, "a.txt")
assert folder.file("b.json").putJson({"a": 1}).getJson() == {"a": 1}
with tempfile.NamedTemporaryFile() as local:
    local.write(b"local")
    local.flush()
    assert client.file("data://.my/moved/c").putFile(local.name).getFile().read() == "local"
assert [each.getName() for each in folder.files()] == ["a.txt", "b.json", "c"]
assert folder.exists() and not list(folder.dirs())
assert file.delete()
try:
    file.getString()
    raise AssertionError("it is gone")
except DataApiError as error:
    assert "a.txt" in str(error)
folder.delete(True)
algo = client.algo("demo/Hello").set_options(timeout=60, stdout=True)
answer = algo.pipe("you")
assert (answer.result, answer.metadata.content_type) == ("Hello you", "text")
assert algo.exists()
try:
    client.algo("demo/Nobody").pipe(1)
    raise AssertionError("nobody is there")
except AlgorithmException as error:
    assert "not found" in str(error)
"""
MODELS = """
from jaqpot_api_client import FeatureType, ModelTask
from jaqpot_api_client.exceptions import BadRequestException, NotFoundException
from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient

client = JaqpotApiClient()
model = client.get_model_by_id(1886)
assert model.task == ModelTask.REGRESSION
assert model.independent_features[0].feature_type == FeatureType.SMILES
row = {"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}
(found,) = client.predict_sync(model_id=1886, dataset=[row])
assert client.get_dataset_by_id(client.predict_async(1886, [row])).id
with open("table.csv", "w") as table:
    table.write("SMILES,X1,X2,Cat_col\\nCC,1,2,CAT_1\\n")
assert client.predict_with_csv_sync(1886, "table.csv")[0]["activity"] == found["activity"]
assert client.get_model_summary(1886)["name"] == model.name
assert client.search_models("guide")["content"][0]["id"] == 1886
assert client.get_shared_models(page=0, size=5, sort=["createdAt|desc"]).content == []
try:
    client.get_model_by_id(99)
    raise AssertionError("there is none")
except NotFoundException as error:
    assert error.status == 404
try:
    client.predict_sync(1886, [{}])
    raise AssertionError("the row is empty")
except BadRequestException as error:
    assert "SMILES" in error.body
"""


@pytest.fixture(scope="module")
def moved_to() -> Iterator[RunningPlatform]:
    """A fresh platform with what the programs ask for."""
    folder = Path(tempfile.mkdtemp(prefix="trivet-migrate-"))
    running = RunningPlatform(folder)
    try:
        running.start()
        (folder / "played.py").write_text(PLAYED)
        with trivet.Client(running.url, running.key) as client:
            client.deploy(folder / "played.py")
        deployed = running.trivet("examples", "deploy", "hello_algorithm", "guide_model", timeout=300)
        assert deployed.returncode == 0, f"{deployed.stdout}{deployed.stderr}"
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("program", [CALLS, FILES, MODELS], ids=["runpod", "algorithmia", "jaqpot"])
def test_a_program_that_is_called_supported_runs_when_its_imports_are_changed(
    moved_to: RunningPlatform, tmp_path: Path, program: str
) -> None:
    found = reading.read(program, "program.py", supports())
    assert len({use.name for use in found}) >= 12
    assert [use for use in found if not use.verdict.is_good] == []
    (tmp_path / "program.py").write_bytes(changed(program.encode(), supports()))
    pointed = {
        **pointing(moved_to.url, moved_to.key),
        **pointing_algorithmia(moved_to.url, moved_to.key),
        **pointing_jaqpot(moved_to.url, moved_to.key),
    }
    done = subprocess.run(
        [sys.executable, "program.py"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **pointed},
        cwd=tmp_path, stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
