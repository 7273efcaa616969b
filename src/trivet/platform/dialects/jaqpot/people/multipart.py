"""Forms that carry files (RFC 7578): the one part that is looked for."""

from __future__ import annotations

import re

from trivet.platform.core.errors import BadRequest, UnsupportedMediaType

_BOUNDARY = re.compile(
    rb"multipart/form-data\s*;(?:.*;)?\s*boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE
)
_NAME = re.compile(
    rb"content-disposition:\s*form-data\s*;(?:[^\r\n]*;)?\s*name=(?:\"([^\"\r\n]*)\"|([^\s;\"]+))", re.IGNORECASE
)
_MOST_PARTS = 20
_LONGEST_HEAD = 2048
"""Bytes of a part's head, and of a content type: a longer one is not looked at."""


def part_named(name: str, body: bytes, content_type: bytes) -> bytes:
    """The content of a part.

    Args:
        name: the part's.
        body: the whole form.
        content_type: the request's, which says where parts end.

    Raises:
        UnsupportedMediaType: the body is no form of that kind.
        BadRequest: it has no such part, or none that ends.
    """
    found = _BOUNDARY.match(content_type[:_LONGEST_HEAD].strip())
    if found is None:
        raise UnsupportedMediaType(
            "This route takes a form with a file.", hint=f"Send multipart/form-data with a part {name!r}."
        )
    line = b"\r\n--" + (found[1] or found[2])
    # the first boundary may stand at the very beginning; what comes before it, and behind the last one, is nobody's
    pieces = (b"\r\n" + body).split(line, _MOST_PARTS)
    for piece in pieces[1:-1]:
        head, blank, content = piece.partition(b"\r\n\r\n")
        said = _NAME.search(head) if len(head) <= _LONGEST_HEAD else None
        if blank and said is not None and (said[1] if said[1] is not None else said[2]) == name.encode():
            return content
    raise BadRequest(f"The form has no part {name!r} that ends.", hint="Send the file as one.")
