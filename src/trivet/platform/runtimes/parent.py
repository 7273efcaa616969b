"""One warm parent, as the server sees it: a process that forks workers on request."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trivet.platform.runtimes.cgroups import Cgroup
from trivet.platform.runtimes.forked import Forked
from trivet.platform.runtimes.imports import Import
from trivet.platform.runtimes.lives import Spawned
from trivet.platform.runtimes.tail import Tail
from trivet.protocol import forks

COMMAND = ("-I", "-c", "from trivet.worker.parent import main; raise SystemExit(main())")
"""What the interpreter of an environment is started with to be a warm parent."""
_READ = 64 * 1024
_LAST_PATIENCE = 5.0


class Unwarmable(Exception):
    """There can be no such warm parent; the message says why."""


@dataclass(frozen=True, slots=True)
class Warmth:
    """What a warm parent told of itself: ``loaded`` are the top-level names of its modules, ``memory`` is in bytes, ``asking``
    are the modules that asked for variables which a worker has of its own.
    """

    loaded: frozenset[str]
    memory: int
    asking: Mapping[str, Sequence[str]] = field(default_factory=dict)


class WarmParent:
    """A running parent. Make it with `start`; its children are `Forked`.

    Attributes:
        on_end: told when it has ended, for whatever reason.
        used_at: when it was last of use, by the loop's clock.
        warmth: what it told, once it is warm.
    """

    def __init__(self, room: Path, life: Spawned, control: socket.socket, output: int) -> None:
        loop = asyncio.get_running_loop()
        self.room = room
        self.pid = life.pid
        self.warmth: Warmth | None = None
        self.used_at = loop.time()
        self.on_end: Callable[[WarmParent], None] = lambda _: None
        self.cgroup: Cgroup | None = None
        self.tail = Tail()
        self._life = life
        self._control = control
        self._output = output
        self._numbers = itertools.count(1)
        self._forking: dict[int, Forked] = {}
        self._children: dict[int, Forked] = {}
        self._warm: asyncio.Future[Warmth] = loop.create_future()
        self._retired = False
        loop.add_reader(control.fileno(), self._hear)
        loop.add_reader(output, self._read)
        self._watcher = loop.create_task(self._watch())

    @classmethod
    def start(cls, python: Path, environ: Mapping[str, str], room: Path) -> WarmParent:
        """Starts a parent; it is warm when `warm_up` says so.

        Args:
            python: the interpreter of an environment.
            environ: all of its environment.
            room: its working folder, which must be there.

        Raises:
            OSError: it can't be started.
        """
        ours, theirs = socket.socketpair(forks.FAMILY, forks.KIND)
        output, writes = os.pipe()
        try:
            ours.setblocking(False)
            os.set_blocking(output, False)
            life = Spawned((str(python), *COMMAND), stdin=theirs.fileno(), output=writes, cwd=room, environ=environ)
        except BaseException:
            ours.close()
            os.close(output)
            raise
        finally:
            theirs.close()
            os.close(writes)
        return cls(room, life, ours, output)

    async def warm_up(self, imports: Sequence[Import], private: Sequence[str]) -> Warmth:
        """Has it import, and waits until that is done.

        Args:
            imports: what to import.
            private: names of variables that each worker has of its own.

        Raises:
            Unwarmable: workers can't be forked off this one.
        """
        self._tell({"do": "warm", "imports": imports, "private": private})
        self.warmth = await asyncio.shield(self._warm)
        return self.warmth

    @property
    def is_warm(self) -> bool:
        """Whether it forks on request."""
        return self.warmth is not None and not self._retired

    @property
    def is_in_use(self) -> bool:
        """Whether a worker that it has forked is still there."""
        return any(child.at_work for child in self._children.values())

    async def fork(self, cgroup: Cgroup | None) -> Forked:
        """Forks a child and waits until it can be put to work.

        Args:
            cgroup: the control groups that the child goes into.

        Raises:
            OSError: that can't be done; the groups are left to the caller.
        """
        if self._retired:
            raise OSError("the warm parent is gone")
        child = Forked(cgroup, self._reap)
        number = next(self._numbers)
        self._forking[number] = child
        order: dict[str, Any] = {"do": "fork", "child": number}
        order["entrances"] = [str(path) for path in cgroup.entrances] if cgroup is not None else []
        assert child.theirs is not None  # it was made here
        try:
            forks.send(self._control, order, [child.theirs.fileno()])
            await child.born()
        except BaseException:
            self._forking.pop(number, None)
            if self._children.pop(child.pid, None) is not None and child.is_over:
                self._reap(child.pid)
            child.abandon()
            raise
        return child

    def retire(self) -> None:
        """Forks no more; it ends when its last child has."""
        if not self._retired:
            self._retired = True
            self._tell({"do": "retire"})
            self._see_to_the_end()

    def kill(self) -> None:
        """Ends it now, and its children with it."""
        self._retired = True
        if not self._life.is_over:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    async def wait(self) -> None:
        """Waits for its end."""
        await asyncio.shield(self._watcher)

    # -- what it says -------------------------------------------------------------------------------------------------

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # it is gone, or hangs: its end says the rest
            forks.send(self._control, message)

    def _reap(self, pid: int) -> None:
        self._children.pop(pid, None)
        self.used_at = asyncio.get_running_loop().time()
        self._tell({"do": "reap", "pid": pid})
        if self._retired:
            self._see_to_the_end()

    def _see_to_the_end(self) -> None:
        """Retired and without children it ends by itself; one that hangs is ended."""
        if not self._children:
            asyncio.get_running_loop().call_later(_LAST_PATIENCE, self.kill)

    def _hear(self) -> None:
        try:
            message, _ = forks.receive(self._control)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            message = {}
        said = message.get("said")
        if said == "forked":
            self._forked(message["child"], message["pid"])
        elif said == "ended":
            child = self._children.get(message["pid"])
            if child is not None:
                child.ended(message["status"])
            else:  # nobody waits for this one any more
                self._tell({"do": "reap", "pid": message["pid"]})
        elif said == "warm":
            told = Warmth(frozenset(message["loaded"]), message["memory"], message["asking"])
            self._settle(told)
        elif said == "unfit":
            self._settle(Unwarmable(message["why"]))
        else:  # nothing more will come
            asyncio.get_running_loop().remove_reader(self._control.fileno())

    def _forked(self, number: int, pid: int) -> None:
        child = self._forking.pop(number, None)
        if child is not None:
            self._children[pid] = child
            child.forked(pid)

    def _settle(self, told: Warmth | Unwarmable) -> None:
        if self._warm.done():
            return
        if isinstance(told, Warmth):
            self._warm.set_result(told)
        else:
            self._warm.set_exception(told)
            self._warm.exception()  # heard even where nobody waits

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._output, _READ)
            if data:
                self.tail.feed(data)
            else:
                asyncio.get_running_loop().remove_reader(self._output)

    # -- its end ------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        code = await self._life.wait()
        self._retired = True
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BlockingIOError, OSError):
            while True:  # its last words may tell of a child's end
                message, _ = forks.receive(self._control)
                if not message:
                    break
                if message.get("said") == "ended" and message["pid"] in self._children:
                    self._children[message["pid"]].ended(message["status"])
                elif message.get("said") == "unfit":
                    self._settle(Unwarmable(message["why"]))
        self._read()
        loop.remove_reader(self._control.fileno())
        loop.remove_reader(self._output)
        self._control.close()
        os.close(self._output)
        last = self.tail.lines[-1:] or (f"status {code}",)
        self._settle(Unwarmable(f"it ended while it was importing: {last[0]}"))
        for child in (*self._forking.values(), *self._children.values()):
            child.lost()
        self._forking.clear()
        self._children.clear()
        self.on_end(self)
