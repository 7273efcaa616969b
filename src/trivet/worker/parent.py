"""The warm parent: a process that has imported what workers need, and forks them when the server says so.

It runs nothing of an author's own and never sees a secret. It has one thread, no open files but its own, and is in no
hurry: what it forks is a worker like any other, in a session, control groups and an environment of its own.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
from typing import Any

from trivet.protocol import forks
from trivet.worker import limits
from trivet.worker.ahead import OWN, import_ahead, loaded
from trivet.worker.birth import be_born
from trivet.worker.marks import MARKS, Marks, Unmarkable
from trivet.worker.outputs import capture


class Unwarmable(Exception):
    """This process must not be forked from; the reason completes "because …"."""


def main() -> int:
    """Serves as a warm parent on the socket that is its standard input, until the server hangs up.

    In the children it returns too.

    Returns:
        The exit status of the parent, or of the worker that a child has become.
    """
    limits.apply(None)
    limits.die_with_parent(os.getppid())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(forks.FAMILY, forks.KIND, fileno=os.dup(0))
    os.set_inheritable(control.fileno(), False)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        order, _ = forks.receive(control)
        if not order:
            return 0
        marks = _warm_up(order, control)
    except (Unwarmable, Unmarkable) as error:
        forks.send(control, {"said": "unfit", "why": str(error)})
        return 0
    nursery = Nursery(control, marks)
    if not nursery.serve():
        return 0
    from trivet.worker.main import main as work

    return work([])


def _warm_up(order: dict[str, Any], control: socket.socket) -> Marks:
    """Imports, and makes sure that this process can be forked from.

    Raises:
        Unwarmable, Unmarkable: it can't.
    """
    marks = Marks()
    marks.write({name: os.environ[name] for name in MARKS})  # as a child will: better to know now
    files = _open_files()
    import_ahead([(name, ()) for name in OWN], ())
    capture()  # what keeps hold of a stream when it is imported, as handlers of `logging` do, holds the right one then
    ahead = import_ahead([(name, names) for name, names in order["imports"]], order["private"])
    if ahead.broken:
        raise Unwarmable(ahead.broken)
    gc.collect()
    gc.disable()  # a collection would write to every page that is shared with the children
    gc.freeze()
    _rehearse()
    if threads := _other_threads():
        raise Unwarmable(f"its imports have started threads that outlive a fork ({threads} of them)")
    if opened := _open_files() - files:
        raise Unwarmable(f"its imports keep files open: {', '.join(sorted(opened))}")
    told = {"said": "warm", "asking": ahead.asking, "loaded": loaded(), "memory": _memory()}
    forks.send(control, told)
    return marks


def _rehearse() -> None:
    """Forks once: whatever stops its threads before a fork, as BLAS libraries do, does it now and not at the first worker."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _other_threads() -> int:
    return len(os.listdir("/proc/self/task")) - 1  # noqa: PTH208 - pathlib would be imported for this alone


def _open_files() -> set[str]:
    """What this process has open."""
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - pathlib would be imported for this alone
        try:
            found.add(f"{name} is {os.readlink(f'/proc/self/fd/{name}')}")  # noqa: PTH115 - as above
        except OSError:  # the one that listed them
            continue
    return found


def _memory() -> int:
    """The resident memory of this process, in bytes."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib would be imported for this alone
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Nursery:
    """Forks children, and tells how each has ended.

    An ended child keeps its number until the server has heard of it and ended all that it had started, so that no signal
    can reach a stranger.

    Args:
        control: to the server.
        marks: where the marks of this process, and of its children, are.
    """

    def __init__(self, control: socket.socket, marks: Marks) -> None:
        self._control = control
        self._marks = marks
        self._pid = os.getpid()
        self._living: dict[int, int] = {}
        """The pid of each child that has not ended, by its descriptor."""
        self._unreaped: set[int] = set()
        self._retired = False
        self._poller = select.poll()
        self._poller.register(control, select.POLLIN)

    def serve(self) -> bool:
        """Does what the server asks; returns whether the calling process is a child that has to become a worker now."""
        while not self._retired or self._living or self._unreaped:
            for descriptor, _ in self._poller.poll():
                if descriptor != self._control.fileno():
                    self._ended(descriptor)
                    continue
                order, files = forks.receive(self._control)
                if not order:  # the server is gone
                    return False
                if self._obey(order, files):
                    return True
        return False

    def _obey(self, order: dict[str, Any], files: list[int]) -> bool:
        what = order.get("do")
        if what == "fork":
            return self._fork(order, files[0])
        if what == "reap":
            self._unreaped.discard(order["pid"])
            os.waitpid(order["pid"], 0)
        elif what == "retire":
            self._retired = True
        return False

    def _fork(self, order: dict[str, Any], channel: int) -> bool:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._control.detach()  # the child closes what it does not know
            be_born(socket.socket(forks.FAMILY, forks.KIND, fileno=channel), order["entrances"], self._pid, self._marks)
            return True
        os.close(channel)
        descriptor = os.pidfd_open(pid)
        self._living[descriptor] = pid
        self._poller.register(descriptor, select.POLLIN)
        forks.send(self._control, {"said": "forked", "child": order["child"], "pid": pid})
        return False

    def _ended(self, descriptor: int) -> None:
        self._poller.unregister(descriptor)
        os.close(descriptor)
        pid = self._living.pop(descriptor)
        self._unreaped.add(pid)
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert result is not None  # it has ended
        status = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        forks.send(self._control, {"said": "ended", "pid": pid, "status": status})
