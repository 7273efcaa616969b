"""What a child is asked and answers: pure, from a job's input to a line, and from a document to a job's output."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, NamedTuple

from trivet.authoring.blob import OCTET_STREAM
from trivet.authoring.errors import InvalidInput
from trivet.authoring.outputs import JSON_TYPE
from trivet.worker.failures import Relayed

ALGORITHM_ERROR = "AlgorithmError"
LOADING_ERROR = "LoadingError"
SYSTEM_ERROR = "SystemError"
_LONGEST_QUOTE = 200
_CLASS = re.compile(r"[^\W\d]\w*(?:\.(?:\w+|<locals>))*(?:: *)?")
"""The last line of a trace whose exception has no message. Other lines in it are more than one word."""


class Answer(NamedTuple):
    """What an algorithm has returned: text and everything that JSON can hold as JSON, bytes as they are."""

    content_type: str
    body: bytes


def request_line(body: bytes, content_type: str) -> bytes:
    """The line that asks an algorithm for one answer.

    Args:
        body: the job's input.
        content_type: its type. JSON is handed on as JSON, and text as text; a JSON string is text too. Whatever else is binary.

    Raises:
        InvalidInput: the body is not what its type says.
    """
    essence, *parameters = (part.strip() for part in content_type.split(";"))
    if essence == JSON_TYPE:
        return _line(*_json(body))
    if essence.startswith("text/") or essence == "application/text":
        return _line("text", json.dumps(_text(body, parameters)).encode())
    return _line("binary", b'"%b"' % base64.b64encode(body))


def answer_of(document: bytes) -> Answer:
    """The output in a document that an algorithm has answered.

    Raises:
        Relayed: the document tells of an error, or is none that can be understood.
    """
    try:
        answer = json.loads(document)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        if isinstance(answer.get("error"), dict):
            raise failure_of(answer["error"])
        if "result" in answer:
            return _output(answer["result"], answer.get("metadata"))
    quoted = document[:_LONGEST_QUOTE].decode("utf-8", "replace")
    raise Relayed(f"The algorithm has answered with something that is no answer: {quoted}", SYSTEM_ERROR)


def failure_of(error: dict[str, Any], kind: str = ALGORITHM_ERROR) -> Relayed:
    """The failure that an answer tells of.

    Args:
        error: its ``error``.
        kind: what it is where it does not say so itself.
    """
    said, trace = error.get("error_type"), error.get("stacktrace")
    trace = trace if isinstance(trace, str) else ""
    message = str(error.get("message"))
    return Relayed(
        message if message.strip() else wordless(trace),
        said if isinstance(said, str) and said else kind,
        trace,
    )


def wordless(trace: str) -> str:
    """What is told of an exception without a message: its class, as far as its trace shows it."""
    lines = (line.strip() for line in reversed(trace.splitlines()))
    name = next((line.rstrip(": ") for line in lines if _CLASS.fullmatch(line)), "An exception")
    return f"{name} was raised without a message."


def _line(kind: str, data: bytes) -> bytes:
    return b'{"content_type":"%b","data":%b}\n' % (kind.encode(), data)


def _json(body: bytes) -> tuple[str, bytes]:
    """Whether JSON is text or more than that, and the JSON on one line."""
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"is no JSON: {error}") from None
    # Outside of its strings a line break means nothing, and inside of them there can be none.
    return "text" if isinstance(value, str) else "json", body.replace(b"\r", b" ").replace(b"\n", b" ")


def _text(body: bytes, parameters: list[str]) -> str:
    charset = next((each[8:].strip('"') for each in parameters if each.lower().startswith("charset=")), "utf-8")
    try:
        return body.decode(charset)
    except (LookupError, UnicodeDecodeError) as error:
        raise InvalidInput(f"is no text in the charset {charset}: {error}") from None


def _output(result: Any, metadata: Any) -> Answer:
    if isinstance(metadata, dict) and metadata.get("content_type") == "binary":
        try:
            return Answer(OCTET_STREAM, base64.b64decode("".join(str(result).split()), validate=True))
        except ValueError as error:
            told = f"The algorithm calls its answer binary, but it is no base64: {error}"
            raise Relayed(told, SYSTEM_ERROR) from None
    try:
        return Answer(JSON_TYPE, json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError:  # half a surrogate pair is no text in UTF-8, but can be written in JSON
        return Answer(JSON_TYPE, json.dumps(result, separators=(",", ":")).encode())
