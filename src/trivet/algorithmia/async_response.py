"""What an algorithm answers that is called for nothing but its effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AsyncResponse", "Started"]


class AsyncResponse:
    """The answer to a call with ``output=OutputType.void``.

    Args:
        server_response: what the server said.

    Attributes:
        async_protocol: how it runs.
        request_id: its id.
    """

    def __init__(self, server_response: Mapping[str, Any]) -> None:
        self.async_protocol = server_response["async"]
        self.request_id = server_response["request_id"]

    def __repr__(self) -> str:
        return f"AsyncResponse(async_protocol={self.async_protocol}, request_id={self.request_id})"


Started = AsyncResponse
"""The same by another name, for both halves of the verbs."""
