"""Birth: what a process that was just forked off a warm parent does to become a worker like any other."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable

from trivet.protocol import forks
from trivet.worker.limits import die_with_parent
from trivet.worker.marks import Marks, Unmarkable

EXIT_UNBORN = 126
"""The status of a child that could not come to be what it should. Nothing of an author's has run in it."""


def be_born(channel: socket.socket, entrances: Iterable[str], parent: int, marks: Marks) -> None:
    """Makes the calling process, a child of a warm parent, a worker that is about to begin; the environment is its own then.

    It goes to a session and to control groups of its own first, and may wait there for long. It ends without a word when
    the server gives it up, or when anything fails.

    Args:
        channel: to the server.
        entrances: the files that let it into its control groups.
        parent: the pid of the parent, for as long as which it lives.
        marks: where its marks are.
    """
    try:
        os.setsid()
        die_with_parent(parent)
        for entrance in entrances:
            with open(entrance, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would be imported for this alone
                file.write("0")
        forks.send(channel, {"said": "born"})
        order, files = forks.receive(channel)
        if order.get("do") != "work":
            os._exit(0)
        channel.detach()  # closed with all the others
        environ = _take_over(*files)
        marks.write(environ)
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(environ["TRIVET_WORKER_FOLDER"])
    except (OSError, ValueError, TypeError, KeyError, Unmarkable) as error:
        os.write(2, f"trivet worker: a forked process could not become a worker: {error}\n".encode())
        os._exit(EXIT_UNBORN)
    time.tzset()
    _begin_anew()


def _take_over(environment: int, output: int) -> dict[str, str]:
    """Reads the environment, and leaves open nothing but the three standard streams."""
    content = os.pread(environment, os.fstat(environment).st_size, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - pathlib would be imported for this alone
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:  # the one that listed them
                continue
    environ: dict[str, str] = json.loads(content)
    return environ


def _begin_anew() -> None:
    """What each process has of its own and a fork would share: chance, and the state of the collector.

    Python's own generator, `tempfile` and `ssl` see to themselves.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    numbers = sys.modules.get("numpy.random")
    if numbers is not None:
        numbers.seed()
    gc.enable()
