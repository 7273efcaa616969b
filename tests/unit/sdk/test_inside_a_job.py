"""The key of a client that is made inside a worker."""

from __future__ import annotations

from trivet.authoring.reporting import CURRENT
from trivet.sdk._config import resolve

WORKER = {"TRIVET_WORKER_ID": "wrk_1", "TRIVET_URL": "http://127.0.0.1:1"}


class Job:
    """A job in hand."""

    credential = "trj_1_2"

    def progress(self, fraction: float, message: str) -> None:
        """Nobody listens."""


def test_inside_a_job_the_job_speaks_for_itself() -> None:
    token = CURRENT.set(Job())
    try:
        settings = resolve(environ=WORKER)
    finally:
        CURRENT.reset(token)
    assert (settings.url, settings.api_key) == ("http://127.0.0.1:1", "trj_1_2")


def test_outside_of_any_job_a_worker_has_no_key_and_says_why() -> None:
    settings = resolve(environ=WORKER)
    assert settings.api_key is None
    assert "inside the handler" in settings.withheld


def test_a_key_that_is_given_counts_in_a_worker_too() -> None:
    assert resolve(api_key="trv_a_b", environ=WORKER).api_key == "trv_a_b"
    assert resolve(environ={**WORKER, "TRIVET_API_KEY": "trv_c_d"}).api_key == "trv_c_d"
