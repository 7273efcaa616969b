"""Versions in memory."""

from __future__ import annotations

from trivet.platform.core.endpoints import Version, VersionState
from trivet.platform.stores import errors
from trivet.platform.stores.memory.endpoints import MemoryEndpoints
from trivet.platform.stores.memory.tables import Table


class MemoryVersions:
    """A `VersionRepository`."""

    def __init__(self, versions: Table[str, Version], endpoints: MemoryEndpoints) -> None:
        self._versions = versions
        self._endpoints = endpoints

    def add(self, version: Version) -> None:
        """Raises `Conflict` where the id or the number is taken, or the endpoint is not there."""
        if version.id in self._versions:
            raise errors.id_taken("version", version.id)
        self._check_number(version)
        if self._endpoints.get(version.endpoint_id) is None:
            raise errors.missing("endpoint", version.endpoint_id)
        self._versions.put(version.id, version)

    def save(self, version: Version) -> None:
        """Nothing happens where it is not there. Raises `Conflict` where the number is taken."""
        if version.id in self._versions:
            self._check_number(version)
            self._versions.put(version.id, version)

    def get(self, version_id: str) -> Version | None:
        """The version, or None."""
        return self._versions.get(version_id)

    def of_endpoint(self, endpoint_id: str) -> list[Version]:
        """Oldest first."""
        return [version for version in self.all() if version.endpoint_id == endpoint_id]

    def all(self) -> list[Version]:
        """Oldest first."""
        return sorted(self._versions, key=lambda version: (version.created_at, version.id))

    def _check_number(self, version: Version) -> None:
        if version.state is VersionState.FAILED:
            return
        for other in self._versions:
            if (
                other.id != version.id
                and (other.endpoint_id, other.number) == (version.endpoint_id, version.number)
                and other.state is not VersionState.FAILED
            ):
                raise errors.number_taken(version.number)
