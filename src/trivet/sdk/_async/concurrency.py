"""What the two halves of the client do differently: waiting, and many calls at once. Written by hand in both.

Here the event loop does it all; a wait is interrupted by cancelling its task.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivet.sdk._loopback import Loopback
    from trivet.sdk.models import JobView

T = TypeVar("T")

Inputs = Iterable[Any] | AsyncIterable[Any]
"""What `map` takes: inputs from a list, a generator, or an asynchronous generator."""

sleep = asyncio.sleep

BODIES_BLOCK = False
"""Whether the HTTP library waits on a thread of its own for the pieces of a body that is sent."""

_LAST_CHUNK = 0.5
"""Seconds that a chunk which nobody takes any more may still be in the making."""
_GLANCE = 0.005
"""Seconds between two looks whether it is made."""
LAST_CALLS = 0.01
"""Seconds that threads of the HTTP library get at the end of the program."""


@functools.cache
def _let_threads_finish() -> None:
    """Sees to it that the program ends in order.

    An answer is handed to the event loop by a thread of the HTTP library, which may still wait for the interpreter's lock
    when the program's last line has run. Where the interpreter ends first, that thread aborts the process (SIGABRT, exit
    status 134). A moment without the lock before that lets it through.
    """
    atexit.register(time.sleep, LAST_CALLS)


class Outcome(NamedTuple):
    """What became of one input: a value, or an error."""

    position: int
    value: Any = None
    error: BaseException | None = None


def newest(view: JobView | None, refresh: Callable[[], Awaitable[JobView]], *, is_last: bool) -> JobView | None:  # noqa: ARG001 — the other half calls it
    """What the server said last: an attribute can't be awaited, so it does not ask."""
    return view


def loopback(url: str, headers: Mapping[str, str]) -> Loopback | None:  # noqa: ARG001 — the other half reads them
    """None: nothing here may block the event loop, and all that keeps it from blocking is in the HTTP library."""
    return None


async def interruptible(call: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """The result of ``call``; cancelling the task that waits here ends the call."""
    _let_threads_finish()
    return await call(*arguments)


async def dispose(call: Callable[..., Awaitable[Any]], *arguments: Any, busy: bool) -> None:  # noqa: ARG001 — the other half reads it
    """Close something, whether or not it is ``busy``: a cancelled call has let go of it already."""
    await call(*arguments)


def apart(chunks: T) -> T:
    """The same chunks: the HTTP library takes them from the event loop, which nobody here blocks."""
    return chunks


async def release(chunks: object) -> None:
    """Ends a generator of chunks that may not have been taken to its end, with what it holds, such as an open file.

    What is at work on the next chunk has a moment to finish it; a generator can't be ended before.
    """
    if not isinstance(chunks, AsyncGeneratorType):
        return
    until = time.monotonic() + _LAST_CHUNK
    while chunks.ag_running and time.monotonic() < until:  # noqa: ASYNC110 — a generator tells nobody that it has stopped
        await asyncio.sleep(_GLANCE)
    if not chunks.ag_running:
        await chunks.aclose()


async def offload(call: Callable[..., T], *arguments: Any) -> T:
    """The result of a ``call`` that blocks, without holding up the event loop."""
    return await asyncio.to_thread(call, *arguments)


async def map_bounded(
    call: Callable[[Any], Awaitable[Any]], inputs: Inputs, *, concurrency: int, order: bool
) -> AsyncGenerator[Outcome, None]:
    """Call with each of ``inputs``, ``concurrency`` at a time, and give the outcomes as they come, or in order.

    Inputs are taken one by one as they are needed: at most ``2 * concurrency`` are under way, counting those that are
    done and not yet handed out. Closing the generator cancels what is under way.
    """
    source = _iterate(inputs)
    todo: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
    done: asyncio.Queue[Outcome] = asyncio.Queue()
    callers: list[asyncio.Task[None]] = []
    early: dict[int, Outcome] = {}
    taken = given = 0
    exhausted = False
    try:
        while True:
            while not exhausted and taken - given < 2 * concurrency:
                try:
                    todo.put_nowait((taken, await anext(source)))
                except StopAsyncIteration:
                    exhausted = True
                    break
                taken += 1
                if len(callers) < min(concurrency, taken):
                    callers.append(asyncio.create_task(_caller(call, todo, done)))
            if given == taken:
                return
            while order and given not in early:
                outcome = await done.get()
                early[outcome.position] = outcome
            yield early.pop(given) if order else await done.get()
            given += 1
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


async def _caller(
    call: Callable[[Any], Awaitable[Any]], todo: asyncio.Queue[tuple[int, Any]], done: asyncio.Queue[Outcome]
) -> None:
    while True:
        index, item = await todo.get()
        try:
            outcome = Outcome(index, await call(item))
        except Exception as error:  # noqa: BLE001 — whatever a call raises belongs to its item
            outcome = Outcome(index, error=error)
        done.put_nowait(outcome)


async def _iterate(inputs: Inputs) -> AsyncIterator[Any]:
    if isinstance(inputs, AsyncIterable):
        async for item in inputs:
            yield item
    else:
        for item in inputs:
            yield item
