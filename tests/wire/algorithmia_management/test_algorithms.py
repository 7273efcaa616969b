"""Algorithms over the wire: made, compiled, published, read back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.wire.algorithmia_management.world import Desk, refused
from trivet.platform.core.accounts import Scope
from trivet.platform.core.endpoints import EndpointReference, Visibility
from trivet.platform.core.errors import NotFound
from trivet.platform.core.jobs import JobError
from trivet.platform.dialects.algorithmia.management.environments import ENVIRONMENT

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_an_algorithm_is_made_without_a_version(desk: Desk) -> None:
    made = desk.create(algorithm_environment=ENVIRONMENT, license="mit")
    assert UUID.fullmatch(made["id"])
    assert made["name"] == made["details"]["label"] == "Hello"
    assert made["resource_type"] == "algorithm"
    assert made["settings"]["algorithm_callability"] == "private"
    assert made["settings"]["license"] == "mit"
    assert made["source"]["scm"]["id"] == "internal"
    assert made.keys().isdisjoint({"version_info", "build", "compilation", "self_link"})
    endpoint = desk.world.endpoints.by_id(made["id"])
    assert endpoint is not None
    assert endpoint.full_name == "admin/Hello"
    assert desk.ask("GET", "/algorithms/admin/Hello").json == made
    assert desk.ask("GET", f"/algorithms/{made['id']}").json == made


def test_what_was_compiled_is_called_by_its_hash_alone(desk: Desk) -> None:
    desk.create()
    compiled = desk.compile()
    assert compiled["compilation"]["successful"] is True
    assert "Resolved 1 package" in compiled["compilation"]["output"]
    digest = compiled["version_info"]["git_hash"]
    assert re.fullmatch(r"[0-9a-f]{40}", digest)
    assert "semantic_version" not in compiled["version_info"]
    assert compiled["build"]["status"] == "succeeded"
    assert compiled["build"]["commit_sha"] == digest
    assert compiled["self_link"].endswith(f"/algorithms/admin/Hello/versions/{digest}")
    endpoints, admin = desk.world.endpoints, desk.world.admin
    _, version = endpoints.pick(admin, EndpointReference.parse("admin/Hello", digest))
    assert version.is_held
    for reference in (None, "latest", "0.0.0", "0", "0.x"):
        with pytest.raises(NotFound):
            endpoints.pick(admin, EndpointReference.parse("admin/Hello", reference))


def test_compiling_twice_builds_once(desk: Desk) -> None:
    desk.create()
    first, second = desk.compile(), desk.compile()
    assert first == second
    assert len(desk.world.builder.told) == 1


def test_two_who_compile_at_a_time_are_both_told_of_the_one_build(desk: Desk) -> None:
    desk.create()

    def ask() -> Any:
        headers = {"authorization": str(desk.token), "content-type": "application/json"}
        return desk.client.ask("POST", "/algorithmia/v1/algorithms/admin/Hello/compile", headers=headers)

    answers = desk.together(ask, ask)
    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.json["compilation"]["successful"] for answer in answers] == [True, True]
    assert len({answer.json["version_info"]["git_hash"] for answer in answers}) == 1


def test_a_build_that_fails_is_told_with_its_log_and_leaves_no_version(desk: Desk) -> None:
    desk.create()
    desk.will_fail("src/Hello.py can't be imported: no module named 'torch'")
    failed = desk.compile()
    assert failed["compilation"]["successful"] is False
    assert "no module named 'torch'" in failed["compilation"]["output"]
    assert failed["build"]["status"] == "failed"
    assert "semantic_version" not in failed["version_info"]
    assert refused(desk.publish())[:2] == (400, 1007)
    desk.will_build("Hello")
    assert desk.compile()["compilation"]["successful"] is True
    builds = desk.ask("GET", "/algorithms/admin/Hello/builds?limit=56").json["results"]
    assert [build["status"] for build in builds] == ["succeeded", "failed"]


def test_publishing_makes_the_newest_build_current_under_the_next_number(desk: Desk) -> None:
    desk.create()
    digest = desk.compile()["version_info"]["git_hash"]
    published = desk.publish()
    assert published.status == 200
    assert published.json["version_info"]["semantic_version"] == "0.1.0"
    assert published.json["version_info"]["git_hash"] == digest
    assert published.json["build"]["version_info"] == {"semantic_version": "0.1.0"}
    _, version = desk.world.endpoints.pick(desk.world.admin, EndpointReference.parse("admin/Hello"))
    assert version.number == "0.1.0"
    status, code, message = refused(desk.publish())
    assert (status, code) == (400, 1007)
    assert "0.1.0" in message
    listed = desk.ask("GET", "/algorithms/admin/Hello/versions?published=true").json
    assert [each["version_info"]["semantic_version"] for each in listed["results"]] == ["0.1.0"]
    assert (listed["marker"], listed["next_link"]) == (None, None)


@pytest.mark.parametrize(
    ("version_type", "number"),
    [("major", "1.0.0"), ("minor", "0.1.0"), ("revision", "0.0.1"), ("patch", "0.0.1"), (None, "0.1.0")],
)
def test_the_part_of_the_number_is_the_publishers_choice(desk: Desk, version_type: str | None, number: str) -> None:
    desk.create()
    desk.compile()
    assert desk.publish(version_type=version_type).json["version_info"]["semantic_version"] == number


def test_a_deployment_moves_the_source_on(desk: Desk) -> None:
    desk.create()
    first = desk.compile()["version_info"]["git_hash"]
    desk.publish()
    desk.world.now += 1
    desk.world.publish(desk.world.admin, "admin/Hello", digest="d" * 64)
    compiled = desk.compile()
    assert compiled["version_info"]["git_hash"] == "d" * 40 != first
    assert compiled["version_info"]["semantic_version"] == "0.2.0"
    found = desk.ask("GET", "/algorithms/admin/Hello/versions").json["results"]
    assert [each["version_info"]["git_hash"] for each in found] == ["d" * 40, first]
    assert desk.ask("GET", f"/algorithms/admin/Hello/versions/{first}").json["version_info"]["git_hash"] == first


def test_callability_decides_who_may_call(desk: Desk) -> None:
    made = desk.create()
    desk.compile()
    assert desk.publish(algorithm_callability="public").json["settings"]["algorithm_callability"] == "public"
    endpoint = desk.world.endpoints.by_id(made["id"])
    assert endpoint is not None
    assert endpoint.visibility is Visibility.PUBLIC
    listed = desk.ask("GET", "/algorithms/admin/Hello/versions?callable=public").json["results"]
    assert len(listed) == 1
    assert desk.ask("GET", "/algorithms/admin/Hello/versions?callable=false").json["results"] == []
    desk.ask("PUT", "/algorithms/admin/Hello", json_body={"settings": {"algorithm_callability": "private"}})
    assert desk.world.endpoints.by_id(made["id"]).visibility is Visibility.PRIVATE  # type: ignore[union-attr]  # it is there


def test_what_promises_more_than_holds_is_answered_with_what_holds(desk: Desk) -> None:
    made = desk.create(source_visibility="open", network_access="isolated", pipeline_enabled=False)
    assert made["settings"]["source_visibility"] == "closed"
    assert made["settings"]["network_access"] == "full"
    assert made["settings"]["pipeline_enabled"] is True


def test_a_form_changes_nothing_and_json_does(desk: Desk) -> None:
    made = desk.create()
    form = {"content-type": "application/x-www-form-urlencoded"}
    same = desk.ask("PUT", "/algorithms/admin/Hello", body=b"details=label&settings=license", headers=form)
    assert (same.status, same.json) == (200, made)
    empty = desk.ask("PUT", "/algorithms/admin/Hello", body=[b"", b""])
    assert (empty.status, empty.json) == (200, made)
    changed = desk.ask(
        "PUT",
        "/algorithms/admin/Hello",
        json_body={"details": {"summary": "Greets"}, "version_info": {"sample_input": '"x"'}},
    )
    assert changed.json["details"] == {"label": "Hello", "tagline": "", "summary": "Greets"}


def test_others_see_what_is_published_and_nothing_of_the_inside(desk: Desk) -> None:
    desk.create()
    digest = desk.compile()["version_info"]["git_hash"]
    desk.ask("PUT", "/algorithms/admin/Hello", json_body={"settings": {"algorithm_callability": "public"}})
    desk.world.account("ben")
    ben = desk.world.token("ben")
    held = refused(desk.ask("GET", f"/algorithms/admin/Hello/versions/{digest}", token=ben))
    unknown = refused(desk.ask("GET", f"/algorithms/admin/Hello/versions/{'e' * 40}", token=ben))
    assert held == (404, 1014, unknown[2].replace("e" * 40, digest))
    assert desk.ask("GET", "/algorithms/admin/Hello/versions", token=ben).json["results"] == []
    assert "version_info" not in desk.ask("GET", "/algorithms/admin/Hello", token=ben).json
    with pytest.raises(NotFound):
        desk.world.endpoints.pick(desk.world.principal(ben), EndpointReference.parse("admin/Hello", digest))
    desk.publish()
    found = desk.ask("GET", f"/algorithms/admin/Hello/versions/{digest}", token=ben).json
    assert found["version_info"]["semantic_version"] == "0.1.0"
    assert found.keys().isdisjoint({"build", "compilation"})
    for path in ("builds", "errors", "scm/status"):
        assert refused(desk.ask("GET", f"/algorithms/admin/Hello/{path}", token=ben))[:2] == (403, 2001)


def test_an_algorithm_of_another_way_has_an_id_too(desk: Desk) -> None:
    desk.world.publish(desk.world.admin, "admin/hello")
    found = desk.ask("GET", "/algorithms/admin/hello").json
    assert UUID.fullmatch(found["id"])
    assert desk.ask("GET", f"/algorithms/{found['id'].upper()}").json == found
    assert found["version_info"]["semantic_version"] == "1.0.0"


def test_nobody_takes_the_id_of_anothers_algorithm_by_choosing_it(desk: Desk) -> None:
    desk.world.publish(desk.world.admin, "admin/hello")
    id_ = desk.ask("GET", "/algorithms/admin/hello").json["id"]
    desk.world.now += 1
    desk.world.publish(desk.world.account("ann"), "ann/hello", digest="b" * 64, endpoint_id=id_)
    assert desk.ask("GET", f"/algorithms/{id_}").json["self_link"].split("/")[-4:-2] == ["admin", "hello"]


def test_builds_and_their_logs_are_read_back(desk: Desk) -> None:
    desk.create()
    compiled = desk.compile()
    build_id = compiled["build"]["build_id"]
    build = desk.ask("GET", f"/algorithms/admin/Hello/builds/{build_id}").json
    assert build == compiled["build"]
    assert UUID.fullmatch(build_id)
    logs = desk.ask("GET", f"/algorithms/admin/Hello/builds/{build_id}/logs").json
    assert logs == {"logs": compiled["compilation"]["output"]}
    missing = desk.ask("GET", "/algorithms/admin/Hello/builds/bbbbbbbb-0000-4000-8000-000000000000")
    assert refused(missing)[:2] == (404, 1010)
    assert desk.ask("GET", "/algorithms/admin/Hello/scm/status").json == {"scm_connection_status": "active"}


def test_pages_follow_each_other(desk: Desk) -> None:
    desk.create()
    desk.will_fail("no")
    for _ in range(3):
        desk.compile()
    first = desk.ask("GET", "/algorithms/admin/Hello/builds?limit=2").json
    assert len(first["results"]) == 2
    assert first["next_link"].startswith("http://trivet.test/algorithmia/v1/algorithms/admin/Hello/builds?")
    second = desk.ask("GET", f"/algorithms/admin/Hello/builds?limit=2&marker={first['marker']}").json
    assert len(second["results"]) == 1
    assert second["marker"] is None
    times = [build["started_at"] for build in first["results"] + second["results"]]
    assert times == sorted(times, reverse=True)
    assert refused(desk.ask("GET", "/algorithms/admin/Hello/builds?marker=xx"))[:2] == (400, 5002)
    for limit in ("0", "-1", "many"):
        assert refused(desk.ask("GET", f"/algorithms/admin/Hello/builds?limit={limit}"))[:2] == (400, 5003)


def test_a_removed_algorithm_is_gone_with_its_secrets(desk: Desk) -> None:
    made = desk.create()
    desk.ask("POST", f"/algorithms/{made['id']}/secrets", json_body={"secret_key": "A", "secret_value": "b"})
    gone = desk.ask("DELETE", "/algorithms/admin/Hello")
    assert (gone.status, gone.body) == (204, b"")
    assert "content-length" not in gone.headers
    assert refused(desk.ask("GET", "/algorithms/admin/Hello"))[:2] == (404, 1001)
    assert desk.world.run(desk.world.secrets.of_endpoint(made["id"])) == {}


def test_publishing_or_compiling_needs_something_to_build(desk: Desk) -> None:
    desk.create()
    assert refused(desk.publish())[:2] == (400, 1007)
    other = desk.ask("POST", "/algorithms/admin/Hello/compile", json_body={"commitSha": "f" * 40})
    assert refused(other)[:2] == (404, 1014)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 6001),
        ({"name": "9lives"}, 6001),
        ({"name": "with-dash"}, 6001),
        ({"name": ["Hello"]}, 6001),
        ({"name": "builds"}, 6001),
        ({"name": "x" * 64}, 6001),
        ({"name": "Hello", "details": "text"}, 6001),
        ({"name": "Hello", "details": {"label": 7}}, 6001),
        ({"name": "Hello", "details": {"label": "x" * 10_001}}, 6001),
        ({"name": "Hello", "details": {"label": "\ud800"}}, 2013),
        ({"name": "Hello", "settings": {"algorithm_callability": "everybody"}}, 6001),
        ({"name": "Hello", "settings": {"license": ["mit"]}}, 6001),
        ({"name": "Hello", "settings": {"royalty_microcredits": True}}, 6001),
        ({"name": "Hello", "settings": {"pipeline_enabled": "yes"}}, 6001),
        ({"name": "Hello", "settings": {"algorithm_environment": "eeeeeeee-1111-4111-8111-000000000002"}}, 4001),
        ({"name": "Hello", "settings": {"language": "java", "environment": "cpu"}}, 4001),
        ({"name": "Hello", "version_info": {"version_type": "huge"}}, 6001),
        ({"name": "Hello", "source": []}, 6001),
    ],
)
def test_what_can_not_be_is_refused_with_its_code(desk: Desk, body: dict[str, Any], code: int) -> None:
    assert refused(desk.ask("POST", "/algorithms/admin", json_body=body))[:2] == (400, code)
    assert desk.world.endpoints.all() == []


def test_bodies_that_are_none_are_refused(desk: Desk) -> None:
    assert refused(desk.ask("POST", "/algorithms/admin", body=b"{"))[:2] == (400, 2013)
    assert refused(desk.ask("POST", "/algorithms/admin", body=b"[]"))[:2] == (400, 2015)
    assert desk.ask("POST", "/algorithms/admin", body=b" " * (2 << 20)).status == 413


def test_a_name_is_taken_once_whatever_its_case(desk: Desk) -> None:
    desk.create()
    assert refused(desk.ask("POST", "/algorithms/admin", json_body={"name": "hello"}))[:2] == (400, 1002)


def test_repositories_elsewhere_are_not_implemented(desk: Desk) -> None:
    body = {"name": "Hello", "source": {"scm": "github-1", "repository_name": "x"}}
    status, code, message = refused(desk.ask("POST", "/algorithms/admin", json_body=body))
    assert (status, code) == (501, 5005)
    assert message.startswith("not implemented")


def test_reserved_words_are_no_algorithms(desk: Desk) -> None:
    status, code, message = refused(desk.ask("GET", "/algorithms/admin/errors"))
    assert (status, code) == (404, 1001)
    assert "No such algorithm" in message


def test_unknown_paths_and_methods_say_so(desk: Desk) -> None:
    assert desk.ask("GET", "/algorithms/admin/Hello/nothing").status == 404
    wrong = desk.ask("PATCH", "/algorithms/admin/Hello")
    assert wrong.status == 405
    assert set(wrong.headers["allow"].split(", ")) == {"DELETE", "GET", "PUT"}


def test_failed_calls_are_listed_for_those_who_manage_the_algorithm(desk: Desk) -> None:
    def fail(worker: Any, order: Any) -> None:
        desk.world.dispatcher.attempts.fail(
            worker.ref(order), JobError("handler_error", "no name", "ValueError", "line 1")
        )

    desk.world.handler = fail
    endpoint, _ = desk.world.offer("admin/Sad")
    desk.world.ask("POST", "/endpoints/admin/Sad/run", json_body={"name": None})
    entry = desk.ask("GET", "/algorithms/admin/Sad/errors").json[0]
    assert entry["username"] == "admin"
    assert entry["algoname"] == "Sad"
    assert entry["algoversion"] == "1.0.0"
    assert entry["error_type"] == "ValueError"
    assert "no name" in entry["error"]
    assert entry["input"] == '{"name": null}'
    assert desk.ask("GET", "/users/admin/errors").json == [entry]
    assert desk.ask("GET", "/organizations/nowhere/errors").json == []
    desk.world.now += 8 * 86_400
    assert desk.ask("GET", "/users/admin/errors").json == []
    assert endpoint.name == "Sad"


def test_everything_takes_its_scope(desk: Desk) -> None:
    desk.create()
    desk.compile()
    reading = desk.world.token("admin", Scope.READ)
    assert desk.ask("GET", "/algorithms/admin/Hello/builds", token=reading).status == 200
    for method, path in (
        ("POST", "/algorithms/admin"),
        ("PUT", "/algorithms/admin/Hello"),
        ("DELETE", "/algorithms/admin/Hello"),
        ("POST", "/algorithms/admin/Hello/compile"),
        ("POST", "/algorithms/admin/Hello/versions"),
        ("GET", "/algorithms/admin/Hello/secrets"),
        ("POST", "/algorithms/admin/Hello/secrets"),
    ):
        body = {"name": "Other", "secret_key": "A", "secret_value": "b"}
        answer = desk.ask(method, path, token=reading, json_body=None if method == "GET" else body)
        assert refused(answer)[:2] == (403, 2001), path
    calling = desk.world.token("admin", Scope.CALL)
    assert refused(desk.ask("GET", "/algorithms/admin/Hello", token=calling))[:2] == (403, 2001)


def test_the_native_api_shows_an_algorithm_at_every_step(desk: Desk) -> None:
    made = desk.create()
    bare = desk.world.ask("GET", "/endpoints/admin/Hello")
    assert bare.status == 200
    assert bare.json["id"] == made["id"]
    assert desk.world.ask("GET", "/endpoints").json["items"][0]["id"] == made["id"]
    assert desk.world.ask("POST", "/endpoints/admin/Hello/run", json_body={}).code == "not_found"
    desk.compile()
    assert desk.world.ask("POST", "/endpoints/admin/Hello/run", json_body={}).code == "not_found"
    numbers = [each["version"] for each in desk.world.ask("GET", "/endpoints/admin/Hello/versions").json["items"]]
    assert len(numbers) == 1
    assert numbers[0].startswith("0.0.0-build.g")
    desk.ask("PUT", "/algorithms/admin/Hello", json_body={"settings": {"algorithm_callability": "public"}})
    desk.world.account("ben")
    ben = desk.world.token("ben")
    assert desk.world.ask("GET", "/endpoints/admin/Hello/versions", token=ben).json["items"] == []
    assert desk.world.ask("GET", f"/endpoints/admin/Hello/versions/{numbers[0]}", token=ben).code == "not_found"
    assert desk.world.ask("GET", "/endpoints/admin/Hello", token=ben).json["versions"] == 0
    desk.publish()
    numbers = [each["version"] for each in desk.world.ask("GET", "/endpoints/admin/Hello/versions").json["items"]]
    assert "0.1.0" in numbers
