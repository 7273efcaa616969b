"""Every answer of the three dialects says that a Trivet has given it: the drop-in modules go by that, on refusals as well."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from tests.wire.algorithmia.fakes import AlgorithmiaWorld
from tests.wire.fakes import Answer, Client, World
from tests.wire.jaqpot.world import JaqpotWorld
from tests.wire.runpod.fakes import MAX_RUN, RunPodWorld

SMALL = b'{"input": 1}'
LARGE = b'"%b"' % (b"x" * MAX_RUN)
REQUESTS = {
    "runpod": [
        ("GET", "/v2/{hello}/health", b"", 200),
        ("OPTIONS", "/v2/{hello}/run", b"", 204),
        ("POST", "/v2/{hello}/run", LARGE, 413),
        ("POST", "/v2/nothing/run", SMALL, 404),
        ("DELETE", "/v2/{hello}/run", b"", 405),
        ("GET", "/elsewhere", b"", 404),
        ("GET", "/v2/{hello}/openai/v1/models", b"", 200),
        ("POST", "/graphql", SMALL, 400),
    ],
    "algorithmia": [
        ("GET", "/v1/data/.my", b"", 200),
        ("OPTIONS", "/v1/data/.my", b"", 204),
        ("HEAD", "/v1/data/.my/none", b"", 404),
        ("POST", "/v1/algo/admin/hello?output=raw", LARGE, 400),
        ("POST", "/v1/algo/admin/hello", SMALL, 200),
        ("POST", "/v1/algo/admin/none", SMALL, 200),
        ("POST", "/v1/algo/admin/none?output=raw", SMALL, 400),
        ("PATCH", "/v1/algo/admin/hello", b"", 405),
        ("GET", "/elsewhere", b"", 404),
    ],
    "jaqpot": [
        ("GET", "/v1/user/models", b"", 200),
        ("OPTIONS", "/v1/models", b"", 204),
        ("POST", "/v1/models", LARGE, 413),
        ("GET", "/v1/models/999", b"", 404),
        ("HEAD", "/v1/models/999", b"", 404),
        ("DELETE", "/v1/models", b"", 405),
        ("GET", "/elsewhere", b"", 404),
    ],
}


def world_of(dialect: str, folder: Path) -> tuple[World, Client, str]:
    """A world with one of the dialects, its client, and the id of a function where paths have one."""
    if dialect == "runpod":
        runpod = RunPodWorld()
        return runpod, runpod.caller, runpod.hello
    if dialect == "algorithmia":
        algorithmia = AlgorithmiaWorld(max_input=MAX_RUN, strict=False)
        return algorithmia, algorithmia.caller, ""
    jaqpot = JaqpotWorld(folder, max_upload=MAX_RUN, max_input=MAX_RUN)
    return jaqpot, jaqpot.caller, ""


def has_mark(answer: Answer) -> bool:
    return bool(answer.headers.get("trivet-version"))


@pytest.mark.parametrize("dialect", REQUESTS)
def test_every_answer_says_that_a_trivet_has_given_it(dialect: str, tmp_path: Path) -> None:
    world, caller, hello = world_of(dialect, tmp_path)
    for method, path, body, status in REQUESTS[dialect]:
        answer = world.run(
            caller.ask(
                method,
                f"/{dialect}{path.format(hello=hello)}",
                token=world.admin_token,
                headers={"content-type": "application/json"},
                body=body,
            )
        )
        assert answer.status == status, (method, path, answer)
        assert has_mark(answer), (method, path, answer)


def test_a_worker_that_nobody_knows_is_told_so_too() -> None:
    world = RunPodWorld()
    answer = world.call("GET", f"/{world.hello}/job-take/w1", token="trv_nobody_nothing")
    assert answer.status == 401
    assert has_mark(answer)


@pytest.mark.parametrize("dialect", REQUESTS)
@pytest.mark.parametrize("token", [None, "trv_nobody_nothing"])
def test_a_stranger_is_told_so_too(dialect: str, token: str | None, tmp_path: Path) -> None:
    world, caller, hello = world_of(dialect, tmp_path)
    for method, path, *_ in REQUESTS[dialect]:
        answer = world.run(caller.ask(method, f"/{dialect}{path.format(hello=hello)}", token=token))
        assert has_mark(answer), (method, path, answer)


@pytest.mark.parametrize("dialect", REQUESTS)
def test_a_fault_of_the_platform_says_whose_it_is(
    dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, caller, hello = world_of(dialect, tmp_path)

    def broken(_: str) -> NoReturn:
        raise RuntimeError("broken")

    monkeypatch.setattr(world.accounts, "authenticate", broken)
    method, path, *_ = REQUESTS[dialect][0]
    answer = world.run(caller.ask(method, f"/{dialect}{path.format(hello=hello)}", token=world.admin_token))
    assert answer.status == 500
    assert has_mark(answer)
