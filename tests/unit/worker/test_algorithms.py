"""Algorithms in a real worker: what a supervisor and its child make of jobs, in every layout and at every end."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.worker.server import FakeServer
from trivet.protocol.frames import Frame, Kind

Start = Callable[..., FakeServer]

LEGACY = """
    import os, sys, time

    LOADED = []

    def apply(input):
        do = input.get("do") if isinstance(input, dict) else None
        match do:
            case None: return input
            case "hello": return "hello " + input["name"]
            case "bytes": return b"\\x00\\x01"
            case "print":
                for number in range(input["times"]):
                    print("line", number)
                print("oops", file=sys.stderr)
                return "printed"
            case "raise": raise ValueError("no good")
            case "typed":
                error = ValueError("wrong input")
                error.error_type = "InputError"
                raise error
            case "null-typed":
                error = ValueError("of no type")
                error.error_type = None
                raise error
            case "set": return {1, 2}
            case "nan": return [float("nan"), "\\ud800"]
            case "exit":
                print("last words", file=sys.stderr)
                raise SystemExit(3)
            case "die": os.kill(os.getpid(), 9)
            case "sleep": time.sleep(60)
            case "large": return "x" * input["size"]
            case "environ": return dict(os.environ)
            case "remember":
                LOADED.append(input["what"])
                open("/tmp/kept", "a").write(input["what"])
                return [os.getpid(), LOADED, open("/tmp/kept").read(), sorted(os.listdir("/tmp"))]
            case "tell-address": raise ValueError("can't reach " + os.environ["ALGORITHMIA_API"])
            case "stray":
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        time.sleep(60)
                    os._exit(0)
                return os.getpid()
"""


@pytest.fixture
def start(server: FakeServer) -> Start:
    """Starts an algorithm's worker."""

    def start(source: str, name: str = "Hello", *, ready: bool = True, environ: dict[str, str] | None = None, **files: str) -> FakeServer:
        code = server.folder / "bundle"
        (code / "src").mkdir(parents=True, exist_ok=True)
        (code / "src" / f"{name}.py").write_text(textwrap.dedent(source))
        for file, text in files.items():
            (code / "src" / f"{file}.py").write_text(textwrap.dedent(text))
        room = server.folder / "room"
        room.mkdir(exist_ok=True)
        variables = {
            "TRIVET_HOST": "algorithm",
            "TRIVET_HANDLER": f"src/{name}.py",
            "TRIVET_WORKER_FOLDER": str(room),
            "ALGORITHMIA_API": "http://127.0.0.1:9/algorithmia/w/wkr_1.secret",
            "ALGORITHMIA_API_KEY": "somebody's",
            **(environ or {}),
        }
        server.start("", "-", ready=ready, environ=variables)
        return server

    return start


def call(server: FakeServer, value: Any = None, account: str = "acc_1", **given: Any) -> Frame:
    return server.answer(server.submit(json.dumps(given or value).encode(), account=account))


def value(frame: Frame) -> Any:
    assert frame.kind is Kind.RESULT, frame
    return json.loads(frame.body)


def test_x(start) -> None:
    server = start(LEGACY)
    assert value(call(server, do="hello", name="Bond")) == "hello Bond"
    print(call(server, do="raise"))
    print(call(server, do="exit"))
    print(call(server, do="remember", what="a"))
    print(call(server, do="remember", what="b"))
    print(call(server, do="remember", what="c", account="acc_2"))
    print(server.stderr.read_text())
