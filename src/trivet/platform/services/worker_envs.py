"""Worker environments: variables and secrets that come with a deployment, sealed, kept and opened again.

A build tries the code with what its workers will find. What a version was given stays with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.templates import without_platforms_own
from trivet.platform.core.worker_envs import (
    SealedEnv,
    WorkerEnv,
    check_startable,
    kept_sentence,
    next_env,
    overruled_sentence,
    version_before,
)
from trivet.platform.ports.builder import BuiltEndpoint
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.vault import Vault
from trivet.platform.services.owners import owner_by_id
from trivet.platform.services.secrets import Secrets, open_env, seal_env


class WorkerEnvs:
    """What deployments ask about environments; the rights of who deploys are checked by then.

    Args:
        store: where endpoints are.
        vault: seals variables.
        secrets: has the values of secrets.
    """

    def __init__(self, store: Store, vault: Vault, secrets: Secrets) -> None:
        self._store = store
        self._vault = vault
        self._secrets = secrets

    async def sealed(self, owner_id: str, wanted: WorkerEnv | None) -> SealedEnv | None:
        """What was asked for with an upload, checked and sealed; None where nothing was said.

        Args:
            owner_id: whose endpoints the upload becomes.
            wanted: what was asked for.

        Raises:
            BadRequest, TooLarge: it can't be.
            NotFound: the owner has no such secret.
            Unavailable: the platform's key does not open one.
        """
        if wanted is None:
            return None
        checked = wanted.check()
        await self._secrets.of_owner(owner_id, checked.secrets)
        return SealedEnv(seal_env(self._vault, checked.variables), checked.secrets)

    async def for_trial(self, owner_id: str, names: Sequence[str], given: SealedEnv | None) -> Mapping[str, str]:
        """What the workers of an owner's endpoints will find in their environment, for the trial of their code.

        Where the code holds several endpoints, it is loaded once for all of them: it finds what each of them will.

        Args:
            owner_id: whose endpoints they are, or will be.
            names: the endpoints' own names, without the owner's; they need not be there yet.
            given: what came with the deployment; None: nothing was said.

        Raises:
            Conflict: something was given, and an endpoint has a template.
            NotFound: a secret that is asked for is gone.
            TooLarge: it is more than a program can be started with.
            Unavailable: the platform's key does not open a value.
        """
        known = await self._store.read(lambda tx: _known(tx, owner_id, names, given))
        env: dict[str, str] = {}
        for endpoint, sealed in reversed(known):
            env |= await self._opened(owner_id, sealed)
            env |= await self._secrets.of_endpoint(endpoint.id)
        if given is not None and not known:
            env = await self._opened(owner_id, given)
        return check_startable(env)

    async def kept(self, owner_id: str, names: Sequence[str]) -> list[str]:
        """What is said of the endpoints whose next version keeps what the one before was given; a sentence each.

        Args:
            owner_id: whose endpoints they are, or will be.
            names: the endpoints' own names, without the owner's.

        Raises:
            Unavailable: the platform's key does not open the variables.
        """

        def unit(tx: Transaction) -> list[tuple[Endpoint, Version]]:
            found = _endpoints(tx, owner_id, names)
            before = [(endpoint, version_before(endpoint, tx.versions.of_endpoint(endpoint.id))) for endpoint in found]
            return [(e, version) for e, version in before if version is not None and e.template_id is None]

        said = []
        for endpoint, version in await self._store.read(unit):
            variables, secrets = list(self._variables(version.sealed_env)), version.settings.asked_secrets
            if variables or secrets:
                said.append(kept_sentence(endpoint.full_name, version.number, variables, secrets))
        return said

    def overruled(self, given: SealedEnv, found: Sequence[BuiltEndpoint]) -> list[str]:
        """What is said of variables that were given, and that a secret of the same name takes the place of; a sentence each.

        Args:
            given: what came with the deployment.
            found: what the upload holds.

        Raises:
            Unavailable: the platform's key does not open the variables.
        """
        variables = self._variables(given.variables)
        asked = ((item.name, [name for name in item.settings.secrets if name in variables]) for item in found)
        return [overruled_sentence(name, names) for name, names in asked if names]

    async def _opened(self, owner_id: str, sealed: SealedEnv) -> dict[str, str]:
        variables = without_platforms_own(self._variables(sealed.variables))
        return {**variables, **await self._secrets.of_owner(owner_id, sealed.secrets)}

    def _variables(self, sealed: bytes | None) -> dict[str, str]:
        try:
            return open_env(self._vault, sealed)
        except Unavailable as error:
            raise Unavailable(
                f"The variables that came with the version before can't be kept. {error.detail}",
                hint="Put the right key file back, or give them anew with `--env`, or leave them out with `--no-env`.",
            ) from error


# -- inside a unit of work ----------------------------------------------------------------------------------------------


def env_in(tx: Transaction, endpoint: Endpoint, versions: Sequence[Version], given: SealedEnv | None) -> SealedEnv:
    """What the workers of an endpoint's next version find in their environment besides, by what is on disk.

    Args:
        tx: where its template is.
        endpoint: whose version it will be.
        versions: all that it has, oldest first.
        given: what came with the deployment; None: nothing was said.

    Raises:
        Conflict: something was given, and the endpoint has a template.
    """
    template = None if endpoint.template_id is None else tx.templates.get(endpoint.template_id)
    return next_env(endpoint, template, version_before(endpoint, versions), given)


def _known(
    tx: Transaction, owner_id: str, names: Sequence[str], given: SealedEnv | None
) -> list[tuple[Endpoint, SealedEnv]]:
    return [
        (endpoint, env_in(tx, endpoint, tx.versions.of_endpoint(endpoint.id), given))
        for endpoint in _endpoints(tx, owner_id, names)
    ]


def _endpoints(tx: Transaction, owner_id: str, names: Sequence[str]) -> list[Endpoint]:
    """Those of an owner's endpoints that are there."""
    owner = owner_by_id(tx, owner_id)
    if owner is None:
        return []
    found = (tx.endpoints.named(owner.name, name) for name in names)
    return [endpoint for endpoint in found if endpoint is not None]
