"""Handlers that ask the platform for something themselves, without a key."""

from __future__ import annotations

from typing import Any

import trivet


@trivet.endpoint(workers=(0, 2))
def nested_inner(name: str) -> str:
    """Is called by another."""
    return f"Hello {name}"


@trivet.endpoint(workers=(0, 1))
def nested_outer(name: str, tries: str = "") -> dict[str, Any]:
    """Calls another, and keeps what that said with its caller's data."""
    with trivet.Client() as client:
        if tries:
            try:
                client.job(tries).result(timeout=5)
            except trivet.TrivetError as error:
                return {"refused": error.code}
        said = client.endpoint("admin/nested_inner").run({"name": name})
        if not client.files.exists("data://.my/nesting"):
            client.files.create("data://.my/nesting")
        client.files.write("data://.my/nesting/said.txt", said)
        return {"said": said, "kept": client.files.read("data://.my/nesting/said.txt").decode()}
