"""Secrets: named values that workers get in their environment. Their values never come back out by the API.

An owner's secrets are for those of its endpoints that ask for them by name; an endpoint's own are for all its workers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.deployments import Secret
from trivet.platform.core.endpoints import Endpoint, Version, refusal
from trivet.platform.core.errors import BadRequest, Conflict, NotFound, TooLarge, Unavailable
from trivet.platform.core.templates import without_platforms_own
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.vault import Vault
from trivet.platform.services import access
from trivet.platform.services.owners import managed_owner, owner_by_id

MAX_VALUE = 64 * 1024
"""Bytes of a value, at most."""
MAX_SECRETS = 200
"""Secrets of one owner, at most."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# what a worker's environment is made of: a secret of that name would break the worker instead of reaching the handler
_TAKEN = re.compile(r"TRIVET_.*|LD_.*|DYLD_.*|PYTHON.*|PATH|HOME|TMPDIR|LANG|LC_.*|TZ", re.IGNORECASE)


class Secrets:
    """The use cases around secrets. All take the scope ``deploy``, and a role that manages the owner."""

    def __init__(self, store: Store, clock: Clock, vault: Vault) -> None:
        self._store = store
        self._clock = clock
        self._vault = vault

    async def names(self, principal: Principal, owner: str | None = None) -> list[str]:
        """The names of an owner's secrets, sorted. ``owner`` is an account's or an organization's name; None: one's own."""
        access.require(principal, Scope.DEPLOY)

        def unit(tx: Transaction) -> list[str]:
            owner_id = managed_owner(tx, principal, owner).id
            return sorted(secret.name for secret in tx.deployments.secrets_of(owner_id))

        return await self._store.read(unit)

    async def put(
        self, principal: Principal, name: str, value: str, owner: str | None = None, *, fresh: bool = False
    ) -> None:
        """Sets a secret; workers that start from now on get it.

        Args:
            principal: who asks.
            name: how the handler finds it in its environment.
            value: up to 64 KiB of text; it is sealed before it is stored.
            owner: an account's or an organization's name; None: one's own.
            fresh: only where there is none of that name yet.

        Raises:
            BadRequest: the name or the value can't stand in an environment.
            TooLarge: the value is over its limit.
            Conflict: the owner has as many secrets as may be; or one of that name, and it was to be a fresh one.
        """
        access.require(principal, Scope.DEPLOY)
        _check(name, value)
        now, sealed = self._clock(), self._vault.seal(value)

        def unit(tx: Transaction) -> None:
            owner_id = managed_owner(tx, principal, owner).id
            if fresh and any(secret.name == name for secret in tx.deployments.secrets_of(owner_id)):
                raise Conflict(
                    f"There is a secret {name!r} already.",
                    hint=f"Delete it first, or set it anew with `trivet secrets set {name}`.",
                )
            _put(tx, Secret(owner_id, name, sealed, now))

        await self._store.write(unit)

    async def remove(self, principal: Principal, name: str, owner: str | None = None) -> None:
        """Forgets a secret; workers that run keep what they were started with.

        Raises:
            NotFound: the owner has none of that name.
        """
        access.require(principal, Scope.DEPLOY)

        def unit(tx: Transaction) -> None:
            if not tx.deployments.remove_secret(managed_owner(tx, principal, owner).id, name):
                raise NotFound.of("secret", name)

        await self._store.write(unit)

    # -- an endpoint's own --------------------------------------------------------------------------------------------

    async def names_of_endpoint(self, principal: Principal, endpoint: Endpoint) -> dict[str, float]:
        """The names of an endpoint's own secrets, sorted, and when each was set. For those who manage it (scope ``deploy``)."""
        _check_manages(principal, endpoint)
        found = await self._store.read(lambda tx: tx.deployments.secrets_of(endpoint.id))
        return {secret.name: secret.updated_at for secret in found}

    async def put_for_endpoint(self, principal: Principal, endpoint: Endpoint, name: str, value: str) -> None:
        """Sets a secret of one endpoint, for all its workers that start from now on. For those who manage it (scope ``deploy``).

        Raises:
            BadRequest, TooLarge, Conflict: as for `put`.
        """
        _check_manages(principal, endpoint)
        _check(name, value)
        now, sealed = self._clock(), self._vault.seal(value)

        def unit(tx: Transaction) -> None:
            if tx.endpoints.get(endpoint.id) is None:
                raise NotFound.of("endpoint", endpoint.full_name)
            _put(tx, Secret(endpoint.id, name, sealed, now))

        await self._store.write(unit)

    async def remove_from_endpoint(self, principal: Principal, endpoint: Endpoint, name: str) -> None:
        """Forgets a secret of one endpoint. For those who manage it (scope ``deploy``).

        Raises:
            NotFound: the endpoint has none of that name.
        """
        _check_manages(principal, endpoint)

        def unit(tx: Transaction) -> None:
            if not tx.deployments.remove_secret(endpoint.id, name):
                raise NotFound.of("secret", name)

        await self._store.write(unit)

    # -- for workers --------------------------------------------------------------------------------------------------

    async def of_owner(self, owner_id: str, names: Iterable[str]) -> dict[str, str]:
        """The values that a version asked for, for its workers; unchecked.

        Raises:
            NotFound: some are not set; the sentence names all of these.
            Unavailable: the platform's key does not open them.
        """
        wanted = list(dict.fromkeys(names))
        owner, sealed = await self._store.read(
            lambda tx: (
                owner_by_id(tx, owner_id),
                {secret.name: secret.sealed for secret in tx.deployments.secrets_of(owner_id)},
            )
        )
        missing = [name for name in wanted if name not in sealed]
        if missing:
            of, option = (f" of {owner.name}", f" --owner {owner.name}") if owner is not None else ("", "")
            noun, are = ("secret", "is") if len(missing) == 1 else ("secrets", "are")
            raise NotFound(
                f"The {noun} {', '.join(missing)}{of} {are} not set: `trivet secrets set {missing[0]}{option}`."
            )
        return {name: self._vault.unseal(sealed[name]) for name in wanted}

    async def of_endpoint(self, endpoint_id: str) -> dict[str, str]:
        """An endpoint's own secrets with their values, for its workers; unchecked.

        Raises:
            Unavailable: the platform's key does not open them.
        """
        found = await self._store.read(lambda tx: tx.deployments.secrets_of(endpoint_id))
        return {secret.name: self._vault.unseal(secret.sealed) for secret in found}

    def env_of(self, version: Version) -> dict[str, str]:
        """What a version's workers get in their environment besides, but for what the platform sets itself; unchecked.

        Raises:
            Unavailable: the platform's key does not open it.
        """
        return without_platforms_own(open_env(self._vault, version.sealed_env))

    def env_names(self, version: Version) -> list[str] | None:
        """The names of what `env_of` gives, sorted; None where the platform's key does not open it. Unchecked."""
        try:
            return sorted(self.env_of(version))
        except Unavailable:
            return None


def seal_env(vault: Vault, env: Mapping[str, str]) -> bytes | None:
    """The variables of a template as they are stored; None where there are none."""
    return vault.seal(json.dumps(dict(env))) if env else None


def open_env(vault: Vault, sealed: bytes | None) -> dict[str, str]:
    """What `seal_env` was given, in order.

    Raises:
        Unavailable: the platform's key does not open it.
    """
    return {} if sealed is None else {str(name): str(value) for name, value in json.loads(vault.unseal(sealed)).items()}


def _check_manages(principal: Principal, endpoint: Endpoint) -> None:
    refused = refusal(principal, endpoint, Scope.DEPLOY, endpoint.full_name)
    if refused is not None:
        raise refused


def _put(tx: Transaction, secret: Secret) -> None:
    known = {each.name for each in tx.deployments.secrets_of(secret.owner_id)}
    if secret.name not in known and len(known) >= MAX_SECRETS:
        raise Conflict(
            f"There are {MAX_SECRETS} secrets already, which is the most one owner or one endpoint may have."
        )
    tx.deployments.put_secret(secret)


def _check(name: str, value: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise BadRequest(
            f"{name[:80]!r} can't be the name of a secret.",
            hint="Use letters, digits and `_`, not beginning with a digit: it becomes an environment variable.",
        )
    if _TAKEN.fullmatch(name) is not None:
        raise BadRequest(
            f"The platform itself sets {name} for a worker, or the worker would break.", hint="Choose another name."
        )
    if "\0" in value:
        raise BadRequest("A secret can't hold a NUL character: no environment variable can.")
    size = len(value.encode("utf-8", "surrogatepass"))
    if size > MAX_VALUE:
        raise TooLarge(f"The value has {size} bytes; a secret has at most {MAX_VALUE}.", limit=MAX_VALUE)
