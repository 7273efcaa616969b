"""`trivet.algorithmia` in place of Algorithmia's package: the same names, the same guide, the same scripts, the same output.

The guide's blocks and a longer script run twice on one platform, each as an account of its own: with the original and with ours,
with nothing but the import changed. What they print is laid side by side.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import ALGORITHMIA_LATEST, ALGORITHMIA_VERSIONS, original_python, run_original
from tests.e2e.test_algorithmia_guide import BLOCKS, INTERPRETER, TOPICS
from trivet.examples import catalogue

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "drop-in-algorithmia.md"
THEIRS, OURS = "original", "dropin"
"""Who runs a script: the original, or ours. Also the names of their accounts."""

# -- names

NAMES = """
import importlib, inspect, json, os
package = os.environ["PACKAGE"]
modules = ["", "client", "algorithm", "algo_response", "async_response", "acl", "data", "datafile", "datadirectory",
           "errors", "handler", "insights", "util"]

def described(thing):
    parameters = inspect.signature(thing).parameters.values()
    return [[each.name, each.kind.name, each.default is not each.empty] for each in parameters]

told = {}
for module in modules:
    name = ".".join(filter(None, [package, module]))
    for key, thing in vars(importlib.import_module(name)).items() if package == "Algorithmia" else ():
        here = getattr(thing, "__module__", name).startswith("Algorithmia") or key.startswith(("ADK", "api", "default"))
        if key.startswith("_") or inspect.ismodule(thing) or not here:
            continue
        path = ".".join(filter(None, [module, key]))
        told[path] = described(thing) if inspect.isfunction(thing) else None
        for verb, member in vars(thing).items() if inspect.isclass(thing) else ():
            if not verb.startswith("_"):
                member = member.__func__ if isinstance(member, staticmethod) else member
                told[f"{path}.{verb}"] = described(member) if inspect.isfunction(member) else None

wanted = json.loads(os.environ.get("WANTED", "[]"))
for path in wanted:
    module, _, rest = path.partition(".")
    if module not in modules or not rest:
        module, rest = "", path
    thing = importlib.import_module(".".join(filter(None, [package, module])))
    try:
        for part in rest.split("."):
            thing = inspect.getattr_static(thing, part) if inspect.isclass(thing) else getattr(thing, part)
    except AttributeError:
        continue
    thing = thing.__func__ if isinstance(thing, staticmethod) else thing
    told[path] = described(thing) if inspect.isfunction(thing) else None
print(json.dumps(told))
"""
"""Tells the public names of a package with what they take; of ours, those that are wanted."""

NOT_HERE = {
    "Client.catCerts": "an inner verb: it writes certificates to a temporary file",
    "Client.exit_handler": "an inner verb: it deletes that file",
    "Client.getStreamHelper": "an inner verb: its answer is the requests library's; `getFile` streams",
    "Client.handle": "that file's descriptor",
    "Client.requestSession": "the requests library's; there is none here",
    "Handler.is_binary": "an inner verb",
    "Handler.wrap_binary_data": "an inner verb",
    "datafile.localPutHelper": "an inner verb",
    "client.isJson": "an inner verb",
}
"""Names of the original that ours does not have, and why; the guide's page lists them."""
INSTANCE = {"apiKey", "apiAddress", "bearerToken", "ca_cert"}
"""What the original has as attributes of the class, too, and ours of the object alone."""


def names(python: Path | str, **environ: str) -> dict[str, Any]:
    done = run_original(Path(python), NAMES, environ)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("version", ALGORITHMIA_VERSIONS)
def test_every_name_of_the_original_is_here_and_takes_what_it_takes(version: str) -> None:
    theirs = names(original_python(version, "algorithmia"), PACKAGE="Algorithmia")
    ours = names(sys.executable, PACKAGE="trivet.algorithmia", WANTED=json.dumps(sorted(theirs)))
    assert len(theirs) > 150
    missing = {path for path in theirs if path not in ours and not _is_excused(path)}
    assert not missing
    for path in theirs.keys() & ours.keys():
        if theirs[path] is not None:
            assert _takes(ours[path] or [], theirs[path]), f"{path}: {ours[path]} instead of {theirs[path]}"


def _is_excused(path: str) -> bool:
    *_, last = path.split(".")
    return any(path.endswith(name) for name in NOT_HERE) or last in INSTANCE


def _takes(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether a call that theirs takes is one that ours takes, too."""
    mine, wanted = ([each for each in function if not each[1].startswith("VAR")] for function in (ours, theirs))
    if len(mine) < len(wanted) or not all(has_default for _, _, has_default in mine[len(wanted) :]):
        return False
    if {each[1] for each in theirs if each[1].startswith("VAR")} - {each[1] for each in ours}:
        return False
    return all(
        (given[:2] == asked[:2] or asked[0] == "self" or asked[0].startswith("_")) and given[2] >= asked[2]
        for given, asked in zip(mine, wanted, strict=False)
    )


# -- a fresh platform


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    folder = Path(tempfile.mkdtemp(prefix="trivet-dropin-"))
    running = RunningPlatform(folder)
    try:
        running.start()
        deployed = running.trivet("examples", "deploy", "hello_algorithm", "lda", "face_detection", timeout=300)
        assert deployed.returncode == 0, f"{deployed.stdout}{deployed.stderr}"
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def client(platform: RunningPlatform) -> Iterator[trivet.Client]:
    with trivet.Client(platform.url, platform.key) as client:
        yield client


@dataclass(frozen=True)
class Runner:
    """Somebody who runs scripts, with one of the two packages."""

    name: str
    key: str
    url: str

    def run(self, script: str, **environ: str) -> list[str]:
        """What a script printed, without the runner's own name in it."""
        python = Path(sys.executable)
        if self.name == THEIRS:
            python = original_python(ALGORITHMIA_LATEST, "algorithmia")
        else:
            script = script.replace("import Algorithmia", "import trivet.algorithmia as Algorithmia")
            script = script.replace("from Algorithmia", "from trivet.algorithmia")
        env = {"ALGORITHMIA_API": f"{self.url}/algorithmia", "ALGORITHMIA_API_KEY": self.key, **environ}
        done = run_original(python, script, env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.replace(self.name, "me").splitlines()


@pytest.fixture(scope="module")
def runners(platform: RunningPlatform, client: trivet.Client) -> tuple[Runner, Runner]:
    for algorithm in ("demo/Hello", "nlp/LDA", "dlib/FaceDetection"):
        client.endpoints.update(algorithm, visibility="public")
    made = []
    for name in (THEIRS, OURS):
        client.accounts.create(name)
        made.append(Runner(name, str(client.keys.create(account=name).key), platform.url))
    return made[0], made[1]


# -- the guide


@pytest.fixture(scope="module")
def read(
    runners: tuple[Runner, Runner], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Mapping[str, Any]]]:
    """What came of each block of the guide: with the original, and with ours."""
    folder = tmp_path_factory.mktemp("photos")
    photo = next(example for example in catalogue() if example.name == "faces").sample_path
    shutil.copy(photo, folder / "friends.jpg")

    def reading(runner: Runner) -> dict[str, Mapping[str, Any]]:
        blocks = json.dumps([[name, textwrap.dedent(code), look] for name, code, look in BLOCKS])
        places = {
            "YOUR_API_KEY": runner.key,
            "https://mylocalendpoint": f"{runner.url}/algorithmia",
            "YOUR_USERNAME": runner.name,
            "/your_local_path_to_file": str(folder),
        }
        if runner.name == OURS:
            places["import Algorithmia"] = "import trivet.algorithmia as Algorithmia"
            places["from Algorithmia"] = "from trivet.algorithmia"
        for placeholder, value in places.items():
            blocks = blocks.replace(placeholder, value)
        lines = runner.run(INTERPRETER, BLOCKS=blocks)
        return {told["block"]: told for told in map(json.loads, lines)}

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(reading, runners))


@pytest.mark.parametrize("block", [name for name, _, _ in BLOCKS])
def test_each_block_of_the_guide_does_the_same_with_either(
    block: str, read: list[dict[str, Mapping[str, Any]]]
) -> None:
    theirs, ours = read
    assert ours[block] == theirs[block]


def test_the_guide_s_blocks_do_what_the_guide_says(read: list[dict[str, Mapping[str, Any]]]) -> None:
    _, ours = read
    assert ours["pipe"]["printed"] == "Hello Mr. Bond\n"
    assert ours["json"]["printed"] == f"{TOPICS}\n"
    assert ours["error"]["raised"]["text"] == "'algorithm algo://util/whoopsWrongAlgo not found'"
    assert ours["directory"]["seen"] == [True, True]
    assert ours["download of text"]["seen"] == "Ann, Ben and Zoë"
    assert [name for name, told in ours.items() if "raised" in told] == ["error"]


# -- the page about it


@pytest.mark.usefixtures("read")
def test_the_programs_on_the_page_about_it_run(runners: tuple[Runner, Runner]) -> None:
    _, ours = runners
    _, awaited, kit = re.findall(r"```py\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert ours.run(awaited) == ["['Hello Ann', 'Hello Ben']"]
    assert ours.run(kit) == ["loading complete", '{"result": "Hello Mr. Bond", "metadata": {"content_type": "text"}}']


# -- longer scripts

DATA = """
import os, tempfile
import Algorithmia
from Algorithmia.acl import ReadAcl
from Algorithmia.algorithm import OutputType
from Algorithmia.errors import ApiError, DataApiError

def tried(verb):
    try:
        return verb()
    except (ApiError, ValueError, TypeError) as error:
        kinds = [kind.__name__ for kind in (DataApiError, ApiError, ValueError, TypeError) if isinstance(error, kind)]
        return kinds[0] if kinds[0] == "DataApiError" else "refused", str(error)

client = Algorithmia.client()
hello = client.algo("algo://demo/Hello")
print(hello.path, hello.username, hello.algoname, hello.url)
response = hello.pipe({"name": [1, None, "Zoë"]})
print(response.result, response.metadata.content_type, sorted(response.metadata.full_metadata))
print(hello.pipe(b"\\xff\\x00").result)
print(hello.set_options(timeout=20, stdout=True).pipe("x").metadata.stdout)
print(client.algo("demo/Hello").set_options(output=OutputType.raw).pipe("Zoë"))
print(client.algo("demo/Hello").set_options(output=OutputType.void).pipe("x").async_protocol)
print(tried(lambda: client.algo("nobody")), client.algo("demo/Hello").exists(), client.algo("demo/None").exists())

folder = client.dir("data://.my/things")
print(folder.exists(), folder.create(ReadAcl.private), folder.exists(), folder.get_permissions().read_acl)
print(folder.update_permissions(ReadAcl.my_algos), folder.get_permissions().read_acl, folder.getName())
print(tried(lambda: folder.file("none").getString()), folder.file("none").exists())
note = folder.file("a note.txt")
note.put("Zoë\\nand Ann\\n")
print(note.exists(), note.getString(), note.getBytes(), note.getFile().readlines(), note.getName())
print(client.file("data://.my/things/a note.txt").readlines())
print(folder.file("j.json").putJson({"a": [1, None]}).getJson(), tried(lambda: folder.file("j").put(3)))
local = tempfile.mkdtemp()
with open(f"{local}/big", "wb") as file:
    file.write(bytes(range(256)) * 8000)
open(f"{local}/empty", "wb").close()
for name in ("big", "empty"):
    folder.file(name).putFile(f"{local}/{name}")
    with open(folder.file(name).getFile(as_path=True), "rb") as file:
        print(len(file.read()))
print(sorted(os.listdir(folder.file("z.zip").putAsZip(local).getAsZip())))
print([(each.path, each.is_file(), each.get_type().name, getattr(each, "size", None)) for each in folder.list()])
print([each.last_modified.tzinfo for each in folder.files()], list(folder.dirs()), sorted(os.listdir(folder.getDir())))
print([each.path for each in client.dir("data://.my").dirs()], client.username())
print(note.delete(), note.exists(), tried(note.delete), tried(folder.delete), folder.delete(force=True), folder.exists())
print(tried(lambda: folder.update_permissions(ReadAcl.public)))
Algorithmia.apiKey = os.environ["ALGORITHMIA_API_KEY"]
print(Algorithmia.algo("demo/Hello").pipe("x").result, Algorithmia.file("data://.my/no/no").exists())
"""

OWNER = """
import Algorithmia

client = Algorithmia.client()
environment = client.get_environment("python3")["environments"][0]["id"]
mine = client.algo("YOUR_USERNAME/Mine")
made = mine.create(
    {"label": "Mine"},
    {"algorithm_environment": environment, "source_visibility": "closed", "license": "apl", "network_access": "full",
     "pipeline_enabled": True},
)
print(made["name"], mine.exists(), mine.compile()["compilation"]["successful"])
print(mine.publish(version_info={"version_type": "minor"})["version_info"]["semantic_version"])
print(mine.pipe("x").result, len(mine.versions(published=True)["results"]), sorted(mine.info()))
build = mine.get_builds()["results"][0]["build_id"]
print(mine.get_build(build)["status"], sorted(mine.get_build_logs(build)), mine.get_scm_status())
print(sorted(client.scms()), sorted(each["name"] for each in client.get_org_types()))
print([each["name"] for each in client.get_supported_languages()], client.get_organization_errors("nobody"))
"""


TRIED_OUT = """
import io, sys
from Algorithmia import ADK

def load(state):
    state["times"] = 2
    return state

ADK(lambda value, state: {"result": value * state["times"]}, load).init(21)
ADK(lambda value: value[::-1]).init("Zoë", pprint=lambda answer: print("shown", answer))
ADK(lambda value: bytes([255, 0])).init({})
sys.stdin = io.StringIO('{"content_type": "text", "data": "Ann"}\\n{"content_type": "binary", "data": "/wA="}\\n')
ADK(lambda value: [type(value).__name__, len(value)]).init()
"""


@pytest.mark.parametrize("script", [DATA, OWNER, TRIED_OUT], ids=["data", "owner", "kit"])
def test_the_same_script_prints_the_same_with_either(script: str, runners: tuple[Runner, Runner]) -> None:
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(lambda runner: runner.run(script.replace("YOUR_USERNAME", runner.name)), runners)
    assert ours == theirs
    assert ours


def test_an_address_of_no_server_and_a_key_that_does_not_count_are_said(runners: tuple[Runner, Runner]) -> None:
    _, ours = runners
    (told,) = ours.run(
        """
import Algorithmia
client = Algorithmia.client("simWrong")
try:
    client.algo("demo/Hello").pipe("x")
except Algorithmia.errors.AlgoException as error:
    print(error)
"""
    )
    assert "key" in told


# -- inside an algorithm

KIT = """
import trivet.algorithmia as Algorithmia
from trivet.algorithmia import ADK

client = Algorithmia.client()


def load(state):
    state["greeting"] = "Dear"
    return state


def apply(name, state):
    if name == "bad":
        raise Algorithmia.errors.AlgorithmException("not that", error_type="InputError")
    client.report_insights({"length": len(name)})
    client.file("data://.algo/temp/names").put(name)
    return [state["greeting"], client.algo("demo/Hello").pipe(name).result, client.file("data://.algo/temp/names").getString()]


ADK(apply, load).init("Jane")
"""
OLDER = """
import trivet.algorithmia as Algorithmia


def apply(value, greeting):
    return bytes(reversed(value)) if isinstance(value, bytes) else f"{greeting} {value}"


Algorithmia.handler(apply, lambda: "hello").serve()
"""


def deployed(client: trivet.Client, folder: Path, source: str) -> str:
    """Deploys an algorithm that needs nothing but ours, which every worker has."""
    (folder / "src").mkdir(parents=True)
    (folder / "algorithmia.conf").write_text(json.dumps({"username": "admin", "algoname": folder.name}))
    (folder / "src" / f"{folder.name}.py").write_text(source)
    client.deploy(folder)
    return f"admin/{folder.name}"


def test_an_algorithm_made_with_our_kit_serves(
    platform: RunningPlatform, client: trivet.Client, tmp_path: Path
) -> None:
    import trivet.algorithmia as Algorithmia  # noqa: N812 - as programs name it

    algo = Algorithmia.client(platform.key, f"{platform.url}/algorithmia").algo(deployed(client, tmp_path / "Kit", KIT))
    response = algo.pipe("Ann")
    assert response.result == ["Dear", "Hello Ann", "Ann"]
    assert response.metadata.content_type == "json"
    with pytest.raises(Algorithmia.errors.AlgoException, match="not that") as caught:
        algo.pipe("bad")
    assert caught.value.error_type == "InputError"
    assert algo.pipe("Ben").result[1:] == ["Hello Ben", "Ben"]


def test_an_algorithm_of_the_older_form_serves(
    platform: RunningPlatform, client: trivet.Client, tmp_path: Path
) -> None:
    import trivet.algorithmia as Algorithmia  # noqa: N812 - as programs name it

    algo = Algorithmia.client(platform.key, f"{platform.url}/algorithmia").algo(
        deployed(client, tmp_path / "Older", OLDER)
    )
    assert algo.pipe("Ann").result == "hello Ann"
    assert algo.pipe(b"\x01\xff").result == b"\xff\x01"
