"""One deployment, called in every way."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.conftest import PROGRAMS
from tests.e2e.test_jobs_tell_the_truth import TRIES


@pytest.fixture(scope="module")
def hello(client: trivet.Client) -> str:
    deployed = client.deploy(PROGRAMS / "hello.py")
    assert [d.name for d in deployed] == ["admin/hello"]
    return deployed[0].name


def test_sdk_async_sdk_and_command_line_give_the_same_answer(
    platform: RunningPlatform, client: trivet.Client, hello: str
) -> None:
    expected = "Hello Bond Hello Bond"
    given = {"name": "Bond", "times": 2}

    assert client.endpoint(hello).run(given) == expected

    async def awaited() -> object:
        async with trivet.AsyncClient(platform.url, platform.key) as same:
            return await same.endpoint(hello).run(given)

    assert asyncio.run(awaited()) == expected
    called = platform.trivet("call", hello, json.dumps(given))
    assert (called.returncode, called.stdout.strip()) == (0, expected), called.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_gives_the_same_answer(platform: RunningPlatform, hello: str) -> None:
    given = {"name": "Bond", "times": 2}
    curl = subprocess.run(
        ["curl", "-sS", f"{platform.url}/api/v1/endpoints/{hello}/run", "-H", f"Authorization: Bearer {platform.key}",
         "-H", "Content-Type: application/json", "-d", json.dumps(given)],
        check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert json.loads(curl.stdout) == "Hello Bond Hello Bond"


def test_an_input_that_is_no_object_is_the_only_argument(client: trivet.Client, hello: str) -> None:
    assert client.endpoint(hello).run("Bond") == "Hello Bond"


def test_a_submitted_job_is_found_again_by_its_id(client: trivet.Client, hello: str) -> None:
    job = client.endpoint(hello).submit({"name": "Bond"})
    assert job.result(timeout=30) == "Hello Bond"
    again = client.job(job.id)
    assert again.status == "succeeded"
    assert "succeeded" in again.explain().summary


def test_map_keeps_the_order_and_its_errors_in_place(client: trivet.Client, hello: str) -> None:
    inputs: list[object] = [{"name": str(n)} for n in range(50)]
    inputs[7] = {"times": 3}
    results = list(client.endpoint(hello).map(inputs, concurrency=8, return_exceptions=True))
    assert isinstance(results[7], trivet.InvalidInputError)
    assert [r for i, r in enumerate(results) if i != 7] == [f"Hello {n}" for n in range(50) if n != 7]


def test_a_stream_gives_its_pieces_as_they_come(zoo: trivet.Client) -> None:
    for _ in range(TRIES):
        stream = zoo.endpoint("admin/acount").stream({"n": 5, "seconds": 0.3})
        arrivals = [(piece, time.monotonic()) for piece in stream]
        assert [piece for piece, _ in arrivals] == [0, 1, 2, 3, 4]
        if arrivals[-1][1] - arrivals[0][1] > 0.3:
            return  # else they have come all at once, as the machine stood still, or they always do
    pytest.fail("they have come all at once")


def test_run_on_a_generator_gives_all_its_pieces(zoo: trivet.Client) -> None:
    assert zoo.endpoint("admin/count").run({"n": 3}) == [{"i": 0}, {"i": 1}, {"i": 2}]


def test_binary_goes_in_and_out_untouched(zoo: trivet.Client) -> None:
    data = bytes(range(256)) * 5000
    assert zoo.endpoint("admin/reverse").run(data) == data[::-1]


def test_large_json_goes_through_the_blob_store(zoo: trivet.Client) -> None:
    value = ["x" * 1000] * 2000
    job = zoo.endpoint("admin/echo").submit({"value": value})
    assert job.result(timeout=30) == value


def test_an_async_handler_answers(zoo: trivet.Client) -> None:
    assert zoo.endpoint("admin/slow_echo").run({"value": "x"}) == "x"


def test_bad_input_is_refused_naming_the_field(zoo: trivet.Client, client: trivet.Client, hello: str) -> None:
    before = len(list(client.jobs.list(endpoint=hello, limit=100)))
    with pytest.raises(trivet.InvalidInputError) as caught:
        client.endpoint(hello).run({"name": "Bond", "times": "many"})
    assert caught.value.errors[0].path == "/times"
    assert len(list(client.jobs.list(endpoint=hello, limit=100))) == before


def test_unknown_things_are_not_found(client: trivet.Client, hello: str) -> None:
    for call in (
        lambda: client.endpoint("admin/nothing").run(1),
        lambda: client.endpoint(hello, version="9.9.9").run({"name": "x"}),
        lambda: client.job("job_doesnotexist").refresh(),
    ):
        with pytest.raises(trivet.NotFoundError):
            call()
