"""The HTTP front: uvicorn's protocol with a way past its request cycle for what is small, whole and busy.

A request that lies in the buffer whole, whose head the parser calls plain, and for which a dialect has a hot path, is answered
from here with one write. Everything else is uvicorn's, byte by byte as it came: the bytes of a request go to exactly one of the
two, and one of them at a time is at work on a connection.

Two things are added to what uvicorn does: the kernel can send files, and a request that does not come to its end is given up, as
is an answer whose reader takes none of it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Coroutine
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from trivet.platform.core.errors import RequestStalled
from trivet.platform.server.exchange import Exchange
from trivet.platform.server.patience import Patience, Watch
from trivet.platform.server.requests import END_OF_HEAD, PlainRequest, read_plain
from trivet.platform.server.sendfile import Senders, Sending, descriptor_of
from trivet.platform.server.traffic import Traffic
from trivet.platform.wire.hot import Answer, HotPath, HotRoutes, PassOn, lines
from trivet.platform.wire.transfers import ZERO_COPY

logger = logging.getLogger(__name__)

LONGEST_HEAD = 16 * 1024
"""Bytes of a head that is looked at here."""
LONGEST_BODY = 64 * 1024
"""Bytes of a body that is waited for here."""
PATIENCE = 0.05
"""Seconds that the rest of a request may take: many clients send head and body in two pieces."""
MOST_OF_A_HEAD = 64 * 1024
"""Bytes after which a head that has no end is refused, whoever reads it."""


_STOPPING = "The platform is shutting down, and this request did not come to its end. Try again in a few seconds."


class FrontProtocol(HttpToolsProtocol):
    """One connection of a client.

    Args:
        routes: finds the hot path of a request.
        config: uvicorn's.
        server_state: uvicorn's.
        app_state: uvicorn's.
        watch: gives up on requests that do not come to their end, and on answers that nobody takes.
        threads: who sends files; None: they go the ordinary way.
        traffic: counts the answers that are given from here.
    """

    def __init__(
        self,
        routes: HotRoutes,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        watch: Watch | None = None,
        threads: Senders | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._routes = routes
        self._watch = watch or Watch(Patience())
        self._threads = threads
        self._traffic = traffic or Traffic()
        self._sending: Sending | None = None
        """The file that leaves just now, as (a part of) the answer that uvicorn gives."""
        self._heard_at = 0.0
        """When the part of a request began to come that is being waited for, by the event loop's clock."""
        self._stalled: RequestResponseCycle | None = None
        """Whose body does not go on, and who has been told so."""
        self._unsent = 0
        """Bytes that the reader had left to take when it was last looked at."""
        self._taken_at = 0.0
        """When it had taken some of them, by the event loop's clock."""
        self._amid = False
        """uvicorn's parser has read a part of a request."""
        self._amid_head = False
        self._head_size = 0
        self._is_behind = False
        """What has come last began with the rest of another request."""
        self._exchange: Exchange | None = None
        """The request that is being answered from here."""
        self._held = b""
        """What came while it could not be looked at, or is not whole yet."""
        self._patience: asyncio.TimerHandle | None = None
        self._head = b""
        self._length = 0
        self._path: HotPath | None = None
        self._answers = self._traffic.of("")
        """The counts that the answers along that path belong to."""
        self._common_of: list[tuple[bytes, bytes]] | None = None
        self._common = b""
        self._quiet_since = 0.0
        self._quiet: asyncio.TimerHandle | None = None
        self._leaving = False

    # -- what comes ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """There is a client."""
        super().connection_made(transport)
        self._heard_at = self.loop.time()
        self._watch.add(self)

    def data_received(self, data: bytes) -> None:
        """Takes what has arrived."""
        if (
            self._exchange is not None
            or self._sending is not None
            or (self.flow.write_paused and not self._is_uvicorns())
        ):
            self._held += data  # its turn comes when the answer before it has gone out
            self.flow.pause_reading()
        elif self._is_uvicorns():
            self._pass_on(data)
        elif self._held:
            held, self._held = self._held, b""
            self._take(held + data)
        else:
            self._take(data)

    def _is_uvicorns(self) -> bool:
        """Whether uvicorn is amid a request or its answer: whatever comes belongs to it or queues up behind it."""
        cycle: RequestResponseCycle | None = self.cycle
        return self._amid or (cycle is not None and not cycle.response_complete)

    def _take(self, data: bytes) -> None:
        """Looks at a request from its first byte on."""
        end = data.find(END_OF_HEAD, 0, LONGEST_HEAD) + len(END_OF_HEAD)
        if end < len(END_OF_HEAD):
            self._pass_on(data)
            return
        head = data[:end]
        if head != self._head:
            self._learn(head)
        path = self._path
        if path is None:
            self._pass_on(data)
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        whole = end + self._length
        if len(data) < whole:
            self._held = data
            if self._patience is None:
                self._patience = self.loop.call_later(PATIENCE, self._lose_patience)
            return
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        exchange = self._exchange = Exchange(self)
        self._held = data[whole:]
        try:
            path(data[end:whole], exchange)
        except PassOn:
            self._exchange, self._held = None, b""
            self._pass_on(data)
        except Exception:
            logger.exception("a request was left without an answer")
            self.hang_up(exchange)

    def _learn(self, head: bytes) -> None:
        """Finds out what to do with requests that have this head: most connections go on to send the same one."""
        plain: PlainRequest | None = read_plain(head)
        self._head = head
        self._path = None
        if plain is not None and plain.length <= LONGEST_BODY:
            self._length = plain.length
            self._path = self._routes(plain.head)
            self._answers = self._traffic.of(plain.head.path)

    def _pass_on(self, data: bytes) -> None:
        """Hands bytes to uvicorn."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._is_behind = False
        super().data_received(data)
        if self._amid_head:
            if not self._is_behind:  # else nobody knows how much of it is this head's
                self._head_size += len(data)
            if self._head_size > MOST_OF_A_HEAD:
                self._refuse_head(431, f"The head of this request is longer than {MOST_OF_A_HEAD} bytes.")
            else:
                self._watch.add(self)
            return
        if not self.transport.is_closing() and self.parser.should_upgrade():
            self._amid = True  # for good: what follows is no HTTP/1.1, as far as the parser knows
        cycle: RequestResponseCycle | None = self.cycle
        if self._amid:
            self._heard_at = self.loop.time()
            self._watch.add(self)
        elif cycle is not None and cycle.response_complete and self.timeout_keep_alive_task is None:
            # empty lines between requests: uvicorn took them for one, and has stopped its clock
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _refuse_head(self, status: int, sentence: str) -> None:
        if self._is_answering(self.cycle):
            self.transport.close()  # a refusal would land amid the answer before it
            return
        self._write_refusal(status, sentence)
        self.transport.close()

    def _write_refusal(self, status: int, sentence: str) -> None:
        text = sentence.encode()
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(text)
        self.transport.write(STATUS_LINE[status] + self._common_lines() + head + text)

    def _lose_patience(self) -> None:
        """The rest of a request takes its time: uvicorn is made for that."""
        self._patience = None
        held, self._held = self._held, b""
        self._pass_on(held)

    def on_message_begin(self) -> None:
        """Uvicorn's parser has seen the first byte of a request."""
        self._amid = self._amid_head = True
        self._head_size = 0
        self._heard_at = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Uvicorn's parser has read a head."""
        self._amid_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Uvicorn's parser has seen the last byte of a request."""
        self._amid = False
        self._is_behind = True
        super().on_message_complete()

    def dun(self, now: float) -> bool:
        """Gives up on a request that does not come to its end, or an answer that is not taken; implements `Debtor`."""
        cycle: RequestResponseCycle | None = self.cycle
        if self._is_not_taken(now):
            self.transport.abort()
            return False
        if self.transport.is_closing():
            return self._unsent > 0
        if not self._amid:
            if cycle is not None or self._head:
                return self._unsent > 0  # else nothing is owed; how long it may be quiet is for keep-alive to say
            if now - self._heard_at >= self._watch.patience.head:
                self.transport.close()
        elif self._amid_head:
            if self._is_answering(cycle):
                self._heard_at = now  # its turn comes behind that answer
            elif now - self._heard_at >= self._watch.patience.head:
                seconds = f"{self._watch.patience.head:g} seconds"
                self._refuse_head(408, f"The head of this request did not come to its end within {seconds}.")
        elif cycle is None or self.flow.read_paused or not cycle.more_body or cycle.waiting_for_100_continue:
            self._heard_at = now  # it is for us to go on, and not for the client
        elif now - self._heard_at >= self._watch.patience.body:
            self._heard_at = now
            self._give_up(cycle)
        return True

    def _is_not_taken(self, now: float) -> bool:
        """Whether the client has taken nothing of an answer for too long."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._taken_at = unsent, now
        return unsent > 0 and now - self._taken_at >= self._watch.patience.body

    def _is_answering(self, cycle: RequestResponseCycle | None) -> bool:
        return cycle is not None and not cycle.response_complete

    def _give_up(self, cycle: RequestResponseCycle) -> None:
        """The rest of a body does not come. Whoever reads it is told, and answers; where nobody does, the connection is cut."""
        if self._stalled is cycle or cycle.response_started:
            self.transport.abort()
            return
        self._stalled = cycle
        cycle.keep_alive = False
        cycle.message_event.set()

    # -- what goes ----------------------------------------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Uvicorn has a request answered: with what is added here to its ways in and out."""
        if self._threads is not None and descriptor_of(self.transport) is not None:
            cycle.scope["extensions"] = {ZERO_COPY: {}}
        super()._start_asgi_task(cycle, functools.partial(self._have_answered, cycle, app))

    async def _have_answered(
        self, cycle: RequestResponseCycle, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        told = False

        async def take() -> Message:
            nonlocal told
            if told:
                return {"type": "http.disconnect"}
            message = await receive()
            if self._stalled is cycle:
                told = True
                seconds = f"{self._watch.patience.body:g} seconds"
                raise RequestStalled(f"No byte of this request's body came for {seconds}; nothing was changed.")
            return message

        async def give(message: Message) -> None:
            if message["type"] == ZERO_COPY:
                await self._send_file(cycle, message)
            else:
                await send(message)

        try:
            await app(scope, take, give)
        except asyncio.CancelledError:
            # The server stops, and waits no longer: in the log it would be a fault. That an answer is cut its reader sees.
            if not cycle.response_started and cycle is self.cycle and not self.transport.is_closing():
                self._write_refusal(503, _STOPPING)
            cycle.disconnected = True
            self.transport.close()

    async def _send_file(self, cycle: RequestResponseCycle, message: Message) -> None:
        """Sends a part of an open file as the rest of the body."""
        count: int = message["count"]

        def is_over() -> bool:
            return cycle.disconnected or self.transport.is_closing()

        if is_over():
            cycle.disconnected = True  # uvicorn has passed over the head as well
            return
        socket = descriptor_of(self.transport)
        if cycle.expected_content_length != count or self._threads is None or socket is None:
            raise RuntimeError(
                "A file is sent as the whole body, under its length, and where it was said that it can be."
            )
        sending = self._sending = Sending(
            self.transport,
            socket,
            self.flow,
            self._threads,
            file=message["file"],
            offset=message["offset"],
            count=count,
            is_over=is_over,
        )
        try:
            await sending.run()
        except (ConnectionError, TimeoutError):
            self.transport.abort()  # it has not seen it yet
        finally:
            self._sending = None
        if is_over():
            cycle.disconnected = True
            return
        cycle.expected_content_length = 0
        await cycle.send({"type": "http.response.body", "body": b"", "more_body": False})
        if self._held:
            self.loop.call_soon(self._go_on)

    def finish(self, exchange: Exchange, answer: Answer) -> None:
        """Sends the answer of an exchange, where it is the one that this connection waits for."""
        if exchange is not self._exchange:
            return
        self._exchange = None
        self.transport.write(
            b"%b%b%bcontent-length: %d\r\n%b\r\n%b"
            % (
                STATUS_LINE[answer.status],
                self._common_lines(),
                answer.headers,
                len(answer.body),
                b"connection: close\r\n" if self._leaving else b"",
                answer.body,
            )
        )
        self.server_state.total_requests += 1
        self._answers[answer.status] += 1
        if self._leaving:
            self.transport.close()
            return
        self._quiet_since = self.loop.time()
        if self._quiet is None:
            self._quiet = self.loop.call_later(self.timeout_keep_alive, self._check_quiet)
        if self._held or self.flow.read_paused:
            self.loop.call_soon(self._go_on)

    def _common_lines(self) -> bytes:
        """The headers that every answer carries: the date, which uvicorn sets once a second."""
        common = self.server_state.default_headers
        if common is not self._common_of:
            self._common_of = common
            self._common = lines(common)
        return self._common

    def _go_on(self) -> None:
        """Turns to what came in the meantime."""
        if self._exchange is not None or self._sending is not None:
            return
        if self.flow.write_paused or self.transport.is_closing():
            return
        self.flow.resume_reading()
        held, self._held = self._held, b""
        if held:
            self.data_received(held)

    def _check_quiet(self) -> None:
        """Closes a connection on which nothing has happened for long. One timer serves many requests."""
        self._quiet = None
        if self._exchange is not None or self._held or self._is_uvicorns() or self.timeout_keep_alive_task is not None:
            return
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._quiet = self.loop.call_later(left, self._check_quiet)
        else:
            self.timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """The client has not read what was sent: it is looked at until it has."""
        super().pause_writing()
        self._watch.add(self)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing has come for long. What was not read yet keeps a connection from being closed: it is looked at."""
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():
            self._watch.add(self)

    def resume_writing(self) -> None:
        """The client has read what was on its way."""
        self._unsent = 0  # as much may be on its way again when it is looked at the next time
        super().resume_writing()
        if self._held:
            self.loop.call_soon(self._go_on)

    # -- ends ---------------------------------------------------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone. A job that it waited for goes on."""
        self._exchange, self._held = None, b""
        if self._sending is not None:
            self._sending.stop()
        self._watch.discard(self)
        for timer in (self._patience, self._quiet):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server stops: a request that is being answered is the last one."""
        if self._exchange is not None:
            self._leaving = True
        else:
            super().shutdown()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs ``work`` as one of the server's tasks: a stop waits for it, and cancels it when it takes too long."""
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def hang_up(self, exchange: Exchange) -> None:
        """Ends the connection, where it waits for the answer of this exchange."""
        if exchange is self._exchange:
            self._exchange = None
            self.transport.close()
