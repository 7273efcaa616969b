"""Sealing secrets at rest."""

from __future__ import annotations

from typing import Protocol


class Vault(Protocol):
    """Encrypts and decrypts with the platform's own key."""

    def seal(self, value: str) -> bytes: ...
    def unseal(self, sealed: bytes) -> str:
        """Raises `Unavailable` where the key does not fit."""
