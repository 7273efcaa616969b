"""The code blocks of Algorithmia's Python client guide run here as they stand there, with the published package, on the examples.

A reader types them into one interpreter, each after the other, and so are they run: by both generations of the package, each as
a reader of its own. The guide's own placeholders are filled in, nothing else. Then: what else it promises in words.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import tempfile
import textwrap
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import ALGORITHMIA_LATEST, ALGORITHMIA_VERSIONS, original_python, pointing, run_original
from trivet.examples import catalogue
from trivet.platform.dialects.algorithmia.management.routes import ROUTES

EXAMPLES = ("greeting", "hello_algorithm", "lda", "face_detection")
"""What is deployed: the algorithms of the guide, and a function that was never one."""
DOCUMENTS = {"docsList": ["It's apple picking season", "The apples are ready for picking"]}
TOPICS = [{"picking": 2}, {"apple": 1}, {"apples": 1, "ready": 1}, {"season": 1}]
"""What the guide says that its documents give."""
PNG = "89504e47"
SAME_FOR_ALL = {
    "scms",
    "secret-provider",
    "organization/types",
    "algorithm-environments/edge/languages",
    "algorithm-environments/edge/languages/{language}/environments",
}
"""Routes of the management API that say nothing about anybody."""
NOWHERE = "http://127.0.0.1:9"

# -- the blocks of the guide: what each is called here, its code, and what is looked at afterwards

BLOCKS = (
    (
        "client",
        """
        import Algorithmia

        # Authenticate with your API key
        apiKey = "YOUR_API_KEY"
        # Create the Algorithmia client object
        client = Algorithmia.client(apiKey)
        """,
        "client.username()",
    ),
    (
        "endpoint",
        """
        client = Algorithmia.client("YOUR_API_KEY", "https://mylocalendpoint")
        """,
        "client.username()",
    ),
    (
        "algo",
        """
        algo = client.algo("demo/Hello")
        """,
        None,
    ),
    (
        "pipe",
        """
        response = algo.pipe("Mr. Bond")
        print(response.result)
        """,
        "response.metadata.content_type",
    ),
    (
        "json",
        """
        algoJSON = client.algo('nlp/LDA/1.0.0')
        input = {
            "docsList": [
                "It's apple picking season",
                "The apples are ready for picking"
            ]
        }
        response = algoJSON.pipe(input)
        print(response.result)
        """,
        "response.metadata.content_type",
    ),
    (
        "options",
        """
        algo.set_options(timeout=60, stdout=False)
        """,
        "[algo.pipe('Mr. Bond').result, algo.pipe('Mr. Bond').metadata.stdout]",
    ),
    (
        "error",
        """
        client.algo('util/whoopsWrongAlgo').pipe('Hello, world!')
        """,
        None,
    ),
    (
        "directory",
        """
        from Algorithmia.acl import ReadAcl, AclType
        # Instantiate a DataDirectory object, set your data URI and call create
        img_directory = client.dir("data://YOUR_USERNAME/img_directory")
        # Create your data collection if it does not exist
        if not img_directory.exists():
            img_directory.create()
        # Change permissions on your data collection to public
        img_directory.update_permissions(ReadAcl.public)
        """,
        "[img_directory.exists(), img_directory.get_permissions().read_acl == AclType.public]",
    ),
    (
        "name of the file",
        """
        img_file = "data://.my/img_directory/friends.jpg"
        """,
        "client.file(img_file).exists()",
    ),
    (
        "upload",
        """
        if not client.file(img_file).exists():
            # Upload local file
            client.file(img_file).putFile("/your_local_path_to_file/friends.jpg")
        """,
        "client.file(img_file).getBytes() == open('/your_local_path_to_file/friends.jpg', 'rb').read()",
    ),
    (
        "face detection",
        """
        # Create the algorithm object
        algoCV = client.algo('dlib/FaceDetection/0.2.1')

        input = {
            "images": [
                {
                    "url": "data://.my/img_directory/friends.jpg",
                    "output": "data://.algo/temp/detected_faces.png"
                }
            ]
        }

        # Invoke algorithm with error handling
        try:
            # Get the summary result of your file's contents
            response = algoCV.pipe(input)
        except Exception as error:
            # Algorithm error if, for example, the input is not correctly formatted
            print(error)
        """,
        "response.result",
    ),
    (
        "name of the result",
        """
        download_uri = "data://.algo/dlib/FaceDetection/temp/detected_faces.png"
        """,
        "client.file(download_uri).exists()",
    ),
    (
        "download to a file",
        """
        # Download the file
        if client.file(download_uri).exists():
            local_file = client.file(download_uri).getFile()
        """,
        "open(local_file.name, 'rb').read(4).hex()",
    ),
    (
        "download of bytes",
        """
        # Download contents of file as bytes
        if client.file(download_uri).exists():
            image_data = client.file(download_uri).getBytes()
        """,
        "[image_data[:4].hex(), image_data == open(local_file.name, 'rb').read()]",
    ),
    (
        # The guide has no block for the third form: it says so in words, of a file that is text.
        "download of text",
        """
        client.file("data://.my/img_directory/friends.txt").put("Ann, Ben and Zoë")
        text = client.file("data://.my/img_directory/friends.txt").getString()
        """,
        "text",
    ),
    (
        # Its variables come from a model that the guide does not show.
        "insights",
        """
        risk_score, approved = 0.08, 1
        # Report Algorithmia Insights
        client.report_insights({"risk_score": risk_score, "approved": approved})
        """,
        None,
    ),
)

INTERPRETER = """
import contextlib, io, json, os

session = {}
for name, code, look in json.loads(os.environ["BLOCKS"]):
    printed, told = io.StringIO(), {}
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, name, "exec"), session)
        told["seen"] = eval(look, session) if look else None
    except Exception as error:
        told["raised"] = {"type": type(error).__name__, "text": str(error)}
    print(json.dumps({"block": name, "printed": printed.getvalue(), **told}))
"""
"""What a reader's interpreter does: each block in turn, in the same namespace, going on after an error."""

CURIOUS = """
import os

import requests
from Algorithmia import ADK


def apply(asked):
    address = os.environ["ALGORITHMIA_API"]
    return [requests.request(method, f"{address}/v1/{path}", json=body).status_code for method, path, body in asked]


ADK(apply).init()
"""
"""An algorithm that asks for what is none of its business, at the address that it has."""

CREDIT_SCORING = """
import Algorithmia
from Algorithmia import ADK

client = Algorithmia.client()


def apply(income):
    risk_score, approved = 0.08, 1
    # Report Algorithmia Insights
    client.report_insights({"risk_score": risk_score, "approved": approved})
    return {"approved": approved, "risk_score": risk_score}


ADK(apply).init()
"""
"""The credit scoring model of which the guide shows the one line."""


# -- a fresh platform with the examples


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    """A platform that has the bundled examples of the guide, and one that is none."""
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


@pytest.fixture(scope="module")
def client(platform: RunningPlatform) -> Iterator[trivet.Client]:
    with trivet.Client(platform.url, platform.key) as client:
        yield client


@dataclass(frozen=True)
class Reader:
    """Somebody who has typed the guide's blocks, and what came of each."""

    version: str
    account: str
    key: str
    blocks: Mapping[str, Mapping[str, Any]]

    def saw(self, block: str) -> Any:
        """What was looked at after a block; it must have ended well."""
        told = self.blocks[block]
        assert "raised" not in told, told
        return told["seen"]

    def read(self, block: str) -> str:
        """What a block printed; it must have ended well."""
        self.saw(block)
        printed: str = self.blocks[block]["printed"]
        return printed


@pytest.fixture(scope="module", params=reversed(ALGORITHMIA_VERSIONS))
def reader(
    request: pytest.FixtureRequest,
    platform: RunningPlatform,
    client: trivet.Client,
    tmp_path_factory: pytest.TempPathFactory,
) -> Reader:
    """The newest package has who set the platform up; the older an account like any, once the algorithms are public."""
    version = str(request.param)
    account, key = ("admin", platform.key) if version == ALGORITHMIA_LATEST else newcomer(platform, client, "jo")
    folder = tmp_path_factory.mktemp("photos")
    photo = next(example for example in catalogue() if example.name == "faces").sample_path
    shutil.copy(photo, folder / "friends.jpg")
    places = {
        "YOUR_API_KEY": key,
        "https://mylocalendpoint": f"{platform.url}/algorithmia",
        "YOUR_USERNAME": account,
        "/your_local_path_to_file": str(folder),
    }
    blocks = json.dumps([[name, textwrap.dedent(code), look] for name, code, look in BLOCKS])
    for placeholder, value in places.items():
        blocks = blocks.replace(placeholder, value)
    env = {"BLOCKS": blocks, "ALGORITHMIA_API": f"{platform.url}/algorithmia"}
    done = run_original(original_python(version, "algorithmia"), INTERPRETER, env)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return Reader(version, account, key, {each["block"]: each for each in told})


def newcomer(platform: RunningPlatform, client: trivet.Client, name: str) -> tuple[str, str]:
    """An account that owns nothing, with its key, where everybody may call the examples."""
    for algorithm in ("demo/Hello", "nlp/LDA", "dlib/FaceDetection"):
        shared = platform.trivet("endpoints", "share", algorithm, "--public")
        assert shared.returncode == 0, shared.stderr
    client.accounts.create(name)
    key = client.keys.create(account=name).key
    assert key is not None
    return name, key


# -- set up the client


def test_the_client_knows_whose_key_it_has(reader: Reader) -> None:
    assert reader.saw("client") == reader.account


def test_the_client_takes_an_endpoint(reader: Reader) -> None:
    assert reader.saw("endpoint") == reader.account


@pytest.mark.parametrize("version", ALGORITHMIA_VERSIONS)
def test_the_endpoint_may_stand_in_the_program_or_in_the_environment(version: str, platform: RunningPlatform) -> None:
    """In the program it counts more; the environment alone is what two lines in the shell make of it."""
    python = original_python(version, "algorithmia")
    call = "print(client.algo('demo/Hello').pipe('Mr. Bond').result)"
    given = f"import Algorithmia\nclient = Algorithmia.client({platform.key!r}, '{platform.url}/algorithmia')\n{call}"
    done = run_original(python, given, {"ALGORITHMIA_API": NOWHERE, "ALGORITHMIA_API_KEY": "simWrong"})
    assert done.stdout == "Hello Mr. Bond\n", done.stderr
    found = f"import Algorithmia\nclient = Algorithmia.client()\n{call}"
    shell = subprocess.run(
        ["bash", "-c", 'eval "$(trivet env algorithmia)" && exec "$0" -c "$1"', str(python), found],
        env={**platform.env, "HOME": str(platform.folder)}, cwd=platform.folder, stdin=subprocess.DEVNULL,
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert shell.stdout == "Hello Mr. Bond\n", shell.stderr


# -- calling an algorithm


def test_a_text_is_piped_and_answered(reader: Reader) -> None:
    assert reader.saw("algo") is None
    assert (reader.read("pipe"), reader.saw("pipe")) == ("Hello Mr. Bond\n", "text")


def test_json_gives_exactly_what_the_guide_says(reader: Reader) -> None:
    assert ast.literal_eval(reader.read("json")) == TOPICS
    assert reader.read("json") == f"{TOPICS}\n"
    assert reader.saw("json") == "json"


def test_options_are_set_and_the_call_still_answers(reader: Reader) -> None:
    assert reader.saw("options") == ["Hello Mr. Bond", None]


def test_an_algorithm_that_is_not_there_raises_with_the_guides_text(reader: Reader) -> None:
    raised = reader.blocks["error"]["raised"]
    assert raised["type"] == "AlgorithmException"  # the guide has a name of it that the package no longer has
    assert raised["text"].strip("'") == "algorithm algo://util/whoopsWrongAlgo not found"


# -- working with data


def test_a_directory_is_made_and_shown_to_everybody(
    reader: Reader, platform: RunningPlatform, client: trivet.Client
) -> None:
    assert reader.saw("directory") == [True, True]
    stranger = f"stranger-{reader.account}"
    client.accounts.create(stranger)
    key = client.keys.create(account=stranger).key
    with trivet.Client(platform.url, key) as theirs:
        photo = theirs.files.read(f"data://{reader.account}/img_directory/friends.jpg")
        with pytest.raises(trivet.PermissionDeniedError):
            theirs.files.write(f"data://{reader.account}/img_directory/friends.jpg", b"another")
    with trivet.Client(platform.url, reader.key) as ours:
        assert photo == ours.files.read("data://.my/img_directory/friends.jpg")


def test_a_file_is_uploaded_whole(reader: Reader) -> None:
    assert reader.saw("name of the file") is False
    assert reader.saw("upload") is True


def test_faces_are_found_in_the_file(reader: Reader) -> None:
    (found,) = reader.saw("face detection")["images"]
    assert reader.read("face detection") == ""
    assert (found["url"], found["output"]) == (
        "data://.my/img_directory/friends.jpg",
        "data://.algo/temp/detected_faces.png",
    )
    (face,) = found["detected_faces"]
    assert 0 <= face["left"] < face["right"]
    assert 0 <= face["top"] < face["bottom"]


def test_the_result_is_downloaded_in_three_forms(reader: Reader) -> None:
    assert reader.saw("name of the result") is True
    assert reader.saw("download to a file") == PNG
    assert reader.saw("download of bytes") == [PNG, True]
    assert reader.saw("download of text") == "Ann, Ben and Zoë"


def test_what_the_algorithm_keeps_for_one_reader_is_not_there_for_another(
    reader: Reader, platform: RunningPlatform, client: trivet.Client
) -> None:
    other = f"other-{reader.account}"
    client.accounts.create(other)
    with trivet.Client(platform.url, client.keys.create(account=other).key) as theirs:
        assert not theirs.files.exists("data://.algo/dlib/FaceDetection/temp/detected_faces.png")


# -- inside an algorithm


def repository(folder: Path, source: str) -> Path:
    """Writes an algorithm's repository, named as its folder."""
    (folder / "src").mkdir(parents=True)
    (folder / "algorithmia.conf").write_text(json.dumps({"username": "admin", "algoname": folder.name}))
    (folder / "requirements.txt").write_text("algorithmia>=1.0.0,<2.0\n")
    (folder / "src" / f"{folder.name}.py").write_text(source)
    return folder


def fetched(platform: RunningPlatform, path: str) -> Any:
    """What the administrator's key finds at a path."""
    asking = urllib.request.Request(f"{platform.url}{path}", headers={"Authorization": f"Bearer {platform.key}"})
    with urllib.request.urlopen(asking, timeout=30) as answer:
        return json.load(answer)


def test_an_algorithm_can_not_manage_what_its_caller_can(
    platform: RunningPlatform, client: trivet.Client, tmp_path: Path
) -> None:
    """Asked by the administrator, who may do all of it: on every route there is, but those that tell everybody the same."""
    body = {"name": "Mine", "username": "eve", "org_name": "evil", "secret_key": "A", "secret_value": "b"}
    body["type_id"] = fetched(platform, "/algorithmia/v1/organization/types")[0]["id"]
    parts = {"algorithm": "admin/hello", "owner": "admin", "user": "admin", "organization": "acme"}
    client.orgs.create("acme")
    asked = []
    for route in ROUTES:
        if route.path in SAME_FOR_ALL or route.is_open:
            continue
        path = re.sub(r"{(\w+)}", lambda part: parts.get(part[1], "x"), route.path)
        asked.append((route.method, path, None if route.method in ("GET", "DELETE") else body))
    before = client.endpoints.get("admin/hello")
    client.deploy(repository(tmp_path / "Curious", CURIOUS))
    statuses = client.endpoint("admin/Curious").run(asked, timeout=60)
    let_in = [each for each, status in zip(asked, statuses, strict=True) if status not in (403, 404, 501)]
    assert not let_in
    assert 403 in statuses
    assert client.endpoints.get("admin/hello") == before
    assert [each.name for each in client.orgs.list()] == ["acme"]


# -- insights


def test_insights_from_elsewhere_are_answered(reader: Reader) -> None:
    assert reader.saw("insights") is None


def test_insights_from_inside_an_algorithm_are_kept_with_its_job(
    platform: RunningPlatform, client: trivet.Client, tmp_path: Path
) -> None:
    client.deploy(repository(tmp_path / "CreditScoring", CREDIT_SCORING))
    call = f"""import Algorithmia, json
response = Algorithmia.client({platform.key!r}).algo("admin/CreditScoring").pipe(1200)
print(json.dumps([response.result, response.metadata.full_metadata["request_id"]]))"""
    env = {"ALGORITHMIA_API": f"{platform.url}/algorithmia"}
    done = run_original(original_python(ALGORITHMIA_LATEST, "algorithmia"), call, env)
    assert done.returncode == 0, done.stderr
    output, job = json.loads(done.stdout)
    assert output == {"approved": 1, "risk_score": 0.08}
    reported = fetched(platform, f"/api/v1/jobs/{job}/insights")["items"]
    assert {each["key"]: each["value"] for each in reported} == output


# -- one deployment, three clients


def test_one_deployment_answers_three_clients_alike(platform: RunningPlatform, client: trivet.Client) -> None:
    """A decorated function and two algorithms, by Algorithmia's package, RunPod's and ours."""
    calls: list[tuple[str, Any]] = [
        ("admin/hello", {"name": "Bond", "times": 2}),
        ("nlp/LDA", DOCUMENTS),
        ("demo/Hello", "Mr. Bond"),
    ]
    ours = [client.endpoint(name).run(value, timeout=60) for name, value in calls]
    assert ours == ["Hello Bond Hello Bond", TOPICS, "Hello Mr. Bond"]

    theirs = f"""import Algorithmia, json
client = Algorithmia.client({platform.key!r}, "{platform.url}/algorithmia")
print(json.dumps([client.algo(name).pipe(value).result for name, value in {calls!r}]))"""
    algorithmia = run_original(original_python(ALGORITHMIA_LATEST, "algorithmia"), theirs, {})
    assert algorithmia.returncode == 0, algorithmia.stderr

    by_id = [(client.endpoints.get(name).id, value) for name, value in calls]
    program = f"""import json, os, runpod
runpod.api_key = os.environ["RUNPOD_API_KEY"]
outputs = [runpod.Endpoint(id).run_sync({{"input": value}}, timeout=60) for id, value in {by_id!r}]
print(json.dumps(outputs))"""
    runpod = run_original(original_python(), program, pointing(platform.url, platform.key))
    assert runpod.returncode == 0, runpod.stderr

    assert [json.loads(each.stdout.splitlines()[-1]) for each in (algorithmia, runpod)] == [ours, ours]
