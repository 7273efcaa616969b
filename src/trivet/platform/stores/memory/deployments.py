"""Deployments and secrets in memory."""

from __future__ import annotations

from operator import attrgetter

from trivet.platform.core.deployments import Deployment, Secret
from trivet.platform.core.endpoints import VersionState
from trivet.platform.stores.memory.tables import Journal, Table


class MemoryDeployments:
    """A `DeploymentRepository`."""

    def __init__(self, journal: Journal) -> None:
        self._deployments: Table[str, Deployment] = Table(journal)
        self._secrets: Table[tuple[str, str], Secret] = Table(journal)

    def put(self, deployment: Deployment) -> None:
        """Records the deployment as it stands now."""
        self._deployments.put(deployment.id, deployment)

    def get(self, deployment_id: str) -> Deployment | None:
        """The deployment, or None."""
        return self._deployments.get(deployment_id)

    def unfinished(self) -> list[Deployment]:
        """Those that are building, oldest first."""
        found = (d for d in self._deployments if d.state is VersionState.BUILDING)
        return sorted(found, key=lambda deployment: (deployment.created_at, deployment.id))

    def of_endpoint(self, endpoint_id: str, limit: int) -> list[Deployment]:
        """Those that asked for the endpoint by its id, newest first."""
        found = (d for d in self._deployments if d.request.endpoint_id == endpoint_id)
        return sorted(found, key=attrgetter("created_at", "id"), reverse=True)[:limit]

    def put_secret(self, secret: Secret) -> None:
        """Adds the secret, or takes the place of the one of that name."""
        self._secrets.put((secret.owner_id, secret.name), secret)

    def remove_secret(self, owner_id: str, name: str) -> bool:
        """Whether there was one."""
        return self._secrets.remove((owner_id, name))

    def secrets_of(self, owner_id: str) -> list[Secret]:
        """By name."""
        return sorted((s for s in self._secrets if s.owner_id == owner_id), key=attrgetter("name"))
