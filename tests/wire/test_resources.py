"""Endpoints, deployments and people over HTTP: what goes in reaches the services, what they say comes out."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from tests.unit.services.town import built
from tests.wire.fakes import MAX_INPUT, Answer, World
from trivet.platform.core.endpoints import VersionSettings
from trivet.platform.core.errors import BuildFailed, DeploymentRefused

GZIP = {"content-type": "application/gzip"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# -- endpoints


def test_an_endpoint_is_changed_field_by_field(world: World) -> None:
    world.offer()
    world.ask("POST", "/orgs", json_body={"name": "acme"})
    path = "/endpoints/admin/hello"
    changed = world.ask(
        "PATCH",
        path,
        json_body={
            "shared_with": ["acme"],
            "workers": [1, 5],
            "policy": "request_count",
            "target": 2,
            "description": "x",
        },
    ).json
    assert (changed["visibility"], changed["shared_with"], changed["description"]) == ("shared", ["acme"], "x")
    assert changed["scaling"] == {"min": 1, "max": 5, "idle_timeout": 60.0, "policy": "request_count", "target": 2.0}
    again = world.ask("PATCH", path, json_body={"visibility": "private"}).json
    assert (again["visibility"], again["shared_with"], again["scaling"]) == ("private", [], changed["scaling"])
    assert world.ask("GET", path).json == again


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"workers":[5,1]}', "minimum"),
        (b'{"workers":[1]}', "/workers"),
        (b'{"visibility":"secret"}', "/visibility"),
        (b'{"colour":"red"}', "colour"),
        (b"[]", "object"),
        (b'{"idle_timeout":-1}', "idle_timeout"),
    ],
)
def test_a_change_that_can_not_be_is_refused_naming_the_field(world: World, body: bytes, words: str) -> None:
    world.offer()
    answer = world.ask("PATCH", "/endpoints/admin/hello", body=body, headers={"content-type": "application/json"})
    assert (answer.status, answer.code) == (400, "bad_request")
    assert words in answer.json["detail"]


def test_a_document_of_the_wrong_kind_or_size_is_refused(world: World) -> None:
    world.offer()
    for body, headers, code in [
        (b"visibility=public", {"content-type": "application/x-www-form-urlencoded"}, "unsupported_media_type"),
        (b"public", {"content-type": "text/plain"}, "unsupported_media_type"),
        (b"{", {}, "invalid_json"),
        (b"", {}, "invalid_json"),
        (b" " * (2 << 20), {}, "too_large"),
    ]:
        assert world.ask("PATCH", "/endpoints/admin/hello", body=body, headers=headers).code == code


def test_versions_are_listed_newest_first_and_rolled_back(world: World) -> None:
    settings = VersionSettings(requirements=("numpy",))
    for digest in ("a", "b", "c"):
        world.offer(settings=settings, digest=digest * 64)
    path = "/endpoints/admin/hello"
    first = world.ask("GET", f"{path}/versions?limit=2").json
    rest = world.ask("GET", f"{path}/versions?limit=2&cursor={first['next']}").json
    assert [v["version"] for v in first["items"] + rest["items"]] == ["1.2.0", "1.1.0", "1.0.0"]
    assert rest["next"] is None
    assert first["items"][0]["requirements"] == ["numpy"]
    assert world.ask("GET", f"{path}/versions/1.1.0").json == first["items"][1]
    assert world.ask("GET", f"{path}/versions/latest").json["version"] == "1.2.0"
    assert world.ask("POST", f"{path}/rollback").json["version"] == "1.1.0"
    assert world.ask("POST", f"{path}/rollback", json_body={"to": "1.0.0"}).json["version"] == "1.0.0"
    assert world.ask("POST", f"{path}/rollback", json_body={"to": "9.0.0"}).code == "not_found"
    log = world.ask("GET", f"{path}/versions/1.0.0/log")
    assert (log.headers["content-type"], log.body) == ("text/plain; charset=utf-8", b"Resolved 1 package\n")


def test_a_queue_is_purged_and_health_counts_it(world: World) -> None:
    world.offer(slots=0)
    for _ in range(3):
        world.ask("POST", "/endpoints/admin/hello/submit")
    health = world.ask("GET", "/endpoints/admin/hello/health").json
    assert (health["endpoint"], health["jobs"]["queued"]) == ("admin/hello", 3)
    assert world.ask("GET", "/endpoints/admin/hello").json["queued"] == 3
    assert world.ask("POST", "/endpoints/admin/hello/purge").json == {"cancelled": 3}
    after = world.ask("GET", "/endpoints/admin/hello/health").json
    assert (after["jobs"]["queued"], after["jobs"]["cancelled"]) == (0, 3)


def test_workers_are_listed_for_one_endpoint_and_for_all(world: World) -> None:
    _, version = world.offer(slots=0)

    async def start() -> str:
        return world.workers.start(version)

    worker_id = world.run(start())
    world.runtime.lines[worker_id] = ("loading",)
    for path in ("/workers", "/endpoints/admin/hello/workers"):
        (worker,) = world.ask("GET", path).json["items"]
        assert (worker["id"], worker["state"], worker["last_lines"]) == (worker_id, "initializing", ["loading"])
        assert (worker["endpoint"], worker["version"]) == ("admin/hello", "1.0.0")
    assert world.ask("GET", "/endpoints/admin/hello").json["workers"]["initializing"] == 1


# -- deployments


def test_an_upload_reaches_the_builder_whole_and_is_not_kept(world: World, tmp_path: Path) -> None:
    data = bytes(range(256)) * 100
    query = "filename=hello.tar.gz&name=admin/hello&version=2.0.0&id=hello-endpoint&model_id=7&workers=1,4"
    taken = world.ask("POST", f"/deployments?{query}", body=data, headers=GZIP)
    assert (taken.status, taken.json["state"]) == (202, "building")
    assert taken.headers["location"] == f"/api/v1/deployments/{taken.json['id']}"
    ((archive, filename, digest),) = world.builder.unpacked
    assert (archive.parent, filename, digest) == (tmp_path, "hello.tar.gz", hashlib.sha256(data).hexdigest())
    assert list(tmp_path.iterdir()) == []
    world.run(world.deployments.build(taken.json["id"]))
    ended = world.ask("GET", f"/deployments/{taken.json['id']}?wait=60").json
    assert ended["state"] == "ready"
    assert ended["log"] == "Resolved 1 package\n"
    assert [step["text"] for step in ended["steps"]][-1] == "Ready to be called."
    assert ended["endpoints"] == [
        {
            "id": "hello-endpoint",
            "name": "admin/hello",
            "version": "2.0.0",
            "model_id": 7,
            "state": "ready",
            "url": "http://trivet.test/api/v1/endpoints/admin/hello/run",
        }
    ]
    assert world.ask("GET", "/endpoints/7").json["scaling"]["max"] == 4


def test_a_deployment_is_followed_step_by_step(world: World) -> None:
    async def scenario() -> tuple[Answer, Answer]:
        world.builder.gate = asyncio.Event()
        asked = {"token": world.admin_token}
        path = "/api/v1/deployments"
        taken = await world.client.ask("POST", f"{path}?filename=a.py", body=b"x", **asked)  # type: ignore[arg-type]
        where = f"{path}/{taken.json['id']}?wait=60"
        building = asyncio.ensure_future(world.deployments.build(taken.json["id"]))
        step = await world.client.ask("GET", f"{where}&seen_steps=1", **asked)  # type: ignore[arg-type]
        held = asyncio.ensure_future(world.client.ask("GET", where, **asked))  # type: ignore[arg-type]
        for _ in range(5):
            await asyncio.sleep(0)
        assert not held.done()
        world.builder.gate.set()
        await building
        return step, await held

    step, ended = world.run(scenario())
    assert (step.json["state"], ended.json["state"]) == ("building", "ready")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "bad_request"),
        ("filename=a/b.py", 400, "bad_request"),
        ("filename=a.py&workers=many", 400, "bad_request"),
        ("filename=a.py&workers=3,1", 400, "bad_request"),
        ("filename=a.py&model_id=x", 400, "bad_request"),
        ("filename=a.py&version=one", 400, "bad_request"),
        ("filename=a.py&colour=red", 400, "bad_request"),
    ],
)
def test_a_deployment_that_can_not_be_is_refused(
    world: World, tmp_path: Path, query: str, status: int, code: str
) -> None:
    answer = world.ask("POST", f"/deployments?{query}", body=b"x", headers=GZIP)
    assert (answer.status, answer.code) == (status, code)
    assert list(tmp_path.iterdir()) == []


def test_an_upload_over_the_limit_is_refused_and_nothing_is_left(world: World, tmp_path: Path) -> None:
    for body in (b"x" * (MAX_INPUT + 1), [b"x" * 400_000] * 4):
        answer = world.ask("POST", "/deployments?filename=a.py", body=body, headers=GZIP)
        assert (answer.status, answer.code, answer.json["limit"]) == (413, "too_large", MAX_INPUT)
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_is_refused_says_why_and_one_that_does_not_build_too(world: World, tmp_path: Path) -> None:
    world.builder.refusal = DeploymentRefused("../etc/passwd leads out of the archive.")
    refused = world.ask("POST", "/deployments?filename=a.tar.gz", body=b"x", headers=GZIP)
    assert (refused.status, refused.code) == (422, "deployment_refused")
    assert refused.json["detail"] == "../etc/passwd leads out of the archive."
    assert list(tmp_path.iterdir()) == []
    world.builder.refusal = None
    world.builder.result = BuildFailed("No package numppy.", hint="Check the name.")
    taken = world.ask("POST", "/deployments?filename=a.tar.gz", body=b"x", headers=GZIP).json
    world.run(world.deployments.build(taken["id"]))
    ended = world.ask("GET", f"/deployments/{taken['id']}").json
    assert ended["state"] == "failed"
    assert ended["error"] == {"code": "build_failed", "message": "No package numppy.", "hint": "Check the name."}


def test_the_url_of_an_endpoint_does_not_repeat_a_forged_host(world: World) -> None:
    world.builder.result = built("hello")
    taken = world.ask("POST", "/deployments?filename=a.py", body=b"x").json
    world.run(world.deployments.build(taken["id"]))
    answer = world.ask("GET", f"/deployments/{taken['id']}", headers={"host": "evil/<script>"})
    assert answer.json["endpoints"][0]["url"] == "/api/v1/endpoints/admin/hello/run"


# -- people


def test_accounts_are_made_listed_disabled_and_removed(world: World) -> None:
    made = world.ask("POST", "/accounts", json_body={"name": "ann"})
    assert (made.status, made.json["name"], made.json["administrator"]) == (201, "ann", False)
    assert world.ask("POST", "/accounts", json_body={"name": "Ann"}).code == "conflict"
    assert world.ask("POST", "/accounts", json_body={"name": "a/b"}).code == "bad_request"
    page = world.ask("GET", "/accounts?limit=1").json
    assert [a["name"] for a in page["items"]] == ["admin"]
    rest = world.ask("GET", f"/accounts?cursor={page['next']}").json
    assert [a["name"] for a in rest["items"]] == ["ann"]
    assert world.ask("PATCH", "/accounts/ann", json_body={"disabled": True}).json["disabled"] is True
    assert world.ask("GET", "/accounts/ann").json["disabled"] is True
    assert world.ask("DELETE", "/accounts/ann").status == 204
    assert world.ask("GET", "/accounts/ann").code == "not_found"


def test_a_key_is_made_used_rotated_and_revoked(world: World) -> None:
    made = world.ask("POST", "/keys", json_body={"label": "laptop", "scopes": ["read", "call"], "expires_days": 2})
    assert made.status == 201
    key = made.json
    assert key["key"] == f"trv_{key['id']}_{key['secret']}"
    assert (key["label"], key["account"], key["scopes"]) == ("laptop", "admin", ["call", "read"])
    assert world.ask("GET", "/me", token=key["key"]).json["scopes"] == ["call", "read"]
    rotated = world.ask("POST", f"/keys/{key['id']}/rotate", json_body={"overlap_hours": 1}).json
    assert rotated["id"] == key["id"]
    assert rotated["key"] != key["key"]
    for token in (key["key"], rotated["key"]):
        assert world.ask("GET", "/me", token=token).json["key"]["state"] == "rotating"
    world.now += 3601
    assert world.ask("GET", "/me", token=key["key"]).code == "unauthenticated"
    listed = world.ask("GET", "/keys").json["items"]
    assert {"laptop", "first key"} == {item["label"] for item in listed}
    assert not {"key", "secret"} & listed[0].keys()
    assert world.ask("DELETE", f"/keys/{key['id']}").status == 204
    assert world.ask("GET", "/me", token=rotated["key"]).code == "unauthenticated"


def test_a_key_that_never_expires_has_to_be_asked_for_in_so_many_words(world: World) -> None:
    assert world.ask("POST", "/keys", json_body={}).json["expires_at"] is not None
    assert world.ask("POST", "/keys", json_body={"expires_days": 0}).code == "bad_request"
    never = world.ask("POST", "/keys", json_body={"expires_days": 0, "never_expires": True}).json
    assert never["expires_at"] is None


def test_an_administrator_makes_and_rotates_keys_of_others(world: World) -> None:
    world.ask("POST", "/accounts", json_body={"name": "ann"})
    key = world.ask("POST", "/keys", json_body={"account": "ann"}).json
    assert key["account"] == "ann"
    assert [item["id"] for item in world.ask("GET", "/keys?account=ann").json["items"]] == [key["id"]]
    assert world.ask("POST", f"/keys/{key['id']}/rotate").json["account"] == "ann"


def test_an_organization_and_its_members(world: World) -> None:
    made = world.ask("POST", "/orgs", json_body={"name": "acme"})
    assert (made.status, made.json["role"]) == (201, "owner")
    world.ask("POST", "/accounts", json_body={"name": "ann"})
    put = world.ask("PUT", "/orgs/acme/members/ann", json_body={"role": "member"}).json
    assert put["members"] == [{"account": "admin", "role": "owner"}, {"account": "ann", "role": "member"}]
    assert world.ask("PUT", "/orgs/acme/members/ann", json_body={"role": "king"}).code == "bad_request"
    ann = world.token("ann")
    (seen,) = world.ask("GET", "/orgs", token=ann).json["items"]
    assert (seen["name"], seen["role"]) == ("acme", "member")
    assert "members" not in seen
    assert world.ask("GET", "/orgs/acme", token=ann).json["members"] == put["members"]
    assert world.ask("GET", "/me", token=ann).json["organizations"] == [{"name": "acme", "role": "member"}]
    assert world.ask("DELETE", "/orgs/acme/members/ann").status == 204
    assert world.ask("DELETE", "/orgs/acme/members/admin").code == "conflict"
    assert world.ask("DELETE", "/orgs/acme").status == 204


def test_an_image_is_published_listed_looked_at_and_deleted(world: World) -> None:
    taken = world.ask("POST", "/deployments?filename=worker.tar.gz&image=team%2Fworker%3A1.0", body=b"x", headers=GZIP)
    assert (taken.status, taken.json["image"]) == (202, None)
    world.run(world.deployments.build(taken.json["id"]))
    done = world.ask("GET", f"/deployments/{taken.json['id']}").json
    assert (done["state"], done["endpoints"], done["image"]["name"]) == ("ready", [], "team/worker:1.0")
    assert world.ask("GET", "/endpoints").json["items"] == []
    (listed,) = world.ask("GET", "/images").json["items"]
    assert (listed["id"], listed["owner"], listed["host"]) == (done["image"]["id"], "admin", "decorated")
    assert world.ask("GET", "/images?name=team%2Fworker%3A1.0").json["items"] == [listed]
    assert world.ask("GET", "/images?name=team%2Fworker").json["items"] == []
    assert world.ask("GET", f"/images/{listed['id']}").json == listed
    assert world.ask("DELETE", f"/images/{listed['id']}").status == 204
    assert world.ask("GET", f"/images/{listed['id']}").code == "not_found"


@pytest.mark.parametrize("query", ["name=ann/song", "version=1.0.0", "id=abc", "model_id=7", "workers=0,1", "canary=5"])
def test_beside_an_image_nothing_is_said_that_is_an_endpoints(world: World, query: str) -> None:
    refused = world.ask("POST", f"/deployments?filename=w.tar.gz&image=w&{query}", body=b"x", headers=GZIP)
    assert refused.code == "bad_request"
    assert "An image is no endpoint yet" in refused.json["detail"]


def test_secrets_go_in_and_only_their_names_come_out(world: World) -> None:
    world.ask("POST", "/orgs", json_body={"name": "acme"})
    assert world.ask("PUT", "/secrets/TOKEN", json_body={"value": "hush"}).status == 204
    assert world.ask("PUT", "/secrets/OTHER?owner=acme", json_body={"value": "hush"}).status == 204
    assert world.ask("GET", "/secrets").json == {"items": [{"name": "TOKEN"}], "next": None}
    assert world.ask("GET", "/secrets?owner=acme").json["items"] == [{"name": "OTHER"}]
    assert world.ask("DELETE", "/secrets/TOKEN").status == 204
    assert world.ask("DELETE", "/secrets/TOKEN").code == "not_found"
    assert world.ask("PUT", "/secrets/no-name", json_body={"value": "x"}).code == "bad_request"


# -- variables and secrets of a deployment


def given(world: World, variables: bytes | None, query: str = "") -> Answer:
    """Uploads three bytes, with a document of variables before them where there is one."""
    size = "" if variables is None else f"&env_bytes={len(variables)}"
    path = f"/deployments?filename=hello.tar.gz{size}{query}"
    return world.ask("POST", path, body=(variables or b"") + b"tar", headers=GZIP)


def ended(world: World, taken: Answer) -> Answer:
    assert taken.status == 202, taken.json
    world.run(world.deployments.build(taken.json["id"]))
    return world.ask("GET", f"/deployments/{taken.json['id']}")


def test_variables_come_before_the_upload_and_only_their_names_come_out(world: World, tmp_path: Path) -> None:
    world.ask("PUT", "/secrets/TOKEN", json_body={"value": "hush"})
    done = ended(world, given(world, b'{"MODEL": "tiny-value", "EMPTY": ""}', "&secrets=TOKEN"))
    assert world.builder.unpacked[-1][2] == hashlib.sha256(b"tar").hexdigest()
    assert world.builder.tried_with == {"MODEL": "tiny-value", "EMPTY": "", "TOKEN": "hush"}
    shown = world.ask("GET", "/endpoints/admin/hello")
    assert (shown.json["settings"]["env"], shown.json["settings"]["secrets"]) == (["EMPTY", "MODEL"], ["TOKEN"])
    listed = world.ask("GET", "/endpoints")
    versions = world.ask("GET", "/endpoints/admin/hello/versions")
    assert all(b"tiny-value" not in answer.body for answer in (done, shown, listed, versions))
    assert list(tmp_path.iterdir()) == []


def test_a_deployment_that_says_nothing_of_it_keeps_it_and_one_that_says_so_drops_it(world: World) -> None:
    ended(world, given(world, b'{"MODEL": "tiny"}'))
    kept = ended(world, given(world, None)).json
    assert [step["text"] for step in kept["steps"] if "keeps the variable MODEL" in step["text"]]
    assert world.ask("GET", "/endpoints/admin/hello").json["settings"]["env"] == ["MODEL"]
    ended(world, given(world, b"{}"))
    assert world.ask("GET", "/endpoints/admin/hello").json["settings"]["env"] == []


@pytest.mark.parametrize(
    ("variables", "query", "code", "words"),
    [
        (b'{"A": 5}', "", "bad_request", "its first 8 bytes"),
        (b'["hush"]', "", "bad_request", "object"),
        (b'{"A": "hush"', "", "invalid_json", "not JSON"),
        (b'{"PATH": "hush"}', "", "bad_request", "PATH"),
        (b'{"no-name": "hush"}', "", "bad_request", "no-name"),
        (b'{"A": "hush"}', "&secrets=A", "bad_request", "as a variable and as a secret"),
        (None, "&secrets=A", "not_found", "trivet secrets set A"),
        (None, "&env_bytes=1000", "bad_request", "The body ends after 3 bytes"),
        (None, "&env_bytes=0", "invalid_json", "its first 0 bytes"),
        (b'{"A": NaN}', "", "invalid_json", "not JSON"),
        (b'{"A": {"B": "hush"}}', "", "bad_request", "`str`"),
        (b'{"A": "hush\xff"}', "", "invalid_json", "UTF-8"),
        (b'{"A": "hush\\u0000"}', "", "bad_request", "NUL"),
        (b"[" * 1000, "", "invalid_json", "nested deeper"),
        (None, "&secrets=TOKEN%3Dhush", "bad_request", "is no name"),
        (None, "&env_bytes=999999999", "too_large", "999,999,999 bytes"),
        (None, "&env_bytes=x", "bad_request", "env_bytes"),
        (b'{"A": "hush"}', "&image=w", "bad_request", "An image has no variables"),
    ],
)
def test_variables_that_can_not_be_are_refused_and_no_value_is_repeated(
    world: World, tmp_path: Path, variables: bytes | None, query: str, code: str, words: str
) -> None:
    refused = given(world, variables, query)
    assert (refused.code, words in refused.json["detail"]) == (code, True), refused.json
    assert b"hush" not in refused.body
    assert (world.to_build, list(tmp_path.iterdir())) == ([], [])


def test_who_does_not_manage_an_endpoint_learns_no_name_of_its_variables(world: World) -> None:
    ended(world, given(world, b'{"MODEL": "tiny"}'))
    world.ask("PATCH", "/endpoints/admin/hello", json_body={"visibility": "public"})
    world.account("ann")
    seen = world.ask("GET", "/endpoints/admin/hello", token=world.token("ann")).json
    assert (seen["name"], seen["settings"]["env"]) == ("admin/hello", [])


def test_a_limit_counts_for_the_upload_alone(world: World) -> None:
    body = b'{"A": "1"}' + b"x" * MAX_INPUT
    taken = world.ask("POST", "/deployments?filename=a.py&env_bytes=10", body=body, headers=GZIP)
    assert taken.status == 202
    over = world.ask("POST", "/deployments?filename=a.py&env_bytes=10", body=body + b"x", headers=GZIP)
    assert (over.status, over.json["limit"]) == (413, MAX_INPUT)


def test_variables_that_come_in_pieces_are_read_whole(world: World) -> None:
    pieces = [b'{"A"', b': "1"', b"}ta", b"r"]
    taken = world.ask("POST", "/deployments?filename=hello.tar.gz&env_bytes=10", body=pieces, headers=GZIP)
    ended(world, taken)
    assert (world.builder.tried_with, world.builder.unpacked[-1][2]) == ({"A": "1"}, hashlib.sha256(b"tar").hexdigest())
