"""The data folder: where everything lies, and who may use it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_LONGEST_SOCKET_PATH = 100
"""Bytes. Linux takes 107, macOS 103."""


class DataFolderError(Exception):
    """The folder can't be used; the message says why and what to do."""


class DataFolder:
    """One platform's folder, locked while that platform runs."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()  # workers and builds run in folders of their own
        self._lock: int | None = None
        self._socket_folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "trivet.db"

    @property
    def blobs(self) -> Path:
        """Large inputs, outputs and uploads."""
        return self.root / "blobs"

    @property
    def uploads(self) -> Path:
        """Uploads on their way."""
        return self.root / "uploads"

    @property
    def bundles(self) -> Path:
        """The code of each version, in a folder of its own. The builder makes it."""
        return self.root / "bundles"

    @property
    def master_key(self) -> Path:
        """The key that seals secrets."""
        return self.root / "master.key"

    @property
    def socket(self) -> Path:
        """Where workers connect. A unix socket's path is short by nature: where the folder's own is too long, it lies in
        the system's folder for temporary files.
        """
        path = self.root / "run" / "link.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        if self._socket_folder is None:
            self._socket_folder = tempfile.TemporaryDirectory(prefix="trivet-")
        return Path(self._socket_folder.name) / "link.sock"

    def open(self) -> None:
        """Makes the folder where it is missing, and locks it.

        Raises:
            DataFolderError: it can't be made, written, or another platform uses it.
        """
        try:
            for folder in (self.root, self.blobs, self.uploads, self.root / "run"):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.root / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(self._lock, 0)
            os.write(self._lock, f"{os.getpid()}\n".encode())
            self._clear_uploads()
        except BlockingIOError:
            self.close()
            raise DataFolderError(
                f"Another platform is using the data folder {self.root}. Stop it first, or choose another folder: --data DIR."
            ) from None
        except OSError as error:
            self.close()
            advice = (
                "Free some space on that disk." if error.errno == errno.ENOSPC else "Choose another one: --data DIR."
            )
            raise DataFolderError(f"The data folder {self.root} can't be used: {error.strerror}. {advice}") from None

    def _clear_uploads(self) -> None:
        for left_over in self.uploads.iterdir():
            if left_over.is_dir() and not left_over.is_symlink():
                shutil.rmtree(left_over)
            else:
                left_over.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets the folder go."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._socket_folder is not None:
            self._socket_folder.cleanup()
            self._socket_folder = None
