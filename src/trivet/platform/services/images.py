"""Images: builds under a name, that endpoints can be made of.

An image belongs to an account or an organization. An account can use its own, those of the organizations that it belongs to,
and those of the platform's first administrator: that is how an operator publishes images for everybody. Where a name stands
for several of them, the first in this order counts.
"""

from __future__ import annotations

from difflib import get_close_matches

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.errors import Forbidden, NotFound
from trivet.platform.core.images import Image
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import access
from trivet.platform.services.owners import organizations_of, owner_by_id, with_roles

_SHOWN = 5


class Images:
    """The use cases around images; `Deployments` publishes them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, principal: Principal, name: str | None = None) -> list[Image]:
        """The images that the principal can use: its own first, and by name within each owner. Takes the scope ``read``.

        Args:
            principal: who asks.
            name: only those of exactly this name; None: all.
        """
        access.require(principal, Scope.READ)
        usable = await self._store.read(lambda tx: usable_images(tx, principal.account_id))
        return [image for image in usable if name is None or image.name == name]

    async def get(self, principal: Principal, image_id: str) -> Image:
        """One image that the principal can use. Takes the scope ``read``.

        Raises:
            NotFound: there is none that it may know of.
        """
        access.require(principal, Scope.READ)
        return await self._store.read(lambda tx: _usable(tx, principal, image_id))

    async def remove(self, principal: Principal, image_id: str) -> Image:
        """Forgets an image. Endpoints that were made of it keep what they have. For those who manage its owner.

        Raises:
            NotFound: there is none that the principal may know of.
            Forbidden: it can use the image, but does not manage its owner.
        """
        access.require(principal, Scope.DEPLOY)

        def unit(tx: Transaction) -> Image:
            image = _usable(tx, principal, image_id)
            if not with_roles(tx, principal).manages(image.owner_id):
                raise Forbidden(
                    f"Only {image.owner_name!r}, or an owner or admin of that organization, may remove the image {image.name!r}."
                )
            tx.templates.remove_image(image.id)
            return image

        return await self._store.write(unit)


# -- inside a unit of work ----------------------------------------------------------------------------------------------


def usable_images(tx: Transaction, account_id: str) -> list[Image]:
    """The images that an account can use, in the order in which they count."""
    return [image for owner_id in _owners(tx, account_id) for image in tx.templates.images_of(owner_id)]


def find_image(tx: Transaction, account_id: str, name: str) -> Image | None:
    """What the name of an image stands for when an account says it."""
    found = (tx.templates.image_named(owner_id, name) for owner_id in _owners(tx, account_id))
    return next((image for image in found if image is not None), None)


def unknown_image(tx: Transaction, account_id: str, name: str) -> NotFound:
    """What to say where a name stands for no image that an account can use."""
    names = list(dict.fromkeys(image.name for image in usable_images(tx, account_id)))
    shown = (get_close_matches(name, names, n=_SHOWN, cutoff=0.5) or names)[:_SHOWN]
    there = f" These are published: {', '.join(shown)}." if shown else ""
    return NotFound(
        f"No image {name!r} is published here.", hint=f"Publish it: `trivet deploy DIR --image {name}`.{there}"
    )


def publisher_for_all(tx: Transaction) -> str | None:
    """The id of the account whose images every account can use: the platform's first administrator."""
    administrators = [account for account in tx.accounts.all() if account.administrator and not account.disabled]
    first = min(administrators, key=lambda account: (account.created_at, account.id), default=None)
    return None if first is None else first.id


def _owners(tx: Transaction, account_id: str) -> list[str]:
    ids = [
        account_id,
        *(organization.id for organization, _ in organizations_of(tx, account_id)),
        publisher_for_all(tx),
    ]
    return list(dict.fromkeys(owner_id for owner_id in ids if owner_id is not None))


def _usable(tx: Transaction, principal: Principal, image_id: str) -> Image:
    image = tx.templates.image(image_id)
    known = image is not None and (principal.administers() or image.owner_id in _owners(tx, principal.account_id))
    if image is None or not known or owner_by_id(tx, image.owner_id) is None:
        raise NotFound.of("image", image_id)
    return image
