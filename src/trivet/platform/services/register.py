"""The register: which workers there are, from the moment that their start begins until they are gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from trivet.platform.core.endpoints import Version
from trivet.platform.core.workers import Departure, Worker
from trivet.platform.ports.runtime import WorkerLink


@dataclass(slots=True, eq=False)
class Entry:
    """A worker and what belongs to it while it is here.

    ``remote``: somebody else has started it, elsewhere: nothing but its silence tells its end. ``killed``: it is not spoken to
    any more. ``unhealthy``: it has not answered for too long. ``departure`` is why it will be gone, where that is known before.
    """

    worker: Worker
    version: Version
    endpoint_name: str
    token: str = field(repr=False)
    remote: bool = False
    link: WorkerLink | None = None
    link_ended_at: float | None = None
    stop_asked_at: float | None = None
    killed: bool = False
    unhealthy: bool = False
    departure: Departure | None = None

    @property
    def is_ending(self) -> bool:
        """Whether somebody has asked it to end, or made it."""
        return self.killed or self.stop_asked_at is not None

    @property
    def is_starting(self) -> bool:
        """Whether this platform has started it, and it has not come up yet."""
        return self.worker.ready_at is None and not self.remote and not self.is_ending


class Register:
    """Finds workers by their ids and by their versions, as `Workers` enters and strikes them out."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._of_version: dict[str, dict[str, Entry]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, worker_id: object) -> bool:
        return worker_id in self._entries

    def enter(self, entry: Entry) -> None:
        """A worker comes."""
        self._entries[entry.worker.id] = entry
        self._of_version.setdefault(entry.version.id, {})[entry.worker.id] = entry

    def strike(self, worker_id: str) -> Entry | None:
        """A worker is gone; gives what was known of it. None where it is not here."""
        entry = self._entries.pop(worker_id, None)
        if entry is not None:
            siblings = self._of_version[entry.version.id]
            del siblings[worker_id]
            if not siblings:
                del self._of_version[entry.version.id]
        return entry

    def get(self, worker_id: str) -> Entry | None:
        """A worker with all that belongs to it; None where it is not here."""
        return self._entries.get(worker_id)

    def entries_of(self, version_id: str) -> Collection[Entry]:
        """A version's workers with all that belongs to them."""
        return self._of_version.get(version_id, {}).values()

    # -- for those who only ask ---------------------------------------------------------------------------------------

    def known(self, worker_id: str) -> Worker | None:
        """A worker that is registered, with what it was when it came up; None where there is none, or no more."""
        entry = self._entries.get(worker_id)
        return None if entry is None or entry.killed else entry.worker

    def token_of(self, worker_id: str) -> str | None:
        """What a worker was started with to prove itself; None where there is no such worker, or no more."""
        entry = self._entries.get(worker_id)
        return None if entry is None or entry.killed else entry.token

    def is_remote(self, worker_id: str) -> bool:
        """Whether a worker was started by somebody else, elsewhere."""
        entry = self._entries.get(worker_id)
        return entry is not None and entry.remote

    def ids(self) -> list[str]:
        """The ids of all workers."""
        return list(self._entries)

    def ids_of(self, version_id: str) -> list[str]:
        """The ids of a version's workers."""
        return list(self._of_version.get(version_id, ()))

    def starting(self, version_id: str) -> int:
        """How many workers of the version are on their way."""
        return sum(entry.is_starting for entry in self.entries_of(version_id))

    def version_ids(self) -> list[str]:
        """The versions that have workers."""
        return list(self._of_version)

    def versions(self) -> list[Version]:
        """The version of each worker, whether it still exists or not."""
        return [entry.version for entry in self]

    def versions_of_endpoint(self, endpoint_id: str) -> set[str]:
        """The ids of an endpoint's versions that have workers, whether they still exist or not."""
        return {entry.version.id for entry in self if entry.worker.endpoint_id == endpoint_id}
