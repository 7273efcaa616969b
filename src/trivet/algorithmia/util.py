"""Names of places, and checksums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trivet.algorithmia.errors import InputError

if TYPE_CHECKING:
    import os

__all__ = ["getParentAndBase", "md5_for_file", "md5_for_str", "pathJoin"]
_PIECE = 1 << 20


def getParentAndBase(path: str) -> tuple[str, str]:
    """Where something lies, and what it is called there: ``data://me/photos`` and ``a.jpg`` of ``data://me/photos/a.jpg``.

    Raises:
        InputError: it lies nowhere; also a `ValueError`.
    """
    scheme, mark, place = path.partition("://")
    if mark:
        parent, _, name = place.rpartition("/")
        return f"{scheme}{mark}{parent}", name
    parent, slash, name = path.removesuffix("/").rpartition("/")
    if not slash or not name:
        raise InputError("Invalid path", hint="A path has an owner and a name: `data://.my/photos`.")
    return parent, name


def pathJoin(parent: str, base: str) -> str:
    """What is called ``base`` in ``parent``."""
    return f"{parent}{base}" if parent.endswith("/") else f"{parent}/{base}"


def md5_for_file(fname: str | os.PathLike[str]) -> str:
    """The MD5 of a file's content, in hexadecimal."""
    import hashlib
    from pathlib import Path

    digest = hashlib.md5(usedforsecurity=False)
    with Path(fname).open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def md5_for_str(content: str) -> str:
    """The MD5 of a text in UTF-8, in hexadecimal."""
    import hashlib

    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
