"""Endpoints and their jobs, for programs that wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trivet.runpod import _requests, _settings
from trivet.runpod._known import Known, warn_of_failure
from trivet.runpod._sync import calls as synchronous
from trivet.sdk._deadline import Deadline

__all__ = ["Endpoint", "Job", "RunPodClient"]


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


class Job(Known):
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
        return self.learn(self.rp_client.calls.look(self.endpoint_id, self.job_id)).status

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
            return self.learn(calls.outcome(self.endpoint_id, self.job_id, Deadline(timeout))).output
        return self.learn(calls.look(self.endpoint_id, self.job_id)).output

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
        warn_of_failure(job, job.job_id)
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
