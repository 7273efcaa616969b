"""Owners inside a unit of work: accounts and organizations share one space of names, and both own endpoints."""

from __future__ import annotations

from dataclasses import replace

from trivet.platform.core.accounts import Account, Organization, Principal, Role
from trivet.platform.core.endpoints import Endpoint
from trivet.platform.core.errors import Conflict, NotFound
from trivet.platform.ports.stores import Transaction
from trivet.platform.services.access import require_manager

Owner = Account | Organization


def owner_by_id(tx: Transaction, owner_id: str) -> Owner | None:
    """The account or the organization with an id."""
    return tx.accounts.get(owner_id) or tx.accounts.organization(owner_id)


def owner_named(tx: Transaction, name: str) -> Owner | None:
    """The account or the organization with a name, whatever the case of its letters."""
    return tx.accounts.named(name) or tx.accounts.organization_named(name)


def ensure_owner(tx: Transaction, fresh: Account) -> Owner:
    """The owner with the id or the name of ``fresh``, which is added where there is neither."""
    owner = owner_by_id(tx, fresh.id) or owner_named(tx, fresh.name)
    if owner is None:
        tx.accounts.add(fresh)
        return fresh
    return owner


def with_roles(tx: Transaction, principal: Principal) -> Principal:
    """The principal with the roles that it has now; those it brought may be some seconds old."""
    return replace(
        principal, roles={m.organization_id: m.role for m in tx.accounts.memberships_of(principal.account_id)}
    )


def organizations_of(tx: Transaction, account_id: str) -> tuple[tuple[Organization, Role], ...]:
    """The organizations that an account belongs to, by name, with its role in each."""
    found = [(tx.accounts.organization(m.organization_id), m.role) for m in tx.accounts.memberships_of(account_id)]
    known = [(organization, role) for organization, role in found if organization is not None]
    return tuple(sorted(known, key=lambda pair: pair[0].name.lower()))


def managed_owner(tx: Transaction, principal: Principal, name: str | None) -> Owner:
    """The owner of that name, where the principal manages it; its own account where ``name`` is None.

    Raises:
        NotFound: there is none that it may know of.
        Forbidden: it is a plain member of that organization.
    """
    current = with_roles(tx, principal)
    owner = tx.accounts.get(principal.account_id) if name is None else owner_named(tx, name)
    if owner is None or not (current.manages(owner.id) or current.owns(owner.id)):
        raise NotFound.of("owner", name or principal.account_name)
    if isinstance(owner, Organization):
        require_manager(current, owner)
    return owner


def owner_for_deployment(tx: Transaction, principal: Principal, name: str | None, fresh_id: str, now: float) -> Owner:
    """Under whom a deployment goes: what `managed_owner` gives, except that administrators may name one who is missing.

    That one is not added here: it comes to be when the deployment is published.

    Raises:
        NotFound, Forbidden: as `managed_owner`.
    """
    if name is not None and principal.administers() and owner_named(tx, name) is None:
        return Account(fresh_id, name, now)
    return managed_owner(tx, principal, name)


def check_owns_nothing(tx: Transaction, owner: Owner, deed: str = "removed") -> None:
    """Raises `Conflict`, saying what to do, where the owner still has endpoints, so that the deed can't be done."""
    owned = [endpoint for endpoint in tx.endpoints.all() if endpoint.owner_id == owner.id]
    if owned:
        raise Conflict(
            f"{owner.name!r} still owns {_names(owned)}, so it can't be {deed}.",
            hint=f"Delete {'it' if len(owned) == 1 else 'them'} first: `trivet endpoints delete {owned[0].full_name}`.",
        )


def remove_belongings(tx: Transaction, owner_id: str) -> None:
    """Forgets every secret, image, template and registry credential of an owner."""
    for secret in tx.deployments.secrets_of(owner_id):
        tx.deployments.remove_secret(owner_id, secret.name)
    for image in tx.templates.images_of(owner_id):
        tx.templates.remove_image(image.id)
    for template in tx.templates.of_owner(owner_id):
        tx.templates.remove(template.id)
    for credential in tx.templates.credentials_of(owner_id):
        tx.templates.remove_credential(credential.id)


def _names(endpoints: list[Endpoint]) -> str:
    shown = ", ".join(endpoint.full_name for endpoint in endpoints[:3])
    more = len(endpoints) - 3
    return shown if more <= 0 else f"{shown} and {more} more"
