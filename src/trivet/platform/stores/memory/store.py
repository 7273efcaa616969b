"""The store in memory."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from trivet.platform.core.endpoints import Version
from trivet.platform.core.errors import StorageFull, Unavailable
from trivet.platform.core.keys import ApiKey
from trivet.platform.ports.stores import Transaction
from trivet.platform.stores.memory.accounts import MemoryAccounts
from trivet.platform.stores.memory.counters import MemoryCounters
from trivet.platform.stores.memory.data import MemoryData
from trivet.platform.stores.memory.deployments import MemoryDeployments
from trivet.platform.stores.memory.endpoints import MemoryEndpoints
from trivet.platform.stores.memory.invitations import MemoryInvitations
from trivet.platform.stores.memory.jobs import MemoryJobs
from trivet.platform.stores.memory.keys import MemoryKeys
from trivet.platform.stores.memory.tables import Journal, Table
from trivet.platform.stores.memory.templates import MemoryTemplates
from trivet.platform.stores.memory.versions import MemoryVersions
from trivet.platform.stores.memory.webhooks import MemoryWebhooks

logger = logging.getLogger(__name__)

T = TypeVar("T")


class MemoryTransaction:
    """A `Transaction` over tables in memory; also the tables themselves, as only one unit of work runs at a time."""

    def __init__(self, journal: Journal) -> None:
        keys: Table[str, ApiKey] = Table(journal)
        versions: Table[str, Version] = Table(journal)
        self.accounts = MemoryAccounts(journal, keys)
        self.keys = MemoryKeys(keys, self.accounts)
        self.invitations = MemoryInvitations(journal, self.accounts)
        self.endpoints = MemoryEndpoints(journal, versions)
        self.versions = MemoryVersions(versions, self.endpoints)
        self.deployments = MemoryDeployments(journal)
        self.templates = MemoryTemplates(journal)
        self.data = MemoryData(journal, self.accounts, self.endpoints)
        self.jobs = MemoryJobs(journal)
        self.counters = MemoryCounters(journal)
        self.webhooks = MemoryWebhooks(journal, self.accounts, self.jobs)


class MemoryStore:
    """A `Store` that lasts as long as it does and never makes its caller wait.

    ``out_of_space`` makes it behave as on a full disk: writes are refused, and what is written behind is kept until there
    is space again.
    """

    def __init__(self) -> None:
        self.out_of_space = False
        self._closed = False
        self._journal = Journal()
        self._transaction = MemoryTransaction(self._journal)
        self._behind: deque[Callable[[Transaction], None]] = deque()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Applies a unit of work, after what was written behind before it.

        Raises:
            StorageFull: ``out_of_space`` is set; nothing was changed.
            Unavailable: the store is closed.
        """
        await self.flush()
        return self._apply(work, read_only=False)

    def write_behind(self, work: Callable[[Transaction], None]) -> None:
        """Applies a unit of work now, or, where ``out_of_space`` is set, when there is space again."""
        self._check_open()
        self._behind.append(work)
        if not self.out_of_space:
            self._catch_up()

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Reads the state that includes every finished `write`."""
        self._check_open()
        return self._apply(work, read_only=True)

    async def flush(self) -> None:
        """Applies what waits.

        Raises:
            StorageFull: ``out_of_space`` is set. (A store on disk would keep its caller waiting until there is space.)
        """
        self._check_open()
        if self.out_of_space:
            raise StorageFull
        self._catch_up()

    async def close(self) -> None:
        """Flushes and lets go."""
        if not self._closed:
            await self.flush()
            self._closed = True

    def _catch_up(self) -> None:
        while self._behind:
            work = self._behind.popleft()
            try:
                self._apply(work, read_only=False)
            except Exception:  # nobody waits for it, and what comes after it must still be applied
                logger.exception("a unit of work that nobody waits for failed and was left out")

    def _apply(self, work: Callable[[Transaction], T], *, read_only: bool) -> T:
        self._journal.begin(read_only=read_only)
        try:
            return work(self._transaction)
        except BaseException:
            self._journal.roll_back()
            raise

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("The store is closed: the platform is stopping.")
