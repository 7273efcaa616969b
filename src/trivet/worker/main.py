"""Starting and ending a worker: from the environment to the exit status."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from trivet.protocol.frames import MAX_FRAME, PROTOCOL_VERSION, Kind, encode
from trivet.protocol.shares import HOST
from trivet.worker import failures, limits
from trivet.worker.gate import wait_at_the_gate
from trivet.worker.heartbeat import Watcher
from trivet.worker.hosts import CheckFailed, Unfit, open_host
from trivet.worker.intake import EXIT_LINK_LOST, Intake
from trivet.worker.interrupts import Guards, SignalGuard
from trivet.worker.link import Link, LinkLost
from trivet.worker.loop import MainLoop
from trivet.worker.offspring import end_if_forked_off, step_aside
from trivet.worker.outcome import Trial
from trivet.worker.outputs import capture

_HEARTBEAT = 5.0
EXIT_USAGE = 2
EXIT_UNFIT = 70
EXIT_REFUSED = 77
_USAGE = "usage: python -m trivet.worker (with TRIVET_LINK and the like set by a runtime), or: … inspect FOLDER [PROGRAM [HOST]]"


Opens = Callable[[Intake, int], Trial]
"""Loads the author's program and makes it ready to be tried, given what comes in and how many bytes an output may have."""


class Refused(Exception):
    """The server does not want this worker."""


class Environment(NamedTuple):
    """What a runtime tells a worker in its environment."""

    link: str
    worker_id: str
    token: str
    folder: str
    handler: str
    host: str
    memory: int | None

    @classmethod
    def take(cls, variables: Any) -> Environment:
        """Reads the variables, and removes those that are no business of the author's code.

        Args:
            variables: ``os.environ``, or a mapping like it.

        Raises:
            KeyError: with the name of one that is missing.
            ValueError: for a memory limit that is no number.
        """
        limit = int(variables.get("TRIVET_MEMORY_LIMIT") or 0)
        return cls(
            link=variables.pop("TRIVET_LINK"),
            worker_id=variables["TRIVET_WORKER_ID"],
            token=variables.pop("TRIVET_WORKER_TOKEN"),
            folder=variables["TRIVET_BUNDLE"],
            handler=variables["TRIVET_HANDLER"],
            host=variables.get("TRIVET_HOST") or "decorated",
            memory=limit if limit and variables.get("TRIVET_MEMORY_ENFORCE") == "rlimit" else None,
        )


def main(arguments: list[str]) -> int:
    """Runs a worker until its server is done with it.

    Returns:
        The exit status: 0 after a drain, 2 wrong usage, 70 the handler can't be loaded, 75 no server (any more),
        77 the server refused this worker.
    """
    if arguments[:1] == ["inspect"] and len(arguments) in (2, 3, 4):
        from trivet.worker.inspection import inspect

        return inspect(*arguments[1:])
    try:
        environment = Environment.take(os.environ)
    except KeyError as missing:
        return _say(f"{missing.args[0]} is not set. {_USAGE}", EXIT_USAGE)
    if arguments:
        return _say(_USAGE, EXIT_USAGE)
    if environment.host == HOST:
        from trivet.worker.shared import serve

        return serve()
    return work(environment, lambda _, most: _open(environment, most))


def work(environment: Environment, opens: Opens, *, stays: bool = False, **hello: Any) -> int:
    """Connects to the server, and works for it until it is done with this worker. Called in the main thread.

    Args:
        environment: where the server is, and who this is.
        opens: loads the program, once the server knows that this worker is there.
        stays: whether the process goes on afterwards, with what its author has put behind. Then the link lasts as long as it
            does, and its end is all the farewell there is.
        hello: what is said of this worker besides.

    Returns:
        The exit status, as `main`.
    """
    limits.apply(environment.memory)
    # Ctrl-C is the server's to handle; it drains its workers. What is ignored, the programs that a handler starts would ignore
    # too; from a function they begin with the usual.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    guards: Guards = {}
    try:
        link = Link.connect(environment.link, guards)
        welcome = introduce(link, environment.worker_id, environment.token, **hello)
    except (OSError, LinkLost) as error:
        return _say(f"no link to the server at {environment.link}: {error}", EXIT_LINK_LOST)
    except Refused as error:
        return _say(f"the server refused this worker: {error}", EXIT_REFUSED)
    return _serve(link, guards, environment.folder, welcome, opens, stays=stays)


def introduce(link: Link, worker_id: str, token: str, **more: Any) -> dict[str, Any]:
    """Says who this is, and returns what the server's welcome says.

    Args:
        link: a new one.
        worker_id: who this is.
        token: what proves it.
        more: what the server is told besides.

    Raises:
        Refused: the server does not want this worker.
        LinkLost: it is gone.
    """
    hello = {
        "protocol": PROTOCOL_VERSION,
        "token": token,
        "worker_id": worker_id,
        "pid": os.getpid(),
        "runtime": "python {}.{}.{}".format(*sys.version_info[:3]),
        **more,
    }
    link.send(encode(Kind.HELLO, 0, hello))
    while True:
        for frame in link.receive():
            if frame.kind is Kind.WELCOME:
                link.settle()
                return frame.meta
            if frame.kind is Kind.REFUSED:
                raise Refused(f"{frame.meta.get('message')} ({frame.meta.get('code')})")


def _open(environment: Environment, most: int) -> Trial:
    return Trial(open_host(environment.host, environment.folder, environment.handler), most, environment.folder)


def _serve(link: Link, guards: Guards, folder: str, welcome: dict[str, Any], opens: Opens, *, stays: bool) -> int:
    intake = Intake(link)
    watcher = Watcher(intake, float(welcome.get("heartbeat") or _HEARTBEAT))
    guard = guards[threading.get_ident()] = SignalGuard()
    os.register_at_fork(after_in_child=lambda: step_aside(link))
    faulthandler.enable(2)  # the last words of one that crashes in C code
    capture()
    watcher.start()
    wait_at_the_gate()
    try:
        trial = opens(intake, int(welcome.get("max_output") or MAX_FRAME // 2))
        host = trial.host
        concurrency = int(welcome.get("concurrency") or 1)
        if host.kind.startswith("async"):
            from trivet.worker.tasks import AsyncLoop

            loop: MainLoop | ThreadLoop | AsyncLoop = AsyncLoop(intake, watcher, trial, concurrency)
        elif concurrency > 1:
            from trivet.worker.threads import ThreadLoop

            loop = ThreadLoop(intake, watcher, guards, trial, concurrency)
        else:
            loop = MainLoop(intake, watcher, guard, trial)
        loop.run(host)
        if stays:
            watcher.sit_in()  # what was sent before the server heard of it goes back at once, and not when the process ends
            return 0
        link.send(encode(Kind.BYE))
    except (Unfit, CheckFailed) as unfit:
        return _unfit(link, watcher, unfit, folder)
    except LinkLost:
        end_if_forked_off()
        # The watcher sees to it that nothing holds the end up.
        return _say("the link to the server is gone", EXIT_LINK_LOST)
    watcher.end()
    return 0


def _unfit(link: Link, watcher: Watcher, unfit: Unfit | CheckFailed, folder: str) -> int:
    """Says why this worker can't work, to the server and in its own log."""
    told: dict[str, Any]
    if isinstance(unfit, CheckFailed):
        told = {"message": str(unfit), "check": True}
        sys.stderr.write(f"A check of the program's own has failed: {unfit}\n")
    else:
        told = {
            "message": f"{failures.type_of(unfit.error)}: {failures.message_of(unfit.error)}",
            "traceback": failures.traceback_of(unfit.error, folder),
        }
        sys.stderr.write(f"The handler can't be loaded.\n{told['traceback']}")
    try:
        link.send(encode(Kind.UNFIT, 0, told))
    except LinkLost:
        return EXIT_LINK_LOST
    watcher.end()
    return EXIT_UNFIT


def _say(sentence: str, status: int) -> int:
    sys.stderr.write(f"trivet worker: {sentence}\n")
    return status
