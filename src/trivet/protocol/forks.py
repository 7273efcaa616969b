"""Messages between a server and the processes that fork workers for it: one JSON object each, with open files beside it.

They travel over a pair of ``SOCK_SEQPACKET`` sockets, so that each arrives whole or not at all.

To a warm parent: ``{"do": "fork", "child": N, "entrances": [PATH, …]}`` with the child's end of a channel of its own,
``{"do": "reap", "pid": N}``, ``{"do": "retire"}``. From it: ``{"said": "warm", …}`` or ``{"said": "unfit", "why": TEXT}``,
``{"said": "forked", "child": N, "pid": N}``, ``{"said": "ended", "pid": N, "status": N}``. On a child's channel:
``{"said": "born"}`` once it is in a session and in control groups of its own, and then, from the server, one
``{"do": "work"}`` with two files: the environment, which the parent never sees, and the place for its output.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

MOST_BYTES = 128 * 1024
"""Bytes of one message at most."""
_MOST_FILES = 4

FAMILY, KIND = socket.AF_UNIX, socket.SOCK_SEQPACKET


def send(connection: socket.socket, message: dict[str, Any], files: Sequence[int] = ()) -> None:
    """Sends one message.

    Args:
        connection: one end of a pair.
        message: what to say.
        files: descriptors that the other side is given copies of.

    Raises:
        OSError: the other end is gone, or does not read.
    """
    socket.send_fds(connection, [json.dumps(message).encode()], list(files))


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Waits for one message, as far as the socket waits.

    Returns:
        The message, empty where the other end is gone, and the descriptors that came with it: no child inherits them.

    Raises:
        OSError: nothing can be read (now).
        ValueError: it is no message.
    """
    data, files, _, _ = socket.recv_fds(connection, MOST_BYTES, _MOST_FILES, socket.MSG_CMSG_CLOEXEC)
    message: dict[str, Any] = json.loads(data) if data else {}
    return message, list(files)
