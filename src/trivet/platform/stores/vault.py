"""The vault: seals secrets with the platform's own key, which lies in a file of the data folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from trivet.platform.core.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class FileVault:
    """A `Vault` with its key in a file that only its owner may read (Fernet: AES-128-CBC with HMAC-SHA256).

    The key is read, or made where there is none yet, when it is first needed.

    Args:
        path: the key file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, value: str) -> bytes:
        """The value, encrypted.

        Raises:
            Unavailable: the key file can't be read or made.
        """
        return self._fernet.encrypt(value.encode())

    def unseal(self, sealed: bytes) -> str:
        """The value that was sealed.

        Raises:
            Unavailable: the key does not fit, or can't be read.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise Unavailable(
                f"A secret can't be opened: the key in {self._path} is not the one it was sealed with.",
                hint="Put the right key file back, or set the secret again.",
            ) from None

    @cached_property
    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet

        try:
            key = self._read_or_make()
        except OSError as error:
            raise Unavailable(
                f"The key file {self._path} can't be used: {error.strerror}.",
                hint="Check that it belongs to the user who runs the platform.",
            ) from None
        try:
            return Fernet(key)
        except ValueError:
            raise Unavailable(
                f"The key file {self._path} does not hold a key.",
                hint="Put the right one back. Without it no secret can be opened: move the file away to start with a new key.",
            ) from None

    def _read_or_make(self) -> bytes:
        from cryptography.fernet import Fernet

        with suppress(FileNotFoundError):
            return self._path.read_bytes().strip()
        # written aside, synced and then linked: nobody ever sees half a key, and of two who begin at once one wins
        made = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(Fernet.generate_key() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(made, self._path)
        finally:
            made.unlink()
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._path.read_bytes().strip()
