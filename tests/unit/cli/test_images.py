"""``trivet deploy --image`` and ``trivet images``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import Server

NAME = "team/worker:1.0"
IMAGE = {
    "id": "img_1",
    "name": NAME,
    "owner": "admin",
    "hash": "ab" * 32,
    "host": "runpod",
    "kind": "sync",
    "created_at": "2026-11-21T08:00:00.000Z",
    "updated_at": "2026-11-21T08:05:00.000Z",
    "description": "It works.",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "worker"
    path.mkdir()
    (path / "main.py").write_text("x = 1\n")
    return path


@pytest.fixture
def platform(logged_in: Server) -> Server:
    """A platform that builds images, and has one."""
    ready = {
        "id": "d1",
        "state": "ready",
        "steps": [{"at": "2026-11-21T08:00:00.000Z", "text": "The image is published."}],
        "endpoints": [],
        "image": {"id": "img_1", "name": NAME},
    }
    logged_in.on("POST", "/deployments", lambda it: it.json(ready, 202))
    found = lambda it: [IMAGE] if it.query.get("name", NAME) == NAME else []  # noqa: E731 - a line of its own says less
    logged_in.on("GET", "/images", lambda it: it.json({"items": found(it), "next": None}))
    logged_in.on("DELETE", "/images/img_1", lambda it: it.answer(204))
    return logged_in


def test_people_are_told_that_the_image_is_ready(trivet: Trivet, platform: Server, source: Path) -> None:
    result = trivet("deploy", str(source), "--image", NAME)
    assert result.exit_code == 0
    assert "The image is published." in result.stderr
    assert f"The image {NAME} is ready." in result.stdout
    assert platform.seen[0].query == {"filename": "worker", "image": NAME}


def test_scripts_get_one_line(trivet: Trivet, platform: Server, source: Path) -> None:
    result = trivet("deploy", str(source), "--image", NAME, "--name", "team/", "--json")
    assert json.loads(result.stdout) == {"image": NAME, "id": "img_1", "state": "ready"}
    assert platform.seen[0].query["name"] == "team/"


@pytest.mark.parametrize(
    "option",
    [
        ("--name", "hello"),
        ("--name", "team/hello"),
        ("--version", "1.0.0"),
        ("--id", "abc"),
        ("--model-id", "5"),
        ("--workers", "0,1"),
        ("--canary", "0"),
        ("--held",),
    ],
)
def test_what_is_an_endpoints_is_wrong_usage_beside_an_image(
    trivet: Trivet, platform: Server, source: Path, option: tuple[str, ...]
) -> None:
    result = trivet("deploy", str(source), "--image", NAME, *option)
    assert result.exit_code == 2
    assert "only --name OWNER/" in result.stderr
    assert platform.seen == []


def test_images_are_listed(trivet: Trivet, platform: Server) -> None:
    assert json.loads(trivet("images", "ls", "--json").stdout)[0]["name"] == NAME
    table = trivet("images", "ls").stdout
    assert NAME in table
    assert "runpod" in table


@pytest.mark.parametrize("wanted", [NAME, "img_1"])
def test_an_image_is_shown_by_its_name_or_its_id(trivet: Trivet, platform: Server, wanted: str) -> None:
    assert "It works." in trivet("images", "show", wanted).stdout
    assert json.loads(trivet("images", "show", wanted, "--json").stdout)["id"] == "img_1"


def test_an_image_is_deleted_once_one_is_sure(trivet: Trivet, platform: Server) -> None:
    assert trivet("images", "delete", NAME, "--yes").exit_code == 0
    assert [(it.method, it.path) for it in platform.seen][-1] == ("DELETE", "/api/v1/images/img_1")


def test_an_image_that_is_not_there_says_where_to_look(trivet: Trivet, platform: Server) -> None:
    result = trivet("images", "show", "none")
    assert result.exit_code == 1
    assert "trivet images ls" in result.stderr
