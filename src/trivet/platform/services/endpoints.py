"""Endpoints: found in memory, changed on disk first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from trivet.platform.core import aliases, ids, rollouts
from trivet.platform.core import endpoints as rules
from trivet.platform.core.accounts import Organization, Principal, Scope
from trivet.platform.core.aliases import Alias, Share
from trivet.platform.core.chance import RANDOM_BYTES, fraction
from trivet.platform.core.deployments import Deployment, DeploymentRequest
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Version, VersionState
from trivet.platform.core.errors import BadRequest, NotFound
from trivet.platform.core.worker_envs import SealedEnv
from trivet.platform.ports.builder import Built
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import publishing
from trivet.platform.services.access import require, require_known
from trivet.platform.services.catalogue import Catalogue
from trivet.platform.services.owners import with_roles

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Endpoints:
    """The use cases around endpoints.

    Everything is in memory; every change is on disk before it shows there. Methods that take a `Principal` raise `NotFound`
    or `Forbidden` by the one rule of access (`core.endpoints.refusal`); those that do not are for other services.
    """

    def __init__(self, store: Store, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._catalogue = Catalogue()
        self._organizations: dict[str, str] = {}
        self._listeners: list[Callable[[str], None]] = []

    async def load(self) -> None:
        """Reads everything from the store; once, before the first call."""
        found = await self._store.read(lambda tx: (tx.endpoints.all(), tx.versions.all(), tx.accounts.organizations()))
        endpoints, versions, organizations = found
        self._catalogue.load(endpoints, versions)
        self._organizations = {organization.id: organization.name for organization in organizations}

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Has ``callback`` told an endpoint's id whenever it was published, rolled back, changed, or removed.

        It is called once the change shows; `by_id` gives None for one that was removed.
        """
        self._listeners.append(callback)

    # -- finding ------------------------------------------------------------------------------------------------------

    def find(self, principal: Principal, reference: EndpointReference, scope: Scope) -> Endpoint:
        """The endpoint that a reference means, where the principal may use ``scope`` on it."""
        endpoint = self._catalogue.find(reference)
        refused = rules.refusal(principal, endpoint, scope, reference.text)
        if endpoint is None or refused is not None:
            raise refused or NotFound.of("endpoint", reference.text)
        return endpoint

    def pick(
        self,
        principal: Principal,
        reference: EndpointReference,
        scope: Scope = Scope.CALL,
        *,
        affinity: str | None = None,
    ) -> tuple[Endpoint, Version]:
        """The endpoint and the version to call: the current one or the canary, or what the reference says.

        Args:
            principal: who calls.
            reference: the endpoint, perhaps with a version or an alias.
            scope: what the principal must be allowed to do.
            affinity: calls with the same text get the same version of a split; None: each is drawn anew.

        Raises:
            NotFound: besides the rule of access, where there is no such version that is ready; names those that are.
        """
        endpoint = self.find(principal, reference, scope)
        catalogue, wanted = self._catalogue, reference.version
        if wanted is None:
            canary = endpoint.canary
            chosen = endpoint.current_id if canary is None else self._split(endpoint.split, affinity)
            version = catalogue.version(chosen)
        else:
            alias = endpoint.alias(wanted)
            version = None if alias is None else catalogue.version(self._split(alias.shares, affinity))
        if version is not None and version.state is VersionState.READY:
            return endpoint, version
        return endpoint, self._show(principal, endpoint, self._choose(endpoint, wanted), wanted)

    def version_of(self, principal: Principal, reference: EndpointReference, version: str) -> tuple[Endpoint, Version]:
        """An endpoint and one of its versions to look at: one that is ready, by any reference, or any by number or id.

        Raises:
            BadRequest: an alias was named that stands for several.
        """
        endpoint = self.find(principal, reference, Scope.READ)
        versions = self._catalogue.versions_of(endpoint.id)
        chosen = rules.choose_version(versions, endpoint.current_id, version)
        if chosen is None:
            chosen = next((v for v in reversed(versions) if version in (v.number, v.id)), None)
        return endpoint, self._show(principal, endpoint, chosen or self.ready_version(endpoint, version), version)

    def ready_version(self, endpoint: Endpoint, version: str) -> Version:
        """The one version that a reference or an alias means.

        Raises:
            BadRequest: an alias was named that stands for several.
            NotFound: there is no such version that is ready.
        """
        alias = endpoint.alias(version)
        if alias is None:
            return self._choose(endpoint, version)
        if len(alias.shares) > 1:
            raise BadRequest(
                f"The alias {version!r} of {endpoint.full_name} stands for several versions; one is needed here.",
                hint=f"Name one of them: {', '.join(self.numbers(alias))}.",
            )
        return self._choose(endpoint, alias.shares[0].version_id)

    def numbers(self, alias: Alias) -> list[str]:
        """The numbers of the versions that an alias stands for, in its order."""
        found = (self._catalogue.version(share.version_id) for share in alias.shares)
        return [version.number for version in found if version is not None]

    def visible(self, principal: Principal) -> list[Endpoint]:
        """The endpoints that the principal may see, by name. Takes the scope ``read``."""
        require(principal, Scope.READ)
        seen = [endpoint for endpoint in self._catalogue.endpoints() if rules.may_see(principal, endpoint)]
        return sorted(seen, key=lambda endpoint: endpoint.full_name.lower())

    def manages(self, principal: Principal, endpoint: Endpoint) -> bool:
        """Whether the principal may change the endpoint, and see everybody's jobs and logs there."""
        return principal.manages(endpoint.owner_id)

    def shared_names(self, endpoint: Endpoint, principal: Principal | None = None) -> tuple[str, ...]:
        """The names of the organizations that an endpoint is shared with, sorted.

        Args:
            endpoint: which.
            principal: who will read them: one that does not manage the endpoint learns of its own organizations only.
                None: all of them.
        """
        shown = endpoint.shared_with
        if principal is not None and not self.manages(principal, endpoint):
            shown = shown & principal.roles.keys()
        return tuple(sorted(self._organizations[org] for org in shown if org in self._organizations))

    def current(self, endpoint: Endpoint, principal: Principal) -> Version | None:
        """The version that is current, as the principal may see it: the names of its secrets are for those who manage it."""
        version = self._catalogue.version(endpoint.current_id)
        if version is None or not version.settings.secrets or self.manages(principal, endpoint):
            return version
        return replace(version, settings=replace(version.settings, secrets=(), asked_secrets=()))

    def all(self) -> list[Endpoint]:
        """Every endpoint, in no order; unchecked, for services."""
        return list(self._catalogue.endpoints())

    def by_id(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint with an opaque id; unchecked, for services."""
        return self._catalogue.endpoint(endpoint_id)

    def of_model(self, model_id: int) -> Endpoint | None:
        """The endpoint with an integer id; unchecked, for services."""
        return self._catalogue.find(EndpointReference("", model_id=model_id))

    def version(self, version_id: str) -> Version | None:
        """The version with an id; unchecked, for services."""
        return self._catalogue.version(version_id)

    def versions_of(self, endpoint_id: str) -> list[Version]:
        """All versions of an endpoint, oldest first; unchecked, for services."""
        return self._catalogue.versions_of(endpoint_id)

    def versions_seen(self, principal: Principal, endpoint: Endpoint) -> list[Version]:
        """The versions of an endpoint, oldest first, as one may see them who may see the endpoint.

        What is not released is there for its owner alone, and for members where that is an organization.
        """
        found = self._catalogue.versions_of(endpoint.id)
        return found if _may_try(principal, endpoint) else [version for version in found if not version.is_held]

    def warm_versions(self) -> list[str]:
        """The ids of versions that keep workers even when there is nothing to do."""
        return self._catalogue.warm()

    # -- changing -----------------------------------------------------------------------------------------------------

    async def update(self, principal: Principal, reference: EndpointReference, change: EndpointChange) -> Endpoint:
        """Changes who may see an endpoint, how it scales, or its description. For those who manage it.

        Raises:
            BadRequest: the change can't be, said in a sentence.
            NotFound: an organization to share with that is not public, and that the principal does not belong to.
        """
        found = self.find(principal, reference, Scope.DEPLOY)
        now = self._clock()

        def unit(tx: Transaction) -> tuple[Endpoint, list[Organization]]:
            organizations = _organizations(tx, principal, change.shared_with or ())
            shared = None if change.shared_with is None else frozenset(o.id for o in organizations)
            changed = change.apply(_load(tx, found, reference), shared, now)
            tx.endpoints.save(changed)
            return changed, organizations

        changed, organizations = await self._store.write(unit)
        self._organizations.update((organization.id, organization.name) for organization in organizations)
        return self._changed(changed)

    async def rollback(self, principal: Principal, reference: EndpointReference, to: str | None = None) -> Endpoint:
        """Goes one step back, or makes a certain version current. For those who manage the endpoint.

        Aliases stay as they are: each is a promise of its own.

        Args:
            principal: who asks.
            reference: the endpoint.
            to: which version, and there is no canary then; None: ends the canary where there is one, else the version is
                current that was so before.

        Raises:
            BadRequest: there is nothing to go back to.
            NotFound: there is no such version that is ready.
        """
        found = self.find(principal, reference, Scope.DEPLOY)
        target = None if to is None else self.ready_version(found, to).id
        return await self.change(
            principal,
            reference,
            lambda e, now: rollouts.roll_back(e, now) if target is None else rollouts.promote(e, target, now),
        )

    async def change(
        self, principal: Principal, reference: EndpointReference, decide: Callable[[Endpoint, float], Endpoint]
    ) -> Endpoint:
        """Changes an endpoint by a rule. For those who manage it.

        Args:
            principal: who asks.
            reference: the endpoint.
            decide: given the endpoint as it is on disk and the time; gives the endpoint as it shall be, or raises a
                `CoreError`, and nothing is changed.
        """
        found = self.find(principal, reference, Scope.DEPLOY)
        now = self._clock()

        def unit(tx: Transaction) -> Endpoint:
            changed = decide(_load(tx, found, reference), now)
            tx.endpoints.save(changed)
            return changed

        return self._changed(await self._store.write(unit))

    async def remove(self, principal: Principal, reference: EndpointReference) -> Endpoint:
        """Removes an endpoint with its versions and its own secrets; its jobs can still be looked up. For those who manage it."""
        found = self.find(principal, reference, Scope.DEPLOY)

        def unit(tx: Transaction) -> Endpoint:
            endpoint = _load(tx, found, reference)
            tx.endpoints.remove(endpoint.id)
            for secret in tx.deployments.secrets_of(endpoint.id):
                tx.deployments.remove_secret(endpoint.id, secret.name)
            return endpoint

        removed = await self._store.write(unit)
        self._catalogue.remove(removed.id)
        self._tell(removed.id)
        return removed

    def check_deployment(self, owner_name: str, request: DeploymentRequest, digest: str) -> None:
        """Says early what `publish` would refuse, where the request names its endpoint.

        Args:
            owner_name: under whom.
            request: what was asked for; its form has been checked.
            digest: the SHA-256 of the upload, in hex.

        Raises:
            Conflict: an id or the number is taken.
        """
        _, name = publishing.split_name(request.name)
        if name is None:
            return
        full_name = f"{owner_name}/{name}"
        known = self._catalogue.find(EndpointReference(full_name, owner=owner_name, name=name))
        holder = self._catalogue.endpoint(request.endpoint_id) if request.endpoint_id is not None else None
        model = self._catalogue.find(EndpointReference("", model_id=request.model_id))
        publishing.check_free(request, full_name, known, holder, model)
        if known is not None and request.number is not None:
            publishing.check_number(request.number, digest, full_name, self._catalogue.versions_of(known.id))

    async def publish(
        self,
        deployment: Deployment,
        built: Built,
        also: Callable[[Transaction, list[Version]], None] | None = None,
        *,
        env: SealedEnv | None = None,
    ) -> list[tuple[Endpoint, Version]]:
        """Publishes all endpoints of one deployment, or none; missing endpoints, and the owner, are made.

        Args:
            deployment: whose, and what was asked for.
            built: what the build found.
            also: what else belongs into the same unit of work; given the new versions.
            env: what their workers find in their environment; None: what they would find with the versions before.

        Raises:
            BadRequest: what was asked for does not fit what was found.
            Conflict: an id or a number is taken, or a template says what is in the environment.
            Forbidden, NotFound: the account or the owner has gone in the meantime.
        """
        now = self._clock()
        fresh = [
            publishing.FreshIds(ids.make_opaque(self._entropy(10)), ids.make("ver", now, self._entropy(8)))
            for _ in built.endpoints
        ]

        def unit(tx: Transaction) -> tuple[list[tuple[Endpoint, Version]], list[tuple[Endpoint, Version]]]:
            published = publishing.publish(tx, deployment, built, fresh, now, env=env)
            if also is not None:
                also(tx, [version for _, version in published])
            return published, published

        return await self.put(unit)

    async def put(self, unit: Callable[[Transaction], tuple[T, Sequence[tuple[Endpoint, Version | None]]]]) -> T:
        """Applies a unit of work that adds or changes endpoints; for services that have checked who asks.

        Args:
            unit: gives what is to be returned, and every endpoint that it changed, as it is then, each with its new version, or
                None where it has none. They show when this returns.
        """
        result, changed = await self._store.write(unit)
        for endpoint, version in changed:
            self._catalogue.put(endpoint)
            if version is not None:
                self._catalogue.put_version(version)
        for endpoint, _ in changed:
            self._tell(endpoint.id)
        return result

    def rename_organization(self, organization: Organization) -> None:
        """Takes the name that an organization has now."""
        self._organizations[organization.id] = organization.name

    def forget_organization(self, organization_id: str) -> None:
        """Ends all sharing with an organization that is gone; the store has forgotten it already."""
        self._organizations.pop(organization_id, None)
        for endpoint in list(self._catalogue.endpoints()):
            if organization_id in endpoint.shared_with:
                self._catalogue.put(replace(endpoint, shared_with=endpoint.shared_with - {organization_id}))

    # -- inner --------------------------------------------------------------------------------------------------------

    def _split(self, shares: tuple[Share, ...], affinity: str | None) -> str:
        if len(shares) == 1:
            return shares[0].version_id
        if affinity:
            return aliases.stick(shares, affinity)
        return aliases.draw(shares, fraction(self._entropy(RANDOM_BYTES)))

    def _choose(self, endpoint: Endpoint, version: str | None) -> Version:
        versions = self._catalogue.versions_of(endpoint.id)
        chosen = rules.choose_version(versions, endpoint.current_id, version)
        if chosen is None:
            raise self._no_version(endpoint, version)
        return chosen

    def _show(self, principal: Principal, endpoint: Endpoint, version: Version, wanted: str | None) -> Version:
        """The version itself, where the principal may know of it."""
        if version.is_held and not _may_try(principal, endpoint):
            raise self._no_version(endpoint, wanted)
        return version

    def _no_version(self, endpoint: Endpoint, version: str | None) -> NotFound:
        versions = self._catalogue.versions_of(endpoint.id)
        ready = [v.number for v in versions if v.state is VersionState.READY and not v.is_held]
        if not ready:
            return NotFound(
                f"{endpoint.full_name} has no version that can be called.", hint="Deploy one: `trivet deploy PATH`."
            )
        wanted = "current version" if version is None else f"version {version!r}"
        shown = ", ".join(ready[-5:])
        names = ", ".join(alias.name for alias in endpoint.aliases)
        return NotFound(
            f"{endpoint.full_name} has no {wanted} that is ready.",
            hint=f"The latest that are: {shown}." + (f" Its aliases: {names}." if names else ""),
        )

    def _changed(self, endpoint: Endpoint) -> Endpoint:
        self._catalogue.put(endpoint)
        self._tell(endpoint.id)
        return endpoint

    def _tell(self, endpoint_id: str) -> None:
        for listener in self._listeners:
            try:
                listener(endpoint_id)
            except Exception:  # the change is on disk: a listener's fault must not look like a refusal
                logger.exception("a listener failed at the change of %s", endpoint_id)


def _may_try(principal: Principal, endpoint: Endpoint) -> bool:
    """Whether the principal may see and call what is not released."""
    return principal.owns(endpoint.owner_id) or principal.administers()


def _load(tx: Transaction, found: Endpoint, reference: EndpointReference) -> Endpoint:
    endpoint = tx.endpoints.get(found.id)
    if endpoint is None:
        raise NotFound.of("endpoint", reference.text)
    return endpoint


def _organizations(tx: Transaction, principal: Principal, names: tuple[str, ...]) -> list[Organization]:
    current = with_roles(tx, principal)
    return [require_known(current, tx.accounts.organization_named(name), name) for name in names]
