"""Lines that workers which poll write themselves: which job each is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from trivet.platform.services.attempts import Attempts
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.reception import Reception
from trivet.platform.services.workers import Workers


class Line(NamedTuple):
    """A line of a worker's output, as far as it is kept. ``job_id``: the job that it says it is about. ``is_last``: whether it
    says that the worker is through with that job, so that its result, if any, has come.
    """

    text: str
    job_id: str | None = None
    is_last: bool = False


Readers = Mapping[str, Callable[[str], Line]]
"""Who reads the lines of each kind of program that polls, by `Version.host`."""


class Lines:
    """Brings lines to the log of their job.

    Args:
        reception: where workers that poll are served.
        workers: the register of workers.
        attempts: what is told of lines that are about a job.
        endpoints: the catalogue.
        readers: who reads them.
    """

    def __init__(
        self, reception: Reception, workers: Workers, attempts: Attempts, endpoints: Endpoints, readers: Readers
    ) -> None:
        self._reception = reception
        self._workers = workers
        self._attempts = attempts
        self._endpoints = endpoints
        self._readers = readers

    def wrote(self, worker_id: str, text: str) -> bool:
        """A worker has written a line; see `Takes.wrote`."""
        read = self._reader(worker_id)
        if read is None:
            return False
        desk = self._reception.desk(worker_id)
        line = read(text)
        job_id = line.job_id
        held = desk.held if desk is not None else {}
        if job_id is None:
            job_id = next(iter(held)) if len(held) == 1 else ""
        elif desk is not None and job_id in held:
            desk.show(job_id)
            if line.is_last:
                desk.over.add(job_id)
        attempt = held.get(job_id)
        if desk is None or attempt is None:
            self._workers.wrote(worker_id, line.text)
        else:
            self._attempts.log(desk.ref(attempt), "stdout", f"{line.text}\n".encode(errors="replace"))
        return True

    def _reader(self, worker_id: str) -> Callable[[str], Line] | None:
        """Who reads a worker's lines; None where it is of a kind that has a link."""
        worker = self._workers.register.known(worker_id)
        version = self._endpoints.version(worker.version_id) if worker is not None else None
        return self._readers.get(version.host) if version is not None else None
