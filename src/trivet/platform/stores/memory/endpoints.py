"""Endpoints in memory."""

from __future__ import annotations

from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.stores import errors
from trivet.platform.stores.memory.tables import Journal, Table


class MemoryEndpoints:
    """An `EndpointRepository`. ``versions`` go with their endpoint."""

    def __init__(self, journal: Journal, versions: Table[str, Version]) -> None:
        self._endpoints: Table[str, Endpoint] = Table(journal)
        self._versions = versions

    def add(self, endpoint: Endpoint) -> None:
        """Raises `Conflict` saying which of opaque id, integer id and name is taken."""
        if endpoint.id in self._endpoints:
            raise errors.id_taken("endpoint", endpoint.id)
        self._check(endpoint)
        self._endpoints.put(endpoint.id, endpoint)

    def save(self, endpoint: Endpoint) -> None:
        """Nothing happens where it is not there. Raises `Conflict` where the name or the integer id is taken."""
        if endpoint.id in self._endpoints:
            self._check(endpoint)
            self._endpoints.put(endpoint.id, endpoint)

    def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint, or None."""
        return self._endpoints.get(endpoint_id)

    def named(self, owner_name: str, name: str) -> Endpoint | None:
        """Whatever the case of the letters."""
        full_name = f"{owner_name}/{name}".lower()
        return next((e for e in self._endpoints if e.full_name.lower() == full_name), None)

    def model(self, model_id: int) -> Endpoint | None:
        """By its integer id."""
        return next((e for e in self._endpoints if e.model_id == model_id), None)

    def of_template(self, template_id: str) -> list[Endpoint]:
        """Those that were made from a template, by full name."""
        return [endpoint for endpoint in self.all() if endpoint.template_id == template_id]

    def all(self) -> list[Endpoint]:
        """By full name."""
        return sorted(self._endpoints, key=lambda endpoint: endpoint.full_name.lower())

    def remove(self, endpoint_id: str) -> None:
        """With its versions. Its jobs stay."""
        if self._endpoints.remove(endpoint_id):
            for version in [v for v in self._versions if v.endpoint_id == endpoint_id]:
                self._versions.remove(version.id)

    def _check(self, endpoint: Endpoint) -> None:
        holder = self.named(endpoint.owner_name, endpoint.name)
        if holder is not None and holder.id != endpoint.id:
            raise errors.endpoint_name_taken(endpoint.full_name)
        holder = None if endpoint.model_id is None else self.model(endpoint.model_id)
        if holder is not None and holder.id != endpoint.id:
            raise errors.model_id_taken(endpoint.model_id)
