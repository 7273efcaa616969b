"""Endpoints and their jobs, for programs that wait and for programs with an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from trivet.runpod import _requests, _settings
from trivet.runpod._answers import JobDocument, out_of_time
from trivet.runpod._async import calls as asynchronous
from trivet.runpod._sync import calls as synchronous
from trivet.sdk._deadline import Deadline

__all__ = ["AsyncioEndpoint", "AsyncioJob", "Endpoint", "Job", "RunPodClient"]


class RunPodClient:
    """A key and where it counts. Clients of the same key and server share their connections.

    Args:
        api_key: the key; the module's ``api_key`` where it is not given.

    Raises:
        AuthenticationError: there is no key (it is a RuntimeError, too).
        CredentialsError: ``endpoint_url_base`` is no URL.
    """

    def __init__(self, api_key: str | None = None) -> None:
        self.api_key = _settings.current_key(api_key)
        self.endpoint_url_base = _settings.current_url()
        self.calls = synchronous.connected(self.endpoint_url_base, self.api_key)
        """The conversation with the server."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint_url_base!r})"

    def post(self, endpoint: str, data: Mapping[str, Any] | None, timeout: float = 10) -> dict[str, Any]:
        """The answer to a POST below the base URL.

        Args:
            endpoint: the path.
            data: the body, sent as JSON.
            timeout: seconds to wait for the answer.

        Raises:
            RunPodError: it was refused, or no answer came.
        """
        return self.calls.value(_requests.raw("POST", endpoint, data), timeout)

    def get(self, endpoint: str, timeout: float = 10) -> dict[str, Any]:
        """The answer to a GET below the base URL.

        Args:
            endpoint: the path.
            timeout: seconds to wait for the answer.

        Raises:
            RunPodError: it was refused, or no answer came.
        """
        return self.calls.value(_requests.raw("GET", endpoint, None), timeout)


class _Known:
    """What has been learnt of a job: once it has ended, that is for good."""

    def __init__(self, endpoint_id: str, job_id: str) -> None:
        self.endpoint_id = endpoint_id
        self.job_id = job_id
        self.job_status: str | None = None
        self.job_output: Any = None
        self.job_error = ""
        """Why a job has failed; empty where it has not, or where that is not known yet."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint_id!r}, {self.job_id!r})"

    def _learn(self, job: JobDocument) -> JobDocument:
        if job.is_final and self.job_status is None:
            self.job_status, self.job_output, self.job_error = job.status, job.output, job.error
            synchronous.warn_of_failure(job, self.job_id)
        return job


class Job(_Known):
    """A job of an endpoint.

    Args:
        endpoint_id: the endpoint.
        job_id: the job.
        client: who asks.
    """

    def __init__(self, endpoint_id: str, job_id: str, client: RunPodClient) -> None:
        super().__init__(endpoint_id, job_id)
        self.rp_client = client

    def status(self) -> str:
        """``IN_QUEUE``, ``IN_PROGRESS``, ``COMPLETED``, ``FAILED``, ``CANCELLED`` or ``TIMED_OUT``.

        Raises:
            RunPodError: there is no such job (any more), or no answer came.
        """
        if self.job_status is not None:
            return self.job_status
        return self._learn(self.rp_client.calls.look(self.endpoint_id, self.job_id)).status

    def output(self, timeout: float = 0) -> Any:
        """What the job gave. It waits on the server, not beside it, where the server can do that.

        A job that has failed has none: None is returned, and the log says why (as does `job_error`).

        Args:
            timeout: seconds to wait for the end of the job; 0 asks what there is now, which may be its progress, or None.

        Raises:
            TimedOutError: it has not ended in that time; it goes on.
            RunPodError: there is no such job (any more), or no answer came.
        """
        if self.job_status is not None:
            return self.job_output
        calls = self.rp_client.calls
        if timeout > 0:
            return self._learn(calls.outcome(self.endpoint_id, self.job_id, Deadline(timeout))).output
        return self._learn(calls.look(self.endpoint_id, self.job_id)).output

    def stream(self) -> Iterator[Any]:
        """The pieces that the job gives, as they come. Each is given to one reader.

        Raises:
            RunPodError: there is no such job (any more), or no answer came.
        """
        return self.rp_client.calls.pieces(self.endpoint_id, self.job_id)

    def cancel(self, timeout: float = 3) -> Any:
        """Cancels the job.

        Args:
            timeout: seconds to wait for the answer.

        Returns:
            What the server says, such as ``{"id": …, "status": "CANCELLED"}``.

        Raises:
            RunPodError: there is no such job (any more), or no answer came.
        """
        return self.rp_client.calls.value(_requests.cancel(self.endpoint_id, self.job_id), timeout)


class Endpoint:
    """An endpoint to call.

    Args:
        endpoint_id: its id.
        api_key: the key; the module's ``api_key`` where it is not given.

    Raises:
        AuthenticationError: there is no key (it is a RuntimeError, too).
        CredentialsError: ``endpoint_url_base`` is no URL.
    """

    def __init__(self, endpoint_id: str, api_key: str | None = None) -> None:
        self.endpoint_id = endpoint_id
        self.rp_client = RunPodClient(api_key=api_key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint_id!r})"

    def run(self, request_input: Mapping[str, Any]) -> Job:
        """Queues a job.

        Args:
            request_input: the input. Where it has an ``input`` of its own that is not empty, it is the whole body of the
                call, with ``webhook``, ``policy`` and the like beside it.

        Raises:
            InputError: it can't be sent.
            RunPodError: it was refused, or no answer came.
        """
        job_id = self.rp_client.calls.submit(self.endpoint_id, _requests.wrapped(request_input))
        return Job(self.endpoint_id, job_id, self.rp_client)

    def run_sync(self, request_input: Mapping[str, Any], timeout: float = 86400) -> Any:
        """Calls, and waits for the output.

        Args:
            request_input: as for `run`.
            timeout: seconds to wait.

        Returns:
            The output; None where the job has failed, and the log says why.

        Raises:
            TimedOutError: the job has not ended in that time; it goes on.
            RunPodError: it was refused, or no answer came.
        """
        job = self.rp_client.calls.call(self.endpoint_id, _requests.wrapped(request_input), timeout)
        synchronous.warn_of_failure(job, job.job_id)
        return job.output

    def health(self, timeout: float = 3) -> dict[str, Any]:
        """How many jobs and workers there are, by state.

        Args:
            timeout: seconds to wait for the answer.

        Raises:
            RunPodError: there is no such endpoint, or no answer came.
        """
        return self.rp_client.calls.value(_requests.health(self.endpoint_id), timeout)

    def purge_queue(self, timeout: float = 3) -> dict[str, Any]:
        """Drops the jobs that wait; those that run go on.

        Args:
            timeout: seconds to wait for the answer.

        Raises:
            RunPodError: there is no such endpoint, or no answer came.
        """
        return self.rp_client.calls.value(_requests.purge_queue(self.endpoint_id), timeout)


class AsyncioJob(_Known):
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
        return self._learn(await self._calls.look(self.endpoint_id, self.job_id)).status

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
            return self._learn(await self._calls.outcome(self.endpoint_id, self.job_id, Deadline(timeout))).output
        job = self._learn(await self._calls.look(self.endpoint_id, self.job_id))
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
