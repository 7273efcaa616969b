"""Bundles, written from a mapping of names to text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

HELLO = """
import trivet

@trivet.endpoint(workers=(0, 3), timeout=60)
def hello(name: str, times: int = 1) -> str:
    return " ".join([f"Hello {name}"] * times)
"""


def bundle_of(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
    return folder
