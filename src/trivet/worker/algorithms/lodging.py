"""A lodging: where one child lives. A copy of the code, a home and a ``/tmp`` that nobody has used before."""

from __future__ import annotations

import threading
from pathlib import Path

from trivet.protocol.removal import remove_folder
from trivet.worker.programs import furnish

FIFO = "algoout"
"""The name of the pipe in ``/tmp`` that algorithms answer on."""


class Lodging:
    """The folders of one child: ``code``, a copy of the bundle that it may write to; ``home`` and ``tmp``, empty.

    ``fifo`` is where its pipe belongs, and ``spare`` where another one may be made.

    Args:
        folder: what holds them; it is made.
        bundle: the folder with the code.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self, folder: Path, bundle: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.tmp = folder / "tmp"
        self.fifo = self.tmp / FIFO
        self.spare = folder / FIFO
        for each in (folder, self.home, self.tmp):
            each.mkdir(0o700)
        self.tmp.chmod(0o1777)
        self.code = Path(furnish(bundle, str(folder)))

    def remove(self) -> None:
        """Removes it, in the background: a child may have left much behind, and nobody is to wait for that."""
        threading.Thread(target=remove_folder, args=(self.folder,), name="trivet-removal", daemon=True).start()
