"""A handler that calls, and keeps data, on behalf of whoever called it: without any key of its own."""

from __future__ import annotations

import pytest

import trivet
from tests.e2e.conftest import PROGRAMS


@pytest.fixture(scope="module")
def nesting(client: trivet.Client) -> trivet.Client:
    """The shared platform with handlers that ask for something themselves."""
    client.deploy(PROGRAMS / "nesting.py")
    return client


def test_a_handler_calls_another_and_keeps_data_of_its_caller(nesting: trivet.Client) -> None:
    output = nesting.endpoint("admin/nested_outer").run({"name": "Bond"}, timeout=60)
    assert output == {"said": "Hello Bond", "kept": "Hello Bond"}
    assert nesting.files.read("data://admin/nesting/said.txt") == b"Hello Bond"


def test_a_handler_sees_no_other_job_of_its_caller(nesting: trivet.Client) -> None:
    other = nesting.endpoint("admin/nested_inner").submit({"name": "secret"})
    assert other.result(timeout=60) == "Hello secret"
    output = nesting.endpoint("admin/nested_outer").run({"name": "spy", "tries": other.id}, timeout=60)
    assert output == {"refused": "not_found"}
