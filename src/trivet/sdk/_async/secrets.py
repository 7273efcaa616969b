"""Secrets: given to the workers of endpoints that name them."""

from __future__ import annotations

from trivet.sdk._async.session import AsyncSession
from trivet.sdk._requests import people as _requests
from trivet.sdk.models import SecretInfo


class AsyncSecrets:
    """The secrets of the account that asks. A value goes in and never comes back."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list(self) -> list[SecretInfo]:
        """The names of all secrets."""
        return await self._session.everything(SecretInfo, lambda cursor: _requests.secrets(cursor=cursor))

    async def set(self, name: str, value: str) -> None:
        """Store a secret, in place of the one of that name.

        Args:
            name: also the name of the variable that workers find it in.
            value: a text; it is kept encrypted.
        """
        await self._session.send(_requests.secret_put(name, value))

    async def delete(self, name: str) -> None:
        """Delete a secret.

        Args:
            name: as it was stored.
        """
        await self._session.send(_requests.secret_delete(name))
