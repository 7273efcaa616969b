"""Frames: the unit of the link between server and worker.

A frame is a fixed head, a small JSON object (``meta``) and a body of raw bytes that nobody on the way decodes::

    0        4      5         9            17
    +--------+------+---------+------------+----------------+-----------------+
    | length | kind | metalen | attempt no | meta (JSON)    | body            |
    +--------+------+---------+------------+----------------+-----------------+

``length`` counts everything behind itself. All numbers are unsigned and big-endian. ``attempt`` is the number that the
server gave this attempt on this link (0 where a frame concerns the link as a whole): it correlates requests with answers,
so that frames of many attempts may be interleaved.

The conversation (``S`` server, ``W`` worker)::

    W  HELLO     {"protocol": 2, "token": …, "worker_id": …, "pid": …, "runtime": "python 3.11.7"}
    S  WELCOME   {"endpoint": …, "version": …, "concurrency": n, "heartbeat": seconds, "max_output": bytes}
                   or  REFUSED {"code","message"} + close
    W  READY     {}                                    after the handler is loaded and set up
    W  UNFIT     {"message","traceback"}               the handler can't be loaded: the worker exits afterwards;
                                                       with "check": true it failed a check of its own
    S  JOB       {"job","token","account","timeout","type","attempt"} + body = input
                 and "aside": {…}, to workers whose HELLO says "aside": true: what the caller gave beside the input
    W  PIECE     {"type": content type} + body         one piece of a stream
    W  PROGRESS  {"fraction": 0.4, "message": …}       or {} + body = JSON, in words of the program's own
    W  LOG       {"stream": "stdout"|"stderr", "truncated": bool} + body = text in UTF-8
    W  RESULT    {"type": content type} + body = output                  (final for the attempt)
                 of a stream {"type","pieces": n} + body = the list of its pieces; {"truncated": true} and no body where
                 they are not all JSON, or too many
    W  ERROR     {"code","message","type","traceback"}                   (final for the attempt)
    S  CANCEL    {"reason": "cancelled"|"timed_out"}   stop this attempt; the worker answers with STOPPED
    W  STOPPED   {"reason"}                            (final for the attempt)
    W  HEARTBEAT {"attempts": [n, …]}                  every ``heartbeat`` seconds: the attempts that it holds
    S  DRAIN     {}                                    take no more, finish, then say BYE
    W  DRAINING  {}                                    the worker was told by a signal: send no more
    S  RECALL    {}                                    hand back every attempt that you have not begun
    W  RETURNED  {"token"}                             an attempt handed back, not begun; of many, the newest first
    W  BEGUN     {"token"}                             an attempt that is worked on now; said by workers that take batches
    W  BYE       {}

A worker may be sent more attempts than it runs at a time. It begins them in the order in which they came, the next one when it
has answered one, so the server knows which it has begun. One that takes batches begins several when they have waited long
enough for company, and says so.

Every frame of an attempt that a worker sends carries ``token``; one that doesn't match changes nothing.
"""

from __future__ import annotations

import json
import struct
from enum import IntEnum
from typing import Any, NamedTuple

PROTOCOL_VERSION = 2
MAX_FRAME = 512 * 1024 * 1024
"""No frame is longer than this, in bytes; the limits on inputs and outputs are lower and set by the server."""

_HEAD = struct.Struct(">IBIQ")
_LENGTH = struct.Struct(">I")
_BEHIND_LENGTH = _HEAD.size - _LENGTH.size
_dumps = json.JSONEncoder(separators=(",", ":")).encode
_loads = json.JSONDecoder().raw_decode


class Kind(IntEnum):
    """What a frame says. Numbers are part of the wire and never reused."""

    HELLO = 1
    WELCOME = 2
    REFUSED = 3
    READY = 4
    UNFIT = 5
    JOB = 10
    PIECE = 11
    PROGRESS = 12
    LOG = 13
    RESULT = 14
    ERROR = 15
    CANCEL = 16
    STOPPED = 17
    RETURNED = 18
    RECALL = 19
    BEGUN = 24
    HEARTBEAT = 20
    DRAIN = 21
    DRAINING = 22
    BYE = 23


class ProtocolError(Exception):
    """The other side sent something that is not a frame of this protocol; the link must be closed."""


class Frame(NamedTuple):
    """One message. ``meta`` is a small JSON object, ``body`` the payload as it came."""

    kind: Kind
    attempt: int
    meta: dict[str, Any]
    body: bytes


def encode(kind: Kind, attempt: int = 0, meta: dict[str, Any] | None = None, body: bytes = b"") -> bytes:
    """The bytes of one frame."""
    return pack(kind, attempt, _dumps(meta).encode() if meta else b"", body)


def pack(kind: Kind, attempt: int, meta: bytes, body: bytes) -> bytes:
    """The bytes of one frame whose ``meta`` is encoded already."""
    return _HEAD.pack(_BEHIND_LENGTH + len(meta) + len(body), kind, len(meta), attempt) + meta + body


class Decoder:
    """Cuts a byte stream into frames. Feed it what arrives; it gives the frames that are complete.

    Raises:
        ProtocolError: when the bytes are no frame of this protocol.
    """

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._held = bytearray()
        self._wanted = 0
        self._max_frame = max_frame

    def feed(self, data: bytes) -> list[Frame]:
        """Adds ``data`` and returns the frames that are complete now, in order."""
        if self._held:
            self._held += data
            if len(self._held) < self._wanted:
                return []
            data = bytes(self._held)
            self._held.clear()
        frames: list[Frame] = []
        start, held, wanted = 0, len(data), _HEAD.size
        while held - start >= _HEAD.size:
            length, kind, meta_length, attempt = _HEAD.unpack_from(data, start)
            if length > self._max_frame:
                raise ProtocolError(f"a frame of {length} bytes; the limit is {self._max_frame}")
            if length < _BEHIND_LENGTH + meta_length:
                raise ProtocolError("a frame shorter than its own head")
            end = start + _LENGTH.size + length
            if held < end:
                wanted = end - start
                break
            body_start = start + _HEAD.size + meta_length
            frames.append(
                Frame(
                    _kind(kind),
                    attempt,
                    _meta(data[start + _HEAD.size : body_start]) if meta_length else {},
                    data[body_start:end],
                )
            )
            start = end
        if start < held:
            self._held += data[start:]
            self._wanted = wanted
        return frames


_KINDS = {int(kind): kind for kind in Kind}


def _kind(number: int) -> Kind:
    kind = _KINDS.get(number)
    if kind is None:
        raise ProtocolError(f"an unknown kind of frame: {number}")
    return kind


def _meta(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode()
        meta, end = _loads(text)
    except ValueError:
        raise ProtocolError("a frame whose meta is not JSON") from None
    if end != len(text):
        raise ProtocolError("a frame whose meta is more than its JSON")
    if not isinstance(meta, dict):
        raise ProtocolError("a frame whose meta is not a JSON object")
    return meta
