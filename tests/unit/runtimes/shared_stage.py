"""A data folder whose one environment has a host of ours for models, and a server that speaks with the workers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.unit.runtimes.stage import PATIENCE, Stage
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import WorkerSpec
from trivet.platform.runtimes.process import ProcessRuntime
from trivet.platform.runtimes.shared import SharedRuntime, SharedSettings
from trivet.protocol.frames import Decoder, Frame, Kind, encode

PYTHON = """#!/bin/sh
exec "{python}" -I "{program}"
"""
PROGRAM = """
import sys
sys.path.insert(0, {beside!r})
from trivet.worker import hosts
hosts.HOSTS["model"] = "play_host"
from trivet.worker.main import main
sys.exit(main([]))
"""
PLAY_HOST = """
import ctypes, json, os, sys, threading, time
from pathlib import Path
from trivet.worker.failures import Relayed

def open_host(folder, handler):
    does = (Path(folder) / "loads").read_text()
    if does == "raise":
        raise ValueError("not a graph")
    if does == "crash":
        ctypes.string_at(0)
    if does == "slowly":
        time.sleep(600)
    return PlayHost()

def hang():
    begun = False
    while True:
        try:
            if not begun:
                begun = True
                print("begun", flush=True)
            time.sleep(600)
        except BaseException:  # an interrupt that comes before the sleep has begun changes nothing either
            pass

class PlayHost:
    kind = "sync"
    batching = None

    def __init__(self):
        self.stops = threading.Event()

    def setup(self):
        pass

    def teardown(self):
        pass

    def bind(self, body, content_type):
        return [json.loads(body)], {}

    def handler(self, order):
        what, value = order
        if what == "wait":  # in a graph that can be ended
            print("begun", flush=True)
            self.stops.wait(600)
            raise RuntimeError("ended")
        if what == "hang":  # in one that can't
            hang()
        if what == "crash":
            ctypes.string_at(0)
        if what == "refuse":
            raise Relayed(value, "RowsInvalid", code="invalid_input")
        if what == "print":
            print(value)
        return [value, os.getpid()]

    def encode(self, value):
        return "application/json", json.dumps(value).encode()

    def interrupt(self, attempt):
        self.stops.set()
"""


class Office:
    """The server's end of the links: it welcomes whoever comes, and notes what they say."""

    def __init__(self, path: Path, *, concurrency: int = 2) -> None:
        self.path = path
        self.said: dict[str, list[Frame]] = defaultdict(list)
        self._concurrency = concurrency
        self._writers: dict[str, asyncio.StreamWriter] = {}
        self._number = 0
        self._changed = asyncio.Event()
        self._server: asyncio.Server

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def close(self) -> None:
        self._server.close()
        for writer in self._writers.values():
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder, worker_id = Decoder(), ""
        while data := await reader.read(65536):
            for frame in decoder.feed(data):
                if frame.kind is Kind.HELLO:
                    worker_id = frame.meta["worker_id"]
                    assert frame.meta["token"] == f"token of {worker_id}"
                    self._writers[worker_id] = writer
                    writer.write(encode(Kind.WELCOME, 0, {"concurrency": self._concurrency, "heartbeat": 0.2}))
                self.said[worker_id].append(frame)
                self._changed.set()
        writer.close()

    def tell(self, worker_id: str, kind: Kind, number: int = 0, meta: dict[str, Any] | None = None) -> None:
        self._writers[worker_id].write(encode(kind, number, meta))

    def ask(self, worker_id: str, what: str, value: object = None) -> int:
        """Sends an attempt; returns its number."""
        self._number += 1
        meta = {"job": f"job_{self._number}", "token": f"t{self._number}", "timeout": 60, "attempt": 1}
        self._writers[worker_id].write(encode(Kind.JOB, self._number, meta, json.dumps([what, value]).encode()))
        return self._number

    async def begin(self, worker_id: str, what: str) -> int:
        """Sends an attempt that says when it is at work, and waits for that; returns its number."""
        number = self.ask(worker_id, what)
        await self.heard(worker_id, Kind.LOG, number)
        return number

    async def heard(self, worker_id: str, kind: Kind, number: int = 0) -> Frame:
        """A frame of that kind, once it has come."""
        while True:
            for frame in self.said[worker_id]:
                if frame.kind is kind and frame.attempt == number:
                    return frame
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), PATIENCE)


class SharedStage(Stage):
    """Makes specs of models, and plays scenes with them on a runtime where they share processes."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        python = data / "envs" / "bare" / "bin" / "python"
        python.with_name("play_host.py").write_text(PLAY_HOST)
        program = python.with_name("program.py")
        program.write_text(PROGRAM.format(beside=str(python.parent)))
        python.write_text(PYTHON.format(python=sys.executable, program=program))

    def model(self, worker_id: str, version: str = "", loads: str = "", *, memory: int | None = None) -> WorkerSpec:
        """A worker of a version, which is the worker's own where none is named."""
        spec = self.spec(worker_id, "", memory=memory)
        (self.data / "bundles" / f"of-{worker_id}" / "loads").write_text(loads)
        whole = replace(spec.version, id=version or f"ver_of_{worker_id}", host="model", handler="model.json")
        return WorkerSpec(worker_id, whole, spec.endpoint_name, f"token of {worker_id}")

    def perform(self, act: Callable[[SharedRuntime, Office], Awaitable[None]], **settings: Any) -> None:
        """Opens an office and a runtime, acts with them, and closes them."""

        async def whole() -> None:
            office = Office(self.data / "link.sock")
            await office.open()
            link = f"unix:{office.path}"
            runtime = SharedRuntime(ProcessRuntime(self.data, link), link, SharedSettings(**settings))
            self.listen(runtime)
            await runtime.open()
            try:
                await asyncio.wait_for(act(runtime, office), 3 * PATIENCE)
            finally:
                await runtime.close()
                await office.close()

        asyncio.run(whole())

    def departures(self, worker_id: str) -> list[Departure]:
        return [departure for each, departure in self.exits if each == worker_id]
