"""Releases: endpoints that come to be step by step. Made without a version, built without being called, released when tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trivet.platform.core import endpoints as rules
from trivet.platform.core import ids, rollouts
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.deployments import Deployment, DeploymentRequest
from trivet.platform.core.endpoint_changes import check_description
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Part, Version, VersionState, Visibility
from trivet.platform.core.errors import Conflict, Forbidden, NotFound
from trivet.platform.core.templates import check_extras
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import access
from trivet.platform.services.deployments import Deployments
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.owners import managed_owner

MOST_BUILDS = 200
"""Builds of one endpoint that are told of: the newest."""
_LONGEST_WAIT = 3600.0


class NothingToRelease(Conflict):
    """There is no build yet, or the newest one has a number already."""


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint as somebody wants it made, without a version.

    Args:
        owner: an account's or an organization's name.
        name: the endpoint's.
        endpoint_id: an id of one's own choice.
        visibility: private or public.
        description: for people.
        extras: what dialects keep of their own words, each under its own name.
    """

    owner: str
    name: str
    endpoint_id: str
    visibility: Visibility = Visibility.PRIVATE
    description: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Build:
    """What came of a build: how it went, and the version that it made; None where it failed."""

    deployment: Deployment | None
    version: Version | None


class Releases:
    """The use cases around endpoints whose versions are tried before they are released.

    All but looking is for those who manage the endpoint (scope ``deploy``).

    Args:
        store: where it is kept.
        clock: tells the time.
        entropy: gives ids.
        endpoints: told of new endpoints and versions.
        deployments: builds.
    """

    def __init__(
        self, store: Store, clock: Clock, entropy: Entropy, endpoints: Endpoints, deployments: Deployments
    ) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._endpoints = endpoints
        self._deployments = deployments

    async def create(self, principal: Principal, wanted: NewEndpoint) -> Endpoint:
        """Makes an endpoint that has no version yet.

        Raises:
            BadRequest, TooLarge: a value can't be.
            NotFound, Forbidden: the owner is none that the principal may know of, or manages.
            Conflict: the owner has an endpoint of that name, or the id is taken.
        """
        access.require(principal, Scope.DEPLOY)
        access.check_name("endpoint", wanted.name)
        check_description(wanted.description)
        extras, now = check_extras(wanted.extras), self._clock()

        def unit(tx: Transaction) -> tuple[Endpoint, list[tuple[Endpoint, None]]]:
            owner = managed_owner(tx, principal, wanted.owner)
            if tx.endpoints.named(owner.name, wanted.name) is not None:
                raise Conflict(f"{owner.name}/{wanted.name} is there already.", hint="Choose another name.")
            endpoint = Endpoint(
                wanted.endpoint_id,
                owner.id,
                owner.name,
                wanted.name,
                now,
                now,
                visibility=wanted.visibility,
                description=wanted.description,
                extras=extras,
            )
            tx.endpoints.add(endpoint)
            return endpoint, [(endpoint, None)]

        return await self._endpoints.put(unit)

    async def build(
        self, principal: Principal, reference: EndpointReference, archive: Path, filename: str, digest: str
    ) -> Build:
        """Builds a source for an endpoint, and returns when that has ended. Only its number and its hash lead to the version.

        A source that was built before, or is being built, is not built again.

        Args:
            principal: who asks.
            reference: the endpoint.
            archive: the packed source.
            filename: what it is called.
            digest: its SHA-256, in hex.

        Raises:
            DeploymentRefused: it is nothing that can be built.
        """
        endpoint = self._endpoints.find(principal, reference, Scope.DEPLOY)
        known = self.built(endpoint, digest)
        if known is not None:
            return Build(await self._deployment_of(known), known)
        request = DeploymentRequest(
            filename,
            name=endpoint.full_name,
            number=rules.held_number(digest),
            endpoint_id=endpoint.id,
            held=True,
        )
        taken = await self._deployments.submit(principal, request, archive, digest)
        ended = await self._deployments.wait(principal, taken.id, _LONGEST_WAIT)
        # of two builds of one source at a time the second fails, as the version is there already
        version = self.built(endpoint, digest)
        return Build(ended if version is None else await self._deployment_of(version), version)

    def built(self, endpoint: Endpoint, digest: str) -> Version | None:
        """The newest version that was made from a source; None: it was not built, or does not build."""
        versions = reversed(self._endpoints.versions_of(endpoint.id))
        return next((v for v in versions if v.hash == digest and v.state is VersionState.READY), None)

    async def builds(self, principal: Principal, reference: EndpointReference) -> list[Deployment]:
        """The newest builds of an endpoint, newest first, those that failed among them. For those who manage it (scope ``read``).

        Raises:
            Forbidden: the principal sees the endpoint but does not manage it: a log shows the inside of somebody's code.
        """
        endpoint = self._endpoints.find(principal, reference, Scope.READ)
        if not self._endpoints.manages(principal, endpoint):
            raise Forbidden(f"Only those who manage {endpoint.full_name} may see its builds.")
        named = {v.deployment_id for v in self._endpoints.versions_of(endpoint.id)[-MOST_BUILDS:]}

        def unit(tx: Transaction) -> dict[str, Deployment]:
            found = {each.id: each for each in tx.deployments.of_endpoint(endpoint.id, MOST_BUILDS)}
            for deployment_id in sorted(each for each in named if each is not None and each not in found):
                deployment = tx.deployments.get(deployment_id)
                if deployment is not None:
                    found[deployment_id] = deployment
            return found

        found = (await self._store.read(unit)).values()
        return sorted(found, key=lambda each: (each.created_at, each.id), reverse=True)[:MOST_BUILDS]

    async def release(
        self,
        principal: Principal,
        reference: EndpointReference,
        part: Part,
        *,
        description: str = "",
        decide: Callable[[Endpoint], Endpoint] = lambda endpoint: endpoint,
    ) -> tuple[Endpoint, Version]:
        """Gives the newest build of an endpoint the next number, and makes it current.

        Args:
            principal: who asks.
            reference: the endpoint.
            part: the part of the number that is counted up.
            description: what is new, for people; empty: as the build has it.
            decide: what else changes about the endpoint, in the same step; it may raise a `CoreError`.

        Raises:
            NothingToRelease: there is no build, or the newest one has a number.
        """
        found = self._endpoints.find(principal, reference, Scope.DEPLOY)
        check_description(description)
        now = self._clock()
        version_id = ids.make("ver", now, self._entropy(8))

        def unit(tx: Transaction) -> tuple[tuple[Endpoint, Version], list[tuple[Endpoint, Version]]]:
            before = tx.endpoints.get(found.id)
            if before is None:
                raise NotFound.of("endpoint", reference.text)
            versions = tx.versions.of_endpoint(before.id)
            newest = _to_release(before, versions)
            version = replace(
                newest,
                id=version_id,
                number=rules.number_after([v.number for v in versions], part),
                created_at=now,
                created_by=principal.account_id,
                description=description or newest.description,
            )
            changed = decide(before)
            check_extras(changed.extras)
            endpoint = rollouts.publish(changed, version.id, now)
            tx.endpoints.save(endpoint)
            tx.versions.add(version)
            return (endpoint, version), [(endpoint, version)]

        return await self._endpoints.put(unit)

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _deployment_of(self, version: Version) -> Deployment | None:
        deployment_id = version.deployment_id
        if deployment_id is None:
            return None
        return await self._store.read(lambda tx: tx.deployments.get(deployment_id))


def _to_release(endpoint: Endpoint, versions: list[Version]) -> Version:
    ready = [version for version in versions if version.state is VersionState.READY]
    if not ready:
        raise NothingToRelease(f"{endpoint.full_name} has no build that could be released.", hint="Compile it first.")
    newest = ready[-1]
    released = next((v for v in ready if v.hash == newest.hash and not v.is_held), None)
    if released is not None:
        raise NothingToRelease(
            f"The newest build of {endpoint.full_name} is released already, as {released.number}.",
            hint="Change the source and compile it first.",
        )
    return newest
