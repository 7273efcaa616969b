"""The server extra: the platform is imported by the few commands that run one, and may not be installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trivet.cli.errors import Failure

INSTALL = 'pip install "trivet[server]"'


@contextmanager
def server_extra() -> Iterator[None]:
    """Put the import of the platform inside.

    Raises:
        Failure: a library of the server extra is missing; says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "trivet":
            raise
        raise Failure(
            f"Running a platform needs the server extra, which is not installed here ({missing} is missing).", INSTALL
        ) from error
