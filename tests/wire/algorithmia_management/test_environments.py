"""Languages, environments and templates over the wire; and the paths that are not there."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from tests.wire.algorithmia_management.world import Desk, refused
from trivet.platform.dialects.algorithmia.management import template

EDGE = "/algorithm-environments/edge"


def test_the_language_leads_to_an_environment_and_that_to_its_template(desk: Desk) -> None:
    languages = desk.ask("GET", f"{EDGE}/languages").json
    assert [each["name"] for each in languages] == ["python3"]
    assert "requirements.txt" in json.loads(languages[0]["configuration"])["req_files"]
    found = desk.ask("GET", f"{EDGE}/languages/python3/environments").json["environments"]
    assert [each["machine_type"] for each in found] == ["CPU"]
    specification = found[0]["environment_specification_id"]
    packed = desk.ask("GET", f"{EDGE}/environment-specifications/{specification}/template", token=None)
    assert packed.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in packed.headers
    with tarfile.open(fileobj=io.BytesIO(packed.body), mode="r:gz") as archive:
        names = archive.getnames()
        configuration = archive.extractfile("algorithmia.conf")
        assert configuration is not None
        assert json.load(configuration)["algoname"] == "__ALGO__"
    assert names == ["algorithmia.conf", "requirements.txt", "src/__ALGO__.py", "src/__init__.py"]
    made = desk.create(algorithm_environment=found[0]["id"])
    assert made["settings"]["algorithm_environment"] == found[0]["id"]


def test_unknown_languages_and_specifications_say_which_there_are(desk: Desk) -> None:
    status, code, message = refused(desk.ask("GET", f"{EDGE}/languages/java/environments"))
    assert (status, code) == (400, 4001)
    assert "python3" in message
    unknown = desk.ask("GET", f"{EDGE}/environment-specifications/none/template")
    assert refused(unknown)[:2] == (404, 4001)


def test_a_package_is_the_same_bytes_each_time_and_greets() -> None:
    files = template.files_for("ann", "Hello")
    assert set(files) == {"algorithmia.conf", "requirements.txt", "src/Hello.py", "src/__init__.py"}
    assert json.loads(files["algorithmia.conf"]) == {"username": "ann", "algoname": "Hello", "language": "python3"}
    assert template.pack(files) == template.pack(dict(reversed(files.items())))
    assert template.digest_of(template.pack(files)) != template.digest_of(
        template.pack(template.files_for("ben", "Hello"))
    )
    module: dict[str, object] = {}
    exec(files["src/Hello.py"], module)
    apply = module["apply"]
    assert callable(apply)
    assert apply("Bond") == "hello Bond"


def test_sources_lie_on_the_platform(desk: Desk) -> None:
    found = desk.ask("GET", "/scms").json["results"]
    assert found == [{"id": "internal", "provider": "internal", "name": "", "default": True, "enabled": True}]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/admin/keys"),
        ("POST", "/users/admin/event-listeners"),
        ("GET", "/admin/scms"),
        ("GET", "/admin/usage/users"),
        ("POST", "/admin/reservations"),
        ("GET", "/algorithms/admin/Hello/log"),
    ],
)
def test_what_is_not_there_says_so(desk: Desk, method: str, path: str) -> None:
    status, code, message = refused(desk.ask(method, path))
    assert (status, code) == (501, 5005)
    assert message.startswith("not implemented: ")
