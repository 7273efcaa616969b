"""Batches: several attempts that one call of the handler answers, each with an outcome of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from time import monotonic
from typing import Any

from trivet.authoring.batching import Batching, outputs_of
from trivet.protocol.frames import Kind, encode
from trivet.worker.attempt import Attempt, Work
from trivet.worker.hosts import Host
from trivet.worker.intake import Intake
from trivet.worker.link import LinkLost
from trivet.worker.outcome import Outcome, Trial, stopped

Outcomes = list[tuple[Attempt, Outcome]]
_WRITE_SIZE = 1024 * 1024
"""Bytes of answers from which on they are written before more are put together."""


class Batch(Work):
    """Attempts that are worked on together.

    Each is answered once: by whoever takes it out of those that are open. What the handler prints or reports meanwhile goes
    to all that are.

    Args:
        attempts: just taken from the intake.
        intake: is told of each that is answered.
    """

    __slots__ = ("_intake", "_open", "interrupted", "reason")

    def __init__(self, attempts: Iterable[Attempt], intake: Intake) -> None:
        self.reason: str | None = None
        self.interrupted = False
        self._intake = intake
        self._open = {attempt.number: attempt for attempt in attempts}
        for attempt in self.open:
            attempt.batch = self
        for attempt in self.open:
            if attempt.reason is not None:  # asked to stop just before `batch` said where to turn to
                self.release(attempt)

    @property
    def over(self) -> bool:  # type: ignore[override]  # read and never set here: it is what its attempts are
        """As `Work.over`: all of them are."""
        return not self._open

    @property
    def open(self) -> list[Attempt]:
        """Those that are not answered yet, in the order in which they came."""
        return list(self._open.values())

    def release(self, attempt: Attempt) -> bool:
        """Lets an attempt go that has to stop. The handler can't be interrupted for it alone, while it works for others too.

        Where it does, the attempt is answered now, as stopped, and what the handler returns for it will be dropped.

        Returns:
            Whether it is the last one, so that the handler has to be interrupted.
        """
        if attempt.number not in self._open:
            return False
        if all(each.reason is not None for each in self.open):
            self.reason = attempt.reason
            return True
        try:
            self.answer([(attempt, stopped(attempt))])
        except LinkLost:  # who writes next will notice as well, and is not in the middle of reading
            return False
        return False

    def answer(self, outcomes: Outcomes) -> None:
        """Tells the server what became of attempts, in few writes; those that were answered before are passed over.

        Raises:
            LinkLost: nobody is there to be told.
        """
        link, done = self._intake.link, self._intake.done
        waiting = [each for each in outcomes if self._open.pop(each[0].number, None) is not None]
        while waiting:
            frames: list[bytes] = []
            size = told = 0
            with link:
                while told < len(waiting) and size < _WRITE_SIZE:
                    attempt, outcome = waiting[told]
                    frames.append(attempt.last_words(*outcome))
                    size += len(frames[-1])
                    told += 1
                link.send(b"".join(frames))
            for attempt, _ in waiting[:told]:
                done(attempt)
            del waiting[:told]

    def progress(self, fraction: float, message: str) -> None:
        """As `Work.progress`."""
        for attempt in self.open:
            attempt.progress(fraction, message)

    def write(self, stream: str, text: str) -> None:
        """As `Work.write`."""
        for attempt in self.open:
            attempt.write(stream, text)

    def flush(self) -> None:
        """As `Work.flush`."""
        for attempt in self.open:
            attempt.flush()


class BatchDesk:
    """The desk of a handler that takes a list of inputs and returns a list with an output for each.

    What waits stays in the intake until a batch is really formed, so that the server can have it back. A job that was tried
    before is worked on alone: if it is what brought its worker down, it does so no more to the others.

    Args:
        intake: where the attempts come from.
        trial: knows what outputs and errors look like.
        host: the author's program.
        batching: how many are taken at a time, and how long the first one waits for company.
    """

    batches = True

    def __init__(self, intake: Intake, trial: Trial, host: Host, batching: Batching) -> None:
        self._intake = intake
        self._trial = trial
        self._host = host
        self._size, self._wait = batching
        self._forming = threading.Lock()

    def next(self) -> Batch | None:
        """As `Desk.next`: a batch that is full, or whose first attempt has waited long enough."""
        with self._forming:  # or two threads would share one batch between them
            if self.due() != 0.0:
                return None
            taken: list[Attempt] = []
            while len(taken) < self._size and (attempt := self._intake.next()) is not None:
                taken.append(attempt)
                if attempt.repeats or self._first_repeats():
                    break
        return Batch(taken, self._intake) if taken else None

    def due(self) -> float | None:
        """As `Desk.due`."""
        pending = self._intake.pending
        try:
            first = pending[0]
        except IndexError:
            return None
        if first.repeats or len(pending) >= self._size:
            return 0.0
        return max(0.0, first.arrived + self._wait - monotonic())

    def _first_repeats(self) -> bool:
        pending = self._intake.pending
        try:
            return pending[0].repeats
        except IndexError:
            return False

    def run(self, work: Batch) -> Outcomes:
        """As `Desk.run`."""
        bound = self._bound(work)
        return self._shared_out(bound, self._host.handler([item for _, item in bound])) if bound else []

    async def run_async(self, work: Batch) -> Outcomes:
        """As `Desk.run_async`."""
        bound = self._bound(work)
        return self._shared_out(bound, await self._host.handler([item for _, item in bound])) if bound else []

    def failed(self, work: Batch, error: BaseException) -> Outcomes:
        """As `Desk.failed`: what the handler raises is the error of all."""
        if work.interrupted:
            return self.stopped(work)
        if isinstance(error, LinkLost):
            raise error
        kind, meta, body = self._trial.failure(error)
        return [(attempt, (kind, dict(meta), body)) for attempt in work.open]

    def stopped(self, work: Batch) -> Outcomes:
        """As `Desk.stopped`."""
        return [(attempt, stopped(attempt)) for attempt in work.open]

    def answer(self, work: Batch, outcome: Outcomes) -> None:
        """As `Desk.answer`."""
        work.answer(outcome)

    def _bound(self, work: Batch) -> list[tuple[Attempt, Any]]:
        """The items to call the handler with. An input that doesn't fit is answered at once, and is no matter of the others."""
        opened = work.open
        # What had to wait for company was not worked on: neither is that time the handler's, nor would its loss be its doing.
        self._intake.link.send(b"".join(encode(Kind.BEGUN, each.number, {"token": each.token}) for each in opened))
        bound: list[tuple[Attempt, Any]] = []
        for attempt in opened:
            try:
                (item,), _ = self._host.bind(attempt.body, attempt.content_type)
            except Exception as error:  # noqa: BLE001 - the author's conversion can raise anything
                work.answer([(attempt, self._trial.failure(error))])
            else:
                bound.append((attempt, item))
        return bound

    def _shared_out(self, bound: list[tuple[Attempt, Any]], returned: object) -> Outcomes:
        outputs = outputs_of(returned, len(bound))
        return [(attempt, self._outcome(output)) for (attempt, _), output in zip(bound, outputs, strict=True)]

    def _outcome(self, output: object) -> Outcome:
        if isinstance(output, BaseException):
            return self._trial.failure(output)
        try:
            return self._trial.result(output)
        except Exception as error:  # noqa: BLE001 - it has no form, or the author's own conversion raised
            return self._trial.failure(error)
