"""The native dialect as callers speak it: over plain HTTP, and through the SDK."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any

import trivet
from tests.faults.line import PATIENCE, Line, headers_of
from tests.faults.mouth import Acknowledgement, Call, PieceSight, Refused, Sight, Silence
from trivet.sdk._events import EventParser
from trivet.sdk.models import JobView

_API = "/api/v1"
_JOB_ENDS = {"job_failed": "failed", "job_cancelled": "cancelled", "job_timed_out": "timed_out"}


class HttpMouth:
    """The native API, spoken without any client library: nothing is repeated, nothing is smoothed over."""

    name = "native, HTTP"
    reach: frozenset[str] | None = None
    by_number = False

    def __init__(self, url: str, key: str) -> None:
        self._line = Line(url, key)

    def submit(self, call: Call) -> Acknowledgement:
        status, headers, body = self._call(call, "submit")
        if status != 202:
            raise _refused(status, body)
        return Acknowledgement(_document(body)["id"], headers.get("idempotent-replayed") == "true")

    def run(self, call: Call) -> Sight:
        return _outcome(*self._call(call, "run?wait=1"))

    def look(self, job_id: str) -> Sight:
        status, _, body = self._line.ask("GET", f"{_API}/jobs/{job_id}")
        if status != 200:
            raise _refused(status, body)
        return self._whole(_sight(_document(body)))

    def wait(self, job_id: str, seconds: float) -> Sight:
        status, _, body = self._line.ask("GET", f"{_API}/jobs/{job_id}?wait={seconds:g}")
        if status != 200:
            raise _refused(status, body)
        return self._whole(_sight(_document(body)))

    def open_stream(self, call: Call) -> Iterator[Sight | PieceSight]:
        return self._events("POST", f"{_API}/endpoints/{call.endpoint}/stream", *_as_sent(call))

    def read_stream(self, job_id: str, after: int) -> Iterator[Sight | PieceSight]:
        headers = {"Last-Event-ID": str(after)} if after else None
        return self._events("GET", f"{_API}/jobs/{job_id}/events", None, headers)

    def cancel(self, job_id: str) -> tuple[bool, Sight]:
        status, _, body = self._line.ask("POST", f"{_API}/jobs/{job_id}/cancel")
        if status != 200:
            raise _refused(status, body)
        document = _document(body)
        return document["cancelled"], _sight(document["job"])

    def close(self) -> None:
        self._line.close()

    def _call(self, call: Call, verb: str) -> tuple[int, dict[str, str], bytes]:
        return self._line.ask("POST", f"{_API}/endpoints/{call.endpoint}/{verb}", *_as_sent(call))

    def _whole(self, sight: Sight) -> Sight:
        """An output that is too large for the job's document is asked for by itself."""
        if sight.status != "succeeded" or sight.has_output:
            return sight
        return _outcome(*self._line.ask("GET", f"{_API}/jobs/{sight.job_id}/result"))

    def _events(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[Sight | PieceSight]:
        try:
            answer = self._line.open(method, path, body, headers)
            if answer.status != 200:
                raise _refused(answer.status, answer.read())
            job_id = headers_of(answer).get("trivet-job-id") or path.split("/")[-2]
            parser = EventParser()
            while chunk := answer.read1(65536):
                for event in parser.feed(chunk):
                    content = json.loads(event.data)
                    if event.name == "piece":
                        yield PieceSight(job_id, int(event.id or 0), content)
                    elif event.name in ("job", "end"):
                        yield _sight(content)
                    if event.name == "end":
                        return
            raise Silence(f"{path}: the stream ended before the job did")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Silence(f"{path}: {error!r}") from None
        finally:
            self._line.close()  # a reader who leaves early leaves bytes behind


class SdkMouth:
    """The native API through the SDK, which repeats what may be repeated, as its users have it."""

    name = "native, SDK"
    reach: frozenset[str] | None = None
    by_number = False

    def __init__(self, url: str, key: str) -> None:
        self._client = trivet.Client(url, key, timeout=PATIENCE)

    def submit(self, call: Call) -> Acknowledgement:
        try:
            job = self._client.endpoint(call.endpoint).submit(_given(call), idempotency_key=call.key)
        except trivet.TrivetError as error:
            raise _told(error) from None
        return Acknowledgement(job.id, job.replayed)

    def run(self, call: Call) -> Sight:
        try:
            endpoint = self._client.endpoint(call.endpoint)
            output = endpoint.run(_given(call), timeout=PATIENCE, idempotency_key=call.key)
        except trivet.TrivetError as error:
            return _ended(error)
        return Sight("", "succeeded", has_output=True, output=output)

    def look(self, job_id: str) -> Sight:
        try:
            return _shown(self._client.job(job_id).refresh())
        except trivet.TrivetError as error:
            raise _told(error) from None

    def wait(self, job_id: str, seconds: float) -> Sight:
        job = self._client.job(job_id)
        try:
            output = job.result(timeout=seconds)
        except trivet.TimedOutError:
            return self.look(job_id)
        except trivet.TrivetError as error:
            return _ended(error)
        return Sight(job_id, "succeeded", has_output=True, output=output)

    def open_stream(self, call: Call) -> Iterator[Sight | PieceSight]:
        raise Refused("not_spoken", "the SDK shows pieces without their numbers; its readers come to a job by its id")

    def read_stream(self, job_id: str, after: int) -> Iterator[Sight | PieceSight]:
        try:
            for event in self._client.job(job_id).events():
                if isinstance(event, trivet.sdk.models.Piece):
                    yield PieceSight(job_id, event.sequence or 0, event.value)
                elif isinstance(event, trivet.sdk.models.StatusChange):
                    yield _shown(event.job)
        except trivet.TrivetError as error:
            raise _told(error) from None

    def cancel(self, job_id: str) -> tuple[bool, Sight]:
        try:
            outcome = self._client.job(job_id).cancel()
        except trivet.TrivetError as error:
            raise _told(error) from None
        return outcome.cancelled, _shown(outcome.job) if outcome.job is not None else Sight(job_id, "running")

    def close(self) -> None:
        self._client.close()


def _as_sent(call: Call) -> tuple[bytes, Mapping[str, str]]:
    """The body of a call, and the headers that say what it is and name it."""
    headers = {} if call.key is None else {"Idempotency-Key": call.key}
    if isinstance(call.input, bytes):
        return call.input, {**headers, "Content-Type": "text/csv"}
    return json.dumps(call.input).encode(), headers


def _given(call: Call) -> Any:
    """The input of a call as the SDK is given it."""
    return trivet.Blob(call.input, "text/csv") if isinstance(call.input, bytes) else call.input


def _document(body: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(body)
    except ValueError:
        raise Refused("unreadable", repr(body[:200])) from None
    return document


def _sight(document: dict[str, Any]) -> Sight:
    error = document.get("error") or {}
    return Sight(
        document["id"],
        document["status"],
        document.get("attempts"),
        has_output=document["status"] == "succeeded" and "output" in document,
        output=document.get("output"),
        error=error.get("code"),
    )


def _outcome(status: int, headers: dict[str, str], body: bytes) -> Sight:
    """What a held call or a question for the result is answered with."""
    job_id = headers.get("trivet-job-id", "")
    if status == 200:
        return Sight(job_id, "succeeded", int(headers["trivet-attempts"]), has_output=True, output=json.loads(body))
    if status == 202:
        return _sight(_document(body))
    problem = _document(body)
    end = _JOB_ENDS.get(problem.get("code", ""))
    if end is None:
        raise _refused(status, body)
    return Sight(problem["job_id"], end, error=(problem.get("error") or {}).get("code"))


def _refused(status: int, body: bytes) -> Refused:
    problem = _document(body)
    return Refused(str(problem.get("code") or status), str(problem.get("detail")))


def _shown(view: JobView) -> Sight:
    has_output = view.status == "succeeded" and view.output is not None
    error = view.error.code if view.error is not None else None
    return Sight(view.id, str(view.status), view.attempts, has_output, view.output, error)


def _ended(error: trivet.TrivetError) -> Sight:
    """The end of a job that an error of the SDK tells of; raises where it tells of none."""
    job_id = error.job_id or ""
    if isinstance(error, trivet.JobFailedError):
        return Sight(job_id, "failed", error=error.error.code if error.error is not None else None)
    if isinstance(error, trivet.JobCancelledError):
        return Sight(job_id, "cancelled")
    if isinstance(error, trivet.JobTimedOutError):
        return Sight(job_id, "timed_out")
    raise _told(error) from None


def _told(error: trivet.TrivetError) -> Refused | Silence:
    """An error of the SDK as the suite counts it: what may have been taken over is no refusal."""
    if isinstance(error, trivet.ServiceUnavailableError | trivet.TimedOutError):
        return Silence(repr(error))
    return Refused(error.code, str(error))
