"""Networks: free ports, and contenders that need a network of their own.

Ray takes the machine's own address where it is given the loopback, and listens there for anybody. So it is started in a network
namespace in which nothing but a loopback exists, and a connection to it is made by a thread that enters that namespace.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def connect(port: int, namespace: int | None = None) -> socket.socket:
    """A connection to the loopback, without delays for the sake of larger packets.

    Args:
        port: whom to.
        namespace: the process in whose network; None: in ours.

    Raises:
        OSError: nobody listens, or the namespace can't be entered.
    """
    sock = _connect_here(port) if namespace is None else _connect_within(port, namespace)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _connect_here(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def _connect_within(port: int, namespace: int) -> socket.socket:
    made: list[socket.socket] = []
    problems: list[OSError] = []

    def enter() -> None:  # in a thread of its own: a thread's namespace ends with it
        try:
            with Path(f"/proc/{namespace}/ns/net").open("rb") as network:
                if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "can't enter the network namespace (root may)")
            made.append(_connect_here(port))
        except OSError as error:
            problems.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return made[0]


def leave() -> None:
    """Gives this process a network in which there is only a loopback. Only for root, on Linux.

    Raises:
        OSError: it may not.
    """
    import fcntl

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"a network namespace can't be made: {os.strerror(error)}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        asked = fcntl.ioctl(sock, _SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", asked)[1] | _IFF_UP
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags))


if __name__ == "__main__":
    import sys

    leave()
    os.execv(sys.argv[1], sys.argv[1:])
