"""Conditions and ranges of requests for files (RFC 9110, sections 13 and 14): read from headers, and decided without I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus

from trivet.platform.core.errors import BadRequest
from trivet.platform.wire.answers import Header

ANY = "*"
"""In place of tags: whatever is there, as long as anything is."""

_TAG = re.compile(r'(W/)?"([^"\x00-\x20\x7f]*)"|([^",\x00-\x20\x7f]+)')
_SPAN = re.compile(r"([0-9]*)-([0-9]*)")
_DIGITS = 100
"""More than the size of any file has. What is longer is not read as a number: that would take time, and fail in the end."""
_NAMES = frozenset({b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"})


@dataclass(frozen=True, slots=True)
class Selection:
    """What a request for a file gets.

    Attributes:
        status: 200 or 206, 304 where the asker has it already, 412 where a condition does not hold, 416 where the range can't
            be given.
        start: the first byte to be sent.
        end: the byte behind the last one. Nothing is sent where the status is neither 200 nor 206.
    """

    status: HTTPStatus
    start: int = 0
    end: int = 0

    @property
    def size(self) -> int:
        """How many bytes are sent."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request says about the file as its sender knows it, and about the part that it wants. Each is the header's text,
    or None where there is none.
    """

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None
    if_range: str | None = None
    range: str | None = None

    @classmethod
    def read(cls, headers: Iterable[tuple[bytes, bytes]]) -> Conditions:
        """The conditions in the headers of a request (names in lower case). A header that comes twice is one with both values."""
        found: dict[str, str] = {}
        for name, value in headers:
            if name in _NAMES:
                key, text = name.decode().replace("-", "_"), value.decode("latin-1").strip()
                found[key] = f"{found[key]}, {text}" if key in found else text
        return cls(**found)

    def select(self, method: str, *, size: int, etag: str, modified_at: float, now: float) -> Selection:
        """What of a file a reading request gets.

        Args:
            method: GET or HEAD; only the first knows ranges.
            size: of the file, in bytes.
            etag: of the file, without quotes.
            modified_at: seconds since the epoch.
            now: seconds since the epoch.
        """
        if self.if_match is not None:
            if not _names(self.if_match, etag, weakly=False):
                return Selection(HTTPStatus.PRECONDITION_FAILED)
        elif (limit := _seconds(self.if_unmodified_since)) is not None and int(modified_at) > limit:
            return Selection(HTTPStatus.PRECONDITION_FAILED)
        if self.if_none_match is not None:
            if _names(self.if_none_match, etag, weakly=True):
                return Selection(HTTPStatus.NOT_MODIFIED)
        elif (limit := _seconds(self.if_modified_since)) is not None and int(modified_at) <= limit <= now:
            return Selection(HTTPStatus.NOT_MODIFIED)  # nobody has seen it in the future: such a date does not count
        if self.range is None or method != "GET" or not self._range_counts(etag, modified_at):
            return Selection(HTTPStatus.OK, 0, size)
        return _span(self.range, size)

    def for_writing(self) -> tuple[str | None, bool]:
        """What a writing request demands: the tag that the file must have (`ANY`: any; None: none is demanded), and whether there
        must be no file.

        Raises:
            BadRequest: it demands something that can't be promised.
        """
        demanded: str | None = None
        if self.if_match is not None:
            tags = _tags(self.if_match)
            if len(tags) != 1 or tags[0].weak:
                raise BadRequest(
                    "If-Match has to name one version of the file.", hint='Send the ETag as it came: `If-Match: "…"`.'
                )
            demanded = tags[0].text
        if self.if_none_match is not None and self.if_none_match != ANY:
            raise BadRequest(
                "If-None-Match can only be `*` when something is written: write where there is no file.",
                hint="To replace a version that is known, send `If-Match` with its ETag.",
            )
        return demanded, self.if_none_match is not None

    def _range_counts(self, etag: str, modified_at: float) -> bool:
        """Whether `If-Range` lets the range count: it does where the sender's part is of this very version."""
        if self.if_range is None:
            return True
        if '"' not in self.if_range and (moment := _seconds(self.if_range)) is not None:
            return int(modified_at) == moment
        tags = _tags(self.if_range)  # exactly one: neither lists nor `*` are known here
        return len(tags) == 1 and not tags[0].weak and tags[0].text == etag


def headers_of(selection: Selection, *, size: int, etag: str, modified_at: float) -> list[Header]:
    """The headers that tell which version of a file an answer is about, and which part of it.

    Args:
        selection: what is sent.
        size: of the whole file, in bytes.
        etag: without quotes.
        modified_at: seconds since the epoch.
    """
    headers: list[Header] = [
        (b"etag", f'"{etag}"'.encode()),
        (b"last-modified", formatdate(modified_at, usegmt=True).encode()),
        (b"accept-ranges", b"bytes"),
    ]
    if selection.status is HTTPStatus.PARTIAL_CONTENT:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (selection.start, selection.end - 1, size)))
    elif selection.status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        headers.append((b"content-range", b"bytes */%d" % size))
    return headers


@dataclass(frozen=True, slots=True)
class _Tag:
    text: str
    weak: bool


def _tags(text: str) -> list[_Tag]:
    """The tags in a header. Those without quotes count too: many a script sends them so."""
    return [
        _Tag(found[2] if found[3] is None else found[3], weak=found[1] is not None) for found in _TAG.finditer(text)
    ]


def _names(text: str, etag: str, *, weakly: bool) -> bool:
    return text == ANY or any(tag.text == etag and (weakly or not tag.weak) for tag in _tags(text))


def _seconds(text: str | None) -> float | None:
    """A date of HTTP as seconds since the epoch; None where there is none, or none that can be read: it does not count then."""
    if text is None or text.count(",") > 1:  # two of them
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _span(text: str, size: int) -> Selection:
    """What ``Range`` asks for. One that can't be read is passed over, as the standard wants it. Where several parts are asked
    for the whole file is the answer, which has them all.
    """
    whole = Selection(HTTPStatus.OK, 0, size)
    unit, equals, listed = text.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return whole
    parts: list[tuple[int | None, int | None]] = []
    for part in filter(None, map(str.strip, listed.split(","))):
        found = _SPAN.fullmatch(part)
        if found is None or part == "-":
            return whole
        first, last = _number(found[1]), _number(found[2])
        if first is not None and last is not None and first > last:
            return whole
        parts.append((first, last))
    if not parts:
        return whole
    if not any(last if first is None else first < size for first, last in parts):
        return Selection(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    if len(parts) > 1 or size == 0:  # the last bytes of an empty file are all of it, and no range can say so
        return whole
    first, last = parts[0]
    if first is None:
        return Selection(HTTPStatus.PARTIAL_CONTENT, max(0, size - (last or 0)), size)
    return Selection(HTTPStatus.PARTIAL_CONTENT, first, size if last is None else min(size, last + 1))


def _number(digits: str) -> int | None:
    """A number in a range; None where there is none. Huge ones are all alike: beyond the end of every file."""
    if not digits:
        return None
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= _DIGITS else 10**_DIGITS
