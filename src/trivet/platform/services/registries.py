"""Registry credentials: kept for runtimes that pull container images. No runtime here does so yet, so nothing reads them."""

from __future__ import annotations

from dataclasses import replace

from trivet.platform.core import ids
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.errors import BadRequest, Conflict, NotFound
from trivet.platform.core.registries import RegistryCredential
from trivet.platform.core.templates import check_title, is_text
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.vault import Vault
from trivet.platform.services import access

MAX_CREDENTIALS = 200
"""Credentials of one account, at most."""
MAX_FIELD = 8 * 1024
"""Characters of a user name or a password, at most: some registries take whole tokens."""


class Registries:
    """The use cases around registry credentials. All are about one's own account, and take the scope ``deploy``.

    A password is sealed before it is stored, and never comes back out.
    """

    def __init__(self, store: Store, clock: Clock, entropy: Entropy, vault: Vault) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._vault = vault

    async def list(self, principal: Principal) -> list[RegistryCredential]:
        """The account's credentials, by name."""
        access.require(principal, Scope.DEPLOY)
        return await self._store.read(lambda tx: tx.templates.credentials_of(principal.account_id))

    async def add(self, principal: Principal, name: str, username: str, password: str) -> RegistryCredential:
        """Keeps a new credential.

        Raises:
            BadRequest: a value can't be.
            Conflict: the account has one of that name, or as many as may be.
        """
        access.require(principal, Scope.DEPLOY)
        check_title("registry credential", name)
        _check(username, password)
        now = self._clock()
        fresh = RegistryCredential(
            ids.make_opaque(self._entropy(10)), principal.account_id, name, username, self._vault.seal(password), now
        )

        def unit(tx: Transaction) -> None:
            if len(tx.templates.credentials_of(principal.account_id)) >= MAX_CREDENTIALS:
                raise Conflict(
                    f"There are {MAX_CREDENTIALS} registry credentials already, which is the most there may be."
                )
            tx.templates.put_credential(fresh)

        await self._store.write(unit)
        return fresh

    async def change(
        self, principal: Principal, credential_id: str, username: str, password: str
    ) -> RegistryCredential:
        """Gives a credential another user name and password.

        Raises:
            BadRequest: a value can't be.
            NotFound: the account has none of that id.
        """
        access.require(principal, Scope.DEPLOY)
        _check(username, password)
        sealed = self._vault.seal(password)

        def unit(tx: Transaction) -> RegistryCredential:
            changed = replace(_own(tx, principal, credential_id), username=username, sealed_password=sealed)
            tx.templates.put_credential(changed)
            return changed

        return await self._store.write(unit)

    async def remove(self, principal: Principal, credential_id: str) -> None:
        """Forgets a credential.

        Raises:
            NotFound: the account has none of that id.
        """
        access.require(principal, Scope.DEPLOY)
        await self._store.write(lambda tx: tx.templates.remove_credential(_own(tx, principal, credential_id).id))


def _own(tx: Transaction, principal: Principal, credential_id: str) -> RegistryCredential:
    found = tx.templates.credential(credential_id)
    if found is None or found.owner_id != principal.account_id:
        raise NotFound.of("registry credential", credential_id)
    return found


def _check(username: str, password: str) -> None:
    if not username or len(username) > MAX_FIELD or not username.isprintable():
        raise BadRequest(f"A user name has 1 to {MAX_FIELD} printable characters.")
    if not password or len(password) > MAX_FIELD or not is_text(password):
        raise BadRequest(f"A password has 1 to {MAX_FIELD} characters of text.")
