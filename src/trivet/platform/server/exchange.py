"""One request that is answered past ASGI, from the side of the connection that it came by."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from trivet.platform.wire.hot import Answer

logger = logging.getLogger(__name__)


class Connection(Protocol):
    """What an exchange needs of its connection."""

    loop: asyncio.AbstractEventLoop

    def finish(self, exchange: Exchange, answer: Answer) -> None:
        """Sends the answer, where it is the one that the connection waits for."""

    def hang_up(self, exchange: Exchange) -> None:
        """Ends the connection, where it waits for the answer of this exchange."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs ``work`` as one of the server's tasks."""


class Exchange:
    """One request that is answered by the front; implements `wire.hot.Exchange`."""

    __slots__ = ("_answered", "_connection", "_timer")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None
        self._answered = False

    def answer(self, answer: Answer) -> None:
        """Answers."""
        if not self._answered:
            self._answered = True
            if self._timer is not None:
                self._timer.cancel()
            self._connection.finish(self, answer)

    def begin(self, work: Coroutine[Any, Any, Answer]) -> None:
        """Answers with what ``work`` returns."""
        self._connection.spawn(self._finish(work))

    async def _finish(self, work: Coroutine[Any, Any, Answer]) -> None:
        try:
            self.answer(await work)
        except asyncio.CancelledError:
            self._connection.hang_up(self)
            raise
        except Exception:
            logger.exception("a request was left without an answer")
            self._connection.hang_up(self)

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        """Calls ``then`` if there is no answer after so many seconds."""
        if not self._answered:
            self._timer = self._connection.loop.call_later(seconds, then)
