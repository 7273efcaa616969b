"""Images, templates and registry credentials in SQLite."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from trivet.platform.core.endpoints import HandlerKind
from trivet.platform.core.images import Image
from trivet.platform.core.registries import RegistryCredential
from trivet.platform.core.templates import Template
from trivet.platform.stores import errors
from trivet.platform.stores.sqlite.session import Session, refused
from trivet.platform.stores.sqlite.statements import Statements, statements
from trivet.platform.stores.sqlite.values import (
    decode_optional,
    decode_scaling,
    decode_settings,
    encode,
    encode_optional,
    plain,
)

_IMAGES = statements(
    "images",
    """
    id, owner_id, owner_name, name, hash, kind, host, handler, bundle, environment, settings, created_at, updated_at, scaling,
    description, input_schema, output_schema, deployment_id
    """,
)
_TEMPLATES = statements(
    "templates", "id, owner_id, owner_name, name, image, created_at, updated_at, sealed_env, extras"
)
_CREDENTIALS = statements("registry_credentials", "id, owner_id, name, username, sealed_password, created_at")


class SqliteTemplates:
    """A `TemplateRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put_image(self, image: Image) -> None:
        """Adds the image, or takes it as it is now. Raises `Conflict` where its owner has another of that name."""
        self._put(_IMAGES, "image", image.name, _image_row(image))

    def image(self, image_id: str) -> Image | None:
        """The image, or None."""
        row = self._session.execute(f"{_IMAGES.select} WHERE id = ?", (image_id,)).fetchone()
        return None if row is None else _image(row)

    def image_named(self, owner_id: str, name: str) -> Image | None:
        """Upper and lower case are not the same."""
        sql = f"{_IMAGES.select} WHERE owner_id = ? AND name = ?"
        row = self._session.execute(sql, (owner_id, name)).fetchone()
        return None if row is None else _image(row)

    def images_of(self, owner_id: str) -> list[Image]:
        """By name."""
        sql = f"{_IMAGES.select} WHERE owner_id = ? ORDER BY name"
        return [_image(row) for row in self._session.execute(sql, (owner_id,))]

    def images(self) -> list[Image]:
        """All of them, in no order."""
        return [_image(row) for row in self._session.execute(_IMAGES.select)]

    def remove_image(self, image_id: str) -> bool:
        """Whether there was one."""
        return self._session.execute("DELETE FROM images WHERE id = ?", (image_id,)).rowcount > 0

    def put(self, template: Template) -> None:
        """Adds the template, or takes it as it is now. Raises `Conflict` where its owner has another of that name."""
        self._put(_TEMPLATES, "template", template.name, _template_row(template))

    def get(self, template_id: str) -> Template | None:
        """The template, or None."""
        row = self._session.execute(f"{_TEMPLATES.select} WHERE id = ?", (template_id,)).fetchone()
        return None if row is None else _template(row)

    def of_owner(self, owner_id: str) -> list[Template]:
        """By name."""
        sql = f"{_TEMPLATES.select} WHERE owner_id = ? ORDER BY name"
        return [_template(row) for row in self._session.execute(sql, (owner_id,))]

    def remove(self, template_id: str) -> bool:
        """Whether there was one."""
        return self._session.execute("DELETE FROM templates WHERE id = ?", (template_id,)).rowcount > 0

    def put_credential(self, credential: RegistryCredential) -> None:
        """Adds the credential, or takes it as it is now. Raises `Conflict` where its owner has another of that name."""
        self._put(_CREDENTIALS, "registry credential", credential.name, _credential_row(credential))

    def credential(self, credential_id: str) -> RegistryCredential | None:
        """The credential, or None."""
        row = self._session.execute(f"{_CREDENTIALS.select} WHERE id = ?", (credential_id,)).fetchone()
        return None if row is None else RegistryCredential(*row)

    def credentials_of(self, owner_id: str) -> list[RegistryCredential]:
        """By name."""
        sql = f"{_CREDENTIALS.select} WHERE owner_id = ? ORDER BY name"
        return [RegistryCredential(*row) for row in self._session.execute(sql, (owner_id,))]

    def remove_credential(self, credential_id: str) -> bool:
        """Whether there was one."""
        return self._session.execute("DELETE FROM registry_credentials WHERE id = ?", (credential_id,)).rowcount > 0

    def _put(self, sql: Statements, noun: str, name: str, row: tuple[Any, ...]) -> None:
        # not `put`: a REPLACE would silently remove another row that has the name
        try:
            if not self._session.execute(sql.save, (*row, row[0])).rowcount:
                self._session.execute(sql.add, row)
        except sqlite3.IntegrityError as error:
            raise refused(error, {".name": errors.title_taken(noun, name)}) from None


def _image_row(image: Image) -> tuple[Any, ...]:
    return (
        image.id,
        image.owner_id,
        image.owner_name,
        image.name,
        image.hash,
        image.kind.value,
        image.host,
        plain(image.handler),
        image.bundle,
        image.environment,
        encode(asdict(image.settings)),
        image.created_at,
        image.updated_at,
        encode_optional(None if image.scaling is None else asdict(image.scaling)),
        plain(image.description),
        encode_optional(image.input_schema),
        encode_optional(image.output_schema),
        image.deployment_id,
    )


def _image(row: tuple[Any, ...]) -> Image:
    (
        id_,
        owner_id,
        owner_name,
        name,
        hash_,
        kind,
        host,
        handler,
        bundle,
        environment,
        settings,
        created_at,
        updated_at,
    ) = row[:13]
    scaling, description, input_schema, output_schema, deployment_id = row[13:]
    return Image(
        id=id_,
        owner_id=owner_id,
        owner_name=owner_name,
        name=name,
        hash=hash_,
        kind=HandlerKind(kind),
        host=host,
        handler=handler,
        bundle=bundle,
        environment=environment,
        settings=decode_settings(settings),
        created_at=created_at,
        updated_at=updated_at,
        scaling=None if scaling is None else decode_scaling(scaling),
        description=description,
        input_schema=decode_optional(input_schema),
        output_schema=decode_optional(output_schema),
        deployment_id=deployment_id,
    )


def _template_row(template: Template) -> tuple[Any, ...]:
    return (
        template.id,
        template.owner_id,
        template.owner_name,
        template.name,
        template.image,
        template.created_at,
        template.updated_at,
        template.sealed_env,
        encode(dict(template.extras)),
    )


def _template(row: tuple[Any, ...]) -> Template:
    id_, owner_id, owner_name, name, image, created_at, updated_at, sealed_env, extras = row
    return Template(id_, owner_id, owner_name, name, image, created_at, updated_at, sealed_env, json.loads(extras))


def _credential_row(credential: RegistryCredential) -> tuple[Any, ...]:
    return (
        credential.id,
        credential.owner_id,
        credential.name,
        credential.username,
        credential.sealed_password,
        credential.created_at,
    )
