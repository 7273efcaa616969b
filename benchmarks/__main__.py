"""Measures ours and the floor in one run, in turns, and prints figures and ratios.

Single figures drift with the machine; believe the ratios. One load process, keep-alive, loopback.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

from pyreqwest.client import Client as HttpClient
from pyreqwest.client import ClientBuilder

ROUNDS = 3
SECONDS = 2.0
CALLERS = 64
BODY = b'{"value": "hello"}'
PROGRAM = """
import trivet

@trivet.endpoint(workers=(0, 1), concurrency=1, idle_timeout=600)
def echo(value):
    return value

@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def pieces(n: int):
    for i in range(n):
        yield i

@trivet.endpoint(workers=(0, 1), idle_timeout=0.2)
def cold(value):
    return value
"""

Call = Callable[[], Awaitable[None]]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(url: str, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2, data=None):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


async def throughput(call: Call, callers: int, seconds: float) -> float:
    """Calls a second that so many callers get answered."""
    until = time.perf_counter() + seconds
    done = 0

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await call()
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return done / (time.perf_counter() - began)


async def latency(call: Call, times: int) -> float:
    """The median of one caller, in milliseconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await call()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def post(http: HttpClient, url: str, body: bytes, expected: int) -> Call:
    async def call() -> None:
        answer = await http.post(url).body_bytes(body).header("content-type", "application/json").build().send()
        await answer.bytes()
        if answer.status != expected:
            raise SystemExit(f"{url} answered {answer.status}: {await answer.text()}")

    return call


async def first_piece(http: HttpClient, url: str) -> None:
    request = http.post(url).body_bytes(b'{"n": 20}').header("content-type", "application/json").build_streamed()
    async with request as answer:
        held = b""
        while b"event: piece" not in held:
            chunk = await answer.body_reader.read_chunk()
            if chunk is None:
                raise SystemExit(f"the stream ended without a piece: {held!r}")
            held += bytes(chunk)


async def measure(ours: str, key: str, floor: str) -> dict[str, float]:
    headers = {"authorization": f"Bearer {key}"}
    async with ClientBuilder().default_headers(headers).max_connections(CALLERS * 2).build() as http:
        base = f"{ours}/api/v1/endpoints/admin"
        run = post(http, f"{base}/echo/run", BODY, 200)
        least = post(http, floor, BODY, 200)
        submit = post(http, f"{base}/echo/submit", BODY, 202)
        for call in (run, least):
            await throughput(call, CALLERS, 0.5)
        rows: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            rows.setdefault("floor, echo, 64 callers, calls/s", []).append(await throughput(least, CALLERS, SECONDS))
            rows.setdefault("run, echo, 64 callers, calls/s", []).append(await throughput(run, CALLERS, SECONDS))
            rows.setdefault("floor, echo, one caller, p50 ms", []).append(await latency(least, 500))
            rows.setdefault("run, echo, one caller, p50 ms", []).append(await latency(run, 500))
            rows.setdefault("submit, 64 callers, acknowledged jobs/s", []).append(
                await throughput(submit, CALLERS, SECONDS)
            )
            await drain(http, ours)
        stream = f"{base}/pieces/stream"
        await first_piece(http, stream)

        async def piece() -> None:
            await first_piece(http, stream)

        rows["first piece of a stream, p50 ms"] = [await latency(piece, 100)]
        rows["from zero workers to the answer, p50 ms"] = [await from_zero(post(http, f"{base}/cold/run", BODY, 200))]
    return {name: statistics.median(values) for name, values in rows.items()}


async def drain(http: HttpClient, ours: str) -> None:
    """Waits until nothing is queued."""
    while True:
        answer = await http.get(f"{ours}/api/v1/endpoints/admin/echo/health").build().send()
        counts = (await answer.json())["jobs"]
        if not counts["queued"] and not counts["running"]:
            return
        await asyncio.sleep(0.1)


async def from_zero(call: Call) -> float:
    await call()
    took = []
    for _ in range(5):
        await asyncio.sleep(1.2)  # longer than the idle timeout: the worker is gone
        took.append(await latency(call, 1))
    return statistics.median(took)


def bare_python() -> float:
    took = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-c", "import json, socket, threading"], check=True)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="trivet-bench-") as name:
        folder = Path(name)
        (folder / "bench.py").write_text(PROGRAM)
        environ = {**os.environ, "TRIVET_CONFIG": str(folder / "config.toml")}
        port, floor_port = free_port(), free_port()
        command = [sys.executable, "-m", "trivet.cli", "up", "--port", str(port), "--data", str(folder / "data")]
        up = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        floor = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.floor", "serve", str(floor_port), str(folder / "floor.sock")]
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/readyz")
            wait_for(f"http://127.0.0.1:{floor_port}/")
            key = tomllib.loads((folder / "config.toml").read_text())["api_key"]
            subprocess.run(
                [sys.executable, "-m", "trivet.cli", "deploy", str(folder / "bench.py")],
                env=environ,
                check=True,
                capture_output=True,
            )
            figures = asyncio.run(measure(f"http://127.0.0.1:{port}", key, f"http://127.0.0.1:{floor_port}/"))
        finally:
            for process in (up, floor):
                process.send_signal(signal.SIGTERM)
            for process in (up, floor):
                process.wait(30)
    figures["starting a bare interpreter, p50 ms"] = bare_python()
    for name, value in figures.items():
        print(f"{name:<45} {value:>10.2f}")
    ratio = figures["run, echo, 64 callers, calls/s"] / figures["floor, echo, 64 callers, calls/s"]
    slower = figures["run, echo, one caller, p50 ms"] / figures["floor, echo, one caller, p50 ms"]
    print(f"{'run: share of the floor, 64 callers':<45} {ratio:>10.2f}")
    print(f"{'run: times the floor, one caller':<45} {slower:>10.2f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
