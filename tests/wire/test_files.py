"""Hosted data over the native API: files, collections, conditions, ranges, and what strangers learn."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest

from tests.wire.fakes import MAX_FILE, Answer, Client, World
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.keys import Token
from trivet.platform.dialects.native.app import create_app
from trivet.platform.wire.ranges import Selection
from trivet.platform.wire.transfers import send_file

DATA = bytes(range(256)) * 10
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
PATH = "/files/.my/photos/photo.jpg"


@pytest.fixture
def world() -> World:
    made = World()
    made.ask("POST", "/files/.my", json_body={"name": "photos"})
    return made


def put(world: World, path: str = PATH, body: bytes = DATA, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.ask("PUT", path, body=body, headers=sent)


def get(world: World, path: str = PATH, method: str = "GET", **headers: str) -> Answer:
    return world.ask(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})


# -- files


def test_a_file_comes_back_as_it_was_written(world: World) -> None:
    written = put(world, content_type="image/jpeg")
    assert written.status == 200
    told = written.json
    assert (told["type"], told["uri"], told["name"]) == ("file", "data://admin/photos/photo.jpg", "photo.jpg")
    assert (told["size"], told["md5"], told["sha256"]) == (len(DATA), MD5, hashlib.sha256(DATA).hexdigest())
    found = get(world)
    assert (found.status, found.body) == (200, DATA)
    assert found.headers["content-type"] == "image/jpeg"
    assert found.headers["etag"] == f'"{MD5}"'
    assert found.headers["last-modified"] == "Mon, 12 Jan 1970 13:46:40 GMT"
    assert found.headers["x-data-type"] == "file"
    assert found.headers["accept-ranges"] == "bytes"
    assert get(world, f"{PATH}?info=true").json == told
    assert get(world, "/files/admin/photos/photo.jpg").body == DATA


def test_a_browser_runs_nothing_of_what_somebody_has_uploaded(world: World) -> None:
    put(world, "/files/.my/photos/page.html", b"<script>alert(1)</script>", content_type="text/html")
    found = get(world, "/files/.my/photos/page.html")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in found.headers["content-security-policy"]


@pytest.mark.parametrize("said", ["text/plain\r\nset-cookie: x", "nonsense", "a/b; c\xff", "x" * 5000])
def test_a_content_type_that_is_none_becomes_plain_bytes(world: World, said: str) -> None:
    assert put(world, content_type=said).status == 200
    assert get(world).headers["content-type"] == "application/octet-stream"


def test_a_file_without_a_type_and_without_bytes_is_a_file_too(world: World) -> None:
    assert put(world, body=b"").json["size"] == 0
    found = get(world)
    assert (found.status, found.body, found.headers["content-length"]) == (200, b"", "0")
    assert found.headers["content-type"] == "application/octet-stream"


def test_head_tells_what_get_would_and_sends_nothing(world: World) -> None:
    put(world)
    head, whole = get(world, method="HEAD"), get(world)
    assert (head.status, head.headers, head.body) == (200, whole.headers, b"")
    directory = get(world, "/files/.my/photos", method="HEAD")
    assert (directory.status, directory.headers["x-data-type"], directory.body) == (200, "directory", b"")


def test_a_large_file_goes_through_piece_by_piece(world: World) -> None:
    pieces = [bytes([number]) * 65_536 for number in range(40)]
    world.ask("PUT", PATH, body=pieces)
    found = get(world)
    assert found.body == b"".join(pieces)
    assert len(found.more) > 2


def test_a_name_is_any_text_but_a_path(world: World) -> None:
    for name in ("a b+c.txt", "%25", "naïve#?.txt", "日本.png", "~", "x" * 255):
        path = f"/files/.my/photos/{quote(name, safe='')}"
        assert put(world, path, b"1").json["name"] == name
        assert get(world, path).body == b"1"
    nfd, nfc = "/files/.my/photos/cafe%CC%81", "/files/.my/photos/caf%C3%A9"
    put(world, nfd, b"one")
    assert get(world, nfc).body == b"one"


@pytest.mark.parametrize(
    "name",
    ["..", ".", "%2e%2e", "%00", "a%00b", "%0A", "%ff%fe", "%ed%a0%80", "x" * 256, "", "a/b", "%F0%9F%98%80" * 64],
)
def test_a_name_that_can_not_be_is_refused(world: World, name: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        answer = world.ask(method, f"/files/.my/photos/{name}/x" if not name else f"/files/.my/photos/{name}")
        assert (answer.status, answer.code) in [(400, "bad_request"), (404, "not_found")]
    assert [entry["name"] for entry in get(world, "/files/.my/photos").json["items"]] == []


def test_a_slash_in_disguise_names_nothing(world: World) -> None:
    for path in ("/files/.my/photos%2Fphoto.jpg", "/files/.my/photos/..%2f..%2fphoto.jpg"):
        assert put(world, path).status == 404


# -- uploads that go wrong


def upload(world: World, *messages: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    """A PUT whose body comes as the messages say."""
    sent = {"host": "trivet.test", "authorization": f"Bearer {world.admin_token}", **(headers or {})}
    answers: list[dict[str, Any]] = []
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": f"/api/v1{PATH}",
        "raw_path": f"/api/v1{PATH}".encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }
    world.run(world.client.app(scope, receive, send))
    if not answers:
        return Answer(0, {}, b"")
    found = {name.decode(): value.decode() for name, value in answers[0]["headers"]}
    return Answer(answers[0]["status"], found, b"".join(each["body"] for each in answers[1:]))


def body(data: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


@pytest.fixture
def old(world: World) -> Iterator[World]:
    """A world with a file; whatever the test uploads, the file is whole and the old one, and no blob is left over."""
    put(world, body=b"the old one")
    blobs = set(world.blobs.blobs)
    yield world
    assert get(world).body == b"the old one"
    assert set(world.blobs.blobs) == blobs


def test_an_upload_that_dies_leaves_the_old_file(old: World) -> None:
    assert upload(old, body(b"half"), {"type": "http.disconnect"}).status == 0


@pytest.mark.parametrize("length", ["3", "100"])
def test_a_length_that_lies_leaves_the_old_file(old: World, length: str) -> None:
    answer = upload(old, body(b"seven"), body(b"ty", more=False), headers={"content-length": length})
    assert (answer.status, answer.code) == (400, "bad_request")


def test_a_file_over_the_limit_is_refused_before_it_comes_where_that_can_be_known(old: World) -> None:
    announced = upload(old, headers={"content-length": str(MAX_FILE + 1)})
    assert (announced.status, announced.code, announced.json["limit"]) == (413, "too_large", MAX_FILE)
    more = upload(old, *[body(bytes(1 << 20))] * 4, body(b"1", more=False))
    assert (more.status, more.code, more.json["limit"]) == (413, "too_large", MAX_FILE)
    assert "TRIVET_MAX_FILE" in more.json["hint"]


def test_a_part_is_not_taken_for_a_whole_file(old: World) -> None:
    assert put(old, content_range="bytes 0-3/10").code == "bad_request"


def test_nothing_is_read_of_an_upload_that_is_not_allowed(old: World) -> None:
    answer = upload(old, headers={"if-none-match": "*"})
    assert (answer.status, answer.code) == (412, "precondition_failed")


def test_a_file_that_can_not_be_read_on_ends_short(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[Any] = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"the first"
        raise Unavailable("the disk is gone")

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    chosen = Selection(HTTPStatus.OK, 0, 100)
    asyncio.run(send_file(pieces(), chosen, [], receive, send))
    assert sent[0]["headers"] == [(b"content-length", b"100")]
    assert [message.get("body") for message in sent[1:]] == [b"the first"]
    assert sent[-1]["more_body"]
    assert "could not be read to its end" in caplog.text


def test_a_file_that_can_not_be_opened_is_an_answer_of_its_own(world: World) -> None:
    put(world)
    world.blobs.blobs.clear()
    assert get(world).code in ("not_found", "unavailable")


# -- conditions and ranges


def test_a_write_replaces_only_the_version_that_was_demanded(world: World) -> None:
    assert put(world, if_match=f'"{MD5}"').status == 412
    assert put(world, if_none_match="*").status == 200
    assert put(world, body=b"x", if_none_match="*").code == "precondition_failed"
    assert put(world, body=b"two", if_match=f'"{MD5}"').status == 200
    assert put(world, body=b"three", if_match=f'"{MD5}"').status == 412
    assert put(world, body=b"four", if_match="*").status == 200
    assert put(world, body=b"x", if_none_match='"abc"').code == "bad_request"
    assert put(world, body=b"x", if_match=f'W/"{MD5}"').code == "bad_request"
    assert get(world).body == b"four"


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        ("0-0", 0, 1),
        ("10-19", 10, 20),
        ("2550-", 2550, 2560),
        ("-10", 2550, 2560),
        ("2550-9999", 2550, 2560),
        ("-9999", 0, 2560),
    ],
)
def test_a_range_gives_that_part(world: World, said: str, start: int, end: int) -> None:
    put(world)
    part = get(world, range=f"bytes={said}")
    assert (part.status, part.body) == (206, DATA[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert get(world, method="HEAD", range=f"bytes={said}").status == 200


@pytest.mark.parametrize("said", ["2560-", "9999-10000", "-0", f"{'9' * 5000}-", "3000-,-0"])
def test_a_range_that_is_not_there_is_refused_with_the_size(world: World, said: str) -> None:
    put(world)
    answer = get(world, range=f"bytes={said}")
    assert (answer.status, answer.code) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize(
    "said", ["bytes=", "bytes=-", "bytes=b-a", "bytes=9-1", "lines=1-2", "bytes 1-2", "bytes=0-1,5-6"]
)
def test_a_range_that_can_not_be_read_is_passed_over_and_several_get_the_whole(world: World, said: str) -> None:
    put(world)
    assert (get(world, range=said).status, get(world, range=said).body) == (200, DATA)


def test_a_reader_who_has_the_file_gets_none(world: World) -> None:
    put(world)
    same = get(world, if_none_match=f'"abc", W/"{MD5}"')
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", f'"{MD5}"')
    assert "content-length" not in same.headers
    assert get(world, if_none_match='"abc"').status == 200
    moment = get(world).headers["last-modified"]
    assert get(world, if_modified_since=moment).status == 304
    assert get(world, if_modified_since="Sun, 11 Jan 1970 13:46:40 GMT").status == 200


def test_a_reader_who_goes_on_gets_no_part_of_another_file(world: World) -> None:
    put(world)
    demanded = {"range": "bytes=10-", "if_match": f'"{MD5}"'}
    assert get(world, **demanded).body == DATA[10:]
    assert get(world, range="bytes=10-", if_range=f'"{MD5}"').status == 206
    put(world, body=b"another one, and long enough")
    assert (get(world, **demanded).status, get(world, **demanded).code) == (412, "precondition_failed")
    late = get(world, range="bytes=10-", if_range=f'"{MD5}"')
    assert (late.status, late.body) == (200, b"another one, and long enough")
    assert get(world, if_unmodified_since="Sun, 11 Jan 1970 13:46:40 GMT").status == 412


# -- collections


def test_collections_are_made_listed_changed_and_removed(world: World) -> None:
    made = world.ask("POST", "/files/.my", json_body={"name": "lists", "acl": "public"})
    assert (made.status, made.json["uri"], made.json["acl"]) == (201, "data://admin/lists", "public")
    assert world.ask("POST", "/files/admin", json_body={"name": "lists"}).code == "conflict"
    owners = world.ask("GET", "/files").json["items"]
    assert [(entry["type"], entry["uri"]) for entry in owners] == [("owner", "data://admin")]
    listed = world.ask("GET", "/files/.my").json["items"]
    assert [(e["name"], e["acl"], e["uri"]) for e in listed] == [
        ("lists", "public", "data://admin/lists"),
        ("photos", "owners_endpoints", "data://admin/photos"),
    ]
    changed = world.ask("PATCH", "/files/.my/lists", json_body={"acl": "private"}).json
    assert changed["acl"] == "private"
    assert world.ask("GET", "/files/.my/lists?info=true").json == changed
    put(world, "/files/.my/lists/a.txt", b"1")
    assert world.ask("DELETE", "/files/.my/lists").code == "conflict"
    assert world.ask("DELETE", "/files/.my/lists?force=true").json == {"deleted": 1}
    assert world.ask("GET", "/files/.my/lists").code == "not_found"
    assert world.ask("GET", "/files/.my/lists/a.txt").code == "not_found"


def test_a_listing_comes_in_pages(world: World) -> None:
    for number in range(5):
        put(world, f"/files/.my/photos/{number}.jpg", b"x" * number)
    first = world.ask("GET", "/files/.my/photos?limit=2")
    assert first.headers["x-data-type"] == "directory"
    names, page = [entry["name"] for entry in first.json["items"]], first.json
    while page["next"]:
        page = world.ask("GET", f"/files/.my/photos?limit=2&cursor={page['next']}").json
        names += [entry["name"] for entry in page["items"]]
    assert names == [f"{number}.jpg" for number in range(5)]
    assert world.ask("GET", "/files/.my/photos?cursor=!!").code == "bad_request"
    assert world.ask("GET", "/files/.my/photos/0.jpg?limit=x").status == 200


def test_root_and_owner_tell_what_they_are(world: World) -> None:
    assert world.ask("GET", "/files?info=true").json["type"] == "root"
    owner = world.ask("GET", "/files/.my?info=true").json
    assert (owner["type"], owner["uri"], owner["name"]) == ("owner", "data://admin", "admin")
    assert world.ask("GET", "/files/nobody?info=true").code == "not_found"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/files/.my", {"name": "a/b"}),
        ("/files/.my", {"name": ""}),
        ("/files/.my", {"name": ".."}),
        ("/files/.my", {"name": "x", "acl": "everybody"}),
        ("/files/.my", {"name": "x", "colour": "red"}),
        ("/files/.my", {}),
        ("/files/.session", {"name": "x"}),
    ],
)
def test_a_collection_that_can_not_be_is_refused(world: World, path: str, wanted: dict[str, str]) -> None:
    answer = world.ask("POST", path, json_body=wanted)
    assert (answer.status, answer.code) == (400, "bad_request")


def test_a_session_is_only_for_jobs(world: World) -> None:
    for path in ("/files/.session", "/files/.session/x", "/files/.algo/temp"):
        assert get(world, path).status in (400, 404)


def test_another_store_is_not_there_yet(world: World) -> None:
    answer = get(world, "/files/s3+lab://bucket/key")
    assert (answer.status, answer.code) == (400, "bad_request")
    assert "data://" in answer.json["hint"]


# -- who may


@pytest.fixture
def ben(world: World) -> Token:
    world.account("ben")
    put(world)
    return world.token("ben")


def ways(world: World, token: Token, base: str) -> list[Answer]:
    """Everything that can be done to a collection and a file in it."""
    file = f"{base}/photo.jpg"
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", base, {}),
        ("GET", f"{base}?info=true", {}),
        ("GET", file, {}),
        ("GET", f"{file}?info=true", {}),
        ("PUT", file, {"body": b"mine"}),
        ("PUT", f"{base}/new.txt", {"body": b"mine"}),
        ("DELETE", file, {}),
        ("DELETE", f"{base}?force=true", {}),
        ("PATCH", base, {"json_body": {"acl": "public"}}),
    ]
    return [world.ask(method, path, token=token, **more) for method, path, more in asked]


def test_a_stranger_can_not_tell_a_private_collection_from_none(world: World, ben: Token) -> None:
    hidden = ways(world, ben, "/files/admin/photos")
    for one, other in zip(hidden, ways(world, ben, "/files/admin/nothing"), strict=True):
        assert (one.status, one.code) == (404, "not_found")
        assert one.body.decode() == other.body.decode().replace("nothing", "photos")
    assert world.ask("POST", "/files/admin", token=ben, json_body={"name": "x"}).status in (403, 404)
    assert world.ask("GET", "/files/admin", token=ben).status in (200, 404)
    assert get(world).body == DATA


def test_what_is_public_is_read_by_every_account_and_written_by_none(world: World, ben: Token) -> None:
    world.ask("PATCH", "/files/.my/photos", json_body={"acl": "public"})
    statuses = [answer.status for answer in ways(world, ben, "/files/admin/photos")]
    assert statuses == [200, 200, 200, 200, 403, 403, 403, 403, 403]
    assert [entry["name"] for entry in world.ask("GET", "/files/admin", token=ben).json["items"]] == ["photos"]
    assert world.ask("GET", PATH.replace(".my", "admin"), token=None).status == 401
    assert get(world).body == DATA


def test_a_key_without_the_scope_reads_and_writes_nothing(world: World, ben: Token) -> None:
    weak = world.token("admin", "call", "read", "deploy")
    assert {answer.status for answer in ways(world, weak, "/files/.my/photos")} == {403}


def test_the_hot_paths_leave_files_alone() -> None:
    world = World()
    assert Client(create_app(world.services, world.settings)) is not None
    assert world.ask("POST", "/files/.my", json_body={"name": "run"}).status == 201
    assert put(world, "/files/.my/run/submit", b"1").status == 200
    assert get(world, "/files/.my/run/submit").body == b"1"
