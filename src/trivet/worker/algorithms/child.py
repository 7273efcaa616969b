"""A child: the process that runs an algorithm, and the pipes between it and its supervisor."""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from trivet.worker.algorithms.endings import Ended, loaded
from trivet.worker.algorithms.lodging import Lodging
from trivet.worker.algorithms.runner import READY, Plan
from trivet.worker.outcome import OutputTooLarge

Tell = Callable[[str, str], None]
"""Told each text that a child prints, with the name of the stream."""

_COMMAND = ("-u", "-P", "-s", "-c", "import sys; from trivet.worker.algorithms.runner import run; run(sys.argv[1:])")
_READ = 256 * 1024
_TICK = 0.1
"""Seconds between two looks at whether the child has ended, where the system doesn't tell."""
_LARGEST_DOCUMENT = 768 * 1024 * 1024
_KEPT_ERRORS = 8 * 1024
"""Characters of what a child wrote last on stderr that are told where it ends."""


class Child:
    """A running child. Used by one thread; every wait may be ended by an exception that a signal raises.

    Args:
        lodging: where it lives.
        bundle: the folder that its code is a copy of.
        program: the file in it that is the algorithm.
        environ: its environment.
        tell: told what it prints.

    Raises:
        OSError: it can't be started.
    """

    def __init__(self, lodging: Lodging, bundle: str, program: str, environ: Mapping[str, str], tell: Tell) -> None:
        self._tell = tell
        self._descriptors: list[int] = []
        self._documents: deque[bytes] = deque()
        self._partial = bytearray()
        self._status: int | None = None
        self._loading = ""
        self._ready = False
        self._decoders = {
            name: codecs.getincrementaldecoder("utf-8")("backslashreplace") for name in ("stdout", "stderr")
        }
        self._last_words = ""
        self._unsent = memoryview(b"")
        self._poller = select.poll()
        self._takers: dict[int, Callable[[], bool]] = {}
        plan = Plan(os.getpid(), bundle, str(lodging.code), program, str(lodging.tmp))
        try:
            # Read and write, so that it never ends: whoever opened it anew for each answer would lose some.
            self._fifo = self._keep(os.open(lodging.fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
            with suppress(OSError, AttributeError):  # larger answers in fewer steps, where the system lets us
                fcntl.fcntl(self._fifo, fcntl.F_SETPIPE_SZ, 1024 * 1024)
            self.pid = self._start(plan, environ)
        except BaseException:
            self.close()
            raise

    # -- its life -----------------------------------------------------------------------------------------------------

    def load(self) -> str:
        """Waits until the algorithm is loaded.

        Returns:
            A sentence on what ``/tmp`` it has.

        Raises:
            Ended: it has ended before.
            LoadingFailed: it has said why it can't be loaded.
        """
        way = ""
        while not self._ready:
            self._wait()
            while self._documents:
                way = loaded(self._documents.popleft()) or way
            if self._status is not None and not self._ready:
                raise self._end_seen()
        return way

    def ask(self, line: bytes) -> bytes:
        """Asks for one answer, and returns the document that came.

        Raises:
            Ended: it has ended without one.
        """
        while self._take_document():  # what nobody has asked for is no answer
            pass
        self._documents.clear()
        self._partial.clear()
        self._last_words = ""
        self._unsent = memoryview(line)
        if not self._send():
            self._watch(self._stdin, self._send, select.POLLOUT)
        while not self._documents:
            if self._status is not None:
                raise self._end_seen()
            self._wait()
        self.listen()
        return self._documents.popleft()

    def listen(self) -> None:
        """Takes what the child has printed up to now."""
        for name, descriptor in (("stdout", self._stdout), ("stderr", self._stderr)):
            while descriptor in self._takers and self._take_text(name, descriptor):
                pass

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        self._look()
        return self._status is not None

    def finish(self, patience: float) -> None:
        """Tells it that there will be no more, and waits for its end, but not for longer than ``patience`` seconds."""
        self._forget(self._stdin)
        os.close(self._stdin)
        self._descriptors.remove(self._stdin)
        steps = int(patience / _TICK)
        while self._status is None and steps > 0:
            self._wait(_TICK)
            steps -= 1

    def close(self) -> None:
        """Lets go of its pipes. The process itself is ended by whoever knows all that it has started."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    # -- starting -----------------------------------------------------------------------------------------------------

    def _start(self, plan: Plan, environ: Mapping[str, str]) -> int:
        theirs: list[int] = []
        try:
            reads, self._stdin = os.pipe()
            theirs.append(reads)
            self._stdout, writes = os.pipe()
            theirs.append(writes)
            self._stderr, writes_errors = os.pipe()
            theirs.append(writes_errors)
            for descriptor in (self._stdin, self._stdout, self._stderr):
                os.set_blocking(self._keep(descriptor), False)
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, *_COMMAND, json.dumps(plan._asdict())],
                environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(theirs)],
                setsigdef=[signal.SIGINT, signal.SIGPIPE],
            )
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self._watch(self._fifo, self._take_document)
        self._watch(self._stdout, lambda: self._take_text("stdout", self._stdout))
        self._watch(self._stderr, lambda: self._take_text("stderr", self._stderr))
        with suppress(OSError, AttributeError):  # else it is looked for every now and then
            self._watch(self._keep(os.pidfd_open(pid)), self._look)
        return pid

    def _keep(self, descriptor: int) -> int:
        self._descriptors.append(descriptor)
        return descriptor

    # -- its pipes ----------------------------------------------------------------------------------------------------

    def _watch(self, descriptor: int, take: Callable[[], bool], events: int = select.POLLIN) -> None:
        self._takers[descriptor] = take
        self._poller.register(descriptor, events)

    def _forget(self, descriptor: int) -> None:
        if self._takers.pop(descriptor, None) is not None:
            self._poller.unregister(descriptor)

    def _wait(self, seconds: float = 10 * _TICK) -> None:
        """Waits for anything to happen, for a moment, and does what there is to do."""
        for descriptor, _ in self._poller.poll(seconds * 1000):
            take = self._takers.get(descriptor)
            if take is not None:
                take()
        self._look()

    def _look(self) -> bool:
        """Looks whether the child has ended; where it has, takes what it has left."""
        status = None
        with suppress(ChildProcessError):
            # Of what the child has left behind, which is ours now, nobody else would take note.
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                status = ended[1] if ended[0] == self.pid else status
        if status is None:
            return False
        while self._take_document():
            pass
        self.listen()
        self._status = os.waitstatus_to_exitcode(status)
        for descriptor in list(self._takers):
            self._forget(descriptor)
        return True

    def _send(self) -> bool:
        """Writes what the child is asked, as far as it reads; whether that is all of it."""
        try:
            self._unsent = self._unsent[os.write(self._stdin, self._unsent) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:  # it reads no more: its end is what there is to tell, or an answer all the same
            self._unsent = memoryview(b"")
        if self._unsent:
            return False
        self._forget(self._stdin)
        return True

    def _take_document(self) -> bool:
        """Reads from the pipe of answers; whether there was anything."""
        try:
            data = os.read(self._fifo, _READ)
        except BlockingIOError:
            return False
        first, *others = data.split(b"\n")
        self._partial += first
        for each in others:
            self._documents.append(bytes(self._partial))
            self._partial = bytearray(each)
        if len(self._partial) > _LARGEST_DOCUMENT:
            raise OutputTooLarge(f"The answer has more than {_LARGEST_DOCUMENT:,} bytes.")
        return True

    def _take_text(self, name: str, descriptor: int) -> bool:
        """Reads what was printed; whether there was anything."""
        try:
            data = os.read(descriptor, _READ)
        except BlockingIOError:
            return False
        if not data:
            self._forget(descriptor)
            return False
        text = self._decoders[name].decode(data)
        if name == "stderr":
            self._last_words = (self._last_words + text)[-_KEPT_ERRORS:]
        elif not self._ready:
            text = self._before_ready(text)
        if text:
            self._tell(name, text)
        return True

    def _before_ready(self, text: str) -> str:
        """What of a text is to be told: lines that are whole, without the one that says that the algorithm is loaded."""
        lines = (self._loading + text).splitlines(keepends=True)
        for number, line in enumerate(lines):
            if READY in line and line.endswith("\n"):
                self._ready, self._loading = True, ""
                return "".join(lines[:number] + lines[number + 1 :])
        self._loading = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        return "".join(lines)

    def _end_seen(self) -> Ended:
        return Ended(self._status or 0, self._last_words)
