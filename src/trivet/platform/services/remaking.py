"""Making an endpoint anew: what it should be, held against what it is, and a new version only where that differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from trivet.platform.core import ids, rollouts
from trivet.platform.core import templates as rules
from trivet.platform.core.endpoints import Endpoint, Version, next_number
from trivet.platform.core.images import Image
from trivet.platform.core.templates import Template
from trivet.platform.ports.stores import Transaction


def fresh_version_ids(now: float, entropy: bytes) -> Iterator[str]:
    """Ids for the versions of one unit of work, which can't draw chance itself and does not know how many it makes.

    Args:
        now: seconds since the epoch.
        entropy: eight random bytes.
    """
    number = int.from_bytes(entropy, "big")
    while True:
        yield ids.make("ver", now, (number % 2**64).to_bytes(8, "big"))
        number += 1


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes endpoints anew inside one unit of work.

    Attributes:
        tx: the unit's transaction.
        version_ids: ids for the versions that this makes.
        installed: kinds of GPU that the platform has, and how many.
        now: seconds since the epoch.
        account_id: who asks.
    """

    tx: Transaction
    version_ids: Iterator[str]
    installed: Mapping[str, int]
    now: float
    account_id: str

    def made(self, endpoint: Endpoint, image: Image, template: Template) -> tuple[Endpoint, Version]:
        """Stores a new endpoint, with its first version."""
        version = self._of(endpoint, image, template, fresh_id=next(self.version_ids), number="1.0.0")
        endpoint = rollouts.publish(endpoint, version.id, self.now)
        self.tx.endpoints.add(endpoint)
        self.tx.versions.add(version)
        return endpoint, version

    def remade(
        self, endpoint: Endpoint, image: Image | None, template: Template | None
    ) -> tuple[Endpoint, Version | None]:
        """Stores the endpoint, with a new current version where that would differ from the one it has."""
        current = None if endpoint.current_id is None else self.tx.versions.get(endpoint.current_id)
        wanted = self._wanted(endpoint, image, template, current)
        if template is not None:
            endpoint = replace(endpoint, template_id=template.id)
        if wanted is None or (current is not None and rules.does_the_same(wanted, current)):
            self.tx.endpoints.save(endpoint)
            return endpoint, None
        numbers = [version.number for version in self.tx.versions.of_endpoint(endpoint.id)]
        version = replace(wanted, id=next(self.version_ids), number=next_number(numbers))
        endpoint = rollouts.publish(endpoint, version.id, self.now)
        self.tx.endpoints.save(endpoint)
        self.tx.versions.add(version)
        return endpoint, version

    def _wanted(
        self, endpoint: Endpoint, image: Image | None, template: Template | None, current: Version | None
    ) -> Version | None:
        """The version that the endpoint should have, but for its id and number; None where there is nothing to make it of."""
        if image is not None and template is not None:
            return self._of(endpoint, image, template, fresh_id="", number="")
        if current is None:
            return None
        settings = endpoint.overrides.apply(current.settings, self.installed)
        return replace(current, settings=settings, created_at=self.now, created_by=self.account_id)

    def _of(self, endpoint: Endpoint, image: Image, template: Template, *, fresh_id: str, number: str) -> Version:
        version = image.version(
            endpoint, self.installed, fresh_id=fresh_id, number=number, now=self.now, by=self.account_id
        )
        return replace(version, sealed_env=template.sealed_env)
