"""The server itself."""

from __future__ import annotations

from trivet.sdk._http import Request


def readiness() -> Request:
    """Whether the server takes calls; needs no key."""
    return Request("GET", "/readyz", anonymous=True)
