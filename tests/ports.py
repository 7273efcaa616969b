"""Ports for servers that tests start, kill and start again."""

from __future__ import annotations

import random
import socket

_PORTS = range(20_000, 32_000)
"""Below those that kernels give to clients: while a server is down, nobody's connection may end at its port."""
_TRIES = 200
_chance = random.SystemRandom()  # the other one is seeded alike in each process of a test run


def free_port() -> int:
    """A port of the loopback interface at which nobody listens."""
    for port in _chance.sample(_PORTS, _TRIES):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError(f"no port is free: {_TRIES} of {_PORTS} were tried")
