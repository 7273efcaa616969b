"""Organizations and their members."""

from __future__ import annotations

from trivet.sdk._async.session import AsyncSession
from trivet.sdk._requests import people as _requests
from trivet.sdk.models import OrganizationInfo


class AsyncOrganizations:
    """The organizations that the key may see. Roles are ``owner``, ``admin`` and ``member``."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list(self) -> list[OrganizationInfo]:
        """All organizations, without their members."""
        return await self._session.everything(OrganizationInfo, lambda cursor: _requests.organizations(cursor=cursor))

    async def create(self, name: str, *, public: bool = False) -> OrganizationInfo:
        """Make an organization; the asker becomes its owner.

        Args:
            name: the organization's.
            public: whether everybody may know of it, and share endpoints with it.

        Raises:
            ConflictError: the name is taken.
        """
        return await self._session.value(OrganizationInfo, _requests.organization_create(name, public=public))

    async def get(self, name: str) -> OrganizationInfo:
        """One organization with its members.

        Args:
            name: the organization's.
        """
        return await self._session.value(OrganizationInfo, _requests.organization(name))

    async def delete(self, name: str) -> None:
        """Delete an organization.

        Args:
            name: the organization's.
        """
        await self._session.send(_requests.organization_delete(name))

    async def add(self, name: str, account: str, *, role: str = "member") -> None:
        """Give an account a role in an organization, in place of the one that it had.

        Args:
            name: the organization's.
            account: the account's name.
            role: ``owner``, ``admin`` or ``member``.
        """
        await self._session.send(_requests.member_put(name, account, role))

    async def remove(self, name: str, account: str) -> None:
        """Take an account out of an organization.

        Args:
            name: the organization's.
            account: the account's name.
        """
        await self._session.send(_requests.member_delete(name, account))
