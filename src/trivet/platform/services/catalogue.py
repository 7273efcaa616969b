"""The catalogue: every endpoint and version in memory, so that a call needs no look-up on disk."""

from __future__ import annotations

from collections.abc import Iterable

from trivet.platform.core.endpoints import Endpoint, EndpointReference, Version, VersionState


class Catalogue:
    """Endpoints by ids and name, versions by id and endpoint. A look-up is one or two dictionaries."""

    def __init__(self) -> None:
        self._endpoints: dict[str, Endpoint] = {}
        self._by_name: dict[str, str] = {}
        self._by_model: dict[int, str] = {}
        self._versions: dict[str, Version] = {}
        self._versions_of: dict[str, dict[str, Version]] = {}

    def load(self, endpoints: Iterable[Endpoint], versions: Iterable[Version]) -> None:
        """Begins anew with what a store holds."""
        for index in (self._endpoints, self._by_name, self._by_model, self._versions, self._versions_of):
            index.clear()
        for endpoint in endpoints:
            self.put(endpoint)
        for version in sorted(versions, key=lambda version: version.created_at):
            self.put_version(version)

    # -- looking ------------------------------------------------------------------------------------------------------

    def find(self, reference: EndpointReference) -> Endpoint | None:
        """What a reference means; names are compared whatever the case of their letters."""
        if reference.name is not None:
            endpoint_id = self._by_name.get(f"{reference.owner}/{reference.name}".lower())
        elif reference.model_id is not None:
            endpoint_id = self._by_model.get(reference.model_id)
        else:
            endpoint_id = reference.id
        return self._endpoints.get(endpoint_id) if endpoint_id is not None else None

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint with an opaque id."""
        return self._endpoints.get(endpoint_id)

    def endpoints(self) -> Iterable[Endpoint]:
        """All of them, in no order."""
        return self._endpoints.values()

    def version(self, version_id: str | None) -> Version | None:
        """The version with an id."""
        return self._versions.get(version_id) if version_id is not None else None

    def versions_of(self, endpoint_id: str) -> list[Version]:
        """The versions of an endpoint, oldest first."""
        return list(self._versions_of.get(endpoint_id, {}).values())

    def warm(self) -> list[str]:
        """The ids of versions that keep workers even when there is nothing to do: those that calls go to unnamed."""
        return [
            version.id
            for endpoint in self._endpoints.values()
            if endpoint.scaling.minimum > 0
            for version in map(self.version, endpoint.serving)
            if version is not None and version.state is VersionState.READY
        ]

    # -- changing -----------------------------------------------------------------------------------------------------

    def put(self, endpoint: Endpoint) -> None:
        """Adds an endpoint, or takes it as it is now."""
        before = self._endpoints.get(endpoint.id)
        if before is not None:
            self._unindex(before)
        self._endpoints[endpoint.id] = endpoint
        self._by_name[endpoint.full_name.lower()] = endpoint.id
        if endpoint.model_id is not None:
            self._by_model[endpoint.model_id] = endpoint.id

    def put_version(self, version: Version) -> None:
        """Adds a version of an endpoint that is known."""
        self._versions[version.id] = version
        self._versions_of.setdefault(version.endpoint_id, {})[version.id] = version

    def remove(self, endpoint_id: str) -> None:
        """Forgets an endpoint and its versions."""
        endpoint = self._endpoints.pop(endpoint_id, None)
        if endpoint is not None:
            self._unindex(endpoint)
        for version_id in self._versions_of.pop(endpoint_id, {}):
            del self._versions[version_id]

    def _unindex(self, endpoint: Endpoint) -> None:
        self._by_name.pop(endpoint.full_name.lower(), None)
        if endpoint.model_id is not None:
            self._by_model.pop(endpoint.model_id, None)
