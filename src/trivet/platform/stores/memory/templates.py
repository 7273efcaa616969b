"""Images, templates and registry credentials in memory."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import TypeVar

from trivet.platform.core.images import Image
from trivet.platform.core.registries import RegistryCredential
from trivet.platform.core.templates import Template
from trivet.platform.stores import errors
from trivet.platform.stores.memory.tables import Journal, Table

T = TypeVar("T", Image, Template, RegistryCredential)


class MemoryTemplates:
    """A `TemplateRepository`."""

    def __init__(self, journal: Journal) -> None:
        self._images: Table[str, Image] = Table(journal)
        self._templates: Table[str, Template] = Table(journal)
        self._credentials: Table[str, RegistryCredential] = Table(journal)

    def put_image(self, image: Image) -> None:
        """Adds the image, or takes it as it is now. Raises `Conflict` where its owner has another of that name."""
        _put(self._images, "image", image)

    def image(self, image_id: str) -> Image | None:
        """The image, or None."""
        return self._images.get(image_id)

    def image_named(self, owner_id: str, name: str) -> Image | None:
        """Upper and lower case are not the same."""
        return next((image for image in self._images if (image.owner_id, image.name) == (owner_id, name)), None)

    def images_of(self, owner_id: str) -> list[Image]:
        """By name."""
        return _of_owner(self._images, owner_id)

    def images(self) -> list[Image]:
        """All of them, in no order."""
        return list(self._images)

    def remove_image(self, image_id: str) -> bool:
        """Whether there was one."""
        return self._images.remove(image_id)

    def put(self, template: Template) -> None:
        """Adds the template, or takes it as it is now. Raises `Conflict` where its owner has another of that name."""
        _put(self._templates, "template", template)

    def get(self, template_id: str) -> Template | None:
        """The template, or None."""
        return self._templates.get(template_id)

    def of_owner(self, owner_id: str) -> list[Template]:
        """By name."""
        return _of_owner(self._templates, owner_id)

    def remove(self, template_id: str) -> bool:
        """Whether there was one."""
        return self._templates.remove(template_id)

    def put_credential(self, credential: RegistryCredential) -> None:
        """Adds the credential, or takes it as it is now. Raises `Conflict` where its owner has another of that name."""
        _put(self._credentials, "registry credential", credential)

    def credential(self, credential_id: str) -> RegistryCredential | None:
        """The credential, or None."""
        return self._credentials.get(credential_id)

    def credentials_of(self, owner_id: str) -> list[RegistryCredential]:
        """By name."""
        return _of_owner(self._credentials, owner_id)

    def remove_credential(self, credential_id: str) -> bool:
        """Whether there was one."""
        return self._credentials.remove(credential_id)


def _put(table: Table[str, T], noun: str, row: T) -> None:
    if any(other.id != row.id and (other.owner_id, other.name) == (row.owner_id, row.name) for other in table):
        raise errors.title_taken(noun, row.name)
    table.put(row.id, row)


def _of_owner(rows: Iterable[T], owner_id: str) -> list[T]:
    return sorted((row for row in rows if row.owner_id == owner_id), key=attrgetter("name"))
