"""Profiles: what people show of themselves, and how they like things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from trivet.platform.core.accounts import Account, Principal, Scope
from trivet.platform.core.errors import Forbidden, NotFound, Unauthenticated
from trivet.platform.core.pictures import Picture
from trivet.platform.core.templates import check_extras
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import access

T = TypeVar("T")


class Profiles:
    """The use cases around what an account shows.

    That there is an account of a name, and its picture, is for everybody; what a caller shows of it to whom is the caller's care.

    Args:
        store: where accounts are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, name: str) -> Account:
        """The account of a name, for everybody.

        Raises:
            NotFound: there is none, or it is disabled.
        """
        return await self._store.read(lambda tx: _face(tx, name))

    async def own(self, principal: Principal) -> Account:
        """One's own account. Takes the scope ``read``."""
        access.require(principal, Scope.READ)
        return await self._store.read(lambda tx: _own(tx, principal))

    async def amend(
        self, principal: Principal, format_: str, decide: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> Account:
        """Changes what a dialect keeps with one's own account. Takes the scope ``deploy``.

        Args:
            principal: who asks.
            format_: the dialect's name.
            decide: given what it keeps now, an empty mapping where nothing; gives what it shall keep.

        Raises:
            TooLarge: that is over its limit.
        """
        return await self._change(
            principal,
            lambda _, account: replace(
                account,
                extras=check_extras({**account.extras, format_: dict(decide(account.extras.get(format_, {})))}),
            ),
        )

    async def picture(self, name: str) -> Picture:
        """The picture of the account of a name, for everybody.

        Raises:
            NotFound: there is none.
        """

        def unit(tx: Transaction) -> Picture:
            found = tx.accounts.picture(_face(tx, name).id)
            if found is None:
                raise NotFound(f"{name[:80]!r} has no picture.")
            return found

        return await self._store.read(unit)

    async def set_picture(self, principal: Principal, data: bytes) -> Account:
        """Keeps an image as the picture of one's own account. Takes the scope ``deploy``.

        Raises:
            BadRequest, TooLarge: it is none that can be kept.
        """
        picture = Picture.read(data)

        def change(tx: Transaction, account: Account) -> Account:
            tx.accounts.put_picture(account.id, picture)
            return replace(account, picture=picture.digest)

        return await self._change(principal, change)

    async def remove_picture(self, principal: Principal) -> Account:
        """Forgets the picture of one's own account. Takes the scope ``deploy``.

        Raises:
            NotFound: it has none.
        """

        def change(tx: Transaction, account: Account) -> Account:
            if not account.picture:
                raise NotFound("Your account has no picture.")
            tx.accounts.remove_picture(account.id)
            return replace(account, picture="")

        return await self._change(principal, change)

    async def _change(self, principal: Principal, change: Callable[[Transaction, Account], Account]) -> Account:
        access.require(principal, Scope.DEPLOY)
        if principal.within is not None:
            raise Forbidden("A job may not change the account that it acts for.")

        def unit(tx: Transaction) -> Account:
            changed = change(tx, _own(tx, principal))
            tx.accounts.save(changed)
            return changed

        return await self._store.write(unit)


def _own(tx: Transaction, principal: Principal) -> Account:
    found = tx.accounts.get(principal.account_id)
    if found is None:
        raise Unauthenticated
    return found


def _face(tx: Transaction, name: str) -> Account:
    found = tx.accounts.named(name)
    if found is None or found.disabled:
        raise NotFound(f"There is no user {name[:80]!r}.", hint="Check the spelling.")
    return found
