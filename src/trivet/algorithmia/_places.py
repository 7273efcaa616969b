"""Where files and directories lie."""

from __future__ import annotations

from trivet.algorithmia.errors import DataApiError

LOCAL = "file://"


def path_of(url: str) -> str:
    """The path of ``data://owner/collection/name``, of ``/owner/collection/name``, or of another scheme's address, as it is."""
    return url[7:] if url.startswith("data://") else url.removeprefix("/")


def local_path(url: str) -> str:
    """The path of a local file's address."""
    return url.replace(LOCAL, "", 1)


def safe_name(name: str) -> str:
    """A name in a listing as that of a local file.

    Raises:
        DataApiError: a file of this name would lie elsewhere.
    """
    if name in {"", ".", ".."} or "/" in name or "\\" in name or "\0" in name:
        raise DataApiError(f"A file named {name!r} can't be saved here.", hint="Read it by its own address.")
    return name
