"""Workers: started, admitted, watched, stopped. One life cycle, whatever speaks to us."""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trivet.platform.core import ids
from trivet.platform.core import workers as rules
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import EndpointReference, Version
from trivet.platform.core.errors import Conflict, CoreError, Unauthenticated, Unavailable
from trivet.platform.core.jobs import JobError, Progress
from trivet.platform.core.workers import Departure, StartHistory, Worker, WorkerState
from trivet.platform.ports.background import Background
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import AttemptRef, Capabilities, Runtime, WorkerLink, WorkerSpec
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.journals import LOG_LINES, Journals, LogLine
from trivet.platform.services.secrets import Secrets

logger = logging.getLogger(__name__)

HEARTBEAT = 5.0
"""Seconds between a worker's heartbeats."""
SILENCE = 30.0
"""Seconds without a sign of life after which a worker counts as lost."""
START_TIMEOUT = 600.0
"""Seconds that a worker has to become ready."""
EXIT_GRACE = 2.0
"""Seconds between the end of a worker's link and the end of the worker itself."""
EVERYBODY_GONE = "workers:none"
"""The topic that is notified when the last worker has gone."""
DRAIN_GRACE = 30.0
"""Seconds that a worker which was asked to end has for that, once it holds no job."""
PING = 10.0
"""Seconds of silence after which whoever follows something gets a sign of life."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """What an admitted worker is told."""

    endpoint: str
    version: str
    concurrency: int
    heartbeat: float
    max_output: int


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker with the names that people know."""

    worker: Worker
    endpoint_name: str
    version_number: str
    last_lines: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Entry:
    worker: Worker
    version: Version
    endpoint_name: str
    token: str = field(repr=False)
    remote: bool = False
    """Whether somebody else has started it, elsewhere: nothing but its silence tells its end."""
    link: WorkerLink | None = None
    link_ended_at: float | None = None
    stop_asked_at: float | None = None
    killed: bool = False
    departure: Departure | None = None


class Workers:
    """The register of workers, and the way from what a worker says to the dispatcher.

    Args:
        runtime: where workers live.
        dispatcher: who gets which job.
        endpoints: the catalogue.
        secrets: what workers find in their environment.
        clock: seconds that go on evenly.
        entropy: random bytes.
        notifier: wakes who waits for lines of a log, or for the last worker's end.
        background: runs starts.
        max_output: bytes that an output may have.
        read_lines: what a line of a worker's output says, by `Version.host`; the lines of other kinds say what stands in them.
    """

    def __init__(
        self,
        *,
        runtime: Runtime,
        dispatcher: Dispatcher,
        endpoints: Endpoints,
        secrets: Secrets,
        clock: Clock,
        entropy: Entropy,
        notifier: Notifier,
        background: Background,
        max_output: int,
        read_lines: Mapping[str, Callable[[str], str]] | None = None,
    ) -> None:
        self._runtime = runtime
        self._dispatcher = dispatcher
        self._endpoints = endpoints
        self._secrets = secrets
        self._clock = clock
        self._entropy = entropy
        self._notifier = notifier
        self._background = background
        self._max_output = max_output
        self._read_lines = read_lines or {}
        self._entries: dict[str, _Entry] = {}
        self._of_version: dict[str, dict[str, _Entry]] = {}
        self._histories: dict[str, StartHistory] = {}
        self._journals = Journals(clock, notifier)
        self.on_change: Callable[[str], None] = _nobody
        """Told a version's id when one of its workers came, went or became ready."""
        dispatcher.on_stuck = self.kill

    @property
    def capabilities(self) -> Capabilities:
        """What the place where workers live can do."""
        return self._runtime.capabilities

    # -- start and stop -----------------------------------------------------------------------------------------------

    def start(self, version: Version) -> str:
        """Begins to start a worker for a version; returns its id at once."""
        entry = self._enter(version, ids.make("wrk", self._clock(), self._entropy(6)))
        self._background(self._start(entry))
        return entry.worker.id

    def _enter(self, version: Version, worker_id: str, *, remote: bool = False) -> _Entry:
        now = self._clock()
        endpoint = self._endpoints.by_id(version.endpoint_id)
        name = endpoint.full_name if endpoint is not None else version.endpoint_id
        worker = Worker(
            worker_id, version.endpoint_id, version.id, WorkerState.INITIALIZING, started_at=now, seen_at=now
        )
        entry = _Entry(worker, version, name, self._entropy(24).hex(), remote)
        self._entries[worker.id] = entry
        self._of_version.setdefault(version.id, {})[worker.id] = entry
        return entry

    async def _start(self, entry: _Entry) -> None:
        version = entry.version
        try:
            endpoint = self._endpoints.by_id(version.endpoint_id)
            owner_id = endpoint.owner_id if endpoint is not None else ""
            secrets = await self._secrets.of_endpoint(version.endpoint_id)
            if version.settings.secrets:
                secrets = {**await self._secrets.of_owner(owner_id, version.settings.secrets), **secrets}
            spec = WorkerSpec(
                entry.worker.id, version, entry.endpoint_name, entry.token, secrets, self._secrets.env_of(version)
            )
            started = await self._runtime.start(spec)
        except CoreError as error:
            self.departed(entry.worker.id, Departure(f"could not be started: {error.detail}"))
            return
        except Exception as error:  # whatever it was, this worker is none: it must not count as on its way for ever
            logger.exception("worker %s could not be started", entry.worker.id)
            self.departed(entry.worker.id, Departure(f"could not be started: {error}"))
            return
        entry.worker = replace(entry.worker, pid=started.pid, isolation=started.isolation)
        if entry.killed:
            self._runtime.kill(entry.worker.id)

    def stop(self, worker_id: str) -> None:
        """Asks a worker to finish what it holds and end."""
        entry = self._entries.get(worker_id)
        if entry is None or entry.stop_asked_at is not None:
            return
        entry.stop_asked_at = self._clock()
        self._dispatcher.stop_taking(worker_id)
        if entry.link is not None and entry.worker.ready_at is not None:
            entry.link.drain()
        else:
            self.kill(worker_id)

    def kill(self, worker_id: str) -> None:
        """Ends a worker and all that it started, now."""
        entry = self._entries.get(worker_id)
        if entry is not None:
            entry.killed = True
            self._dispatcher.stop_taking(worker_id)
            if entry.remote:  # nobody here can end it: it is not spoken to any more
                self.departed(worker_id, entry.departure or Departure("was given up"))
            else:
                self._runtime.kill(worker_id)

    def terminate(self, worker_id: str) -> None:
        """Signals a worker of this platform that it is to finish what it holds and end; for links that can't say so."""
        self._runtime.terminate(worker_id)

    # -- what workers say ---------------------------------------------------------------------------------------------

    def connect(self, worker_id: str, token: str, link: WorkerLink, pid: int | None = None) -> Welcome:
        """Admits a worker that shows the token it was started with.

        Raises:
            Unauthenticated: unknown worker, wrong token, or it has a link already.
        """
        entry = self._entries.get(worker_id)
        shown = token.encode(errors="replace")
        if entry is None or not hmac.compare_digest(entry.token.encode(), shown) or entry.link is not None:
            raise Unauthenticated(
                "This worker is not expected here.",
                hint="A worker must be started by the platform, with a token of its own.",
            )
        entry.link = link
        entry.worker = replace(entry.worker, seen_at=self._clock(), pid=entry.worker.pid or pid)
        version = entry.version
        return Welcome(entry.endpoint_name, version.number, version.settings.concurrency, HEARTBEAT, self._max_output)

    def join(self, version: Version, worker_id: str) -> str:
        """Registers a worker that somebody else has started, elsewhere. It is known to be gone once it is silent.

        Returns:
            The token to `connect` it with.

        Raises:
            Conflict: a worker of that id is here already.
        """
        if worker_id in self._entries:
            raise Conflict(f"There is a worker {worker_id!r} already.", hint="Give each worker an id of its own.")
        return self._enter(version, worker_id, remote=True).token

    def leave(self, worker_id: str, reason: str) -> None:
        """Lets a worker go that lives elsewhere; what it holds is queued again. ``reason`` completes "the worker …"."""
        entry = self._entries.get(worker_id)
        if entry is not None and entry.remote:
            entry.killed = True
            self.departed(worker_id, Departure(reason))

    def ready(self, worker_id: str, *, asks: bool = False) -> None:
        """The handler is loaded: the worker takes jobs from now on; with ``asks`` only those that it asks for."""
        entry = self._entries.get(worker_id)
        if entry is None or entry.link is None or entry.worker.ready_at is not None or entry.killed:
            return
        now = self._clock()
        entry.worker = replace(entry.worker, state=WorkerState.IDLE, ready_at=now, seen_at=now)
        if entry.stop_asked_at is not None:
            entry.link.drain()
            return
        settings = entry.version.settings
        tells = asks or settings.max_batch_size > 1
        self._dispatcher.seat(worker_id, entry.version.id, entry.link, settings.slots, tells=tells, asks=asks)
        self.on_change(entry.version.id)

    def unfit(self, worker_id: str, message: str, traceback: str, *, what: str = "could not load its handler") -> None:
        """The worker can't work, and will end by itself. ``what`` completes "the worker …"."""
        entry = self._entries.get(worker_id)
        if entry is not None:
            lines = tuple((traceback or message).rstrip().splitlines()[-50:])
            entry.departure = Departure(f"{what}: {message}", lines)

    def alive(self, worker_id: str) -> None:
        """A sign of life."""
        entry = self._entries.get(worker_id)
        if entry is not None:
            entry.worker = replace(entry.worker, seen_at=self._clock())

    def draining(self, worker_id: str) -> None:
        """The worker was told to end by somebody else."""
        entry = self._entries.get(worker_id)
        if entry is not None:
            entry.stop_asked_at = entry.stop_asked_at or self._clock()
            self._dispatcher.stop_taking(worker_id)

    def returned(self, ref: AttemptRef, pause: float = 0.0) -> None:
        """The worker hands back an attempt that it has not begun; it is tried again after ``pause`` seconds."""
        self._dispatcher.hand_back(ref, pause)

    def lost(self, ref: AttemptRef, reason: str) -> None:
        """An attempt was lost on its way to the worker, or back, and the worker goes on. ``reason`` completes "the worker …"."""
        self._dispatcher.lost(ref, reason)

    def begun(self, ref: AttemptRef) -> None:
        """The worker works on an attempt now."""
        self._dispatcher.begun(ref)

    def piece(self, ref: AttemptRef, content_type: str, data: bytes) -> None:
        """One piece of a stream."""
        self._dispatcher.piece(ref, content_type, data)

    def progress(self, ref: AttemptRef, progress: Progress) -> None:
        """How far a handler is."""
        self._dispatcher.progress(ref, progress)

    def log(self, ref: AttemptRef, stream: str, data: bytes) -> None:
        """What a handler printed."""
        entry = self._entries.get(ref.worker_id)
        job_id = self._dispatcher.log(ref, stream, data)
        if entry is not None and job_id is not None:
            for text in data.decode("utf-8", "replace").splitlines():
                self._note(entry, job_id, stream, text)

    def succeed(self, ref: AttemptRef, content_type: str, data: bytes, pieces: int) -> None:
        """An attempt's result."""
        self._dispatcher.succeed(ref, content_type, data, pieces)

    def fail(self, ref: AttemptRef, error: JobError) -> None:
        """An attempt's failure."""
        self._dispatcher.fail(ref, error)

    def stopped(self, ref: AttemptRef) -> None:
        """An attempt was stopped as asked."""
        self._dispatcher.stopped(ref)

    def disconnected(self, worker_id: str, *, expected: bool) -> None:
        """The link has ended. What the worker held is settled when the worker itself has ended, which is seen to."""
        entry = self._entries.get(worker_id)
        if entry is None:
            return
        entry.link_ended_at = self._clock()
        entry.killed = entry.killed or expected
        self._dispatcher.stop_taking(worker_id)

    def departed(self, worker_id: str, departure: Departure) -> None:
        """The worker is gone, and all that it had started."""
        entry = self._entries.pop(worker_id, None)
        if entry is None:
            return
        version_id = entry.version.id
        siblings = self._of_version.get(version_id, {})
        siblings.pop(worker_id, None)
        if not siblings:
            self._of_version.pop(version_id, None)
        departure = replace(departure, last_lines=self._said(entry, departure.last_lines))
        known = entry.departure
        if known is not None:
            departure = replace(departure, reason=known.reason, last_lines=departure.last_lines or known.last_lines)
        wanted = known is None and (entry.killed or entry.stop_asked_at is not None)
        if not wanted:
            self._note(entry, None, "system", f"worker {worker_id} {departure.reason}")
            reason = departure.reason.partition("\n")[0]
            logger.warning("worker %s of %s %s", worker_id, entry.endpoint_name, reason)
            theirs = entry.remote or departure.blameless  # who started it is not us, or who ended it is another
            if not theirs and not self._has_proved_itself(entry):
                history = self._histories.get(version_id, StartHistory())
                self._histories[version_id] = rules.start_failed(history, departure, self._clock())
        self._dispatcher.depart(worker_id, departure)
        self.on_change(version_id)
        if not self._entries:
            self._notifier.notify(EVERYBODY_GONE)

    def wrote(self, worker_id: str, text: str) -> None:
        """A line that the worker wrote itself, outside any job."""
        entry = self._entries.get(worker_id)
        if entry is not None:
            self._note(entry, None, "worker", text)

    def remark(self, endpoint_id: str, worker_id: str, text: str) -> None:
        """A line in an endpoint's log about a worker that is not registered."""
        self._journals.note(endpoint_id, worker_id, None, "system", text)

    # -- time ---------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What time brings about: silent workers, slow starts and ends, links that ended without their worker."""
        now = self._clock()
        for entry in list(self._entries.values()):
            worker = entry.worker
            if entry.link_ended_at is not None:
                if now - entry.link_ended_at > EXIT_GRACE:
                    self._runtime.kill(worker.id)
            elif entry.killed:
                continue
            elif entry.link is not None and self._is_muted(worker.id):
                self.alive(worker.id)  # it may speak, and is not heard
            elif entry.link is not None and now - worker.seen_at > SILENCE:
                entry.worker = replace(worker, state=WorkerState.UNHEALTHY)
                entry.departure = entry.departure or Departure(f"gave no sign of life for {SILENCE:g} s")
                self.kill(worker.id)
            elif worker.ready_at is None and now - worker.started_at > START_TIMEOUT:
                entry.departure = entry.departure or Departure(f"was not ready within {START_TIMEOUT:g} s")
                self.kill(worker.id)
            elif entry.stop_asked_at is not None and self._is_overdue(entry, entry.stop_asked_at, now):
                self.kill(worker.id)
            elif self._has_proved_itself(entry):
                self._histories.pop(entry.version.id, None)
        self._forget_deleted()

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

    def _is_muted(self, worker_id: str) -> bool:
        seat = self._dispatcher.board.seat_of(worker_id)
        return seat is not None and seat.muted

    def _is_overdue(self, entry: _Entry, asked: float, now: float) -> bool:
        """Whether a worker that was asked to end should have: it holds no job, and has held none for long."""
        seat = self._dispatcher.board.seat_of(entry.worker.id)
        if seat is None:
            return now - asked > DRAIN_GRACE
        return seat.idle_since is not None and now - max(asked, seat.idle_since) > DRAIN_GRACE

    def _forget_deleted(self) -> None:
        self._journals.keep(lambda endpoint_id: self._endpoints.by_id(endpoint_id) is not None)
        for version_id in [v for v in self._histories if self._endpoints.version(v) is None]:
            del self._histories[version_id]

    def _has_proved_itself(self, entry: _Entry) -> bool:
        seat = self._dispatcher.board.seat_of(entry.worker.id)
        jobs_taken = seat.jobs_done + len(seat.held) if seat is not None else 0
        return rules.has_proved_itself(entry.worker, jobs_taken, self._clock())

    # -- views --------------------------------------------------------------------------------------------------------

    def history(self, version_id: str) -> StartHistory:
        """What became of the latest starts of a version's workers."""
        return self._histories.get(version_id, StartHistory())

    def forgive(self, version_id: str) -> None:
        """Forgets failed starts, so that the next is tried at once."""
        self._histories.pop(version_id, None)

    def starting(self, version_id: str) -> int:
        """How many workers of the version are on their way."""
        return sum(
            1
            for entry in self._of_version.get(version_id, {}).values()
            if entry.worker.ready_at is None and not entry.remote and not entry.killed and entry.stop_asked_at is None
        )

    def versions(self) -> list[str]:
        """The versions that have workers."""
        return list(self._of_version)

    def running(self) -> list[Version]:
        """The version of each worker, whether it still exists or not."""
        return [entry.version for entry in self._entries.values()]

    def versions_of_endpoint(self, endpoint_id: str) -> set[str]:
        """The versions of an endpoint that have workers, whether they still exist or not."""
        return {e.version.id for e in self._entries.values() if e.worker.endpoint_id == endpoint_id}

    def all_ids(self) -> list[str]:
        """The ids of all workers."""
        return list(self._entries)

    def of_version(self, version_id: str) -> list[str]:
        """The ids of a version's workers."""
        return list(self._of_version.get(version_id, ()))

    def counts(self, endpoint_id: str) -> dict[WorkerState, int]:
        """How many workers of an endpoint are in which state."""
        counts = dict.fromkeys(
            (
                WorkerState.INITIALIZING,
                WorkerState.IDLE,
                WorkerState.RUNNING,
                WorkerState.THROTTLED,
                WorkerState.UNHEALTHY,
            ),
            0,
        )
        for version in self._endpoints.versions_of(endpoint_id):
            for entry in self._of_version.get(version.id, {}).values():
                state = self._state(entry)
                if state in counts:
                    counts[state] += 1
            waiting = self._dispatcher.board.queued(version.id)
            if waiting and self.history(version.id).retry_at > self._clock() and not self.starting(version.id):
                counts[WorkerState.THROTTLED] += 1
        return counts

    def views(self, principal: Principal, reference: EndpointReference | None = None) -> list[WorkerView]:
        """The workers of one endpoint, or of all that the principal manages.

        Raises:
            NotFound, Forbidden: by the one rule of access.
        """
        if reference is not None:
            wanted = {self._endpoints.find(principal, reference, Scope.READ).id}
        else:
            wanted = {e.id for e in self._endpoints.visible(principal)}
        managed = {
            endpoint_id
            for endpoint_id in wanted
            if (endpoint := self._endpoints.by_id(endpoint_id)) is not None
            and self._endpoints.manages(principal, endpoint)
        }
        return [self._view(e) for e in self._entries.values() if e.worker.endpoint_id in managed]

    def logs(
        self, principal: Principal, reference: EndpointReference, after: int = 0, limit: int = LOG_LINES
    ) -> list[LogLine]:
        """The newest lines of an endpoint's workers and handlers, oldest first; only for those who manage it."""
        endpoint = self._endpoints.find(principal, reference, Scope.READ)
        if not self._endpoints.manages(principal, endpoint):
            return []
        return self._journals.lines(endpoint.id, after, limit)

    async def follow(
        self, principal: Principal, reference: EndpointReference, after: int = 0
    ) -> AsyncIterator[LogLine | None]:
        """The lines of an endpoint's log as they come, for as long as the principal may see it.

        Yields:
            Each line with ``seq`` above ``after``; None after `PING` seconds without any.

        Raises:
            NotFound, Forbidden: by the one rule of access, which is asked again and again.
        """
        endpoint = self._endpoints.find(principal, reference, Scope.READ)
        with self._journals.subscribe(endpoint.id) as changes:
            while True:
                for line in self.logs(principal, reference, after):
                    after = line.seq
                    yield line
                try:
                    woken = await changes.wait(PING)
                except Unavailable:  # the platform is shutting down, and the log with it
                    return
                if not woken:
                    yield None

    def _view(self, entry: _Entry) -> WorkerView:
        worker = entry.worker
        seat = self._dispatcher.board.seat_of(worker.id)
        shown = replace(
            worker,
            state=self._state(entry),
            jobs_done=seat.jobs_done if seat is not None else 0,
            idle_since=seat.idle_since if seat is not None else None,
        )
        lines = self._said(entry, self._runtime.last_lines(worker.id))
        return WorkerView(shown, entry.endpoint_name, entry.version.number, lines)

    def _said(self, entry: _Entry, lines: Sequence[str]) -> tuple[str, ...]:
        """A worker's lines as people read them."""
        read = self._read_lines.get(entry.version.host)
        return tuple(lines) if read is None else tuple(part for line in lines for part in read(line).splitlines())

    def _state(self, entry: _Entry) -> WorkerState:
        if entry.worker.state is WorkerState.UNHEALTHY:
            return WorkerState.UNHEALTHY
        if entry.killed or entry.stop_asked_at is not None or entry.link_ended_at is not None:
            return WorkerState.DRAINING
        if entry.worker.ready_at is None:
            return WorkerState.INITIALIZING
        seat = self._dispatcher.board.seat_of(entry.worker.id)
        return WorkerState.RUNNING if seat is not None and seat.held else WorkerState.IDLE

    def _note(self, entry: _Entry, job_id: str | None, stream: str, text: str) -> None:
        self._journals.note(entry.worker.endpoint_id, entry.worker.id, job_id, stream, text)


def _nobody(_: str) -> None:
    """Listens until somebody else does."""
