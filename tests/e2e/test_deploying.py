"""Deployments: what is taken, what is refused, and what keeps serving meanwhile."""

from __future__ import annotations

import io
import json
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

import trivet
from tests.conftest import RunningPlatform

GOOD = """
import trivet

@trivet.endpoint
def {name}(x: int) -> int:
    return x + {n}
"""


def write(folder: Path, text: str, name: str = "main.py") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder


def upload(platform: RunningPlatform, body: bytes, filename: str) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(
        f"{platform.url}/api/v1/deployments?filename={filename}",
        data=body,
        headers={"Authorization": f"Bearer {platform.key}", "Content-Type": "application/gzip"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_an_image_is_built_and_kept_without_an_endpoint(platform: RunningPlatform, tmp_path: Path) -> None:
    folder = write(tmp_path / "picture", GOOD.format(name="picture", n=1))
    with trivet.Client(platform.url, platform.key) as client:
        told: list[str] = []
        image = client.images.publish(folder, "team/picture:1.0", on_event=lambda step: told.append(step.text))
        assert told[-1].startswith("The image team/picture:1.0 is published. Every account can use it")
        (listed,) = client.images.list("team/picture:1.0")
        assert (listed.id, listed.owner, listed.host, listed.kind) == (image.id, "admin", "decorated", "sync")
        assert "admin/picture" not in [endpoint.name for endpoint in client.endpoints.list()]
        client.images.delete(image.id)
        assert client.images.list("team/picture:1.0") == []


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info, data in members:
            info.size = len(data) if info.type == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info


def test_versions_follow_each_other_and_are_reached_by_reference(client: trivet.Client, tmp_path: Path) -> None:
    for n in (1, 2, 3):
        client.deploy(write(tmp_path / str(n), GOOD.format(name="stepper", n=n)))
    call = lambda ref: client.endpoint("admin/stepper", version=ref).run(0)  # noqa: E731 - shorter than a def, used thrice
    assert client.endpoint("admin/stepper").run(0) == 3
    assert [call("1.0.0"), call("1.1.0"), call("1"), call("~1.1.0")] == [1, 2, 3, 2]
    client.endpoints.rollback("admin/stepper")
    assert client.endpoint("admin/stepper").run(0) == 2
    assert call("1.2.0") == 3


def test_ids_may_be_chosen(client: trivet.Client, tmp_path: Path) -> None:
    folder = write(tmp_path / "f", GOOD.format(name="known", n=5))
    (deployed,) = client.deploy(folder, id="old-endpoint-id", model_id=1886, version="2.3.4")
    assert (deployed.id, deployed.model_id, deployed.version) == ("old-endpoint-id", 1886, "2.3.4")
    assert [client.endpoint(ref).run(1) for ref in ("admin/known", "old-endpoint-id", 1886)] == [6, 6, 6]
    with pytest.raises(trivet.DeploymentError, match="taken") as caught:
        client.deploy(write(tmp_path / "g", GOOD.format(name="other", n=1)), id="old-endpoint-id")
    assert caught.value.code == "conflict"


def test_a_failed_build_says_why_and_leaves_the_running_version_serving(client: trivet.Client, tmp_path: Path) -> None:
    client.deploy(write(tmp_path / "good", GOOD.format(name="steady", n=1)))
    bad = GOOD.format(name="steady", n=2) + "\nraise RuntimeError('this module does not load')\n"
    with pytest.raises(trivet.DeploymentError, match="this module does not load"):
        client.deploy(write(tmp_path / "bad", bad))
    unknown = GOOD.format(name="steady", n=2).replace(
        "endpoint", "endpoint(requirements=['trivet-no-such-package-xyz'])"
    )
    with pytest.raises(trivet.DeploymentError, match="trivet-no-such-package-xyz"):
        client.deploy(write(tmp_path / "unknown", unknown))
    assert client.endpoint("admin/steady").run(1) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [("def broken(:\n", "main.py"), ("x = 1\n", "endpoint")],
    ids=["syntax error", "no endpoint"],
)
def test_code_that_can_not_be_an_endpoint_is_refused(
    client: trivet.Client, tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(trivet.DeploymentError, match=words):
        client.deploy(write(tmp_path / "f", text))


CODE = GOOD.format(name="attack", n=1).encode()


@pytest.mark.parametrize(
    ("body", "filename", "words"),
    [
        (tar((member("main.py"), CODE), (member("../evil.py"), b"x")), "a.tar.gz", "evil"),
        (tar((member("main.py"), CODE), (member("/etc/evil"), b"x")), "a.tar.gz", "evil"),
        (tar((member("main.py"), CODE), (member("l", tarfile.SYMTYPE, "/etc/passwd"), b"")), "a.tar.gz", "link"),
        (tar((member("main.py"), CODE), (member("h", tarfile.LNKTYPE, "main.py"), b"")), "a.tar.gz", "link"),
        (b"this is no archive", "a.tar.gz", ""),
        (b"", "a.tar.gz", ""),
    ],
    ids=["climbing path", "absolute path", "symbolic link", "hard link", "no archive", "nothing"],
)
def test_an_archive_that_escapes_is_refused(platform: RunningPlatform, body: bytes, filename: str, words: str) -> None:
    status, problem = upload(platform, body, filename)
    assert (status, problem["code"]) == (422, "deployment_refused"), problem
    assert words in str(problem["detail"])


def test_a_zip_bomb_is_refused(platform: RunningPlatform) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.py", CODE)
        with archive.open("zeros.bin", "w", force_zip64=True) as member:
            for _ in range(1300):
                member.write(bytes(1 << 20))
    status, problem = upload(platform, buffer.getvalue(), "bomb.zip")
    assert (status, problem["code"]) == (422, "deployment_refused"), problem


def test_a_stranger_may_not_deploy_under_another_name(platform: RunningPlatform, tmp_path: Path) -> None:
    platform.trivet("accounts", "create", "carla")
    key = json.loads(platform.trivet("keys", "create", "--account", "carla", "--json").stdout)["key"]
    folder = write(tmp_path / "f", GOOD.format(name="mine", n=1))
    with trivet.Client(platform.url, key) as carla, pytest.raises(trivet.TrivetError) as caught:
        carla.deploy(folder, name="admin/mine")
    assert caught.value.status in (403, 404)


def test_an_administrator_may_deploy_under_an_owner_who_is_then_made(client: trivet.Client, tmp_path: Path) -> None:
    (deployed,) = client.deploy(write(tmp_path / "f", GOOD.format(name="lda", n=1)), name="nlp/LDA")
    assert deployed.name == "nlp/LDA"
    assert client.endpoint("nlp/lda").run(1) == 2


def test_a_secret_reaches_the_handler_and_nobody_else(
    platform: RunningPlatform, client: trivet.Client, tmp_path: Path
) -> None:
    client.secrets.set("TEST_TOKEN", "s3cr3t-value")
    text = (
        "import os\nimport trivet\n\n"
        "@trivet.endpoint(secrets=['TEST_TOKEN'])\ndef has_secret() -> bool:\n"
        "    return os.environ['TEST_TOKEN'] == 's3cr3t-value' and 'TRIVET_API_KEY' not in os.environ\n"
    )
    client.deploy(write(tmp_path / "f", text))
    assert client.endpoint("admin/has_secret").run() is True
    for file in (platform.data / "trivet.db", platform.data / "trivet.db-wal"):
        assert not file.exists() or b"s3cr3t-value" not in file.read_bytes()
    assert b"s3cr3t-value" not in json.dumps([str(s) for s in client.secrets.list()]).encode()


READS_AT_IMPORT = """
import os

import trivet.runpod as runpod

MODEL, TOKEN = os.environ["MODEL_NAME"], os.environ["PROGRAMS_TOKEN"]

def handler(job):
    return {"model": MODEL[:4], "letters": len(TOKEN), "number": NUMBER}

NUMBER = 1
runpod.serverless.start({"handler": handler})
"""


def test_a_program_that_reads_its_environment_when_it_is_loaded_is_deployed_as_it_is(
    platform: RunningPlatform, client: trivet.Client, tmp_path: Path
) -> None:
    folder = write(tmp_path / "reader", READS_AT_IMPORT, "handler.py")
    with pytest.raises(trivet.DeploymentError, match="KeyError: 'MODEL_NAME'") as caught:
        client.deploy(folder)
    assert "--env MODEL_NAME=VALUE" in caught.value.hint
    client.secrets.set("PROGRAMS_TOKEN", "not-to-be-seen")
    client.deploy(folder, env={"MODEL_NAME": "tiny-and-never-seen"}, secrets=["PROGRAMS_TOKEN"])
    expected = {"model": "tiny", "letters": len("not-to-be-seen")}
    assert client.endpoint("admin/reader").run({}) == {**expected, "number": 1}
    shown = client.endpoints.get("admin/reader")
    assert (shown.settings["env"], shown.settings["secrets"]) == (["MODEL_NAME"], ["PROGRAMS_TOKEN"])
    assert "never-seen" not in json.dumps(shown.to_dict())

    told: list[str] = []
    write(folder, READS_AT_IMPORT.replace("NUMBER = 1", "NUMBER = 2"), "handler.py")
    client.deploy(folder, on_event=lambda step: told.append(step.text))
    assert [text for text in told if "keeps the variable MODEL_NAME and the secret PROGRAMS_TOKEN" in text]
    assert client.endpoint("admin/reader").run({}) == {**expected, "number": 2}
    for file in (platform.data / "trivet.db", platform.data / "trivet.db-wal"):
        assert not file.exists() or b"never-seen" not in file.read_bytes()
