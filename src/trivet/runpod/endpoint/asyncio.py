"""Endpoints and their jobs, for programs with an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

from trivet.runpod import _requests, _settings
from trivet.runpod._answers import out_of_time
from trivet.runpod._async import calls as asynchronous
from trivet.runpod._known import Known
from trivet.sdk._deadline import Deadline

__all__ = ["AsyncioEndpoint", "AsyncioJob", "Endpoint", "Job"]


class AsyncioJob(Known):
    """A job of an endpoint, for programs with an event loop.

    Args:
        endpoint_id: the endpoint.
        job_id: the job.
        session: accepted, and not needed: connections are our own.
        headers: whose ``Authorization`` is the key; the module's ``api_key`` where it is not given.

    Raises:
        AuthenticationError: there is no key.
    """

    def __init__(
        self, endpoint_id: str, job_id: str, session: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(endpoint_id, job_id)
        self.session = session
        self.headers = dict(headers or {})
        self.endpoint_url_base = _settings.current_url()
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self._calls = asynchronous.connected(self.endpoint_url_base, _settings.current_key(key))

    async def status(self) -> str:
        """As `Job.status`.

        Raises:
            RunPodError: there is no such job (any more), or no answer came.
        """
        if self.job_status is not None:
            return self.job_status
        return self.learn(await self._calls.look(self.endpoint_id, self.job_id)).status

    async def output(self, timeout: float = 0) -> Any:
        """What the job gave.

        A job that has failed has none: None is returned, and the log says why (as does `job_error`).

        Args:
            timeout: seconds to wait for the end of the job; with 0 it has to have ended already.

        Raises:
            TimedOutError: it has not ended in that time; it goes on.
            RunPodError: there is no such job (any more), or no answer came.
        """
        if self.job_status is not None:
            return self.job_output
        if timeout > 0:
            return self.learn(await self._calls.outcome(self.endpoint_id, self.job_id, Deadline(timeout))).output
        job = self.learn(await self._calls.look(self.endpoint_id, self.job_id))
        if not job.is_final:
            raise out_of_time(self.job_id)
        return job.output

    def stream(self) -> AsyncIterator[Any]:
        """As `Job.stream`, for ``async for``.

        Raises:
            RunPodError: there is no such job (any more), or no answer came.
        """
        return self._calls.pieces(self.endpoint_id, self.job_id)

    async def cancel(self) -> dict[str, Any]:
        """Cancels the job, and returns what the server says.

        Raises:
            RunPodError: there is no such job (any more), or no answer came.
        """
        return await self._calls.value(_requests.cancel(self.endpoint_id, self.job_id))


class AsyncioEndpoint:
    """An endpoint to call, for programs with an event loop.

    Args:
        endpoint_id: its id.
        session: accepted, and not needed: connections are our own.
        api_key: the key; the module's ``api_key`` where it is not given.

    Raises:
        AuthenticationError: there is no key (it is a RuntimeError, too).
        CredentialsError: ``endpoint_url_base`` is no URL.
    """

    def __init__(self, endpoint_id: str, session: Any = None, api_key: str | None = None) -> None:
        self.endpoint_id = endpoint_id
        self.session = session
        self.api_key = _settings.current_key(api_key)
        self.endpoint_url_base = _settings.current_url()
        self.endpoint_url = f"{self.endpoint_url_base}/{endpoint_id}/run"
        self.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.api_key}"}
        self._calls = asynchronous.connected(self.endpoint_url_base, self.api_key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint_id!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is to be ended: connections are shared by all who call the same server."""

    async def run(self, endpoint_input: Any) -> AsyncioJob:
        """Queues a job. Whatever is given is the input: it is wrapped, always.

        Raises:
            InputError: it can't be sent.
            RunPodError: it was refused, or no answer came.
        """
        job_id = await self._calls.submit(self.endpoint_id, {"input": endpoint_input})
        return AsyncioJob(self.endpoint_id, job_id, self.session, {**self.headers, "X-Request-ID": job_id})

    async def health(self) -> dict[str, Any]:
        """How many jobs and workers there are, by state.

        Raises:
            RunPodError: there is no such endpoint, or no answer came.
        """
        return await self._calls.value(_requests.health(self.endpoint_id))

    async def purge_queue(self) -> dict[str, Any]:
        """Drops the jobs that wait; those that run go on.

        Raises:
            RunPodError: there is no such endpoint, or no answer came.
        """
        return await self._calls.value(_requests.purge_queue(self.endpoint_id))


Endpoint = AsyncioEndpoint
"""As it is called in the original's module of this name."""
Job = AsyncioJob
"""As it is called in the original's module of this name."""
