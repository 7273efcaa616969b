"""The headers of a request that every edge looks at, read in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from trivet.platform.core.errors import BadRequest
from trivet.platform.wire.credentials import token_in


class Heads(NamedTuple):
    """What a request says about itself.

    ``token`` is the text of the key it carries, ``content_type`` the header as it came, ``content_length`` in bytes,
    ``idempotency_key`` the caller's name for this call, ``affinity`` its text to be kept to one version by; each None where
    there is none.
    """

    token: str | None
    content_type: bytes | None
    content_length: int | None
    idempotency_key: str | None = None
    affinity: str | None = None


def read_heads(headers: Iterable[tuple[bytes, bytes]], *, bare: bool = False) -> Heads:
    """The headers that matter.

    Args:
        headers: all of them.
        bare: whether a key without a word before it counts as a credential.

    Raises:
        BadRequest: the length is no number.
    """
    authorization = content_type = length = idempotency_key = affinity = None
    for name, value in headers:
        if name == b"authorization":
            # two of them: which was meant can't be known, so neither counts
            authorization = value if authorization is None else b""
        elif name == b"content-type":
            content_type = value
        elif name == b"content-length":
            length = value
        elif name == b"idempotency-key":
            if idempotency_key is not None:
                raise BadRequest("Idempotency-Key is given twice.", hint="A call has one name: send one.")
            idempotency_key = value
        elif name == b"trivet-affinity":
            if affinity is not None:
                raise BadRequest("Trivet-Affinity is given twice.", hint="Send one.")
            affinity = value
    if length is not None and not (length.isdigit() and len(length) < 19):
        raise BadRequest("The Content-Length of this request is not a number.", hint="Send the body's length in bytes.")
    return Heads(
        token_in(authorization, bare=bare) if authorization else None,
        content_type,
        int(length) if length is not None else None,
        idempotency_key.decode("latin-1") if idempotency_key is not None else None,
        affinity.decode("latin-1") if affinity is not None else None,
    )
