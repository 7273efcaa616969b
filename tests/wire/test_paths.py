"""Paths, methods and everything odd that may stand in a request line."""

from __future__ import annotations

import pytest

from tests.wire.fakes import Client, World
from trivet.platform.dialects.native.docs_page import create_docs_app


@pytest.fixture(scope="module")
def world() -> World:
    made = World()
    made.offer()
    made.offer("admin/logs")
    return made


@pytest.mark.parametrize(
    "path",
    ["/nope", "/endpoints/a/b/c/d", "/jobs/a/b/c", "x", "//jobs", "/endpoints//x/run", "/endpoints/admin//run"],
)
def test_a_path_that_nobody_knows_is_a_problem(world: World, path: str) -> None:
    for method in ("GET", "POST"):
        answer = world.ask(method, path)
        assert answer.status in (404, 405)
        assert answer.code in ("not_found", "method_not_allowed")


def test_a_path_outside_the_prefix_is_a_problem_too(world: World) -> None:
    for path in ("/", "/api", "/api/v2/jobs", "/api/v1x", "/favicon.ico", "/../etc/passwd"):
        answer = world.run(world.client.ask("GET", path))
        assert (answer.status, answer.code) == (404, "not_found")
    assert "console" in world.run(world.client.ask("GET", "/")).json["detail"]


def test_slashes_at_the_end_are_tolerated(world: World) -> None:
    for path in ("/", "/jobs/", "/endpoints/admin/hello/", "/openapi.json/"):
        assert world.ask("GET", path).status == 200
    assert world.ask("POST", "/endpoints/admin/hello/run/", body=b"1").status == 200


def test_percent_encoding_is_understood_but_no_slash_hides_in_it(world: World) -> None:
    assert world.ask("GET", "/endpoints/%61dmin/h%65llo").status == 200
    for path in ("/endpoints/admin%2Fhello", "/endpoints/admin%2fhello/run", "/endpoints/%2e%2e%2fjobs", "/jobs%2F"):
        for method in ("GET", "POST"):
            assert world.ask(method, path).code == "not_found"


@pytest.mark.parametrize("name", ["%00", "%0d%0aset-cookie:x", "%ff%fe", "<script>", "'--", "..", "💥", "x" * 5000])
def test_odd_names_name_nothing_and_break_nothing(world: World, name: str) -> None:
    for path in (
        f"/endpoints/admin/{name}",
        f"/endpoints/{name}",
        f"/jobs/{name}",
        f"/orgs/{name}",
        f"/accounts/{name}",
    ):
        answer = world.ask("GET", path)
        assert (answer.status, answer.code) == (404, "not_found")
        assert all("\r" not in value and "\n" not in value for value in answer.headers.values())


def test_a_method_that_a_path_does_not_know_is_told_which_it_knows(world: World) -> None:
    for method, path, allowed in [
        ("DELETE", "/jobs", "GET, HEAD, OPTIONS"),
        ("GET", "/endpoints/admin/hello/run", "OPTIONS, POST"),
        ("PUT", "/endpoints/admin/hello", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("POST", "/openapi.json", "GET, HEAD, OPTIONS"),
        ("BREW", "/jobs/x/result", "GET, HEAD, OPTIONS"),
        ("POST", "", "GET, HEAD, OPTIONS"),
    ]:
        answer = world.ask(method, path)
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["allow"] == allowed


def test_options_tells_the_methods_without_a_key(world: World) -> None:
    answer = world.ask("OPTIONS", "/endpoints/admin/hello", token=None)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"


def test_head_is_get_without_its_body(world: World) -> None:
    job = world.ask("POST", "/endpoints/admin/hello/run", body=b"1").headers["trivet-job-id"]
    for path in ("", "/openapi.json", "/jobs", "/endpoints/admin/hello", f"/jobs/{job}", f"/jobs/{job}/result"):
        got, headed = world.ask("GET", path), world.ask("HEAD", path)
        assert (headed.status, headed.body) == (200, b"")
        assert headed.headers == got.headers


def test_an_endpoint_may_be_named_like_a_part_of_the_api(world: World) -> None:
    assert world.ask("GET", "/endpoints/admin/logs").json["name"] == "admin/logs"
    assert world.ask("GET", "/endpoints/admin/logs/logs").json == {"items": []}
    assert world.ask("GET", "/endpoints/admin/health").code == "not_found"


def test_parameters_that_a_route_does_not_know_are_refused(world: World) -> None:
    answer = world.ask("GET", "/endpoints?limitt=5")
    assert (answer.status, answer.code) == (400, "bad_request")
    assert "limit, cursor" in answer.json["hint"]
    assert world.ask("GET", "/me?x=1").json["hint"] == "It has none."


def test_a_prefix_in_front_of_everything_is_taken_off(world: World) -> None:
    async def behind_proxy() -> int:
        sent = []

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        async def receive() -> dict[str, object]:
            return {"type": "http.disconnect"}

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/trivet/api/v1/openapi.json",
            "raw_path": b"/trivet/api/v1/openapi.json",
            "root_path": "/trivet",
            "query_string": b"",
            "headers": [],
        }
        await world.client.app(scope, receive, send)
        return int(sent[0]["status"])  # type: ignore[call-overload]

    assert world.run(behind_proxy()) == 200


def test_a_client_that_leaves_before_its_body_is_whole_is_answered_by_nothing(world: World) -> None:
    async def leaves() -> list[object]:
        sent: list[object] = []

        async def send(message: object) -> None:
            sent.append(message)

        parts = [{"type": "http.request", "body": b"[1,", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> dict[str, object]:
            return parts.pop(0)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/api/v1/endpoints/admin/hello/run",
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {world.admin_token}".encode())],
        }
        await world.client.app(scope, receive, send)
        return sent

    assert world.run(leaves()) == []


def test_the_pages_answer_at_docs_and_nowhere_else(world: World) -> None:
    client = Client(create_docs_app(world.settings))
    page = world.run(client.ask("GET", "/docs/"))
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert world.run(client.ask("HEAD", "/docs")).body == b""
    assert world.run(client.ask("GET", "/docs/x")).code == "not_found"
    refused = world.run(client.ask("POST", "/docs"))
    assert (refused.code, refused.headers["allow"]) == ("method_not_allowed", "GET, HEAD")
