"""Who may do what, on every route there is: the table is walked as a stranger, as another account, and with a weak key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.wire.fakes import Answer, World
from trivet.platform.core.keys import Token
from trivet.platform.dialects.native.examples import EXAMPLES
from trivet.platform.dialects.native.routes.route import Access, Body, Route
from trivet.platform.dialects.native.routes.table import ROUTES

OPEN = {"about", "openapi"}
OWN = {"get_me", "list_jobs", "list_endpoints", "list_workers", "list_keys", "create_key", "list_organizations"}
"""Routes that are about whoever asks."""
OWN |= {"create_organization", "list_secrets", "put_secret", "delete_secret", "deploy"}
OWN |= {"list_webhooks", "get_webhook_secret", "rotate_webhook_secret", "list_images", "list_owners"}
ADMINISTRATORS = {"list_accounts", "create_account"}


def cases(*, without: set[str] | None = None, scoped: bool = False) -> pytest.MarkDecorator:
    """Every route and path there is, less some."""
    found = [
        (route, path)
        for route in ROUTES
        for path in route.paths
        if route.name not in (without or ()) and not (scoped and route.access in (Access.PUBLIC, Access.KEY))
    ]
    return pytest.mark.parametrize(("route", "path"), found, ids=[f"{route.method} {path}" for route, path in found])


@dataclass
class Scene:
    """A platform on which ann owns one of everything, and ben is somebody else."""

    world: World
    ann: Token
    ben: Token
    parts: dict[str, str]

    def ask(self, route: Route, path: str, token: Token | str | None, parts: dict[str, str] | None = None) -> Answer:
        filled = path
        for name, value in {**self.parts, **(parts or {})}.items():
            filled = filled.replace(f"{{{name}}}", value)
        query = "?filename=hello.tar.gz" if route.request is Body.ARCHIVE else ""
        request: dict[str, Any] = {"token": token}
        if route.request in (Body.INPUT, Body.ARCHIVE, Body.FILE):
            request["body"] = b"1"
        elif route.request is not None:
            request["json_body"] = msgspec.to_builtins(EXAMPLES[route.request])
        if route.response is Body.EVENTS:
            return self.read_a_little(route.method, f"{filled}{query}", request)
        return self.world.ask(route.method, f"{filled}{query}", **request)

    def read_a_little(self, method: str, path: str, request: dict[str, Any]) -> Answer:
        async def scenario() -> Answer:
            gone = asyncio.Event()
            return await self.world.client.ask(
                method, f"/api/v1{path}", gone=gone, on_body=lambda _: gone.set(), **request
            )

        answer: Answer = self.world.run(scenario())
        return answer


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    world = World(tmp_path)
    ann = world.account("ann")
    world.account("ben")
    endpoint, version = world.offer("ann/song", owner=ann)
    world.offer("ann/song", owner=ann, digest="b" * 64, canary=10)
    ann_token, ben_token = world.token("ann"), world.token("ben")
    world.ask("POST", "/orgs", json_body={"name": "acme"}, token=ann_token)
    world.ask("PUT", "/secrets/VOICE", json_body={"value": "x"}, token=ann_token)
    called = world.ask("POST", "/endpoints/ann/song/run?webhook=http://hooks.example", body=b"1", token=ann_token)
    job = called.headers["trivet-job-id"]
    key = world.ask("POST", "/keys", json_body={}, token=ann_token).json["id"]
    world.ask("PUT", "/endpoints/ann/song/aliases/prod", json_body={"versions": [{"version": "1"}]}, token=ann_token)
    world.ask("POST", "/files/.my", json_body={"name": "songs"}, token=ann_token)
    world.ask("PUT", "/files/.my/songs/first.txt", body=b"la", token=ann_token)
    image = world.deploy(ann, "c" * 64, image="ann/singer:1").image_id
    assert image is not None
    assert version.deployment_id is not None
    parts = {
        "owner": "ann",
        "name": "song",
        "endpoint_id": endpoint.id,
        "job": job,
        "version": "1.0.0",
        "alias": "prod",
        "deployment": version.deployment_id,
        "image": image,
        "account": "ann",
        "organization": "acme",
        "key": key,
        "secret": "VOICE",
        "collection": "songs",
        "path": "ann/songs/first.txt",
    }
    return Scene(world, ann_token, ben_token, parts)


MISSING = {
    "owner": "nobody",
    "endpoint_id": "nothing0000000",
    "job": "job_000000000000",
    "deployment": "dep_000000000000",
    "image": "img_000000000000",
    "account": "nobody",
    "organization": "noone",
    "key": "000000000000",
    "path": "nobody/songs/first.txt",
}


@cases()
def test_a_stranger_gets_401_everywhere_but_on_the_public_routes(scene: Scene, route: Route, path: str) -> None:
    for token in (None, "trv_000000000000_" + "a" * 40, "nonsense", f"{scene.ann}x"):
        answer = scene.ask(route, path, token)
        if route.name in OPEN:
            assert answer.status == 200
        else:
            assert (answer.status, answer.code) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")


@cases(without=OPEN | OWN | ADMINISTRATORS)
def test_what_is_anothers_looks_exactly_like_what_does_not_exist(scene: Scene, route: Route, path: str) -> None:
    hidden = scene.ask(route, path, scene.ben)
    missing = scene.ask(route, path, scene.ben, MISSING)
    assert (hidden.status, hidden.code) == (404, "not_found")
    body = missing.body.decode()
    for name, value in MISSING.items():
        body = body.replace(value, scene.parts[name])
    assert body == hidden.body.decode()
    assert missing.headers.keys() == hidden.headers.keys()


@pytest.mark.parametrize("kind", ["expired", "revoked", "disabled"])
@cases(without={route.name for route in ROUTES} - {"run", "get_me", "deploy"})
def test_a_key_that_does_not_count_is_no_key(scene: Scene, kind: str, route: Route, path: str) -> None:
    world = scene.world
    if kind == "expired":
        world.now += 200 * 86_400
    elif kind == "revoked":
        world.ask("DELETE", f"/keys/{scene.ann.key_id}")
    else:
        world.ask("PATCH", "/accounts/ann", json_body={"disabled": True})
    assert scene.ask(route, path, scene.ann).code == "unauthenticated"


@cases(scoped=True)
def test_a_key_without_the_scope_is_told_so_on_what_it_may_see(scene: Scene, route: Route, path: str) -> None:
    weak = scene.world.token("ann", "call" if route.access is Access.DATA else "data")
    answer = scene.ask(route, path, weak)
    assert (answer.status, answer.code) == (403, "forbidden")


@cases()
def test_a_key_with_the_scope_that_the_table_names_is_let_in(scene: Scene, route: Route, path: str) -> None:
    """Whatever comes of it: it is neither 401 nor 403, nor hidden."""
    if route.access is Access.ADMIN:
        token = scene.world.admin_token
    elif route.access in (Access.PUBLIC, Access.KEY):
        token = scene.world.token("ann", "data")
    else:
        # giving on scopes, or rotating a key that has them, takes a key that has them all
        extra = ["call", "read", "data"] if route.name in ("create_key", "rotate_key") else []
        token = scene.world.token("ann", *{str(route.access), *extra})
    answer = scene.ask(route, path, token)
    assert answer.status < 400 or answer.code in ("bad_request", "conflict"), answer.body
    if answer.status < 400 and route.response not in (Body.EVENTS, None):
        assert answer.status == route.status


def test_a_call_key_follows_the_jobs_of_its_own_account_and_no_others(scene: Scene) -> None:
    world = scene.world
    for tail in ("", "/result", "/logs", "/explain", "/input"):
        own = world.ask("GET", f"/jobs/{scene.parts['job']}{tail}", token=world.token("ann", "call"))
        assert own.status == 200
        foreign = world.ask("GET", f"/jobs/{scene.parts['job']}{tail}", token=world.token("ben", "call"))
        assert foreign.status == 404


def test_a_public_endpoint_shows_a_stranger_nothing_of_its_inside(scene: Scene) -> None:
    world = scene.world
    world.ask("PATCH", "/endpoints/ann/song", json_body={"visibility": "public"}, token=scene.ann)
    base = "/endpoints/ann/song"
    assert world.ask("GET", base, token=scene.ben).json["settings"]["secrets"] == []
    assert world.ask("GET", f"{base}/workers", token=scene.ben).json["items"] == []
    assert world.ask("GET", f"{base}/logs", token=scene.ben).json["items"] == []
    assert world.ask("GET", f"{base}/versions/1.0.0/log", token=scene.ben).code == "forbidden"
    assert world.ask("GET", "/jobs?endpoint=ann/song", token=scene.ben).json["items"] == []
    assert world.ask("GET", f"/jobs/{scene.parts['job']}", token=scene.ben).code == "not_found"
    for method, tail in [("PATCH", ""), ("DELETE", ""), ("POST", "/rollback"), ("POST", "/purge")]:
        request = {"json_body": {}} if method != "DELETE" else {}
        assert world.ask(method, f"{base}{tail}", token=scene.ben, **request).code == "forbidden"
