"""OpenAI's shapes around a RunPod job: its input, its answer, the frames of its stream, its errors. Values in, bytes out."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from trivet.platform.core.errors import BadRequest, InvalidJson
from trivet.platform.core.jobs import HANDLER_ERROR, Job, JobStatus
from trivet.platform.core.payloads import JSON, Payload
from trivet.platform.dialects.runpod.translate import endless_number
from trivet.platform.wire import documents, sse

SEND_AN_OBJECT = 'Send a JSON object, as OpenAI\'s clients do: `{"model": …, "messages": […]}`.'
_NULL = b"null"
_NO_BODY = b"{}"
_END = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode
_items = msgspec.json.Decoder(list[msgspec.Raw])

# -- what callers send --------------------------------------------------------------------------------------------------


class Asked(NamedTuple):
    """A call: the input of its job, and whether its caller wants a stream."""

    payload: Payload
    streams: bool


class _Body(msgspec.Struct):
    stream: Any = None


def read_call(route: str, body: bytes) -> Asked:
    """A call to one of OpenAI's paths, as the workers that know them want it. The body is passed on byte for byte.

    Args:
        route: the path, from ``/v1`` on.
        body: as it came; empty counts as an empty object.

    Raises:
        BadRequest: the body is no JSON object, ``stream`` in it is neither true nor false, or no worker can read a number in it.
    """
    body = body.strip() or _NO_BODY
    try:
        streams = documents.decode_as(body, _Body).stream
    except InvalidJson as error:
        hint = SEND_AN_OBJECT if error.hint == documents.SEND_JSON else error.hint
        raise InvalidJson(error.detail, hint=hint) from None
    except BadRequest:
        raise BadRequest("The body is not a JSON object.", hint=SEND_AN_OBJECT) from None
    if streams is not None and not isinstance(streams, bool):
        raise BadRequest("`stream` must be true or false.")
    fault = endless_number(body)
    if fault is not None:
        raise fault
    data = b'{"openai_route":%b,"openai_input":%b}' % (_encode(route), body)
    return Asked(Payload.inline(data), bool(streams))


def answer_in(output: bytes) -> bytes:
    """The answer in a job's JSON: the element of a list that has one, as generators give it, or the whole."""
    if output[:1] == b"[":
        items = _items.decode(output)
        if len(items) == 1:
            return bytes(items[0])
    return output or _NULL


# -- streams ------------------------------------------------------------------------------------------------------------


class Frames:
    """What has gone out of a stream, and how the next part is to be written.

    What a worker gives as text is passed on as it is: it is a part of a stream already, perhaps in the middle of a frame.
    Anything else becomes a frame.
    """

    def __init__(self) -> None:
        self._last = b""
        self._is_raw = False
        self.is_empty = True
        """Nothing of the job's has gone out."""

    def piece(self, content_type: str, data: bytes) -> bytes:
        """A piece of the job, or all of its output."""
        self.is_empty = False
        if content_type not in ("", JSON):
            return self._verbatim(data)
        if data[:1] == b'"':
            return self._verbatim(json.loads(data).encode(errors="replace"))
        return self._framed(_items.decode(data) if data[:1] == b"[" else (data,))

    def ping(self) -> bytes:
        """A comment, which readers pass over; nothing in the middle of a frame."""
        return b"" if self._gap() else sse.PING

    def error(self, fault: Fault) -> bytes:
        """The error that ends the stream."""
        return self._framed((fault.document(),))

    def end(self) -> bytes:
        """The mark of the end, where the worker hasn't written the stream itself."""
        return b"" if self._is_raw else self._gap() + _END

    def _verbatim(self, data: bytes) -> bytes:
        if data:
            self._is_raw = True
            self._last = (self._last + data)[-4:]
        return data

    def _framed(self, items: Iterable[bytes | msgspec.Raw]) -> bytes:
        frames = self._gap() + b"".join(_frame(bytes(item)) for item in items)
        self._last = b""
        return frames

    def _gap(self) -> bytes:
        """What ends a frame that is still open."""
        return b"" if not self._last or self._last.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")) else b"\n\n"


def _frame(data: bytes) -> bytes:
    return b"%b\n" % b"".join(b"data: %b\n" % line for line in (data or _NULL).splitlines())


# -- errors -------------------------------------------------------------------------------------------------------------


class Fault(NamedTuple):
    """An error. ``type`` and ``code`` are for programs."""

    status: int
    message: str
    type: str
    code: str | int | None = None

    def document(self) -> bytes:
        """The error as OpenAI's clients read it."""
        return _encode({"error": {"message": self.message, "type": self.type, "param": None, "code": self.code}})


WORKER_ERROR = "worker_error"
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_ENDS = {JobStatus.FAILED: 500, JobStatus.TIMED_OUT: 504, JobStatus.CANCELLED: 409}
_LONGEST_CODE = 200
_GENERATORS = "handler: "
_TRACE = "\ntraceback: Traceback (most recent call last):"
_TEXT = r"""'(?:[^'\\\x00-\x1f]|ESCAPE)*+'|"(?:[^"\\\x00-\x1f]|ESCAPE)*+\"""".replace(
    "ESCAPE", r"""\\['"\\nrt]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U00(?:0[0-9a-f]|10)[0-9a-f]{4}"""
)
"""A text as Python writes it."""
_ENTRY = re.compile(rf"""'(message|type|code)': ({_TEXT}|-?[0-9]{{1,9}}\b|None)|{_TEXT}|['"].*""", re.DOTALL)
"""An entry of a dict; or a text that is passed over; or one without an end, with all behind it, so that no text takes long."""


def refused(status: int, code: str, message: str) -> Fault:
    """The error of a call that came to nothing."""
    kind = _TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    return Fault(status, message, kind, code)


def fault_of(job: Job, advice: str) -> Fault:
    """The error of a job that did not succeed.

    What the worker says in OpenAI's own shape stays what it is, with the status that its ``code`` names.

    Args:
        job: a job that failed, timed out or was cancelled.
        advice: what became of it, and what there is to do.
    """
    error, status = job.error, _ENDS.get(job.status, 500)
    if error is None or job.status is JobStatus.CANCELLED:
        return Fault(status, advice, WORKER_ERROR, f"job_{job.status.value}")
    if error.code != HANDLER_ERROR:
        return Fault(status, f"{error.message} {advice}".rstrip(), WORKER_ERROR, error.code)
    if error.type is not None:
        return Fault(status, f"{error.type}: {error.message} {advice}".rstrip(), WORKER_ERROR)
    said = _said(error.message)
    message, code = said.get("message"), said.get("code")
    if not isinstance(message, str) or not message:
        text = error.message.partition(_TRACE)[0].removeprefix(_GENERATORS).strip()
        return Fault(status, f"{text} {advice}".rstrip(), WORKER_ERROR)
    kind = said.get("type")
    if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599:
        status = code
    return Fault(
        status,
        message,
        kind[:_LONGEST_CODE] if isinstance(kind, str) and kind else WORKER_ERROR,
        code[:_LONGEST_CODE] if isinstance(code, str) else code if isinstance(code, int) else None,
    )


def _said(text: str) -> dict[str, Any]:
    """The entries of an error that was an object, before it became a text: as JSON, or as Python writes a dict."""
    text = text.strip()
    if not text.startswith("{"):
        return {}
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _in_python(text)
    inner = found.get("error")
    return inner if isinstance(inner, dict) else found


def _in_python(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for match in _ENTRY.finditer(text):
        name, value = match[1], match[2]
        if name is not None and name not in found:
            found[name] = ast.literal_eval(value)  # one text, one number or None, as the pattern has made sure
    return found
