"""The real worker runtime, in a real environment, started by the real runtime: it comes up and introduces itself."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import psutil
import pytest

from trivet.platform.builders.local import LocalBuilder
from trivet.platform.core.endpoints import Version, VersionState
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import WorkerSpec
from trivet.platform.runtimes.process import ProcessRuntime
from trivet.protocol.frames import Decoder, Frame, Kind, encode

PATIENCE = 60.0
MAIN = b"import trivet\n@trivet.endpoint\ndef hello(name: str) -> str:\n    return 'Hello ' + name\nprint('loaded')\n"


async def _read(reader: asyncio.StreamReader, decoder: Decoder, kind: Kind) -> Frame:
    while data := await reader.read(65536):
        for frame in decoder.feed(data):
            if frame.kind is kind:
                return frame
    raise AssertionError(f"the link ended before {kind.name}")


async def _scene(data: Path, forked: bool) -> tuple[Frame, Departure]:
    (data / "main.py").write_bytes(MAIN)
    builder = LocalBuilder(data)
    bundle = await builder.unpack(data / "main.py", "main.py", hashlib.sha256(MAIN).hexdigest())
    built = await builder.build(bundle, print, print)
    endpoint = built.endpoints[0]
    linked: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    socket = data / "link.sock"
    server = await asyncio.start_unix_server(lambda *streams: linked.put_nowait(streams), socket)
    runtime = ProcessRuntime(data, f"unix:{socket}")
    ended: asyncio.Queue[Departure] = asyncio.Queue()
    runtime.on_exit = lambda _, departure: ended.put_nowait(departure)
    await runtime.open()
    try:
        version = Version(
            *("ver_1", "ep_1", "1.0.0", "0" * 64, VersionState.READY, 0.0, "acc_1"),
            host=endpoint.host,
            handler=endpoint.handler,
            bundle=built.bundle,
            environment=built.environment,
        )
        if forked:
            assert await runtime.warm_up(version)
        started = await runtime.start(WorkerSpec("w1", version, "admin/hello", "the-token"))
        reader, writer = await linked.get()
        assert (psutil.Process(started.pid).ppid() != os.getpid()) is forked
        decoder = Decoder()
        hello = await _read(reader, decoder, Kind.HELLO)
        writer.write(
            encode(Kind.WELCOME, 0, {"endpoint": "admin/hello", "version": "1.0.0", "concurrency": 1, "heartbeat": 5})
        )
        await _read(reader, decoder, Kind.READY)
        writer.close()  # a worker without a server ends by itself
        return hello, await ended.get()
    finally:
        await runtime.close()
        server.close()


@pytest.mark.parametrize("forked", [False, True], ids=["spawned", "forked"])
def test_a_built_bundle_comes_up_as_a_worker_and_ends_with_its_server(tmp_path: Path, forked: bool) -> None:
    hello, departure = asyncio.run(asyncio.wait_for(_scene(tmp_path, forked), PATIENCE))
    assert (hello.meta["worker_id"], hello.meta["token"]) == ("w1", "the-token")
    assert departure.exit_code is not None
    assert departure.last_lines[0] == "loaded"
