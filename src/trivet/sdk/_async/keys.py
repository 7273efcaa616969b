"""API keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from trivet.sdk._async.session import AsyncSession
from trivet.sdk._requests import people as _requests
from trivet.sdk.models import KeyInfo, NewKey


class AsyncKeys:
    """The keys of the account that asks; an administrator names another's."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list(self, *, account: str | None = None) -> list[KeyInfo]:
        """All keys, without their secrets.

        Args:
            account: whose; None for the asker's own.
        """
        return await self._session.everything(KeyInfo, lambda cursor: _requests.keys(account=account, cursor=cursor))

    async def create(
        self,
        *,
        label: str = "",
        scopes: Iterable[str] | None = None,
        expires_days: float | None = None,
        never_expires: bool = False,
        account: str | None = None,
        rate: str | None = None,
        concurrent: int | None = None,
    ) -> NewKey:
        """Make a key. Its token is in the answer, and never shown again.

        Args:
            label: what it is for.
            scopes: what it may be used for: ``call``, ``read``, ``deploy``, ``data``, ``work``, ``admin``; None for the
                usual ones.
            expires_days: days until it ends; None for half a year.
            never_expires: a key without an end, which must be asked for.
            account: whose; None for the asker's own.
            rate: how often it may call, such as ``100/min`` (s, min, h, day); None for as often as the account.
            concurrent: how many jobs it may have open, queued and running; None for as many as the account.
        """
        request = _requests.key_create(
            label=label,
            scopes=scopes,
            expires_days=expires_days,
            never_expires=never_expires,
            account=account,
            rate=rate,
            concurrent=concurrent,
        )
        return await self._session.value(NewKey, request)

    async def limit(
        self, key_id: str, *, rate: str | None = None, concurrent: int | Literal["none"] | None = None
    ) -> KeyInfo:
        """Change a key's limits. Those of its account go on to apply as well.

        Args:
            key_id: which key.
            rate: how often it may call, such as ``100/min``; ``none`` takes the limit away, None leaves it.
            concurrent: how many jobs it may have open; ``none`` takes the limit away, None leaves it.

        Raises:
            PermissionDeniedError: the client's own key has limits; such a key can't change any.
        """
        return await self._session.value(KeyInfo, _requests.key_limit(key_id, rate=rate, concurrent=concurrent))

    async def disable(self, key_id: str) -> KeyInfo:
        """Have a key stop to count at once, until it is enabled again.

        Args:
            key_id: the key's id, which is no secret.
        """
        return await self._session.value(KeyInfo, _requests.key_switch(key_id, disabled=True))

    async def enable(self, key_id: str) -> KeyInfo:
        """Have a key that was disabled count again.

        Args:
            key_id: the key's id.

        Raises:
            ConflictError: it is revoked.
        """
        return await self._session.value(KeyInfo, _requests.key_switch(key_id, disabled=False))

    async def rotate(self, key_id: str, *, overlap_hours: float = 24.0) -> NewKey:
        """A new token for a key.

        Args:
            key_id: the key's id, which stays.
            overlap_hours: hours for which the old token counts as well.

        Returns:
            The key with its token, which is shown this once.
        """
        return await self._session.value(NewKey, _requests.key_rotate(key_id, overlap_hours=overlap_hours))

    async def revoke(self, key_id: str) -> None:
        """End a key at once, and for good.

        Args:
            key_id: the key's id.
        """
        await self._session.send(_requests.key_revoke(key_id))
