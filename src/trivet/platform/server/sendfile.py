"""Files that the kernel sends: from the page cache into the socket, past Python."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from uvicorn.protocols.http.flow_control import FlowControl

STINT = 0.1
"""Seconds that a thread sends for one reader before it looks around."""
SHORT_STINT = 0.01
"""The same where others wait for a thread."""
SLOW_AFTER = 10
"""Milliseconds that a thread with nothing else to do waits for a reader. A slower one is waited for on the event loop, together
with all others.
"""
PIECE = 1 << 18
"""Bytes that go by hand: what a slow reader is given ahead, and all there is where the kernel can't do it."""
_AT_ONCE = 8 << 20
"""Bytes that the kernel is asked to send at once: in between it can be called off."""
_CAN_NOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSOCK})


class ShortFileError(OSError):
    """The file ended before the part that was to be sent."""


def descriptor_of(transport: asyncio.BaseTransport) -> int | None:
    """The socket into which the kernel can send by itself; None where there is none, or all has to be encrypted on the way."""
    if not hasattr(os, "sendfile") or not hasattr(select, "poll") or transport.get_extra_info("sslcontext") is not None:
        return None
    socket = transport.get_extra_info("socket")
    return None if socket is None else int(socket.fileno())


class Senders:
    """Threads that send files, and know whether others wait for them.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._asked = 0
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="trivet-sender")

    @property
    def are_wanted(self) -> bool:
        """Whether there is more to do than there are threads."""
        return self._asked > self._count

    def begin(self, stint: Callable[[], bytes]) -> asyncio.Future[bytes]:
        """Has a stint done when a thread is free. To be called on the event loop."""
        self._asked += 1
        begun = asyncio.get_running_loop().run_in_executor(self._threads, stint)
        begun.add_done_callback(self._ended)
        return begun

    def close(self) -> None:
        """Ends the threads, once they have done what they are at."""
        self._threads.shutdown()

    def _ended(self, _: object) -> None:
        self._asked -= 1


class Sending:
    """One part of a file on its way to one reader.

    Threads send, as a disk may take its time, and they do so for as long as the reader keeps up. What does not fit any more goes
    the ordinary way, by the transport: it tells when the reader has taken it, or has left. So the kernel's turn only comes when
    the transport has nothing left to send, and nobody else may write to it meanwhile.

    Args:
        transport: to the reader.
        socket: its `descriptor_of`.
        flow: tells when the transport has to be waited for.
        threads: who sends.
        file: stays open, and its place stays where it is.
        offset: of the part in the file, in bytes.
        count: its length in bytes.
        is_over: whether the reader has left.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        socket: int,
        flow: FlowControl,
        threads: Senders,
        *,
        file: BinaryIO,
        offset: int,
        count: int,
        is_over: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._socket = socket
        self._flow = flow
        self._threads = threads
        self._file = file.fileno()
        self._at = offset
        self._end = offset + count
        self._is_over = is_over
        self._by_hand = False
        self._stopped = False

    async def run(self) -> None:
        """Sends all of it, or as much as the reader stays for.

        Raises:
            OSError: the file can't be read to its end, or the connection is broken.
        """
        if self._is_over():
            return
        # a number of our own: the transport closes its one when it likes, and the next connection may get it
        socket = os.dup(self._socket)
        self._transport.set_write_buffer_limits(0)  # whoever may write again has nothing left to be sent
        try:
            while self._at < self._end:
                await self._until_taken()
                if self._is_over():
                    return
                piece = await self._on_thread(socket)
                if self._is_over():
                    return
                if piece:
                    self._transport.write(piece)
            await self._until_taken()
        finally:
            os.close(socket)
            if not self._is_over():
                self._transport.set_write_buffer_limits()

    def stop(self) -> None:
        """Calls it off: the reader has left."""
        self._stopped = True

    async def _until_taken(self) -> None:
        """Returns when the transport has nothing left to send."""
        while self._transport.get_write_buffer_size() and not self._is_over():
            if self._flow.write_paused:
                await self._flow.drain()
            else:
                await asyncio.sleep(0)  # it has not tried yet

    async def _on_thread(self, socket: int) -> bytes:
        stint = self._threads.begin(lambda: self._stint(socket))
        try:
            return await asyncio.shield(stint)
        except asyncio.CancelledError:
            self._stopped = True
            while not stint.done():  # both descriptors must stay open for as long as it uses them
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await asyncio.wait((stint,))
            raise

    def _stint(self, socket: int) -> bytes:
        """Sends for a while; returns what is to go by hand now."""
        room = select.poll()
        room.register(socket, select.POLLOUT)
        begun = time.monotonic()
        while not (self._stopped or self._by_hand or self._at >= self._end):
            try:
                sent = os.sendfile(socket, self._file, self._at, min(self._end - self._at, _AT_ONCE))
            except BlockingIOError:
                if not self._waited(room):
                    return self._next_piece()
            except OSError as error:
                if error.errno not in _CAN_NOT:
                    raise
                self._by_hand = True  # not from this file system, or not into this socket
                break
            else:
                if not sent:
                    raise ShortFileError
                self._at += sent
            if time.monotonic() - begun > (SHORT_STINT if self._threads.are_wanted else STINT):
                return b""
        return self._next_piece() if self._by_hand else b""

    def _waited(self, room: select.poll) -> bool:
        """Waits until the reader has taken something; not for long, and not while others wait for the thread."""
        for _ in range(SLOW_AFTER):
            if room.poll(0 if self._threads.are_wanted else 1):
                return True
            if self._threads.are_wanted:
                break
        return False

    def _next_piece(self) -> bytes:
        piece = os.pread(self._file, min(self._end - self._at, PIECE), self._at)
        if not piece:
            raise ShortFileError
        self._at += len(piece)
        return piece
