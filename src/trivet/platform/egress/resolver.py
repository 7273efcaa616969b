"""Looking names up, so that a host whose name server is slow keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from trivet.platform.egress.guard import Address

THREADS = 16
KEPT = 10.0
"""Seconds that an answer is used again."""
_REMEMBERED = 1024

Lookup = Callable[[str], list[Address]]


class ResolveError(Exception):
    """The name leads nowhere; the message says why, a clause."""


def system_lookup(host: str) -> list[Address]:
    """What the system says, best first; blocks.

    Raises:
        OSError: nothing.
    """
    found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    # a scope (`%eth0`) belongs to link-local addresses, which nobody may reach anyway
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


class Resolver:
    """Resolves names on threads of its own: those of the event loop serve the disk.

    Those who ask for the same name share one look-up, so that one slow name takes one thread, however many ask for it.

    Args:
        lookup: asks; blocks.
    """

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="trivet-resolver")
        self._asked: dict[str, asyncio.Future[list[Address]]] = {}
        self._known: OrderedDict[str, tuple[float, list[Address]]] = OrderedDict()

    async def resolve(self, host: str, timeout: float) -> list[Address]:
        """The addresses of a host, best first, without repetitions.

        Args:
            host: its name.
            timeout: seconds to wait at most; the look-up itself goes on for others.

        Raises:
            ResolveError: it has none, or they were not told in time.
        """
        until, addresses = self._known.get(host, (0.0, []))
        if time.monotonic() < until:
            return addresses
        asked = self._asked.get(host)
        if asked is None:
            asked = asyncio.get_running_loop().run_in_executor(self._threads, self._lookup, host)
            self._asked[host] = asked
            asked.add_done_callback(lambda future: self._answered(host, future))
        try:
            found = await asyncio.wait_for(asyncio.shield(asked), timeout)
        except TimeoutError:
            raise ResolveError(f"no name server told the address of {host} within {timeout:g} s") from None
        except (OSError, UnicodeError):
            raise ResolveError(f"no address is known for {host}") from None
        return list(dict.fromkeys(found))

    def _answered(self, host: str, future: asyncio.Future[list[Address]]) -> None:
        del self._asked[host]
        if future.cancelled() or future.exception() is not None:
            return
        self._known[host] = (time.monotonic() + KEPT, list(dict.fromkeys(future.result())))
        self._known.move_to_end(host)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def close(self) -> None:
        """Asks nothing more; does not wait for what is under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)
