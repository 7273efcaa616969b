"""The code blocks of Jaqpot's Python SDK guide run here as they stand there, with the published package, on the examples.

A reader types them into one interpreter, each after the other, and so are they run. Filled in are the guide's own placeholders,
and the address of the platform where the client is made: without it the package calls its makers' own server. Of the three ways
to hand over a key, each makes a reader of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningPlatform
from tests.e2e.jaqpot_sdk import JAQPOT_LATEST, PACKAGE, pair
from tests.e2e.originals import original_python

EXAMPLES = ("guide_model", "wine")
MODEL = 1886
"""The model of the guide, by the id that stands there."""
ROW = {"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}

# -- the blocks of the guide: what each is called here, its code, and what is looked at afterwards

EXPORTS = """
export JAQPOT_API_KEY='your_api_key_here'
export JAQPOT_API_SECRET='your_api_secret_here'
python your_script.py
"""
DOTENV_FILE = """
JAQPOT_API_KEY='your_api_key_here'
JAQPOT_API_SECRET='your_api_secret_here'
"""
DOTENV = (
    "dotenv",
    """
    from dotenv import load_dotenv
    load_dotenv(".env") # Returns True if successful
    """,
    "[load_dotenv('.env'), load_dotenv('.no-such-file')]",
)
NOTEBOOK = (
    "notebook",
    """
    from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient
    from google.colab import userdata
    jaqpot_api_key = userdata.get('JAQPOT_API_KEY')
    jaqpot_api_secret = userdata.get('JAQPOT_API_SECRET')

    JaqpotApiClient(api_key=jaqpot_api_key, api_secret=jaqpot_api_secret)
    """,
    "_.get_model_by_id(model_id=1886).name",
)
BLOCKS = (
    (
        "client",
        """
        from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient

        jaqpot_api_client = JaqpotApiClient()
        """,
        None,
    ),
    (
        "model",
        """
        model = jaqpot_api_client.get_model_by_id(model_id=1886)
        print(model)
        """,
        "[[feature.key, feature.feature_type.value] for feature in model.independent_features]",
    ),
    (
        "shared models",
        """
        shared_models = jaqpot_api_client.get_shared_models()
        print(shared_models)
        """,
        "[model.id for model in shared_models.content]",
    ),
    (
        "sync",
        """
        input_data = [{"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}]
        prediction = jaqpot_api_client.predict_sync(model_id=1886, dataset=input_data)
        print(prediction)
        """,
        "prediction",
    ),
    (
        "async",
        """
        input_data = [{"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}]
        prediction_dataset_id = jaqpot_api_client.predict_async(model_id=1886, dataset=input_data)
        """,
        "prediction_dataset_id",
    ),
    (
        "dataset",
        """
        results = jaqpot_api_client.get_dataset_by_id(dataset_id=prediction_dataset_id)
        print(results)
        """,
        "[results.id, results.status, results.input, results.result]",
    ),
    (
        "csv",
        """
        csv_path = "ADD_A_CSV_PATH.csv"
        prediction = jaqpot_api_client.predict_with_csv_sync(model_id=1886, csv_path=csv_path)
        print(prediction)
        """,
        "prediction",
    ),
)
ADDRESS = 'api_url=__import__("os").environ["JAQPOT_API_URL"]'
"""What stands in the brackets of the client, on premises."""

COLAB = """
class userdata:
    get = {"JAQPOT_API_KEY": "your_api_key_here", "JAQPOT_API_SECRET": "your_api_secret_here"}.get
"""
"""The secrets of a notebook, which Colab shows to it under this name."""

INTERPRETER = """
import ast, contextlib, io, json, os, sys

session = {}
for name, code, look in json.loads(os.environ["BLOCKS"]):
    printed, told = io.StringIO(), {}
    try:
        typed = ast.parse(code)
        with contextlib.redirect_stdout(printed):
            for line in typed.body[:-1]:
                exec(compile(ast.Module([line], []), name, "exec"), session)
            last = typed.body[-1]
            if isinstance(last, ast.Expr):
                session["_"] = eval(compile(ast.Expression(last.value), name, "eval"), session)
            else:
                exec(compile(ast.Module([last], []), name, "exec"), session)
        told["seen"] = eval(look, session) if look else None
    except Exception as error:
        told["raised"] = f"{type(error).__name__}: {error}"
    print(json.dumps({"block": name, "printed": printed.getvalue(), **told}))
"""
"""What a reader's interpreter does: each block in turn, in the same namespace; `_` is the value of a block's last line."""


# -- a fresh platform with the examples


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    folder = Path(tempfile.mkdtemp(prefix="trivet-guide-"))
    running = RunningPlatform(folder)
    try:
        running.start()
        deployed = running.trivet("examples", "deploy", *EXAMPLES, timeout=300)
        assert deployed.returncode == 0, f"{deployed.stdout}{deployed.stderr}"
        yield running
        status = running.stop()
        assert status == 0, f"the platform did not stop cleanly ({status}):\n{running.log[-4000:]}"
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Reader:
    """Somebody who has typed blocks of the guide, and what came of each."""

    def __init__(self, folder: Path, platform: RunningPlatform, blocks: list[Any], shell: str, **environ: str) -> None:
        (folder / "your_script.py").write_text(INTERPRETER)
        (folder / "ADD_A_CSV_PATH.csv").write_text("SMILES,X1,X2,Cat_col\nCC,1,2,CAT_1\nCCO,3,4,CAT_2\n")
        typed = [[name, _on_premises(textwrap.dedent(code)), look] for name, code, look in blocks]
        home = original_python(JAQPOT_LATEST, PACKAGE).parent  # its `python` is the one of the shell
        path = os.pathsep.join((str(home), platform.env["PATH"]))
        done = subprocess.run(
            ["bash", "-e", "-c", shell],
            env={**platform.env, "PATH": path, "HOME": str(folder), "BLOCKS": json.dumps(typed), **environ},
            cwd=folder, stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        told = [json.loads(line) for line in done.stdout.splitlines()]
        self._blocks: Mapping[str, Mapping[str, Any]] = {each["block"]: each for each in told}

    def saw(self, block: str) -> Any:
        """What was looked at after a block; it must have ended well."""
        told = self._blocks[block]
        assert "raised" not in told, told
        return told["seen"]

    def read(self, block: str) -> str:
        """What a block printed; it must have ended well."""
        self.saw(block)
        printed: str = self._blocks[block]["printed"]
        return printed


def _on_premises(code: str) -> str:
    """A block with the address of the platform, where it makes the client."""
    comma = "" if "JaqpotApiClient()" in code else ", "
    return code.replace("JaqpotApiClient(", f"JaqpotApiClient({ADDRESS}{comma}")


def filled(text: str, platform: RunningPlatform) -> str:
    """A text of the guide with a key where the guide leaves room for one."""
    key, secret = pair(platform.key)
    return text.replace("your_api_key_here", key).replace("your_api_secret_here", secret)


@pytest.fixture(scope="module")
def reader(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Who has let ``trivet env jaqpot`` set the variables of the guide, and typed all of its blocks."""
    script = 'eval "$(trivet env jaqpot)" && python your_script.py'
    return Reader(tmp_path_factory.mktemp("reader"), platform, list(BLOCKS), script)


# -- authentication


def test_the_variables_of_the_guide_are_what_trivet_env_prints(platform: RunningPlatform) -> None:
    printed = platform.trivet("env", "jaqpot")
    key, secret = pair(platform.key)
    assert printed.stdout.splitlines() == [
        f"export JAQPOT_API_KEY={key}",
        f"export JAQPOT_API_SECRET={secret}",
        f"export JAQPOT_API_URL={platform.url}/jaqpot",
    ]


def test_method_1_exported_variables(platform: RunningPlatform, tmp_path: Path) -> None:
    reader = Reader(
        tmp_path, platform, list(BLOCKS[:2]), filled(EXPORTS, platform), JAQPOT_API_URL=f"{platform.url}/jaqpot"
    )
    assert [key for key, _ in reader.saw("model")] == list(ROW)


def test_method_2_a_file_of_variables(platform: RunningPlatform, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{filled(DOTENV_FILE, platform)}JAQPOT_API_URL='{platform.url}/jaqpot'\n")
    dotenv = original_python("1.1.1", "python-dotenv").parents[1]
    (site,) = dotenv.glob("lib/python*/site-packages")
    reader = Reader(tmp_path, platform, [DOTENV, *BLOCKS[:2]], "python your_script.py", PYTHONPATH=str(site))
    assert reader.saw("dotenv") == [True, False]
    assert [key for key, _ in reader.saw("model")] == list(ROW)


def test_method_3_keys_in_the_program(platform: RunningPlatform, tmp_path: Path) -> None:
    """In a notebook of Colab, which keeps them; its own module stands beside the program."""
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "colab.py").write_text(filled(COLAB, platform))
    reader = Reader(tmp_path, platform, [NOTEBOOK], "python your_script.py", JAQPOT_API_URL=f"{platform.url}/jaqpot")
    assert reader.saw("notebook") == "The model of the guide"


# -- contract section 13, point 1: the whole guide, end to end


def test_point_1_the_model_is_found_by_the_id_of_the_guide(reader: Reader) -> None:
    assert reader.saw("client") is None
    assert reader.saw("model") == [
        ["SMILES", "SMILES"],
        ["X1", "INTEGER"],
        ["X2", "INTEGER"],
        ["Cat_col", "CATEGORICAL"],
    ]
    assert reader.read("model").startswith("id=1886 name='The model of the guide'")


def test_point_1_shared_models_are_listed(reader: Reader) -> None:
    assert reader.saw("shared models") == []  # nobody has shared anything yet
    assert reader.read("shared models").startswith("content=[] total_elements=0")


def test_point_1_a_prediction_comes_back(reader: Reader) -> None:
    (row,) = reader.saw("sync")
    assert isinstance(row["activity"], float)
    assert reader.read("sync") == f"{[row]}\n"
    assert row["jaqpotMetadata"]["jaqpotRowId"] == 0
    assert set(row["jaqpotMetadata"]["doa"]) == {"Leverage", "BoundingBox", "majorityVoting"}


def test_point_1_a_prediction_is_begun_and_looked_up(reader: Reader) -> None:
    number, status, rows, result = reader.saw("dataset")
    assert (number, status, rows) == (reader.saw("async"), "SUCCESS", [ROW])
    assert result == reader.saw("sync")
    assert reader.read("dataset").startswith(f"id={number} ")


def test_point_1_a_file_is_predicted(reader: Reader) -> None:
    first, second = reader.saw("csv")
    assert first["activity"] == reader.saw("sync")[0]["activity"]
    assert first["activity"] != second["activity"]
    assert second["jaqpotMetadata"]["jaqpotRowId"] == 1
