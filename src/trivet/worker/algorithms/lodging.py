"""A lodging: where one child lives. A copy of the code, a home and a ``/tmp`` that nobody has used before."""

from __future__ import annotations

import os
import shutil
import threading
from typing import NamedTuple

from trivet.worker.programs import furnish

FIFO = "algoout"
"""The name of the pipe in ``/tmp`` that algorithms answer on."""


class Lodging(NamedTuple):
    """The folders of one child.

    Attributes:
        folder: what holds the others.
        code: a copy of the bundle, which the child may write to.
        home: an empty folder.
        tmp: an empty folder but for the pipe.
    """

    folder: str
    code: str
    home: str
    tmp: str

    @classmethod
    def make(cls, folder: str, bundle: str) -> Lodging:
        """Makes a lodging.

        Args:
            folder: where; it must not be there yet.
            bundle: the folder with the code.

        Raises:
            OSError: it can't be made.
        """
        home, tmp = os.path.join(folder, "home"), os.path.join(folder, "tmp")
        for each in (folder, home, tmp):
            os.mkdir(each, 0o700)
        os.chmod(tmp, 0o1777)
        os.mkfifo(os.path.join(tmp, FIFO), 0o600)
        os.chmod(os.path.join(tmp, FIFO), 0o644)
        return cls(folder, furnish(bundle, folder), home, tmp)

    @property
    def fifo(self) -> str:
        """The pipe, as it is found from outside."""
        return os.path.join(self.tmp, FIFO)

    def remove(self) -> None:
        """Removes it, in the background: a child may have left much behind, and nobody waits for that."""
        threading.Thread(
            target=shutil.rmtree, args=(self.folder,), kwargs={"ignore_errors": True}, name="trivet-removal", daemon=True
        ).start()
