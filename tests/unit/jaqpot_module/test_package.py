"""The package: all names are there when they are asked for, and nothing heavy comes along."""

from __future__ import annotations

import subprocess
import sys

import pytest

import trivet.jaqpot


@pytest.mark.parametrize("name", [*trivet.jaqpot.__all__, "exceptions", "models", "types"])
def test_every_name_is_found(name: str) -> None:
    assert getattr(trivet.jaqpot, name) is not None
    assert name in dir(trivet.jaqpot)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ModelApi'"):
        trivet.jaqpot.ModelApi  # noqa: B018 — it raises


def test_making_a_client_imports_nothing_heavy() -> None:
    program = """
import sys
from trivet.jaqpot import JaqpotApiClient
JaqpotApiClient(api_url="http://127.0.0.1:9", api_key="k", api_secret="s")
heavy = {"asyncio", "logging", "numpy", "pandas", "pydantic", "pyreqwest", "requests", "tempfile", "urllib3", "trivet.platform"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"
