"""The one way in which commands reach the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trivet.sdk import Client


def connect() -> Client:
    """A client for the server and the key that the environment or the profile names.

    Raises:
        trivet.sdk.errors.ConfigurationError: one of them can't be used.
    """
    from trivet.sdk import Client

    return Client()
