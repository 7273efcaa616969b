"""Secrets: given to the workers of endpoints that name them."""

from __future__ import annotations

from trivet.sdk._async.session import AsyncSession
from trivet.sdk._requests import people as _requests
from trivet.sdk.models import SecretInfo


class AsyncSecrets:
    """Secrets of the account that asks, or of another owner that it manages. A value goes in and never comes back."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list(self, *, owner: str | None = None) -> list[SecretInfo]:
        """The names of all secrets.

        Args:
            owner: whose: an account or an organization; None: the account that asks.
        """
        return await self._session.everything(SecretInfo, lambda cursor: _requests.secrets(owner, cursor=cursor))

    async def set(self, name: str, value: str, *, owner: str | None = None) -> None:
        """Store a secret, in place of the one of that name.

        Args:
            name: also the name of the variable that workers find it in.
            value: a text; it is kept encrypted.
            owner: whose endpoints may have it, as in `list`.
        """
        await self._session.send(_requests.secret_put(name, value, owner))

    async def delete(self, name: str, *, owner: str | None = None) -> None:
        """Delete a secret.

        Args:
            name: as it was stored.
            owner: whose it is, as in `list`.
        """
        await self._session.send(_requests.secret_delete(name, owner))
