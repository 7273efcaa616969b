"""Requests that nobody means well with, or that a broken client makes."""

from __future__ import annotations

import asyncio

import pytest

from tests.wire.algorithmia_management.world import Desk, refused


@pytest.mark.parametrize(
    "path",
    [
        "/algorithms/admin%2FHello/x",
        "/algorithms/a%2Fb/Hello",
        "/algorithms/admin/..%2f..%2fetc",
        "/algorithms/admin/Hello%00",
        "/algorithms/admin/%F0%9F%8E%89",
        "/algorithms/../admin/Hello%0a",
        f"/algorithms/{'x' * 5000}/Hello",
        "/algorithms/admin/Hello@1",
        "/algorithms/00000000-0000-4000-8000-00000000000g/errors",
        "/algorithms/00000000-0000-4000-8000-000000000000",
    ],
)
def test_odd_names_are_algorithms_that_are_not_there(desk: Desk, path: str) -> None:
    desk.create()
    found = desk.ask("GET", path)
    assert found.status == 404
    assert found.json["error"]["message"]


def test_a_name_that_is_no_utf_8_is_refused(desk: Desk) -> None:
    assert refused(desk.ask("GET", "/algorithms/admin/%ff%fe"))[0] == 400


def test_slashes_too_many_change_nothing(desk: Desk) -> None:
    made = desk.create()
    assert desk.ask("GET", "//algorithms/admin/Hello/").json == made


def test_json_that_is_too_deep_or_twice_there_is_harmless(desk: Desk) -> None:
    desk.create()
    deep = b'{"details":' + b"[" * 500 + b"]" * 500 + b"}"
    assert refused(desk.ask("PUT", "/algorithms/admin/Hello", body=deep))[:2] == (400, 2013)
    assert refused(desk.ask("PUT", "/algorithms/admin/Hello", body=b'{"details": NaN}'))[0] == 400
    twice = b'{"details": {"label": "a"}, "details": {"label": "b"}}'
    assert desk.ask("PUT", "/algorithms/admin/Hello", body=twice).json["details"]["label"] == "b"


def test_a_query_may_be_odd(desk: Desk) -> None:
    desk.create()
    assert desk.ask("GET", "/algorithms/admin/Hello/versions?published=maybe&callable=&x=%ff&&=").status == 200
    assert refused(desk.ask("GET", f"/algorithms/admin/Hello?x={'y' * 5000}"))[0] == 400


def test_what_an_algorithm_keeps_has_a_limit(desk: Desk) -> None:
    desk.create()
    full = {"details": dict.fromkeys(("label", "tagline", "summary"), "☃" * 9000)}
    assert desk.ask("PUT", "/algorithms/admin/Hello", json_body=full).status == 413
    assert desk.ask("GET", "/algorithms/admin/Hello").json["details"]["label"] == "Hello"


def test_a_length_that_is_none_and_a_host_that_is_none_are_taken_for_what_they_are(desk: Desk) -> None:
    desk.create()
    assert refused(desk.ask("POST", "/algorithms/admin", headers={"content-length": "many"}))[0] == 400
    desk.compile()
    found = desk.ask("GET", "/algorithms/admin/Hello", headers={"host": 'x"><script>'})
    assert found.json["self_link"].startswith("/algorithmia/v1/")


def test_who_hangs_up_amid_its_body_is_not_answered(desk: Desk) -> None:
    gone = asyncio.Event()
    gone.set()
    headers = {"authorization": str(desk.token), "content-length": "9"}
    found = desk.world.run(
        desk.client.ask("POST", "/algorithmia/v1/algorithms/admin", headers=headers, body=[], gone=gone)
    )
    assert found.status == 0


def test_a_fault_of_the_platform_tells_a_number_and_nothing_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.create()

    def break_down(*_: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(desk.world.endpoints, "versions_of", break_down)
    status, code, message = refused(desk.ask("GET", "/algorithms/admin/Hello"))
    assert (status, code) == (500, 5001)
    assert "incident" in message
    assert "secret" not in message
