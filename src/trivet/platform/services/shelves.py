"""Shelves: from a path of hosted data to the collection and the file that are meant, inside a unit of work."""

from __future__ import annotations

from trivet.platform.core.accounts import Account, Principal
from trivet.platform.core.data import Collection, File, ReadAcl, Wish, readable, refusal
from trivet.platform.core.data_paths import MY, DataPath, Space
from trivet.platform.core.endpoints import may_see
from trivet.platform.core.errors import BadRequest, NotFound
from trivet.platform.ports.stores import Transaction
from trivet.platform.services.owners import Owner, owner_named, with_roles


def owner_of(tx: Transaction, principal: Principal, path: DataPath) -> Owner | None:
    """Whom the first name of a path of the space `Space.HOSTED` means; None: nobody."""
    if path.owner is None or path.owner == MY:
        return tx.accounts.get(principal.account_id)
    return owner_named(tx, path.owner)


def circle_of(tx: Transaction, owner_id: str) -> frozenset[str]:
    """The ids of the organizations that an owner belongs to."""
    return frozenset(membership.organization_id for membership in tx.accounts.memberships_of(owner_id))


def is_known(tx: Transaction, principal: Principal, owner: Owner | None) -> bool:
    """Whether the principal may know that the owner exists: it is one of its own, or has something that it may read."""
    if owner is None:
        return False
    acls = readable(principal, owner.id, circle_of(tx, owner.id))
    return ReadAcl.PRIVATE in acls or bool(tx.data.of_owner(owner.id, acls, limit=1))


def find(tx: Transaction, principal: Principal, path: DataPath, wish: Wish) -> Collection:
    """The collection that a path names, where the principal may do with it what it wishes.

    What lies under ``.session`` and ``.algo`` is always there: where nothing has been written yet, the collection has no id.

    Raises:
        BadRequest: the path names no collection, or one that there is only inside a job.
        NotFound: it does not exist, or the principal may not know that it does.
        Forbidden: the principal may not do that, or its key lacks the scope ``data``.
    """
    if not path.is_collection:
        raise BadRequest(f"{path.text} is not the path of a collection.", hint="Write data://OWNER/COLLECTION.")
    current = with_roles(tx, principal)
    if path.kind is Space.HOSTED:
        owner = owner_of(tx, current, path)
        found = None if owner is None else tx.data.get(Space.HOSTED, owner.id, path.collection or "")
        circle = frozenset[str]() if owner is None else circle_of(tx, owner.id)
    else:
        owner, circle, found = None, frozenset(), _kept_for(tx, current, path)
    refused = refusal(current, found, circle, wish, path.text)
    if isinstance(refused, NotFound) and owner is not None and current.owns(owner.id):
        raise NotFound(refused.detail, hint=f"Make it first: `trivet files mkdir {path.text}`.")
    if refused is not None or found is None:
        raise refused or NotFound.of("collection", path.text)
    return found


def find_file(tx: Transaction, principal: Principal, path: DataPath, name: str, wish: Wish = Wish.READ) -> File:
    """The file of that name in the collection where ``path`` lies. Raises as `find`, and `NotFound` where there is none."""
    found = find(tx, principal, path.parent, wish)
    file = tx.data.file(found.id, name)
    if file is None:
        raise NotFound.of("file", path.text)
    return file


def _kept_for(tx: Transaction, principal: Principal, path: DataPath) -> Collection | None:
    """What an endpoint or a session keeps for the account that asks; None where the principal may not know of the endpoint."""
    name = _session(principal, path) if path.kind is Space.SESSION else _endpoint(tx, principal, path)
    if name is None:
        return None
    known = tx.data.get(path.kind, principal.account_id, name)
    account = tx.accounts.get(principal.account_id)
    if known is not None or account is None:
        return known
    return _unwritten(path.kind, account, name)


def _unwritten(space: Space, account: Account, name: str) -> Collection:
    now = account.created_at
    return Collection("", account.id, account.name, name, space, ReadAcl.PRIVATE, now, now)


def _session(principal: Principal, path: DataPath) -> str:
    if principal.within is None:
        raise BadRequest(
            f"{path.text} is there only inside a call: it is what the endpoints of one call share until it ends.",
            hint="Outside, use a collection: data://.my/…",
        )
    return principal.within.root_id


def _endpoint(tx: Transaction, principal: Principal, path: DataPath) -> str | None:
    if path.author is None or path.endpoint is None:
        if principal.within is None:
            raise BadRequest(
                f"{path.text} is there only inside an endpoint, where it means that endpoint's own.",
                hint=f"Outside, write data://.algo/OWNER/NAME/{path.kind}.",
            )
        return principal.within.endpoint_id
    endpoint = tx.endpoints.named(path.author, path.endpoint)
    if endpoint is None:
        return None
    is_there = tx.data.get(path.kind, principal.account_id, endpoint.id) is not None
    return endpoint.id if is_there or may_see(principal, endpoint) else None
