"""Both ways: Algorithmia's bodies to inputs, outputs and failures to its documents, access lists to ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from trivet.platform.core.data import Collection, Listing, ReadAcl
from trivet.platform.core.data_paths import Space
from trivet.platform.core.errors import BadRequest, UnsupportedMediaType
from trivet.platform.core.jobs import (
    EXECUTION_TIMEOUT,
    HANDLER_ERROR,
    OUT_OF_MEMORY,
    WORKER_LOST,
    Job,
    JobError,
    JobStatus,
)
from trivet.platform.core.payloads import BINARY, JSON, NULL, Payload
from trivet.platform.dialects.algorithmia import schemas
from trivet.platform.dialects.algorithmia.errors import Kind, Trouble
from trivet.platform.wire import documents
from trivet.platform.wire.media import charset_of, input_type

ERROR_TYPES = frozenset(
    {
        "AlgorithmError",
        "EntityNotFoundError",
        "InitializationError",
        "InputError",
        "LanguageError",
        "LoadingError",
        "OutOfGpuMemoryError",
        "OutOfMemoryError",
        "ParsingError",
        "PaymentRequiredError",
        "SystemError",
        "SystemExit",
        "ThirdPartyCredentialError",
        "TimeoutError",
        "TooLargeError",
        "UnsupportedError",
    }
)
"""All that a caller may find under ``error_type``."""

_TTL_EXPIRED = "ttl_expired"
_OF_PLATFORM: Mapping[str, str] = {
    "invalid_input": Kind.INPUT,
    "unserializable_output": Kind.ALGORITHM,
    "output_too_large": Kind.TOO_LARGE,
    WORKER_LOST: "SystemExit",
    "handler_exited": "SystemExit",
    OUT_OF_MEMORY: "OutOfMemoryError",
}
_encode = msgspec.json.Encoder().encode
_PRIVATE: tuple[str, ...] = ()
_OWNERS_ALGORITHMS = "algo://.my/*"
_OWNERS_ORGANIZATIONS = "org://.my/*"
_EVERYBODY = "user://*"
_ACLS: Mapping[ReadAcl, tuple[str, ...]] = {
    ReadAcl.PRIVATE: _PRIVATE,
    ReadAcl.OWNERS_ENDPOINTS: (_OWNERS_ALGORITHMS,),
    # clients look at the first word alone, and know no word of their own for this
    ReadAcl.ORGANIZATION: (_OWNERS_ALGORITHMS, _OWNERS_ORGANIZATIONS),
    ReadAcl.PUBLIC: (_EVERYBODY,),
}
_ACLS_READ = {words: acl for acl, words in _ACLS.items()}


# -- inputs -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def content_type(header: bytes | None) -> str:
    """The content type of an input, from the header of its request.

    Raises:
        UnsupportedMediaType: it is none of Algorithmia's three.
    """
    essence, _, parameters = (header or b"").decode("latin-1").partition(";")
    match essence.strip().lower():
        case "text/plain" | "application/text":
            return input_type(f"text/plain;{parameters}".rstrip(";").encode("latin-1"))
        case "application/json":
            return JSON
        case "application/octet-stream":
            return BINARY
        case said:
            raise UnsupportedMediaType(
                f"unsupported Content-Type: {said[:80]!r}." if said else "unsupported Content-Type: none was sent.",
                hint="Send text/plain, application/json or application/octet-stream.",
            )


def payload(content_type_: str, body: bytes) -> Payload:
    """The input in a body, which is decoded for it where there may be a bare ``NaN`` in it. Where it is no JSON at all, the check
    of inputs says what is wrong.

    Raises:
        InvalidJson: it is nested too deeply.
    """
    if may_be_loose(content_type_, body) and documents.is_loose(body):
        content_type_ = documents.LOOSE_JSON
    return Payload.inline(body, content_type_)


def may_be_loose(content_type_: str, body: bytes) -> bool:
    """Whether `payload` has to decode a body to tell what it is."""
    return content_type_ == JSON and documents.may_be_loose(body)


# -- outputs ------------------------------------------------------------------------------------------------------------


def result(output: Payload, data: bytes) -> tuple[bytes, bytes]:
    """What stands for an output in the document of a call: ``text``, ``json`` or ``binary``, and JSON."""
    if output.is_json:
        if not data:  # a stream whose pieces were too many to be kept
            return b"json", NULL
        return (b"text" if data.lstrip()[:1] == b'"' else b"json"), data
    text = text_of(output, data)
    if text is not None:
        return b"text", _encode(text)
    return b"binary", b'"%b"' % base64.b64encode(data)


def text_of(output: Payload, data: bytes) -> str | None:
    """The output as text; None where it is something else. A JSON string is text as well."""
    if output.is_json:
        if data.lstrip()[:1] != b'"':
            return None
        found = json.loads(data)
        return found if isinstance(found, str) else None
    charset = charset_of(output.content_type)
    return None if charset is None else data.decode(charset, "replace")


def document(job: Job, output: Payload, data: bytes, stdout: str | None = None) -> bytes:
    """The document of a call that has succeeded. The output's bytes stand in it as they came.

    Args:
        job: the call.
        output: what came of it.
        data: its bytes.
        stdout: what it printed; None: that is not told.
    """
    kind, told = result(output, data)
    printed = b"" if stdout is None else b',"stdout":%b' % _encode(stdout)
    return b'{"result":%b,"metadata":{"content_type":"%b","duration":%.6f,"request_id":"%b"%b}}' % (
        told,
        kind,
        seconds(job),
        job.id.encode(),
        printed,
    )


def seconds(job: Job) -> float:
    """How long the algorithm worked."""
    return (job.duration_ms or 0.0) / 1000


# -- failures -----------------------------------------------------------------------------------------------------------


def trouble(job: Job, *, knows_source: bool, stdout: str | None = None) -> Trouble:
    """Why a call has no result.

    Args:
        job: the call, which has ended.
        knows_source: whether its caller may read the algorithm's source, and so where in it the error was.
        stdout: what it printed; None: that is not told.
    """
    error = job.error or JobError(job.status.value, f"The call was {job.status.value}.")
    metadata = schemas.Metadata(seconds(job), job.id, stdout)
    if job.status is JobStatus.TIMED_OUT or error.code in (EXECUTION_TIMEOUT, _TTL_EXPIRED):
        limit = job.policy.ttl if error.code == _TTL_EXPIRED else job.policy.timeout
        return timed_out(limit, metadata)
    if error.code == HANDLER_ERROR:
        kind, message, status = error_type(error.type), error.message, 200
    else:
        kind = str(_OF_PLATFORM.get(error.code, Kind.SYSTEM))
        message = f"{error.message} {error.hint}".rstrip()
        status = 413 if error.code == "output_too_large" else 200
    trace = None
    if knows_source:
        trace = error.traceback or "\n".join(error.worker_log) or None
    return Trouble(schemas.Error(message, None, kind, trace), status, metadata)


def timed_out(limit: float, metadata: schemas.Metadata) -> Trouble:
    """A call was not finished in ``limit`` seconds."""
    text = f"Operation timed out after {round(limit * 1000)} millis"
    return Trouble(schemas.Error(text, None, Kind.TIMEOUT.value), 408, metadata)


def output_too_large(job: Job, size: int, limit: int) -> Trouble:
    """A result is over the limit. ``size`` and ``limit`` in bytes."""
    text = (
        f"The result of {size:,} bytes is over the limit of {limit:,} bytes. "
        "Write it to a file (data://.algo/temp/…) and return its URI."
    )
    return Trouble(schemas.Error(text, None, Kind.TOO_LARGE.value), 413, schemas.Metadata(seconds(job), job.id))


def error_type(name: str | None) -> str:
    """What an exception's type is called in Algorithmia's vocabulary."""
    last = (name or "").rpartition(".")[2]
    return last if last in ERROR_TYPES else Kind.ALGORITHM.value


# -- hosted data --------------------------------------------------------------------------------------------------------


def acl(value: ReadAcl) -> schemas.Acl:
    """Who may read, in Algorithmia's words."""
    return schemas.Acl([*_ACLS[value]])


def read_acl(value: schemas.Acl) -> ReadAcl:
    """Who may read.

    Raises:
        BadRequest: these are no words for it.
    """
    words: Sequence[str] = tuple(value.read)
    found = _ACLS_READ.get(tuple(words))
    if found is None:
        raise BadRequest(
            f"acl.read={words!r:.120} says nothing that there is.",
            hint=f"Send [] (private), [{_OWNERS_ALGORITHMS!r}] (the owner's algorithms) or [{_EVERYBODY!r}] (everybody).",
        )
    return found


def listing(value: Listing, *, with_acl: bool) -> schemas.Listing:
    """A page of what lies at a path. What lies in collections that nobody has made has no access list."""
    shown = value.collection
    return schemas.Listing(
        folders=[schemas.Folder(name) for name in value.folders],
        files=[schemas.DataFile(file.name, file.size, timestamp(file.modified_at)) for file in value.files],
        marker=value.marker,
        acl=acl(shown.acl) if with_acl and shown is not None and shown.space is Space.HOSTED else None,
    )


def hosted(value: Collection) -> schemas.Hosted:
    """A collection in the list of one's own."""
    wide = value.acl
    return schemas.Hosted(
        value.id,
        value.id,
        value.name,
        value.owner_name,
        schemas.HostedAcl(
            wide is ReadAcl.PUBLIC,
            wide in (ReadAcl.ORGANIZATION, ReadAcl.PUBLIC),
            True,
            wide is not ReadAcl.PRIVATE,
        ),
        f"data://{value.owner_name}/{value.name}",
    )


def timestamp(at: float) -> str:
    """A moment, in the one form that clients read: with a fraction of three digits and a ``Z``."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
