"""A child: the process that runs an algorithm, and the pipes between it and its supervisor."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

from trivet.worker.algorithms.allowance import Allowance
from trivet.worker.algorithms.answers import Answers
from trivet.worker.algorithms.endings import Ended, loaded
from trivet.worker.algorithms.lodging import Lodging
from trivet.worker.algorithms.printed import Printed, Tell
from trivet.worker.algorithms.runner import Plan
from trivet.worker.algorithms.watch import Watch

_COMMAND = ("-u", "-P", "-s", "-c", "import sys; from trivet.worker.algorithms.runner import run; run(sys.argv[1:])")
_TICK = 0.1
"""Seconds between two looks at whether the child has ended, where the system doesn't tell."""
_LATE = (
    "trivet: something was written to the pipe of an earlier question. It was thrown away: an answer is written to /tmp/algoout "
    "as it is found after its question.\n"
)


class Child:
    """A running child. Used by one thread; every wait may be ended by an exception that a signal raises.

    Args:
        lodging: where it lives.
        bundle: the folder that its code is a copy of.
        program: the file in it that is the algorithm.
        environ: its environment.
        limit: bytes that it may keep in its lodging; 0: any number.
        tell: told what it prints.
        tell_between: told what it prints between two jobs.

    Raises:
        OSError: it can't be started.
    """

    def __init__(  # noqa: PLR0917 - where it lives, what it is, and who hears of it
        self,
        lodging: Lodging,
        bundle: str,
        program: str,
        environ: Mapping[str, str],
        limit: int,
        tell: Tell,
        tell_between: Tell,
    ) -> None:
        self._descriptors: list[int] = []
        self._status: int | None = None
        self._unsent = memoryview(b"")
        self._watch = Watch()
        self._closers: list[Callable[[], None]] = [self._close_descriptors]
        self._allowance = Allowance(lodging.folder, limit)
        plan = Plan(os.getpid(), bundle, str(lodging.code), program, str(lodging.tmp), limit)
        try:
            self._answers = Answers(lodging.fifo, lodging.spare, self._watch, lambda: tell("stderr", _LATE))
            self._closers.append(self._answers.close)
            reads, theirs = self._pipes()
            self._printed = Printed(*reads, tell, tell_between)
            self._closers.append(self._printed.close)
            self.pid = self._start(plan, environ, theirs)
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
            TooMuchKept: it has written more than it may keep.
        """
        way = ""
        with self._printed.attended():
            while not self._printed.is_ready:
                self._wait()
                while self._answers.documents:
                    way = loaded(self._answers.documents.popleft()) or way
                if self._status is not None and not self._printed.is_ready:
                    raise self._end_seen()
                self._allowance.check()
        return way

    def ask(self, line: bytes) -> bytes:
        """Asks for one answer, and returns the document that came.

        Raises:
            Ended: it has ended without one.
            TooMuchKept: it has written more than it may keep.
        """
        self._answers.renew()
        with self._printed.attended():
            self._printed.last_words = ""
            self._unsent = memoryview(line)
            if not self._send():
                self._watch.add(self._stdin, self._send, select.POLLOUT)
            while not self._answers.documents:
                if self._status is not None:
                    raise self._end_seen()
                self._wait()
                if not self._answers.documents:
                    self._allowance.check()
        return self._answers.documents.popleft()

    def settle(self) -> None:
        """Looks at what it keeps, after a job.

        Raises:
            TooMuchKept: it is more than it may.
        """
        self._allowance.check()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        self._look()
        return self._status is not None

    def finish(self, patience: float) -> None:
        """Tells it that there will be no more, and waits for its end, but not for longer than ``patience`` seconds."""
        self._watch.drop(self._stdin)
        os.close(self._stdin)
        self._descriptors.remove(self._stdin)
        steps = int(patience / _TICK)
        while self._status is None and steps > 0:
            self._wait(_TICK)
            steps -= 1

    def close(self) -> None:
        """Lets go of its pipes. The process itself is ended by whoever knows all that it has started. May be called twice."""
        for close in reversed(self._closers):
            close()

    # -- starting -----------------------------------------------------------------------------------------------------

    def _pipes(self) -> tuple[tuple[int, int], list[int]]:
        """Makes its standard streams; returns where its output is read, and all three ends that are the child's own."""
        stdin, self._stdin = self._pipe()
        stdout, writes = self._pipe()
        stderr, writes_errors = self._pipe()
        for descriptor in (self._stdin, stdout, stderr):
            os.set_blocking(descriptor, False)
        return (stdout, stderr), [stdin, writes, writes_errors]

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._descriptors += ends
        return ends

    def _start(self, plan: Plan, environ: Mapping[str, str], theirs: list[int]) -> int:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, *_COMMAND, json.dumps(plan._asdict())],
            environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(theirs)],
            setsigdef=[signal.SIGINT, signal.SIGPIPE],
        )
        for descriptor in theirs:
            self._descriptors.remove(descriptor)
            os.close(descriptor)
        self._printed.watch(self._watch)
        with suppress(OSError, AttributeError):  # else it is looked for every now and then
            ended = os.pidfd_open(pid)
            self._descriptors.append(ended)
            self._watch.add(ended, self._look)
        return pid

    def _close_descriptors(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    # -- its pipes ----------------------------------------------------------------------------------------------------

    def _wait(self, seconds: float = 10 * _TICK) -> None:
        """Waits for anything to happen, for a moment, and does what there is to do."""
        self._watch.wait(seconds)
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
        while self._answers.take():
            pass
        self._printed.drain()
        self._status = os.waitstatus_to_exitcode(status)
        self._watch.clear()
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
        self._watch.drop(self._stdin)
        return True

    def _end_seen(self) -> Ended:
        return Ended(self._status or 0, self._printed.last_words)
