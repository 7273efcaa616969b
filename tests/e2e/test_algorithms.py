"""Algorithm repositories, with the published packages in the versions that they pin, run unchanged on a real platform."""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import (
    ALGORITHMIA_LATEST,
    ALGORITHMIA_VERSIONS,
    original_python,
    pointing_algorithmia,
    run_original,
)
from trivet.examples import catalogue

STOCK = "algorithmia>=1.0.0,<2.0\n"
"""What the templates of algorithms ask for."""
CONDA = """
name: algorithm
channels:
- defaults
dependencies:
- python=3.6
- pip
- cudatoolkit=11.1
- pip:
  - algorithmia>=1.0.0,<2.0
"""
"""Likewise, in the conda layout."""
NEWEST = f"algorithmia=={ALGORITHMIA_LATEST}\n"

KIT = """
    from Algorithmia import ADK

    def load():
        print("loading")
        return {"greeting": "Hello"}

    def apply(input, state):
        print("asked for", input)
        if isinstance(input, str):
            return f"{state['greeting']} {input}"
        return input

    algorithm = ADK(apply, load)
    algorithm.init("Algorithmia")
"""
PLAIN = """
    import Algorithmia

    def apply(input):
        print("asked for", input)
        return f"Hello {input}" if isinstance(input, str) else input
"""
HANDLER = """
    import Algorithmia

    def load():
        return {"greeting": "Hello"}

    def apply(input, state):
        print("asked for", input)
        return f"{state['greeting']} {input}" if isinstance(input, str) else input

    Algorithmia.handler(apply, load).serve()
"""
TROUBLE = """
    import os, re, sys, threading, time
    import Algorithmia
    from Algorithmia import ADK
    from Algorithmia.errors import AlgorithmException

    def apply(input):
        match input:
            case "raise": raise ValueError("bad value")
            case "wordless": raise ValueError()
            case "typed": raise AlgorithmException("Type not supported", error_type="UnsupportedError")
            case "positional": raise AlgorithmException("text", "UnsupportedError")
            case "object": return {1, 2}
            case "exit":
                print("last words", file=sys.stderr)
                sys.exit(3)
            case "nothing": time.sleep(60)
            case "unreachable":
                elsewhere = re.sub(r":\\d+/", ":9/", os.environ["ALGORITHMIA_API"])
                return Algorithmia.client(api_address=elsewhere).username()
            case "afterwards":
                def talk():
                    for number in range(20_000):
                        print("nobody's line", number)
                threading.Thread(target=talk).start()
            case str(number) if number.isdigit():
                for line in range(int(number)):
                    print("x" * 99)
        return "fine"

    ADK(apply).init()
"""
CANNOT_LOAD = """
    from Algorithmia import ADK

    def load():
        raise RuntimeError("no model today")

    ADK(lambda input: input, load).init()
"""
INSIDE = """
    import Algorithmia
    from Algorithmia import ADK

    client = Algorithmia.client()

    def apply(input):
        match input["do"]:
            case "call": return client.algo(input["name"]).pipe(input["value"]).result
            case "whoami": return client.username()
            case "read": return client.file(input["path"]).getString()
            case "write":
                client.file(input["path"]).put(input["text"])
                return client.file(input["path"]).getString()
            case "keep":
                with open("/tmp/kept", "a") as kept:
                    kept.write(client.username() + " ")
                return open("/tmp/kept").read()

    ADK(apply).init()
"""

MODEL = """
    from Algorithmia import ADK

    def load(state):
        with open(state.get_model("words")) as model:
            state["words"] = model.read()
        return state

    def apply(input, state):
        return state["words"]

    ADK(apply, load).init()
"""


def repository(folder: Path, name: str, source: str, requirements: str = STOCK, module: str = "") -> Path:
    """Writes a repository as their templates have it."""
    code = folder / name
    (code / "src").mkdir(parents=True)
    (code / "algorithmia.conf").write_text(json.dumps({"username": "someone", "algoname": name, "langauge": "python3"}))
    (code / ("environment.yml" if requirements == CONDA else "requirements.txt")).write_text(requirements)
    (code / "src" / f"{module or name}.py").write_text(textwrap.dedent(source))
    (code / ".adk").touch()
    return code


@dataclass(frozen=True)
class Person:
    """Somebody with a key of their own."""

    name: str
    client: trivet.Client


LAYOUTS = {
    "LayoutKit": (KIT, STOCK, ""),
    "LayoutKitNew": (KIT, NEWEST, ""),
    "LayoutPlain": (PLAIN, STOCK, ""),
    "LayoutHandler": (HANDLER, STOCK, ""),
    "LayoutConda": (HANDLER, CONDA, "Algorithm"),
}


@pytest.fixture(scope="module")
def algorithms(client: trivet.Client, tmp_path_factory: pytest.TempPathFactory) -> trivet.Client:
    """The shared platform with every algorithm of this module deployed."""
    folder = tmp_path_factory.mktemp("algorithms")
    others = {"AlgoTrouble": TROUBLE, "AlgoCannotLoad": CANNOT_LOAD, "AlgoInside": INSIDE}
    programs = {**LAYOUTS, **{name: (source, STOCK, "") for name, source in others.items()}}
    for name, (source, requirements, module) in programs.items():
        (deployed,) = client.deploy(repository(folder, name, source, requirements, module))
        assert (deployed.name, deployed.state) == (f"admin/{name}", "ready")
    client.endpoints.update("admin/AlgoInside", visibility="public")
    return client


@pytest.fixture(scope="module")
def ben(algorithms: trivet.Client, platform: RunningPlatform) -> Iterator[Person]:
    """Somebody who owns none of the algorithms."""
    algorithms.accounts.create("algo_ben")
    key = algorithms.keys.create(account="algo_ben").key
    assert key is not None
    with trivet.Client(platform.url, key) as client:
        yield Person("algo_ben", client)


def inside(client: trivet.Client, do: str, **given: Any) -> Any:
    return client.endpoint("admin/AlgoInside").run({"do": do, **given}, timeout=60)


def failure(client: trivet.Client, name: str, value: Any) -> Any:
    """What is told of a job that has failed."""
    with pytest.raises(trivet.JobFailedError) as failed:
        client.endpoint(f"admin/{name}").run(value, timeout=60)
    return failed.value.error


# -- layouts --------------------------------------------------------------------------------------------------------------


def test_what_conda_alone_could_install_is_warned_of(algorithms: trivet.Client, tmp_path: Path) -> None:
    steps: list[str] = []
    code = repository(tmp_path, "LayoutConda", HANDLER, CONDA, "Algorithm")
    algorithms.deploy(code, held=True, on_event=lambda step: steps.append(step.text))
    told = "\n".join(steps)
    assert "not installed, as there is no conda here and pip has no such package: cudatoolkit=11.1." in told
    assert "asks for Python 3.6" in told


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_answers_text_and_json(name: str, algorithms: trivet.Client) -> None:
    endpoint = algorithms.endpoint(f"admin/{name}")
    value = {"a": [1, None, True, "ä"]}
    assert [endpoint.run("Bond", timeout=60), endpoint.run(value)] == ["Hello Bond", value]


@pytest.mark.parametrize("name", [name for name, (source, *_) in LAYOUTS.items() if source != HANDLER])
def test_bytes_go_in_and_come_out(name: str, algorithms: trivet.Client) -> None:
    assert algorithms.endpoint(f"admin/{name}").run(b"\x00\xff\n") == b"\x00\xff\n"


def test_a_handler_takes_no_bytes_as_it_never_did(algorithms: trivet.Client) -> None:
    error = failure(algorithms, "LayoutHandler", b"\x00")
    assert (error.type, error.message) == ("AlgorithmError", "string argument without an encoding")


@pytest.mark.parametrize("name", ["LayoutKit", "LayoutPlain", "LayoutHandler"])
def test_two_hundred_calls_in_a_row_lose_no_line(name: str, algorithms: trivet.Client) -> None:
    endpoint = algorithms.endpoint(f"admin/{name}")
    jobs = [endpoint.submit(str(number)) for number in range(200 if name == "LayoutKit" else 50)]
    outputs = [job.result(timeout=60) for job in jobs]
    assert outputs == [f"Hello {number}" for number in range(len(jobs))]
    printed = ["".join(line.text for line in job.logs()) for job in jobs]
    assert printed == [f"asked for {number}\n" for number in range(len(jobs))]


def test_one_deployment_answers_the_package_as_it_answers_us(
    algorithms: trivet.Client, platform: RunningPlatform
) -> None:
    program = "import Algorithmia; print(repr(Algorithmia.client().algo('admin/LayoutKit').pipe('Bond').result))"
    python = original_python(ALGORITHMIA_LATEST, "algorithmia")
    finished = run_original(python, program, pointing_algorithmia(platform.url, platform.key))
    assert finished.stdout == f"{algorithms.endpoint('admin/LayoutKit').run('Bond')!r}\n"


# -- failures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("raise", "AlgorithmError", "bad value"),
        ("typed", "UnsupportedError", "'Type not supported'"),
        ("positional", "AlgorithmError", "'text\\nUnsupportedError'"),
        ("object", "AlgorithmError", "Object of type set is not JSON serializable"),
        ("wordless", "AlgorithmError", "ValueError was raised without a message."),
        ("exit", "SystemExit", "exited with code 3"),
    ],
)
def test_what_goes_wrong_is_told_as_the_original_does(
    value: str, kind: str, message: str, algorithms: trivet.Client
) -> None:
    error = failure(algorithms, "AlgoTrouble", value)
    assert (error.type, error.message) == (kind, message)
    assert algorithms.endpoint("admin/AlgoTrouble").run("well?", timeout=60) == "fine"


@pytest.mark.parametrize("version", ALGORITHMIA_VERSIONS)
def test_both_generations_of_the_package_tell_of_an_exception_without_a_message(
    version: str, algorithms: trivet.Client, platform: RunningPlatform
) -> None:
    program = """
        import Algorithmia
        try:
            Algorithmia.client().algo("admin/AlgoTrouble").pipe("wordless")
        except Exception as error:
            print(type(error).__name__, error, error.error_type)
    """
    python = original_python(version, "algorithmia")
    finished = run_original(python, textwrap.dedent(program), pointing_algorithmia(platform.url, platform.key))
    told = "AlgorithmException 'ValueError was raised without a message.' AlgorithmError\n"
    assert finished.stdout == told, finished.stderr


def test_a_traceback_shows_the_authors_lines_and_the_end_of_one_that_exits_its_last_words(
    algorithms: trivet.Client,
) -> None:
    assert 'File "src/AlgoTrouble.py", line' in failure(algorithms, "AlgoTrouble", "raise").traceback
    assert "last words" in failure(algorithms, "AlgoTrouble", "exit").traceback


def test_an_algorithm_that_writes_nothing_times_out_and_the_next_call_is_answered(algorithms: trivet.Client) -> None:
    endpoint = algorithms.endpoint("admin/AlgoTrouble")
    with pytest.raises(trivet.JobTimedOutError):
        endpoint.run("nothing", job_timeout=1, timeout=60)
    assert endpoint.run("well?", timeout=60) == "fine"


def test_an_algorithm_that_prints_megabytes_answers(algorithms: trivet.Client) -> None:
    job = algorithms.endpoint("admin/AlgoTrouble").submit("30000")
    assert job.result(timeout=60) == "fine"
    assert 500_000 < sum(len(line.text) for line in job.logs()) < 1_100_000


def test_what_an_algorithm_prints_after_its_answer_holds_nothing_up(algorithms: trivet.Client) -> None:
    endpoint = algorithms.endpoint("admin/AlgoTrouble")
    endpoint.run("afterwards", timeout=60)
    assert [endpoint.run("well?", timeout=60) for _ in range(3)] == ["fine"] * 3


def test_an_error_of_the_network_does_not_tell_what_proves_who_asks(algorithms: trivet.Client) -> None:
    error = failure(algorithms, "AlgoTrouble", "unreachable")
    assert "port=9" in error.message
    assert re.search(r"/algorithmia/w/wrk_\w+\.…", error.message)
    assert not re.search(r"/algorithmia/w/wrk_\w+\.[0-9a-f]", error.message + error.traceback)


def test_what_cannot_load_says_so_at_every_call(algorithms: trivet.Client) -> None:
    told = [failure(algorithms, "AlgoCannotLoad", "x") for _ in range(2)]
    assert [(error.type, error.message) for error in told] == [("LoadingError", "no model today")] * 2


def test_what_cannot_be_imported_is_refused_in_the_authors_words(client: trivet.Client, tmp_path: Path) -> None:
    with pytest.raises(trivet.DeploymentError, match="No module named 'nothing_like_it'"):
        client.deploy(repository(tmp_path, "AlgoBroken", "import nothing_like_it\n", requirements=""))


# -- who it is inside -----------------------------------------------------------------------------------------------------


def test_an_algorithm_calls_others_and_is_its_caller(algorithms: trivet.Client, ben: Person) -> None:
    assert inside(algorithms, "call", name="admin/LayoutKit", value="you") == "Hello you"
    assert [inside(each, "whoami") for each in (algorithms, ben.client)] == ["admin", ben.name]
    with pytest.raises(trivet.JobFailedError, match="algorithm algo://admin/LayoutKit not found"):
        inside(ben.client, "call", name="admin/LayoutKit", value="me")


def test_data_of_the_algorithm_is_each_callers_own(algorithms: trivet.Client, ben: Person) -> None:
    path = "data://.algo/temp/note.txt"
    assert inside(algorithms, "write", path=path, text="admin's") == "admin's"
    assert inside(ben.client, "write", path=path, text="ben's") == "ben's"
    assert inside(algorithms, "read", path=path) == "admin's"
    assert ben.client.files.read("data://.algo/admin/AlgoInside/temp/note.txt") == b"ben's"


def test_nothing_in_tmp_is_there_for_another_account(algorithms: trivet.Client, ben: Person) -> None:
    algorithms.endpoints.update("admin/AlgoInside", workers=(0, 1))
    assert inside(algorithms, "keep").split() == ["admin"]
    assert inside(algorithms, "keep").split() == ["admin", "admin"]
    assert inside(ben.client, "keep").split() == [ben.name]
    assert not Path("/tmp/kept").exists()


# -- models ---------------------------------------------------------------------------------------------------------------


def frozen(source: str, content: bytes) -> str:
    """A manifest with the hash of its one file, as `algo freeze` leaves it."""
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    required = {"name": "words", "source_uri": source, "fail_on_tamper": True, "metadata": {}, "md5_checksum": checksum}
    manifest: dict[str, Any] = {"required_files": [required], "optional_files": [], "timestamp": "1735812000.5"}
    lock = hashlib.md5(str(manifest).encode(), usedforsecurity=False).hexdigest()
    return json.dumps({**manifest, "lock_checksum": lock})


def test_a_model_of_the_author_is_loaded_whoever_calls_unless_it_was_tampered_with(
    algorithms: trivet.Client, ben: Person, tmp_path: Path
) -> None:
    content, stored = b"the model's words", "data://.my/algo_models/words.txt"
    algorithms.files.create("data://.my/algo_models")
    algorithms.files.write(stored, content)
    for name, expected in (("AlgoModel", content), ("AlgoTampered", b"other words")):
        code = repository(tmp_path, name, MODEL)
        (code / "model_manifest.json.freeze").write_text(frozen("data://admin/algo_models/words.txt", expected))
        algorithms.deploy(code)
        algorithms.endpoints.update(f"admin/{name}", visibility="public", workers=(0, 1))
    for person in (algorithms, ben.client, algorithms):
        assert person.endpoint("admin/AlgoModel").run(None, timeout=60) == content.decode()
    error = failure(algorithms, "AlgoTampered", None)
    assert error.type == "LoadingError"
    assert "Model File Mismatch for words" in error.message


def test_a_manifest_is_frozen_when_it_is_deployed_and_the_version_keeps_to_it(
    algorithms: trivet.Client, ben: Person, tmp_path: Path
) -> None:
    source, stored = "data://admin/frozen_models/words.txt", "data://.my/frozen_models/words.txt"
    manifest = {
        "required_files": [{"name": "words", "source_uri": source, "fail_on_tamper": True}],
        "optional_files": [],
    }
    code = repository(tmp_path, "AlgoFrozen", MODEL)
    (code / "model_manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(trivet.DeploymentError, match="words can't be read, so it is not frozen"):
        algorithms.deploy(code)
    algorithms.files.create("data://.my/frozen_models")
    algorithms.files.write(stored, b"first words")
    with pytest.raises(trivet.DeploymentError, match="words can't be read"):
        ben.client.deploy(code)  # who may read it is the owner alone, and the owner's algorithms
    algorithms.deploy(code)
    algorithms.endpoints.update("admin/AlgoFrozen", visibility="public", workers=(0, 1))
    assert [each.endpoint("admin/AlgoFrozen").run(None, timeout=60) for each in (algorithms, ben.client)] == [
        "first words"
    ] * 2
    algorithms.files.write(stored, b"other words")
    error = failure(algorithms, "AlgoFrozen", None)  # another account's child is there: this one loads anew
    assert (error.type, "Model File Mismatch for words" in error.message) == ("LoadingError", True)
    algorithms.deploy(code)  # the very same code, with what is there now
    assert algorithms.endpoint("admin/AlgoFrozen").run(None, timeout=60) == "other words"


def test_a_held_build_is_called_by_its_hash_and_serves_when_it_is_published(
    algorithms: trivet.Client, platform: RunningPlatform, tmp_path: Path
) -> None:
    code = repository(tmp_path, "AlgoHeld", PLAIN)
    (held,) = algorithms.deploy(code, held=True)
    with pytest.raises(trivet.TrivetError):
        algorithms.endpoint("admin/AlgoHeld").run("Bond", timeout=60)
    program = """
        import Algorithmia
        client = Algorithmia.client()
        algo = client.algo("admin/AlgoHeld")
        digest = algo.versions(1)['results'][0]['version_info']['git_hash']
        print(client.algo(f"admin/AlgoHeld/{digest}").pipe("Bond").result)
        print(algo.publish(version_info={"version_type": "minor"})["version_info"]["semantic_version"])
        print(algo.pipe("Bond").result)
    """
    python = original_python(ALGORITHMIA_LATEST, "algorithmia")
    finished = run_original(python, textwrap.dedent(program), pointing_algorithmia(platform.url, platform.key))
    assert finished.stdout.splitlines() == ["Hello Bond", "0.1.0", "Hello Bond"], finished.stderr
    assert held.version.startswith("0.0.0-build.")


# -- the examples ---------------------------------------------------------------------------------------------------------


def test_the_examples_answer_under_the_names_that_the_guide_calls(
    platform: RunningPlatform, client: trivet.Client
) -> None:
    examples = {example.name: example for example in catalogue() if example.owner is not None}
    finished = platform.trivet("examples", "deploy", *examples, "--json", timeout=120)
    assert finished.returncode == 0, finished.stderr
    deployed = {each["name"]: each["version"] for each in map(json.loads, finished.stdout.splitlines())}
    assert deployed.keys() == {"demo/Hello", "nlp/LDA", "dlib/FaceDetection"}
    assert (deployed["nlp/LDA"], deployed["dlib/FaceDetection"]) == ("1.0.0", "0.2.1")
    assert client.endpoint("demo/Hello").run("Mr. Bond", timeout=60) == "Hello Mr. Bond"
    topics = client.endpoint("nlp/LDA").run(examples["lda"].sample_input, timeout=60)
    assert topics == [{"picking": 2}, {"apple": 1}, {"apples": 1, "ready": 1}, {"season": 1}]
    picture = next(example for example in catalogue() if example.name == "faces").sample_path
    if not client.files.exists("data://.my/img_directory"):
        client.files.create("data://.my/img_directory")
    client.files.upload(picture, "data://.my/img_directory/friends.jpg")
    (found,) = client.endpoint("dlib/FaceDetection").run(examples["face_detection"].sample_input, timeout=60)["images"]
    (face,) = found["detected_faces"]
    assert 0 <= face["left"] < face["right"]
    assert 0 <= face["top"] < face["bottom"]
    assert client.files.read("data://.algo/dlib/FaceDetection/temp/detected_faces.png").startswith(b"\x89PNG")
