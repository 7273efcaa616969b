"""Paths as they were sent: what a path means is read from these, as a name in it may have a slash that was encoded."""

from __future__ import annotations


def sent_path(path: str, raw_path: bytes, root: str = "") -> str:
    """A request's path, percent-encoded as it came.

    Args:
        path: decoded.
        raw_path: as it was sent; empty where that is not known.
        root: what a proxy in front has put before all paths, which is left out.
    """
    sent = raw_path.decode("latin-1") if raw_path else path
    return sent[len(root) :] if root and sent.startswith(root) else sent
