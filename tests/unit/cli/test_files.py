"""``trivet files``: what is copied where, and what is wrong usage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import Exchange, Server
from trivet.cli.files import size_in_words


def entry(kind: str, uri: str, **more: Any) -> dict[str, Any]:
    name = uri.rpartition("/")[2]
    return {"type": kind, "uri": uri, "name": name, "modified_at": "2026-11-21T08:00:00.000Z", **more}


PHOTO = entry("file", "data://admin/photos/photo.jpg", size=48_211, content_type="image/jpeg", md5="ab" * 16)
PHOTOS = entry("collection", "data://admin/photos", acl="public")


def give(exchange: Exchange) -> None:
    if exchange.query.get("info"):
        exchange.json(PHOTO)
    else:
        exchange.answer(200, b"the photo", Content_Type="image/jpeg", X_Data_Type="file", ETag='"v1"')


@pytest.fixture
def platform(logged_in: Server) -> Server:
    """A platform with one collection and one file."""
    logged_in.on("GET", "/files", lambda it: it.json({"items": [entry("owner", "data://admin")], "next": None}))
    logged_in.on("GET", "/files/.my", lambda it: it.json({"items": [PHOTOS], "next": None}))
    logged_in.on("GET", "/files/.my/photos", lambda it: it.json({"items": [PHOTO], "next": None}))
    logged_in.on("GET", "/files/.my/photos/photo.jpg", give)
    for name in ("photo.jpg", "a.txt", "b.txt"):
        uri = f"data://admin/photos/{name}"
        answer = entry("file", uri, size=3)
        logged_in.on("PUT", f"/files/.my/photos/{name}", lambda it, answer=answer: it.json(answer))  # type: ignore[misc]
    logged_in.on("POST", "/files/.my", lambda it: it.json(PHOTOS, 201))
    logged_in.on("PATCH", "/files/.my/photos", lambda it: it.json({**PHOTOS, "acl": "private"}))
    logged_in.on("DELETE", "/files/.my/photos/photo.jpg", lambda it: it.json({"deleted": 1}))
    return logged_in


def asked(server: Server) -> list[str]:
    return [f"{it.method} {it.path.removeprefix('/api/v1/files')}" for it in server.seen]


# -- ls


def test_collections_files_and_owners_are_listed(trivet: Trivet, platform: Server) -> None:
    collections = trivet("files", "ls")
    assert collections.exit_code == 0
    assert next(line.split() for line in collections.stdout.splitlines()) == ["NAME", "READABLE", "BY", "AGE"]
    assert "photos" in collections.stdout
    assert "public" in collections.stdout
    found = trivet("files", "ls", "data://.my/photos")
    assert "photo.jpg  48.2 kB  image/jpeg" in found.stdout
    assert trivet("files", "ls", "data://.my/photos/photo.jpg").stdout == found.stdout
    assert "admin" in trivet("files", "ls", "data://").stdout


def test_scripts_get_a_list_of_documents(trivet: Trivet, platform: Server) -> None:
    (found,) = json.loads(trivet("files", "ls", "data://.my/photos", "--json").stdout)
    assert (found["uri"], found["size"], found["md5"]) == (PHOTO["uri"], 48_211, "ab" * 16)


def test_an_empty_collection_is_said_to_be_empty(trivet: Trivet, platform: Server) -> None:
    platform.on("GET", "/files/.my/photos", lambda it: it.json({"items": [], "next": None}))
    result = trivet("files", "ls", "data://.my/photos")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing in data://.my/photos" in result.stderr


# -- cp


def test_a_file_is_copied_there_and_back(trivet: Trivet, platform: Server, tmp_path: Path) -> None:
    local = tmp_path / "photo.jpg"
    local.write_bytes(b"foo")
    there = trivet("files", "cp", str(local), "data://.my/photos/photo.jpg")
    assert (there.exit_code, there.stdout) == (0, "")
    assert "data://admin/photos/photo.jpg (3 B)" in there.stderr
    assert platform.seen[0].body == b"foo"
    back = trivet("files", "cp", "data://.my/photos/photo.jpg", str(tmp_path / "copy.jpg"))
    assert back.exit_code == 0
    assert (tmp_path / "copy.jpg").read_bytes() == b"the photo"
    assert trivet("files", "cp", "data://.my/photos/photo.jpg", str(tmp_path)).exit_code == 0
    assert local.read_bytes() == b"the photo"


def test_several_files_go_into_a_collection_that_is_made(trivet: Trivet, platform: Server, tmp_path: Path) -> None:
    locals_ = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in locals_:
        path.write_text(path.name)
    words = ("files", "cp", *map(str, locals_), "data://.my/photos/", "--create")
    assert trivet(*words).exit_code == 0
    assert asked(platform) == ["POST /.my", "PUT /.my/photos/a.txt", "PUT /.my/photos/b.txt"]
    platform.on("POST", "/files/.my", lambda it: it.problem(409, "conflict", detail="It is there."))
    assert trivet(*words).exit_code == 0


def test_a_collection_that_is_not_there_is_said_to_be_missing(trivet: Trivet, platform: Server, tmp_path: Path) -> None:
    local = tmp_path / "a.txt"
    local.touch()
    result = trivet("files", "cp", str(local), "data://.my/nothing/a.txt")
    assert result.exit_code == 1
    assert "trivet files mkdir data://.my/nothing" in result.stderr


def test_standard_input_and_output_take_part(trivet: Trivet, platform: Server) -> None:
    assert trivet("files", "cp", "-", "data://.my/photos/a.txt", input=b"\x00from stdin").exit_code == 0
    assert platform.seen[0].body == b"\x00from stdin"
    out = trivet("files", "cp", "data://.my/photos/photo.jpg", "-")
    assert (out.exit_code, out.stdout_bytes) == (0, b"the photo")


def test_a_file_is_copied_within_the_hosted_data(trivet: Trivet, platform: Server) -> None:
    result = trivet("files", "cp", "data://.my/photos/photo.jpg", "data://.my/photos/a.txt")
    assert result.exit_code == 0
    assert (platform.seen[-1].body, platform.seen[-1].headers["content-type"]) == (b"the photo", "image/jpeg")


def test_what_is_there_can_be_left_alone(trivet: Trivet, platform: Server, tmp_path: Path) -> None:
    local = tmp_path / "photo.jpg"
    local.write_bytes(b"mine")
    assert trivet("files", "cp", "-n", "data://.my/photos/photo.jpg", str(tmp_path)).exit_code == 1
    assert local.read_bytes() == b"mine"
    trivet("files", "cp", "--no-clobber", str(local), "data://.my/photos/photo.jpg")
    assert platform.seen[-1].headers["if-none-match"] == "*"


@pytest.mark.parametrize(
    "words",
    [
        ("a.txt", "b.txt"),
        ("-", "-"),
        ("a.txt", "data://.my/photos/x.txt", "y.txt"),
        ("a.txt", "b.txt", "data://.my/photos/x.txt"),
        ("a.txt", "data://.my"),
        ("-", "data://.my/photos/"),
        ("data://.my/photos/a.txt", "data://.my/photos/b.txt", "no-such-folder"),
        ("data://.my/photos/photo.jpg", "x", "--create"),
        ("data://.my/photos/photo.jpg",),
    ],
)
def test_what_can_not_be_copied_is_wrong_usage(trivet: Trivet, platform: Server, words: tuple[str, ...]) -> None:
    assert trivet("files", "cp", *words).exit_code == 2
    assert platform.seen == []


def test_a_local_file_that_is_not_there_fails(trivet: Trivet, platform: Server, tmp_path: Path) -> None:
    result = trivet("files", "cp", str(tmp_path / "nothing"), "data://.my/photos/a.txt")
    assert result.exit_code == 1
    assert "No such file" in result.stderr


# -- rm, mkdir, acl


def test_files_and_collections_are_deleted(trivet: Trivet, platform: Server) -> None:
    platform.on("DELETE", "/files/.my/photos", lambda it: it.problem(409, "conflict", detail="It has files."))
    assert trivet("files", "rm", "data://.my/photos/photo.jpg").exit_code == 0
    refused = trivet("files", "rm", "data://.my/photos")
    assert refused.exit_code == 1
    assert "-r" in refused.stderr
    platform.on("DELETE", "/files/.my/photos", lambda it: it.json({"deleted": 3}))
    done = trivet("files", "rm", "-r", "data://.my/photos")
    assert "with 3 files" in done.stderr
    assert platform.seen[-1].query == {"force": "true"}


def test_collections_are_made(trivet: Trivet, platform: Server) -> None:
    assert trivet("files", "mkdir", "data://.my/photos", "--acl", "public").stdout == "data://admin/photos\n"
    assert json.loads(platform.seen[0].body) == {"name": "photos", "acl": "public"}
    assert trivet("files", "mkdir", "data://.my/photos", "--acl", "everybody").exit_code == 2


def test_who_may_read_is_shown_and_changed(trivet: Trivet, platform: Server) -> None:
    platform.on("GET", "/files/.my/photos", lambda it: it.json(PHOTOS))
    assert trivet("files", "acl", "data://.my/photos").stdout == "public\n"
    assert trivet("files", "acl", "data://.my/photos", "private").stdout == "private\n"
    assert json.loads(platform.seen[-1].body) == {"acl": "private"}
    assert trivet("files", "acl", "data://.my/photos/photo.jpg").exit_code == 1


def test_another_store_is_an_error_with_a_hint(trivet: Trivet, platform: Server) -> None:
    result = trivet("files", "ls", "s3://bucket/key")
    assert result.exit_code == 1
    assert "data://OWNER" in result.stderr


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (48_211, "48.2 kB"), (999_960, "1.0 MB"), (5 * 10**15, "5000.0 TB")],
)
def test_sizes_are_told_in_words(size: int, words: str) -> None:
    assert size_in_words(size) == words
