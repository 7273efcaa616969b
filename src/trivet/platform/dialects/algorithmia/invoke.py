"""Calling algorithms: what a request asks for, and the answer to it, whichever way it has come."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import BadRequest, CoreError, InvalidJson, NotFound
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.limits import CallLimits, HeldLimits, Holder
from trivet.platform.core.payloads import JSON, NULL, Payload
from trivet.platform.core.views import JobView
from trivet.platform.dialects.algorithmia import errors, translate
from trivet.platform.dialects.algorithmia.context import (
    MAX_TIMEOUT,
    TIMEOUT,
    AlgorithmiaServices,
    AlgorithmiaSettings,
)
from trivet.platform.dialects.algorithmia.errors import Kind, Output, Trouble
from trivet.platform.dialects.algorithmia.management.identifiers import is_uuid, meant_by
from trivet.platform.dialects.algorithmia.schemas import Begun, Error, Metadata
from trivet.platform.wire.answers import CONTENT_TYPE, JSON_TYPE, NO_SCRIPTS, NO_SNIFFING, TEXT_TYPE, TRIVET
from trivet.platform.wire.documents import LOOSE_JSON
from trivet.platform.wire.hot import Answer, lines
from trivet.platform.wire.large import MUCH
from trivet.platform.wire.media import output_type
from trivet.platform.wire.problems import sentence_of

LEEWAY = 15.0
"""Seconds beyond a call's own limit in which a worker is stopped and says so."""
MOST_STDOUT = 1024 * 1024
"""Bytes of what an algorithm printed that a caller is told, at most."""
_PAGE_OF_LOGS = 1000
_SYSTEM = "system"
"""The stream of a job's log in which the platform itself speaks."""
_MOST_HOLDERS = 10_000
_LONGEST_QUERY = 4096
_LONGEST_NAME = 300
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_COME_BACK = ((b"retry-after", b"5"),)
_PRIVATE = "latestPrivate"
_LATEST = "latest"
_JSON_HEAD = lines([JSON_TYPE, NO_SNIFFING, TRIVET])
_encode = msgspec.json.Encoder().encode


class Query(NamedTuple):
    """What the query of a call says. ``timeout`` in seconds."""

    timeout: float | None = None
    stdout: bool = False
    output: Output = Output.DEFAULT


class Call(NamedTuple):
    """A call as the head of its request describes it.

    ``name`` is how its caller calls the algorithm; ``for_members``: it names a version that the owner's people alone may call.
    """

    name: str
    reference: EndpointReference
    for_members: bool
    options: CallOptions
    content_type: str
    stdout: bool
    output: Output

    @property
    def wait(self) -> float:
        """Seconds that the call is held."""
        return (self.options.ttl or TIMEOUT) + LEEWAY

    def payload(self, body: bytes) -> Payload:
        """The input in the body."""
        return translate.payload(self.content_type, body)


class Invoke:
    """Answers calls.

    Args:
        services: the services.
        settings: limits.
    """

    def __init__(self, services: AlgorithmiaServices, settings: AlgorithmiaSettings) -> None:
        self._calls = services.calls
        self._jobs = services.jobs
        self._endpoints = services.endpoints
        self._clock = services.clock
        self._check_large = services.check_large
        self._settings = settings
        self._held: dict[str, tuple[Principal, Principal]] = {}

    async def call(self, principal: Principal, call: Call, body: bytes) -> Answer:
        """Calls, and answers when the call has ended; at once where its caller does not want the result."""
        principal, call = self.limited(principal), self.aimed(call)
        self.check(principal, call)
        payload = await self._payload(call, body)
        if call.output is Output.VOID:
            begun = await self._calls.submit(principal, call.reference, payload, call.options)
            return Answer(200, _JSON_HEAD, _encode(Begun(begun.job.id)))
        if not self._tells_stdout(principal, call):
            view = await self._calls.run(principal, call.reference, payload, call.options, wait=call.wait)
            return await self.outcome(principal, call, view)
        # what a call printed can be read once it is on disk; a job that was submitted is there when it ends
        begun = await self._calls.submit(principal, call.reference, payload, call.options)
        view = await self._jobs.get(principal, begun.job.id, call.wait)
        return await self.outcome(principal, call, view, await self._stdout(principal, view))

    async def _payload(self, call: Call, body: bytes) -> Payload:
        """The input in a body; what takes long to tell is told by whoever checks large inputs.

        Raises:
            InvalidJson, InvalidInput: it can't be told.
        """
        if len(body) <= MUCH or self._check_large is None or not translate.may_be_loose(call.content_type, body):
            return call.payload(body)
        loose = Payload.inline(body, LOOSE_JSON)
        try:
            await self._check_large(None, loose)
        except InvalidJson:
            return Payload.inline(body, call.content_type)  # it is sound, or the check of inputs says what is wrong
        return loose

    def expect(self, principal: Principal, call: Call) -> None:
        """Makes sure that a call may be made, before a large input is taken in for nothing.

        Raises:
            NotFound, Forbidden: it may not.
        """
        self._endpoints.find(principal, self.aimed(call).reference, Scope.CALL)

    def aimed(self, call: Call) -> Call:
        """The call with our own id of its endpoint, where it names one by the UUID that stands for that."""
        wanted = call.reference.id
        if wanted is None or not is_uuid(wanted):
            return call
        found = meant_by(wanted.lower(), (each.id for each in self._endpoints.all()))
        return call._replace(reference=replace(call.reference, id=found))

    def check(self, principal: Principal, call: Call) -> None:
        """Makes sure that who names a version which is not for everybody belongs to the algorithm's owner.

        Raises:
            NotFound: they do not, or there is no such algorithm.
        """
        if call.for_members:
            endpoint = self._endpoints.find(principal, call.reference, Scope.CALL)
            if not (principal.owns(endpoint.owner_id) or principal.administers()):
                raise NotFound.of("endpoint", call.reference.text)

    def limited(self, principal: Principal) -> Principal:
        """The caller with the limit of calls in flight that this dialect has for accounts without one of their own.

        What an algorithm calls has a limit of its own, the tree's: one that waited for a place which its own caller holds would
        wait for ever.
        """
        allowed = self._settings.concurrent
        if allowed is None or principal.within is not None:
            return principal
        known = self._held.get(principal.key_id)
        if known is None or known[0] is not principal:
            if len(self._held) >= _MOST_HOLDERS:
                self._held.clear()
            known = self._held[principal.key_id] = principal, _limited(principal, allowed)
        return known[1]

    # -- answers ------------------------------------------------------------------------------------------------------

    async def outcome(self, principal: Principal, call: Call, view: JobView, stdout: str | None = None) -> Answer:
        """The answer for any job."""
        output = view.job.output
        data = b"" if output is None else await self._jobs.read(output)
        return self.outcome_with(principal, call, view, data, stdout)

    def outcome_now(self, principal: Principal, call: Call, view: JobView) -> Answer | None:
        """The same for a job that has just ended; None where it takes waiting."""
        output = view.job.output
        if output is not None and output.data is None:
            return None
        return self.outcome_with(principal, call, view, (output and output.data) or b"")

    def outcome_with(
        self, principal: Principal, call: Call, view: JobView, data: bytes, stdout: str | None = None
    ) -> Answer:
        """The same; ``data`` is the output, where there is one, ``stdout`` what was printed, where that is told."""
        job, output = view.job, view.job.output
        if output is not None and job.status is JobStatus.SUCCEEDED:
            if output.size > self._settings.max_output:
                return self._came_to(call, translate.output_too_large(job, output.size, self._settings.max_output))
            if call.output is Output.RAW:
                return _raw(output, data)
            return Answer(200, _JSON_HEAD, translate.document(job, output, data, stdout))
        if not job.is_final:
            return self._unfinished(call, view)
        knows = self._knows_source(principal, job.endpoint_id)
        return self._came_to(call, translate.trouble(job, knows_source=knows, stdout=stdout))

    def refused(
        self, error: Exception, call: Call | None, query: bytes, principal: Principal | None, path: str
    ) -> Answer:
        """The answer to whatever was raised by a call.

        Args:
            error: what was raised.
            call: the call, where it could be read.
            query: that of its request.
            principal: who calls, where that is known.
            path: that of its request, to be told to the operator.
        """
        if isinstance(error, NotFound) and call is not None and principal is not None:
            trouble = self._not_found(error, call, principal)
        else:
            trouble = errors.trouble_with(error, "POST", path)
        return errors.call_answer(trouble, output_in(query), strict=self._settings.strict)

    def anonymous(self, query: bytes) -> Answer:
        """The answer to a call without a key."""
        return errors.call_answer(errors.no_credential(), output_in(query), strict=self._settings.strict)

    def _came_to(self, call: Call, trouble: Trouble) -> Answer:
        return errors.call_answer(trouble, call.output, strict=self._settings.strict)

    def _unfinished(self, call: Call, view: JobView) -> Answer:
        """The wait for a job has ended before the job."""
        limit = call.options.ttl or TIMEOUT
        if self._clock() < view.job.created_at + limit:
            # with the call's number: this is no refusal, and whoever called again would have it run twice
            text = f"The platform is stopping; the call {view.job.id} goes on after its next start."
            told = Metadata(translate.seconds(view.job), view.job.id)
            return self._came_to(call, Trouble(Error(text, None, Kind.SYSTEM.value), 503, told, _COME_BACK))
        return self._came_to(call, translate.timed_out(limit, Metadata(limit, view.job.id)))

    def _not_found(self, error: NotFound, call: Call, principal: Principal) -> Trouble:
        """The same for what is unknown and what is hidden; who may call the algorithm is told which versions there are."""
        text = f"algorithm algo://{call.name} not found"
        if call.reference.version is not None:
            try:
                endpoint = self._endpoints.find(principal, call.reference, Scope.CALL)
            except CoreError:
                pass
            else:
                if not call.for_members or self._knows_source(principal, endpoint.id):
                    text = f"{text}: {sentence_of(error)}"
        return Trouble(Error(text, 1001, Kind.NOT_FOUND.value), 404)

    # -- what was printed ---------------------------------------------------------------------------------------------

    def _tells_stdout(self, principal: Principal, call: Call) -> bool:
        if not call.stdout or call.output is Output.RAW:
            return False
        endpoint = self._endpoints.find(principal, call.reference, Scope.CALL)
        return self._knows_source(principal, endpoint.id)

    async def _stdout(self, principal: Principal, view: JobView) -> str:
        """What the job printed, in its order; of megabytes the last."""
        parts: deque[bytes] = deque()
        size, after, cut = 0, 0, False
        while page := await self._jobs.logs(principal, view.job.id, after, _PAGE_OF_LOGS):
            after = page[-1].seq
            for event in page:
                if event.label != _SYSTEM:
                    parts.append(event.data)
                    size += len(event.data)
            while size > MOST_STDOUT:
                size -= len(parts.popleft())
                cut = True
        return ("… (the beginning was left out)\n" if cut else "") + b"".join(parts).decode("utf-8", "replace")

    def _knows_source(self, principal: Principal, endpoint_id: str) -> bool:
        endpoint = self._endpoints.by_id(endpoint_id)
        return endpoint is not None and (principal.owns(endpoint.owner_id) or principal.administers())


def read_call(parts: list[str], query: bytes, content_type: bytes | None) -> Call:
    """What the head of a request says about a call.

    Args:
        parts: the names behind ``/v1/algo``.
        query: what follows the question mark.
        content_type: the header.

    Raises:
        BadRequest: the query can't be read.
        NotFound: the path can name no algorithm.
        UnsupportedMediaType: the content type is none that is taken.
    """
    asked = read_query(query)
    name, wanted = "/".join(parts), None
    reference = EndpointReference(name)
    if len(parts) == 1 or (len(parts) == 2 and is_uuid(parts[0])):
        reference = replace(reference, id=parts[0])
        wanted = parts[1] if len(parts) == 2 else None
    elif 2 <= len(parts) <= 3:
        reference = replace(reference, owner=parts[0], name=parts[1])
        wanted = parts[2] if len(parts) == 3 else None
    if len(name) > _LONGEST_NAME or not (reference.id or reference.name):
        raise NotFound(f"algorithm algo://{name[:_LONGEST_NAME]} not found")
    for_members = wanted is not None and (wanted == _PRIVATE or _HASH.fullmatch(wanted) is not None)
    if wanted in (_LATEST, _PRIVATE):
        wanted = None
    return Call(
        name,
        replace(reference, version=wanted),
        for_members,
        _options(asked.timeout),
        translate.content_type(content_type),
        asked.stdout,
        asked.output,
    )


@lru_cache(maxsize=512)
def read_query(query: bytes) -> Query:
    """What the query of a call says. What is not known in it is passed over.

    Raises:
        BadRequest: it can't be read.
    """
    found = _fields(query)
    return Query(
        _timeout(found.get("timeout")), found.get("stdout", "").lower() == "true", _output(found.get("output"))
    )


def output_in(query: bytes) -> Output:
    """What a caller wants of an output, however odd the rest of its query is."""
    try:
        return _output(_fields(query).get("output"))
    except BadRequest:
        return Output.DEFAULT


def _fields(query: bytes) -> Mapping[str, str]:
    if len(query) > _LONGEST_QUERY:
        raise BadRequest(f"The query of this URL is longer than {_LONGEST_QUERY} bytes.")
    try:
        return dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise BadRequest("The query of this URL can't be read.") from None


def _timeout(text: str | None) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_TIMEOUT:
        raise BadRequest(
            f"timeout={text[:40]!r} is no limit for a call.",
            hint=f"Give seconds, up to {MAX_TIMEOUT:g}; without it the limit is {TIMEOUT:g}.",
        )
    return seconds


def _output(text: str | None) -> Output:
    try:
        return Output(text or Output.DEFAULT)
    except ValueError:
        raise BadRequest(f"output={str(text)[:40]!r} is unknown.", hint="Leave it out, or say raw or void.") from None


@lru_cache(maxsize=512)
def _options(timeout: float | None) -> CallOptions:
    """The options of a call with a time limit: it counts from the moment of the call. One object for all that are alike."""
    return CallOptions(timeout=timeout, ttl=TIMEOUT if timeout is None else timeout)


def _limited(principal: Principal, allowed: int) -> Principal:
    for held in principal.limits:
        if held.holder is Holder.ACCOUNT and held.limits.concurrent is not None:
            return principal  # an administrator has said something else
    # a count of its own: what is submitted in other ways is not in flight here
    usual = HeldLimits(
        Holder.ACCOUNT,
        f"algorithmia:{principal.account_id}",
        principal.account_name,
        CallLimits(concurrent=allowed),
    )
    return replace(principal, limits=(*principal.limits, usual))


def _raw(output: Payload, data: bytes) -> Answer:
    """The bare result."""
    text = translate.text_of(output, data)
    if text is not None:
        # JSON can spell halves of surrogate pairs, which no encoding takes
        return Answer(200, lines([TEXT_TYPE, NO_SNIFFING, NO_SCRIPTS, TRIVET]), text.encode("utf-8", "replace"))
    kind = JSON.encode() if output.is_json else output_type(output.content_type)
    head = lines([(CONTENT_TYPE, kind), NO_SNIFFING, NO_SCRIPTS, TRIVET])
    return Answer(200, head, data or (NULL if output.is_json else b""))
