"""A handler, and how it is run: plain or asynchronous, whole or in pieces."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from trivet.runpod.error import StartError
from trivet.runpod.serverless import results
from trivet.runpod.serverless.ending import ENDS, end_if_forked_off

Job = dict[str, Any]
R = TypeVar("R", bound=dict[str, Any] | None)


class Program:
    """What was given to `start`.

    Args:
        config: ``handler``, ``return_aggregate_stream``, ``refresh_worker``, ``concurrency_modifier``.
        hostname: what reports on exceptions say of the machine.
        worker_id: what they say of the worker.

    Raises:
        StartError: there is no handler, or one of the two functions can't be called.
    """

    def __init__(self, config: Mapping[str, Any], *, hostname: str = "unknown", worker_id: str = "unknown") -> None:
        import inspect  # not before a worker starts: whoever only imports `start` is not to wait for it

        handler, modifier = config.get("handler"), config.get("concurrency_modifier")
        if not callable(handler):
            raise StartError("`handler` is missing, or can't be called.", hint='Start with {"handler": your_function}.')
        if modifier is not None and not callable(modifier):
            raise StartError(
                "`concurrency_modifier` can't be called.", hint="Give a function from a number to a number."
            )
        self.handler: Callable[[Job], Any] = handler
        self.modifier: Callable[[int], Any] | None = modifier
        self.aggregates = bool(config.get("return_aggregate_stream"))
        self.refreshes = bool(config.get("refresh_worker"))
        called = handler if inspect.isroutine(handler) else getattr(handler, "__call__", handler)  # noqa: B004 - an object's function
        gives_later = any(map(inspect.isasyncgenfunction, (handler, called)))
        self.is_stream = gives_later or any(map(inspect.isgeneratorfunction, (handler, called)))
        self.is_async = gives_later or any(map(inspect.iscoroutinefunction, (handler, called)))
        self._process = os.getpid()
        self._host = {"hostname": hostname, "worker_id": worker_id}
        said: Mapping[str, Any] = config.get("rp_args") or {}
        self._debugs = bool(said.get("rp_debugger"))
        self._started_at = float(config.get("reference_counter_start") or 0.0)
        self._ready_delay: float | None = None

    def begin(self) -> None:
        """The worker is about to take its first job. From here on reports say what timers have measured, where that is wanted."""
        if self._debugs:
            self._ready_delay = (time.perf_counter() - self._started_at) * 1000

    def perform(self, job: Job, tell: Callable[[Any], None], is_stopped: Callable[[], bool]) -> dict[str, Any] | None:
        """Runs a plain handler for a job, and returns the report on it; None where it was stopped between two pieces.

        Args:
            job: what the handler is given.
            tell: takes each piece.
            is_stopped: whether nobody wants the rest.

        Raises:
            Refused: by ``tell``.
        """
        try:
            report = self._report(job, tell, is_stopped)
        except ENDS as error:
            end_if_forked_off(self._process, error)
            raise
        end_if_forked_off(self._process)
        return self._annotated(report)

    async def perform_later(self, job: Job, tell: Callable[[Any], Awaitable[None]]) -> dict[str, Any]:
        """Runs an asynchronous handler for a job, and returns the report on it.

        Args:
            job: what the handler is given.
            tell: takes each piece.

        Raises:
            Refused: by ``tell``.
        """
        try:
            report = await self._later_report(job, tell)
        except ENDS as error:
            end_if_forked_off(self._process, error)
            raise
        end_if_forked_off(self._process)
        return self._annotated(report)

    def _report(self, job: Job, tell: Callable[[Any], None], is_stopped: Callable[[], bool]) -> dict[str, Any] | None:
        try:
            given = self.handler(job)
            if not self.is_stream:
                return results.returned(_waited_for(given) if hasattr(given, "__await__") else given)
            kept: list[Any] = []
            try:
                for piece in given:
                    end_if_forked_off(self._process)
                    if is_stopped():
                        return None
                    if error := results.refused_piece(piece):
                        return {"error": error}
                    tell(piece)
                    if self.aggregates:
                        kept.append(piece)
            finally:
                given.close()
            return results.collected(kept, aggregate=self.aggregates)
        except results.Refused:
            raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything, and that is its answer
            return self.failed(error)

    async def _later_report(self, job: Job, tell: Callable[[Any], Awaitable[None]]) -> dict[str, Any]:
        try:
            if not self.is_stream:
                return results.returned(await self.handler(job))
            kept: list[Any] = []
            given = self.handler(job)
            try:
                async for piece in given:
                    end_if_forked_off(self._process)
                    if error := results.refused_piece(piece):
                        return {"error": error}
                    await tell(piece)
                    if self.aggregates:
                        kept.append(piece)
            finally:
                await given.aclose()
            return results.collected(kept, aggregate=self.aggregates)
        except results.Refused:
            raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything, and that is its answer
            return self.failed(error)

    def failed(self, error: BaseException) -> dict[str, Any]:
        """The report on what a handler has raised."""
        end_if_forked_off(self._process, error)
        return results.failed(error, **self._host)

    def _annotated(self, report: R) -> R:
        if self._ready_delay is not None and report is not None:
            from trivet.runpod.serverless.utils.rp_debugger import add_debugger_output

            add_debugger_output(report, self._ready_delay)
        return report

    def rehearse(self, job: Job) -> tuple[dict[str, Any], list[Any]]:
        """Runs the handler here and now, whatever its kind; the report on it, and the pieces that it gave."""
        pieces: list[Any] = []
        if not self.is_async:
            report = self.perform(job, pieces.append, lambda: False)
            assert report is not None  # nobody stops it
            return report, pieces
        import asyncio

        async def keep(piece: Any) -> None:
            pieces.append(piece)

        return asyncio.run(self.perform_later(job, keep)), pieces


def _waited_for(value: Awaitable[Any]) -> Any:
    import asyncio

    async def wait() -> Any:
        return await value

    return asyncio.run(wait())
