"""The desk: where a loop takes what it works on, and leaves what came of it. Of single attempts here; of batches in `batches`."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from trivet.worker.attempt import Attempt, Work
from trivet.worker.hosts import Host
from trivet.worker.intake import Intake
from trivet.worker.outcome import Outcome, Trial, stopped

W = TypeVar("W", bound=Work)
O = TypeVar("O")  # noqa: E741 - what comes of W


class Desk(Protocol[W, O]):
    """What the loops need, whether the handler takes one input or many."""

    batches: bool
    """Whether `next` may have nothing yet though attempts wait."""

    def next(self) -> W | None:
        """Takes what is to be worked on next; ``None`` where there is nothing, or where it is to wait for company."""

    def due(self) -> float | None:
        """Seconds until `next` has something, even if nothing more comes in; ``None`` where it never will."""

    def run(self, work: W) -> O:
        """Runs a plain handler.

        Raises:
            LinkLost: its pieces can't be sent.
            BaseException: whatever the handler raises; `failed` knows what it means.
        """

    async def run_async(self, work: W) -> O:
        """As `run`, for a coroutine function or an async generator."""

    def failed(self, work: W, error: BaseException) -> O:
        """What comes of it when the handler has raised.

        Raises:
            LinkLost: where that is what was raised; there is nobody to answer to.
        """

    def stopped(self, work: W) -> O:
        """What comes of it when it was told to stop, and has."""

    def answer(self, work: W, outcome: O) -> None:
        """Tells the server, and forgets it.

        Raises:
            LinkLost: nobody is there to be told.
        """


class SingleDesk:
    """The desk of a handler that takes one input: the oldest attempt first.

    Args:
        intake: where the attempts come from.
        trial: runs one attempt.
    """

    batches = False

    def __init__(self, intake: Intake, trial: Trial) -> None:
        # Bound here and not wrapped: this is the way of every job.
        self.next = intake.next
        self.run = trial.run
        self.run_async = trial.run_async
        self.failed = trial.failed
        self.stopped = stopped
        self._done = intake.done

    def due(self) -> float | None:
        """As `Desk.due`: what waits is taken at once."""
        return None

    def answer(self, work: Attempt, outcome: Outcome) -> None:
        """As `Desk.answer`."""
        work.finish(*outcome)
        self._done(work)


def open_desk(host: Host, intake: Intake, trial: Trial) -> Desk[Any, Any]:
    """The desk that suits a program."""
    if host.batching is None:
        return SingleDesk(intake, trial)
    from trivet.worker.batches import BatchDesk

    return BatchDesk(intake, trial, host, host.batching)
