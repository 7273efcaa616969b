"""Runtimes: where workers live. And the link to a worker that has come up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from trivet.platform.core.endpoints import Version
from trivet.platform.core.values import value
from trivet.platform.core.workers import Departure


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a runtime can do. Ask for these, never for a class. ``gpus`` maps a kind of GPU to how many there are."""

    remote: bool = False
    memory_limit: bool = False
    gpus: Mapping[str, int] = field(default_factory=dict)
    isolation: str = "process"


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """Everything a runtime needs to start one worker. ``token`` lets it work for its version and nothing else.

    ``env`` is what its environment holds besides; what the runtime itself sets, and ``secrets``, take the place of that.
    """

    worker_id: str
    version: Version
    endpoint_name: str
    token: str = field(repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Started:
    """A worker as the runtime started it."""

    pid: int | None = None
    isolation: str = "process"


OnExit = Callable[[str, Departure], None]
"""Called once per started worker, with its id, when it is gone; its whole process group is dead by then."""


class Runtime(Protocol):
    """A place for workers."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def start(self, spec: WorkerSpec) -> Started:
        """Starts a worker; returns when its process runs (it reports over its link by itself).

        Raises:
            Unavailable: it can't be started, with the reason.
        """

    def terminate(self, worker_id: str) -> None:
        """Asks it to drain and end (SIGTERM)."""

    def kill(self, worker_id: str) -> None:
        """Ends it and all that it started, now (SIGKILL to the group)."""

    def last_lines(self, worker_id: str) -> tuple[str, ...]:
        """The last lines that it wrote itself, also after its end (kept for a while)."""

    async def close(self) -> None:
        """Kills every worker and waits for their ends."""


class AttemptRef(NamedTuple):
    """Which attempt a worker speaks of: its own id, the attempt's number on the link, and the token that proves it holds it."""

    worker_id: str
    number: int
    token: str

    def __repr__(self) -> str:
        return f"AttemptRef(worker_id={self.worker_id!r}, number={self.number})"


@value
class AttemptOrder:
    """One attempt as it is sent to a worker. ``number`` names it on the link, ``token`` proves that its worker holds it;
    ``aside`` is the job's, still sealed; ``account_id`` is whose job it is.
    """

    number: int
    job_id: str
    token: str = field(repr=False)
    attempt: int
    timeout: float
    content_type: str
    body: bytes = field(repr=False)
    aside: bytes | None = field(default=None, repr=False)
    account_id: str = ""


class WorkerLink(Protocol):
    """The open connection to one worker. Nothing here waits; what can't be sent is dropped, as the link is then ending."""

    def send(self, order: AttemptOrder) -> None: ...
    def cancel(self, number: int, reason: str) -> None: ...
    def recall(self) -> None:
        """Asks it to hand back every attempt that it has not begun."""

    def listen(self, *, on: bool) -> None:
        """Stops reading what it says, which makes it wait in the end, or goes on."""

    def drain(self) -> None: ...
    def close(self) -> None: ...
