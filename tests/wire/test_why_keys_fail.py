"""Why a key does not count is told to who has its secret, in every dialect, each in its own shape."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.wire.algorithmia.fakes import AlgorithmiaWorld
from tests.wire.fakes import Answer, World
from tests.wire.runpod.fakes import RunPodWorld
from trivet.platform.core.keys import DAY, Token

Ask = Callable[[Token], Answer]


def native() -> tuple[World, Ask]:
    world = World()
    return world, lambda token: world.ask("GET", "/me", token=token)


def runpod() -> tuple[World, Ask]:
    world = RunPodWorld()
    return world, lambda token: world.call("GET", f"/{world.hello}/health", token=token)


def algorithmia_data() -> tuple[World, Ask]:
    world = AlgorithmiaWorld()
    return world, lambda token: world.call("GET", "/data/.my", token=token)


def algorithmia_call() -> tuple[World, Ask]:
    world = AlgorithmiaWorld()
    world.share("admin/hello")
    return world, lambda token: world.pipe("admin/hello", token=token)


WAYS = [native, runpod, algorithmia_data, algorithmia_call]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["expired", "disabled", "revoked"])
def test_who_has_the_secret_is_told(way: Callable[[], tuple[World, Ask]], how: str) -> None:
    world, ask = way()
    token = world.token("admin", "read", "call", "data")
    assert ask(token).status == 200
    if how == "expired":
        world.now += 200 * DAY
    elif how == "disabled":
        world.run(world.keys.change(world.admin, token.key_id, disabled=True))
    else:
        world.run(world.keys.revoke(world.admin, token.key_id))
    assert f"API key {how}".encode() in ask(token).body


@pytest.mark.parametrize("way", WAYS)
def test_with_another_secret_such_a_key_is_like_one_that_there_is_not(way: Callable[[], tuple[World, Ask]]) -> None:
    world, ask = way()
    token = world.token("admin")
    world.run(world.keys.change(world.admin, token.key_id, disabled=True))
    wrong, missing = ask(Token(token.key_id, "x" * 40)), ask(Token("0" * 12, "x" * 40))
    assert (wrong.status, wrong.headers, wrong.body) == (missing.status, missing.headers, missing.body)
    assert b"API key disabled" not in wrong.body
