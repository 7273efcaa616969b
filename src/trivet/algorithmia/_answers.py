"""From answers to values, or to errors: pure functions, no network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from trivet.algorithmia import _documents, _refusals
from trivet.algorithmia.acl import Acl
from trivet.algorithmia.algo_response import AlgoResponse
from trivet.algorithmia.async_response import AsyncResponse
from trivet.algorithmia.errors import AlgorithmException, AnswerError, ApiError, ApiInternalError, DataApiError
from trivet.sdk._http import Response
from trivet.sdk._json import JsonObject, JsonValue, object_in
from trivet.sdk._json import parse as parse_json


class Answer:
    """An answer as it is, with the attributes by which programs know it.

    Args:
        response: what came.

    Attributes:
        status_code: the HTTP status.
        headers: names, lower case, and values.
        content: the body.
    """

    def __init__(self, response: Response) -> None:
        self.status_code = response.status
        self.headers = response.headers
        self.content = response.body

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def reason(self) -> str:
        """The usual phrase for the status."""
        from http import HTTPStatus

        try:
            return HTTPStatus(self.status_code).phrase
        except ValueError:
            return ""

    @property
    def text(self) -> str:
        """The body as text: in the charset that the answer names, else in UTF-8."""
        return text(Response(self.status_code, self.headers, self.content))

    def json(self) -> Any:
        """What the body holds as JSON.

        Raises:
            AnswerError: it is none; also a `ValueError`.
        """
        return json_of(Response(self.status_code, self.headers, self.content))

    def iter_content(self, chunk_size: int = 1) -> Iterator[bytes]:
        """The body, ``chunk_size`` bytes at a time."""
        for start in range(0, len(self.content), chunk_size):
            yield self.content[start : start + chunk_size]

    def __contains__(self, name: object) -> bool:
        # Programs look for "error" in what they are given, whether it is a document or an answer without one.
        return False

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


# -- algorithms


def piped(answer: Response) -> AlgoResponse | AsyncResponse:
    """What an algorithm answers.

    Raises:
        AlgorithmException: it has failed, or could not be called.
        AnswerError: this is no answer of an algorithm.
    """
    if answer.status != 200:
        raise _refusals.refused(answer, AlgorithmException)
    found = object_in(answer.body)
    if found is None:
        raise _refusals.unexpected(answer)
    if "error" in found:
        raise _refusals.failed_call(found, answer)
    return AlgoResponse.create_algo_response(found)


def raw(answer: Response) -> str:
    """What an algorithm answers with ``output=OutputType.raw``.

    Raises:
        ApiInternalError: the server has failed.
        ApiError: the call was refused, or the algorithm has failed.
    """
    if answer.status >= 500:
        raise _refusals.refused(answer, ApiInternalError)
    if answer.status >= 300:
        raise _refusals.refused(answer, ApiError)
    return text(answer)


def started(answer: Response) -> AsyncResponse:
    """What is answered to a call with ``output=OutputType.void``.

    Raises:
        AlgorithmException: it was refused.
        AnswerError: this is no answer to one.
    """
    found = document(answer)
    if not isinstance(found, dict) or "async" not in found or "request_id" not in found:
        raise _refusals.unexpected(answer)
    return AsyncResponse(found)


# -- all else


def document(answer: Response) -> JsonValue:
    """The JSON of a good answer.

    Raises:
        AlgorithmException: it tells of an error.
        AnswerError: it is no JSON.
    """
    if not 200 <= answer.status < 300:
        raise _refusals.refused(answer, AlgorithmException)
    found = json_of(answer)
    if isinstance(found, dict) and "error" in found:
        raise _refusals.failed_call(found, answer)
    return found


def document_or_answer(answer: Response) -> JsonValue | Answer:
    """As `document`; an answer that is good and empty is given as it is."""
    if 200 <= answer.status < 300 and not answer.body:
        return Answer(answer)
    return document(answer)


def told(answer: Response) -> JsonValue:
    """The JSON of an answer, good or not: an error's document is given to the caller, who looks for ``error`` in it.

    Raises:
        ApiError: it is no JSON.
    """
    if 200 <= answer.status < 300:
        return json_of(answer)
    try:
        found = _documents.parse(answer.body)
    except ValueError:
        found = None
    if isinstance(found, dict) and "error" in found:
        return found
    raise _refusals.refused(answer, ApiInternalError if answer.status >= 500 else ApiError)


def json_of(answer: Response) -> JsonValue:
    """What an answer holds as JSON.

    Raises:
        AnswerError: it is none.
    """
    try:
        return _documents.parse(answer.body)
    except ValueError:
        raise _refusals.unexpected(answer) from None


def plain_json(answer: Response, place: str) -> JsonValue:
    """What a file holds as JSON, in plain lists and dictionaries.

    Args:
        answer: its content.
        place: where it lies.

    Raises:
        AnswerError: it is none.
    """
    try:
        return parse_json(answer.body)
    except ValueError as error:
        raise AnswerError(
            f"{place} holds no JSON: {error}.", hint="Read it by `getString()` or `getBytes()`.", status=answer.status
        ) from error


def text(answer: Response) -> str:
    """What an answer holds as text: in the charset that it names, else in UTF-8."""
    _, _, parameters = answer.headers.get("content-type", "").partition(";")
    names = (part.strip() for part in parameters.split(";"))
    charset = next((name[8:].strip("\"'") for name in names if name.lower().startswith("charset=")), "utf-8")
    try:
        return answer.body.decode(charset, "replace")
    except (LookupError, ValueError):  # there is no such charset, or it is one of those that stand for none
        return answer.body.decode("utf-8", "replace")


# -- data


def stored(answer: Response) -> None:
    """Looks whether a file was stored, or a permission changed.

    Raises:
        DataApiError: it was not.
    """
    if not 200 <= answer.status < 300:
        raise _refusals.refused(answer, DataApiError)
    if not answer.body:
        return
    found = json_of(answer)
    if isinstance(found, dict) and "error" in found:
        raise DataApiError(_refusals.reason(answer), status=answer.status)


def exists(answer: Response) -> bool:
    """Whether there is what was asked for. What this key may not see is not there.

    Raises:
        ApiError: the server could not say.
    """
    if answer.status in {200, 400, 401, 403, 404}:
        return answer.status == 200
    raise _refusals.refused(answer, DataApiError)


class Listing(NamedTuple):
    """One page of what is in a directory.

    Attributes:
        folders: what is told of each directory; each has a ``name``.
        files: what is told of each file; each has a ``filename``, a ``size`` and ``last_modified``.
        marker: where the next page begins; None after the last.
    """

    folders: list[JsonObject]
    files: list[JsonObject]
    marker: str | None


def listing(answer: Response) -> Listing:
    """What is in a directory.

    Raises:
        DataApiError: it can't be read.
        AnswerError: this is no listing.
    """
    if answer.status != 200:
        raise _refusals.refused_to("Directory iteration failed: ", answer)
    found = object_in(answer.body)
    if found is None:
        raise _refusals.unexpected(answer)
    folders, files = _listed(found.get("folders"), "name"), _listed(found.get("files"), "filename", "last_modified")
    marker = found.get("marker")
    if folders is None or files is None or not isinstance(marker, str | None):
        raise _refusals.unexpected(answer)
    return Listing(folders, files, marker or None)


def permissions(answer: Response) -> Acl | None:
    """Who may read a directory; None where the answer names no such rule.

    Raises:
        DataApiError: it can't be read.
        AnswerError: this is none.
        InputError: it is a rule that is not known here; also a `ValueError`.
    """
    if answer.status != 200:
        raise _refusals.refused_to("Unable to get permissions: ", answer)
    found = object_in(answer.body)
    if found is None:
        raise _refusals.unexpected(answer)
    acl = found.get("acl")
    if acl is None:
        return None
    if not isinstance(acl, dict):
        raise _refusals.unexpected(answer)
    rules = {kind: readers for kind, readers in acl.items() if isinstance(readers, list)}
    return Acl.from_acl_response({kind: [str(each) for each in readers] for kind, readers in rules.items()})


def _listed(items: JsonValue, *names: str) -> list[JsonObject] | None:
    """The objects of a list that each have a text under ``names``; None where they have not."""
    if not items:
        return []
    objects = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    are_whole = objects == items and all(isinstance(item.get(name), str) for item in objects for name in names)
    return objects if are_whole else None
