"""The gate: a worker whose standard input is a pipe loads nothing of its author's before the pipe has ended."""

from __future__ import annotations

import os

from tests.unit.worker.server import FakeServer
from trivet.protocol.frames import Kind

PROGRAM = """
    import os, sys, trivet
    loaded_late = os.path.exists(os.environ["SIGN"])

    @trivet.endpoint
    def look() -> list:
        return [loaded_late, os.readlink("/proc/self/fd/0"), sys.stdin.read()]
"""


def test_nothing_is_loaded_before_the_gate_opens(server: FakeServer) -> None:
    sign = server.folder / "sign"
    inside, outside = os.pipe()
    server.start(PROGRAM, "look", ready=False, environ={"SIGN": str(sign)}, stdin=inside)
    os.close(inside)
    sign.touch()
    os.close(outside)
    server.expect(Kind.READY)
    assert server.call(b"{}").body == b'[true,"/dev/null",""]'
