"""Hosted data in the client: what is asked, and what becomes of connections that break."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sdk.server import KEY, Answer, Exchange, Server
from trivet import (
    AsyncClient,
    Client,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PreconditionFailedError,
    ServiceUnavailableError,
    TooLargeError,
    UnexpectedAnswerError,
)
from trivet.sdk._async.files import PIECE
from trivet.sdk._uris import DataUri
from trivet.sdk.models import DataEntry

DATA = bytes(range(256)) * 4096
"""A megabyte."""
URI = "data://.my/photos/photo.jpg"
PATH = "/files/.my/photos/photo.jpg"
FILE: dict[str, Any] = {
    "type": "file",
    "uri": "data://admin/photos/photo.jpg",
    "name": "photo.jpg",
    "size": 3,
    "md5": "acbd18db4cc2f85cedef654fccc4a4d8",
    "modified_at": "2026-11-21T08:00:00.000Z",
}


def serve_file(exchange: Exchange, data: bytes = DATA, *, etag: str = '"v1"', until: int | None = None) -> None:
    """As the platform does; ``until``: the connection breaks at that byte of the file."""
    demanded = exchange.headers.get("if-match")
    if demanded not in (None, etag):
        exchange.problem(412, "precondition_failed", detail="It has been replaced.")
        return
    start = int(exchange.headers.get("range", "bytes=0-")[6:-1])
    handler = exchange.handler
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Type", "image/jpeg")
    handler.send_header("X-Data-Type", "file")
    handler.send_header("ETag", etag)
    handler.send_header("Content-Length", str(len(data) - start))
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
    handler.end_headers()
    handler.wfile.write(data[start:until])
    if until is not None:
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)  # in order, so that what was sent arrives
        handler.close_connection = True


def broken_at(place: int) -> Answer:
    return lambda it: serve_file(it, until=place)


# -- URIs


@pytest.mark.parametrize(
    ("text", "path", "kind"),
    [
        ("data://", "", "neither"),
        ("", "", "neither"),
        ("data://.my", "/.my", "neither"),
        ("data://ann/c", "/ann/c", "collection"),
        ("/ann/c/", "/ann/c", "collection"),
        ("ann/c/f", "/ann/c/f", "file"),
        ("DATA://ann/c/f", "/ann/c/f", "file"),
        ("data://ann/c/a b#?%é", "/ann/c/a%20b%23%3F%25%C3%A9", "file"),
        ("data://.session", "/.session", "collection"),
        ("data://.session/f", "/.session/f", "file"),
        ("data://.algo/temp", "/.algo/temp", "collection"),
        ("data://.algo/perm/f", "/.algo/perm/f", "file"),
        ("data://.algo/ann/song/temp", "/.algo/ann/song/temp", "collection"),
        ("data://.algo/ann/song/temp/f", "/.algo/ann/song/temp/f", "file"),
    ],
)
def test_a_uri_is_taken_apart(text: str, path: str, kind: str) -> None:
    place = DataUri.parse(text)
    assert place.path("") == path
    assert (place.is_file, place.is_collection) == (kind == "file", kind == "collection")
    assert DataUri.parse(str(place)) == DataUri(place.parts)


@pytest.mark.parametrize(
    "text", ["data://a/../b", "data://a//b", "data:////", "a/./b", "//a", "s3+lab://bucket/k", "dropbox://"]
)
def test_what_names_nothing_is_never_sent(client: Client, server: Server, text: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        client.files.stat(text)
    assert "data://" in raised.value.hint
    assert server.seen == []


def test_only_a_file_is_read_and_written(client: Client, server: Server, tmp_path: Path) -> None:
    for call in (
        lambda: client.files.read("data://.my/photos"),
        lambda: client.files.write("data://.my/photos", b"x"),
        lambda: client.files.download("data://.my/photos", tmp_path / "x"),
        lambda: client.files.create("data://.my/photos/x"),
        lambda: [*client.files.list(URI)],
    ):
        with pytest.raises(InvalidRequestError):
            call()
    assert server.seen == []
    assert list(tmp_path.iterdir()) == []


# -- there


def test_a_file_is_uploaded_with_its_length_and_its_type(client: Client, server: Server, tmp_path: Path) -> None:
    local = tmp_path / "photo.jpg"
    local.write_bytes(DATA * 3)
    server.on("PUT", PATH, lambda it: it.json(FILE))
    told: list[tuple[int, int | None]] = []
    entry = client.files.upload(local, URI, on_progress=lambda done, size: told.append((done, size)))
    assert isinstance(entry, DataEntry)
    assert (entry.uri, entry.size) == ("data://admin/photos/photo.jpg", 3)
    (seen,) = server.seen
    assert seen.body == DATA * 3
    assert seen.headers["content-length"] == str(len(DATA) * 3)
    assert seen.headers["content-type"] == "image/jpeg"
    assert "if-none-match" not in seen.headers
    assert told == [(PIECE * count, PIECE * 3) for count in (1, 2, 3)]


def test_a_collection_takes_a_file_under_its_own_name(client: Client, server: Server, tmp_path: Path) -> None:
    local = tmp_path / "photo.jpg"
    local.write_bytes(b"foo")
    server.on("PUT", PATH, lambda it: it.json(FILE))
    client.files.upload(local, "data://.my/photos")
    client.files.upload(local, "data://.my/photos/")
    assert [it.path for it in server.seen] == [f"/api/v1{PATH}"] * 2


def test_an_empty_file_is_a_file(client: Client, server: Server, tmp_path: Path) -> None:
    local = tmp_path / "photo.jpg"
    local.touch()
    server.on("PUT", PATH, lambda it: it.json(FILE))
    client.files.upload(local, URI)
    assert (server.seen[0].body, server.seen[0].headers["content-length"]) == (b"", "0")


def test_an_upload_that_broke_is_made_again_from_the_start(client: Client, server: Server, tmp_path: Path) -> None:
    local = tmp_path / "photo.jpg"
    local.write_bytes(DATA)
    server.on("PUT", PATH, Exchange.drop, lambda it: it.problem(503, "unavailable"), lambda it: it.json(FILE))
    client.files.upload(local, URI)
    assert [len(it.body) for it in server.seen] == [len(DATA)] * 3


def test_an_upload_that_may_have_been_the_first_is_not_made_twice(
    client: Client, server: Server, tmp_path: Path
) -> None:
    local = tmp_path / "photo.jpg"
    local.write_bytes(b"foo")
    server.on("PUT", PATH, Exchange.drop)
    with pytest.raises(ServiceUnavailableError, match="Whether it was carried out is not known"):
        client.files.upload(local, URI, if_absent=True)
    with pytest.raises(ServiceUnavailableError):
        client.files.write(URI, b"foo", if_match="0" * 32)
    assert len(server.seen) == 2


def test_a_local_file_that_is_not_there_is_the_systems_own_error(
    client: Client, server: Server, tmp_path: Path
) -> None:
    for local in (tmp_path / "nothing", tmp_path):
        with pytest.raises(OSError, match="No such file|directory"):
            client.files.upload(local, URI)
    assert server.seen == []


def test_a_file_that_changes_meanwhile_is_not_stored_in_part(
    client: Client, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "photo.jpg"
    local.write_bytes(DATA * 2)
    monkeypatch.setattr("trivet.sdk._sync.files.open_file", lambda path, mode: _shorter(path))
    with pytest.raises(InvalidRequestError, match="changed while it was uploaded"):
        client.files.upload(local, URI)


def _shorter(path: Path) -> Any:
    path.write_bytes(DATA)
    return path.open("rb")


def test_bytes_text_and_pieces_are_written(client: Client, server: Server) -> None:
    path = "/files/.my/lists/names"
    server.on("PUT", path, lambda it: it.json(FILE))

    def pieces() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    client.files.write("data://.my/lists/names", b"\x00\xff")
    client.files.write("data://.my/lists/names", "Änne")
    client.files.write("data://.my/lists/names", pieces(), content_type="text/csv")
    assert [it.body for it in server.seen] == [b"\x00\xff", "Änne".encode(), b"onetwo"]
    types = [it.headers["content-type"] for it in server.seen]
    assert types == ["application/octet-stream", "text/plain; charset=utf-8", "text/csv"]
    assert server.seen[2].headers["transfer-encoding"] == "chunked"


def test_what_is_read_can_be_written_at_the_same_time(client: Client, server: Server) -> None:
    server.on("GET", PATH, lambda it: serve_file(it, DATA * 4))
    server.on("PUT", "/files/.my/photos/copy.jpg", lambda it: it.json(FILE))
    client.files.write("data://.my/photos/copy.jpg", client.files.stream(URI))
    assert server.seen[-1].body == DATA * 4


def test_much_of_what_is_read_can_be_written_at_the_same_time(client: Client, server: Server) -> None:
    copies = [f"data://.my/photos/copy-{number}.jpg" for number in range(12)]
    server.on("GET", PATH, lambda it: serve_file(it, DATA * 4))
    for number in range(12):
        server.on("PUT", f"/files/.my/photos/copy-{number}.jpg", lambda it: it.json(FILE))
    with ThreadPoolExecutor(len(copies)) as pool:
        list(pool.map(lambda copy: client.files.write(copy, client.files.stream(URI)), copies))
    assert [it.body for it in server.seen if it.method == "PUT"] == [DATA * 4] * 12


def test_pieces_that_are_long_in_coming_hold_up_nothing_else(client: Client, server: Server) -> None:
    server.on("PUT", PATH, lambda it: it.json(FILE))
    others_done = threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"one"
        assert others_done.wait(20)
        yield b"two"

    with ThreadPoolExecutor(12) as pool:
        slow_ones = [pool.submit(client.files.write, URI, slow()) for _ in range(12)]
        client.files.write(URI, iter([b"quick"]))
        others_done.set()
        for each in slow_ones:
            each.result(20)
    assert sorted(it.body for it in server.seen) == [*[b"onetwo"] * 12, b"quick"]


def test_what_the_maker_of_pieces_raises_comes_through(client: Client, server: Server) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise RuntimeError("no more")

    server.on("PUT", PATH, lambda it: it.json(FILE))
    with pytest.raises(RuntimeError, match="no more"):
        client.files.write(URI, pieces())


def test_pieces_are_sent_once_as_nobody_can_take_them_back(client: Client, server: Server) -> None:
    server.on("PUT", PATH, lambda it: it.problem(503, "unavailable", headers={"Retry-After": "0"}))
    with pytest.raises(ServiceUnavailableError):
        client.files.write(URI, iter([b"one"]))
    assert len(server.seen) == 1


def test_conditions_are_sent_and_told(client: Client, server: Server) -> None:
    server.on("PUT", PATH, lambda it: it.problem(412, "precondition_failed", detail="There is one."))
    with pytest.raises(PreconditionFailedError) as raised:
        client.files.write(URI, b"x", if_absent=True)
    assert isinstance(raised.value, ConflictError)
    with pytest.raises(PreconditionFailedError):
        client.files.write(URI, b"x", if_match="abc")
    assert server.seen[0].headers["if-none-match"] == "*"
    assert server.seen[1].headers["if-match"] == '"abc"'


def test_a_file_over_the_limit_says_how_large_it_may_be(client: Client, server: Server) -> None:
    server.on("PUT", PATH, lambda it: it.problem(413, "too_large", detail="Too large.", limit=5))
    with pytest.raises(TooLargeError) as raised:
        client.files.write(URI, b"123456")
    assert raised.value.limit == 5


# -- and back


def test_a_download_is_there_once_it_is_whole(client: Client, server: Server, tmp_path: Path) -> None:
    server.on("GET", PATH, serve_file)
    told: list[tuple[int, int | None]] = []
    local = client.files.download(URI, tmp_path / "copy.jpg", on_progress=lambda *so_far: told.append(so_far))
    assert local == tmp_path / "copy.jpg"
    assert local.read_bytes() == DATA
    assert told[-1] == (len(DATA), len(DATA))
    assert client.files.download(URI, tmp_path) == tmp_path / "photo.jpg"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.jpg", "photo.jpg"]


def test_a_reading_goes_on_where_it_broke(client: Client, server: Server, tmp_path: Path) -> None:
    server.on("GET", PATH, broken_at(1000), broken_at(300_000), Exchange.drop, serve_file)
    assert client.files.read(URI) == DATA
    places = [it.headers.get("range") for it in server.seen]
    assert places == [None, "bytes=1000-", "bytes=300000-", "bytes=300000-"]
    assert [it.headers.get("if-match") for it in server.seen] == [None, '"v1"', '"v1"', '"v1"']


def test_a_reading_never_mixes_two_versions(client: Client, server: Server, tmp_path: Path) -> None:
    server.on("GET", PATH, broken_at(500_000), lambda it: serve_file(it, b"new", etag='"v2"'))
    with pytest.raises(PreconditionFailedError):
        client.files.download(URI, tmp_path / "copy.jpg")
    assert list(tmp_path.iterdir()) == []


def test_a_reading_that_never_gets_on_ends(client: Client, server: Server) -> None:
    server.on("GET", PATH, broken_at(1000), lambda it: serve_file(it, until=1000))
    with pytest.raises(ServiceUnavailableError):
        client.files.read(URI)
    assert len(server.seen) < 10


def test_a_part_is_read_from_its_place_on(client: Client, server: Server) -> None:
    server.on("GET", PATH, serve_file)
    assert b"".join(client.files.stream(URI, start=1000)) == DATA[1000:]
    assert server.seen[0].headers["range"] == "bytes=1000-"
    assert server.seen[0].headers["accept-encoding"] == "identity"


def test_who_stops_reading_lets_go_of_the_connection(client: Client, server: Server) -> None:
    server.on("GET", PATH, lambda it: serve_file(it, DATA * 8))
    pieces = client.files.stream(URI)
    assert next(pieces)
    pieces.close()
    assert client.files.read(URI) == DATA * 8


def test_what_answers_with_a_page_has_no_files(client: Client, server: Server) -> None:
    server.on("GET", PATH, lambda it: it.answer(200, b"<html>", Content_Type="text/html"))
    with pytest.raises(UnexpectedAnswerError):
        client.files.read(URI)


def test_a_download_that_can_not_be_kept_leaves_nothing(client: Client, server: Server, tmp_path: Path) -> None:
    server.on("GET", PATH, serve_file)
    with pytest.raises(FileNotFoundError):
        client.files.download(URI, tmp_path / "no" / "such" / "folder.jpg")
    server.on("GET", PATH, lambda it: it.problem(404, "not_found", detail="There is no file."))
    with pytest.raises(NotFoundError):
        client.files.download(URI, tmp_path / "copy.jpg")
    assert list(tmp_path.iterdir()) == []


# -- what is there


def test_a_listing_is_gone_through_page_by_page(client: Client, server: Server) -> None:
    def page(exchange: Exchange) -> None:
        after = int(exchange.query.get("cursor", "0"))
        items = [{**FILE, "name": str(after + n)} for n in range(2)]
        exchange.json({"items": items, "next": str(after + 2) if after < 4 else None})

    server.on("GET", "/files/.my/photos", page)
    listed = client.files.list("data://.my/photos")
    assert next(listed).name == "0"
    assert len(server.seen) == 1
    assert [entry.name for entry in listed] == ["1", "2", "3", "4", "5"]


def test_the_root_is_listed_where_nothing_is_said(client: Client, server: Server) -> None:
    server.on("GET", "/files", lambda it: it.json({"items": [{"type": "owner", "uri": "data://ann", "name": "ann"}]}))
    assert [entry.uri for entry in client.files.list()] == ["data://ann"]


def test_existence_is_asked_for(client: Client, server: Server) -> None:
    server.on("GET", PATH, lambda it: it.json(FILE))
    assert client.files.exists(URI)
    assert client.files.stat(URI).md5 == FILE["md5"]
    assert server.seen[0].query == {"info": "true"}
    assert not client.files.exists("data://.my/photos/nothing.jpg")


# -- look after it


def test_collections_are_made_and_looked_after(client: Client, server: Server) -> None:
    made = {"type": "collection", "uri": "data://ann/c", "name": "c", "acl": "public"}
    server.on("POST", "/files/.my", lambda it: it.json(made, 201))
    server.on("PATCH", "/files/.my/c", lambda it: it.json({**made, "acl": "private"}))
    server.on("DELETE", "/files/.my/c", lambda it: it.json({"deleted": 7}))
    assert client.files.create("data://.my/c", acl="public").acl == "public"
    assert client.files.create("data://.my/c").uri == "data://ann/c"
    assert client.files.set_acl("data://.my/c", "private").acl == "private"
    assert client.files.delete("data://.my/c", force=True) == 7
    bodies = [json.loads(it.body) for it in server.seen[:3]]
    assert bodies == [{"name": "c", "acl": "public"}, {"name": "c"}, {"acl": "private"}]
    assert server.seen[3].query == {"force": "true"}


# -- the other half


def test_the_asynchronous_half_does_the_same(server: Server, tmp_path: Path) -> None:
    local = tmp_path / "photo.jpg"
    local.write_bytes(DATA)
    server.on("PUT", PATH, Exchange.drop, lambda it: it.json(FILE))
    server.on("GET", PATH, broken_at(1000), serve_file)
    server.on("GET", "/files/.my", lambda it: it.json({"items": [FILE], "next": None}))

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def failing() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("no more")

    async def scenario() -> None:
        async with AsyncClient(server.url, KEY, timeout=5.0) as client:
            await client.files.upload(local, URI)
            assert [len(it.body) for it in server.seen] == [len(DATA)] * 2
            assert (await client.files.download(URI, tmp_path / "copy.jpg")).read_bytes() == DATA
            assert await client.files.read(URI) == DATA
            assert [entry.name async for entry in client.files.list("data://.my")] == ["photo.jpg"]
            await client.files.write(URI, pieces())
            assert server.seen[-1].body == b"onetwo"
            await client.files.write(URI, client.files.stream(URI))
            assert server.seen[-1].body == DATA
            with pytest.raises(RuntimeError, match="no more"):
                await client.files.write(URI, failing())

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_asynchronous_pieces_that_nobody_takes_are_let_go_at_once() -> None:
    left: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield DATA
        finally:
            left.append("let go")

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100)
        writer.transport.abort()

    async def scenario() -> list[str]:
        made = pieces()  # held on to here, so that no garbage collector lets go of it
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server, AsyncClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", KEY) as client:
            with pytest.raises(ServiceUnavailableError):
                await client.files.write(URI, made)
            return list(left)

    assert asyncio.run(asyncio.wait_for(scenario(), 30)) == ["let go"]
