"""Accounts, organizations and memberships in memory."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter

from trivet.platform.core.accounts import Account, Membership, Organization
from trivet.platform.core.keys import ApiKey
from trivet.platform.core.pictures import Picture
from trivet.platform.stores import errors
from trivet.platform.stores.memory.tables import Journal, Table


class MemoryAccounts:
    """An `AccountRepository`. ``keys`` go with their account."""

    def __init__(self, journal: Journal, keys: Table[str, ApiKey]) -> None:
        self._keys = keys
        self._accounts: Table[str, Account] = Table(journal)
        self._organizations: Table[str, Organization] = Table(journal)
        self._memberships: Table[tuple[str, str], Membership] = Table(journal)
        self._pictures: Table[str, Picture] = Table(journal)

    def add(self, account: Account) -> None:
        """Raises `Conflict` where the name or the id is taken."""
        self._check(account)
        self._accounts.put(account.id, account)

    def save(self, account: Account) -> None:
        """Nothing happens where it is not there. Raises `Conflict` where the name is taken."""
        if account.id in self._accounts:
            self._check_name(account)
            self._accounts.put(account.id, account)

    def get(self, account_id: str) -> Account | None:
        """The account, or None."""
        return self._accounts.get(account_id)

    def named(self, name: str) -> Account | None:
        """Whatever the case of the letters."""
        return next((a for a in self._accounts if a.name.lower() == name.lower()), None)

    def all(self) -> list[Account]:
        """By name."""
        return sorted(self._accounts, key=_lower_name)

    def remove(self, account_id: str) -> None:
        """With its memberships and keys."""
        if self._accounts.remove(account_id):
            for membership in self.memberships_of(account_id):
                self.remove_membership(membership.organization_id, account_id)
            for key in [k for k in self._keys if k.account_id == account_id]:
                self._keys.remove(key.id)
            self._pictures.remove(account_id)

    def put_picture(self, account_id: str, picture: Picture) -> None:
        """Raises `Conflict` where the account is not there."""
        if account_id not in self._accounts:
            raise errors.missing("account", account_id)
        self._pictures.put(account_id, picture)

    def picture(self, account_id: str) -> Picture | None:
        """The account's, or None."""
        return self._pictures.get(account_id)

    def remove_picture(self, account_id: str) -> None:
        """Nothing happens where there is none."""
        self._pictures.remove(account_id)

    def add_organization(self, organization: Organization) -> None:
        """Raises `Conflict` where the name, the id or the number is taken."""
        self._check(organization)
        if organization.number and self.organization_numbered(organization.number) is not None:
            raise errors.id_taken("organization", str(organization.number))
        self._organizations.put(organization.id, organization)

    def organization(self, organization_id: str) -> Organization | None:
        """The organization, or None."""
        return self._organizations.get(organization_id)

    def organization_named(self, name: str) -> Organization | None:
        """Whatever the case of the letters."""
        return next((o for o in self._organizations if o.name.lower() == name.lower()), None)

    def organization_numbered(self, number: int) -> Organization | None:
        """The organization, or None."""
        return next((o for o in self._organizations if o.number == number != 0), None)

    def save_organization(self, organization: Organization) -> None:
        """Takes its name, its extras and whether it is public; nothing happens where it is not there.

        Raises `Conflict` where the name is taken.
        """
        known = self._organizations.get(organization.id)
        if known is not None:
            self._check_name(organization)
            name, extras, public = organization.name, organization.extras, organization.public
            self._organizations.put(known.id, replace(known, name=name, extras=extras, public=public))

    def organizations(self) -> list[Organization]:
        """By name."""
        return sorted(self._organizations, key=_lower_name)

    def remove_organization(self, organization_id: str) -> None:
        """With its memberships."""
        if self._organizations.remove(organization_id):
            for membership in self.members_of(organization_id):
                self.remove_membership(organization_id, membership.account_id)

    def put_membership(self, membership: Membership) -> None:
        """Raises `Conflict` where the organization or the account is not there."""
        if membership.organization_id not in self._organizations or membership.account_id not in self._accounts:
            raise errors.missing("organization or account", f"{membership.organization_id}, {membership.account_id}")
        self._memberships.put((membership.organization_id, membership.account_id), membership)

    def remove_membership(self, organization_id: str, account_id: str) -> None:
        """Nothing happens where it is not there."""
        self._memberships.remove((organization_id, account_id))

    def memberships_of(self, account_id: str) -> list[Membership]:
        """By organization id."""
        found = (m for m in self._memberships if m.account_id == account_id)
        return sorted(found, key=attrgetter("organization_id"))

    def members_of(self, organization_id: str) -> list[Membership]:
        """By account id."""
        found = (m for m in self._memberships if m.organization_id == organization_id)
        return sorted(found, key=attrgetter("account_id"))

    def _check(self, owner: Account | Organization) -> None:
        if owner.id in self._accounts or owner.id in self._organizations:
            raise errors.id_taken("owner", owner.id)
        self._check_name(owner)

    def _check_name(self, owner: Account | Organization) -> None:
        holder = self.named(owner.name) or self.organization_named(owner.name)
        if holder is not None and holder.id != owner.id:
            raise errors.owner_name_taken(owner.name)


def _lower_name(owner: Account | Organization) -> str:
    return owner.name.lower()
