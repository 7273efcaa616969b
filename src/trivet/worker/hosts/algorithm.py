"""Algorithms: programs of their authors' own that answer on a pipe, each kept as a child of the worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from trivet.authoring.batching import Batching
from trivet.authoring.reporting import current
from trivet.protocol.addresses import UNCLAIMED, address_secret
from trivet.worker.algorithms.allowance import TooMuchKept, limit_of
from trivet.worker.algorithms.child import Child
from trivet.worker.algorithms.endings import Ended, LoadingFailed
from trivet.worker.algorithms.lodging import Lodging
from trivet.worker.algorithms.messages import LOADING_ERROR, SYSTEM_ERROR, Answer, answer_of, failure_of, request_line
from trivet.worker.algorithms.reaping import adopt_orphans, end_descendants
from trivet.worker.attempt import Attempt
from trivet.worker.failures import Relayed

ADDRESS = "ALGORITHMIA_API"
"""Where an algorithm finds the platform. The address holds what proves who asks."""
ADDRESS_TOKEN = "TRIVET_ADDRESS_TOKEN"
"""What these proofs are made from."""
EXIT_UNENDING = 71
_NOT_PASSED_ON = frozenset(
    {
        *("ALGORITHMIA_API_KEY", "ALGORITHMIA_BEARER_TOKEN"),  # they would take the place of the caller's identity
        *("TRIVET_BUNDLE", "TRIVET_HANDLER", "TRIVET_HOST", "TRIVET_MEMORY_ENFORCE", "TRIVET_MEMORY_LIMIT"),
    }
)
_END_PATIENCE = 5.0
_FINISH_PATIENCE = 3.0


def open_host(folder: str, handler: str) -> AlgorithmHost:
    """Makes an algorithm ready to be started.

    Args:
        folder: the folder with the code.
        handler: the file in it that is the algorithm.
    """
    adopt_orphans()
    return AlgorithmHost(folder, handler, Path(os.environ.get("TRIVET_WORKER_FOLDER") or Path.cwd()))


class AlgorithmHost:
    """Keeps one child. It works for one account: when another's job comes, a new child takes its place.

    Args:
        bundle: the folder with the code.
        program: the file in it that is the algorithm.
        room: the worker's own folder, in which children live.
    """

    kind = "sync"
    batching: Batching | None = None

    def __init__(self, bundle: str, program: str, room: Path) -> None:
        self._bundle = bundle
        self._program = program
        self._room = room
        self._count = 0
        self._child: Child | None = None
        self._lodging: Lodging | None = None
        self._account: str | None = None
        """Whose child it is; None: whoever comes first."""
        self._code = ""
        """How paths in the child's own copy of the code begin."""
        self._address = os.environ.pop(ADDRESS, "")
        self._token = os.environ.pop(ADDRESS_TOKEN, "")
        self._limit = limit_of(os.environ)
        self._secret = ""
        """What the child's address proves it by; not to be told."""
        self.handler: Callable[..., Any] = self._call

    def bind(self, body: bytes, content_type: str) -> tuple[list[Any], dict[str, Any]]:
        """As `Host.bind`: the line that asks the child.

        Raises:
            InvalidInput: the body is not what its type says.
        """
        return [request_line(body, content_type)], {}

    def encode(self, value: object) -> tuple[str, bytes]:
        """As `Host.encode`: an answer is bytes already."""
        assert isinstance(value, Answer)
        return value

    def setup(self) -> None:
        """Starts a child and loads the algorithm, for whoever comes first.

        Raises:
            Relayed: it can't be loaded, in the author's words.
        """
        try:
            way = self._start(None)
        except BaseException:
            self._end()
            raise
        sys.stderr.write(f"The algorithm is loaded. {way}\n")

    def teardown(self) -> None:
        """Lets the child finish by itself, and ends it where it doesn't."""
        if self._child is not None:
            self._child.finish(_FINISH_PATIENCE)
        self._end()

    def _call(self, line: bytes) -> Answer:
        """Has one job answered.

        Raises:
            Relayed: the algorithm has failed, in its author's words.
            BaseException: whatever ends the waiting; the child is ended then, with all that it has started.
        """
        attempt = current()
        account = attempt.account if isinstance(attempt, Attempt) else ""
        try:
            if self._child is None or self._child.is_over or not self._may_serve(account):
                self._end()
                self._start(account)
            self._account = account
            assert self._child is not None
            document = self._child.ask(line)
        except Ended as ended:
            self._end()
            raise self._relayed(Relayed(str(ended), "SystemExit", ended.last_words, code="handler_exited")) from None
        except TooMuchKept as error:
            self._end()
            raise Relayed(str(error), SYSTEM_ERROR) from None
        except BaseException:
            self._end()
            raise
        self._settle()
        try:
            return answer_of(document)
        except Relayed as failure:
            raise self._relayed(failure) from None

    def _settle(self) -> None:
        """After an answer, which counts whatever comes now: a child that keeps too much is replaced before the next job."""
        assert self._child is not None
        try:
            self._child.settle()
        except TooMuchKept as error:
            sys.stderr.write(f"trivet: {error}\n")
            self._end()

    def _may_serve(self, account: str) -> bool:
        """Whether the child is the account's, or was started for whoever comes first and that is this one: of all that were sent
        here, begun or not, as the platform goes by the order in which it sent them.
        """
        return self._account == account or (self._account is None and account == Attempt.first_account)

    def _start(self, account: str | None) -> str:
        """Starts a child and waits until it is loaded; returns a sentence on its ``/tmp``.

        Raises:
            Relayed: it can't be loaded.
        """
        self._count += 1
        self._lodging = lodging = Lodging(self._room / f"algorithm-{self._count}", self._bundle)
        self._account = account
        self._secret = address_secret(self._token, UNCLAIMED if account is None else account)
        self._code = f"{lodging.code}/"
        self._child = child = Child(
            lodging, self._bundle, self._program, self._environ(lodging), self._limit, self._tell, self._tell_between
        )
        try:
            return child.load()
        except LoadingFailed as failed:
            failure = failure_of({**failed.error, "error_type": LOADING_ERROR})
        except Ended as ended:
            failure = Relayed(f"The algorithm {ended} while it was loaded.", LOADING_ERROR, ended.last_words)
        except TooMuchKept as error:
            failure = Relayed(str(error), LOADING_ERROR)
        raise self._relayed(failure) from None

    def _end(self) -> None:
        """Ends the child with all that it has started, wherever the start or the wait was left."""
        try:
            self._clear()
        except BaseException:
            self._clear()  # an attempt is interrupted only once, and nothing of it may outlive its answer
            raise

    def _clear(self) -> None:
        if not end_descendants(self._child.pid if self._child is not None else None, _END_PATIENCE):
            os.write(2, b"trivet worker: what an algorithm has started can't be ended, so this worker ends.\n")
            os._exit(EXIT_UNENDING)  # the next job might be another account's, and nothing of this one's may see it
        if self._child is not None:
            self._child.close()
            self._child = None
        if self._lodging is not None:
            self._lodging.remove()
            self._lodging = None

    def _environ(self, lodging: Lodging) -> dict[str, str]:
        passed_on = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        return {
            "PYTHONUNBUFFERED": "1",  # what is printed before an answer is there before it
            "PYTHONUTF8": "1",
            **passed_on,
            ADDRESS: f"{self._address}.{self._secret}",
            "HOME": str(lodging.home),
            "TMPDIR": str(lodging.tmp),
        }

    def _tell(self, stream: str, text: str) -> None:
        getattr(sys, stream).write(self._without_secret(text))

    def _tell_between(self, stream: str, text: str) -> None:
        """Writes to the worker's own log, also where a job has come meanwhile."""
        left = memoryview(self._without_secret(text).encode("utf-8", "backslashreplace"))
        with suppress(OSError):  # nobody reads the log any more; the algorithm is read on all the same
            while left:
                left = left[os.write(1 if stream == "stdout" else 2, left) :]

    def _relayed(self, failure: Relayed) -> Relayed:
        """A failure as it may be told: without the secret that is in the address, and with paths as the author knows them."""
        trace = self._without_secret(failure.traceback)
        for beginning in (self._code, f"{sys.prefix}/"):
            trace = trace.replace(beginning, "")
        return Relayed(self._without_secret(str(failure)), failure.type, trace, code=failure.code)

    def _without_secret(self, text: str) -> str:
        if self._secret and self._secret in text:
            return text.replace(self._secret, "…")
        return text
