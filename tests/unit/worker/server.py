"""A small server for one worker: the other end of the link, told by the test what to say."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trivet.protocol.frames import Decoder, Frame, Kind, encode

PATIENCE = 20.0
"""Seconds that anything may take on a busy machine before a test gives up."""


class FakeServer:
    """Starts real workers and speaks frames with them, event by event."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.stderr = folder / "stderr.txt"
        self.stdout = folder / "stdout.txt"
        self._path = folder / "link.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(PATIENCE)
        self._listener.bind(str(self._path))
        self._listener.listen()
        self._link: socket.socket | None = None
        self._decoder = Decoder()
        self._frames: deque[Frame] = deque()
        self._number = 0
        self.seen: list[Frame] = []

    # -- the worker ---------------------------------------------------------------------------------------------------

    def start(
        self,
        source: str,
        handler: str,
        *,
        ready: bool = True,
        environ: Mapping[str, str] | None = None,
        starter: Sequence[str] = (),
        stdin: int = subprocess.DEVNULL,
        command: Sequence[str] = (sys.executable, "-I", "-m", "trivet.worker"),
        **welcome: Any,
    ) -> None:
        """Starts a worker for ``handler`` of a bundle with ``source``, and welcomes it.

        Args:
            source: the text of the bundle's one module.
            handler: its name there.
            ready: wait until it has said so.
            environ: more of its environment.
            starter: a program that starts the worker in its turn.
            stdin: its standard input.
            command: what is run.
            welcome: what WELCOME says, where it differs from the usual.
        """
        bundle = self.folder / "bundle"
        bundle.mkdir(exist_ok=True)
        (bundle / "main.py").write_text(textwrap.dedent(source))
        variables = {
            "PATH": os.environ["PATH"],
            "TRIVET_LINK": f"unix:{self._path}",
            "TRIVET_WORKER_ID": "wkr_1",
            "TRIVET_WORKER_TOKEN": "secret-of-the-worker",
            "TRIVET_BUNDLE": str(bundle),
            "TRIVET_HANDLER": f"main:{handler}",
            **(environ or {}),
        }
        with self.stderr.open("ab") as stderr, self.stdout.open("ab") as stdout:
            self.process = subprocess.Popen(
                [*starter, *command],
                env=variables,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self._link, _ = self._listener.accept()
        self._link.settimeout(PATIENCE)
        hello = self.expect(Kind.HELLO)
        assert hello.meta["token"] == "secret-of-the-worker"
        assert starter or hello.meta["pid"] == self.process.pid
        self.say(Kind.WELCOME, meta={"concurrency": 1, "heartbeat": 60.0, "max_output": 1 << 20, **welcome})
        if ready:
            self.expect(Kind.READY)

    def wait(self) -> int:
        """Waits for the worker's end and returns its exit status."""
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def terminate(self) -> None:
        """SIGTERM, to the worker alone."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Ends the worker, with all that it started, and the link."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        self.hang_up()
        self._listener.close()

    # -- the link -----------------------------------------------------------------------------------------------------

    def say(self, kind: Kind, number: int = 0, meta: dict[str, Any] | None = None, body: bytes = b"") -> None:
        """Sends one frame."""
        assert self._link is not None
        self._link.sendall(encode(kind, number, meta, body))

    def submit(
        self, body: bytes = b"null", content_type: str = "application/json", attempt: int = 1, account: str = "acc_1"
    ) -> int:
        """Sends one job and returns the number of its attempt."""
        self._number += 1
        meta = {
            "job": f"job_{self._number}",
            "token": f"t{self._number}",
            "account": account,
            "type": content_type,
            "timeout": 60,
            "attempt": attempt,
        }
        self.say(Kind.JOB, self._number, meta, body)
        return self._number

    def submit_at_once(self, *bodies: bytes) -> list[int]:
        """Sends several jobs in one write, so that the worker has all of them when it has the first."""
        frames = b""
        for body in bodies:
            self._number += 1
            meta = {"job": f"job_{self._number}", "token": f"t{self._number}", "type": "application/json", "attempt": 1}
            frames += encode(Kind.JOB, self._number, meta, body)
        assert self._link is not None
        self._link.sendall(frames)
        return list(range(self._number - len(bodies) + 1, self._number + 1))

    def cancel(self, number: int, reason: str = "cancelled") -> None:
        """Asks for the end of an attempt."""
        self.say(Kind.CANCEL, number, {"reason": reason})

    def next(self) -> Frame:
        """The next frame from the worker."""
        assert self._link is not None
        while not self._frames:
            data = self._link.recv(1 << 20)
            if not data:
                raise EOFError(f"the worker hung up:\n{self.stderr.read_text()}")
            self._frames.extend(self._decoder.feed(data))
        frame = self._frames.popleft()
        self.seen.append(frame)
        return frame

    def expect(self, *kinds: Kind, number: int | None = None) -> Frame:
        """The next frame of one of these kinds (and of this attempt); others are noted in ``seen`` and passed over."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            frame = self.next()
            if frame.kind in kinds and number in (None, frame.attempt):
                return frame
        raise AssertionError(f"no {kinds} came; seen: {self.seen[-5:]}")

    def answer(self, number: int) -> Frame:
        """The final frame of an attempt."""
        frame = self.expect(Kind.RESULT, Kind.ERROR, Kind.STOPPED, Kind.RETURNED, number=number)
        assert frame.meta["token"] == f"t{number}"
        return frame

    def call(self, body: bytes = b"null", content_type: str = "application/json") -> Frame:
        """Submits one job and waits for its final frame."""
        return self.answer(self.submit(body, content_type))

    def of(self, kind: Kind, number: int) -> list[Frame]:
        """The frames of one kind seen so far for an attempt."""
        return [frame for frame in self.seen if frame.kind is kind and frame.attempt == number]

    def hang_up(self) -> None:
        """Closes the link."""
        if self._link is not None:
            self._link.close()
            self._link = None
