"""What the two halves of the client do differently: waiting, and many calls at once. Written by hand in both.

Here threads do it. The HTTP library's blocking calls return to Python only when they are done, so that Ctrl-C would have to
wait for the server: a call on the main thread is therefore made by a helper thread, while the main thread waits in a way
that a signal can end. Where the server is on this very machine that would take longer than the way itself, and whole answers
are fetched without the library.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from queue import Empty, Queue, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trivet.sdk._loopback import Loopback
    from trivet.sdk.models import JobView

T = TypeVar("T")

Inputs = Iterable[Any]
"""What `map` takes: inputs from a list, a generator, or anything else that can be gone through."""

sleep = time.sleep
BODIES_BLOCK = True
"""Whether the HTTP library waits on a thread of its own for the pieces of a body that is sent."""

_AHEAD = 2
"""Pieces of a body that are made before somebody takes them."""
_GLANCE = 0.1
"""Seconds that the main thread waits before it looks whether a signal has come."""


class Outcome(NamedTuple):
    """What became of one input: a value, or an error."""

    position: int
    value: Any = None
    error: BaseException | None = None


def newest(view: JobView | None, refresh: Callable[[], JobView], *, is_last: bool) -> JobView | None:
    """What the server says now; it is not asked again once nothing can change any more."""
    return view if is_last else refresh()


def loopback(url: str, headers: Mapping[str, str]) -> Loopback | None:
    """The short way to a server on this very machine; None for any other server."""
    from trivet.sdk._loopback import Loopback

    return Loopback.to(url, headers)


class _Helper:
    """A thread that makes one call at a time for somebody who waits."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        threading.Thread(target=self._work, name="trivet-helper", daemon=True).start()

    def make(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
        self._calls.put((call, arguments))
        while True:
            # A signal that arrives just before the wait begins does not interrupt it: so it is never a long one.
            try:
                return self._outcomes.get(timeout=_GLANCE)
            except Empty:
                continue

    def dismiss(self) -> None:
        """End the thread after the call that it is in."""
        self._calls.put(None)

    def _work(self) -> None:
        while (asked := self._calls.get()) is not None:
            call, arguments = asked
            try:
                outcome = Outcome(0, call(*arguments))
            except BaseException as error:  # noqa: BLE001 — it is raised where the call was asked for
                outcome = Outcome(0, error=error)
            self._outcomes.put(outcome)
            del asked, call, arguments, outcome  # nothing is kept alive while this thread waits


_idle: list[_Helper] = []
"""Helpers that wait for a call: one, except where a signal handler makes calls of its own."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # threads don't come along into a fork


def interruptible(call: Callable[..., T], *arguments: Any) -> T:
    """The result of ``call``; Ctrl-C comes through at once.

    An interrupted call is left to its thread, which ends with it; what it gives is dropped.
    """
    if threading.current_thread() is not threading.main_thread():
        return call(*arguments)  # signals reach the main thread only: nothing could interrupt this one
    helper = _idle.pop() if _idle else _Helper()
    try:
        outcome = helper.make(call, arguments)
    except BaseException:  # a signal's doing: what the call itself raises comes as its outcome
        helper.dismiss()
        raise
    _idle.append(helper)
    if outcome.error is None:
        value: T = outcome.value
        return value
    try:
        raise outcome.error
    finally:
        del outcome  # the error's traceback holds this frame: without this the two would keep each other alive


def dispose(call: Callable[..., Any], *arguments: Any, busy: bool) -> None:
    """Close something; where it is ``busy`` with an interrupted call, behind the caller's back, as that may take a while."""
    if busy:
        threading.Thread(target=call, args=arguments, name="trivet-closer", daemon=True).start()
    else:
        call(*arguments)


def apart(chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The same chunks, made by a thread of their own, a little ahead of whoever takes them.

    The HTTP library takes them on a thread that drives connections. Nothing may be made there that needs such a thread
    itself, as a download does whose pieces are uploaded again.
    """
    ready: Queue[bytes | None] = Queue(_AHEAD)
    failures: list[BaseException] = []
    left = threading.Event()

    def make() -> None:
        try:
            for chunk in chunks:
                ready.put(chunk)
                if left.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 — it is raised where the chunks are taken
            failures.append(error)
        finally:
            if isinstance(chunks, Generator):
                chunks.close()
            if not left.is_set():
                ready.put(None)

    threading.Thread(target=make, name="trivet-body", daemon=True).start()
    try:
        while (chunk := ready.get()) is not None:
            yield chunk
    finally:
        left.set()
        with suppress(Empty):  # whoever waits for room finds some, and then the word that nobody takes any more
            while True:
                ready.get_nowait()
    if failures:
        raise failures[0]


def release(chunks: object) -> None:
    """Nothing is left to do: the thread that `apart` gives them to ends them."""


def offload(call: Callable[..., T], *arguments: Any) -> T:
    """The result of ``call``; here blocking is what everybody expects."""
    return call(*arguments)


def map_bounded(
    call: Callable[[Any], Any], inputs: Inputs, *, concurrency: int, order: bool
) -> Generator[Outcome, None, None]:
    """Call with each of ``inputs``, ``concurrency`` at a time, and give the outcomes as they come, or in order.

    Inputs are taken one by one as they are needed, by the thread that iterates: at most ``2 * concurrency`` are under way,
    counting those that are done and not yet handed out. Closing the generator drops what is under way.
    """
    source = iter(inputs)
    todo: SimpleQueue[tuple[int, Any] | None] = SimpleQueue()
    done: SimpleQueue[Outcome] = SimpleQueue()
    stopped = threading.Event()
    callers = 0
    early: dict[int, Outcome] = {}
    taken = given = 0
    exhausted = False
    try:
        while True:
            while not exhausted and taken - given < 2 * concurrency:
                try:
                    todo.put((taken, next(source)))
                except StopIteration:
                    exhausted = True
                    break
                taken += 1
                if callers < min(concurrency, taken):
                    threading.Thread(
                        target=_caller, args=(call, todo, done, stopped), name=f"trivet-map-{callers}", daemon=True
                    ).start()
                    callers += 1
            if given == taken:
                return
            while order and given not in early:
                outcome = done.get()
                early[outcome.position] = outcome
            yield early.pop(given) if order else done.get()
            given += 1
    finally:
        stopped.set()
        for _ in range(callers):
            todo.put(None)


def _caller(
    call: Callable[[Any], Any],
    todo: SimpleQueue[tuple[int, Any] | None],
    done: SimpleQueue[Outcome],
    stopped: threading.Event,
) -> None:
    while (asked := todo.get()) is not None and not stopped.is_set():
        index, item = asked
        try:
            outcome = Outcome(index, call(item))
        except BaseException as error:  # noqa: BLE001 — whatever a call raises belongs to its item
            outcome = Outcome(index, error=error)
        done.put(outcome)
