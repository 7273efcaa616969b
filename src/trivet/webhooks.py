"""For those who receive webhooks: is this message from the platform, and as it was sent?

::

    import trivet.webhooks

    message = trivet.webhooks.verify(request.body, request.headers, secret)   # raises if it is not
    if message["type"] == "job.succeeded":
        print(message["data"]["output"])

Standard library only, so that it may be used wherever the receiver runs. Messages follow Standard Webhooks, so that any of
its libraries will do as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["VerificationError", "verify"]

_PREFIX = "whsec_"
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class VerificationError(ValueError):
    """The message is not one of the platform's, was changed on its way, or is too old. Answer it with a 400."""


def verify(
    payload: bytes | str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    secret: str,
    tolerance: float = 300.0,
    *,
    now: float | None = None,
) -> dict[str, Any]:
    """Check a message and give its content.

    Args:
        payload: the body as it came, before anything has parsed it.
        headers: the request's headers, whatever the case of their names.
        secret: ``whsec_…``, as `trivet webhooks secret` shows it.
        tolerance: seconds that the message may be old, or ahead of this machine's clock.
        now: the time to compare with, in seconds since the epoch; None for the present.

    Returns:
        The message: ``type`` (``job.succeeded``, ``job.failed`` …), ``timestamp``, and ``data``, the job. A message may
        come twice; the header ``webhook-id`` is the same then.

    Raises:
        VerificationError: it must not be believed, and why.
        ValueError: ``secret`` is none.
    """
    body = payload.encode() if isinstance(payload, str) else payload
    message_id, stamp, signatures = _read(headers)
    moment = _moment(stamp)
    if abs((time.time() if now is None else now) - moment) > tolerance:
        raise VerificationError(f"the message was signed more than {tolerance:g} s away from this machine's time")
    signed = b"%s.%s.%s" % (message_id.encode(), stamp.encode(), body)
    expected = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    # all are compared, so that the time it takes tells nothing
    matches = [hmac.compare_digest(expected, given) for given in _decoded(signatures)]
    if not any(matches):
        raise VerificationError("no signature of the message fits; is this the right secret, and the body as it came?")
    return _content(body)


def _read(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[str, str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found = {name.lower(): value for name, value in pairs}
    missing = [name for name in _HEADERS if not found.get(name)]
    if missing:
        raise VerificationError(f"the message has no header {' nor '.join(missing)}")
    return found[_HEADERS[0]], found[_HEADERS[1]], found[_HEADERS[2]]


def _moment(stamp: str) -> int:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
        raise VerificationError("the header webhook-timestamp is no time")
    return int(stamp)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError(f"a signing secret is {_PREFIX} and base64 behind it")
    return key


def _decoded(signatures: str) -> list[bytes]:
    found = []
    for signature in signatures.split(" ")[:20]:
        version, _, text = signature.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(text, validate=True))
            except ValueError:
                continue
    return found


def _content(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise VerificationError("the message is no JSON object")
    return message
