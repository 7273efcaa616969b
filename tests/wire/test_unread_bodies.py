"""Who may not do what a request asks for is told so before a byte of its body is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Send
from starlette.types import Scope as HttpScope

from tests.wire.algorithmia.fakes import AlgorithmiaWorld
from tests.wire.algorithmia_management.world import Desk
from tests.wire.fakes import Answer, Client, World
from tests.wire.jaqpot.world import JaqpotWorld
from tests.wire.runpod.fakes import RunPodWorld
from trivet.platform.core.accounts import Scope

LARGE = {"content-length": str(40_000), "content-type": "application/json"}
SOME = b"x" * 40_000


class Unread:
    """An application that notices when a request's body is asked for."""

    def __init__(self, client: Client) -> None:
        self.asked = False
        self._app = client.app
        client.app = self

    async def __call__(self, scope: HttpScope, receive: Receive, send: Send) -> None:
        async def noticed() -> Message:
            self.asked = True
            return await receive()

        await self._app(scope, noticed, send)


Ask = Callable[..., Answer]


def all_but(scope: Scope) -> tuple[str, ...]:
    return tuple(each.value for each in Scope if each is not scope and each not in (Scope.ADMIN, Scope.WORK))


def native(folder: Path) -> tuple[World, Client, Ask, dict[str, str]]:
    world = World(folder)
    world.offer()
    job = world.ask("POST", "/endpoints/admin/hello/submit", json_body=1).json["id"]
    paths = {
        "run": "/endpoints/admin/hello/run",
        "submit": "/endpoints/admin/hello/submit",
        "stream": "/endpoints/admin/hello/stream",
        "replay": f"/jobs/{job}/replay",
        "deploy": "/deployments?filename=a.py",
    }
    return world, world.client, world.ask, paths


def runpod(_: Path) -> tuple[World, Client, Ask, dict[str, str]]:
    world = RunPodWorld()
    verbs = {"run": "run", "runsync": "runsync", "openai": "openai/v1/chat/completions"}
    paths = {name: f"/{world.hello}/{verb}" for name, verb in verbs.items()}
    return world, world.caller, world.call, paths


def jaqpot(folder: Path) -> tuple[World, Client, Ask, dict[str, str]]:
    world = JaqpotWorld(folder)
    number = world.model().model_id
    paths = {
        "predict": f"/models/{number}/predict",
        "csv": f"/models/{number}/predict/csv",
        "dataset": f"/user/models/{number}/datasets",
        "deploy": "/models",
        "deploy large": "/large-models",
    }
    return world, world.caller, world.call, paths


WORLDS = {"native": native, "runpod": runpod, "jaqpot": jaqpot}
ROUTES = [
    *(("native", route) for route in ("run", "submit", "stream", "replay", "deploy")),
    *(("runpod", route) for route in ("run", "runsync", "openai")),
    *(("jaqpot", route) for route in ("predict", "csv", "dataset", "deploy", "deploy large")),
]


@pytest.mark.parametrize(("dialect", "route"), ROUTES)
@pytest.mark.parametrize("asker", ["nobody", "a wrong key", "a key without the scope"])
def test_nobody_makes_the_server_read_what_it_will_refuse(dialect: str, route: str, asker: str, tmp_path: Path) -> None:
    world, client, ask, paths = WORLDS[dialect](tmp_path)
    owner = "ann" if dialect == "jaqpot" else "admin"
    scope = Scope.DEPLOY if route.startswith("deploy") else Scope.CALL
    token = {
        "nobody": None,
        "a wrong key": f"trv_{'0' * 12}_{'a' * 40}",
        "a key without the scope": world.token(owner, *all_but(scope)),
    }[asker]
    body = Unread(client)
    answer = ask("POST", paths[route], token=token, headers=LARGE, body=SOME)
    assert answer.status == (403 if "scope" in asker else 401)
    assert not body.asked


def test_a_call_to_what_is_not_there_is_refused_unread(tmp_path: Path) -> None:
    for dialect, path in (("native", "/endpoints/admin/other/run"), ("runpod", "/other/runsync")):
        _, client, ask, _ = WORLDS[dialect](tmp_path)
        body = Unread(client)
        assert ask("POST", path, headers=LARGE, body=SOME).status == 404
        assert not body.asked


def test_the_management_api_reads_nothing_of_who_has_shown_no_key(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    body = Unread(desk.client)
    assert desk.ask("POST", "/algorithms/admin", token=None, headers=LARGE, body=SOME).status == 401
    assert not body.asked


def test_algorithmias_clients_send_all_before_they_read_and_nothing_of_it_is_kept() -> None:
    world = AlgorithmiaWorld(max_input=1000)
    answer = world.call("POST", "/algo/admin/other", headers=LARGE, body=SOME)
    assert "not found" in answer.json["error"]["message"]  # and not that it was too large: nobody has looked
