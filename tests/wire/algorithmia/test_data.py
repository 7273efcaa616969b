"""Hosted data: every route, its exact statuses, and what a name, a condition or a body that is wrong is told."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from tests.wire.algorithmia.fakes import PROOF, AlgorithmiaWorld, hold, message
from tests.wire.fakes import Answer
from trivet.platform.core.keys import Token

PUBLIC, OWNERS, PRIVATE = ["user://*"], ["algo://.my/*"], list[str]()
LAST_MODIFIED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def world() -> AlgorithmiaWorld:
    world = AlgorithmiaWorld()
    world.mkdir("photos")
    return world


def get(world: AlgorithmiaWorld, path: str, **request: Any) -> Answer:
    return world.call("GET", f"/data/{path}", **request)


# -- directories


def test_the_root_begins_with_the_callers_own_account(world: AlgorithmiaWorld) -> None:
    for path in ("", "/"):
        answer = get(world, path)
        assert answer.status == 200
        assert answer.headers["x-data-type"] == "directory"
        assert answer.json["folders"][0] == {"name": "admin"}
        assert "files" not in answer.json


def test_a_directory_is_made_listed_and_removed_with_exactly_200(world: AlgorithmiaWorld) -> None:
    made = world.call("POST", "/data/.my", json_body={"name": "new"})
    assert (made.status, made.json) == (200, {"result": "data://admin/new"})
    assert {"name": "new"} in get(world, "admin").json["folders"]
    assert (get(world, ".my/new").status, get(world, ".my/new/").json) == (200, {})
    gone = world.call("DELETE", "/data/.my/new")
    assert (gone.status, gone.json) == (200, {"result": {"deleted": 0}})
    assert get(world, ".my/new").status == 404


def test_a_directory_that_is_there_is_not_made_again(world: AlgorithmiaWorld) -> None:
    assert "photos" in message(world.call("POST", "/data/admin", json_body={"name": "photos"}), 409)


@pytest.mark.parametrize(
    "document",
    [
        {"name": ""},
        {"name": "a/b"},
        {"name": ".."},
        {"name": "x\u0000y"},
        {"name": "n" * 300},
        {"name": 5},
        {},
        [],
        {"name": "ok", "acl": {"read": ["everybody"]}},
        {"name": "ok", "acl": {}},
    ],
)
def test_a_directory_that_cannot_be_is_refused(world: AlgorithmiaWorld, document: Any) -> None:
    message(world.call("POST", "/data/.my", json_body=document), 400)
    assert get(world, ".my").json == {"folders": [{"name": "photos"}]}


def test_directories_hold_no_directories(world: AlgorithmiaWorld) -> None:
    message(world.call("POST", "/data/.my/photos", json_body={"name": "inner"}), 400)


@pytest.mark.parametrize("words", [PUBLIC, OWNERS, PRIVATE])
def test_who_may_read_is_said_in_algorithmias_words(world: AlgorithmiaWorld, words: list[str]) -> None:
    world.mkdir("said", words)
    assert get(world, ".my/said?acl=true").json["acl"] == {"read": words}
    assert "acl" not in get(world, ".my/said").json
    assert get(world, ".my/photos?acl=true").json["acl"] == {"read": OWNERS}
    answer = world.call("PATCH", "/data/.my/photos", json_body={"acl": {"read": words}})
    assert answer.status == 200
    assert get(world, ".my/photos?acl=True").json["acl"] == {"read": words}


def test_a_directory_with_files_goes_only_by_force(world: AlgorithmiaWorld) -> None:
    for name in "ab":
        world.put(f".my/photos/{name}")
    assert "files in it" in message(world.call("DELETE", "/data/.my/photos"), 400)
    gone = world.call("DELETE", "/data/.my/photos?force=true")
    assert (gone.status, gone.json) == (200, {"result": {"deleted": 2}})


def test_listings_come_by_pages(world: AlgorithmiaWorld) -> None:
    names = [f"f{number:04}" for number in range(1003)]
    for name in names:
        assert world.put(f".my/photos/{name}").status == 200
    first = get(world, ".my/photos").json
    assert len(first["files"]) == 1000
    second = get(world, f".my/photos?marker={first['marker']}").json
    assert "marker" not in second
    assert [file["filename"] for file in first["files"] + second["files"]] == names
    message(get(world, ".my/photos?marker=odd!"), 400)


def test_the_list_of_ones_own_collections(world: AlgorithmiaWorld) -> None:
    world.mkdir("open", PUBLIC)
    found = world.call("GET", "/hostedData").json["result"]
    assert [(each["collection_name"], each["acl"]["read_w"]) for each in found] == [("open", True), ("photos", False)]


# -- files


def test_a_file_is_written_read_and_deleted(world: AlgorithmiaWorld) -> None:
    body = "héllo".encode()
    written = world.put(".my/photos/a.txt", body)
    assert (written.status, written.json) == (200, {"result": "data://admin/photos/a.txt"})
    found = get(world, "admin/photos/a.txt")
    assert (found.status, found.body) == (200, body)
    assert found.headers["x-data-type"] == "file"
    assert found.headers["etag"] == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    assert found.headers["last-modified"].endswith("GMT")
    assert found.headers["content-length"] == str(len(body))
    listed = get(world, ".my/photos").json["files"][0]
    assert (listed["filename"], listed["size"]) == ("a.txt", len(body))
    assert LAST_MODIFIED.fullmatch(listed["last_modified"])
    gone = world.call("DELETE", "/data/.my/photos/a.txt")
    assert (gone.status, gone.json) == (200, {"result": {"deleted": 1}})
    message(get(world, ".my/photos/a.txt"), 404)
    message(world.call("DELETE", "/data/.my/photos/a.txt"), 404)


@pytest.mark.parametrize(
    ("body", "said", "told"),
    [
        (b"", None, "text/plain; charset=utf-8"),
        (b"plain", None, "text/plain; charset=utf-8"),
        (b"plain", "application/x-www-form-urlencoded", "text/plain; charset=utf-8"),
        (b"\xff\x00", None, "application/octet-stream"),
        (b"\xff\x00", "application/octet-stream", "application/octet-stream"),
        ("ä".encode()[:1], None, "application/octet-stream"),
        (b"x" * (64 * 1024 - 1) + "ä".encode(), None, "text/plain; charset=utf-8"),
        (b"42", "application/json", "application/json"),
        (b"<script>", "text/html", "text/html; charset=utf-8"),
        (b"x", "image/png", "image/png"),
        (b"x", "no type\x7f", "text/plain; charset=utf-8"),
    ],
)
def test_bytes_are_kept_as_they_came_and_text_says_its_charset(
    world: AlgorithmiaWorld, body: bytes, said: str | None, told: str
) -> None:
    world.put(".my/photos/f", body, headers={} if said is None else {"content-type": said})
    found = get(world, ".my/photos/f")
    assert (found.body, found.headers["content-type"]) == (body, told)
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in found.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", [".my/photos/f", ".my/photos", "admin", "", ".my/photos/none", ".my/none/f", "s3://b/k"]
)
def test_head_says_what_get_says_and_why_not_in_a_header(world: AlgorithmiaWorld, path: str) -> None:
    world.put(".my/photos/f")
    whole, head = get(world, path), world.call("HEAD", f"/data/{path}")
    assert (head.status, head.body) == (whole.status, b"")
    kept = {name: text for name, text in head.headers.items() if name != "x-error-message"}
    assert kept == whole.headers
    assert ("x-error-message" in head.headers) == (whole.status >= 400)


def test_an_empty_upload_may_come_in_chunks_of_nothing(world: AlgorithmiaWorld) -> None:
    assert world.put(".my/photos/empty", [b""]).status == 200  # type: ignore[arg-type]  # in pieces, without a length
    assert get(world, ".my/photos/empty").body == b""


def test_a_part_of_a_file_can_be_asked_for(world: AlgorithmiaWorld) -> None:
    world.put(".my/photos/f", b"0123456789")
    part = get(world, ".my/photos/f", headers={"range": "bytes=2-4"})
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    message(get(world, ".my/photos/f", headers={"range": "bytes=10-"}), 416)
    etag = part.headers["etag"]
    assert get(world, ".my/photos/f", headers={"if-none-match": etag}).status == 304
    message(get(world, ".my/photos/f", headers={"if-match": '"other"'}), 412)


def test_a_write_may_have_conditions(world: AlgorithmiaWorld) -> None:
    assert world.put(".my/photos/f", b"1", headers={"if-none-match": "*"}).status == 200
    message(world.put(".my/photos/f", b"2", headers={"if-none-match": "*"}), 412)
    message(world.put(".my/photos/f", b"2", headers={"if-match": '"other"'}), 412)
    assert get(world, ".my/photos/f").body == b"1"


def test_a_length_that_lies_leaves_the_old_file_whole(world: AlgorithmiaWorld) -> None:
    world.put(".my/photos/f", b"old")
    message(world.put(".my/photos/f", [b"new"], headers={"content-length": "10"}), 400)  # type: ignore[arg-type]
    message(world.put(".my/photos/f", [b"new" * 9], headers={"content-length": "10"}), 400)  # type: ignore[arg-type]
    assert get(world, ".my/photos/f").body == b"old"


@pytest.mark.parametrize("name", ["with%20space", "plus+plus", "%C3%A4%F0%9F%8E%89", "a%23b%3F", "caf%C3%A9", "a%25b"])
def test_odd_names_come_back_as_they_are(world: AlgorithmiaWorld, name: str) -> None:
    assert world.put(f".my/photos/{name}", name.encode()).status == 200
    assert get(world, f".my/photos/{name}").body == name.encode()


def test_names_that_differ_only_in_unicode_form_are_one(world: AlgorithmiaWorld) -> None:
    world.put(".my/photos/e%CC%81", b"decomposed")
    assert get(world, ".my/photos/%C3%A9").body == b"decomposed"


@pytest.mark.parametrize(
    "path",
    [
        ".my/photos/..",
        ".my/photos/../../x/y",
        ".my/photos/%2e%2e",
        ".my/photos/%00",
        ".my/photos/a%2Fb",
        ".my/photos%2Fb",
        ".my/photos/%ff",
        ".my/photos/" + "n" * 256,
        ".my/photos/a/b",
        ".my//f",
        ".algo/x",
        ".session/f",
        ".algo/temp/f",
        ".other/c/f",
    ],
)
def test_a_path_that_cannot_be_is_refused_by_every_method(world: AlgorithmiaWorld, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        message(world.call(method, f"/data/{path}", body=b"x" if method == "PUT" else b""), 400)


def test_nothing_is_made_on_the_way_to_a_file(world: AlgorithmiaWorld) -> None:
    message(world.put(".my/none/f"), 404)
    message(world.put(".my/photos"), 400)
    message(world.put("nobody/photos/f"), 404)


# -- other stores, other ways


@pytest.mark.parametrize(
    "path", ["data/s3+lab://bucket/k", "data/dropbox://", "connector/s3+lab/bucket%2Fk", "data/S3://b"]
)
def test_other_stores_are_told_to_be_missing(world: AlgorithmiaWorld, path: str) -> None:
    for method in ("GET", "PUT", "POST", "PATCH", "DELETE"):
        answer = world.call(method, f"/{path}")
        assert "connectors" in message(answer, 501)
        assert answer.json["error"]["code"] == 5005


def test_the_connector_called_data_is_hosted_data(world: AlgorithmiaWorld) -> None:
    world.put(".my/photos/f", b"1")
    for path in ("data/.my/photos/f", "data/.my%2Fphotos%2Ff", "DATA/admin/photos/f", "data%2F.my%2Fphotos%2Ff"):
        assert world.call("GET", f"/connector/{path}").body == b"1"


def test_an_address_that_ends_in_a_slash_does_no_harm(world: AlgorithmiaWorld) -> None:
    world.put(".my/photos/f", b"1")
    for path in ("//v1/data/.my/photos/f", "/v1//data/.my/photos/f"):
        answer = world.run(world.caller.ask("GET", f"/algorithmia{path}", token=world.admin_token))
        assert answer.body == b"1"


@pytest.mark.parametrize("path", ["/nothing", "", "/data2/x"])
def test_what_is_not_there_is_told_in_the_same_shape(world: AlgorithmiaWorld, path: str) -> None:
    message(world.call("GET", path), 404)


@pytest.mark.parametrize(("method", "path"), [("GET", "/algo/a/b"), ("PUT", "/insights"), ("TRACE", "/data/.my")])
def test_a_method_that_is_not_known_is_told_which_are(world: AlgorithmiaWorld, method: str, path: str) -> None:
    answer = world.call(method, path)
    message(answer, 405)
    assert answer.headers["allow"]


# -- strangers


ROUTES = [
    ("GET", "ann/album"),
    ("HEAD", "ann/album/f"),
    ("GET", "ann/album/f"),
    ("GET", "ann/album?acl=true"),
    ("PUT", "ann/album/f"),
    ("PUT", "ann/album/new"),
    ("PATCH", "ann/album"),
    ("DELETE", "ann/album/f"),
    ("DELETE", "ann/album"),
    ("DELETE", "ann/album?force=true"),
]


@pytest.fixture
def shared(world: AlgorithmiaWorld) -> AlgorithmiaWorld:
    for name in ("ann", "ben"):
        world.account(name)
    world.mkdir("album", token=world.token("ann"))
    assert world.put(".my/album/f", b"ann's", token=world.token("ann")).status == 200
    return world


def ask(world: AlgorithmiaWorld, method: str, path: str, token: Token | str | None) -> Answer:
    document = {"acl": {"read": PUBLIC}} if method == "PATCH" else None
    return world.call(method, f"/data/{path}", token=token, body=b"x" if method == "PUT" else b"", json_body=document)


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("POST", "ann"), ("GET", "")])
def test_without_a_key_that_counts_nobody_gets_further(shared: AlgorithmiaWorld, method: str, path: str) -> None:
    for token in (None, "nonsense", "trv_0123456789ab_wrong"):
        answer = ask(shared, method, path, token)
        assert answer.status == 401
        assert answer.headers["content-type"] == "application/json"
    assert get(shared, "ann/album/f", token=shared.token("ann")).body == b"ann's"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_stranger_cannot_tell_what_is_hidden_from_what_is_not_there(
    shared: AlgorithmiaWorld, method: str, path: str
) -> None:
    ben = shared.token("ben")
    hidden, missing = ask(shared, method, path, ben), ask(shared, method, path.replace("album", "other"), ben)
    assert hidden.status == missing.status == 404
    assert hidden.body.replace(b"album", b"other") == missing.body
    assert get(shared, "ann/album/f", token=shared.token("ann")).body == b"ann's"


def test_what_is_public_is_read_by_everybody_and_written_by_its_owner(shared: AlgorithmiaWorld) -> None:
    ann, ben = shared.token("ann"), shared.token("ben")
    assert ask(shared, "PATCH", "ann/album", ann).status == 200
    for method, path in ROUTES:
        answer = ask(shared, method, path, ben)
        assert answer.status == (200 if method in ("GET", "HEAD") else 403), (method, path, answer.body)
    assert get(shared, "ann/album/f", token=ann).body == b"ann's"


def test_nobody_makes_a_directory_for_somebody_else(shared: AlgorithmiaWorld) -> None:
    answer = shared.call("POST", "/data/ann", json_body={"name": "mine"}, token=shared.token("ben"))
    assert answer.status in (403, 404)
    assert get(shared, ".my", token=shared.token("ann")).json == {"folders": [{"name": "album"}]}


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("POST", "ann"), ("GET", "")])
def test_a_key_without_the_scope_gets_no_further(shared: AlgorithmiaWorld, method: str, path: str) -> None:
    document = {"name": "new"} if method == "POST" else {"acl": {"read": PUBLIC}} if method == "PATCH" else None
    token = shared.token("ann", "call", "read")
    answer = shared.call(method, f"/data/{path}", token=token, json_body=document)
    assert answer.status == 403


# -- from inside a worker


@pytest.fixture
def inside(shared: AlgorithmiaWorld) -> AlgorithmiaWorld:
    """Ben has called an algorithm of ann's, and its worker is at work."""
    ann, ben = shared.principal(shared.token("ann")), shared.token("ben")
    shared.offer("ann/song", owner=ann)
    shared.share("ann/song")
    shared.handler = hold
    shared.doors.job_id = shared.pipe("ann/song?output=void", token=ben).json["request_id"]
    return shared


def test_a_job_acts_for_its_caller_and_reads_what_its_owner_lets_it(inside: AlgorithmiaWorld) -> None:
    door = f"/w/{PROOF}"
    assert inside.at(door, "GET", "/data/").json["folders"] == [{"name": "ben"}]
    assert inside.at(door, "GET", "/data/ann/album/f").body == b"ann's"
    message(inside.at(door, "PUT", "/data/ann/album/f", body=b"x"), 403)
    message(inside.at(door, "GET", "/data/admin/photos"), 404)


def test_what_an_algorithm_keeps_for_a_caller_is_that_callers_alone(inside: AlgorithmiaWorld) -> None:
    door = f"/w/{PROOF}"
    written = inside.at(door, "PUT", "/data/.algo/temp/faces.png", body=b"\x89PNG")
    assert written.status == 200
    assert inside.at(door, "GET", "/data/.algo/ann/song/temp/faces.png").body == b"\x89PNG"
    for token, status in ((inside.token("ben"), 200), (inside.token("ann"), 404), (inside.admin_token, 404)):
        assert get(inside, ".algo/ann/song/temp/faces.png", token=token).status == status
    message(inside.put(".algo/ann/song/temp/faces.png", token=inside.token("ben")), 403)


def test_a_session_is_there_inside_a_call(inside: AlgorithmiaWorld) -> None:
    door = f"/w/{PROOF}"
    assert inside.at(door, "PUT", "/data/.session/part", body=b"1").status == 200
    assert inside.at(door, "GET", "/data/.session/part").body == b"1"
    listing = inside.at(door, "GET", "/data/.session?acl=true").json
    assert (len(listing["files"]), "acl" in listing) == (1, False)
    message(get(inside, ".session/part", token=inside.token("ben")), 400)


@pytest.mark.parametrize("door", ["/w/w1.wrong", "/w/w2.secret", "/w/w1", "/w/.", "/w/"])
def test_a_door_that_is_no_workers_is_closed(inside: AlgorithmiaWorld, door: str) -> None:
    answer = inside.at(door, "GET", "/data/")
    assert answer.status in (401, 404)
    assert PROOF not in answer.body.decode()


def test_a_key_of_its_own_counts_at_a_workers_door(inside: AlgorithmiaWorld) -> None:
    answer = inside.at(f"/w/{PROOF}", "GET", "/data/", token=inside.token("ann"))
    assert answer.json["folders"] == [{"name": "ann"}]


def test_a_job_calls_for_its_caller(inside: AlgorithmiaWorld) -> None:
    first = inside.doors.job_id
    document = inside.at(
        f"/w/{PROOF}", "POST", "/algo/ann/song?output=void", body=b"x", headers={"content-type": "text/plain"}
    ).json
    job = inside.dispatcher.open_jobs.job(document["request_id"])
    assert job is not None
    assert (job.parent_id, job.account_id) == (first, inside.principal(inside.token("ben")).account_id)


# -- insights


def test_what_a_job_reports_is_kept_with_it(inside: AlgorithmiaWorld) -> None:
    report = [{"insight_key": "risk_score", "insight_value": 0.08}, {"insight_key": "approved", "insight_value": 1}]
    assert inside.at(f"/w/{PROOF}", "POST", "/insights", json_body=report).status == 200
    job_id = inside.doors.job_id
    inside.finish()
    found = inside.run(inside.jobs.insights(inside.principal(inside.token("ben")), job_id))
    assert [(event.label, json.loads(event.data)) for event in found] == [("risk_score", 0.08), ("approved", 1)]
    shown = inside.ask("GET", f"/jobs/{job_id}/insights", token=inside.token("ben")).json["items"]
    assert [(each["key"], each["value"]) for each in shown] == [("risk_score", 0.08), ("approved", 1)]
    inside.account("eve")
    assert inside.ask("GET", f"/jobs/{job_id}/insights", token=inside.token("eve")).status == 404


@pytest.mark.parametrize(
    "report",
    [
        [],
        {},
        [{"insight_key": "a"}],
        [{"insight_key": "request_id", "insight_value": 1}],
        [{"insight_key": "", "insight_value": 1}],
        [{"insight_key": "a", "insight_value": [1]}],
        [{"insight_key": f"k{number}", "insight_value": 1} for number in range(26)],
    ],
)
def test_a_report_that_cannot_be_is_refused_at_once_and_whole(inside: AlgorithmiaWorld, report: Any) -> None:
    message(inside.at(f"/w/{PROOF}", "POST", "/insights", json_body=report), 400)
    inside.finish()
    events = inside.run(inside.jobs.insights(inside.principal(inside.token("ben")), inside.doors.job_id))
    assert events == []


def test_a_report_over_its_size_or_from_elsewhere_is_refused(inside: AlgorithmiaWorld) -> None:
    long = [{"insight_key": "a", "insight_value": "x" * 26_000}]
    message(inside.at(f"/w/{PROOF}", "POST", "/insights", json_body=long), 413)
    report = [{"insight_key": "a", "insight_value": 1}]
    message(inside.call("POST", "/insights", json_body=report), 403)
    message(inside.call("POST", "/insights", json_body=report, token=None), 403)


def test_a_job_cannot_report_without_end(inside: AlgorithmiaWorld) -> None:
    report = [{"insight_key": f"k{number}", "insight_value": 1} for number in range(25)]
    statuses = [inside.at(f"/w/{PROOF}", "POST", "/insights", json_body=report).status for _ in range(41)]
    assert statuses == [200] * 40 + [400]
