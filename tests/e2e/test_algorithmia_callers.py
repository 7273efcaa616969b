"""Programs that call and keep data through the published `algorithmia` package, unmodified, in both of its generations.

What they call are native functions, so that what is tested here is the caller's side alone.
"""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.conftest import PROGRAMS
from tests.e2e.originals import (
    ALGORITHMIA_LATEST,
    ALGORITHMIA_VERSIONS,
    original_python,
    pointing_algorithmia,
    run_original,
)

PREAMBLE = """
import base64, json, os, sys
import Algorithmia
from Algorithmia.acl import ReadAcl, AclType
from Algorithmia.algorithm import OutputType
client = Algorithmia.client()
found = {}

def told(name, act):
    try:
        value = act()
        found[name] = {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
    except Exception as error:
        found[name] = {
            "raised": type(error).__name__,
            "text": str(error),
            "message": getattr(error, "message", None),
            "error_type": getattr(error, "error_type", None),
        }
"""
CALLS = """
hello, echo = client.algo("admin/AlgoHello"), client.algo("admin/AlgoEcho")
told("greeting", lambda: hello.pipe("Mr. Bond").result)
for number, value in enumerate(["text", "", {"a": [1, None, "ä"]}, None, 3, True, [1.5], b"\\x00\\xff", bytearray(b"b")]):
    told(f"echo {number}", lambda: echo.pipe(value).result)
for version in ("1.0.0", "1.0.*", "1", "latest", "latestPrivate", os.environ["HASH"]):
    told(f"version {version}"[:15], lambda: client.algo(f"admin/AlgoHello/{version}").pipe("x").result)
told("by id", lambda: client.manageApi and client.algo("algo://admin/AlgoHello").pipe("x").result)
told("metadata", lambda: hello.pipe("y").metadata.full_metadata)
told("stdout", lambda: client.algo("admin/AlgoHello").set_options(timeout=60, stdout=True).pipe("y").metadata.stdout)
told("raw", lambda: client.algo("admin/AlgoHello").set_options(output=OutputType.raw).pipe("é"))
told("void", lambda: client.algo("admin/AlgoHello").set_options(output=OutputType.void).pipe("é").async_protocol)
told("unknown", lambda: client.algo("util/whoopsWrongAlgo").pipe("Hello, world!"))
told("no version", lambda: client.algo("admin/AlgoHello/9.9").pipe("x"))
told("error", lambda: client.algo("admin/AlgoTrouble").pipe("bad value"))
told("timeout", lambda: client.algo("admin/AlgoTrouble").set_options(timeout=1).pipe("sleep"))
told("exit", lambda: client.algo("admin/AlgoTrouble").pipe("exit"))
told("large result", lambda: client.algo("admin/AlgoTrouble").pipe("large"))
told("large input", lambda: echo.pipe(b"x" * (10 * 1024 * 1024 + 1)))
told("most input", lambda: len(echo.pipe(b"x" * (10 * 1024 * 1024)).result))
told("no key", lambda: Algorithmia.client("").algo("admin/AlgoHello").pipe("x"))
told("wrong key", lambda: Algorithmia.client("simWrong").algo("admin/AlgoHello").pipe("x"))
told("simple", lambda: Algorithmia.client("Simple " + client.apiKey).algo("admin/AlgoHello").pipe("x").result)
told("bearer", lambda: Algorithmia.client("Bearer " + client.apiKey).algo("admin/AlgoHello").pipe("x").result)
told("in a row", lambda: [hello.pipe(str(number)).result for number in range(100)] == [f"Hello {n}" for n in range(100)])
os.environ["ALGORITHMIA_API"] = client.apiAddress
told("insights elsewhere", lambda: str(type(client.report_insights({"a": 1})).__name__))
print(json.dumps(found))
"""
DATA = """
name = os.environ["COLLECTION"]
user = next(client.dir("").list()).path
directory = client.dir(f"data://{user}/{name}")
told("user", lambda: user)
told("exists", directory.exists)
told("create", directory.create)
told("created", directory.exists)
told("again", directory.create)
told("default", lambda: directory.get_permissions().read_acl.acl_string)
told("public", lambda: directory.update_permissions(ReadAcl.public))
told("now public", lambda: directory.get_permissions().read_acl.acl_string)
told("private", lambda: directory.update_permissions(ReadAcl.private))
told("now private", lambda: directory.get_permissions().read_acl.acl_string)
told("with acl", lambda: client.dir(f"data://.my/{name}2").create(ReadAcl.public))
told("kept acl", lambda: client.dir(f"data://.my/{name}2").get_permissions().read_acl.acl_string)
file = client.file(f"data://.my/{name}/fri ends+é.txt")
told("no file", file.exists)
told("no read", file.getString)
told("no delete", file.delete)
told("put", lambda: file.put("héllo") is file)
told("is there", file.exists)
told("string", file.getString)
told("bytes", file.getBytes)
told("file", lambda: file.getFile().read())
told("lines", lambda: client.file(file.path).readlines())
told("json", lambda: client.file(f"data://.my/{name}/j.json").putJson({"a": [1]}).getJson())
told("number", lambda: client.file(f"data://.my/{name}/n").put("42").getString())
told("binary", lambda: client.file(f"data://.my/{name}/b").put(b"\\xff\\x00").getBytes())
open("empty", "w").close()
told("empty", lambda: client.file(f"data://.my/{name}/e").putFile("empty").getBytes())
open("large", "wb").write(b"\\xff0123456" * 400_000)
told("large", lambda: client.file(f"data://.my/{name}/l").putFile("large").getBytes() == open("large", "rb").read())
if hasattr(file, "putAsZip"):
    told("zip", lambda: open(client.file(f"data://.my/{name}/z").putAsZip("empty").getAsZip()).read())
told("files", lambda: [each.getName() for each in directory.files()])
told("sizes", lambda: {each.getName(): each.size for each in directory.files()})
told("year", lambda: next(directory.files()).last_modified.year > 2000)
told("dirs", lambda: [each.getName() for each in client.dir("data://.my").dirs() if each.getName().startswith(name)])
for number in range(3):
    client.dir(f"data://.my/{name}").file(f"m{number}").put("x")
told("not empty", directory.delete)
told("forced", lambda: directory.delete(force=True))
told("gone", directory.exists)
told("no parent", lambda: client.file(f"data://.my/{name}/x").put("x"))
told("connector", lambda: client.file("s3+lab://bucket/k").existsWithError())
told("session", lambda: client.file("data://.session/x").existsWithError()[0])
told("stranger", lambda: Algorithmia.client(os.environ["STRANGER"]).file(f"data://{user}/{name}2/x").existsWithError())
told("force", lambda: client.dir(f"data://.my/{name}2").delete(True))
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Told:
    """What the programs of one version of the package were told."""

    version: str
    calls: Mapping[str, Any]
    data: Mapping[str, Any]

    def raised(self, name: str, part: str = "calls") -> Mapping[str, Any]:
        """The error that stands under a name."""
        found: Mapping[str, Any] = getattr(self, part)[name]
        assert "raised" in found, found
        return found


@pytest.fixture(scope="module")
def functions(client: trivet.Client) -> trivet.Client:
    """The shared platform with what the programs call."""
    client.deploy(PROGRAMS / "algorithmia_functions.py")
    return client


def answer(version: str, script: str, env: Mapping[str, str]) -> Mapping[str, Any]:
    done = run_original(original_python(version, "algorithmia"), PREAMBLE + script, env, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.fixture(scope="module", params=ALGORITHMIA_VERSIONS)
def told(request: pytest.FixtureRequest, platform: RunningPlatform, functions: trivet.Client) -> Told:
    version = str(request.param)
    env = pointing_algorithmia(platform.url, platform.key)
    digest = functions.endpoints.version("admin/AlgoHello", "latest").hash
    assert digest is not None
    name = f"algorithmia_{version.replace('.', '_')}"
    stranger = f"stranger-{version.replace('.', '-')}"
    functions.accounts.create(stranger)
    key = functions.keys.create(account=stranger, label="test").key
    assert key is not None
    calls = answer(version, CALLS, {**env, "HASH": digest[:40]})
    data = answer(version, DATA, {**env, "COLLECTION": name, "STRANGER": key})
    return Told(version, calls, data)


def test_the_guides_first_call_answers(told: Told) -> None:
    assert told.calls["greeting"] == "Hello Mr. Bond"
    assert told.calls["in a row"] is True


def test_every_kind_of_input_comes_back_as_it_was(told: Told) -> None:
    found = [told.calls[f"echo {number}"] for number in range(9)]
    assert found == ["text", "", {"a": [1, None, "ä"]}, None, 3, True, [1.5], {"bytes": "AP8="}, {"bytes": "Yg=="}]


def test_every_reference_to_a_version_is_understood(told: Told) -> None:
    found = {name: result for name, result in told.calls.items() if name.startswith("version ")}
    assert len(found) == 6
    assert set(found.values()) == {"Hello x"}
    assert told.calls["by id"] == "Hello x"


def test_metadata_has_what_the_package_needs_and_stdout_where_it_was_asked_for(told: Told) -> None:
    metadata = told.calls["metadata"]
    assert set(metadata) == {"content_type", "duration", "request_id"}
    assert metadata["content_type"] == "text"
    assert told.calls["stdout"] == "greeting y\n"


def test_raw_and_void_outputs(told: Told) -> None:
    assert told.calls["raw"] == "Hello é"
    assert told.calls["void"] == "void"


@pytest.mark.parametrize(
    ("name", "message", "error_type"),
    [
        ("unknown", "algorithm algo://util/whoopsWrongAlgo not found", "EntityNotFoundError"),
        ("error", "bad value", "AlgorithmError"),
        ("timeout", "Operation timed out after 1000 millis", "TimeoutError"),
        ("no key", "authorization required", "SystemError"),
    ],
)
def test_errors_arrive_with_their_message_and_their_type(told: Told, name: str, message: str, error_type: str) -> None:
    error = told.raised(name)
    assert (error["raised"], error["message"], error["error_type"]) == ("AlgorithmException", message, error_type)
    assert error["text"] == repr(message)


@pytest.mark.parametrize(
    ("name", "text", "error_type"),
    [
        ("no version", "algorithm algo://admin/AlgoHello/9.9 not found", "EntityNotFoundError"),
        ("exit", "exit", "SystemExit"),
        ("large result", "over the limit", "TooLargeError"),
        ("large input", "over the limit", "TooLargeError"),
        ("wrong key", "API key", "SystemError"),
    ],
)
def test_other_errors_say_what_to_do(told: Told, name: str, text: str, error_type: str) -> None:
    error = told.raised(name)
    assert (error["raised"], error["error_type"]) == ("AlgorithmException", error_type)
    assert text in error["message"]


def test_the_largest_input_is_taken(told: Told) -> None:
    assert told.calls["most input"] == 10 * 1024 * 1024


def test_a_key_may_come_with_a_word_before_it(told: Told) -> None:
    assert told.calls["simple"] == told.calls["bearer"] == "Hello x"


def test_insights_from_elsewhere_are_answered_and_harm_nobody(told: Told) -> None:
    assert told.calls["insights elsewhere"] == "Insights"


def test_directories_are_made_and_shared_in_the_packages_words(told: Told) -> None:
    data = told.data
    assert data["user"] == "admin"
    assert (data["exists"], data["created"]) == (False, True)
    assert "raised" in data["again"]
    assert (data["default"], data["now public"], data["now private"]) == ("algo://.my/*", "user://*", None)
    assert data["kept acl"] == "user://*"
    assert data["public"] is data["private"] is True


def test_files_come_back_as_they_were_whatever_their_name(told: Told) -> None:
    data = told.data
    assert (data["no file"], data["put"], data["is there"]) == (False, True, True)
    assert data["string"] == data["file"] == "héllo"
    assert data["lines"] == ["héllo"]
    assert data["bytes"] == {"bytes": "aMOpbGxv"}
    assert data["json"] == {"a": [1]}
    assert data["number"] == "42"
    assert data["binary"] == {"bytes": "/wA="}
    assert data["empty"] == {"bytes": ""}
    assert data["large"] is True
    assert data.get("zip", "") == ""
    assert data["files"][:4] == ["b", "e", "fri ends+é.txt", "j.json"]
    assert data["sizes"]["l"] == 3_200_000
    assert data["year"] is True


def test_a_directory_that_holds_files_goes_by_force(told: Told) -> None:
    data = told.data
    assert len(data["dirs"]) == 2
    assert "files in it" in told.raised("not empty", "data")["text"]
    assert (data["forced"], data["gone"]) == (True, False)


def test_what_is_wrong_with_data_is_said(told: Told) -> None:
    assert "There is no file" in told.raised("no read", "data")["text"]
    assert told.raised("no delete", "data")["raised"] == "DataApiError"
    assert "raised" in told.data["no parent"]
    assert told.data["connector"][0] is False
    assert "connectors" in told.data["connector"][1]
    assert told.data["session"] is False
    assert told.data["stranger"][0] is False


def test_one_deployment_answers_algorithmias_package_and_our_client_alike(told: Told, functions: trivet.Client) -> None:
    value = {"a": [1, None, "ä"]}
    assert functions.endpoint("admin/AlgoEcho").run({"value": value}) == told.calls["echo 2"] == value


@pytest.mark.parametrize("framing", ["content-length: 1000000", "transfer-encoding: chunked"])
def test_an_upload_that_dies_leaves_the_old_file_whole(
    platform: RunningPlatform, client: trivet.Client, framing: str
) -> None:
    uri = f"data://.my/broken_{framing[0]}/f"
    client.files.create(uri.rpartition("/")[0])
    client.files.write(uri, b"old")
    host, _, port = platform.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"PUT /algorithmia/v1/data/{uri.removeprefix('data://')} HTTP/1.1\r\nhost: x\r\nauthorization: {platform.key}\r\n"
        connection.sendall(f"{head}{framing}\r\n\r\n1000\r\n".encode() + b"n" * 500)
    assert client.files.read(uri) == b"old"
    client.files.write(uri, b"new")
    assert client.files.read(uri) == b"new"


# -- the command line of the package


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="trivet-original-") as folder:
        yield Path(folder)


def test_the_original_command_line_works(home: Path, platform: RunningPlatform, functions: trivet.Client) -> None:
    program = original_python(ALGORITHMIA_LATEST, "algorithmia").with_name("algo")
    address = f"{platform.url}/algorithmia"
    config = home / ".algorithmia" / "config"
    config.parent.mkdir()
    profile = (
        f'[profiles.default]\napi_key = "{platform.key}"\napi_server = "{address}"\nca_cert = ""\nbearer_token = ""\n'
    )
    config.write_text(profile)

    def algo(*words: str) -> str:
        environ = {"HOME": str(home), "PATH": str(program.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [str(program), *words],
            env=environ, cwd=home, stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    (home / "note.txt").write_text("hé\n")
    assert algo("run", "admin/AlgoHello", "-d", "Bond") == "Hello Bond"
    assert algo("run", "admin/AlgoEcho", "-j", '{"a": 1}') == "{'a': 1}"
    assert algo("run", "admin/AlgoHello", "-t", "Bond", "--timeout", "60") == "Hello Bond"
    algo("mkdir", "data://.my/algo_cli")
    assert "algo_cli" in algo("ls", "data://.my/")
    algo("cp", "./note.txt", "data://.my/algo_cli/note.txt")
    algo("cp", "./note.txt", "data://.my/algo_cli")
    assert algo("cat", "data://.my/algo_cli/note.txt") == "hé"
    assert "note.txt" in algo("ls", "-l", "data://.my/algo_cli/")
    algo("cp", "data://.my/algo_cli/note.txt", "./back.txt")
    assert (home / "back.txt").read_text() == "hé\n"
    algo("rm", "data://.my/algo_cli/note.txt")
    assert "does not exist" in algo("cat", "data://.my/algo_cli/note.txt")
    algo("rmdir", "data://.my/algo_cli")
    assert "algo_cli" not in algo("ls", "data://.my/")
