"""API keys in memory."""

from __future__ import annotations

from dataclasses import replace

from trivet.platform.core.keys import ApiKey
from trivet.platform.stores import errors
from trivet.platform.stores.memory.accounts import MemoryAccounts
from trivet.platform.stores.memory.tables import Table


class MemoryKeys:
    """A `KeyRepository`."""

    def __init__(self, keys: Table[str, ApiKey], accounts: MemoryAccounts) -> None:
        self._keys = keys
        self._accounts = accounts

    def add(self, key: ApiKey) -> None:
        """Raises `Conflict` where the id is taken or the account is not there."""
        if key.id in self._keys:
            raise errors.id_taken("key", key.id)
        if self._accounts.get(key.account_id) is None:
            raise errors.missing("account", key.account_id)
        self._keys.put(key.id, key)

    def save(self, key: ApiKey) -> None:
        """Nothing happens where it is not there."""
        if key.id in self._keys:
            self._keys.put(key.id, key)

    def get(self, key_id: str) -> ApiKey | None:
        """The key, or None."""
        return self._keys.get(key_id)

    def of_account(self, account_id: str) -> list[ApiKey]:
        """Oldest first."""
        return [key for key in self.all() if key.account_id == account_id]

    def all(self) -> list[ApiKey]:
        """Oldest first."""
        return sorted(self._keys, key=lambda key: (key.created_at, key.id))

    def touch(self, key_id: str, at: float) -> None:
        """Notes when the key was last used; nothing happens where it is not there."""
        key = self._keys.get(key_id)
        if key is not None:
            self._keys.put(key_id, replace(key, last_used_at=at))
