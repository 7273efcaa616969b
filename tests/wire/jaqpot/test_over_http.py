"""Over a real connection: headers byte by byte, as Jaqpot's clients look for them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.wire.jaqpot.world import JaqpotWorld, document, holds, uploaded
from tests.wire.test_over_http import Connect, over_http
from trivet.platform.wire.hot import Head, HotPath

ROWS = {"type": "PREDICTION", "entryType": "ARRAY", "input": [{"X1": 1, "Cat": "A"}]}


class Served(JaqpotWorld):
    """The world behind a server."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, wait=0.0, hold=5.0)
        self.client = self.caller
        self.jaqpot.hot_routes = _none  # type: ignore[attr-defined]  # what a server's front asks every application for


def _none(_: Head) -> HotPath | None:
    return None


def request(world: Served, method: str, path: str, body: object = None, *headers: str) -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    head = [
        f"{method} /jaqpot/v1{path} HTTP/1.1",
        "Host: trivet",
        f"X-Api-Key: {world.ann.client_key}",
        f"X-Api-Secret: {world.ann.secret}",
        *headers,
        f"Content-Length: {len(data)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + data


async def answer_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return head, await reader.readexactly(int(length[1])) if length is not None else b""


@pytest.mark.parametrize("way", ["front", "uvicorn"])
def test_location_begins_with_a_capital_letter(tmp_path: Path, way: str) -> None:
    world = Served(tmp_path)
    endpoint = world.model()

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(request(world, "POST", f"/models/{endpoint.model_id}/predict", ROWS))
        head, body = await answer_of(reader)
        assert head.startswith(b"HTTP/1.1 201 ")
        assert re.search(rb"\r\nLocation: http://trivet/jaqpot/v1/datasets/(\d+)\r\n", head), head
        assert body == b""
        writer.write(request(world, "GET", "/datasets/1"))
        head, body = await answer_of(reader)
        assert (json.loads(body)["status"], b"content-type: application/json" in head) == ("SUCCESS", True)
        world.will_build(document("Another"))
        world.deployments.on_submit = lambda deployment_id: world.tasks.run(world.deployments.build(deployment_id))
        writer.write(request(world, "POST", "/models", uploaded("Another")))
        head, _ = await answer_of(reader)
        assert re.search(rb"\r\nLocation: http://trivet/jaqpot/v1/models/\d+\r\n", head), head
        writer.write(request(world, "DELETE", f"/models/{endpoint.model_id}"))
        head, _ = await answer_of(reader)
        assert head.startswith(b"HTTP/1.1 204 ")
        assert b"content-length" not in head.lower()
        assert b"transfer-encoding" not in head.lower()

    over_http(world, scenario, way)


def test_who_hangs_up_while_a_question_is_held_leaves_the_prediction_alone(tmp_path: Path) -> None:
    world = Served(tmp_path)
    endpoint, world.handler = world.model(), holds

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(request(world, "POST", f"/models/{endpoint.model_id}/predict", ROWS))
        await answer_of(reader)
        writer.write(request(world, "GET", "/datasets/1"))
        writer.close()
        reader, writer = await connect()
        writer.write(request(world, "GET", "/datasets/1?wait=0"))
        _, body = await answer_of(reader)
        assert json.loads(body)["status"] == "EXECUTING"

    over_http(world, scenario)


def test_a_table_of_results_comes_in_pieces(tmp_path: Path) -> None:
    world = Served(tmp_path)
    endpoint = world.model()

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(request(world, "POST", f"/models/{endpoint.model_id}/predict", ROWS))
        await answer_of(reader)
        writer.write(request(world, "GET", "/datasets/1/results.csv", None, "Connection: close"))
        whole = await reader.read()
        assert b"transfer-encoding: chunked" in whole
        assert b"row,input.X1,input.Cat,y," in whole

    over_http(world, scenario)
