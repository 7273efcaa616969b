"""Requests that do not come to their end, on a real connection: each dialect says so in its own shape, and nothing happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable

import pytest

from tests.wire.algorithmia.fakes import AlgorithmiaWorld
from tests.wire.fakes import Worker, World
from tests.wire.runpod.fakes import RunPodWorld
from tests.wire.test_over_http import Connect, answer_of, head_of, over_http
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.server.front import FrontProtocol
from trivet.platform.server.patience import Patience, Watch

SHORT = 0.2
PAUSE = 0.05
"""Seconds between two signs of life of a client that is waited for."""
TRIES = 20
"""How often a scene is played at most until the machine does not stand still in it."""
Scenario = Callable[[Connect], Awaitable[None]]


def watch(head: float = 60.0, body: float = 60.0) -> Watch:
    return Watch(Patience(head, body))


def steadily(pauses: float, play: Callable[[Scenario], None], scenario: Scenario) -> None:
    """Plays a scene whose client makes pauses; again where the machine stood still in it for longer than such a pause."""
    stood = [0.0]

    async def watched(connect: Connect) -> None:
        async def beat() -> None:
            now = asyncio.get_running_loop().time
            while True:
                before = now()
                await asyncio.sleep(0.01)
                stood.append(now() - before)

        beating = asyncio.ensure_future(beat())
        try:
            await scenario(connect)
        finally:
            await asyncio.sleep(0.01)  # a pause that has just ended counts too
            beating.cancel()

    for _ in range(TRIES):
        stood[1:] = []
        try:
            return play(watched)
        except (AssertionError, ConnectionError, asyncio.IncompleteReadError):
            if max(stood) < pauses:
                raise
    pytest.fail(f"the machine stood still in each of {TRIES} tries")


def half(world: World, method: str, path: str, body: bytes = b'{"a":', *headers: str) -> bytes:
    """A request of whose body only the first half is ever sent."""
    lines = [f"{method} {path} HTTP/1.1", "Host: trivet", f"Authorization: Bearer {world.admin_token}", *headers]
    if not headers:
        lines += ["Content-Type: application/json", f"Content-Length: {2 * len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def stalled(world: World, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """What a request gets that does not go on; asserts that its connection is closed."""
    found: list[tuple[int, dict[str, str], bytes]] = []

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(request)
        found.append(await answer_of(reader))
        assert await reader.read() == b""

    over_http(world, scenario, watch=watch(body=SHORT))
    assert found[0][1]["connection"] == "close"
    return found[0]


@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_that_stands_still_is_given_up_and_the_old_file_stays(chunked: bool) -> None:
    world = World()
    world.ask("POST", "/files/.my", json_body={"name": "c"})
    world.ask("PUT", "/files/.my/c/f", body=b"the old one")
    blobs = dict(world.blobs.blobs)
    sent = (b"4\r\nhalf\r\n", "Transfer-Encoding: chunked") if chunked else (b"half",)
    status, headers, body = stalled(world, half(world, "PUT", "/api/v1/files/.my/c/f", *sent))
    assert (status, headers["content-type"]) == (408, "application/problem+json")
    problem = json.loads(body)
    assert (problem["code"], problem["status"]) == ("request_stalled", 408)
    assert f"{SHORT:g} seconds" in problem["detail"]
    assert world.ask("GET", "/files/.my/c/f").body == b"the old one"
    assert world.blobs.blobs == blobs


@pytest.mark.parametrize("path", ["/api/v1/endpoints/admin/hello/run", "/api/v1/endpoints/admin/hello/stream"])
def test_a_call_that_stands_still_is_given_up(path: str) -> None:
    world = World()
    world.offer()
    status, _, body = stalled(world, half(world, "POST", path))
    assert (status, json.loads(body)["code"]) == (408, "request_stalled")
    assert world.ask("GET", "/jobs").json["items"] == []


def test_runpods_shape_is_one_text() -> None:
    world = RunPodWorld()
    world.client = world.caller
    status, _, body = stalled(world, half(world, "POST", f"/runpod/v2/{world.hello}/runsync"))
    assert status == 408
    assert list(json.loads(body)) == ["error"]
    assert "Send it again" in json.loads(body)["error"]


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [("PUT", "data/.my/c/f", 408), ("POST", "data/.my", 408), ("POST", "algo/admin/hello", 200)],
)
def test_algorithmias_shape_is_an_error_with_a_message(method: str, path: str, wanted: int) -> None:
    world = AlgorithmiaWorld()
    world.mkdir("c")
    world.client = world.caller
    status, _, body = stalled(world, half(world, method, f"/algorithmia/v1/{path}"))
    assert status == wanted  # calls are refused with 200, as this dialect's clients need it
    assert f"{SHORT:g} seconds" in json.loads(body)["error"]["message"]


def test_a_body_that_goes_on_now_and_then_is_waited_for() -> None:
    world = World()
    world.ask("POST", "/files/.my", json_body={"name": "c"})

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(half(world, "PUT", "/api/v1/files/.my/c/f", b"012345"))
        for digit in b"012345":
            await asyncio.sleep(PAUSE)
            writer.write(bytes([digit]))
        status, _, body = await answer_of(reader)
        assert status == 200
        assert json.loads(body)["size"] == 12

    steadily(PAUSE, lambda watched: over_http(world, watched, watch=watch(body=4 * PAUSE)), scenario)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nhost: x\r\n", b"G"])
def test_a_head_that_stands_still_is_given_up(sent: bytes) -> None:
    world = World()

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(sent)
        status, headers, body = await answer_of(reader)
        assert (status, headers["connection"]) == (408, "close")
        assert b"did not come to its end" in body
        assert await reader.read() == b""

    over_http(world, scenario, watch=watch(head=SHORT))


def test_a_connection_that_says_nothing_is_closed() -> None:
    world = World()

    async def scenario(connect: Connect) -> None:
        reader, _ = await connect()
        assert await reader.read() == b""

    over_http(world, scenario, watch=watch(head=SHORT))


def test_a_reader_who_takes_nothing_of_a_large_answer_is_let_go() -> None:
    world = World()
    world.offer()
    size = 8 << 20  # more than the sockets of both sides hold

    def much(worker: Worker, order: AttemptOrder) -> None:
        worker.give(order, b"0" * size)

    world.handler = much
    looking = watch(body=SHORT)

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(half(world, "POST", "/api/v1/endpoints/admin/hello/run", b"", "Content-Length: 2") + b"{}")
        status, _ = await head_of(reader)
        assert status == 200
        # what is between the two is full soon, and nobody empties it
        (connection,) = looking._debtors
        assert isinstance(connection, FrontProtocol)
        while not connection.transport.is_closing():
            await asyncio.sleep(0.005)
        other, talking = await connect()
        talking.write(half(world, "GET", "/api/v1/endpoints", b"", "Content-Length: 0"))
        assert (await answer_of(other))[0] == 200
        with contextlib.suppress(ConnectionError):
            assert len(await reader.read()) < size

    over_http(world, scenario, watch=looking)


def test_an_upload_that_is_cut_by_a_stop_is_told_so_and_leaves_nothing_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.ask("POST", "/files/.my", json_body={"name": "c"})

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(half(world, "PUT", "/api/v1/files/.my/c/f", b"half", "Content-Length: 8"))
        while not (serving := [each for each in asyncio.all_tasks() if "run_asgi" in repr(each.get_coro())]):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)  # it waits for the rest
        for task in serving:
            task.cancel()
        await asyncio.wait(serving)
        status, headers, body = await answer_of(reader)
        assert (status, headers["connection"]) == (503, "close")
        assert b"shutting down" in body
        assert await reader.read() == b""

    over_http(world, scenario)
    assert not caplog.records
    assert world.ask("GET", "/files/.my/c/f").status == 404


def test_who_sends_whole_requests_is_not_hurried() -> None:
    world = World()
    world.offer()

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        for _ in range(2):
            request = half(world, "POST", "/api/v1/endpoints/admin/hello/run", b"", "Content-Length: 2") + b"{}"
            writer.write(request)
            assert (await answer_of(reader))[0] == 200
            await asyncio.sleep(2 * SHORT)

    steadily(SHORT / 2, lambda watched: over_http(world, watched, watch=watch(SHORT, SHORT)), scenario)
