"""The worker's side of the RunPod dialect: workers that ask for their jobs over HTTP, as the original package does.

Each verb is translated to `services.takes`. What the original's loops make of an answer decides when it is given: whatever is not
a job makes a worker ask again at once, so nothing is answered at once but jobs and `429`, on which a worker sleeps.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import BadRequest, Conflict, CoreError, Forbidden, TooLarge, Unavailable
from trivet.platform.core.jobs import Progress
from trivet.platform.core.keys import Token
from trivet.platform.core.payloads import JSON, NULL
from trivet.platform.dialects.runpod import errors, paths, reports
from trivet.platform.dialects.runpod.context import RunPodServices, RunPodSettings
from trivet.platform.dialects.runpod.translate import data_url, endless_number
from trivet.platform.services.takes import Line, TakenJob, Visit
from trivet.platform.wire.answers import JSON_TYPE, Header, answer
from trivet.platform.wire.bodies import ClientGone, read_body
from trivet.platform.wire.credentials import token_in
from trivet.platform.wire.hot import Answer, send_answer
from trivet.platform.wire.presence import Caller
from trivet.platform.wire.problems import sentence_of

T = TypeVar("T")

POLLS = frozenset({"job-take", "job-take-batch", "job-stop"})
"""What a worker asks and waits for."""
POSTS = frozenset({"job-done", "job-stream"})
"""What a worker tells of its jobs."""
VERBS = POLLS | POSTS | {"ping"}
REFUSAL_HOLD = 5.0
"""Seconds that a poll is held which can't be answered: its worker comes back at once."""
BUSY_HOLD = 1.0
"""Seconds that a poll is held for which the platform has no time, before its worker is told to sleep."""
MOST_HELD = 500
"""Such polls that are held at a time; those beyond are told to sleep."""
MOST_TAKEN = 100
"""Jobs that a worker may ask for at a time."""
LAST_LINE = "INFO: Finished."
"""What the original says of each job last."""
_UNCAUGHT = "Uncaught exception | "
"""What stands before an exception that ends the original's program."""
ENVELOPE = 4096
"""Bytes of a post beside the output in it."""
_WHICH_KEY = "A worker shows the key in ~/.runpod/config.toml, where there is one, rather than RUNPOD_AI_API_KEY."
_LONGEST_NAME = 128
_MOST_QUERY = 128 * 1024


class _Target(NamedTuple):
    """What a path names. ``glued`` is a query that stands in the path itself."""

    verb: str
    endpoint_id: str
    worker_id: str
    job_id: str
    glued: str


@dataclass(frozen=True, slots=True)
class _Request:
    """A request of a worker, whose path and query are read.

    ``last_job_id`` is the job whose result the worker last set out to bring, as its HTTP client goes on to say with each
    request; of a post that has no ``job_id`` in its URL it is the only sign which job is meant.
    """

    verb: str
    endpoint_id: str
    worker_id: str
    job_id: str
    last_job_id: str
    query: dict[str, str]
    token: str = field(repr=False)
    length: int | None


class WorkerApi:
    """One ASGI application for the verbs of workers.

    Args:
        services: what it speaks for.
        settings: what an operator has set.
        refusal_hold: seconds that a poll is held which is refused.
    """

    def __init__(
        self, services: RunPodServices, settings: RunPodSettings, *, refusal_hold: float = REFUSAL_HOLD
    ) -> None:
        self._accounts = services.accounts
        self._takes = services.takes
        self._poll = settings.poll
        self._max_output = settings.max_output
        self._refusal_hold = refusal_hold
        self._busy_hold = min(BUSY_HOLD, refusal_hold)
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, whose path is below `context.JOBS` and names one of `VERBS`."""
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        parts = paths.parts_of(path, scope.get("raw_path") or b"", scope.get("root_path", ""))
        verb, target = verb_in(parts[2]), _target(parts)
        wanted = "POST" if verb in POSTS else "GET"
        if target is None:
            refusal = errors.no_such_path(path)
            if verb in POLLS:
                await self._refuse(refusal, self._refusal_hold, receive, send)
            else:
                await send_answer(send, refusal)
            return
        if method != wanted:
            await send_answer(send, errors.method_not_allowed(method, [wanted]))
            return
        try:
            await self._answer(_read(scope, target), receive, send)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            refusal = errors.answer_to(error, method, path)
            if verb not in POLLS:
                await send_answer(send, refusal)
            elif isinstance(error, Unavailable | Conflict):  # there is no time for it, or no need: it is told to sleep
                await self._refuse(refusal._replace(status=429), self._busy_hold, receive, send)
            else:
                await self._refuse(refusal, self._refusal_hold, receive, send)

    async def _answer(self, request: _Request, receive: Receive, send: Send) -> None:
        principal = await self._principal(request.token)
        try:
            visit = self._takes.admit(request.endpoint_id, request.worker_id, request.token, principal)
        except Forbidden as error:
            raise Forbidden(error.detail, hint=f"{error.hint} {_WHICH_KEY}") from None
        match request.verb:
            case "job-take" | "job-take-batch":
                await self._take(visit, request, receive, send)
            case "job-stop":
                await self._stop(visit, receive, send)
            case "job-done":
                await self._done(visit, request, receive, send)
            case "job-stream":
                await self._stream(visit, request, receive, send)
            case _:
                self._ping(visit, request.query)
                await _done_with(send)

    async def _principal(self, token: str) -> Principal | None:
        """Whose API key it is; None where it is none, as with workers of this platform, which have a token of their own."""
        if Token.parse(token) is None:
            return None
        return self._accounts.authenticate(token) or await self._accounts.resolve(token)

    # -- what a worker asks -------------------------------------------------------------------------------------------

    async def _take(self, visit: Visit, request: _Request, receive: Receive, send: Send) -> None:
        batch = request.verb == "job-take-batch"
        most = _whole(request.query.get("batch_size"), 1, MOST_TAKEN) if batch else 1
        busy = request.query.get("job_in_progress") == "1"
        caller = Caller(receive)
        taking = self._takes.take(visit, most, busy=busy, hold=self._poll, after=request.last_job_id, fault_in=fault_in)
        jobs = await self._while_there(caller, visit, taking)
        if caller.has_left:
            self._takes.undelivered(visit, jobs)
        elif not jobs:
            await answer(send, 204, ())
        elif len(jobs) == 1 and not batch:
            await answer(send, 200, (JSON_TYPE,), job_document(jobs[0]))
        else:
            await answer(send, 200, (JSON_TYPE,), b"[%b]" % b",".join(map(job_document, jobs)))

    async def _while_there(self, caller: Caller, visit: Visit, poll: Coroutine[Any, Any, T]) -> T:
        """What a poll gives. Who leaves amid it may have died, which its pings do not tell."""
        try:
            return await caller.wait_for(poll)
        except ClientGone:
            self._takes.hung_up(visit)
            raise

    async def _stop(self, visit: Visit, receive: Receive, send: Send) -> None:
        job_ids = await self._while_there(Caller(receive), visit, self._takes.stops(visit, hold=self._poll))
        if job_ids:
            await answer(send, 200, (JSON_TYPE,), msgspec.json.encode({"jobsToStop": job_ids}))
        else:
            await answer(send, 204, ())

    # -- what a worker tells ------------------------------------------------------------------------------------------

    async def _done(self, visit: Visit, request: _Request, receive: Receive, send: Send) -> None:
        body = await self._body(visit, request, receive, send)
        if body is None:
            return
        report = reports.read_report(body)
        match report:
            case reports.Progressed(detail):
                # a progress is sent by a thread of its own and may come behind the result: nobody's fault
                self._takes.progress(visit, request.job_id, Progress(None, detail=detail))
                await _done_with(send)
                return
            case reports.Succeeded(output, _) if len(output) > self._max_output:
                error = reports.too_large(len(output), self._max_output)
                counts = self._takes.fail(visit, request.job_id, error)
            case reports.Succeeded(output, _):
                counts = self._takes.succeed(visit, request.job_id, JSON, output)
            case reports.Failed(error, _):
                counts = self._takes.fail(visit, request.job_id, error)
        if report.recycle:
            self._takes.leave_after(visit)
        await _acknowledge(send, request.job_id, counts=counts)

    async def _stream(self, visit: Visit, request: _Request, receive: Receive, send: Send) -> None:
        body = await self._body(visit, request, receive, send)
        if body is None:
            return
        piece = reports.read_piece(body)
        if isinstance(piece, reports.Failed):
            counts = self._takes.fail(visit, request.job_id, piece.error)
        else:
            counts = self._takes.piece(visit, request.job_id, JSON, piece)
        await _acknowledge(send, request.job_id, counts=counts)

    async def _body(self, visit: Visit, request: _Request, receive: Receive, send: Send) -> bytes | None:
        """The body of a post; None where it is over the limit: then the job has failed for that, and the worker knows it."""
        if not request.job_id:
            raise BadRequest(
                "Which job this is about is not said.", hint="End the URL in `/$ID`, or send it as X-Request-ID."
            )
        await self._takes.listening(visit)
        try:
            return await read_body(receive, self._max_output + ENVELOPE, request.length)
        except TooLarge:
            error = reports.too_large(request.length, self._max_output)
            self._takes.fail(visit, request.job_id, error)
            await send_answer(send, errors.fault(413, f"{error.message} {error.hint}"))
            return None

    def _ping(self, visit: Visit, query: dict[str, str]) -> None:
        if query.get("status") == "unhealthy":
            self._takes.unhealthy(visit, query.get("check", ""), query.get("reason", ""))
        else:
            self._takes.beat(visit, frozenset(filter(None, query.get("job_id", "").split(","))))

    # -- refusals -----------------------------------------------------------------------------------------------------

    async def _refuse(self, refusal: Answer, hold: float, receive: Receive, send: Send) -> None:
        """Refuses a poll, but not at once."""
        if self._held >= MOST_HELD:
            await send_answer(send, errors.fault(429, "Too many ask here that are not expected. Try again later."))
            return
        self._held += 1
        try:
            await Caller(receive).wait_for(self._takes.linger(hold))
        except ClientGone:
            return
        except Unavailable as error:  # it can't be held any longer, and must not come again at once
            refusal = errors.fault(429, sentence_of(error))
        finally:
            self._held -= 1
        await send_answer(send, refusal)


def fault_in(content_type: str, body: bytes) -> CoreError | None:
    """Why a worker could not read an input; None: it can. Answers are read as a whole, or not at all."""
    return endless_number(body) if content_type == JSON else None


def job_document(job: TakenJob) -> bytes:
    """A job as its worker is given it: the input as it came, with whatever else is for the worker beside it."""
    value = (job.body or NULL) if job.content_type == JSON else data_url(job.content_type, job.body)
    beside = job.aside.strip()[1:-1] if job.aside is not None else b""
    return b'{"id":%b,"input":%b%b%b}' % (msgspec.json.encode(job.job_id), value, b"," if beside else b"", beside)


def read_log_line(text: str) -> Line:
    """Reads a line of a worker's output.

    The original writes a JSON object for each line once it knows its endpoint: ``{"requestId", "message", "level"}``. Its last
    about a job comes when its result was brought, or could not be.
    """
    if not text.startswith('{"requestId"'):
        return Line(text)
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return Line(text)
    job_id, message, level = (line.get(name) for name in ("requestId", "message", "level"))
    if not isinstance(message, str):
        return Line(text)
    message = _unfolded(message)
    kept = f"{level}: {message}" if isinstance(level, str) else message
    return Line(kept, job_id if isinstance(job_id, str) else None, is_last=kept == LAST_LINE)


def verb_in(part: str) -> str:
    """The verb of a worker in a part of a path."""
    return part.partition("&")[0]


def _unfolded(message: str) -> str:
    """A message of the log as people read it: the original writes a traceback that ends its program as a list of lines."""
    if not message.startswith(_UNCAUGHT):
        return message
    try:
        lines = ast.literal_eval(message[len(_UNCAUGHT) :])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return message
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        return message
    return "".join(lines).rstrip()


def _target(parts: Sequence[str]) -> _Target | None:
    """What the parts of a path name; None where that is no worker, or more than there is."""
    # a worker whose URL has no query appends its own to the path all the same
    plain, _, glued = "/".join(parts[2:]).partition("&")
    verb, worker_id, job_id, *more = [*plain.split("/"), "", ""]
    if not worker_id or any(more) or (job_id and verb not in POSTS):
        return None
    return _Target(verb, parts[1], worker_id, job_id, glued)


def _read(scope: Scope, target: _Target) -> _Request:
    """Reads who asks for what.

    Raises:
        BadRequest: a part of the URL can't be.
    """
    verb, endpoint_id, worker_id, job_id, glued = target
    if worker_id.startswith("$"):
        raise BadRequest(
            f"{worker_id[:40]} was not replaced by the id of a worker.",
            hint="In RUNPOD_WEBHOOK_GET_JOB the worker's id is `$ID`, in the others `$RUNPOD_POD_ID`.",
        )
    raw: bytes = scope["query_string"]
    if max(len(worker_id), len(job_id), len(endpoint_id)) > _LONGEST_NAME or len(raw) > _MOST_QUERY:
        raise BadRequest("A part of this URL is longer than any could be.")
    query = dict(parse_qsl(f"{raw.decode('latin-1')}&{glued}", keep_blank_values=True))
    headers: list[Header] = scope["headers"]
    named = {name: value.decode("latin-1") for name, value in headers if name in (b"x-request-id", b"content-length")}
    credentials = [value for name, value in headers if name == b"authorization"]
    token = token_in(credentials[0], bare=True) if len(credentials) == 1 else None
    last_job_id = named.get(b"x-request-id", "")[:_LONGEST_NAME]
    if verb in POSTS and not job_id:  # its URL has no `$ID`
        job_id = last_job_id
    length = named.get(b"content-length", "")
    size = int(length) if length.isdecimal() and len(length) < 19 else None
    return _Request(verb, endpoint_id, worker_id, job_id, last_job_id, query, token or "", size)


def _whole(text: str | None, least: int, most: int) -> int:
    return min(max(int(text), least), most) if text is not None and text.isdecimal() and len(text) < 10 else least


async def _acknowledge(send: Send, job_id: str, *, counts: bool) -> None:
    if counts:
        await _done_with(send)
    else:
        text = f"The job {job_id} is not this worker's, or not any more: nothing has changed."
        await send_answer(send, errors.fault(404, text))


async def _done_with(send: Send) -> None:
    await answer(send, 200, (JSON_TYPE,), b"{}")
