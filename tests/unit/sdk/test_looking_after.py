"""Endpoints, deployments, people: what the client asks, and what it makes of the answers."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sdk.server import Exchange, Server
from trivet.sdk import Client
from trivet.sdk.errors import (
    ConflictError,
    DeploymentError,
    InvalidRequestError,
    PermissionDeniedError,
    TimedOutError,
    UnexpectedAnswerError,
)
from trivet.sdk.models import BuildStep, DeployedEndpoint, MemberInfo

ENDPOINT = {"id": "abcdefghijklmn", "name": "admin/hello", "version": "1.0.0", "scaling": {"min": 0, "max": 3}}


def telling(document: Any, status: int = 200) -> Any:
    return lambda exchange: exchange.json(document, status)


def empty(exchange: Exchange) -> None:
    exchange.answer(204)


def test_endpoints_are_listed_changed_rolled_back_and_deleted(server: Server, client: Client) -> None:
    path = "/endpoints/admin/hello"
    server.on("GET", "/endpoints", telling({"items": [ENDPOINT], "next": None}))
    server.on("GET", path, telling(ENDPOINT))
    server.on("PATCH", path, telling(ENDPOINT))
    server.on("POST", f"{path}/rollback", telling(ENDPOINT))
    server.on("POST", f"{path}/purge", telling({"cancelled": 4}))
    server.on("DELETE", path, empty)
    assert [endpoint.name for endpoint in client.endpoints.list()] == ["admin/hello"]
    assert client.endpoints.get("admin/hello").scaling.max == 3
    assert client.endpoint("admin/hello").info().version == "1.0.0"
    client.endpoints.update("admin/hello", workers=(1, 4), shared_with=("team",))
    client.endpoints.rollback("admin/hello", "0.9.0")
    assert client.endpoints.purge("admin/hello") == 4
    client.endpoints.delete("admin/hello")
    bodies = [exchange.body for exchange in server.seen if exchange.body]
    assert bodies == [b'{"workers": [1, 4], "shared_with": ["team"]}', b'{"to": "0.9.0"}']


def test_an_update_of_nothing_is_refused(server: Server, client: Client) -> None:
    with pytest.raises(InvalidRequestError):
        client.endpoints.update("admin/hello")
    assert server.seen == []


def test_an_endpoint_is_looked_into(server: Server, client: Client) -> None:
    path = "/endpoints/admin/hello"
    version = {"id": "v1", "version": "1.0.0", "hash": "ff", "state": "failed", "created_at": None, "error": "See it."}
    worker = {"id": "w1", "state": "idle", "pid": 7, "jobs": 3, "last_lines": ["ready"], "exit": None}
    log = {
        "items": [{"time": "2026-11-21T08:00:00Z", "worker_id": "w1", "job_id": None, "stream": "stdout", "text": "x"}]
    }
    server.on("GET", f"{path}/versions", telling({"items": [version], "next": None}))
    server.on("GET", f"{path}/versions/1.0.0", telling(version))
    server.on("GET", f"{path}/versions/1.0.0/log", lambda e: e.answer(200, b"built\n", Content_Type="text/plain"))
    server.on(
        "GET", f"{path}/health", telling({"endpoint": "admin/hello", "jobs": {"queued": 2}, "workers": {"idle": 1}})
    )
    server.on("GET", f"{path}/workers", telling({"items": [worker], "next": None}))
    server.on("GET", "/workers", telling({"items": [worker, worker], "next": None}))
    server.on("GET", f"{path}/logs", telling(log))
    assert client.endpoints.versions("admin/hello")[0].error == "See it."
    assert client.endpoints.version("admin/hello", "1.0.0").state == "failed"
    assert client.endpoints.build_log("admin/hello", "1.0.0") == "built\n"
    assert client.endpoints.health("admin/hello").jobs == {"queued": 2}
    assert client.endpoints.workers("admin/hello")[0].last_lines == ("ready",)
    assert len(client.endpoints.workers()) == 2
    assert client.endpoints.logs("admin/hello")[0].worker_id == "w1"


def test_people(server: Server, client: Client) -> None:
    account = {"id": "a1", "name": "ann", "administrator": True, "disabled": False}
    key = {"id": "k1", "label": "ci", "account": "ann", "scopes": ["call"], "state": "active", "expires_at": None}
    server.on(
        "GET",
        "/me",
        telling(
            {"account": account, "key": key, "organizations": [{"name": "t", "role": "owner"}], "scopes": ["call"]}
        ),
    )
    server.on("GET", "/accounts", telling({"items": [account], "next": None}))
    server.on("POST", "/accounts", telling(account, 201))
    server.on("GET", "/accounts/ann", telling(account))
    server.on("PATCH", "/accounts/ann", telling(account | {"disabled": True}))
    server.on("DELETE", "/accounts/ann", empty)
    server.on("GET", "/keys", telling({"items": [key], "next": None}))
    server.on("POST", "/keys", telling(key | {"key": "trv_k1_x"}, 201))
    server.on("PATCH", "/keys/k1", telling(key | {"rate": "9/s", "concurrent": None}))
    server.on("POST", "/keys/k1/rotate", telling(key | {"key": "trv_k1_y"}))
    server.on("DELETE", "/keys/k1", empty)
    server.on("GET", "/orgs", telling({"items": [{"name": "t"}], "next": None}))
    server.on("POST", "/orgs", telling({"name": "t"}, 201))
    server.on("GET", "/orgs/t", telling({"name": "t", "members": [{"account": "ann", "role": "owner"}]}))
    server.on("PUT", "/orgs/t/members/bob", telling({"name": "t"}))
    server.on("DELETE", "/orgs/t/members/bob", empty)
    server.on("DELETE", "/orgs/t", empty)
    server.on("GET", "/secrets", telling({"items": [{"name": "TOKEN"}], "next": None}))
    server.on("PUT", "/secrets/TOKEN", empty)
    server.on("DELETE", "/secrets/TOKEN", empty)
    me = client.me()
    assert (me.account.name, me.organizations[0].role, me.scopes) == ("ann", "owner", ("call",))
    assert client.accounts.list()[0].administrator
    assert client.accounts.create("ann").name == "ann"
    assert client.accounts.get("ann").id == "a1"
    assert client.accounts.update("ann", disabled=True).disabled
    client.accounts.update("ann", email="")
    assert json.loads(server.seen[-1].body) == {"email": ""}
    client.accounts.create("ann", email="ann@lab.example")
    assert json.loads(server.seen[-1].body) == {"name": "ann", "email": "ann@lab.example"}
    client.accounts.delete("ann")
    assert client.keys.list(account="ann")[0].label == "ci"
    assert client.keys.create(label="ci", scopes=["call"], expires_days=30).key == "trv_k1_x"
    limited = client.keys.limit("k1", rate="9/s", concurrent="none")
    assert (limited.rate, limited.concurrent) == ("9/s", None)
    client.keys.disable("k1")
    assert json.loads(server.seen[-1].body) == {"disabled": True}
    client.keys.enable("k1")
    assert json.loads(server.seen[-1].body) == {"disabled": False}
    assert client.keys.rotate("k1", overlap_hours=1).key == "trv_k1_y"
    client.keys.revoke("k1")
    assert client.orgs.list()[0].name == "t"
    assert client.orgs.create("t").name == "t"
    assert client.orgs.get("t").members == (MemberInfo("ann", "owner"),)
    client.orgs.add("t", "bob", role="admin")
    client.orgs.remove("t", "bob")
    client.orgs.delete("t")
    assert client.secrets.list()[0].name == "TOKEN"
    client.secrets.set("TOKEN", "x")
    client.secrets.delete("TOKEN")
    assert [secret.name for secret in client.secrets.list(owner="science")] == ["TOKEN"]
    client.secrets.set("TOKEN", "x", owner="science")
    client.secrets.delete("TOKEN", owner="science")
    assert [it.query.get("owner") for it in server.seen[-6:]] == [None] * 3 + ["science"] * 3
    assert all(exchange.headers["authorization"].startswith("Bearer trv_") for exchange in server.seen)


def test_conflicts_and_missing_rights_have_their_own_errors(server: Server, client: Client) -> None:
    server.on("POST", "/orgs", lambda e: e.problem(409, "conflict", detail="The name is taken."))
    server.on("GET", "/accounts", lambda e: e.problem(403, "forbidden", detail="Needs the scope `admin`."))
    with pytest.raises(ConflictError):
        client.orgs.create("t")
    with pytest.raises(PermissionDeniedError):
        client.accounts.list()


# -- deployments


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "hello.py"
    path.write_text("import trivet\n")
    return path


def deployment(state: str, *steps: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "dep_1",
        "state": state,
        "steps": [{"at": "2026-11-21T08:00:00Z", "text": text} for text in steps],
        **more,
    }


def test_deploy_uploads_what_is_there_and_tells_each_step_once(server: Server, client: Client, source: Path) -> None:
    published = {
        "id": "abc",
        "name": "admin/hello",
        "version": "1.0.0",
        "model_id": 7,
        "state": "ready",
        "url": "http://x",
    }
    server.on("POST", "/deployments", telling(deployment("building", "Received."), 202))
    server.on(
        "GET",
        "/deployments/dep_1",
        telling(deployment("building", "Received.", "Built.")),
        telling(deployment("ready", "Received.", "Built.", "Loaded.", endpoints=[published])),
    )
    steps: list[BuildStep] = []
    result = client.deploy(source, "admin/hello", id="abc", model_id=7, workers=(0, 2), on_event=steps.append)
    assert result == [DeployedEndpoint("abc", "admin/hello", "1.0.0", 7, "ready", "http://x")]
    assert [step.text for step in steps] == ["Received.", "Built.", "Loaded."]
    upload = server.seen[0]
    assert upload.query == {
        "filename": "hello.py",
        "name": "admin/hello",
        "id": "abc",
        "model_id": "7",
        "workers": "0,2",
    }
    with tarfile.open(fileobj=io.BytesIO(upload.body), mode="r:gz") as tar:
        assert tar.getnames() == ["hello.py"]
    assert server.seen[1].query == {"wait": "1"}


def test_a_failed_build_raises_with_its_own_words(server: Server, client: Client, source: Path) -> None:
    fault = {"code": "build_failed", "message": "main.py does not load.", "hint": "Mend line 1."}
    server.on("POST", "/deployments", telling(deployment("building"), 202))
    server.on("GET", "/deployments/dep_1", telling(deployment("failed", log="SyntaxError: invalid", error=fault)))
    with pytest.raises(DeploymentError, match="does not load") as caught:
        client.deploy(source)
    assert (caught.value.code, caught.value.log, caught.value.hint) == (
        "build_failed",
        "SyntaxError: invalid",
        "Mend line 1.",
    )


def test_a_refused_upload_raises_at_once(server: Server, client: Client, source: Path) -> None:
    server.on("POST", "/deployments", lambda e: e.problem(422, "deployment_refused", detail="No endpoint in it."))
    with pytest.raises(DeploymentError, match="No endpoint") as caught:
        client.deploy(source)
    assert caught.value.code == "deployment_refused"
    assert len(server.seen) == 1


def test_a_wait_for_a_build_may_end_while_the_build_goes_on(server: Server, client: Client, source: Path) -> None:
    server.on("POST", "/deployments", telling(deployment("building"), 202))
    server.on("GET", "/deployments/dep_1", telling(deployment("building")))
    with pytest.raises(TimedOutError, match="dep_1"):
        client.deploy(source, timeout=0.05)


IMAGE = {"id": "img_1", "name": "team/worker:1.0", "owner": "admin", "hash": "ab" * 32, "host": "runpod"}


def test_an_image_is_published_listed_and_deleted(server: Server, client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "worker"
    folder.mkdir()
    (folder / "main.py").write_text("x = 1\n")
    building = {"id": "dep_1", "state": "building", "steps": []}
    ready = {
        **building,
        "state": "ready",
        "steps": [{"text": "Published."}],
        "image": {"id": "img_1", "name": "team/worker:1.0"},
    }
    server.on("POST", "/deployments", telling(building, 202))
    server.on("GET", "/deployments/dep_1", telling(ready))
    server.on("GET", "/images", telling({"items": [IMAGE], "next": None}))
    server.on("DELETE", "/images/img_1", empty)
    told: list[str] = []
    published = client.images.publish(
        folder, "team/worker:1.0", owner="team", on_event=lambda step: told.append(step.text)
    )
    assert (published.id, published.name, told) == ("img_1", "team/worker:1.0", ["Published."])
    query = server.seen[0].query
    assert (query["image"], query["name"], query.keys()) == (
        "team/worker:1.0",
        "team/",
        {"filename", "image", "name"},
    )
    (listed,) = client.images.list("team/worker:1.0")
    assert (listed.id, listed.host, server.seen[-1].query["name"]) == ("img_1", "runpod", "team/worker:1.0")
    client.images.delete(listed.id)


def test_a_server_that_knows_no_images_is_told_apart(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    server.on("POST", "/deployments", telling({"id": "dep_1", "state": "ready", "steps": [], "endpoints": []}, 202))
    with pytest.raises(UnexpectedAnswerError, match="no image"):
        client.images.publish(tmp_path / "main.py", "worker")
