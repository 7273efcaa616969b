# Generated from ../_async/accounts.py by scripts/unasync.py: change that file, then run the script.
"""Accounts: for administrators."""

from __future__ import annotations

from typing import Literal

from trivet.sdk._requests import people as _requests
from trivet.sdk._sync.session import Session
from trivet.sdk.models import AccountInfo


class Accounts:
    """The accounts of a server. All of this needs an administrator's key with the scope ``admin``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> list[AccountInfo]:
        """All accounts."""
        return self._session.everything(AccountInfo, lambda cursor: _requests.accounts(cursor=cursor))

    def create(self, name: str, *, email: str = "") -> AccountInfo:
        """Make an account.

        Args:
            name: the account's.
            email: its e-mail address, for which you vouch.

        Raises:
            ConflictError: the name is taken.
        """
        return self._session.value(AccountInfo, _requests.account_create(name, email=email))

    def get(self, name: str) -> AccountInfo:
        """One account.

        Args:
            name: the account's.
        """
        return self._session.value(AccountInfo, _requests.account(name))

    def update(
        self,
        name: str,
        *,
        disabled: bool | None = None,
        rate: str | None = None,
        concurrent: int | Literal["none"] | None = None,
        email: str | None = None,
    ) -> AccountInfo:
        """Change an account; what is None stays as it is.

        Args:
            name: whose.
            disabled: whether its keys stop to count.
            rate: how often all its keys together may call, such as ``100/min``; ``none`` takes the limit away.
            concurrent: how many jobs they may have open; ``none`` takes the limit away.
            email: its e-mail address, for which you vouch; an empty text takes it away.
        """
        request = _requests.account_update(name, disabled=disabled, rate=rate, concurrent=concurrent, email=email)
        return self._session.value(AccountInfo, request)

    def delete(self, name: str) -> None:
        """Delete an account.

        Args:
            name: the account's.
        """
        self._session.send(_requests.account_delete(name))
