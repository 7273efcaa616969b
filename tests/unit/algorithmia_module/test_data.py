"""Files and directories: what is sent, what is answered, and what is raised."""

from __future__ import annotations

import io
import logging
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.algorithmia_module.conftest import Serve
from tests.unit.algorithmia_module.fakes import BREAK, answer, file, refusal
from trivet import TrivetError
from trivet.algorithmia.acl import Acl, AclType, ReadAcl
from trivet.algorithmia.data import DataObjectType
from trivet.algorithmia.datadirectory import DataDirectory
from trivet.algorithmia.errors import AnswerError, ApiError, ConnectionFailed, DataApiError, InputError
from trivet.algorithmia.util import getParentAndBase, md5_for_file, md5_for_str, pathJoin
from trivet.sdk._http import Response, TransportError

STORED = answer({"result": "data://me/c/x"})
ENTRY = {"filename": "a.jpg", "size": 3, "last_modified": "2025-01-02T10:00:00.120Z"}


# -- files


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("data://.my/c/x", "/v1/data/.my/c/x"),
        ("/me/c/x", "/v1/data/me/c/x"),
        ("me/c/x", "/v1/data/me/c/x"),
        ("s3+lab://bucket/k", "/v1/data/s3+lab://bucket/k"),
        ("dropbox://a b", "/v1/data/dropbox://a%20b"),
    ],
)
def test_a_file_lies_where_its_address_says(serve: Serve, address: str, path: str) -> None:
    client, server = serve(file(b"abc"))
    assert client.file(address).getBytes() == b"abc"
    assert (server.asked.method, server.asked.path) == ("GET", path)


def test_a_file_is_read_in_many_forms(serve: Serve, tmp_path: Path) -> None:
    client, _ = serve(file('["Zoë", 1]'.encode()))
    asked = client.file("data://.my/c/x")
    assert asked.getString() == '["Zoë", 1]'
    assert asked.getJson() == ["Zoë", 1]
    assert asked.getBytes() == asked.get().content
    with asked.getFile() as opened:
        assert opened.read() == '["Zoë", 1]'
    path = asked.getFile(as_path=True)
    assert Path(path).read_text() == '["Zoë", 1]'
    assert Path(path).parent == tmp_path


def test_text_is_read_in_the_charset_that_is_named_else_as_utf_8(serve: Serve) -> None:
    latin, none, odd = "text/plain; charset=ISO-8859-1", "text/plain", "text/plain; charset=klingon"
    client, _ = serve(file("é".encode("latin-1"), latin), file("é".encode(), none), file("é".encode(), odd))
    assert [client.file("a/b/c").getString() for _ in range(3)] == ["é", "é", "é"]


@pytest.mark.parametrize("verb", ["getFile", "getBytes", "getString", "getJson", "getAsZip"])
def test_a_file_that_is_not_there_can_not_be_had(serve: Serve, verb: str, tmp_path: Path) -> None:
    for refused in (refusal("no such file"), Response(404, {"x-error-message": "no such file"})):
        client, _ = serve(refused)
        with pytest.raises(DataApiError, match=r"unable to get file me/c/x - no such file") as caught:
            getattr(client.file("data://me/c/x"), verb)()
        assert isinstance(caught.value, TrivetError)
        assert caught.value.code == "not_found"
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_begins_anew(serve: Serve) -> None:
    client, server = serve(file(b"abcdef" + BREAK), file(b"abcdef"))
    assert Path(client.file("a/b/c").getFile(as_path=True)).read_bytes() == b"abcdef"
    assert len(server.seen) == 2


def test_a_download_that_goes_on_breaking_leaves_nothing_behind(serve: Serve, tmp_path: Path) -> None:
    client, _ = serve(file(b"abcdef" + BREAK))
    with pytest.raises(ConnectionFailed):
        client.file("a/b/c").getFile()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_there_or_not(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    hidden = Response(403, {"x-error-message": "not yours"})
    client, server = serve(Response(200), Response(404, {"x-error-message": "gone"}), hidden, Response(400))
    with caplog.at_level(logging.WARNING, "trivet.algorithmia"):
        assert [client.file("a/b/c").exists() for _ in range(4)] == [True, False, False, False]
    assert {request.method for request in server.seen} == {"HEAD"}
    assert "not yours" in caplog.text


@pytest.mark.parametrize("status", [301, 429, 500, 502])
def test_a_server_that_does_not_say_is_no_word_that_it_is_absent(serve: Serve, status: int) -> None:
    client, _ = serve(Response(status, {}, b""))
    with pytest.raises(DataApiError):
        client.file("a/b/c").exists()
    with pytest.raises(DataApiError):
        client.dir("a/b").exists()


def test_why_a_file_is_absent_is_told_where_it_is_asked_for(serve: Serve) -> None:
    assert serve(Response(404, {"x-error-message": "gone"}))[0].file("a/b/c").existsWithError() == (False, "gone")


@pytest.mark.parametrize(
    ("data", "body"), [("Zoë", "Zoë".encode()), (b"\xff", b"\xff"), (bytearray(b"a"), b"a"), ("", b"")]
)
def test_text_and_bytes_are_put_as_they_are(serve: Serve, data: Any, body: bytes) -> None:
    client, server = serve(STORED)
    asked = client.file("a/b/c")
    assert asked.put(data) is asked
    assert (server.asked.method, server.asked.body) == ("PUT", body)


def test_json_is_put_as_json(serve: Serve) -> None:
    client, server = serve(STORED)
    client.file("a/b/c").putJson({"a": [1]})
    assert (server.asked.body, server.asked.headers) == (b'{"a": [1]}', (("Content-Type", "application/json"),))


@pytest.mark.parametrize("data", [3, None, ["a"]])
def test_nothing_else_is_put(serve: Serve, data: Any) -> None:
    client, server = serve(STORED)
    with pytest.raises(TypeError, match="putJson"):
        client.file("a/b/c").put(data)
    assert server.seen == []


def test_a_local_file_is_sent_piece_by_piece_and_again_from_its_beginning(serve: Serve, tmp_path: Path) -> None:
    local = tmp_path / "big"
    local.write_bytes(b"z" * 3_000_000)
    client, server = serve(TransportError("broken pipe", sent=True), STORED)
    client.file("a/b/c").putFile(local)
    assert [len(body) for body in server.bodies] == [3_000_000, 3_000_000]
    assert server.seen[0].size == 3_000_000
    assert server.seen[0].body is None


def test_an_empty_local_file_is_sent_too(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    client, server = serve(STORED)
    client.file("a/b/c").putFile(str(tmp_path / "empty"))
    assert server.asked.body == b""


def test_a_local_file_that_is_not_there_is_said_before_anything_is_sent(serve: Serve) -> None:
    client, server = serve(STORED)
    with pytest.raises(FileNotFoundError):
        client.file("a/b/c").putFile("nowhere")
    assert server.seen == []


@pytest.mark.parametrize(
    "refused",
    [refusal("too large", 413), answer({"error": {"message": "too large"}}), Response(413), refusal("x", 400)],
)
@pytest.mark.parametrize("verb", ["put", "putJson", "delete"])
def test_what_was_not_stored_is_never_taken_for_stored(serve: Serve, refused: Response, verb: str) -> None:
    asked = serve(refused)[0].file("a/b/c")
    with pytest.raises(DataApiError):
        getattr(asked, verb)(*(() if verb == "delete" else ("x",)))


@pytest.mark.parametrize("deleted", [answer({"result": {"deleted": 1}}), Response(204)])
def test_a_file_is_deleted(serve: Serve, deleted: Response) -> None:
    client, server = serve(deleted)
    assert client.file("a/b/c").delete() is True
    assert server.asked.method == "DELETE"


def test_a_folder_goes_up_and_comes_down_as_an_archive(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "one").write_text("1")
    (folder / "deep" / "two").write_text("2")
    client, server = serve(STORED)
    client.file("a/b/z").putAsZip(folder)
    (packed,) = server.bodies
    assert sorted(zipfile.ZipFile(io.BytesIO(packed)).namelist()) == ["deep/two", "one"]
    client, _ = serve(file(packed, "application/zip"))
    unpacked = Path(client.file("a/b/z").getAsZip())
    assert (unpacked / "deep" / "two").read_text() == "2"


def test_an_archive_of_one_file_is_that_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("1")
    client, server = serve(STORED)
    client.file("a/b/z").putAsZip(str(tmp_path / "one.txt"))
    client, _ = serve(file(server.bodies[0], "application/zip"))
    unpacked = Path(client.file("a/b/z").getAsZip())
    assert (unpacked.name, unpacked.read_text()) == ("one.txt", "1")


def test_what_is_no_archive_is_said(serve: Serve) -> None:
    with pytest.raises(DataApiError, match="unable to unpack"):
        serve(file(b"no archive"))[0].file("a/b/z").getAsZip()


def test_an_array_goes_there_and_back(serve: Serve) -> None:
    np = pytest.importorskip("numpy")
    client, server = serve(STORED)
    client.file("a/b/n").putNumpy(np.array([[1, 2], [3, 4]]))
    assert server.asked.body == b"[[1, 2], [3, 4]]"
    assert serve(file(b"[[1, 2], [3, 4]]"))[0].file("a/b/n").getNumpy().sum() == 10


def test_a_file_reads_as_an_open_file_does(serve: Serve, tmp_path: Path) -> None:
    client, server = serve(file(b"one\ntwo\nthree\n"))
    with client.file("a/b/c", cleanup=True) as asked:
        assert (asked.readable(), asked.seekable(), asked.writable()) == (True, True, False)
        assert asked.read(2) == "on"
        assert (asked.readline(), asked.readline()) == ("e\n", "two\n")
        assert asked.readlines() == ["three\n"]
        assert asked.seek(0) == asked.tell() == 0
        assert list(asked) == ["one\n", "two\n", "three\n"]
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    assert len(server.seen) == 1


# -- directories


def test_a_directory_is_made_in_its_parent(serve: Serve) -> None:
    client, server = serve(answer({"result": "data://me/c"}))
    client.dir("data://me/c/").create()
    client.dir("data://me/d").create(ReadAcl.private)
    client.dir("data://me/e").create(acl=ReadAcl.public)
    assert [request.path for request in server.seen] == ["/v1/data/me"] * 3
    assert [request.body for request in server.seen] == [
        b'{"name": "c"}',
        b'{"name": "d", "acl": {"read": []}}',
        b'{"name": "e", "acl": {"read": ["user://*"]}}',
    ]


@pytest.mark.parametrize("refused", [refusal("there is one", 409), answer({"error": {"message": "there is one"}})])
def test_a_directory_that_is_not_made_is_never_taken_for_made(serve: Serve, refused: Response) -> None:
    with pytest.raises(DataApiError, match="there is one"):
        serve(refused)[0].dir("data://me/c").create()


def test_a_place_without_a_parent_is_no_directory(serve: Serve) -> None:
    with pytest.raises(ValueError, match="Invalid path"):
        serve(STORED)[0].dir("data://c").create()


def test_a_directory_is_listed_page_by_page(serve: Serve) -> None:
    client, server = serve(
        answer({"folders": [{"name": "deep"}], "files": [ENTRY], "marker": "a b"}),
        answer({"files": [{**ENTRY, "filename": "b.jpg"}], "marker": ""}),
    )
    found = list(client.dir("data://me/c").list())
    assert [each.path for each in found] == ["me/c/deep", "me/c/a.jpg", "me/c/b.jpg"]
    assert [each.get_type() for each in found] == [DataObjectType.directory, DataObjectType.file, DataObjectType.file]
    assert [request.path for request in server.seen] == ["/v1/data/me/c", "/v1/data/me/c?marker=a+b"]


def test_a_listing_tells_of_each_file(serve: Serve) -> None:
    (found,) = serve(answer({"folders": [{"name": "deep"}], "files": [ENTRY]}))[0].dir("data://me/c").files()
    assert (found.getName(), found.size, found.is_file(), found.is_dir()) == ("a.jpg", 3, True, False)
    assert found.last_modified == datetime(2025, 1, 2, 10, 0, 0, 120000)  # noqa: DTZ001 - as the original gives it


def test_directories_are_listed_alone(serve: Serve) -> None:
    (found,) = serve(answer({"folders": [{"name": "deep"}], "files": [ENTRY]}))[0].dir("data://me").dirs()
    assert isinstance(found, DataDirectory)
    assert found.getName() == "deep"


@pytest.mark.parametrize(
    "document",
    [
        [],
        "error",
        {"files": 3},
        {"files": [{"filename": "x"}]},
        {"folders": [{}]},
        {"folders": ["x"]},
        {"marker": 3},
    ],
)
def test_what_is_no_listing_is_said(serve: Serve, document: Any) -> None:
    with pytest.raises(AnswerError):
        list(serve(answer(document))[0].dir("data://me/c").list())


def test_all_files_of_a_directory_come_at_once(serve: Serve) -> None:
    client, _ = serve(answer({"files": [ENTRY]}), file(b"abc"))
    (found,) = Path(client.dir("data://me/c").getDir()).iterdir()
    assert (found.name, found.read_bytes()) == ("a.jpg", b"abc")


@pytest.mark.parametrize("name", ["..", "a\\b", "a\0b"])
def test_no_file_is_saved_where_its_name_leads(serve: Serve, name: str) -> None:
    client, _ = serve(answer({"files": [{**ENTRY, "filename": name}]}), file(b"abc"))
    with pytest.raises(DataApiError, match="can't be saved"):
        client.dir("data://me/c").getDir()


def test_permissions_are_read_and_changed(serve: Serve) -> None:
    client, server = serve(
        answer({"acl": {"read": ["algo://.my/*"]}}), answer({}), answer({"acl": {"read": []}}), Response(200)
    )
    asked = client.dir("data://me/c")
    first, none, private = (asked.get_permissions() for _ in range(3))
    assert first is not None
    assert first.read_acl is AclType.my_algos is AclType.default
    assert none is None
    assert private is not None
    assert private.read_acl is AclType.private
    assert asked.update_permissions(ReadAcl.public) is True
    assert (server.seen[-1].method, server.seen[-1].body) == ("PATCH", b'{"acl": {"read": ["user://*"]}}')


def test_permissions_that_can_not_be_read_or_changed_are_said(serve: Serve) -> None:
    asked = serve(refusal("not yours", 403))[0].dir("data://me/c")
    with pytest.raises(DataApiError, match="Unable to get permissions: not yours"):
        asked.get_permissions()
    with pytest.raises(DataApiError, match="Unable to update permissions: not yours"):
        asked.update_permissions(ReadAcl.public)


def test_an_unknown_reader_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="Invalid acl string"):
        AclType.from_acl_response(["user://eve"])
    with pytest.raises(ValueError, match="read ACL"):
        Acl.from_acl_response({})
    assert repr(AclType.public) == "AclType(pseudonym=public,acl_string=user://*)"


def test_a_directory_is_deleted_with_what_is_in_it_on_demand(serve: Serve) -> None:
    client, server = serve(answer({"result": {"deleted": 1}}))
    assert client.dir("data://me/c").delete()
    assert client.dir("data://me/c").delete(force=True)
    assert [request.path for request in server.seen] == ["/v1/data/me/c", "/v1/data/me/c?force=true"]


def test_a_file_of_a_directory_reads_as_an_open_file_does_too(serve: Serve) -> None:
    asked = serve(file(b"abc"))[0].dir("data://me/c")
    assert asked.file("x").read() == "abc"
    assert asked.dir("deep").path == "me/c/deep"
    assert asked.dir("deep").file("x").path == "me/c/deep/x"


# -- this machine's


def test_files_of_this_machine_have_the_same_verbs(serve: Serve, tmp_path: Path) -> None:
    client, server = serve(STORED)
    address = f"file://{tmp_path}/x.json"
    local = client.file(address)
    assert not local.exists()
    with pytest.raises(DataApiError):
        local.getString()
    local.putJson({"a": 1})
    assert (local.getJson(), local.getString(), local.getBytes()) == ({"a": 1}, '{"a": 1}', b'{"a": 1}')
    assert local.getFile(as_path=True) == f"{tmp_path}/x.json"
    client.file(f"file://{tmp_path}/y").putFile(local.path).put("text")
    here = client.dir(f"file://{tmp_path}")
    assert sorted(map(str, here.files())) == ["x.json", "y"]
    here.dir("deep").create()
    assert [*map(str, here.dirs())] == ["deep"]
    assert here.dir("deep").exists()
    here.dir("deep").delete()
    assert local.delete()
    with pytest.raises(DataApiError):
        local.delete()
    assert server.seen == []


# -- names


def test_a_path_has_a_parent_and_a_name() -> None:
    assert getParentAndBase("me/c/x") == ("me/c", "x")
    assert getParentAndBase("me/c/") == ("me", "c")
    assert getParentAndBase("s3://bucket/a/b") == ("s3://bucket/a", "b")
    assert pathJoin("me/", "x") == pathJoin("me", "x") == "me/x"


def test_checksums_are_the_usual_ones(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert md5_for_file(tmp_path / "x") == md5_for_str("abc") == "900150983cd24fb0d6963f7d28e17f72"


def test_everything_that_is_raised_is_an_api_error() -> None:
    assert issubclass(DataApiError, ApiError)
    assert issubclass(ApiError, TrivetError)


# -- what nobody means well


def packed(*entries: str, content: bytes = b"hello " * 100) -> bytes:
    """An archive (zip) with entries of these names."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in entries:
            archive.writestr(name, content)
    return written.getvalue()


@pytest.mark.parametrize("name", ["/etc/passwd", "../../outside", "deep/../../outside", "./one"])
def test_the_one_file_of_an_archive_is_where_it_was_unpacked_to(serve: Serve, tmp_path: Path, name: str) -> None:
    unpacked = Path(serve(file(packed(name)))[0].file("a/b/z").getAsZip()).resolve()
    assert unpacked.read_bytes() == b"hello " * 100
    assert unpacked.is_relative_to(tmp_path.resolve())
    assert unpacked.parent != tmp_path.resolve()


def broken(archive: bytes) -> bytes:
    """The same with other bytes where the content is."""
    place = archive.index(b"x.txt") + len(b"x.txt")
    return archive[:place] + b"\xff" * 8 + archive[place + 8 :]


@pytest.mark.parametrize(
    "content",
    [broken(packed("x.txt")), packed(".."), packed("a", "a/b"), packed("x.txt")[:-30]],
    ids=[
        "other bytes",
        "no name",
        "a file that is a folder",
        "cut off",
    ],  # not by its bytes, which have the time in them
)
def test_a_broken_archive_is_said_and_leaves_nothing(serve: Serve, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataApiError, match="unable to unpack a/b/z"):
        serve(file(content))[0].file("a/b/z").getAsZip()
    assert list(tmp_path.iterdir()) == []


def test_a_listing_that_begins_anew_for_ever_is_none(serve: Serve) -> None:
    page = answer({"files": [ENTRY], "marker": "m1"})
    client, server = serve(page)
    found = []
    with pytest.raises(AnswerError, match="again and again"):
        found += [each.path for each in client.dir("data://me/c").dirs()]
    assert (found, len(server.seen)) == ([], 2)


@pytest.mark.parametrize(
    "told",
    [{"last_modified": "yesterday"}, {"last_modified": "2025-13-45T10:00:00Z"}, {"size": ...}],
)
def test_a_file_of_which_nonsense_is_told_is_no_file(serve: Serve, told: dict[str, Any]) -> None:
    entry = {name: value for name, value in (ENTRY | told).items() if value is not ...}
    with pytest.raises(AnswerError):
        list(serve(answer({"files": [entry]}))[0].dir("data://me/c").list())


def test_when_a_file_was_written_is_told_in_utc(serve: Serve) -> None:
    entry = {**ENTRY, "last_modified": "2025-01-02T10:00:00+02:00"}
    (found,) = serve(answer({"files": [entry]}))[0].dir("data://me/c").files()
    assert found.last_modified == datetime(2025, 1, 2, 8)  # noqa: DTZ001 - as the original tells it


@pytest.mark.parametrize("charset", ["undefined", "idna", "no-such", "", "a\0b"])
def test_a_charset_that_is_none_counts_as_not_named(serve: Serve, charset: str) -> None:
    assert serve(file("Zoë".encode(), f"text/plain; charset={charset}"))[0].file("a/b/x").getString() == "Zoë"


def test_a_file_that_is_no_json_is_named(serve: Serve) -> None:
    with pytest.raises(AnswerError, match="a/b/x holds no JSON: Expecting value"):
        serve(file(b"region,amount"))[0].file("a/b/x").getJson()


def test_what_can_t_be_text_is_not_sent(serve: Serve) -> None:
    client, server = serve(STORED)
    for attempt in (
        lambda: client.file("a/b/x").put("\ud800"),
        lambda: client.file("a/b/\ud800").put("x"),
        lambda: client.algo("demo/Hello").pipe("\ud800"),
    ):
        with pytest.raises(InputError, match="can't be sent"):
            attempt()
    assert server.seen == []


def test_an_archive_that_would_fill_the_disk_is_refused_and_leaves_nothing(serve: Serve, tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(8 * 1024 * 1024))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trivet.sdk._unpacking.ALWAYS", 1024 * 1024)
        with pytest.raises(DataApiError, match="unable to unpack a/b/z - it holds more than 2 MiB") as refused:
            serve(file(bomb.getvalue()))[0].file("a/b/z").getAsZip()
    assert (refused.value.code, bool(refused.value.hint)) == ("too_large", True)
    assert list(tmp_path.iterdir()) == []
