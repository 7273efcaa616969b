"""Running an endpoint in this process, as a platform would: for tests, notebooks and ``trivet run``."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import Context, copy_context
from typing import Any, Self
from weakref import WeakKeyDictionary

from trivet.authoring.binding import Arguments
from trivet.authoring.blob import Blob, is_json
from trivet.authoring.decorator import Endpoint
from trivet.authoring.outputs import JSON_TYPE, encode
from trivet.authoring.program import Program
from trivet.authoring.reporting import CURRENT

_programs: WeakKeyDictionary[Endpoint, Program] = WeakKeyDictionary()


class _Callback:
    """Hands progress to a plain function."""

    def __init__(self, tell: Callable[[float, str], None] | None) -> None:
        self._tell = tell

    def progress(self, fraction: float, message: str) -> None:
        if self._tell is not None:
            self._tell(fraction, message)


def run(endpoint: Endpoint, value: Any, on_progress: Callable[[float, str], None] | None) -> Any:
    """As `Endpoint.local`."""
    program = _ready(endpoint)
    arguments = program.bind(*_body(value))
    context = copy_context()
    context.run(CURRENT.set, _Callback(on_progress))
    return context.run(_invoke, program, arguments, context)


def _ready(endpoint: Endpoint) -> Program:
    """The endpoint's program in this process; made and set up at the first call."""
    program = _programs.get(endpoint)
    if program is None:
        program = Program(endpoint)
        _finished(program.setup())
        _programs[endpoint] = program
    return program


def _body(value: Any) -> tuple[bytes, str]:
    content_type, body = encode(value)
    if isinstance(value, Blob) and is_json(content_type):
        content_type = JSON_TYPE
    return body, content_type


def _invoke(program: Program, arguments: Arguments, context: Context) -> Any:
    positional, keywords = arguments
    if program.batching is not None:
        from trivet.authoring.batching import output_of

        return _received(output_of(_finished(program.handler(positional))))
    value = program.handler(*positional, **keywords)
    if hasattr(value, "__aiter__"):
        return _pieces(_steps(value), context)
    if hasattr(value, "__next__"):
        return _pieces(value, context)
    return _received(_finished(value))


def _received(value: Any) -> Any:
    """What a caller gets of an output: decoded JSON, or bytes."""
    content_type, body = encode(value)
    return json.loads(body) if is_json(content_type) else body


def _pieces(values: Iterator[Any], context: Context) -> Iterator[Any]:
    end = object()
    try:
        while (value := context.run(next, values, end)) is not end:
            yield _received(value)
    finally:
        close = getattr(values, "close", None)
        if callable(close):
            context.run(close)


def _finished(value: Any) -> Any:
    """The value, awaited where it has to be: on a loop of its own, in a thread, as this one may have a loop running."""
    if not hasattr(value, "__await__"):
        return value
    with _Loop() as loop:
        return loop.run(value)


def _steps(values: AsyncIterator[Any]) -> Iterator[Any]:
    """An async iterator, step by step."""
    with _Loop() as loop:
        try:
            while True:
                try:
                    value = loop.run(anext(values))
                except StopAsyncIteration:
                    return
                yield value
        finally:
            close = getattr(values, "aclose", None)
            if callable(close):
                loop.run(close())


class _Loop:
    """An event loop in a thread of its own, which sees the context variables of whoever asks."""

    def __enter__(self) -> Self:
        import asyncio
        import threading

        self._asyncio = asyncio
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="trivet-local", daemon=True)
        self._thread.start()
        return self

    def run(self, awaitable: Any) -> Any:
        """Awaits, and returns or raises what comes of it."""

        async def finish() -> Any:
            try:
                return True, await awaitable
            except StopAsyncIteration as end:  # can't cross a future as it is
                return False, end

        future = self._asyncio.run_coroutine_threadsafe(finish(), self._loop)
        try:
            done, value = future.result()
        except BaseException:
            future.cancel()
            raise
        if not done:
            raise value
        return value

    def __exit__(self, *exc_info: object) -> None:
        self._asyncio.run_coroutine_threadsafe(self._loop.shutdown_asyncgens(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
