"""Warm parents: which are kept, for how long, and the spare child that each has ready."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from trivet.platform.runtimes import strays
from trivet.platform.runtimes.cgroups import Cgroup
from trivet.platform.runtimes.forked import Forked
from trivet.platform.runtimes.imports import Import
from trivet.platform.runtimes.kinds import Kind
from trivet.platform.runtimes.parent import Unwarmable, WarmParent
from trivet.protocol.removal import remove_folder

logger = logging.getLogger(__name__)

LONGEST_ID = 64
"""Bytes of a worker's id that can be forked: as much as there is room for in a parent's mark."""
_MOST_DEATHS = 2
_MOST_REFUSED = 1024
_MOST_ATTEMPTS = 4
_FORK_PATIENCE = 2.0
"""Seconds that a fork may take; a plain start is quicker than that."""
_CLEAR_PATIENCE = 5.0
_RENEWAL = 0.2
"""Seconds between the use of a spare and the next: the worker that has just begun goes first."""
_LOOK = 10.0


@dataclass(frozen=True, slots=True)
class WarmSettings:
    """How warm parents are kept.

    Args:
        most: how many at a time; 0 for none.
        memory: bytes that all of them together may take.
        keep: seconds that one is kept without being of use.
        delay: seconds between a plain start and the warming of a parent for the next one, which would only hold it up.
        patience: seconds that a parent's imports may take.
    """

    most: int = 4
    memory: int = 1024 * 2**20
    keep: float = 300.0
    delay: float = 1.0
    patience: float = 300.0


class WarmParents:
    """The parents of one runtime. Everything here is for the event loop.

    Args:
        folder: where parents have their working folders.
        settings: how they are kept.
        python: the interpreter of an environment.
        environ: a parent's environment, from its interpreter and its working folder; the marks are added here.
        cgroup: makes control groups, from a name; None where there are none.
    """

    def __init__(
        self,
        folder: Path,
        settings: WarmSettings,
        python: Callable[[str], Path],
        environ: Callable[[Path, Path], Mapping[str, str]],
        cgroup: Callable[[str], Cgroup | None],
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._python = python
        self._environ = environ
        self._cgroup = cgroup
        self._numbers = count(1)
        self._parents: OrderedDict[Kind, WarmParent] = OrderedDict()
        """Least recently used first."""
        self._all: set[WarmParent] = set()
        """These, those that are being warmed, and those that are retired and have not ended."""
        self._warming: dict[Kind, asyncio.Task[None]] = {}
        self._spares: dict[WarmParent, Forked] = {}
        self._renewing: set[WarmParent] = set()
        self._deaths: Counter[Kind] = Counter()
        self._refused: OrderedDict[Kind, str] = OrderedDict()
        self._tasks: set[asyncio.Future[None]] = set()
        self._look_again: asyncio.TimerHandle | None = None
        self._closed = False

    # -- children -----------------------------------------------------------------------------------------------------

    async def fork(self, kind: Kind, own: frozenset[str]) -> Forked | None:
        """A child that can be put to work; None where there is no warm parent for it, or it fails.

        Args:
            kind: what the child must have.
            own: top-level names of the author's modules; a parent that has loaded one of the same name is of no use.
        """
        parent = self._parents.get(kind)
        if parent is None or parent.warmth is None or own & parent.warmth.loaded:
            return None
        self._parents.move_to_end(kind)
        parent.used_at = asyncio.get_running_loop().time()
        spare = self._spares.pop(parent, None)
        self._later(_RENEWAL, self._renew, parent)
        if spare is not None and not spare.is_over:
            return spare
        return await self._fork(parent)

    async def _fork(self, parent: WarmParent) -> Forked | None:
        cgroup = await asyncio.to_thread(self._cgroup, f"{parent.room.name.rstrip('-')}-{next(self._numbers)}")
        try:
            async with asyncio.timeout(_FORK_PATIENCE):
                return await parent.fork(cgroup)
        except OSError as error:  # which a timeout is too
            if not self._closed:
                logger.warning("a warm parent could not fork: %s", str(error) or "it took too long")
                for kind in [kind for kind, known in self._parents.items() if known is parent]:
                    self._count_death(kind, "its warm parent has failed more than once")
            self._retire(parent)
            if not parent.is_in_use:
                parent.kill()
            if cgroup is not None:
                await asyncio.to_thread(cgroup.clear, _CLEAR_PATIENCE)
            return None

    def _renew(self, parent: WarmParent) -> None:
        if parent.is_warm and parent not in self._spares and parent not in self._renewing and not self._closed:
            self._renewing.add(parent)
            self._run(self._make_spare(parent))

    async def _make_spare(self, parent: WarmParent) -> None:
        try:
            spare = await self._fork(parent)
        finally:
            self._renewing.discard(parent)
        if spare is None:
            return
        if parent.is_warm and not self._closed:
            self._spares[parent] = spare
        else:
            spare.give_up()
        await spare.wait()
        if self._spares.get(parent) is spare:
            del self._spares[parent]
        elif spare.at_work:  # whoever put it to work sees to its end
            return
        if spare.cgroup is not None:
            await asyncio.to_thread(spare.cgroup.clear, _CLEAR_PATIENCE)
        spare.bury()

    # -- parents ------------------------------------------------------------------------------------------------------

    def wish(self, kind: Kind, *, ahead: bool = False) -> None:
        """Says that a parent of this kind would have been of use, or will be; it is warmed in the background.

        Args:
            kind: which.
            ahead: nothing of this kind was started yet; it gets a parent only where nobody else has to go for it.
        """
        if self._closed or kind in self._parents or kind in self._warming or kind in self._refused:
            return
        if ahead and len(self._parents) + len(self._warming) >= self._settings.most:
            return
        task = asyncio.get_running_loop().create_task(self._warm(kind))
        self._warming[kind] = task
        task.add_done_callback(lambda _: self._warming.pop(kind, None))

    async def warmed(self, kind: Kind) -> bool:
        """Waits for a parent that is being warmed; whether there is one then."""
        warming = self._warming.get(kind)
        if warming is not None:
            await asyncio.wait({warming})
        parent = self._parents.get(kind)
        return parent is not None and parent.is_warm

    async def _warm(self, kind: Kind) -> None:
        imports = kind.imports
        for _ in range(_MOST_ATTEMPTS):
            try:
                parent = await self._start(kind, imports)
            except Unwarmable as error:
                self._refuse(kind, str(error))
                return
            except OSError as error:  # the machine is short of something, or the imports took too long
                self._count_death(kind, error.strerror or "its imports take too long")
                return
            assert parent.warmth is not None  # it is warm
            if not parent.warmth.asking:
                self._admit(kind, parent)
                return
            # What they were told would be the parent's: workers import these for themselves.
            asking = parent.warmth.asking
            imports = tuple(each for each in imports if each[0] not in asking)
            parent.kill()
            await parent.wait()
        self._refuse(kind, "too many of its imports depend on what each worker has of its own")

    async def _start(self, kind: Kind, imports: tuple[Import, ...]) -> WarmParent:
        parent_id = f"parent-{next(self._numbers)}".ljust(LONGEST_ID, "-")
        room = self._folder / parent_id
        room.mkdir(mode=0o700)
        python = self._python(kind.environment)
        environ = {**self._environ(python, room), strays.MARK: parent_id, strays.FOLDER: str(room)}
        try:
            parent = WarmParent.start(python, environ, room)
        except BaseException:
            remove_folder(room)
            raise
        self._all.add(parent)
        parent.on_end = self._ended
        parent.cgroup = await asyncio.to_thread(self._cgroup, parent_id.rstrip("-"))
        try:
            if parent.cgroup is not None:
                await asyncio.to_thread(parent.cgroup.enter, parent.pid)
            async with asyncio.timeout(self._settings.patience):
                await parent.warm_up(imports, kind.private)
        except BaseException:
            parent.kill()
            raise
        return parent

    def _admit(self, kind: Kind, parent: WarmParent) -> None:
        memory = parent.warmth.memory if parent.warmth is not None else 0
        if memory > self._settings.memory:
            self._refuse(kind, f"it takes {memory // 2**20} MiB, more than all warm parents may")
            parent.kill()
            return
        if not parent.is_warm or self._closed:
            parent.kill()
            return
        parent.used_at = asyncio.get_running_loop().time()
        self._parents[kind] = parent
        while len(self._parents) > self._settings.most or self._memory() > self._settings.memory:
            self._retire(next(iter(self._parents.values())))
        self._renew(parent)
        self._look()

    def _memory(self) -> int:
        return sum(parent.warmth.memory for parent in self._parents.values() if parent.warmth is not None)

    def _refuse(self, kind: Kind, reason: str) -> None:
        if not self._closed:
            logger.warning("workers of the environment %s are started plainly: %s", kind.environment[:12], reason)
            self._refused[kind] = reason
            while len(self._refused) > _MOST_REFUSED:
                self._refused.popitem(last=False)

    def _count_death(self, kind: Kind, reason: str) -> None:
        self._deaths[kind] += 1
        if self._deaths[kind] >= _MOST_DEATHS:
            self._refuse(kind, reason)

    def _retire(self, parent: WarmParent) -> None:
        for kind, known in list(self._parents.items()):
            if known is parent:
                del self._parents[kind]
        spare = self._spares.get(parent)
        if spare is not None:
            spare.give_up()
        parent.retire()

    def _ended(self, parent: WarmParent) -> None:
        for kind, known in list(self._parents.items()):
            if known is parent:  # nobody has asked it to
                del self._parents[kind]
                self._count_death(kind, "its warm parent has failed more than once")
        self._run(self._clean_up(parent))

    async def _clean_up(self, parent: WarmParent) -> None:
        if parent.cgroup is not None:
            await asyncio.to_thread(parent.cgroup.clear, _CLEAR_PATIENCE)
        else:
            await asyncio.to_thread(strays.kill_marked, self._folder, parent.room.name)
        await asyncio.to_thread(remove_folder, parent.room)
        self._all.discard(parent)

    def _look(self) -> None:
        """Retires those that have not been of use for long, now and again."""
        if self._look_again is not None:
            self._look_again.cancel()
        now = asyncio.get_running_loop().time()
        for parent in list(self._parents.values()):
            if not parent.is_in_use and now - parent.used_at > self._settings.keep:
                self._retire(parent)
        self._look_again = None
        if self._parents and not self._closed:
            self._look_again = asyncio.get_running_loop().call_later(min(_LOOK, self._settings.keep), self._look)

    # -- the end ------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Ends all parents, and with them what they have forked."""
        self._closed = True
        if self._look_again is not None:
            self._look_again.cancel()
        for warming in list(self._warming.values()):
            warming.cancel()
        await asyncio.gather(*self._warming.values(), return_exceptions=True)
        for parent in list(self._all):
            parent.kill()
        for parent in list(self._all):
            await parent.wait()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _later(self, seconds: float, act: Callable[[WarmParent], None], parent: WarmParent) -> None:
        asyncio.get_running_loop().call_later(seconds, act, parent)
