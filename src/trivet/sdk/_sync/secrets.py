# Generated from ../_async/secrets.py by scripts/unasync.py: change that file, then run the script.
"""Secrets: given to the workers of endpoints that name them."""

from __future__ import annotations

from trivet.sdk._requests import people as _requests
from trivet.sdk._sync.session import Session
from trivet.sdk.models import SecretInfo


class Secrets:
    """The secrets of the account that asks. A value goes in and never comes back."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> list[SecretInfo]:
        """The names of all secrets."""
        return self._session.everything(SecretInfo, lambda cursor: _requests.secrets(cursor=cursor))

    def set(self, name: str, value: str) -> None:
        """Store a secret, in place of the one of that name.

        Args:
            name: also the name of the variable that workers find it in.
            value: a text; it is kept encrypted.
        """
        self._session.send(_requests.secret_put(name, value))

    def delete(self, name: str) -> None:
        """Delete a secret.

        Args:
            name: as it was stored.
        """
        self._session.send(_requests.secret_delete(name))
