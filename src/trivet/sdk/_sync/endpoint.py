# Generated from ../_async/endpoint.py by scripts/unasync.py: change that file, then run the script.
"""An endpoint as a handle: what is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from trivet.sdk import _answers
from trivet.sdk._deadline import Deadline
from trivet.sdk._payloads import encode_input
from trivet.sdk._progress import open_bar
from trivet.sdk._requests import calls
from trivet.sdk._requests.parts import LONGEST_RUN_WAIT, Reference, check_reference
from trivet.sdk._sync.concurrency import Inputs, map_bounded
from trivet.sdk._sync.jobs import Job
from trivet.sdk._sync.session import Session, idempotency_key
from trivet.sdk._sync.streams import Stream
from trivet.sdk.errors import InvalidRequestError
from trivet.sdk.models import JobView, Progress

if TYPE_CHECKING:
    from typing import Unpack

    from trivet.sdk._calls import CallOptions
    from trivet.sdk.models import EndpointInfo


class Endpoint:
    """Something to call. Making the handle makes no request.

    An input is anything that JSON can hold, or bytes. An object becomes the handler's keyword arguments; any other input
    becomes its only argument. NumPy's values, dataclasses, dates and pydantic's models are sent as what JSON has for them.

    Args:
        session: makes the requests.
        reference: ``owner/name``, the opaque id, or the integer id.
        version: which version to call unless a call says otherwise: a number, a range or an alias; None calls the one that
            serves.
        affinity: any text, such as a user's id: while calls are split between versions, those with the same text all get the
            same one, unless a call says otherwise. None leaves each call to chance.

    Raises:
        InvalidRequestError: ``reference`` can't name an endpoint.
    """

    def __init__(
        self, session: Session, reference: Reference, version: str | None = None, affinity: str | None = None
    ) -> None:
        self._session = session
        self._reference = check_reference(reference)
        self._version = version
        self._affinity = affinity

    @property
    def reference(self) -> Reference:
        """How it was named."""
        return self._reference

    @property
    def version(self) -> str | None:
        """The version that is called; None for the one that serves."""
        return self._version

    def info(self) -> EndpointInfo:
        """What the server knows of it: schemas, versions, scaling, workers."""
        from trivet.sdk._requests import endpoints
        from trivet.sdk.models import EndpointInfo

        return self._session.value(EndpointInfo, endpoints.endpoint(self._reference))

    def run(self, input: Any = None, *, timeout: float | None = None, **options: Unpack[CallOptions]) -> Any:
        """Call it, wait, and give the output: what JSON holds, or bytes.

        Args:
            input: what the handler is given.
            timeout: seconds to wait at most; None waits as long as it takes. The job goes on when the wait ends.
            options: what else there is to say, by name; see `CallOptions`.

        Raises:
            InvalidInputError: the input misses the schema, or can't be sent; nothing was queued.
            JobFailedError: the handler raised, or could not be run.
            JobCancelledError: the job was cancelled.
            JobTimedOutError: the job ran out of its own time.
            TimedOutError: the wait ended first; its ``job_id`` takes it up again.
            TrivetError: whatever else `trivet.sdk.errors` names.
        """
        deadline = Deadline(timeout)
        request = calls.run(
            self._reference,
            encode_input(input),
            self._options(options),
            wait=deadline.portion(LONGEST_RUN_WAIT),
        )
        answer = _answers.output(self._session.send(request, deadline))
        if not isinstance(answer, JobView):
            return answer.value
        job = Job(self._session, answer.id, answer)
        # its own, as the wait has begun here, and its error says how long it was
        return job._result(deadline)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def submit(self, input: Any = None, **options: Unpack[CallOptions]) -> Job:
        """Queue a job and return at once; the job is on the server's disk then.

        It is queued once, however often the request has to be made: it carries a key by which the server knows it again.

        Args:
            input: what the handler is given.
            options: what else there is to say, by name; see `CallOptions`.

        Returns:
            The job. Its ``replayed`` is true where the idempotency key had been used before: it is that earlier job.

        Raises:
            InvalidInputError: the input misses the schema, or can't be sent; nothing was queued.
            IdempotencyKeyReusedError: the key was used with another input; nothing was queued.
            TrivetError: whatever else `trivet.sdk.errors` names.
        """
        if options.get("idempotency_key") is None:
            options["idempotency_key"] = idempotency_key()
        request = calls.submit(self._reference, encode_input(input), self._options(options))
        answer = self._session.send(request)
        return Job.of(self._session, answer)

    def stream(
        self,
        input: Any = None,
        *,
        on_progress: Callable[[Progress], object] | None = None,
        **options: Unpack[CallOptions],
    ) -> Stream:
        """Call it and give the pieces of its output as they come; resumes after a dropped connection.

        The call is made when the first piece is asked for. A job that fails raises its error after the pieces it gave.

        Args:
            input: what the handler is given.
            on_progress: called with each progress that the handler tells.
            options: what else there is to say, by name; see `CallOptions`.

        Raises:
            InvalidInputError: the input can't be sent.
        """
        request = calls.stream(self._reference, encode_input(input), self._options(options))
        return Stream(self._session, request, None, on_progress)

    def map(
        self,
        inputs: Inputs,
        *,
        concurrency: int = 8,
        order: bool = True,
        return_exceptions: bool = False,
        progress: bool | None = None,
        timeout: float | None = None,
        **options: Unpack[CallOptions],
    ) -> Iterator[Any]:
        """Call it with each of many inputs, some at a time, and give the outputs as an iterator.

        Inputs are taken as they are needed, so that a generator may be endless.

        Args:
            inputs: what the handler is given, one after another.
            concurrency: how many calls at a time.
            order: outputs in the order of the inputs; False gives each as soon as it is there.
            return_exceptions: give an item's error in its place; False raises it there, which ends the iteration.
            progress: whether to show a bar on stderr; None shows one on a terminal and in a notebook.
            timeout: seconds to wait at most for each item.
            options: what else there is to say of each call, by name; see `CallOptions`.

        Raises:
            InvalidRequestError: ``concurrency`` is below 1, or there is an idempotency key.
        """
        if options.get("idempotency_key") is not None:
            raise InvalidRequestError("`map` makes many calls, and an idempotency key is the name of one.")
        if concurrency < 1:
            raise InvalidRequestError(f"`concurrency` is {concurrency}, and should be at least 1.")
        return self._map(
            inputs,
            concurrency=concurrency,
            order=order,
            return_exceptions=return_exceptions,
            progress=progress,
            timeout=timeout,
            options=options,
        )

    def _map(
        self,
        inputs: Inputs,
        *,
        concurrency: int,
        order: bool,
        return_exceptions: bool,
        progress: bool | None,
        timeout: float | None,
        options: CallOptions,
    ) -> Iterator[Any]:
        def call(item: Any) -> Any:
            return self.run(item, timeout=timeout, **options)

        outcomes = map_bounded(call, inputs, concurrency=concurrency, order=order)
        bar = open_bar(str(self._reference), inputs, progress)
        try:
            for outcome in outcomes:
                bar.advance()
                if outcome.error is None:
                    yield outcome.value
                elif return_exceptions and isinstance(outcome.error, Exception):
                    yield outcome.error
                else:
                    raise _at(outcome.error, outcome.position)
        finally:
            outcomes.close()
            bar.close()

    def _options(self, options: CallOptions) -> CallOptions:
        """What is said of a call, with the handle's own version and affinity where it says nothing of them.

        They are put into ``options`` itself, which belongs to one call.
        """
        if self._version is not None and options.get("version") is None:
            options["version"] = self._version
        if self._affinity is not None and options.get("affinity") is None:
            options["affinity"] = self._affinity
        return options

    def __repr__(self) -> str:
        version = f", version={self._version!r}" if self._version else ""
        return f"Endpoint({self._reference!r}{version})"

    def __rich_repr__(self) -> Iterator[tuple[str | None, Any]]:
        yield None, self._reference
        if self._version is not None:
            yield "version", self._version
        yield "server", self._session.settings.url


def _at(error: BaseException, index: int) -> BaseException:
    error.add_note(f"This was input number {index} of the map, counted from 0.")
    return error
