"""Deployments and secrets in SQLite."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from trivet.platform.core.deployments import Deployment, DeploymentRequest, DeploymentStep, Secret
from trivet.platform.core.endpoints import VersionState
from trivet.platform.stores.sqlite.session import Session
from trivet.platform.stores.sqlite.statements import statements
from trivet.platform.stores.sqlite.values import decode_optional, encode, encode_optional, plain

_SQL = statements(
    "deployments",
    """
    id, account_id, owner_id, owner_name, request, state, created_at, hash, finished_at, steps, log, error, version_ids,
    image_id
    """,
)
_UNFINISHED = f"{_SQL.select} WHERE state = 'building' ORDER BY created_at, id"
_OF_ENDPOINT = f"{_SQL.select} WHERE request ->> '$.endpoint_id' = ? ORDER BY created_at DESC, id DESC LIMIT ?"
_PUT_SECRET = "REPLACE INTO secrets (owner_id, name, sealed, updated_at) VALUES (?, ?, ?, ?)"
_REMOVE_SECRET = "DELETE FROM secrets WHERE owner_id = ? AND name = ?"
_SECRETS_OF = "SELECT owner_id, name, sealed, updated_at FROM secrets WHERE owner_id = ? ORDER BY name"


class SqliteDeployments:
    """A `DeploymentRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, deployment: Deployment) -> None:
        """Records the deployment as it stands now."""
        self._session.execute(_SQL.put, _row(deployment))

    def get(self, deployment_id: str) -> Deployment | None:
        """The deployment, or None."""
        row = self._session.execute(f"{_SQL.select} WHERE id = ?", (deployment_id,)).fetchone()
        return None if row is None else _deployment(row)

    def unfinished(self) -> list[Deployment]:
        """Those that are building, oldest first."""
        return [_deployment(row) for row in self._session.execute(_UNFINISHED)]

    def of_endpoint(self, endpoint_id: str, limit: int) -> list[Deployment]:
        """Those that asked for the endpoint by its id, newest first."""
        return [_deployment(row) for row in self._session.execute(_OF_ENDPOINT, (endpoint_id, limit))]

    def put_secret(self, secret: Secret) -> None:
        """Adds the secret, or takes the place of the one of that name."""
        self._session.execute(_PUT_SECRET, (secret.owner_id, secret.name, secret.sealed, secret.updated_at))

    def remove_secret(self, owner_id: str, name: str) -> bool:
        """Whether there was one."""
        return self._session.execute(_REMOVE_SECRET, (owner_id, name)).rowcount > 0

    def secrets_of(self, owner_id: str) -> list[Secret]:
        """By name."""
        return [Secret(*row) for row in self._session.execute(_SECRETS_OF, (owner_id,))]


def _row(deployment: Deployment) -> tuple[Any, ...]:
    return (
        deployment.id,
        deployment.account_id,
        deployment.owner_id,
        deployment.owner_name,
        encode(asdict(deployment.request)),
        deployment.state.value,
        deployment.created_at,
        deployment.hash,
        deployment.finished_at,
        encode([[step.at, step.text] for step in deployment.steps]),
        plain(deployment.log),
        encode_optional(deployment.error),
        encode(deployment.version_ids),
        deployment.image_id,
    )


def _deployment(row: tuple[Any, ...]) -> Deployment:
    (
        id_,
        account_id,
        owner_id,
        owner_name,
        request,
        state,
        created_at,
        hash_,
        finished_at,
        steps,
        log,
        error,
        version_ids,
        image_id,
    ) = row
    problem = decode_optional(error)
    return Deployment(
        id=id_,
        account_id=account_id,
        owner_id=owner_id,
        owner_name=owner_name,
        request=_request(json.loads(request)),
        state=VersionState(state),
        created_at=created_at,
        hash=hash_,
        finished_at=finished_at,
        steps=tuple(DeploymentStep(at, text) for at, text in json.loads(steps)),
        log=log,
        error=None if problem is None else (problem[0], problem[1], problem[2]),
        version_ids=tuple(json.loads(version_ids)),
        image_id=image_id,
    )


def _request(fields: dict[str, Any]) -> DeploymentRequest:
    workers = fields["workers"]
    return DeploymentRequest(**{**fields, "workers": None if workers is None else tuple(workers)})
