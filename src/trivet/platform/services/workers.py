"""Workers: started, admitted, watched, stopped. One life cycle, whatever speaks to us."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from trivet.platform.core import ids
from trivet.platform.core import workers as rules
from trivet.platform.core.endpoints import Version
from trivet.platform.core.errors import Conflict, CoreError, Unauthenticated
from trivet.platform.core.workers import Departure, Worker
from trivet.platform.ports.background import Background
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.runtime import Capabilities, Runtime, WorkerLink, WorkerSpec
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.journals import Journals
from trivet.platform.services.logs import Logs
from trivet.platform.services.register import Entry, Register
from trivet.platform.services.roster import Roster
from trivet.platform.services.secrets import Secrets
from trivet.platform.services.starts import Starts

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


@dataclass(frozen=True, slots=True)
class Welcome:
    """What an admitted worker is told."""

    endpoint: str
    version: str
    concurrency: int
    heartbeat: float
    max_output: int


class Workers:
    """The life of workers. What they say about themselves comes here, what they say about jobs goes to `Attempts`.

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
        self._attempts = dispatcher.attempts
        self._board = dispatcher.board
        self._claims = dispatcher.claims
        self._endpoints = endpoints
        self._secrets = secrets
        self._clock = clock
        self._entropy = entropy
        self._notifier = notifier
        self._background = background
        self._max_output = max_output
        self.journals = Journals(clock, notifier)
        """What workers and handlers wrote."""
        self.register = Register()
        """Which workers there are, for others to look at."""
        self.starts = Starts(clock)
        """How their starts went."""
        self.logs = Logs(self.journals, endpoints, read_lines or {})
        """For those who read what they wrote."""
        self.roster = Roster(self.register, self._board, self.starts, endpoints, runtime, self.logs)
        """For those who look at them."""
        self.on_change: Callable[[str], None] = _nobody
        """Told a version's id when one of its workers came, went or became ready."""
        dispatcher.stops.on_stuck = self.kill
        dispatcher.attempts.on_log = self._handler_printed

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

    def _enter(self, version: Version, worker_id: str, *, remote: bool = False) -> Entry:
        now = self._clock()
        endpoint = self._endpoints.by_id(version.endpoint_id)
        name = endpoint.full_name if endpoint is not None else version.endpoint_id
        worker = Worker(worker_id, version.endpoint_id, version.id, started_at=now, seen_at=now)
        entry = Entry(worker, version, name, self._entropy(24).hex(), remote)
        self.register.enter(entry)
        return entry

    async def _start(self, entry: Entry) -> None:
        try:
            started = await self._runtime.start(await self._spec(entry))
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

    async def _spec(self, entry: Entry) -> WorkerSpec:
        version = entry.version
        secrets = await self._secrets.of_endpoint(version.endpoint_id)
        if version.settings.secrets:
            endpoint = self._endpoints.by_id(version.endpoint_id)
            owner_id = endpoint.owner_id if endpoint is not None else ""
            secrets = {**await self._secrets.of_owner(owner_id, version.settings.secrets), **secrets}
        env = self._secrets.env_of(version)
        return WorkerSpec(entry.worker.id, version, entry.endpoint_name, entry.token, secrets, env)

    def stop(self, worker_id: str) -> None:
        """Asks a worker to finish what it holds and end."""
        entry = self.register.get(worker_id)
        if entry is None or entry.stop_asked_at is not None:
            return
        entry.stop_asked_at = self._clock()
        self._claims.stop_taking(worker_id)
        if entry.link is not None and entry.worker.ready_at is not None:
            entry.link.drain()
        else:
            self.kill(worker_id)

    def kill(self, worker_id: str) -> None:
        """Ends a worker and all that it started, now."""
        entry = self.register.get(worker_id)
        if entry is not None:
            entry.killed = True
            self._claims.stop_taking(worker_id)
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
        entry = self.register.get(worker_id)
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
        if worker_id in self.register:
            raise Conflict(f"There is a worker {worker_id!r} already.", hint="Give each worker an id of its own.")
        return self._enter(version, worker_id, remote=True).token

    def leave(self, worker_id: str, reason: str) -> None:
        """Lets a worker go that lives elsewhere; what it holds is queued again. ``reason`` completes "the worker …"."""
        entry = self.register.get(worker_id)
        if entry is not None and entry.remote:
            entry.killed = True
            self.departed(worker_id, Departure(reason))

    def ready(self, worker_id: str, *, asks: bool = False) -> None:
        """The handler is loaded: the worker takes jobs from now on; with ``asks`` only those that it asks for."""
        entry = self.register.get(worker_id)
        if entry is None or entry.link is None or entry.worker.ready_at is not None or entry.killed:
            return
        now = self._clock()
        entry.worker = replace(entry.worker, ready_at=now, seen_at=now)
        if entry.stop_asked_at is not None:
            entry.link.drain()
            return
        settings = entry.version.settings
        tells = asks or settings.max_batch_size > 1
        self._claims.seat(worker_id, entry.version.id, entry.link, settings.slots, tells=tells, asks=asks)
        self.on_change(entry.version.id)

    def unfit(self, worker_id: str, message: str, traceback: str, *, what: str = "could not load its handler") -> None:
        """The worker can't work, and will end by itself. ``what`` completes "the worker …"."""
        entry = self.register.get(worker_id)
        if entry is not None:
            lines = tuple((traceback or message).rstrip().splitlines()[-50:])
            entry.departure = Departure(f"{what}: {message}", lines)

    def alive(self, worker_id: str) -> None:
        """A sign of life."""
        entry = self.register.get(worker_id)
        if entry is not None:
            entry.worker = replace(entry.worker, seen_at=self._clock())

    def draining(self, worker_id: str) -> None:
        """The worker was told to end by somebody else."""
        entry = self.register.get(worker_id)
        if entry is not None:
            entry.stop_asked_at = entry.stop_asked_at or self._clock()
            self._claims.stop_taking(worker_id)

    def disconnected(self, worker_id: str, *, expected: bool) -> None:
        """The link has ended. What the worker held is settled when the worker itself has ended, which is seen to."""
        entry = self.register.get(worker_id)
        if entry is None:
            return
        entry.link_ended_at = self._clock()
        entry.killed = entry.killed or expected
        self._claims.stop_taking(worker_id)

    def departed(self, worker_id: str, departure: Departure) -> None:
        """The worker is gone, and all that it had started."""
        entry = self.register.strike(worker_id)
        if entry is None:
            return
        if entry.link is not None:
            entry.link.listen(on=True)  # nobody would see the end of one that is not listened to
        lines = self.logs.readable(entry.version, departure.last_lines)
        known = entry.departure
        if known is not None:
            departure = replace(departure, reason=known.reason, last_lines=lines or known.last_lines)
        else:
            departure = replace(departure, last_lines=lines)
        if known is not None or not entry.is_ending:
            self._tell_of_end(entry, departure)
        self._attempts.depart(worker_id, departure)
        self.on_change(entry.version.id)
        if not self.register:
            self._notifier.notify(EVERYBODY_GONE)

    def _tell_of_end(self, entry: Entry, departure: Departure) -> None:
        """An end that nobody has asked for is told, and may be that of a false start."""
        worker_id = entry.worker.id
        self._note(entry, None, "system", f"worker {worker_id} {departure.reason}")
        reason = departure.reason.partition("\n")[0]
        logger.warning("worker %s of %s %s", worker_id, entry.endpoint_name, reason)
        theirs = entry.remote or departure.blameless  # who started it is not us, or who ended it is another
        if not theirs and not self._has_proved_itself(entry):
            self.starts.failed(entry.version.id, departure)

    # -- what they write ----------------------------------------------------------------------------------------------

    def wrote(self, worker_id: str, text: str) -> None:
        """A line that the worker wrote itself, outside any job."""
        entry = self.register.get(worker_id)
        if entry is not None:
            self._note(entry, None, "worker", text)

    def _handler_printed(self, worker_id: str, job_id: str, stream: str, data: bytes) -> None:
        entry = self.register.get(worker_id)
        if entry is not None:
            for text in data.decode("utf-8", "replace").splitlines():
                self._note(entry, job_id, stream, text)

    def _note(self, entry: Entry, job_id: str | None, stream: str, text: str) -> None:
        self.journals.note(entry.worker.endpoint_id, entry.worker.id, job_id, stream, text)

    # -- time ---------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What time brings about: silent workers, slow starts and ends, links that ended without their worker."""
        now = self._clock()
        for entry in list(self.register):
            self._look_at(entry, now)
        self.journals.keep(lambda endpoint_id: self._endpoints.by_id(endpoint_id) is not None)
        self.starts.keep(lambda version_id: self._endpoints.version(version_id) is not None)

    def _look_at(self, entry: Entry, now: float) -> None:
        worker = entry.worker
        if entry.link_ended_at is not None:
            if now - entry.link_ended_at > EXIT_GRACE:
                self._runtime.kill(worker.id)
        elif entry.killed:
            return
        elif entry.link is not None and self._is_muted(worker.id):
            self.alive(worker.id)  # it may speak, and is not heard
        elif entry.link is not None and now - worker.seen_at > SILENCE:
            entry.unhealthy = True
            self._give_up(entry, f"gave no sign of life for {SILENCE:g} s")
        elif worker.ready_at is None and now - worker.started_at > START_TIMEOUT:
            self._give_up(entry, f"was not ready within {START_TIMEOUT:g} s")
        elif entry.stop_asked_at is not None and self._is_overdue(entry, entry.stop_asked_at, now):
            self.kill(worker.id)
        elif self._has_proved_itself(entry):
            self.starts.forgive(entry.version.id)

    def _give_up(self, entry: Entry, reason: str) -> None:
        """Ends a worker; ``reason`` completes "the worker …", unless a better one is known."""
        entry.departure = entry.departure or Departure(reason)
        self.kill(entry.worker.id)

    def _is_muted(self, worker_id: str) -> bool:
        seat = self._board.seat_of(worker_id)
        return seat is not None and seat.muted

    def _is_overdue(self, entry: Entry, asked: float, now: float) -> bool:
        """Whether a worker that was asked to end should have: it holds no job, and has held none for long."""
        seat = self._board.seat_of(entry.worker.id)
        if seat is None:
            return now - asked > DRAIN_GRACE
        return seat.idle_since is not None and now - max(asked, seat.idle_since) > DRAIN_GRACE

    def _has_proved_itself(self, entry: Entry) -> bool:
        seat = self._board.seat_of(entry.worker.id)
        jobs_taken = seat.jobs_done + len(seat.held) if seat is not None else 0
        return rules.has_proved_itself(entry.worker, jobs_taken, self._clock())


def _nobody(_: str) -> None:
    """Listens until somebody else does."""
