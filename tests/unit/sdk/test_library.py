"""The HTTP library survives the end of the thread that first needed it. In a process of its own, as it is loaded once in each."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.sdk.server import KEY, Server

_CALLS = """
import sys, threading
import trivet

def call():
    # Not this machine's short way: the library's, which carries everything else.
    import trivet.sdk._sync.transport as transport
    transport.loopback = lambda url, headers: None
    try:
        trivet.Client({url!r}, {key!r}, timeout=5.0).job("job_1").refresh()
    except trivet.TrivetError as error:
        sys.stdout.write(error.code + "\\n")  # in one piece, as others write beside it

def gather(number):
    threads = [threading.Thread(target=call) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

for number in {waves}:
    gather(number)
call()
assert ("trivet-library" in [thread.name for thread in threading.enumerate()]) is {stays}
"""


@pytest.mark.parametrize(("waves", "stays"), [((1, 1, 1), True), ((4, 4), True), ((), False)])
def test_calls_from_threads_that_end_one_after_another_are_answered(
    server: Server, waves: tuple[int, ...], stays: bool
) -> None:
    program = _CALLS.format(url=server.url, key=KEY, waves=waves, stays=stays)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["not_found"] * (sum(waves) + 1)
